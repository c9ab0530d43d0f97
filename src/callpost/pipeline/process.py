"""What happens to an accepted recording: fetched, recognised, analysed, kept, and its deliveries planned.

Any step may run twice: a worker that dies leaves its job to another one, which starts anew (in the middle of
a long recording, see `pipeline.parts`), and only the last transaction makes results visible.
"""

import asyncio
import tempfile
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Self
from uuid import UUID

import structlog

from callpost import tracing
from callpost.analysis.aligner import align
from callpost.analysis.analyze import Analysis, analyze
from callpost.analysis.categories import categorize
from callpost.analysis.prediction import StoredModels
from callpost.delivery import rendering
from callpost.errors import Problem, Rejected, UnreadableRecording
from callpost.model.configuration import AudioTranscode, Configuration, TrainedClassifier
from callpost.model.media import Media, MediaStatus, Progress, Stream
from callpost.model.redaction import ToneRedaction
from callpost.model.results import Basis, Report, Results
from callpost.network import Network
from callpost.pipeline import again, publish
from callpost.pipeline.index import index
from callpost.pipeline.parts import Overtaken, Parts
from callpost.pipeline.publish import PublishRules
from callpost.speech.recognizer import Recognition, RecognitionRequest, Recognizer
from callpost.store import classifiers, reports
from callpost.store import deliveries as delivery_store
from callpost.store import media as media_store
from callpost.store.database import Database
from callpost.store.objects import Objects

log = structlog.get_logger()

# A recording that takes its worker down every time must not do so for ever. Those that led to another
# finished part do not count.
_MOST_STARTS = 5
_PULSE_S = 1.0
_INTERNAL_ERROR = 90001


