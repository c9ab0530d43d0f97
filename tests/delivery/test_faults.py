"""What AWS and networks do on bad days and no test server imitates, played by a proxy before a real one.

After each fault the next attempt meets the real server, which shows what has become of the object.
"""

import asyncio
import base64
import hashlib
from datetime import timedelta
from itertools import repeat

import pytest
from aiohttp import web
from demo.customer import CUSTOMER_ACCOUNT
from fault_proxy import (
    Fault,
    FaultProxy,
    Request,
    answers,
    breaks_in_the_answer,
    breaks_while_sending,
    checks_the_clock,
    elsewhere,
    loses_the_answer,
    never_answers,
    says,
)
from places import DATA, LARGE, Place, Way, everywhere, impatient, on_aws, receipt, streamed, where

from callpost.model.configuration import S3Options
from callpost.model.delivery import Delivered, Hopeless, Refused, Unreachable

ETAG = f'"{hashlib.md5(DATA, usedforsecurity=False).hexdigest()}"'


# --- connections


@everywhere
async def test_a_connection_that_breaks_while_sending_is_unreachable(
    place: Place, way: Way, faults: FaultProxy
) -> None:
    way.meets(faults, *[breaks_while_sending] * 2)
    outcome = await way.put(streamed(5_000_000, "application/json"))
    assert isinstance(outcome, Unreachable)
    assert faults.writes == 0
    assert isinstance(await way.put(), Delivered)
    assert way.arrived()


@everywhere
@pytest.mark.parametrize("fault", [loses_the_answer, breaks_in_the_answer])
async def test_an_object_whose_answer_was_lost_is_there_once(
    place: Place, way: Way, faults: FaultProxy, fault: Fault
) -> None:
    way.meets(faults, fault)
    first = await way.put()
    # A kept connection that breaks may be a stale one, and is tried once more at once.
    assert isinstance(first, Unreachable | Delivered)
    assert isinstance(await way.put(), Delivered)
    assert way.arrived()


@where(versions=True)
async def test_a_lost_answer_makes_no_second_version(place: Place, bucket: str, faults: FaultProxy) -> None:
    s3 = place.server.client()
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    way = Way(place, bucket, signed=False)
    way.meets(faults, loses_the_answer)
    await way.put()
    proof = receipt(await way.put())
    (version,) = s3.list_object_versions(Bucket=bucket)["Versions"]
    assert proof.version_id == version["VersionId"]


@everywhere
async def test_an_answer_that_never_comes_is_not_waited_for(
    place: Place, way: Way, faults: FaultProxy
) -> None:
    way.meets(faults, never_answers)
    async with asyncio.timeout(5):
        outcome = await way.put(impatient())
    assert isinstance(outcome, Unreachable)
    assert "no answer within" in outcome.reason
    assert isinstance(await way.put(), Delivered)


# --- answers


@everywhere
async def test_success_with_an_error_inside_is_none(place: Place, way: Way, faults: FaultProxy) -> None:
    way.meets(faults, says("InternalError", 200))
    outcome = await way.put()
    assert isinstance(outcome, Refused)
    assert (outcome.status, outcome.reason) == (200, "S3 failed.")
    assert isinstance(await way.put(), Delivered)


@everywhere
async def test_an_object_that_arrived_otherwise_is_no_success(
    place: Place, way: Way, faults: FaultProxy
) -> None:
    way.meets(faults, answers(200, ETag=f'"{"0" * 32}"'))
    outcome = await way.put()
    assert isinstance(outcome, Refused)
    assert "not that of what was sent" in outcome.reason


@everywhere
async def test_a_redirect_to_somebody_else_is_not_followed(
    place: Place, way: Way, faults: FaultProxy
) -> None:
    text = "<Error><Code>TemporaryRedirect</Code></Error>"
    way.meets(faults, *[answers(307, text, Location="https://acme.s3-eu-west-1.evil.org/k")] * 2)
    outcome = await way.put()
    assert isinstance(outcome, Refused)
    assert (outcome.status, faults.writes) == (307, 0)
    assert len({passed.host for passed in faults.passed if not passed.is_sts}) == 1


