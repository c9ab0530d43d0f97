"""One recording from file to transcript, part by part: its length does not decide the memory it takes."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from itertools import chain

import numpy as np

from callpost.errors import Problem
from callpost.model.transcript import Activity, Transcript, Word
from callpost.speech import audio, batches, diarization, ingest, speakers, turns, voice
from callpost.speech.audio import RATE, SAMPLES_PER_MS, Recording, Report, Samples
from callpost.speech.ingest import Plan, Source
from callpost.speech.recognizer import Recognition, RecognitionRequest
from callpost.speech.speaker_encoder import SpeakerEncoder
from callpost.speech.speakers import Stretch
from callpost.speech.whisper import Whisper
from callpost.speech.windows import Window, WindowFinder

_BLOCK = 60 * RATE  # read and searched for speech at once; the search takes memory with it
_PART_MS = 300_000  # recognised at once: enough for full batches
_LONGEST_MS = 24 * 3600 * 1000
_SAME = 4  # of 32768; two channels that differ by no more are one channel twice
_PAUSE_MS = 500  # a shorter pause does not end a stretch of voice activity


@dataclass(frozen=True, slots=True)
class Engine:
    """What recognises: a model set to a language, and the threads that may use it at once."""

    whisper: Whisper
    pool: Executor
    threads: int


def transcribe(
    request: RecognitionRequest,
    engine: Engine,
    report: Report,
    *,
    block: int = _BLOCK,
    part_ms: int = _PART_MS,
) -> Recognition:
    """Recognise one recording.

    block: samples of 16 kHz that are read at once. part_ms: how much sound is recognised at once.

    Raises UnreadableRecording where nothing in it can be read (10201), or where its channels are not those
    of the configuration (15004, 15005).
    """
    with audio.opened(request.path) as recording:
        plan = ingest.plan([track.channels for track in recording.tracks], request.ingest)
        blocks = recording.blocks(plan.sources, block)
        first = next(blocks, None)
        if first is None:
            raise audio.unreadable("no sound in it can be decoded")
        plan, encoder = diarization.prepared(_without_doubles(plan, first), request.ingest)
        transcription = _Transcription(
            plan.sources, engine, report, recording.duration_ms, encoder, voices=request.voices
        )
        for sound in chain([first], blocks):
            transcription.push(sound)
            if transcription.waiting_ms >= part_ms:
                transcription.recognise()
        return _recognition(request, recording, plan, transcription)


def _without_doubles(plan: Plan, block: Sequence[Samples]) -> Plan:
    """A mono call stored as stereo is recognised once, under the first name."""
    first, *others = block
    same = others and all(len(other) == len(first) and _is_same(first, other) for other in others)
    if not same or not np.any(first):
        return plan
    message = f"All channels carry the same sound: everything said is given to {plan.sources[0].speaker!r}."
    return Plan(plan.sources[:1], (*plan.warnings, Problem(15004, message, "ingest")))


def _is_same(first: Samples, other: Samples) -> bool:
    return bool(np.abs(first.astype(np.int32) - other).max(initial=0) <= _SAME)


def _recognition(
    request: RecognitionRequest, recording: Recording, plan: Plan, transcription: "_Transcription"
) -> Recognition:
    transcript = transcription.finish(request.language)
    return Recognition(
        transcript=transcript,
        length_ms=transcription.length_ms,
        content_type=recording.kind.content_type,
        extension=recording.kind.extension,
        warnings=(
            *plan.warnings,
            *diarization.warnings(request.ingest, plan, transcript),
            *recording.warnings(transcription.length_ms),
        ),
    )


class _Transcription:
    """A recording on its way: takes blocks of sound, gathers words."""

    def __init__(
        self,
        sources: Sequence[Source],
        engine: Engine,
        report: Report,
        total_ms: int,
        encoder: SpeakerEncoder | None,
        *,
        voices: bool,
    ) -> None:
        self._voices = voices
        self._encoder = encoder  # where speakers are told apart by their voices
        self._stretches: list[Stretch] = []
        self._sources = sources
        self._engine = engine
        self._report = report
        self._total_ms = total_ms
        self._finders = [WindowFinder(source.number) for source in sources]
        self._words: defaultdict[int, list[Word]] = defaultdict(list)
        self._speech: defaultdict[int, list[tuple[int, int]]] = defaultdict(list)
        self._windows: list[Window] = []
        self.length_ms = 0  # taken in
        self.waiting_ms = 0  # of it not recognised yet

    def push(self, block: Sequence[Samples]) -> None:
        """Take in one block: a row of samples for each source, perhaps more rows than sources."""
        found = self._engine.pool.map(WindowFinder.push, self._finders, block)
        self._windows += [window for windows in found for window in windows]
        block_ms = max(map(len, block)) // SAMPLES_PER_MS
        self.length_ms += block_ms
        self.waiting_ms += block_ms
        if self.length_ms > _LONGEST_MS:
            raise audio.unreadable(f"it is longer than {_LONGEST_MS // 3_600_000} hours")

    def recognise(self) -> None:
        """Recognise what waits."""
        windows, self._windows = self._windows, []
        engine = self._engine
        if self._encoder is not None:
            self._stretches += speakers.stretches(self._encoder, windows, engine.pool, engine.threads)
        readings = batches.decode(engine.whisper, windows, engine.pool, engine.threads, self._progress)
        for window, reading in zip(windows, readings, strict=True):
            self._speech[window.source] += window.speech
            if not (reading.empty or reading.runaway):
                words = voice.with_voices(reading.words, window) if self._voices else reading.words
                self._words[window.source] += words
        self.waiting_ms = 0
        self._progress(0)

    def finish(self, language: str) -> Transcript:
        """Recognise what was held back, and put everything in order."""
        self._windows += [window for finder in self._finders for window in finder.finish()]
        self.recognise()
        said = turns.turns(self._words, self._sources)
        spoken = [(source, self._speech[source.number]) for source in self._sources]
        if self._encoder is not None:
            source = self._sources[0]
            said, spoken = diarization.told_apart(source, self._words[source.number], self._stretches)
        activity = [one for source, regions in spoken for one in _activity(source, regions)]
        activity.sort(key=lambda one: (one.start_ms, one.channel))
        self._report(1.0, self.length_ms)
        return Transcript(said, language, tuple(activity))

    def _progress(self, share: float) -> None:
        """share: of what waits, 0..1."""
        heard_ms = self.length_ms - int((1 - share) * self.waiting_ms)
        total_ms = max(self._total_ms, self.length_ms, 1)
        self._report(min(0.99, heard_ms / total_ms), heard_ms)


def _activity(source: Source, regions: Iterable[tuple[int, int]]) -> list[Activity]:
    """Stretches of voice, short pauses closed. regions: in samples."""
    stretches: list[Activity] = []
    for first, last in regions:
        start_ms, end_ms = first // SAMPLES_PER_MS, last // SAMPLES_PER_MS
        if stretches and start_ms - stretches[-1].end_ms < _PAUSE_MS:
            start_ms = stretches.pop().start_ms
        stretches.append(Activity(source.speaker, source.number, start_ms, end_ms))
    return stretches
