"""The keys of objects: every value one safe part, none outside its folder, none longer than S3 takes."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callpost.delivery import object_key
from callpost.model.media import Media, MediaStatus, Metadata

MEDIA_ID = UUID("3e7f2a64-6f0f-4b6a-9d3c-000000000001")
LATE = datetime(2026, 1, 1, 1, 30, tzinfo=timezone(timedelta(hours=2)))
HIVE = "{prependFolder}/year={year}/month={month}/day={day}/hour={hour}/{mediaId}/{object}"
BY_AGENT = "{prependFolder}/{metadata.extended.agent.id}/{externalId}/{mediaId}/{object}"


def media(document: dict[str, Any] | None = None, created: datetime = LATE) -> Media:
    return Media(MEDIA_ID, MEDIA_ID, "Acme", MediaStatus.FINISHED, created, Metadata(document or {}))


def fill(template: str, document: dict[str, Any] | None = None, prefix: str = "calls") -> str:
    object_key.check(template, prefix)
    return object_key.fill(template, prefix, media(document), "analytics.json")


def test_partitions_are_of_the_day_in_utc() -> None:
    assert fill(HIVE) == f"calls/year=2025/month=12/day=31/hour=23/{MEDIA_ID}/analytics.json"
    assert fill("dt={date}/{mediaId}-{object}") == f"calls/dt=2025-12-31/{MEDIA_ID}-analytics.json"


@pytest.mark.parametrize(
    ("value", "part"),
    [
        ("A 7/b", "A_7_b"),
        (7, "7"),
        (1.5, "1.5"),
        (True, "true"),
        ("+49 30@x", "+49_30@x"),
        ("Zoë", "Zoë"),
        ("..", "__"),
        ("a\u202eb=c", "a_b_c"),
        ("", "none"),
        (None, "none"),
        ({"deeper": 1}, "none"),
        (["list"], "none"),
    ],
)
def test_a_field_of_the_metadata_becomes_one_safe_part(value: object, part: str) -> None:
    found = fill(BY_AGENT, {"externalId": "call-1", "extended": {"agent": {"id": value}}})
    assert found == f"calls/{part}/call-1/{MEDIA_ID}/analytics.json"


def test_what_is_missing_is_none() -> None:
    assert fill(BY_AGENT) == f"calls/none/none/{MEDIA_ID}/analytics.json"
    assert fill(BY_AGENT, {"extended": {"agent": "x"}}).startswith("calls/none/")


def test_long_values_are_cut_and_stay_apart() -> None:
    document = {"externalId": "é" * 300 + "1", "extended": {"agent": {"id": "a" * 5000}}}
    found = fill(BY_AGENT, document, prefix="p" * 800)
    other = fill(BY_AGENT, {**document, "externalId": "é" * 300 + "2"}, prefix="p" * 800)
    assert found != other
    assert len(found.encode()) <= 1024


_TEXT = st.text(max_size=400)


@given(st.dictionaries(st.sampled_from(("externalId", "title")), _TEXT), _TEXT, st.integers(0, 700))
def test_no_value_leads_out_of_the_folder_or_makes_a_key_too_long(
    document: dict[str, Any], agent: str, length: int
) -> None:
    template = "{metadata.title}{externalId}/.{metadata.extended.a}./{mediaId}/{object}"
    prefix = "p" * length
    key = object_key.fill(template, prefix, media({**document, "extended": {"a": agent}}), "analytics.json")
    *folder, _, _, media_id, name = key.split("/")
    assert folder == ([prefix] if length else [])
    assert (media_id, name) == (str(MEDIA_ID), "analytics.json")
    assert ".." not in key.split("/")
    assert len(key.encode()) <= 1024
    assert key == object_key.fill(
        template, prefix, media({**document, "extended": {"a": agent}}), "analytics.json"
    )


@pytest.mark.parametrize(
    "template",
    [
        "{prependFolder}/{object}",
        "{prependFolder}/{mediaId}",
        "{prependFolder}/{mediaID}/{object}",
        "{date}/{prependFolder}/{mediaId}/{object}",
        "{prependFolder}{mediaId}/{object}",
        "{prependFolder}/../{mediaId}/{object}",
        "{mediaId}/{object}/.",
        "{mediaId}/{object}/{",
        "{mediaId}/{object}/{{}}",
        "{mediaId}/{date:%Y}/{object}",
        "{mediaId}/{metadata.}/{object}",
        "{mediaId}/{metadata.a..b}/{object}",
        "{mediaId}/\x00/{object}",
        "{mediaId}/{object}" + "x" * 950,
        "{mediaId}/{object}" + "/{metadata.a}" * 60,
    ],
)
def test_a_template_that_cannot_be_filled_safely_is_refused(template: str) -> None:
    with pytest.raises(ValueError, match="key template"):
        object_key.check(template)


def test_a_template_has_to_leave_room_below_the_folder() -> None:
    object_key.check(BY_AGENT, "p" * 800)
    with pytest.raises(ValueError, match="1024"):
        object_key.check(BY_AGENT, "p" * 880)


def test_the_default_is_as_documented() -> None:
    created = media(created=datetime(2026, 3, 1, tzinfo=UTC))
    key = object_key.fill(object_key.DEFAULT_TEMPLATE, "", created, "media/original.wav")
    assert key == f"{MEDIA_ID}/media/original.wav"