@where(role=True)
async def test_an_error_at_the_end_of_the_parts_gives_them_up(
    place: Place, bucket: str, faults: FaultProxy
) -> None:
    async def fails_at_the_end(request: Request) -> web.StreamResponse | None:
        is_end = request.raw.method == "POST" and "uploadId" in request.raw.query
        return await says("InternalError", 200)(request) if is_end else None

    faults.s3 = repeat(fails_at_the_end)
    outcome = await place.put(place.folder(bucket), streamed(LARGE))
    assert isinstance(outcome, Refused)
    assert (place.server.keys(bucket), place.server.uploads(bucket)) == ([], [])


@on_aws
@pytest.mark.parametrize(
    ("fault", "hopeless", "cause"),
    [
        (says("AccessDenied", 403, "Request has expired"), True, "The URL has expired."),
        (says("AccessDenied", 403, "Access Denied"), False, "may not write"),
        (says("SignatureDoesNotMatch", 403), True, "signed for another request"),
        (says("ExpiredToken", 400), True, "session that signed the URL has ended"),
        (says("InvalidToken", 400), True, "session that signed the URL"),
        (says("InvalidRequest", 400, "Please use AWS4-HMAC-SHA256."), True, "kind of signature"),
        (says("InvalidRequest", 400, "Missing something"), False, "InvalidRequest"),
        (says("InvalidAccessKeyId", 403), True, "access key"),
        (says("AuthorizationQueryParametersError", 400, "the region 'x' is wrong"), True, "another region"),
        (says("PermanentRedirect", 301), True, "another region"),
        (says("TemporaryRedirect", 307), False, "redirects are not followed"),
        (says("NoSuchBucket", 404), True, "no such bucket"),
        (says("RequestTimeTooSkewed", 403), False, "clocks"),
        (says("InternalError", 500), False, "S3 failed"),
        (answers(502, "<html>"), False, "502"),
    ],
)
async def test_what_a_presigned_url_cannot_be_mended_by_waiting_is_hopeless(  # noqa: PLR0917
    place: Place, bucket: str, faults: FaultProxy, fault: Fault, hopeless: bool, cause: str
) -> None:
    faults.fail(fault)
    outcome = await Way(place, bucket, signed=True).put()
    assert isinstance(outcome, Hopeless if hopeless else Refused)
    assert cause in outcome.reason
    assert bool(outcome.remedy) or not hopeless
    assert len(faults.asked) == 1


@on_aws
async def test_what_was_signed_is_not_repeated_in_the_history(
    place: Place, bucket: str, faults: FaultProxy
) -> None:
    faults.fail(says("SignatureDoesNotMatch", 403, "no", "<StringToSign>secret</StringToSign>"))
    outcome = await Way(place, bucket, signed=True).put()
    assert isinstance(outcome, Hopeless)
    assert outcome.excerpt == "SignatureDoesNotMatch: no"


# --- regions


def moved(region: str) -> list[Fault]:
    """The three ways in which AWS says that a bucket is elsewhere."""
    location = f"https://acme-calls.s3-{region}.amazonaws.com/calls/k"
    return [
        says("PermanentRedirect", 301, x_amz_bucket_region=region),
        says("AuthorizationHeaderMalformed", 400, extra=f"<Region>{region}</Region>"),
        says("TemporaryRedirect", 307, Location=location),
    ]


@on_aws
@pytest.mark.parametrize("refusal", moved("eu-west-1"), ids=["301", "400", "307"])
async def test_a_wrong_region_is_corrected_once_and_remembered(
    place: Place, faults: FaultProxy, refusal: Fault
) -> None:
    bucket = place.server.make_bucket("eu-west-1")
    faults.s3 = repeat(elsewhere("eu-west-1", refusal))
    folder = place.folder(bucket)
    for name in ("a.json", "b.json"):
        assert isinstance(await place.put(folder, name=name), Delivered)
    hosts = [passed.host for passed in faults.passed if not passed.is_sts]
    assert hosts == ["s3.us-east-1.amazonaws.com", *["s3.eu-west-1.amazonaws.com"] * 2]
    assert sorted(place.server.keys(bucket)) == ["a.json", "b.json"]


@on_aws
async def test_an_unknown_region_is_asked_for_and_remembered(place: Place, faults: FaultProxy) -> None:
    bucket = place.server.make_bucket("eu-west-1")
    faults.fail(says("AccessDenied", 403, x_amz_bucket_region="eu-west-1"))
    folder = place.folder(bucket, url=f"s3://{bucket}")
    for name in ("a.json", "b.json"):
        assert isinstance(await place.put(folder, name=name), Delivered)
    asked = [f"{passed.method} {passed.host}" for passed in faults.passed if not passed.is_sts]
    assert asked == ["HEAD s3.us-east-1.amazonaws.com", *["PUT s3.eu-west-1.amazonaws.com"] * 2]


