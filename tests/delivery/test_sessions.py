"""Sessions with customers' roles: one request for many deliveries, refreshed in time, shared with nobody."""

import asyncio
import json
from datetime import timedelta
from itertools import repeat
from urllib.parse import parse_qsl, urlencode
from uuid import uuid4

import pytest
from aiohttp import web
from fault_proxy import Fault, FaultProxy, Request, answers, breaks_while_sending, late, never_answers, says
from places import DATA, ORGANIZATION, Place, on_aws, receipt, where

from callpost.delivery import payload, session_policy
from callpost.delivery.aws import Aws
from callpost.delivery.bucket import Buckets, Written
from callpost.delivery.preflight import Preflight, Roles
from callpost.delivery.sessions import Sessions
from callpost.delivery.signing import Credentials
from callpost.model.delivery import BucketFolder, Delivered, Hopeless, Outcome, Refused, Unreachable

FOLDER = BucketFolder("acme-calls", "calls", "arn:aws:iam::999533888199:role/r")


def asked_of_sts(faults: FaultProxy) -> list[dict[str, str]]:
    return [dict(parse_qsl(passed.body.decode())) for passed in faults.passed if passed.is_sts]


async def many(place: Place, folder: BucketFolder, count: int = 30) -> list[Outcome]:
    return list(await asyncio.gather(*(place.put(folder, name=f"{n}.json") for n in range(count))))


@where(sessions=True)
async def test_one_session_serves_many_deliveries(place: Place, bucket: str, faults: FaultProxy) -> None:
    faults.fail(sts=[late(0.3)])
    outcomes = await many(place, place.folder(bucket, "a"))
    assert {type(outcome) for outcome in outcomes} == {Delivered}
    assert (len(asked_of_sts(faults)), len(place.server.keys(bucket))) == (1, 30)


@where(role=True)
async def test_a_session_is_asked_for_this_folder_this_organization_and_this_recording(
    place: Place, bucket: str, faults: FaultProxy
) -> None:
    folder = place.folder(bucket, "calls/2026")
    written = Written(folder, "calls/2026/k", payload.of_bytes(DATA, None), ORGANIZATION, uuid4())
    receipt(await place.buckets.put(written))
    (form,) = asked_of_sts(faults)
    assert (form["RoleArn"], form["ExternalId"]) == (folder.role, str(ORGANIZATION))
    # A session by a session lasts an hour at the most (AWS: role chaining), and callpost may run under one.
    assert (form["RoleSessionName"], form["DurationSeconds"]) == (str(written.media_id), "3600")
    (objects, *_) = json.loads(form["Policy"])["Statement"]
    assert objects["Resource"] == f"arn:aws:s3:::{bucket}/calls/2026/*"


@where(role=True)
async def test_sessions_are_shared_neither_between_organizations_nor_between_folders(
    place: Place, bucket: str, faults: FaultProxy
) -> None:
    folder = place.folder(bucket, "a")
    receipt(await place.put(folder))
    assert isinstance(await place.put(folder, who=uuid4()), Hopeless)
    receipt(await place.put(place.folder(bucket, "b", folder.role)))
    assert len(asked_of_sts(faults)) == 3


@where(sessions=True)
@pytest.mark.parametrize(("minutes", "requests"), [(49, 1), (51, 2)])
async def test_a_session_is_refreshed_ten_minutes_before_it_ends(
    place: Place, bucket: str, minutes: int, requests: int
) -> None:
    folder = place.folder(bucket, "a")
    receipt(await place.put(folder, name="1"))
    place.clock_offset = timedelta(minutes=minutes)
    receipt(await place.put(folder, name="2"))
    await asyncio.sleep(0.3)
    receipt(await place.put(folder, name="3"))
    assert place.sessions.requests == requests


