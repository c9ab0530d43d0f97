"""Destinations: prove that results can be delivered, before anything depends on it."""

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
from callpost.model.delivery import Destination
from callpost.network import Network
from callpost.services import Services

router = APIRouter(tags=["Deliveries"])


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


async def _verdict(
    services: Services, target: Destination, organization_id: UUID, *, put_only: bool
) -> Verdict:
    async with Network(services.policy) as network:
        courier = Courier(network, services.objects, services.settings.courier, _now)
        return await courier.preflight.verify(target, organization_id, put_only=put_only)


def _now() -> datetime:
    return datetime.now(UTC)


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