@on_aws
async def test_a_region_that_is_none_never_becomes_part_of_a_host(
    place: Place, bucket: str, faults: FaultProxy
) -> None:
    faults.s3 = repeat(says("PermanentRedirect", 301, x_amz_bucket_region="evil.org/x"))
    for url in (None, f"s3://{bucket}"):
        assert isinstance(await place.put(place.folder(bucket, url=url)), Refused)
    assert {passed.host for passed in faults.passed if not passed.is_sts} == {"s3.us-east-1.amazonaws.com"}


@on_aws
async def test_regions_that_contradict_each_other_end(place: Place, bucket: str, faults: FaultProxy) -> None:
    faults.fail(*(moved("eu-west-1")[0], moved("us-east-1")[0]) * 2)
    assert isinstance(await place.put(place.folder(bucket)), Refused)
    assert len(faults.asked) == 2


@on_aws
async def test_a_bucket_of_somebody_else_is_left_alone(place: Place, bucket: str, faults: FaultProxy) -> None:
    async def checks_the_owner(request: Request) -> web.StreamResponse | None:
        is_right = request.headers.get("x-amz-expected-bucket-owner") == CUSTOMER_ACCOUNT
        return None if is_right else await says("AccessDenied", 403, "Access Denied")(request)

    faults.s3 = repeat(checks_the_owner)
    role = place.folder(bucket).role
    wrong, right = (
        place.folder(bucket, role=role, s3_options=S3Options(expected_bucket_owner=owner))
        for owner in ("111111111111", CUSTOMER_ACCOUNT)
    )
    refused = await place.put(wrong)
    assert isinstance(refused, Refused)
    assert "does not belong to the account 111111111111" in refused.reason
    assert isinstance(await place.put(right), Delivered)


# --- clocks


@everywhere
@pytest.mark.parametrize("minutes", [-20, 20])
async def test_a_wrong_clock_is_set_by_the_servers(
    place: Place, bucket: str, faults: FaultProxy, minutes: int
) -> None:
    place.clock_offset = timedelta(minutes=minutes)
    faults.s3 = faults.sts = repeat(checks_the_clock)
    folder = place.folder(bucket)
    for name in ("a.json", "b.json"):
        assert isinstance(await place.put(folder, name=name), Delivered)
    refused = [line for line in faults.asked if line == "PUT 403"]
    assert (len(refused), sorted(place.server.keys(bucket))) == (1, ["a.json", "b.json"])


# --- conditional writes


@everywhere
async def test_a_server_that_refuses_the_condition_is_remembered_and_the_receipt_says_so(
    place: Place, bucket: str, faults: FaultProxy
) -> None:
    async def refuses_the_condition(request: Request) -> web.StreamResponse | None:
        return await says("NotImplemented", 501)(request) if "if-none-match" in request.headers else None

    faults.s3 = repeat(refuses_the_condition)
    folder = place.folder(bucket)
    for name in ("a.json", "b.json", "a.json"):
        assert receipt(await place.put(folder, name=name)).conditional is False
    conditions = ["if-none-match" in passed.headers for passed in faults.passed if passed.method == "PUT"]
    assert conditions == [True, False, False]


@everywhere
async def test_a_write_that_meets_another_is_tried_again_later(
    place: Place, bucket: str, faults: FaultProxy
) -> None:
    way = Way(place, bucket, signed=False)
    way.meets(faults, says("ConditionalRequestConflict", 409))
    assert isinstance(await way.put(), Refused)
    assert isinstance(await way.put(), Delivered)


@on_aws
async def test_an_object_of_another_checksum_is_not_taken_for_ours(
    place: Place, bucket: str, faults: FaultProxy
) -> None:
    other = base64.b64encode(hashlib.sha256(b"[]").digest()).decode()
    same_size = {"ETag": ETAG, "x_amz_checksum_sha256": other, "Content_Length": str(len(DATA))}

    async def shows_another(request: Request) -> web.StreamResponse:
        return web.Response(headers={name.replace("_", "-"): value for name, value in same_size.items()})

    faults.fail(says("PreconditionFailed", 412), shows_another)
    assert receipt(await place.put(place.folder(bucket))).conditional is False
    assert [line.split()[0] for line in faults.asked] == ["PUT", "HEAD", "PUT"]
