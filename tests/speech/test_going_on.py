"""A long recording goes on from its finished parts, and nobody can tell from what comes out."""

import asyncio
import os
import signal
import threading
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest
from speech_recordings import Samples, Transcribe, Write

from callpost.model.configuration import ChannelSpec, ExpectedTerm, Ingest, TrackSpec
from callpost.speech import parts
from callpost.speech.parts import Part
from callpost.speech.process import RecognizerProcess
from callpost.speech.recognizer import FinishedPart, Recognition, RecognitionRequest, RecognizerLost
from callpost.speech.whisper import Encoded, Look, Whisper

PART_MS = 5000
BLOCK = 5 * 16_000
STEREO = Ingest(tracks=(TrackSpec(0, (ChannelSpec("Agent"), ChannelSpec("Customer"))),))


def request(path: Path, finished: Sequence[FinishedPart] = ()) -> RecognitionRequest:
    return RecognitionRequest(path, STEREO, "en-US", None, finished=tuple(part.data for part in finished))


class Shelf:
    """Keeps parts, and tells when there are so many. progress: what was told of it."""

    def __init__(self, wanted: int = 99) -> None:
        self.parts: list[FinishedPart] = []
        self.progress: list[float] = []
        self.full = asyncio.Event()
        self._wanted = wanted

    async def keep(self, part: FinishedPart) -> None:
        self.parts.append(part)
        if len(self.parts) == self._wanted:
            self.full.set()


@pytest.fixture
def short(write: Write, opening: Samples) -> Path:
    """17.2 s: four parts, in one of which a sentence is held back for the next."""
    return write("call.wav", opening)


@pytest.fixture
async def recognizer(models_folder: Path) -> AsyncIterator[RecognizerProcess]:
    async with RecognizerProcess("tiny.en", models_folder, part_ms=PART_MS) as opened:
        yield opened


def in_parts(transcribe: Transcribe, path: Path, **more: object) -> Recognition:
    return transcribe(path, STEREO, block=BLOCK, part_ms=PART_MS, **more)


@pytest.mark.parametrize("voices", [False, True])
def test_from_every_part_on_the_same_comes_out(short: Path, transcribe: Transcribe, voices: bool) -> None:
    kept: list[Part] = []
    whole = in_parts(transcribe, short, voices=voices, keep=kept.append)
    assert [part.number for part in kept] == [1, 2, 3]
    assert any(heard.goes_on_at < part.length_ms * 16 - 16_000 for part in kept for heard in part.sources)
    for done in (1, 2, 3):
        more: list[Part] = []
        worked: list[tuple[float, int]] = []
        resumed = in_parts(
            transcribe,
            short,
            voices=voices,
            finished=kept[:done],
            keep=more.append,
            report=lambda share, ms, worked=worked: worked.append((share, ms)),
        )
        assert resumed == whole
        assert more == kept[done:]
        assert worked == sorted(worked)
        assert worked[0][0] == pytest.approx(kept[done - 1].length_ms / whole.length_ms, abs=0.01)
        assert worked[0][1] == 0, "what was finished before gives no more time"
        assert worked[-1] == (1.0, whole.length_ms - kept[done - 1].length_ms)


