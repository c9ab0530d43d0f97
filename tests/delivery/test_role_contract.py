"""Roles, external IDs and certificates: what is taken and what is not, on every server and transport."""

import ssl
from dataclasses import replace
from uuid import uuid4

import pytest
from certificates import Authority, terminator
from places import DATA, JSON, ORGANIZATION, Place, receipt, where
from s3_servers import ABILITIES, Names

from callpost.delivery import payload
from callpost.delivery.bucket import Written
from callpost.delivery.preflight import Preflight
from callpost.model.delivery import (
    Hopeless,
    Refused,
    Unreachable,
)
from callpost.network import Network


@where(role=True)
async def test_a_role_of_another_organization_is_hopeless(place: Place, bucket: str) -> None:
    folder = place.folder(bucket, role=place.server.make_role(bucket, str(uuid4())))
    outcome = await place.put(folder)
    assert isinstance(outcome, Hopeless)
    assert "external ID" in outcome.reason
    assert "trust policy" in outcome.remedy


@where(role=True)
async def test_a_role_that_does_not_exist_is_hopeless(place: Place, bucket: str) -> None:
    outcome = await place.put(place.folder(bucket, role="arn:aws:iam::999533888199:role/nobody"))
    assert isinstance(outcome, Hopeless)


@where(role=True)
async def test_a_role_that_may_not_write_says_what_to_grant(place: Place, bucket: str) -> None:
    role = place.server.make_role(bucket, str(ORGANIZATION), ("s3:GetObject",))
    outcome = await place.put(place.folder(bucket, role=role))
    assert isinstance(outcome, Refused)
    assert (outcome.status, "s3:PutObject" in outcome.remedy) == (403, True)


@where(role=True)
async def test_a_role_that_may_only_put_is_enough(place: Place, bucket: str) -> None:
    role = place.server.make_role(bucket, str(ORGANIZATION), ("s3:PutObject",))
    folder = place.folder(bucket, "a", role)
    for _ in range(2):
        receipt(await place.put(folder))
    assert place.server.get(bucket, "a/analytics.json") == DATA


@where(sessions=True)
@pytest.mark.parametrize("prefix", ["calls", "a b/ü"])
async def test_a_session_reaches_no_further_than_its_folder(place: Place, bucket: str, prefix: str) -> None:
    folder = place.folder(bucket, prefix)
    receipt(await place.put(folder))
    credentials = next(iter(place.sessions._kept.values()))  # noqa: SLF001
    sent = payload.of_bytes(DATA, None)
    for key in ("elsewhere.json", f"{prefix}x/k", f"x{prefix}/k", "calls2/k"):
        written = Written(folder, key, sent, ORGANIZATION, uuid4())
        answer = await place.buckets.call("PUT", written, credentials, payload=sent)
        assert answer.status == 403, key


@where(sessions=True)
async def test_a_destination_is_proven_before_anything_depends_on_it(place: Place, bucket: str) -> None:
    preflight = Preflight(place.network, place.sessions, place.buckets)
    verdict = await preflight.verify(place.folder(bucket, "a b"), ORGANIZATION)
    passed = {check.name: check.passed for check in verdict.checks}
    can = place.server.can
    # Where there are no roles there is no external ID to be asked for: whoever may deliver may deliver here.
    assert (
        passed.pop("assume-without-external-id") is passed.pop("assume-with-another-external-id") is can.role
    )
    assert passed.pop("conditional-write") is (can.conditional or None)
    assert passed == {"assume": True, "write": True, "read": True, "delete": True}
    assert (place.server.keys(bucket), verdict.conditional) == ([], can.conditional)


@where(role=True)
async def test_a_bucket_of_a_role_that_does_not_exist_is_named(place: Place) -> None:
    folder = place.folder(
        "nobody-has-this", role=place.server.make_role("nobody-has-this", str(ORGANIZATION))
    )
    outcome = await place.put(folder)
    assert isinstance(outcome, Hopeless)
    assert outcome.reason == "There is no such bucket."


# --- certificates


@pytest.mark.parametrize("place", [f"{name}-tls" for name in ABILITIES], indirect=True)
@pytest.mark.parametrize("trusted", [False, True])
async def test_an_unknown_authority_and_another_name_are_refused(
    place: Place, bucket: str, authority: Authority, trusting: ssl.SSLContext, trusted: bool
) -> None:
    """trusted: the authority is known, but the certificate is for another name."""
    folder, url = place.folder(bucket), place.address.presign(bucket, "a", **JSON)
    with terminator(authority.server_context("other.example.test"), place.server.port) as port:
        tls, names = (trusting, Names(port)) if trusted else (None, place.names)
        async with Network(place.address.policy, tls=tls, resolver=names) as network:
            wary = replace(place, network=network)
            outcomes = [await wary.put_signed(wary.read(url)), await wary.put(folder)]
    for outcome in outcomes:
        assert isinstance(outcome, Unreachable)
        cause = "Hostname mismatch" if trusted else "unable to get local issuer certificate"
        assert f"The server's certificate is not valid: {cause}" in outcome.reason
    assert place.server.keys(bucket) == []
