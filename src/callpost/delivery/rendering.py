"""What deliveries send, rendered from the report: once for all that send the same, as the recording ends.

Rendering takes more of the processor than all else a delivery does, and a recording is worked on for minutes
anyway. What was not foreseen then, as a replay elsewhere, is rendered when it is sent: to the same bytes.
"""

import asyncio
import hashlib
from collections.abc import Iterable
from contextlib import suppress
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from callpost.delivery import payload
from callpost.delivery.payload import Payload
from callpost.delivery.recent import Recent
from callpost.model.configuration import Callback, CallbackType
from callpost.model.delivery import ClaimedDelivery
from callpost.model.results import Report
from callpost.render import content
from callpost.store import reports
from callpost.store.objects import Objects

# For deliveries that go out together. What is sent later is made anew: results may have been redacted since.
_LASTS_S = 60.0
_RENDERED_BYTES = 32 * 1024 * 1024
# A word of a report takes about 400 bytes in memory, and a report without any as much as 500 words.
_REPORT_WORDS = 100_000
_LEAST_WORDS = 500
# About 5 ms of rendering, for which a thread would not let go of the interpreter either.
_FEW_WORDS = 500


def prepared(report: Report, callbacks: Iterable[Callback], api_url: str) -> dict[str, bytes]:
    """What the callbacks will send, each once, under the names that `Renderings` looks for. Pure.

    Media is streamed, and what tells of a failure is next to nothing: neither is among them.
    """
    if report.results is None:
        return {}
    wanted = {_name(callback): callback for callback in callbacks if callback.type is not CallbackType.MEDIA}
    return {name: content.render(report, callback, api_url) for name, callback in wanted.items()}


def _name(callback: Callback) -> str:
    """The same for callbacks that send the same."""
    parts = [callback.type, callback.format or "", *(callback.include or ("*",))]
    if callback.fraction_digits is not None:
        parts.append(str(callback.fraction_digits))
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:32]


class _Planned(NamedTuple):
    """Results that were made anew are planned anew, at another time."""

    media_id: UUID
    at: datetime


class _Content(NamedTuple):
    """What tells one rendering from another."""

    planned: _Planned
    name: str
    content_type: str | None


class Renderings:
    """The deliveries of a recording are planned together and go out together, wherever they go to: one
    reading of the report serves them all, and one rendering those that send the same.
    """

    def __init__(self, objects: Objects, api_url: str) -> None:
        """api_url: under which customers reach callpost; goes into the rendered links."""
        self._objects = objects
        self._api_url = api_url
        self._reports = Recent[_Planned, Report](_REPORT_WORDS, _weight, lasts_s=_LASTS_S)
        self._payloads = Recent[_Content, Payload](_RENDERED_BYTES, lambda made: made.size, lasts_s=_LASTS_S)

    async def report(self, claimed: ClaimedDelivery) -> Report:
        """What the delivery is rendered from. Raises KeyError where it is gone."""
        planned = _Planned(claimed.media_id, claimed.created_at)
        return await self._reports.get(planned, lambda: reports.load(self._objects, claimed.media_id))

    async def payload(self, claimed: ClaimedDelivery) -> Payload:
        """What an analytics or transcript delivery sends. Raises KeyError where the results are gone."""
        planned = _Planned(claimed.media_id, claimed.created_at)
        wanted = _Content(planned, _name(claimed.callback), claimed.content_type)
        return await self._payloads.get(wanted, lambda: self._render(claimed))

    async def _render(self, claimed: ClaimedDelivery) -> Payload:
        with suppress(KeyError):
            name = _name(claimed.callback)
            data = await reports.load_rendering(self._objects, claimed.media_id, name)
            return payload.of_bytes(data, claimed.content_type)
        report = await self.report(claimed)
        if _words(report) <= _FEW_WORDS:
            return self._rendered(report, claimed)
        # A long transcript takes its time, in which every other delivery would stand still.
        return await asyncio.to_thread(self._rendered, report, claimed)

    def _rendered(self, report: Report, claimed: ClaimedDelivery) -> Payload:
        data = content.render(report, claimed.callback, self._api_url)
        return payload.of_bytes(data, claimed.content_type)


def _weight(report: Report) -> int:
    return max(_LEAST_WORDS, _words(report))


def _words(report: Report) -> int:
    return sum(len(turn.words) for turn in report.results.transcript.turns) if report.results else 0
