"""Models by name: joined once from their packages, checked, and safe to ask for from several processes."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from callpost.errors import ConfigurationProblem
from callpost.speech import models
from callpost.speech.models import Packaged


def test_a_packaged_model_is_joined_once_and_then_found(tmp_path: Path) -> None:
    folder = models.locate("base", tmp_path)
    assert {file.name for file in folder.iterdir()} >= {"model.bin", "config.json", "tokenizer.json"}
    made = (folder / "model.bin").stat().st_mtime_ns
    assert models.locate("base", tmp_path) == folder
    assert (folder / "model.bin").stat().st_mtime_ns == made
    assert [entry.name for entry in tmp_path.iterdir()] == [folder.name]


def test_a_damaged_model_is_made_anew(tmp_path: Path) -> None:
    folder = models.locate("tiny.en", tmp_path)
    (folder / "model.bin").write_bytes(b"not a model")
    assert (models.locate("tiny.en", tmp_path) / "model.bin").stat().st_size == 75_537_502
    assert [entry.name for entry in tmp_path.iterdir()] == [folder.name]


def test_two_processes_may_join_the_same_model(tmp_path: Path) -> None:
    code = "import sys, pathlib; from callpost.speech import models; "
    code += "models.locate('tiny.en', pathlib.Path(sys.argv[1]))"
    racers = [subprocess.Popen([sys.executable, "-c", code, str(tmp_path)]) for _ in range(3)]
    assert [racer.wait(60) for racer in racers] == [0, 0, 0]
    (folder,) = tmp_path.iterdir()
    assert models.locate("tiny.en", tmp_path) == folder


def test_a_package_with_other_content_is_refused(tmp_path: Path) -> None:
    packaged = models.PACKAGED["tiny.en"]
    other = Packaged(packaged.parts, packaged.beside, packaged.files, sha256="0" * 64)
    with pytest.raises(ConfigurationProblem, match="not the one callpost expects"):
        models.locate("tiny.en", tmp_path, {"tiny.en": other})
    assert list(tmp_path.iterdir()) == []


def test_a_folder_is_taken_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "model.bin").write_bytes(b"whatever it is")
    assert models.locate(str(tmp_path), tmp_path / "models") == tmp_path


def test_a_name_nobody_knows_says_what_there_is(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationProblem, match=r"callpost\[models\] brings base, tiny.en"):
        models.locate("enormous", tmp_path)


def test_the_check_is_remembered_by_size_and_time(tmp_path: Path) -> None:
    folder = models.locate("tiny.en", tmp_path)
    size, _ = json.loads((folder / "verified.json").read_text())
    assert size == 75_537_502
