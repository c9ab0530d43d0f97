"""Which job runs which part of the pipeline: recordings from the queue, deliveries as they fall due."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from uuid import UUID, uuid4

import structlog
from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST

from callpost.delivery.courier import Courier
from callpost.delivery.dispatcher import Dispatcher, DispatcherSettings
from callpost.delivery.metrics import Metrics
from callpost.delivery.proofs import Proofs, plan_manifests
from callpost.errors import NotFound
from callpost.network import Network
from callpost.pipeline.expire import expire, sweep
from callpost.pipeline.process import Processor
from callpost.pipeline.publish import PublishRules
from callpost.pipeline.train import Trainer
from callpost.services import Services
from callpost.speech.process import RecognizerProcess
from callpost.speech.recognizer import Recognizer
from callpost.store import deliveries, queue, workers
from callpost.store.deliveries import Limits
from callpost.store.objects import OUTAGE
from callpost.store.queue import Task, TryAgain

log = structlog.get_logger()

_RESTART_S = 1.0
_TRY_AGAIN_S = 5.0
_GIVE_BACK_S = queue.HEARTBEAT_TIMEOUT.total_seconds() - 2
_GIVE_BACK_AGAIN_S = 0.2
_EXPIRE_EVERY_S = 60.0
_SWEEP_EVERY_S = 3600.0
_PORT_TAKEN_S = 60.0
_SEEN_EVERY_S = 10.0


async def run(services: Services, stop: asyncio.Event) -> None:
    """`work` with a recognizer process, by the settings."""
    async with _recognizer(services) as recognizer:
        await work(services, recognizer, stop)


async def work(services: Services, recognizer: Recognizer, stop: asyncio.Event) -> None:
    """Work until `stop` is set, then finish or give back what runs within settings.stop_grace_s."""
    settings = services.settings
    async with Network(services.policy, tls=settings.tls) as network:
        rules = PublishRules(services.policy, settings.key_template)
        processor = Processor(
            services.database,
            services.objects,
            recognizer,
            network,
            rules,
            settings.public_url,
            settings.max_upload_bytes,
        )
        proofs = Proofs(services.database, _now)
        courier = Courier(network, services.objects, settings.courier, _now, proofs=proofs)
        metrics = Metrics(courier.sessions)
        parts: dict[str, Callable[[], Awaitable[None]]] = {
            "processing": partial(_process_jobs, services, processor, stop),
            "delivery": partial(_dispatch, services, courier, metrics, stop),
            "expiry": partial(_expire, services, stop),
            "sweeping": partial(_sweep, services, stop),
            "manifests": partial(_plan_manifests, services, stop),
            "presence": partial(_be_seen, services, stop),
        }
        if settings.metrics_port:
            parts["metrics"] = partial(_show_metrics, services, metrics, stop)
        async with asyncio.TaskGroup() as group:
            for name, part in parts.items():
                group.create_task(_lasting(name, part, stop))


def _recognizer(services: Services) -> RecognizerProcess:
    settings = services.settings
    return RecognizerProcess(
        settings.model,
        settings.models_folder,
        threads=settings.recognition_threads or None,
        compute_type=settings.compute_type,
        device=settings.device,
        models_by_language=settings.models_by_language,
    )


async def _lasting(name: str, part: Callable[[], Awaitable[None]], stop: asyncio.Event) -> None:
    """Keep one part of the worker going: what ends it (a lost database, above all) may be over soon."""
    while not stop.is_set():
        try:
            await part()
        except Exception as error:
            log.exception("worker.part_restarts", part=name, error=type(error).__name__)
            await _pause(stop, _RESTART_S)


async def _process_jobs(services: Services, processor: Processor, stop: asyncio.Event) -> None:
    settings = services.settings
    trainer = Trainer(services.database, services.objects)
    await queue.work(
        services.database.url,
        {Task.PROCESS: partial(process, processor), Task.TRAIN: partial(train, trainer)},
        concurrency=settings.recordings_at_once,
        stop=stop,
        grace_s=settings.stop_grace_s,
    )


async def process(processor: Processor, media_id: UUID) -> None:
    """One job. Whatever goes wrong may be over by the next try. The recording's starts are counted, but for
    those that the object store, a restart of the database or our own end has ended.
    """
    try:
        await processor.process(media_id)
    except asyncio.CancelledError:
        await asyncio.shield(_give_back(processor, media_id))
        raise
    except OUTAGE as error:
        log.warning("media.object_store_away", media_id=str(media_id), error=type(error).__name__)
        await _give_back(processor, media_id)
        raise TryAgain(_TRY_AGAIN_S, type(error).__name__) from error
    except Exception as error:
        log.exception("media.try_again", media_id=str(media_id), error=type(error).__name__)
        raise TryAgain(_TRY_AGAIN_S, type(error).__name__) from error


async def _give_back(processor: Processor, media_id: UUID) -> None:
    """A database that starts again gets a moment for it. Later the recording may be another worker's."""
    deadline = time.monotonic() + _GIVE_BACK_S
    while True:
        try:
            return await processor.give_back(media_id)
        except deliveries.OUTAGE:
            if time.monotonic() > deadline:
                raise
            await asyncio.sleep(_GIVE_BACK_AGAIN_S)


