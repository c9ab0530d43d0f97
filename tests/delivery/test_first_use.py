"""A role is tried from outside at its first use, and what is found is told with the delivery."""

from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID, uuid4

import pytest
from demo.customer import Account, Key

from callpost import settings
from callpost.delivery.courier import Courier
from callpost.delivery.signing import Credentials
from callpost.model.configuration import Callback
from callpost.model.delivery import ClaimedDelivery, Delivered
from callpost.model.media import Media, MediaStatus
from callpost.model.results import Report
from callpost.network import Network
from callpost.store import reports
from callpost.store.objects import Objects

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
OURS = UUID(int=1)


def now() -> datetime:
    return datetime.now(UTC)


@pytest.fixture
async def recording(objects: Objects) -> UUID:
    """A recording that failed, whose analytics are to be delivered."""
    media_id = uuid4()
    await reports.save(objects, Report(Media(media_id, OURS, "Acme", MediaStatus.FAILED, NOW), None))
    return media_id


@pytest.mark.parametrize(
    ("external_id", "asked", "warned"), [(None, True, True), (None, False, False), (str(OURS), True, False)]
)
async def test_a_role_that_others_could_use_is_told_of_unless_that_is_switched_off(  # noqa: PLR0917
    objects: Objects,
    account: Account,
    callpost_key: Key,
    recording: UUID,
    external_id: str | None,
    asked: bool,
    warned: bool,
) -> None:
    bucket = account.make_bucket(f"acme-{uuid4().hex[:12]}")
    role = account.make_role(bucket, external_id, name=f"role-{uuid4().hex[:8]}")
    given = settings.load(
        s3_endpoints=(account.endpoint,),
        sts_endpoint=account.endpoint,
        check_roles=asked,
        allow_http=True,
        allow_private_networks=True,
        allowed_ports=(0,),
    )
    own = Credentials(callpost_key.access_key_id, callpost_key.secret)
    claimed = ClaimedDelivery(
        uuid4(), recording, OURS, 1, 1, Callback(f"{account.endpoint}/{bucket}", role=role), "key",
        "application/json", "calls/analytics.json", 0, 1, NOW, NOW, NOW,
    )  # fmt: skip
    async with Network(given.policy) as network:
        courier = Courier(network, objects, given.courier, now, lambda: own)
        first = await courier.deliver(claimed)
        before = courier.sessions.requests
        again = await courier.deliver(replace(claimed, delivery_id=uuid4(), object_key="calls/2.json"))
    assert isinstance(first, Delivered)
    assert isinstance(again, Delivered)
    assert ("confused deputy" in first.warning) is warned
    assert again.warning == first.warning
    assert before == (3 if asked else 1), "one to deliver with, and two that must fail"
    assert courier.sessions.requests == before, "asked once"
