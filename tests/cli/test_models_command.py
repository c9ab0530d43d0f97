"""`callpost models`: what there is on this machine, and what a configuration may ask for."""

import json
from pathlib import Path

from cli_support import Run


def test_the_list_tells_what_is_ready_and_what_may_be_asked_for(run: Run, tmp_path: Path) -> None:
    fetched = tmp_path / "models" / "models--Systran--faster-whisper-small" / "snapshots" / "0a1b"
    fetched.mkdir(parents=True)
    (fetched / "model.bin").touch()
    own = {"CALLPOST_MODELS_BY_LANGUAGE": "en=tiny.en"}
    found = json.loads(run("models", "list", "--data", str(tmp_path), "--json", **own).stdout)
    assert [(one["name"], one["languages"]) for one in found["packaged"]] == [
        ("tiny.en", ["en"]),
        ("base", []),
    ]
    assert found["ready"] == ["Systran/faster-whisper-small"]
    assert found["offered"] == ["base", "tiny.en"]
    shown = run("models", "list", "--data", str(tmp_path), CALLPOST_MODELS_ALLOWED="*").stdout
    assert "Configurations may ask for: any" in shown


def test_a_model_made_ready_is_told_with_its_folder(run: Run, tmp_path: Path) -> None:
    found = json.loads(run("models", "fetch", "tiny.en", "--data", str(tmp_path), "--json").stdout)
    assert (Path(found["path"]) / "model.bin").is_file()


def test_without_a_network_that_is_what_it_says(run: Run, tmp_path: Path) -> None:
    refused = run("models", "fetch", "large-v3", "--data", str(tmp_path), code=1, HF_HUB_OFFLINE="1")
    assert "the hub cannot be reached" in refused.stderr
    assert "callpost[models] brings base, tiny.en" in refused.stderr
