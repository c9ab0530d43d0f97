"""Who speaks where, in which language and in what state: each recording from POST /v3/media to its end."""

from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from demo.service import Service
from installation import CALL, Installation, until

STEREO = {"stereo": {"left": {"speakerName": "Agent"}, "right": {"speakerName": "Customer"}}}
_SECONDS = 12  # of the sample call: the agent, then the customer
_LAYOUTS = {1: "mono", 2: "stereo", 3: "2.1"}


@pytest.fixture
def recordings(tmp_path: Path) -> dict[str, Path]:
    with av.open(str(CALL)) as container:
        resampler = av.AudioResampler(format="s16p", layout="stereo", rate=8000)
        frames = [
            out.to_ndarray() for frame in container.decode(audio=0) for out in resampler.resample(frame)
        ]
    left, right = np.concatenate(frames, axis=1)[:, : _SECONDS * 8000]
    content = written(tmp_path / "stereo.wav", [[left, right]]).read_bytes()
    letter, half = tmp_path / "letter.txt", tmp_path / "half.wav"
    letter.write_bytes(content)
    half.write_bytes(content[: len(content) // 2])
    together = tmp_path / "broken.flac"
    together.write_bytes(b"fLaC" + bytes(5000))
    return {
        "stereo": tmp_path / "stereo.wav",
        "mono": written(tmp_path / "mono.wav", [[left]]),
        "three": written(tmp_path / "three.wav", [[left, right, left]]),
        "tracks": written(tmp_path / "tracks.mka", [[left], [right]]),
        "letter": letter,
        "half": half,
        "broken": together,
        "overlap": written(tmp_path / "overlap.wav", [[left, np.roll(right, -5 * 8000)]]),
    }


def written(path: Path, tracks: list[list[np.ndarray]]) -> Path:
    with av.open(str(path), "w") as container:
        streams = [
            container.add_stream("pcm_s16le", rate=8000, layout=_LAYOUTS[len(rows)]) for rows in tracks
        ]
        for stream, rows in zip(streams, tracks, strict=True):
            packed = np.ascontiguousarray(np.stack(rows).T).reshape(1, -1)
            frame = av.AudioFrame.from_ndarray(packed, format="s16", layout=_LAYOUTS[len(rows)])
            frame.sample_rate = 8000
            container.mux([*stream.encode(frame), *stream.encode(None)])
    return path


def test_each_way_to_name_the_speakers_ends_in_what_it_promises(
    installation: Installation, recordings: dict[str, Path]
) -> None:
    service = installation.api()
    installation.worker()
    tracks = {"tracks": [{"trackIndex": 0, "speakerName": "A"}, {"trackIndex": 1, "speakerName": "B"}]}
    ignored = {"channels": [{"ignore": True}, {"speakerName": "Customer"}]}
    posted = {
        name: installation.post(configuration, recordings[recording])
        for name, recording, configuration in (
            ("unnamed", "stereo", {}),
            ("stereo", "letter", {"ingest": STEREO, "speechModel": {"extensions": ["voicemail"]}}),
            ("mixed", "stereo", {"ingest": {"speakerName": "Everybody"}}),
            ("ignored", "stereo", {"ingest": ignored}),
            ("mono", "mono", {"ingest": STEREO}),
            ("three", "three", {"ingest": STEREO}),
            ("tracks", "tracks", {"ingest": tracks}),
            ("half", "half", {"ingest": STEREO}),
            ("broken", "broken", {}),
            ("overlap", "overlap", {"ingest": STEREO}),
            ("spanish", "mono", {"speechModel": {"language": "es-MX"}}),
        )
    }
    ended = {name: until_ended(service, media_id) for name, media_id in posted.items()}
    assert speakers(ended["unnamed"]) == ["Speaker 1", "Speaker 2"]
    assert speakers(ended["stereo"]) == ["Agent", "Customer"]
    assert ended["stereo"]["mediaContentType"] == "audio/x-wav"
    assert speakers(ended["mixed"]) == ["Everybody"]
    assert speakers(ended["ignored"]) == ["Customer"]
    assert (speakers(ended["mono"]), codes(ended["mono"], "warnings")) == (["Agent"], [15004])
    assert (ended["three"]["status"], codes(ended["three"], "errors")) == ("failed", [15004])
    assert speakers(ended["tracks"]) == ["A", "B"]
    assert (ended["half"]["status"], codes(ended["half"], "warnings")) == ("finished", [10201])
    assert (ended["broken"]["status"], codes(ended["broken"], "errors")) == ("failed", [10201])
    assert (ended["spanish"]["status"], codes(ended["spanish"], "errors")) == ("failed", [10401])
    agent, customer = ended["overlap"]["transcript"]["turns"][:2]
    assert customer["s"] < agent["e"]
    assert "calling" in agent["text"]
    assert "twice" in customer["text"]


def until_ended(service: Service, media_id: str) -> Any:
    return until(
        lambda: (found := service.get(f"media/{media_id}"))["status"] in ("finished", "failed") and found
    )


def speakers(document: Any) -> list[str]:
    """In the order in which they begin to speak."""
    turns = document["transcript"]["turns"]
    assert [turn["s"] for turn in turns] == sorted(turn["s"] for turn in turns)
    return list(dict.fromkeys(turn["speaker"] for turn in turns))


def codes(document: Any, kind: str) -> list[int]:
    return [problem["code"] for problem in document.get(kind, ())]