@dataclass(frozen=True, slots=True)
class Processor:
    """Processes recordings with what it is given.

    api_url: under which customers reach callpost, for the links in results. most_bytes: of a recording behind
    a mediaUrl.
    """

    database: Database
    objects: Objects
    recognizer: Recognizer
    network: Network
    rules: PublishRules
    api_url: str
    most_bytes: int

    async def process(self, media_id: UUID) -> None:
        """Take one recording from accepted to finished or failed; one that has ended is left alone.

        Raises whatever may be over by the next try: a lost recogniser, database or object store.
        """
        job = await self._start(media_id)
        if job is None:
            return
        facts = {"callpost.media_id": str(media_id), "callpost.run": str(job.run)}
        with tracing.span("process", facts, within=job.trace, kind=tracing.SpanKind.CONSUMER) as span:
            try:
                report, basis = await self._ending(job)
            except Overtaken:
                await self._leave(media_id)
                return
            with tracing.span("store"):
                await self._end(job, report, basis)
            span.set_attribute("callpost.status", report.media.status)

    async def _ending(self, job: "_Job") -> tuple[Report, Basis | None]:
        try:
            return await self._results(job)
        except UnreadableRecording as error:
            return await self._failed(job, (error.problem,))
        except Rejected as error:
            return await self._failed(job, error.problems)

    async def give_back(self, media_id: UUID) -> None:
        """The worker has to go: this start does not count against the recording."""
        async with self.database.connection() as connection:
            await media_store.give_back(connection, media_id)

    async def _start(self, media_id: UUID) -> "_Job | None":
        async with self.database.transaction() as connection:
            starts = await media_store.set_running(connection, media_id)
            media = await media_store.get_any(connection, media_id)
            configuration = await media_store.configuration(connection, media_id)
            run = await media_store.run(connection, media_id)
            trace = await media_store.trace(connection, media_id)
        if media is None or configuration is None or run is None:
            await self._leave(media_id)
            return None
        if starts is None:
            # Whoever ended it may have died before this.
            await self._forget(media_id, configuration, run)
            return None
        return _Job(media, configuration, starts, run, trace)

    async def _results(self, job: "_Job") -> tuple[Report, Basis | None]:
        if job.starts > _MOST_STARTS:
            reason = f"The recording could not be processed in {_MOST_STARTS} tries."
            raise UnreadableRecording(Problem(_INTERNAL_ERROR, reason))
        media, basis = await (self._hear(job) if job.run == 1 else self._remember(job))
        basis = await self._corrected(job, basis)
        models = await self._models(job.configuration)
        with tracing.span("analyze"):
            analysis = await asyncio.to_thread(_analyzed, media, basis, job.configuration, models)
        await self._tell(job, "analyzed")
        originals = tuple(stream for stream in basis.streams if stream.name != again.REDACTED)
        streams = (*originals, *await self._redacted(job, basis, analysis.redactions))
        renditions, problems = await self._transcoded(job, streams)
        results = analysis.results
        results = replace(results, streams=renditions, warnings=(*results.warnings, *problems))
        report = _finished(media, results, datetime.now(UTC))
        return report, again.next_basis(basis, job.configuration, results.transcript, streams)

    async def _models(self, configuration: Configuration) -> StoredModels:
        trained = [one for one in configuration.classifiers if isinstance(one, TrainedClassifier)]
        if not trained:
            return {}
        async with self.database.connection() as connection:
            return await classifiers.models(connection, trained)

    async def _hear(self, job: "_Job") -> tuple[Media, Basis]:
        original = await self._original(job)
        recognition = await self._recognize(job, original)
        heard = replace(original, content_type=recognition.content_type, extension=recognition.extension)
        media = replace(
            job.media,
            length_ms=recognition.length_ms,
            content_type=recognition.content_type,
            warnings=(*job.media.warnings, *recognition.warnings),
        )
        return media, Basis(recognition.transcript, (heard,))

    async def _remember(self, job: "_Job") -> tuple[Media, Basis]:
        """What the processing before this one left: nothing is recognised again."""
        basis = await reports.load_basis(self.objects, job.media.media_id, job.run - 1)
        if basis is None:
            raise UnreadableRecording(Problem(_INTERNAL_ERROR, "The stored transcript is gone."))
        return job.media, basis

    async def _corrected(self, job: "_Job", basis: Basis) -> Basis:
        """With corrected words in the place of the recognised ones, where a text came with it."""
        corrected = job.configuration.corrected
        if corrected is None:
            return basis
        text = await reports.load_corrected(self.objects, job.media.media_id, corrected)
        aligned = await asyncio.to_thread(align, basis.transcript, text)
        await self._tell(job, "aligned")
        return again.corrected_basis(basis, aligned)

    async def _forget(self, media_id: UUID, configuration: Configuration, run: int) -> None:
        """Bases before `run`, finished parts, and a corrected text: they may hold what is redacted now."""
        await reports.drop_bases(self.objects, media_id, run)
        await reports.drop_parts(self.objects, media_id)
        if configuration.corrected is not None:
            await reports.drop_corrected(self.objects, media_id, configuration.corrected)

    async def _failed(self, job: "_Job", problems: Sequence[Problem]) -> tuple[Report, Basis | None]:
        """A recording that was recognised once can still be processed again."""
        basis = await reports.load_basis(self.objects, job.media.media_id, job.run - 1)
        ended = replace(
            job.media, status=MediaStatus.FAILED, date_finished=datetime.now(UTC), errors=tuple(problems)
        )
        return Report(ended, None), basis

    async def _original(self, job: "_Job") -> Stream:
        """The recording's bytes in the object store, fetched first where they wait behind a URL."""
        async with self.database.connection() as connection:
            source = await media_store.source(connection, job.media.media_id)
        if source is not None and source.original is not None:
            return source.original
        if source is None or source.media_url is None:
            raise UnreadableRecording(Problem(10202, "There is neither media nor mediaUrl."))
        return await self._fetch(job.media, source.media_url)

    async def _fetch(self, media: Media, url: str) -> Stream:
        key = reports.stream_key(media.media_id, "original")
        with tracing.span("fetch"):
            stored = await self.objects.put(key, self.network.fetch(url), limit=self.most_bytes)
        stream = Stream("original", key, stored.size, stored.sha256, "application/octet-stream", "bin")
        async with self.database.connection() as connection:
            await media_store.set_original(connection, media.media_id, stream)
        return stream

    async def _recognize(self, job: "_Job", original: Stream) -> Recognition:
        configuration = job.configuration
        write = partial(self._tell, job, "transcribing")
        parts = Parts(self.database, self.objects, job.media.media_id, job.run)
        async with self.objects.local(original.key) as path, _Pulse(write) as pulse:
            request = RecognitionRequest(
                path=path,
                ingest=configuration.ingest,
                language=configuration.language,
                model=configuration.model,
                terms=tuple(term for words in configuration.vocabularies for term in words.expected),
                voices="voiceFeatures" in configuration.features,
                finished=await parts.finished(),
            )
            with tracing.span("recognize") as span:
                recognition = await self.recognizer.transcribe(request, pulse.hear, parts.keep)
                span.set_attribute("callpost.length_ms", recognition.length_ms)
        async with self.database.connection() as connection:
            await media_store.set_recognized(
                connection, job.media.media_id, recognition.length_ms, recognition.took_ms
            )
        return recognition

    async def _redacted(
        self, job: "_Job", basis: Basis, redactions: Sequence[ToneRedaction]
    ) -> tuple[Stream, ...]:
        """The stream with tones over what was detected, where this configuration or an earlier one asked."""
        again.require_possible(basis, job.configuration)
        made = again.stream(basis, again.REDACTED)
        if not again.wants_redacted_audio(job.configuration):
            return (made,) if made else ()
        source = made or again.stream(basis, again.ORIGINAL)
        if source is None:
            raise UnreadableRecording(Problem(_INTERNAL_ERROR, "The stored recording is gone."))
        if not redactions:
            return (replace(source, name=again.REDACTED),)
        redacted = await self._with_tones(job, source, _merged(redactions))
        await self._tell(job, "redacted")
        return (redacted,)

    async def _with_tones(self, job: "_Job", source: Stream, redaction: ToneRedaction) -> Stream:
        # Not under the key of an earlier run, which may be on its way to somebody at this moment.
        name = again.REDACTED if job.run == 1 else f"{again.REDACTED}-{job.run}"
        key = reports.stream_key(job.media.media_id, name)
        with tempfile.TemporaryDirectory(prefix="callpost-") as folder:
            target = Path(folder) / "redacted"
            async with self.objects.local(source.key) as path:
                content_type, extension = await self.recognizer.redact(path, target, redaction)
            stored = await self.objects.put_file(key, target)
        return Stream(again.REDACTED, key, stored.size, stored.sha256, content_type, extension)

    async def _transcoded(
        self, job: "_Job", streams: Sequence[Stream]
    ) -> tuple[tuple[Stream, ...], tuple[Problem, ...]]:
        """The streams as they are delivered, and why some are not in the format that was asked for."""
        wanted = job.configuration.audio_transcode
        renditions: list[Stream] = []
        problems: list[Problem] = []
        for stream in streams:
            try:
                asked = wanted and (stream.name == again.REDACTED or not wanted.only_if_redacted)
                renditions.append(await self._rendition(job, stream, wanted) if wanted and asked else stream)
            except UnreadableRecording as error:
                renditions.append(stream)
                problems.append(error.problem)
        return tuple(renditions), tuple(problems)

    async def _rendition(self, job: "_Job", stream: Stream, wanted: AudioTranscode) -> Stream:
        """One stream in another format, beside the one that a later processing begins with."""
        key = reports.stream_key(job.media.media_id, f"{stream.name}-{wanted.format}-{job.run}")
        with tempfile.TemporaryDirectory(prefix="callpost-") as folder:
            target = Path(folder) / "rendition"
            async with self.objects.local(stream.key) as path:
                written = await self.recognizer.transcode(path, target, wanted)
            if written is None:
                return stream
            stored = await self.objects.put_file(key, target)
        return Stream(stream.name, key, stored.size, stored.sha256, *written)

    async def _end(self, job: "_Job", report: Report, basis: Basis | None) -> None:
        """ONE transaction ends the recording and plans its deliveries; it commits when the report is kept."""
        media_id = report.media.media_id
        deliveries = await self._publish(job, report, basis)
        if deliveries is not None:
            await self._forget(media_id, job.configuration, job.run)
        else:
            await self._leave(media_id)
        log.info("media.ended", **_facts(job, report, deliveries))

    async def _leave(self, media_id: UUID) -> None:
        """Remove what was kept since another worker ended the recording, or somebody deleted it."""
        if await self._run(media_id) is None:
            await self.objects.delete(reports.folder(media_id))
        else:
            await reports.drop_parts(self.objects, media_id)

    async def _publish(self, job: "_Job", report: Report, basis: Basis | None) -> int | None:
        """End the recording; how many deliveries are due then. None: it had ended, or was deleted."""
        media_id, now = report.media.media_id, report.media.date_finished or datetime.now(UTC)
        callbacks = job.configuration.callbacks
        renderings = await asyncio.to_thread(rendering.prepared, report, callbacks, self.api_url)
        async with self.database.transaction() as connection:
            if not await media_store.end(connection, report.media, job.run):
                return None
            # Only now that the row is ours: a worker that stood still and goes on after another has published
            # the recording must not replace what receipts speak of.
            await reports.save(self.objects, report, renderings)
            if basis is not None:
                await reports.save_basis(self.objects, media_id, job.run, basis)
            last = await delivery_store.last_number(connection, media_id)
            ended = await media_store.get_any(connection, media_id) or report.media
            await index(connection, ended, report.results, job.configuration)
            deliveries = publish.plan(report, callbacks, self.rules, after=last)
            await delivery_store.insert(connection, deliveries, now, trace=tracing.current())
            await delivery_store.conclude(connection, (media_id,), now)
        return len(deliveries)

    async def _run(self, media_id: UUID) -> int | None:
        async with self.database.connection() as connection:
            return await media_store.run(connection, media_id)

    async def _tell(self, job: "_Job", step: str, done: float = 1.0) -> None:
        async with self.database.connection() as connection:
            await media_store.set_progress(connection, job.media.media_id, Progress(step, done))


