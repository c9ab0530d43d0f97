"""Deliveries: where each callback of a recording stands, every attempt, and the receipt that proves it."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

from fastapi import APIRouter, Request, Response

from callpost.api import answers, lookup, openapi
from callpost.api.auth import Authenticated
from callpost.api.body import small_body
from callpost.api.context import Context
from callpost.api.reading import delivery_request
from callpost.api.reading.delivery_request import ReplayRequest
from callpost.api.reading.parameters import Parameters
from callpost.delivery import change
from callpost.delivery.change import Replayed
from callpost.errors import Problem, Rejected
from callpost.model.delivery import Attempt, Delivery, DeliveryKind, DeliveryState, Receipt
from callpost.pipeline.elsewhere import Elsewhere
from callpost.pipeline.publish import PublishRules
from callpost.render.analytics import timestamp
from callpost.services import Services
from callpost.store import deliveries, destinations
from callpost.store import media as media_store
from callpost.store.database import Connection

router = APIRouter(tags=["Deliveries"])


@router.get("/v3/media/{media_id}/deliveries", operation_id="getDeliveriesById")
async def get_deliveries_of_media(media_id: UUID, services: Context, caller: Authenticated) -> Response:
    """One delivery for each callback, with its receipt or the reason why there is none yet."""
    organization_id = caller.organization.organization_id
    async with services.database.connection() as connection:
        await media_store.get(connection, organization_id, media_id)
        found = await deliveries.of_media(connection, organization_id, media_id)
    path = f"/v3/media/{media_id}"
    return answers.json_response(
        {
            "_links": answers.links(self=f"{path}/deliveries", media=path),
            "deliveries": [_delivery(delivery) for delivery in found],
        }
    )


@router.get("/v3/media/{media_id}/deliveries/{number}", operation_id="getDeliveryByNumber")
async def get_delivery(media_id: UUID, number: int, services: Context, caller: Authenticated) -> Response:
    """One delivery with the history of its attempts."""
    async with services.database.connection() as connection:
        found = await lookup.delivery(connection, caller.organization.organization_id, media_id, number)
        history = await deliveries.attempts(connection, found.delivery_id)
    return answers.json_response(_delivery(found) | {"history": [_attempt(attempt) for attempt in history]})


@router.post("/v3/media/{media_id}/deliveries/{number}/retry", operation_id="retryDelivery")
async def retry_delivery(media_id: UUID, number: int, services: Context, caller: Authenticated) -> Response:
    """Make a delivery that has not arrived due at once, with a whole schedule before it."""
    organization_id = caller.organization.organization_id
    async with services.database.transaction() as connection:
        await lookup.delivery(connection, organization_id, media_id, number)
        due = await deliveries.retry(connection, organization_id, media_id, number, datetime.now(UTC))
        found = await lookup.delivery(connection, organization_id, media_id, number)
    if not due:
        text = "The delivery has arrived already, or is under way at this moment."
        raise Rejected(Problem(60006, text))
    return answers.json_response(_delivery(found))


@router.patch(
    "/v3/media/{media_id}/deliveries/{number}",
    operation_id="changeDelivery",
    openapi_extra=openapi.PATCH_DELIVERY,
)
async def change_delivery(
    media_id: UUID, number: int, request: Request, services: Context, caller: Authenticated
) -> Response:
    """Give a delivery that has not arrived another URL, as one signed anew; it goes out at once."""
    url = delivery_request.read_url(await small_body(request))
    organization_id, now = caller.organization.organization_id, datetime.now(UTC)
    async with services.database.connection() as connection:
        await lookup.delivery(connection, organization_id, media_id, number)
    warnings = await change.fresh_url(
        services.database, organization_id, media_id, number, url, policy=services.policy, now=now
    )
    async with services.database.connection() as connection:
        found = await lookup.delivery(connection, organization_id, media_id, number)
    return answers.json_response(_delivery(found) | {"warnings": answers.warnings(warnings)})


@router.get("/v3/deliveries", operation_id="deliveryQuery", openapi_extra=openapi.DELIVERY_QUERY)
async def get_deliveries(request: Request, services: Context, caller: Authenticated) -> Response:
    """An organization's deliveries, oldest first, by state, destination, time and external id."""
    parameters = Parameters(request.query_params)
    organization_id = caller.organization.organization_id
    async with services.database.connection() as connection:
        after = await _cursor(connection, organization_id, parameters.one("after"))
        query = replace(delivery_request.delivery_query(parameters), after=after)
        found = await deliveries.find(connection, organization_id, query)
    return answers.json_response(
        {
            "_links": answers.links(self="/v3/deliveries") | _next(request, query.limit, found),
            "deliveries": [_delivery(delivery) for delivery in found],
        }
    )


