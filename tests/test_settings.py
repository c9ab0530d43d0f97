import re
from pathlib import Path

import pytest

from callpost.errors import ConfigurationProblem
from callpost.settings import Settings, load

EXAMPLE = Path(__file__).parent.parent / "callpost.example.env"


def test_every_setting_is_documented_and_nothing_else() -> None:
    documented = set(re.findall(r"^#CALLPOST_(\w+)=", EXAMPLE.read_text(), re.MULTILINE))
    assert documented == {name.upper() for name in Settings.model_fields}


def test_the_documented_defaults_are_the_real_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    plain = load()
    for name, value in re.findall(r"^#CALLPOST_(\w+)=(\S+)$", EXAMPLE.read_text(), re.MULTILINE):
        if name not in ("DATABASE_URL", "API_URL"):
            monkeypatch.setenv(f"CALLPOST_{name}", value)
    assert load() == plain


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PORT", "many"),
        ("RETRY_SLOTS_S", "soon"),
        ("KEY_TEMPLATE", "{prependFolder}/{object}"),
        ("KEY_TEMPLATE", "{mediaId}/{object}/{secret}"),
        ("KEY_TEMPLATE", "{mediaId.__class__}/{mediaId}/{object}"),
        ("CA_BUNDLE", "/nowhere/authority.pem"),
        ("CA_BUNDLE", __file__),
        ("DEVICE", "gpu"),
        ("COMPUTE_TYPE", "int4"),
        ("MODELS_BY_LANGUAGE", "base"),
        ("MODELS_BY_LANGUAGE", "Spanish=base"),
        ("MODELS_BY_LANGUAGE", "es="),
        ("MODELS_BY_LANGUAGE", "es=tiny.en"),
    ],
)
def test_a_wrong_setting_is_named(name: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(f"CALLPOST_{name}", value)
    with pytest.raises(ConfigurationProblem, match=f"CALLPOST_{name}"):
        load()


def test_what_is_given_wins_over_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CALLPOST_PORT", "9000")
    assert load(port=9001).port == 9001
    assert load(port=None).port == 9000


def test_any_port_is_allowed_by_a_zero(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CALLPOST_ALLOWED_PORTS", "0")
    assert load().policy.allowed_ports is None


def test_the_database_password_is_not_shown() -> None:
    assert "hunter2" not in repr(load(database_url="postgresql://callpost:hunter2@localhost/callpost"))


def test_models_go_by_language(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CALLPOST_MODELS_BY_LANGUAGE", "en=tiny.en, es-MX = /models/mexican")
    assert load().models_by_language == {"en": "tiny.en", "es-MX": "/models/mexican"}


def test_a_configuration_may_ask_for_what_is_packaged_or_the_operators_own(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("CALLPOST_MODEL", "small")
    monkeypatch.setenv("CALLPOST_MODELS_BY_LANGUAGE", "es=medium")
    assert load().models_offered == {"base", "tiny.en", "small", "medium"}
    monkeypatch.setenv("CALLPOST_MODELS_ALLOWED", "small")
    assert load().models_offered == {"small"}
    monkeypatch.setenv("CALLPOST_MODELS_ALLOWED", "*")
    assert load().models_offered is None
