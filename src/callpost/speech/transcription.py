"""One recording from file to transcript, part by part: its length does not decide the memory it takes.

While one part is recognised, the next is read and searched for speech.
"""

import threading
from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import chain, islice
from types import TracebackType
from typing import Self

import msgspec
import numpy as np

from callpost.errors import Problem
from callpost.model.transcript import Activity, Transcript, Word
from callpost.speech import audio, batches, diarization, ingest, parts, speakers, turns, voice
from callpost.speech.audio import RATE, SAMPLES_PER_MS, Recording, Report, Samples
from callpost.speech.ingest import Plan, Source
from callpost.speech.parts import Addition, Part
from callpost.speech.progress import Progress
from callpost.speech.recognizer import Recognition, RecognitionRequest
from callpost.speech.speaker_encoder import SpeakerEncoder
from callpost.speech.speakers import Stretch
from callpost.speech.vocabulary import Vocabulary
from callpost.speech.whisper import Whisper
from callpost.speech.windows import Window, WindowFinder

BLOCK = 60 * RATE  # read and searched for speech at once; the search takes memory with it
_LONGEST_MS = 24 * 3600 * 1000
_AHEAD = 1  # parts that take the threads which the one before does not need any more
_REST = 3  # what is left of a recording and less than this fraction of a part is taken with the part before
_SAME = 4  # of 32768; two channels that differ by no more are one channel twice
_PAUSE_MS = 500  # a shorter pause does not end a stretch of voice activity