@pytest.mark.parametrize("done", [1, 3])
def test_speakers_are_told_apart_over_all_parts(
    write: Write, opening: Samples, transcribe: Transcribe, done: int
) -> None:
    path = write("mono.wav", (opening.sum(axis=0, keepdims=True) // 2).astype(opening.dtype))
    wanted = Ingest(diarize=True)
    kept: list[Part] = []
    whole = transcribe(path, wanted, block=BLOCK, part_ms=PART_MS, keep=kept.append)
    assert len({turn.speaker for turn in whole.transcript.turns}) == 2
    again = [msgspec.msgpack.decode(msgspec.msgpack.encode(part), type=Part) for part in kept[:done]]
    assert transcribe(path, wanted, block=BLOCK, part_ms=PART_MS, finished=again) == whole


def test_only_windows_that_are_not_finished_are_decoded(short: Path, transcribe: Transcribe) -> None:
    decoded: list[tuple[int, int]] = []

    class Counting(Whisper):
        def look(self, encoded: Sequence[Encoded]) -> list[Look]:
            windows = (window for one in encoded for window in one.passage.windows)
            decoded.extend((window.source, window.start) for window in windows)
            return super().look(encoded)

    kept: list[Part] = []
    in_parts(transcribe, short, keep=kept.append, whisper=Counting)
    whole = sorted(decoded)
    decoded.clear()
    in_parts(transcribe, short, finished=kept[:2], whisper=Counting)
    goes_on_at = [heard.goes_on_at for heard in kept[1].sources]
    assert sorted(decoded) == [(source, start) for source, start in whole if start >= goes_on_at[source]]
    assert 0 < len(decoded) < len(whole)


@pytest.mark.parametrize("seconds", [3, 5])
def test_a_recording_within_its_first_part_hands_over_none(
    write: Write, opening: Samples, transcribe: Transcribe, seconds: int
) -> None:
    kept: list[Part] = []
    in_parts(transcribe, write("short.wav", opening[:, : seconds * 8000]), keep=kept.append)
    assert kept == []


@pytest.mark.parametrize(("seconds", "parts"), [(16.5, [1, 2]), (17.2, [1, 2, 3])])
def test_a_small_rest_is_taken_with_the_part_before(
    write: Write, opening: Samples, transcribe: Transcribe, seconds: float, parts: list[int]
) -> None:
    kept: list[Part] = []
    in_parts(transcribe, write("call.wav", opening[:, : int(seconds * 8000)]), keep=kept.append)
    assert [part.number for part in kept] == parts


def test_whoever_fails_while_parts_are_under_way_leaves_no_thread_at_work(
    short: Path, transcribe: Transcribe
) -> None:
    def refuse(_: Part) -> None:
        raise OSError("disk full")

    in_parts(transcribe, short)  # the threads of the pool stay
    before = threading.active_count()
    with pytest.raises(OSError, match="disk full"):
        in_parts(transcribe, short, keep=refuse)
    assert threading.active_count() == before


def test_a_damaged_recording_has_the_same_warnings(
    write: Write, opening: Samples, transcribe: Transcribe, tmp_path: Path
) -> None:
    data = bytearray(write("whole.mp3", opening, "libmp3lame").read_bytes())
    data[9000:9400] = bytes(400)
    path = tmp_path / "damaged.mp3"
    path.write_bytes(data)
    kept: list[Part] = []
    whole = in_parts(transcribe, path, keep=kept.append)
    assert whole.warnings
    assert in_parts(transcribe, path, finished=kept[:1]) == whole


async def test_after_a_kill_the_next_process_goes_on(recognizer: RecognizerProcess, short: Path) -> None:
    undisturbed = Shelf()
    whole = await recognizer.transcribe(request(short), undisturbed.progress.append, undisturbed.keep)
    shelf = Shelf(wanted=2)
    task = asyncio.create_task(recognizer.transcribe(request(short), lambda _: None, shelf.keep))
    async with asyncio.timeout(120):
        await shelf.full.wait()
    assert recognizer.pid is not None
    os.kill(recognizer.pid, signal.SIGKILL)
    with pytest.raises(RecognizerLost):
        await task
    rest = Shelf()
    resumed = await recognizer.transcribe(request(short, shelf.parts), rest.progress.append, rest.keep)
    assert resumed == replace(whole, took_ms=0)
    assert [*shelf.parts, *rest.parts] == undisturbed.parts
    assert rest.parts[0].number == len(shelf.parts) + 1
    assert rest.progress == sorted(rest.progress)
    assert rest.progress[0] >= 0.5


def torn(part: FinishedPart) -> FinishedPart:
    return replace(part, data=part.data[:-1])


def altered(part: FinishedPart) -> FinishedPart:
    return replace(part, data=part.data[:-1] + bytes([part.data[-1] ^ 1]))


@pytest.mark.parametrize("spoilt", [torn, altered, lambda part: replace(part, data=b"")])
async def test_a_part_that_is_not_whole_is_made_anew(
    recognizer: RecognizerProcess, short: Path, spoilt: Callable[[FinishedPart], FinishedPart]
) -> None:
    shelf = Shelf()
    whole = await recognizer.transcribe(request(short), lambda _: None, shelf.keep)
    first, *others = shelf.parts
    assert spoilt(first) != first
    for given, made in (
        ([spoilt(first), *others], shelf.parts),
        ([first, torn(others[0]), *others[1:]], others),
    ):
        again = Shelf()
        heard = await recognizer.transcribe(request(short, given), lambda _: None, again.keep)
        assert heard.transcript == whole.transcript
        assert again.parts == made


async def test_parts_of_another_model_are_not_used(recognizer: RecognizerProcess, short: Path) -> None:
    shelf, again = Shelf(), Shelf()
    await recognizer.transcribe(request(short), lambda _: None, shelf.keep)
    other = replace(request(short, shelf.parts), model="base")
    heard = await recognizer.transcribe(other, lambda _: None, again.keep)
    assert [part.number for part in again.parts] == [1, 2, 3]
    assert heard == replace(
        await recognizer.transcribe(replace(other, finished=()), lambda _: None), took_ms=heard.took_ms
    )


OTHERS: list[dict[str, object]] = [
    {"language": "en-GB"},
    {"terms": (ExpectedTerm("Harbour Home"),)},
    {"ingest": Ingest()},
    {"voices": True},
]
SETTINGS: list[dict[str, object]] = [
    {"model": b"other"},
    {"compute_type": "float32"},
    {"device": "cuda"},
    {"block": 2},
    {"part_ms": 2},
]


@pytest.mark.parametrize(
    ("other", "settings"), [*((one, {}) for one in OTHERS), *(({}, one) for one in SETTINGS)]
)
def test_parts_of_another_request_or_other_settings_are_not_used(
    short: Path, other: dict[str, Any], settings: dict[str, Any]
) -> None:
    usual: dict[str, Any] = {"model": b"m", "compute_type": "int8", "device": "cpu", "block": 1, "part_ms": 1}
    mark = parts.fingerprint(request(short), **usual)
    kept = [parts.seal(Part(number, number, 1000 * number, ()), mark) for number in (1, 2)]
    assert [part.number for part in parts.usable(kept, mark)] == [1, 2]
    assert parts.usable(kept[1:], mark) == []
    strange = parts.fingerprint(replace(request(short), **other), **{**usual, **settings})
    assert parts.usable(kept, strange) == []
    assert len(parts.usable([kept[0], parts.seal(Part(2, 2, 2000, ()), strange)], mark)) == 1


def test_a_model_is_told_by_its_weights_wherever_it_lies(tmp_path: Path) -> None:
    folders = [tmp_path / name for name in ("one", "same", "longer", "other")]
    weights = bytes(range(256)) * 5000
    for folder, data in zip(folders, (weights, weights, weights + b"x", weights[::-1]), strict=True):
        folder.mkdir()
        (folder / "model.bin").write_bytes(data)
    one, same, longer, other = map(parts.identity, folders)
    assert one == same
    assert len({one, longer, other}) == 3


async def test_keeping_may_take_its_time_and_recognition_goes_on(
    recognizer: RecognizerProcess, short: Path
) -> None:
    under_way: list[int] = []
    most, kept, ended = 0, [], asyncio.Event()

    async def keep(part: FinishedPart) -> None:
        nonlocal most
        under_way.append(part.number)
        most = max(most, len(under_way))
        async with asyncio.timeout(120):
            await ended.wait()
        kept.append(part.number)
        under_way.remove(part.number)

    def progress(done: float) -> None:
        if done == 1.0:
            ended.set()

    await recognizer.transcribe(request(short), progress, keep)
    assert most == 1
    assert kept == list(range(1, len(kept) + 1)), "one after the other, and waited for"
    assert kept


async def test_whoever_keeps_can_end_the_recognition(recognizer: RecognizerProcess, short: Path) -> None:
    async def keep(_: FinishedPart) -> None:
        raise KeyError("deleted")

    done: list[float] = []
    with pytest.raises(KeyError, match="deleted"):
        await recognizer.transcribe(request(short), done.append, keep)
    assert done[-1] < 1
