"""`callpost classifier`, against the real service: from a CSV file to figures and a verdict."""

import csv
import json
from pathlib import Path

import pytest
from benchmarks.classifiers.generate import calls
from cli_support import Run
from test_media_command import api, sound  # noqa: F401 - fixtures

from callpost.cli import labelled
from callpost.cli.client import CommandFailed

LABELS = {"cancellation": "leaves", "billing": "stays"}
CALLS = [call for call in calls(100, "AB", 1) if call.reason in LABELS]


def write(path: Path, rows: list[dict[str, str]]) -> Path:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, ["label", "mediaId", "transcript", "file"])
        writer.writeheader()
        writer.writerows(rows)
    return path


def rows() -> list[dict[str, str]]:
    return [{"label": LABELS[call.reason], "transcript": call.text} for call in CALLS]


def test_a_classifier_is_trained_shown_used_and_deleted(
    run: Run,
    api: dict[str, str],  # noqa: F811
    sound: Path,  # noqa: F811
    tmp_path: Path,
) -> None:
    given = rows()
    (tmp_path / "call.txt").write_text(given[0]["transcript"], encoding="utf-8")
    given[0] = {"label": given[0]["label"], "file": "call.txt"}
    path = write(tmp_path / "labels.csv", given)
    trained = run(
        "classifier", "train", "churn", "--examples", path, "--description", "Who leaves", **api
    ).stdout
    assert "stratified 5-fold cross-validation" in trained
    lines = [line.split() for line in trained.splitlines()]
    assert ["State", "ready"] in lines
    assert ["Class", "Examples", "Precision", "Recall", "as", "leaves", "as", "stays"] in lines
    (leaves,) = [line for line in lines if line[:1] == ["leaves"]]
    assert int(leaves[1]) == int(leaves[4]) + int(leaves[5]) == sum(row["label"] == "leaves" for row in given)

    assert run("classifier", "show", "churn", "--version", "1", **api).stdout == trained
    listed = run("classifier", "list", **api).stdout
    assert "leaves, stays" in listed
    assert "sentiment" in listed

    configuration = tmp_path / "configuration.json"
    configuration.write_text(json.dumps({"prediction": {"classifiers": [{"classifierName": "churn"}]}}))
    posted = run(
        *("media", "post", sound, "--configuration", configuration, "--wait", "--json"), **api
    ).stdout
    (verdict,) = json.loads(posted)["prediction"]["classifiers"]
    assert (verdict["classifierName"], verdict["classifierVersion"]) == ("churn", "1")
    assert verdict["predictedClassLabel"] == verdict["predictedCategoryLabel"]
    assert verdict["predictedClass"] == ["leaves", "stays"].index(verdict["predictedClassLabel"])

    assert run("classifier", "delete", "churn", **api).stdout == "churn is deleted.\n"
    assert "There is no definition (churn)" in run("classifier", "show", "churn", code=1, **api).stderr


def test_what_the_api_refuses_is_told_with_the_line_of_the_file(
    run: Run,
    api: dict[str, str],  # noqa: F811
    tmp_path: Path,
) -> None:
    given = rows()
    given[2]["label"] = "rare"
    path = write(tmp_path / "labels.csv", given)
    first = 1 + sum(row["transcript"].count("\n") + 1 for row in given[:2]) + 1
    refused = run("classifier", "train", "churn", "--examples", path, code=1, **api).stderr
    assert f"labels.csv, line {first}, label: The label (rare) has 1 of the 10 examples" in refused
    assert "80403" in refused


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "labels.csv, line 1: The first line names the columns"),
        ("transcript\nhello\n", "labels.csv, line 1: The first line names the columns"),
        ("label,transcript\na,hello\n,hello\n", "labels.csv, line 3: There is no label."),
        (
            "label,transcript\n\na,\n",
            "labels.csv, line 3: Give one of mediaId, transcript, file; here are 0.",
        ),
        ("label;transcript;mediaId\na;b;c\n", "labels.csv, line 2: Give one of"),
        ('label,transcript\na,"one\ntwo"\n,x\n', "labels.csv, line 4: There is no label."),
        ("label,file\na,none.txt\n", "none.txt cannot be read: No such file or directory."),
        ('label,transcript\na,"open\n', "labels.csv, line 2: "),
    ],
)
def test_a_file_that_is_not_in_order_is_refused_with_its_line(
    text: str, message: str, tmp_path: Path
) -> None:
    path = tmp_path / "labels.csv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(CommandFailed) as refusal:
        labelled.read(path)
    assert message in str(refusal.value)


def test_a_file_of_a_spreadsheet_is_read_as_it_comes(tmp_path: Path) -> None:
    path = tmp_path / "labels.csv"
    path.write_text('\ufeffLabel;MEDIAID;Notes\n yes ;4f0c;"a; b"\n', encoding="utf-8")
    assert labelled.read(path).examples == [{"label": "yes", "mediaId": "4f0c"}]


def test_a_file_that_is_not_text_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "labels.csv"
    path.write_bytes("label,transcript\na,größe\n".encode("latin-1"))
    with pytest.raises(CommandFailed, match="not UTF-8"):
        labelled.read(path)
