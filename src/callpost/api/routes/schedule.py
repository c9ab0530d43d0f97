"""When deliveries that failed are tried again: the operator's schedule, or one of the organization's own."""

from uuid import UUID

from fastapi import APIRouter, Request, Response

from callpost.api import answers, openapi
from callpost.api.auth import Authenticated
from callpost.api.body import small_body
from callpost.api.context import Context
from callpost.api.reading import delivery_request
from callpost.model.delivery import RetrySchedule
from callpost.services import Services
from callpost.store import destinations

router = APIRouter(tags=["Deliveries"])

_PATH = "/v3/profile/delivery-schedule"


@router.get(_PATH, operation_id="getDeliverySchedule")
async def get_schedule(services: Context, caller: Authenticated) -> Response:
    """The retry schedule of the organization's deliveries."""
    async with services.database.connection() as connection:
        own = await destinations.schedule(connection, caller.organization.organization_id)
    return _answer(services, own)


@router.put(_PATH, operation_id="setDeliverySchedule", openapi_extra=openapi.json_body("DeliverySchedule"))
async def put_schedule(request: Request, services: Context, caller: Authenticated) -> Response:
    """Give the organization a schedule of its own, as a whole; also what waits is tried by it from now on."""
    own = delivery_request.read_schedule(await small_body(request))
    await _set(services, caller.organization.organization_id, own)
    return _answer(services, own)


@router.delete(_PATH, operation_id="resetDeliverySchedule")
async def reset_schedule(services: Context, caller: Authenticated) -> Response:
    """Go back to the operator's schedule."""
    await _set(services, caller.organization.organization_id, None)
    return _answer(services, None)


async def _set(services: Services, organization_id: UUID, own: RetrySchedule | None) -> None:
    async with services.database.connection() as connection:
        await destinations.set_schedule(connection, organization_id, own)


def _answer(services: Services, own: RetrySchedule | None) -> Response:
    applies = own or services.settings.schedule
    return answers.json_response(
        {
            "_links": answers.links(self=_PATH),
            "own": own is not None,
            "waitsInSeconds": applies.slots_s,
            "triesPerSlot": applies.tries_per_slot,
            "strict": applies.strict,
            "tries": applies.tries,
            "lengthInSeconds": applies.length_s,
        }
    )