async def train(trainer: Trainer, training_id: UUID) -> None:
    """The same for a classifier."""
    try:
        await trainer.train(training_id)
    except Exception as error:
        log.exception("classifier.try_again", training_id=str(training_id), error=type(error).__name__)
        raise TryAgain(_TRY_AGAIN_S, type(error).__name__) from error


async def _dispatch(services: Services, courier: Courier, metrics: Metrics, stop: asyncio.Event) -> None:
    settings = services.settings
    wanted = DispatcherSettings(
        at_once=settings.deliveries_at_once,
        schedule=settings.schedule,
        limits=Limits(per_destination=settings.deliveries_per_destination),
        grace_s=settings.stop_grace_s,
    )
    await Dispatcher(services.database, courier, wanted, _now, settled=metrics.settled).run(stop)


async def _show_metrics(services: Services, metrics: Metrics, stop: asyncio.Event) -> None:
    """GET /metrics, for Prometheus, on this machine only: it names the destinations of everybody."""

    async def answer(_: web.Request) -> web.Response:
        text = await metrics.text(services.database, _now())
        return web.Response(body=text, headers={"Content-Type": CONTENT_TYPE_LATEST})

    application = web.Application()
    application.router.add_get("/metrics", answer)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", services.settings.metrics_port).start()
        await stop.wait()
    except OSError as error:  # another worker of this machine has the port: the work goes on all the same
        log.warning("worker.metrics_port_taken", port=services.settings.metrics_port, error=error.strerror)
        await _pause(stop, _PORT_TAKEN_S)
    finally:
        await runner.cleanup()


async def _expire(services: Services, stop: asyncio.Event) -> None:
    while not stop.is_set():
        with suppress(NotFound):  # another worker was faster
            await expire(services.database, services.objects, _now())
        await _pause(stop, _EXPIRE_EVERY_S)


async def _sweep(services: Services, stop: asyncio.Event) -> None:
    while not stop.is_set():
        await sweep(services.database, services.objects, _now())
        await _pause(stop, _SWEEP_EVERY_S)


async def _be_seen(services: Services, stop: asyncio.Event) -> None:
    """Forecasts count the workers there are."""
    worker_id = uuid4()
    while not stop.is_set():
        async with services.database.connection() as connection:
            await workers.seen(connection, worker_id, _now())
        await _pause(stop, _SEEN_EVERY_S)
    async with services.database.connection() as connection:
        await workers.gone(connection, worker_id, _now())


async def _plan_manifests(services: Services, stop: asyncio.Event) -> None:
    while not stop.is_set():
        await plan_manifests(services.database, _now(), services.settings.schedule.length_s)
        await _pause(stop, _EXPIRE_EVERY_S)


def _now() -> datetime:
    return datetime.now(UTC)


async def _pause(stop: asyncio.Event, seconds: float) -> None:
    with suppress(TimeoutError):
        await asyncio.wait_for(stop.wait(), seconds)
