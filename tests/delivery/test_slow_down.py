"""What asks for fewer requests is given one more a little later, and then left to the schedule."""

import hashlib

import pytest
from fault_proxy import Fault, FaultProxy, says, well
from places import LARGE, Place, Way, everywhere, receipt, streamed, where

from callpost.model.delivery import Delivered, Refused


def slow_down(**headers: str) -> Fault:
    return says("SlowDown", 503, "Please reduce your request rate.", **headers)


def writes_asked(faults: FaultProxy) -> list[str]:
    return [line for line in faults.asked if line.startswith("PUT")]


@everywhere
@pytest.mark.parametrize(
    ("headers", "least", "most"), [({}, 0.5, 1.5), ({"Retry_After": "0"}, 0, 0), ({"Retry_After": "2"}, 2, 2)]
)
async def test_a_bucket_that_asks_for_fewer_requests_gets_the_second_one_a_little_later(  # noqa: PLR0917
    place: Place, bucket: str, faults: FaultProxy, headers: dict[str, str], least: float, most: float
) -> None:
    way = Way(place, bucket, signed=False)
    way.meets(faults, slow_down(**headers))
    assert isinstance(await way.put(), Delivered)
    (waited,) = place.pauses
    assert least <= waited <= most
    assert writes_asked(faults) == ["PUT 503", "PUT 200"]
    assert way.arrived()


@everywhere
async def test_a_bucket_that_asks_again_or_for_longer_is_left_to_the_schedule(
    place: Place, bucket: str, faults: FaultProxy
) -> None:
    way = Way(place, bucket, signed=False)
    for met, wait_s, pauses in (([slow_down()] * 2, None, 1), ([slow_down(Retry_After="3")], 3, 0)):
        place.pauses.clear()
        way.meets(faults, *met)
        outcome = await way.put()
        assert isinstance(outcome, Refused)
        assert (outcome.status, outcome.retry_after_s) == (503, wait_s)
        assert (outcome.reason, len(place.pauses)) == ("S3 asks for fewer requests.", pauses)
    assert writes_asked(faults) == ["PUT 503"] * 3


@everywhere
@pytest.mark.parametrize("code", ["InternalError", "ServiceUnavailable"])
async def test_a_server_that_failed_is_the_schedules(
    place: Place, way: Way, faults: FaultProxy, code: str
) -> None:
    way.meets(faults, says(code, 503, Retry_After="1"))
    assert isinstance(await way.put(), Refused)
    assert (writes_asked(faults), place.pauses) == (["PUT 503"], [])


@everywhere
async def test_a_presigned_url_that_meets_slow_down_is_the_schedules(
    place: Place, bucket: str, faults: FaultProxy
) -> None:
    way = Way(place, bucket, signed=True)
    way.meets(faults, slow_down(Retry_After="1"))
    outcome = await way.put()
    assert isinstance(outcome, Refused)
    assert (outcome.status, outcome.retry_after_s, writes_asked(faults)) == (503, 1, ["PUT 503"])


@where(role=True)
async def test_a_large_recording_begins_anew_after_a_slow_down(
    place: Place, bucket: str, faults: FaultProxy
) -> None:
    sent = streamed(LARGE)
    # HEAD, the beginning, a part; the other part is refused.
    faults.fail(well, well, well, slow_down())
    receipt(await place.put(place.folder(bucket), sent, "original.wav"))
    assert hashlib.sha256(place.server.get(bucket, "original.wav")).hexdigest() == sent.sha256
    assert (len(place.pauses), place.server.uploads(bucket)) == (1, [])
