"""Destinations: how they do, holding them back, and proving one before anything depends on it."""

from datetime import UTC, datetime
from uuid import UUID

from fastapi import APIRouter, Request, Response

from callpost.api import answers, openapi
from callpost.api.auth import Authenticated
from callpost.api.body import small_body
from callpost.api.context import Context
from callpost.api.reading import delivery_request
from callpost.delivery import destination
from callpost.delivery.courier import Courier
from callpost.delivery.preflight import Check, Verdict
from callpost.errors import NotFound, Problem
from callpost.model.delivery import Destination, DestinationStatus
from callpost.network import Network
from callpost.render.analytics import timestamp
from callpost.services import Services
from callpost.store import destinations as store
from callpost.store.database import Connection

router = APIRouter(tags=["Deliveries"])


@router.get("/v3/destinations", operation_id="getDestinations")
async def get_destinations(services: Context, caller: Authenticated) -> Response:
    """Everywhere that results went or are to go: what waits there, failures in a row, pauses."""
    async with services.database.connection() as connection:
        found = await store.destinations(connection, caller.organization.organization_id)
    return answers.json_response(
        {
            "_links": answers.links(self="/v3/destinations"),
            "destinations": [_status(status) for status in found],
        }
    )


@router.post("/v3/destinations/pause", operation_id="pauseDestination", openapi_extra=openapi.DESTINATION_KEY)
async def pause(request: Request, services: Context, caller: Authenticated) -> Response:
    """Hold everything back that goes to a destination, until it is resumed; nothing of it fails meanwhile."""
    key = delivery_request.read_destination_key(await small_body(request))
    organization_id = caller.organization.organization_id
    async with services.database.transaction() as connection:
        known = await store.pause(connection, organization_id, key, _now())
        return await _changed(connection, organization_id, key, known=known)


@router.post(
    "/v3/destinations/resume", operation_id="resumeDestination", openapi_extra=openapi.DESTINATION_KEY
)
async def resume(request: Request, services: Context, caller: Authenticated) -> Response:
    """Let deliveries go out again; the failures of before are forgotten."""
    key = delivery_request.read_destination_key(await small_body(request))
    organization_id = caller.organization.organization_id
    async with services.database.transaction() as connection:
        known = await store.resume(connection, organization_id, key)
        return await _changed(connection, organization_id, key, known=known)


@router.put(
    "/v3/destinations/limit", operation_id="limitDestination", openapi_extra=openapi.DESTINATION_LIMIT
)
async def limit(request: Request, services: Context, caller: Authenticated) -> Response:
    """How many requests a destination gets at a time, over all workers; null: the operator's default."""
    asked = delivery_request.read_limit(await small_body(request))
    key, organization_id = asked.destination_key, caller.organization.organization_id
    async with services.database.transaction() as connection:
        known = await store.limit(connection, organization_id, key, asked.concurrency)
        return await _changed(connection, organization_id, key, known=known)


@router.post(
    "/v3/destinations/verify", operation_id="verifyDestination", openapi_extra=openapi.VERIFY_DESTINATION
)
async def verify(request: Request, services: Context, caller: Authenticated) -> Response:
    """Try a destination, given as in publish.callbacks: a role from every side, a bucket by a small object.

    putOnly: the role may do no more than write, so that nothing is read back or deleted.
    """
    asked = delivery_request.read_destination(await small_body(request))
    target, warnings = destination.read(asked.callback, "", services.policy)
    verdict = await _verdict(services, target, caller.organization.organization_id, put_only=asked.put_only)
    return answers.json_response(_document(verdict) | {"warnings": answers.warnings(warnings)})


async def _changed(connection: Connection, organization_id: UUID, key: str, *, known: bool) -> Response:
    if not known:
        raise NotFound(Problem(10205, f"Nothing was ever to be delivered to {key}."))
    found = await store.destinations(connection, organization_id)
    status = next(status for status in found if status.destination_key == key)
    return answers.json_response(_status(status))


async def _verdict(
    services: Services, target: Destination, organization_id: UUID, *, put_only: bool
) -> Verdict:
    async with Network(services.policy, tls=services.settings.tls) as network:
        courier = Courier(network, services.objects, services.settings.courier, _now)
        return await courier.preflight.verify(target, organization_id, put_only=put_only)


def _now() -> datetime:
    return datetime.now(UTC)


def _status(status: DestinationStatus) -> answers.Document:
    moments = {
        "dateOldestDue": status.oldest_due_at,
        "dateFailingSince": status.failing_since,
        "dateClosedUntil": status.closed_until,
        "datePaused": status.paused_at,
    }
    return {
        "_links": answers.links(destinations="/v3/destinations"),
        "destination": status.destination_key,
        "paused": status.paused_at is not None,
        "waiting": status.waiting,
        "failures": status.failures,
        "concurrency": status.concurrency,
        **{name: timestamp(moment) for name, moment in moments.items() if moment},
    }


def _document(verdict: Verdict) -> answers.Document:
    return answers.present(
        {
            "_links": answers.links(self="/v3/destinations/verify"),
            "destination": verdict.destination_key,
            "passed": verdict.passed,
            "region": verdict.region,
            "encryption": verdict.encryption,
            "conditionalWrites": verdict.conditional,
            "checks": [_check(check) for check in verdict.checks],
        }
    )


def _check(check: Check) -> answers.Document:
    return answers.present(
        {
            "name": check.name,
            "passed": check.passed,
            "detail": check.detail or None,
            "remedy": check.remedy or None,
            "snippet": check.snippet or None,
        }
    )
