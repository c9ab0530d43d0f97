"""What a Prometheus server sees of the deliveries of one worker."""

from datetime import datetime

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from callpost.delivery.sessions import Sessions
from callpost.model.delivery import DeliveryState
from callpost.store import destinations
from callpost.store.database import Database
from callpost.store.deliveries import Settlement

_SECONDS = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 15, 60, 300, 900, 3600, 14400, 57600)


class Metrics:
    """Counts attempts as they are recorded; give `settled` to the dispatcher, and `text` to whoever asks."""

    def __init__(self, sessions: Sessions | None = None) -> None:
        self.registry = CollectorRegistry()
        self._sessions = sessions
        self._attempts = Counter(
            "callpost_delivery_attempts",
            "Attempts recorded, by outcome.",
            ["outcome"],
            registry=self.registry,
        )
        self._ended = Counter(
            "callpost_deliveries_ended", "Deliveries that came to an end.", ["state"], registry=self.registry
        )
        self._lasted = Histogram(
            "callpost_delivery_seconds",
            "From results to delivered object.",
            registry=self.registry,
            buckets=_SECONDS,
        )
        self._took = Histogram(
            "callpost_delivery_attempt_seconds",
            "Length of an attempt.",
            registry=self.registry,
            buckets=_SECONDS,
        )
        self._waiting = Gauge(
            "callpost_deliveries_waiting", "Deliveries not ended.", ["destination"], registry=self.registry
        )
        self._oldest = Gauge(
            "callpost_delivery_queue_age_seconds",
            "How long the oldest delivery has been due.",
            ["destination"],
            registry=self.registry,
        )
        self._sts = Gauge("callpost_sts_requests", "AssumeRole requests made.", registry=self.registry)

    def settled(self, settlement: Settlement) -> None:
        """One recorded attempt."""
        self._attempts.labels(settlement.attempt.outcome).inc()
        self._took.observe(settlement.attempt.duration_ms / 1000)
        if settlement.state is not DeliveryState.PENDING:
            self._ended.labels(str(settlement.state)).inc()
        if settlement.receipt is not None:
            created = settlement.claimed.created_at
            self._lasted.observe(max(0.0, (settlement.receipt.delivered_at - created).total_seconds()))

    async def text(self, database: Database, now: datetime) -> bytes:
        """Everything in Prometheus' text format; what waits is counted at this moment."""
        async with database.connection() as connection:
            depths = await destinations.depths(connection, now)
        self._waiting.clear()
        self._oldest.clear()
        for destination, (waiting, oldest_s) in depths.items():
            self._waiting.labels(destination).set(waiting)
            self._oldest.labels(destination).set(oldest_s)
        if self._sessions:
            self._sts.set(self._sessions.requests)
        return generate_latest(self.registry)
