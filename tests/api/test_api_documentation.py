"""Every endpoint and every key of the configuration is in the documentation."""

import re
from pathlib import Path

import pytest
from fastapi import FastAPI

from callpost.analysis import catalogue
from callpost.api.reading.callbacks import INCLUDES
from callpost.model.configuration import DetectionLevel, MetricGroup

ROOT = Path(__file__).parents[2]
NAMES = {
    "media_id": "mediaId",
    "stream_name": "streamName",
    "key_id": "keyId",
    "manifest_id": "manifestId",
    "number": "number",
    "name": "name",
}
GETTER = re.compile(r'\.(?:text|flag|whole|number|section|sections|texts|choice)\("(\w+)"')


@pytest.fixture
def api() -> str:
    return (ROOT / "docs" / "api.md").read_text()


@pytest.fixture
def configuration() -> str:
    return (ROOT / "docs" / "configuration.md").read_text()


def test_every_endpoint_is_documented(app: FastAPI, api: str) -> None:
    for path, operations in app.openapi()["paths"].items():
        shown = re.sub(r"\{(\w+)\}", lambda found: "{" + NAMES.get(found[1], found[1]) + "}", path)
        for method in operations:
            assert f"`{method.upper()} {shown}`" in api


def test_every_key_that_is_read_is_documented(configuration: str) -> None:
    reading = ROOT / "src" / "callpost" / "api" / "reading"
    readers = (
        "configuration",
        "callbacks",
        "ingest",
        "prediction",
        "spotting",
        "categories",
        "speech",
        "vocabularies",
        "s3_options",
    )
    source = "".join((reading / f"{name}.py").read_text() for name in readers)
    keys = set(GETTER.findall(source)) - {"name", "script"}
    assert len(keys) > 50
    missing = {key for key in keys if not re.search(rf"\b{key}\b", configuration)}
    assert not missing


def test_every_value_is_documented(configuration: str) -> None:
    names = (model.name for model in (*catalogue.CLASSIFIERS, *catalogue.DETECTORS))
    values = (*INCLUDES, *names, *DetectionLevel, *MetricGroup)
    assert not {value for value in values if value not in configuration}