@router.post("/v3/deliveries/replay", operation_id="replayDeliveries", openapi_extra=openapi.REPLAY)
async def replay_deliveries(request: Request, services: Context, caller: Authenticated) -> Response:
    """Send stored results once more, to where they went or somewhere else, without recognising them again."""
    asked = delivery_request.read_replay(await small_body(request))
    done, warnings = await _replay(services, caller.organization.organization_id, asked)
    return answers.json_response(
        {
            "_links": answers.links(self="/v3/deliveries/replay", deliveries="/v3/deliveries"),
            "dryRun": asked.dry_run,
            "count": done.count,
            "expired": done.expired,
            "destinations": done.destinations,
            "warnings": answers.warnings(warnings),
        }
    )


async def _replay(
    services: Services, organization_id: UUID, asked: ReplayRequest
) -> tuple[Replayed, tuple[Problem, ...]]:
    database, now = services.database, datetime.now(UTC)
    if asked.to is None:
        done = await change.replay(database, organization_id, asked.query, now, dry_run=asked.dry_run)
        return done, ()
    rules = PublishRules(services.policy, services.settings.key_template)
    async with database.connection() as connection:
        own = await destinations.schedule(connection, organization_id)
    schedule = own or services.settings.schedule
    return await Elsewhere(database, services.objects, rules, asked.to).replay(
        organization_id, asked.query, schedule, now, dry_run=asked.dry_run
    )


async def _cursor(connection: Connection, organization_id: UUID, value: str | None) -> Delivery | None:
    """The delivery that a page ended with, as `{mediaId}/{number}`."""
    if value is None:
        return None
    media_id, _, number = value.partition("/")
    try:
        return await lookup.delivery(connection, organization_id, UUID(media_id), int(number))
    except ValueError:
        raise Rejected(Problem(10011, "The value of after is not {mediaId}/{number}.", "after")) from None


def _next(request: Request, limit: int, found: Sequence[Delivery]) -> answers.Document:
    if len(found) < limit:
        return {}
    after = f"{found[-1].media_id}/{found[-1].number}"
    return answers.links(next=f"/v3/deliveries?{request.url.include_query_params(after=after).query}")


def _delivery(delivery: Delivery) -> answers.Document:
    """What became of one callback. Its URL stays out: it may be a secret."""
    callback, of_many = delivery.callback, delivery.kind is DeliveryKind.MANIFEST
    path = f"/v3/media/{delivery.media_id}"
    about = {"manifest": f"/v3/receipts/manifests/{delivery.media_id}"} if of_many else {"media": path}
    return answers.present(
        {
            "_links": answers.links(self=f"{path}/deliveries/{delivery.number}", **about),
            "deliveryId": delivery.delivery_id,
            "manifestId" if of_many else "mediaId": delivery.media_id,
            "number": delivery.number,
            "status": delivery.state,
            "type": callback.type if delivery.kind is DeliveryKind.RESULT else delivery.kind,
            "format": callback.format,
            "stream": callback.stream,
            "destination": delivery.destination_key,
            "objectKey": delivery.object_key,
            "contentType": delivery.content_type,
            "dateCreated": timestamp(delivery.created_at),
            "dateDue": timestamp(delivery.due_at) if delivery.state is DeliveryState.PENDING else None,
            "dateEnded": _moment(delivery.ended_at),
            "tries": delivery.tries,
            "attempts": delivery.attempts,
            "reason": delivery.reason,
            "receipt": delivery.receipt and _receipt(delivery.receipt),
            "replayOf": delivery.replay_of,
        }
    )


def _receipt(receipt: Receipt) -> answers.Document:
    return answers.present(
        {
            "location": receipt.location,
            "sha256": receipt.sha256,
            "size": receipt.size,
            "httpStatus": receipt.status,
            "dateDelivered": timestamp(receipt.delivered_at),
            "etag": receipt.etag,
            "versionId": receipt.version_id,
            "encryption": receipt.encryption,
            "conditional": receipt.conditional,
            "verified": receipt.verified,
            "attempts": receipt.attempts,
        }
    )


def _attempt(attempt: Attempt) -> answers.Document:
    return answers.present(
        {
            "number": attempt.number,
            "dateStarted": timestamp(attempt.started_at),
            "durationMillis": attempt.duration_ms,
            "outcome": attempt.outcome,
            "httpStatus": attempt.status,
            "reason": attempt.reason or None,
            "remedy": attempt.remedy or None,
            "excerpt": attempt.excerpt or None,
        }
    )


def _moment(moment: datetime | None) -> str | None:
    return timestamp(moment) if moment else None