@dataclass(frozen=True, slots=True)
class _Job:
    """A recording under way. starts: how often its processing has begun, this time included.

    run: from 1; those after the first begin with the transcript that the one before has left. trace: of the
    request that asked for it.
    """

    media: Media
    configuration: Configuration
    starts: int
    run: int
    trace: str | None


class _Pulse:
    """Writes down how far the recogniser has come, once a second, so that /progress can tell it."""

    def __init__(self, write: Callable[[float], Awaitable[None]]) -> None:
        self._write = write
        self._done = 0.0
        self._task: asyncio.Task[None] | None = None

    def hear(self, done: float) -> None:
        """Take the recogniser's word for it; 0..1."""
        self._done = done

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._beat())
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._task is not None:
            self._task.cancel()
            # A pulse that could not be written is no reason to lose the recognition.
            await asyncio.gather(self._task, return_exceptions=True)

    async def _beat(self) -> None:
        written = 0.0
        while True:
            await asyncio.sleep(_PULSE_S)
            if self._done > written:
                written = self._done
                await self._write(written)


def _analyzed(media: Media, basis: Basis, configuration: Configuration, models: StoredModels) -> Analysis:
    """The sections, and last the categories, which look at what is delivered."""
    analysis = analyze(basis.transcript, configuration, basis.heard, models)
    results = categorize(media, analysis.results, configuration.categories)
    return replace(analysis, results=results)


def _finished(media: Media, results: Results, now: datetime) -> Report:
    ended = replace(
        media,
        status=MediaStatus.FINISHED,
        date_finished=now,
        warnings=(*media.warnings, *results.warnings),
    )
    return Report(ended, results)


def _facts(job: _Job, report: Report, deliveries: int | None) -> dict[str, object]:
    return {
        "media_id": str(report.media.media_id),
        "status": str(report.media.status),
        "length_ms": report.media.length_ms,
        "deliveries": deliveries,
        "starts": job.starts,
        "run": job.run,
    }


def _merged(redactions: Sequence[ToneRedaction]) -> ToneRedaction:
    """One pass over the audio: the regions of all detectors, under the first one's tone."""
    regions: list[tuple[int, int]] = []
    for start, end in sorted(region for redaction in redactions for region in redaction.regions):
        if regions and start <= regions[-1][1]:
            regions[-1] = (regions[-1][0], max(end, regions[-1][1]))
        else:
            regions.append((start, end))
    return replace(redactions[0], regions=tuple(regions))
