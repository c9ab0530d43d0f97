"""One recording from file to transcript, part by part: its length does not decide the memory it takes."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from itertools import chain, islice

import numpy as np

from callpost.errors import Problem
from callpost.model.transcript import Activity, Transcript, Word
from callpost.speech import audio, batches, diarization, ingest, parts, speakers, turns, voice
from callpost.speech.audio import RATE, SAMPLES_PER_MS, Recording, Report, Samples
from callpost.speech.ingest import Plan, Source
from callpost.speech.parts import Heard, Part
from callpost.speech.recognizer import Recognition, RecognitionRequest
from callpost.speech.speaker_encoder import SpeakerEncoder
from callpost.speech.speakers import Stretch
from callpost.speech.vocabulary import Vocabulary
from callpost.speech.whisper import Whisper
from callpost.speech.windows import Window, WindowFinder

BLOCK = 60 * RATE  # read and searched for speech at once; the search takes memory with it
_LONGEST_MS = 24 * 3600 * 1000
_SAME = 4  # of 32768; two channels that differ by no more are one channel twice
_PAUSE_MS = 500  # a shorter pause does not end a stretch of voice activity


@dataclass(frozen=True, slots=True)
class Engine:
    """What recognises: a model set to a language, and the threads that may use it at once.

    searching: where speech is searched for, so that it does not wait behind the windows of other recordings;
    None: in the pool, too.
    """

    whisper: Whisper
    pool: Executor
    threads: int
    searching: Executor | None = None


def transcribe(
    request: RecognitionRequest,
    engine: Engine,
    report: Report,
    *,
    block: int = BLOCK,
    part_ms: int = parts.LENGTH_MS,
    finished: Sequence[Part] = (),
    keep: Callable[[Part], None] = lambda _: None,
) -> Recognition:
    """Recognise one recording.

    block: samples of 16 kHz that are read at once. part_ms: how much sound is recognised at once. finished:
    parts to go on from. keep: gets each part that is finished, but the last one. `report` tells how much was
    worked through by this call, and nothing new while what is finished is read past.

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
        blocks = chain([first], blocks)
        if finished:
            transcription.go_on(finished, blocks)
        for sound in blocks:
            if transcription.waiting_ms >= part_ms:
                keep(transcription.part())
            transcription.push(sound)
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
    transcript = transcription.finish(request.language, Vocabulary(request.terms, request.language))
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
        self._parts = self._blocks = 0
        self._earlier_ms = 0  # worked through before this process
        self.length_ms = 0  # taken in
        self.waiting_ms = 0  # of it not recognised yet

    def go_on(self, finished: Sequence[Part], blocks: Iterator[tuple[Samples, ...]]) -> None:
        """Take up what is finished, and read past it."""
        for part in finished:
            for source, heard in zip(self._sources, part.sources, strict=True):
                self._words[source.number] += heard.words
                self._speech[source.number] += heard.speech
            self._stretches += part.stretches
        last = finished[-1]
        self._parts, self._blocks = last.number, last.blocks
        self.length_ms = self._earlier_ms = last.length_ms
        tails = [_Tail(heard.goes_on_at) for heard in last.sources]
        for block in islice(blocks, last.blocks):
            for tail, row in zip(tails, block, strict=False):
                tail.push(row)
            self._progress(0)
        for finder, tail in zip(self._finders, tails, strict=True):
            finder.go_on(tail.held, tail.start)

    def part(self) -> Part:
        """Recognise what waits, and tell what that adds."""
        numbers = [source.number for source in self._sources]
        before = [(len(self._words[number]), len(self._speech[number])) for number in numbers]
        stretches = len(self._stretches)
        self.recognise()
        self._parts += 1
        heard = [
            Heard(tuple(self._words[number][words:]), tuple(self._speech[number][speech:]), finder.goes_on_at)
            for number, finder, (words, speech) in zip(numbers, self._finders, before, strict=True)
        ]
        return Part(
            self._parts, self._blocks, self.length_ms, tuple(heard), tuple(self._stretches[stretches:])
        )

    def push(self, block: Sequence[Samples]) -> None:
        """Take in one block: a row of samples for each source, perhaps more rows than sources."""
        pool = self._engine.searching or self._engine.pool
        found = pool.map(WindowFinder.push, self._finders, block)
        self._windows += [window for windows in found for window in windows]
        self._blocks += 1
        block_ms = max(map(len, block)) // SAMPLES_PER_MS
        self.length_ms += block_ms
        self.waiting_ms += block_ms
        if self.length_ms > _LONGEST_MS:
            raise audio.unreadable(f"it is longer than {_LONGEST_MS // 3_600_000} hours")
        self._progress(0)

    def recognise(self) -> None:
        """Recognise what waits."""
        windows, self._windows = self._windows, []
        engine = self._engine
        if self._encoder is not None:
            self._stretches += speakers.stretches(self._encoder, windows, engine.pool, engine.threads)
        decoded = batches.decode(engine.whisper, windows, engine.pool, engine.threads, self._progress)
        for window, words in zip(windows, decoded, strict=True):
            self._speech[window.source] += window.speech
            self._words[window.source] += voice.with_voices(words, window) if self._voices else words
        self.waiting_ms = 0
        self._progress(0)

    def finish(self, language: str, vocabulary: Vocabulary) -> Transcript:
        """Recognise what was held back, and put everything in order."""
        self._windows += [window for finder in self._finders for window in finder.finish()]
        self.recognise()
        words = {source: vocabulary.written(heard) for source, heard in self._words.items()}
        said = turns.turns(words, self._sources)
        spoken = [(source, self._speech[source.number]) for source in self._sources]
        if self._encoder is not None:
            source = self._sources[0]
            said, spoken = diarization.told_apart(source, words.get(source.number, ()), self._stretches)
        activity = [one for source, regions in spoken for one in _activity(source, regions)]
        activity.sort(key=lambda one: (one.start_ms, one.channel))
        self._report(1.0, self.length_ms - self._earlier_ms)
        return Transcript(said, language, tuple(activity))

    def _progress(self, share: float) -> None:
        """share: of what waits, 0..1."""
        heard_ms = self.length_ms - int((1 - share) * self.waiting_ms)
        total_ms = max(self._total_ms, self.length_ms, 1)
        self._report(min(0.99, heard_ms / total_ms), heard_ms - self._earlier_ms)


class _Tail:
    """Of the sound that is read past, what is needed: from the sample `start` on."""

    def __init__(self, start: int) -> None:
        self.start = start
        self.held: Samples = np.zeros(0, np.int16)
        self._position = 0

    def push(self, row: Samples) -> None:
        self._position += len(row)
        if self._position > self.start:
            self.held = np.concatenate([self.held, row])[-(self._position - self.start) :]


def _activity(source: Source, regions: Iterable[tuple[int, int]]) -> list[Activity]:
    """Stretches of voice, short pauses closed. regions: in samples."""
    stretches: list[Activity] = []
    for first, last in regions:
        start_ms, end_ms = first // SAMPLES_PER_MS, last // SAMPLES_PER_MS
        if stretches and start_ms - stretches[-1].end_ms < _PAUSE_MS:
            start_ms = stretches.pop().start_ms
        stretches.append(Activity(source.speaker, source.number, start_ms, end_ms))
    return stretches