@dataclass(frozen=True, slots=True)
class Engine:
    """What recognises: a model set to a language, and the threads that may use it at once.

    searching: where speech is searched for, so that it does not wait behind what is being recognised.
    """

    whisper: Whisper
    pool: Executor
    searching: Executor
    threads: int


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
        progress = Progress(report, recording.duration_ms)
        with _Transcription(
            plan.sources,
            engine,
            progress,
            encoder,
            stated_ms=recording.duration_ms,
            voices=request.voices,
        ) as transcription:
            blocks = chain([first], blocks)
            if finished:
                transcription.go_on(finished, blocks)
            for sound in blocks:
                if transcription.is_due(part_ms):
                    transcription.begin()
                    for part in transcription.finished(but=_AHEAD):
                        keep(part)
                transcription.push(sound)
            transcription.begin_last()
            for part in transcription.finished(but=1):
                keep(part)
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
    """A recording on its way: takes blocks of sound, has them recognised part by part, gathers words.

    Whoever leaves its context leaves off with whatever is being recognised.
    """

    def __init__(
        self,
        sources: Sequence[Source],
        engine: Engine,
        progress: Progress,
        encoder: SpeakerEncoder | None,
        *,
        stated_ms: int,
        voices: bool,
    ) -> None:
        self._stated_ms = stated_ms  # how long the recording says it is
        self._voices = voices
        self._encoder = encoder  # where speakers are told apart by their voices
        self._stretches: list[Stretch] = []
        self._sources = sources
        self._engine = engine
        self._progress = progress
        self._finders = [WindowFinder(source.number) for source in sources]
        self._words: defaultdict[int, list[Word]] = defaultdict(list)
        self._speech: defaultdict[int, list[tuple[int, int]]] = defaultdict(list)
        self._found: Iterator[list[Window]] = iter(())  # in the block that was taken in last
        self._windows: list[Window] = []
        self._waiting_ms = 0  # taken in, and not being recognised yet
        self._parts = self._blocks = 0
        self._drivers = ThreadPoolExecutor(_AHEAD + 1)
        self._under_way: deque[Future[Part]] = deque()
        self._spare = threading.Event()  # set when the part begun last does not need all threads any more
        self._spare.set()
        self.length_ms = 0  # taken in

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.leave_off()
        self._drivers.shutdown(cancel_futures=True)

    def go_on(self, finished: Sequence[Part], blocks: Iterator[tuple[Samples, ...]]) -> None:
        """Take up what is finished, and read past it."""
        for part in finished:
            self._take(part)
        last = finished[-1]
        self._parts, self._blocks, self.length_ms = last.number, last.blocks, last.length_ms
        self._progress.go_on(last.length_ms)
        tails = [_Tail(heard.goes_on_at) for heard in last.sources]
        for block in islice(blocks, last.blocks):
            for tail, row in zip(tails, block, strict=False):
                tail.push(row)
            self._progress.add(0)
        for finder, tail in zip(self._finders, tails, strict=True):
            finder.go_on(tail.held, tail.start)

    def push(self, block: Sequence[Samples]) -> None:
        """Take in one block: a row of samples for each source, perhaps more rows than sources.

        While it is searched for speech, the next can be read.
        """
        self._collect()
        self._found = self._engine.searching.map(WindowFinder.push, self._finders, block)
        self._blocks += 1
        block_ms = max(map(len, block)) // SAMPLES_PER_MS
        self.length_ms += block_ms
        self._waiting_ms += block_ms
        if self.length_ms > _LONGEST_MS:
            raise audio.unreadable(f"it is longer than {_LONGEST_MS // 3_600_000} hours")
        self._progress.add(0, self.length_ms)

    def is_due(self, part_ms: int) -> bool:
        """Whether what waits is a part, and what is left of the recording is worth another."""
        left_ms = self._stated_ms - self.length_ms
        return self._waiting_ms >= part_ms and not 0 < left_ms < part_ms // _REST

    def begin(self) -> None:
        """Begin to recognise what waits."""
        self._collect()
        windows, self._windows = self._windows, []
        waiting_ms, self._waiting_ms = self._waiting_ms, 0
        self._parts += 1
        part = Part(
            self._parts,
            self._blocks,
            self.length_ms,
            tuple(Addition((), (), finder.goes_on_at) for finder in self._finders),
        )
        before, self._spare = self._spare, threading.Event()
        self._under_way.append(
            self._drivers.submit(self._recognised_after, before, self._spare, part, windows, waiting_ms)
        )

    def begin_last(self) -> None:
        """Begin with all that is left, what was held back included."""
        self._collect()
        self._windows += [window for finder in self._finders for window in finder.finish()]
        self.begin()

    def _collect(self) -> None:
        """Wait for the windows of the last block."""
        self._windows += chain.from_iterable(self._found)
        self._found = iter(())

    def finished(self, *, but: int) -> Iterator[Part]:
        """Wait for the parts under way, the first begun first, until no more than so many are left."""
        while len(self._under_way) > but:
            part = self._under_way.popleft().result()
            self._take(part)
            yield part

    def finish(self, language: str, vocabulary: Vocabulary) -> Transcript:
        """Wait for what is under way, and put everything in order."""
        for _ in self.finished(but=0):
            pass
        words = {source: vocabulary.written(heard) for source, heard in self._words.items()}
        said = turns.turns(words, self._sources)
        spoken = [(source, self._speech[source.number]) for source in self._sources]
        if self._encoder is not None:
            source = self._sources[0]
            said, spoken = diarization.told_apart(source, words.get(source.number, ()), self._stretches)
        activity = [one for source, regions in spoken for one in _activity(source, regions)]
        activity.sort(key=lambda one: (one.start_ms, one.channel))
        self._progress.end(self.length_ms)
        return Transcript(said, language, tuple(activity))

    def _recognised_after(
        self,
        before: threading.Event,
        spare: threading.Event,
        part: Part,
        windows: Sequence[Window],
        length_ms: int,
    ) -> Part:
        """Runs in a thread of its own, which waits for the pool."""
        before.wait()
        try:
            return self._recognised(part, windows, length_ms, spare.set)
        finally:
            spare.set()

    def _recognised(
        self, part: Part, windows: Sequence[Window], length_ms: int, spare: Callable[[], None]
    ) -> Part:
        """The part with what is said in it."""
        done = 0.0

        def heard(share: float) -> None:
            nonlocal done
            done, before = share, done
            self._progress.add((share - before) * length_ms)

        engine = self._engine
        stretches: Sequence[Stretch] = ()
        if self._encoder is not None:
            stretches = speakers.stretches(self._encoder, windows, engine.pool, engine.threads)
        decoded = batches.decode(engine.whisper, windows, engine.pool, engine.threads, heard, spare=spare)
        heard(1.0)
        return msgspec.structs.replace(
            part,
            sources=tuple(
                self._addition(source, one.goes_on_at, windows, decoded)
                for source, one in zip(self._sources, part.sources, strict=True)
            ),
            stretches=tuple(stretches),
        )

    def _addition(
        self, source: Source, goes_on_at: int, windows: Sequence[Window], decoded: Sequence[Sequence[Word]]
    ) -> Addition:
        of_source = [pair for pair in zip(windows, decoded, strict=True) if pair[0].source == source.number]
        return Addition(
            tuple(
                word
                for window, words in of_source
                for word in (voice.with_voices(words, window) if self._voices else words)
            ),
            tuple(region for window, _ in of_source for region in window.speech),
            goes_on_at,
        )

    def _take(self, part: Part) -> None:
        for source, heard in zip(self._sources, part.sources, strict=True):
            self._words[source.number] += heard.words
            self._speech[source.number] += heard.speech
        self._stretches += part.stretches


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
