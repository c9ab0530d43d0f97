"""The demonstration is the whole path with real recognition; its exit status says whether it worked."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).parents[2]
DEMO = [sys.executable, "-m", "demo"]


def test_a_call_lands_in_the_bucket_and_every_object_is_as_its_receipt_says() -> None:
    done = subprocess.run(DEMO, check=False, cwd=ROOT, capture_output=True, text=True, timeout=280)
    assert done.returncode == 0, done.stdout + done.stderr
    for text in (
        "analytics.json",
        "transcript.vtt",
        "redacted-audio.wav",
        "every object is as its receipt says",
    ):
        assert text in done.stdout
    assert done.stdout.count("identical") == 6
    assert "Signature=" not in done.stdout + done.stderr


def test_a_recording_of_the_users_own_that_is_no_audio_fails_visibly(tmp_path: Path) -> None:
    recording = tmp_path / "notes.wav"
    recording.write_text("not a sound")
    configuration = tmp_path / "configuration.json"
    configuration.write_text(json.dumps({"ingest": {"speakerName": "Caller"}}))
    command = [*DEMO, "--recording", str(recording), "--configuration", str(configuration)]
    done = subprocess.run(command, check=False, cwd=ROOT, capture_output=True, text=True, timeout=280)
    assert done.returncode == 1
    assert "10201" in done.stdout


def test_an_interrupted_demonstration_stops_everything_it_started() -> None:
    with subprocess.Popen(
        DEMO, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True
    ) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert "callpost on http://127.0.0.1" in line
        inside = _descendants(process.pid)
        assert len(inside) > 3  # the account, callpost, its parts
        os.kill(process.pid, signal.SIGINT)
        assert process.wait(timeout=60) == 130
    deadline = time.monotonic() + 30
    while any(Path(f"/proc/{pid}").exists() for pid in inside) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert [pid for pid in inside if Path(f"/proc/{pid}").exists()] == []


def _descendants(pid: int) -> list[int]:
    children: dict[int, list[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            after_name = stat.read_text().rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        children.setdefault(int(after_name[1]), []).append(int(stat.parent.name))
    found = [pid]
    for one in found:
        found.extend(children.get(one, []))
    return found[1:]
