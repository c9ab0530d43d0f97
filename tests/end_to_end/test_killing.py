"""Nothing accepted is lost, whatever is killed with -9 in the middle of whatever."""

import os
import signal
import time
import wave
from contextlib import suppress
from pathlib import Path

import numpy as np
from demo.processes import stop
from faster_whisper.audio import decode_audio
from installation import CALL, HoldingEndpoint, Installation, kill, until

TAKEN_OVER_WITHIN_S = 30


def test_a_worker_killed_in_the_middle_of_recognition_is_replaced(
    installation: Installation, holding_endpoint: HoldingEndpoint
) -> None:
    holding_endpoint.go.set()
    installation.api()
    first = installation.worker()
    media_id = installation.post({"publish": {"callbacks": [{"url": holding_endpoint.url}]}})
    installation.until_transcribing(media_id)
    kill(first)
    installation.worker()
    document = installation.until_finished(media_id)
    assert "Harbor" in document["transcript"]["turns"][0]["text"]
    installation.until_delivered(media_id)
    assert len(holding_endpoint.bodies) == 1


def test_a_worker_killed_in_the_middle_of_a_delivery_is_replaced(
    installation: Installation, holding_endpoint: HoldingEndpoint
) -> None:
    installation.api()
    first = installation.worker()
    media_id = installation.post({"publish": {"callbacks": [{"url": holding_endpoint.url}]}})
    until(lambda: holding_endpoint.arrived == 1)
    kill(first)
    killed = time.monotonic()
    holding_endpoint.go.set()
    installation.worker()
    (delivery,) = installation.until_delivered(media_id)
    assert time.monotonic() - killed < TAKEN_OVER_WITHIN_S + 10  # a new worker has to start, too
    assert holding_endpoint.arrived == 2
    attempts = installation.service.get(f"media/{media_id}/deliveries/{delivery['number']}")["history"]
    assert [attempt["outcome"] for attempt in attempts] == ["interrupted", "delivered"]


def test_a_stopping_worker_gives_back_what_it_cannot_end_in_time(
    installation: Installation, holding_endpoint: HoldingEndpoint
) -> None:
    installation.api()
    first = installation.worker()
    media_id = installation.post({"publish": {"callbacks": [{"url": holding_endpoint.url}]}})
    until(lambda: holding_endpoint.arrived == 1)
    began = time.monotonic()
    stop(first)
    assert first.returncode == 0
    assert time.monotonic() - began < 10  # CALLPOST_STOP_GRACE_S is 2
    holding_endpoint.go.set()
    installation.worker()
    (delivery,) = installation.until_delivered(media_id)
    assert delivery["attempts"] == 1


def test_an_api_killed_right_after_its_answer_has_lost_nothing(
    installation: Installation, holding_endpoint: HoldingEndpoint
) -> None:
    holding_endpoint.go.set()
    installation.api()
    media_id = installation.post({"publish": {"callbacks": [{"url": holding_endpoint.url}]}})
    os.kill(installation.started[0].pid, signal.SIGKILL)
    installation.worker()
    until(lambda: holding_endpoint.bodies)
    installation.api()
    installation.until_finished(media_id)
    installation.until_delivered(media_id)


def test_a_long_recording_goes_on_from_its_last_part_and_leaves_none(
    installation: Installation, holding_endpoint: HoldingEndpoint
) -> None:
    holding_endpoint.go.set()
    installation.api()
    first = installation.worker()
    media_id = installation.post(
        {"publish": {"callbacks": [{"url": holding_endpoint.url}]}}, _long(installation)
    )
    parts = installation.folder / "objects" / "media" / media_id / "parts"
    until((parts / "1").exists)
    kill(first)
    before = {path.name: path.stat().st_mtime_ns for path in parts.iterdir()}
    done = _percent(installation, media_id)
    assert done < 100
    later: dict[str, int] = {}

    def gone() -> bool:
        assert _percent(installation, media_id) >= done
        with suppress(FileNotFoundError):
            later.update({path.name: path.stat().st_mtime_ns for path in parts.iterdir()})
        return not parts.exists()

    installation.worker()
    until(gone)
    document = installation.until_finished(media_id)
    assert later.items() >= before.items(), "a part was made twice"
    assert sum("Harbor" in turn["text"] for turn in document["transcript"]["turns"]) == PARTS
    installation.until_delivered(media_id)
    assert not parts.exists()


PARTS = 6


def _long(installation: Installation) -> Path:
    """The beginning of the sample call every five minutes, and silence: long, and soon recognised."""
    said = np.stack(decode_audio(str(CALL), split_stereo=True), axis=1)[: 17 * 16_000 : 2]
    path = installation.folder / "long.wav"
    with wave.open(str(path), "wb") as file:
        file.setparams((2, 2, 8000, 0, "NONE", ""))
        for _ in range(PARTS):
            file.writeframes((said * 32767).astype("<i2").tobytes() + bytes(283 * 8000 * 4))
    return path


def _percent(installation: Installation, media_id: str) -> int:
    """How much of the step that is under way is done."""
    percent: int = installation.service.get(f"media/{media_id}/progress")["progress"]["percent"]
    return percent