@where(sessions=True)
@pytest.mark.parametrize(("minutes", "delivered"), [(51, True), (59.5, False)])
async def test_a_session_serves_on_while_sts_cannot_be_had(
    place: Place, bucket: str, faults: FaultProxy, minutes: float, delivered: bool
) -> None:
    folder = place.folder(bucket, "a")
    receipt(await place.put(folder, name="1"))
    place.clock_offset = timedelta(minutes=minutes)
    faults.sts = repeat(says("ServiceUnavailable", 503))
    for name in ("2", "3", "4"):
        assert isinstance(await place.put(folder, name=name), Delivered if delivered else Refused)
        await asyncio.sleep(0.1)
    # Where it is served on, STS is asked every ten seconds and not for each delivery.
    assert len(asked_of_sts(faults)) == 2 if delivered else 4


def short_lived(place: Place, folder: BucketFolder) -> Fault:
    """A real session of one second, said to last an hour."""

    async def fault(_: Request) -> web.Response:
        form = {"Action": "AssumeRole", "Version": "2011-06-15", "RoleArn": folder.role}
        form |= {"RoleSessionName": "short", "DurationSeconds": "1", "ExternalId": str(ORGANIZATION)}
        callpost = place.server.callpost
        assert callpost is not None
        own = Credentials(callpost.access_key_id, callpost.secret)
        text = await place.ask_sts(urlencode(form).encode(), own)
        begin, end = text.index("<Expiration>") + len("<Expiration>"), text.index("</Expiration>")
        lasting = (place.clock() + timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
        return web.Response(text=text[:begin] + lasting + text[end:])

    return fault


@on_aws
async def test_a_session_that_really_ended_is_replaced_once(
    place: Place, bucket: str, faults: FaultProxy
) -> None:
    folder = place.folder(bucket)
    faults.fail(sts=[short_lived(place, folder)])
    receipt(await place.put(folder, name="before.json"))
    await asyncio.sleep(2.1)
    receipt(await place.put(folder, name="after.json"))
    assert sorted(place.server.keys(bucket)) == ["after.json", "before.json"]
    assert len(asked_of_sts(faults)) == 2


@where(sessions=True)
@pytest.mark.parametrize("code", ["ExpiredToken", "InvalidToken"])
async def test_a_session_that_ends_again_at_once_is_the_schedules(
    place: Place, bucket: str, faults: FaultProxy, code: str
) -> None:
    faults.s3 = repeat(says(code, 400))
    assert isinstance(await place.put(place.folder(bucket)), Refused)
    assert place.sessions.requests == 2
    assert [line for line in faults.asked if line.startswith("PUT")] == ["PUT 400"] * 2


@on_aws
@pytest.mark.parametrize(
    ("fault", "kind", "cause"),
    [
        (says("AccessDenied", 403), Hopeless, "external ID"),
        (
            says("ValidationError", 400, "The requested DurationSeconds exceeds"),
            Hopeless,
            "not take this role",
        ),
        (says("MalformedPolicyDocument", 400), Hopeless, "folder's name"),
        (says("RegionDisabledException", 403), Refused, "STS is disabled"),
        (says("InvalidClientTokenId", 403), Refused, "operator"),
        (says("Throttling", 400), Refused, "STS asks for fewer requests."),
        (says("ServiceUnavailable", 503, Retry_After="9"), Refused, "STS is not available."),
        (answers(200, "<html>Welcome to this network</html>"), Refused, "without credentials"),
        (
            answers(200, "<Credentials><AccessKeyId>A</AccessKeyId></Credentials>"),
            Refused,
            "without credentials",
        ),
        (answers(200, ""), Refused, "without credentials"),
        (answers(302, "", Location="https://evil.org/"), Refused, "STS answered 302."),
        (breaks_while_sending, Unreachable, "STS:"),
    ],
)
async def test_a_role_that_is_not_assumed_says_why_and_the_next_attempt_asks_again(  # noqa: PLR0917
    place: Place, bucket: str, faults: FaultProxy, fault: Fault, kind: type[Outcome], cause: str
) -> None:
    folder = place.folder(bucket)
    faults.fail(sts=[fault])
    outcome = await place.put(folder)
    assert isinstance(outcome, kind)
    assert cause in outcome.reason
    assert faults.asked == []
    receipt(await place.put(folder))


@on_aws
async def test_sts_that_never_answers_is_given_up(place: Place, bucket: str, faults: FaultProxy) -> None:
    faults.fail(sts=[never_answers])
    outcome = await place.put(place.folder(bucket))
    assert isinstance(outcome, Unreachable)
    assert outcome.reason.startswith("STS: There was no answer within")


@on_aws
async def test_a_failed_session_is_told_to_all_and_not_kept(
    place: Place, bucket: str, faults: FaultProxy
) -> None:
    async def late_refusal(request: Request) -> web.StreamResponse | None:
        await asyncio.sleep(0.3)
        return await says("Throttling", 400)(request)

    faults.fail(sts=[late_refusal])
    folder = place.folder(bucket)
    assert {type(outcome) for outcome in await many(place, folder, 5)} == {Refused}
    assert place.sessions.requests == 1
    assert isinstance(await place.put(folder), Delivered)


@on_aws
async def test_one_who_stops_waiting_takes_the_session_from_nobody(
    place: Place, bucket: str, faults: FaultProxy
) -> None:
    faults.fail(sts=[late(0.5)])
    folder = place.folder(bucket)
    first, second = (asyncio.create_task(place.put(folder, name=name)) for name in ("1", "2"))
    await asyncio.sleep(0.2)
    first.cancel()
    assert isinstance(await second, Delivered)
    assert place.sessions.requests == 1


@on_aws
async def test_without_credentials_of_our_own_it_is_the_operators_fault(place: Place) -> None:
    requests = Aws(place.network, place.clock)
    buckets = Buckets(requests, Sessions(requests, own=lambda: None))
    outcome = await buckets.put(Written(FOLDER, "k", payload.of_bytes(DATA, None), ORGANIZATION, uuid4()))
    assert isinstance(outcome, Unreachable)
    assert "operator" in outcome.reason


@on_aws
async def test_a_role_that_is_open_to_others_is_found_out_once_a_day(place: Place, bucket: str) -> None:
    preflight = Preflight(place.network, place.sessions, place.buckets)
    folder = place.folder(bucket, role=place.server.make_role(bucket, None))
    roles = Roles(preflight, place.clock)
    warnings = await asyncio.gather(*(roles.warning(folder, ORGANIZATION) for _ in range(20)))
    assert all("confused deputy" in warning for warning in warnings)
    assert place.sessions.requests == 2
    assert await roles.warning(place.folder(bucket), ORGANIZATION) == ""
    assert await Roles(preflight, place.clock, enabled=False).warning(folder, ORGANIZATION) == ""
    assert place.sessions.requests == 4
    place.clock_offset = timedelta(days=1, minutes=1)
    await roles.warning(folder, ORGANIZATION)
    assert place.sessions.requests > 4


def test_the_session_policy_names_one_folder_and_stays_within_awss_limit() -> None:
    def resource(prefix: str, key: str) -> str:
        folder = BucketFolder("acme-calls", prefix, FOLDER.role)
        text = session_policy.writing(folder, key)
        assert len(text) <= 2048
        return str(json.loads(text)["Statement"][0]["Resource"])

    assert resource("a*b?c$d", "a*b?c$d/k") == "arn:aws:s3:::acme-calls/a${*}b${?}c${$}d/*"
    assert resource("calls", "elsewhere/k") == "arn:aws:s3:::acme-calls/*"
    assert resource("", "k") == "arn:aws:s3:::acme-calls/*"
    assert resource("*" * 800, f"{'*' * 800}/k") == "arn:aws:s3:::acme-calls/*"
