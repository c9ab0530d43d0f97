"""Proving a destination before anything depends on it.

For a role: that it cannot be assumed without an external ID nor with another one (else anybody who knows its
name could have results written with it: AWS, "The confused deputy problem"), that it can with the right one,
and that an object can be written, is written once, reads back the same and can be deleted.
"""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID, uuid4

from callpost.delivery import aws, explain, iam, payload, session_policy
from callpost.delivery.aws import Clock
from callpost.delivery.bucket import Buckets, Written
from callpost.delivery.sessions import NoSession, Sessions, read_session
from callpost.delivery.signing import Credentials
from callpost.model.delivery import BucketFolder, Destination, HttpEndpoint, PresignedObject
from callpost.network import Answer, Network, NoAnswer, Request

_OPEN = (
    "The role can be assumed {how}. Anybody who can make callpost deliver and knows the role's name"
    " could have results written into this bucket (the confused deputy)."
)
_ASK_AGAIN = timedelta(days=1)
_PROBE = b"callpost checks that results can be delivered here; this object may be deleted.\n"


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was tried. passed: None where it could not be told, which is no failure.

    snippet: the policy to paste, where one would mend it.
    """

    name: str
    passed: bool | None
    detail: str
    remedy: str = ""
    snippet: str = ""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is known of a destination. region, encryption, conditional: of a bucket, as far as S3 told."""

    destination_key: str
    checks: tuple[Check, ...]
    region: str | None = None
    encryption: str | None = None
    conditional: bool | None = None

    @property
    def passed(self) -> bool:
        return all(check.passed is not False for check in self.checks)


class Preflight:
    """Tries destinations. account_id: callpost's own AWS account, for the policies it suggests."""

    def __init__(
        self, network: Network, sessions: Sessions, buckets: Buckets, account_id: str | None = None
    ) -> None:
        self._network = network
        self._sessions = sessions
        self._buckets = buckets
        self._account_id = account_id or "CALLPOST-ACCOUNT-ID"

    async def verify(self, target: Destination, organization_id: UUID, *, put_only: bool = False) -> Verdict:
        """Try a destination. put_only: the role may do no more than write, so nothing is read or deleted.

        A pre-signed URL can be used only once for its purpose, so it is read and not tried.
        """
        match target:
            case BucketFolder():
                return await self._verify_folder(target, organization_id, put_only=put_only)
            case HttpEndpoint():
                return Verdict(target.key, (await self._reach(target),))
            case PresignedObject():
                text = f"Valid until {target.expires_at:%Y-%m-%dT%H:%M:%SZ}."
                return Verdict(target.key, (Check("url", None, text),))

    async def closed_to_others(self, role: str, grant: iam.Grant) -> tuple[Check, ...]:
        """That the role cannot be assumed without an external ID, nor with a random one."""
        return (
            await self._must_fail(role, None, "without an external ID", grant),
            await self._must_fail(role, str(uuid4()), "with any external ID", grant),
        )

    async def _verify_folder(self, folder: BucketFolder, organization_id: UUID, *, put_only: bool) -> Verdict:
        grant = self.grant(folder, organization_id)
        checks = list(await self.closed_to_others(folder.role, grant))
        written = _probe(folder, organization_id)
        check, credentials = await self._assume(written, grant)
        checks.append(check)
        if credentials is None:
            return Verdict(folder.key, tuple(checks))
        try:
            region = await self._buckets.region(folder)
            return await self._verify_object(written, credentials, grant, checks, region, put_only=put_only)
        except NoAnswer as error:
            return Verdict(folder.key, (*checks, Check("write", False, str(error))))

    async def _verify_object(
        self,
        written: Written,
        credentials: Credentials,
        grant: iam.Grant,
        checks: list[Check],
        region: str,
        *,
        put_only: bool,
    ) -> Verdict:
        key = written.folder.key
        first = await self._buckets.write_once(written, credentials)
        checks.append(self._wrote(first, grant, written.folder))
        if not checks[-1].passed:
            return Verdict(key, tuple(checks), region)
        again = await self._buckets.write_once(written, credentials)
        conditional = again.status == 412
        checks.append(_conditional(conditional))
        if not put_only:
            checks.extend([check async for check in self._read_and_delete(written, credentials)])
        encryption = first.headers.get("x-amz-server-side-encryption")
        return Verdict(key, tuple(checks), region, encryption, conditional)

    async def _must_fail(self, role: str, external_id: str | None, how: str, grant: iam.Grant) -> Check:
        name = "assume-without-external-id" if external_id is None else "assume-with-another-external-id"
        try:
            answer = await self._sessions.assume(role, None, "callpost-preflight", external_id)
        except NoSession as error:
            return Check(name, None, error.outcome.reason)
        if answer.status == 200:
            remedy = "Require the organizationId as sts:ExternalId in the role's trust policy."
            return Check(name, False, _OPEN.format(how=how), remedy, iam.trust(grant))
        if explain.read_error(answer).code == "AccessDenied":
            return Check(name, True, f"The role cannot be assumed {how}.")
        return Check(name, None, explain.assuming(answer, self._buckets.clock()).reason)

    async def _assume(self, written: Written, grant: iam.Grant) -> tuple[Check, Credentials | None]:
        policy = session_policy.probing(written.folder, written.key)
        external_id = str(written.organization_id)
        try:
            answer = await self._sessions.assume(
                written.folder.role, policy, "callpost-preflight", external_id
            )
        except NoSession as error:
            return Check("assume", False, error.outcome.reason), None
        credentials = read_session(answer) if answer.status == 200 else None
        if credentials is None:
            found = explain.assuming(answer, self._buckets.clock())
            return Check("assume", False, found.reason, found.remedy, iam.trust(grant)), None
        return Check(
            "assume", True, "The role can be assumed with this organization's external ID."
        ), credentials

    def _wrote(self, answer: Answer, grant: iam.Grant, folder: BucketFolder) -> Check:
        if answer.status == 200:
            return Check("write", True, "An object was written.")
        found = explain.by_role(answer, self._buckets.clock(), folder.options)
        snippet = iam.policy(grant) if explain.read_error(answer).code == "AccessDenied" else ""
        return Check("write", False, found.reason, found.remedy, snippet)

    async def _read_and_delete(self, written: Written, credentials: Credentials) -> AsyncIterator[Check]:
        read = await self._buckets.call("GET", written, credentials)
        if read.status == 200:
            same = read.body == _PROBE
            yield Check(
                "read", same, "The object reads back the same." if same else "It reads back differently."
            )
        else:
            yield Check("read", None, "The role may not read; a repeated delivery then replaces the object.")
        deleted = await self._buckets.call("DELETE", written, credentials)
        gone = deleted.status in (200, 204)
        detail = "The object was deleted." if gone else f"The role may not delete; {written.key} stays."
        yield Check("delete", True if gone else None, detail)

    async def _reach(self, target: HttpEndpoint) -> Check:
        """Nothing is posted: the endpoint would take it for a result."""
        try:
            answer = await self._network.send(Request("HEAD", target.url, timeout_s=20))
        except NoAnswer as error:
            return Check("reach", False, str(error))
        return Check("reach", True, f"The endpoint can be reached; it answers {answer.status} to HEAD.")

    def grant(self, folder: BucketFolder, organization_id: UUID) -> iam.Grant:
        """What the owner of a role would grant."""
        return iam.Grant(
            folder.bucket,
            self._account_id,
            str(organization_id),
            folder.prefix,
            folder.role.rpartition("/")[2],
            aws.partition_of_role(folder.role),
            _key_arn(folder),
            folder.options.bucket_owner_full_control,
            bool(folder.options.tags),
        )


def _key_arn(folder: BucketFolder) -> str | None:
    """For a policy, which takes neither ids nor aliases."""
    key = folder.options.kms_key_id
    arn = f"arn:{aws.partition_of_role(folder.role)}:kms:REGION:ACCOUNT:key/KEY-ID"
    return key if key is None or ":key/" in key else arn


def _probe(folder: BucketFolder, organization_id: UUID) -> Written:
    media_id = uuid4()
    key = "/".join(filter(None, (folder.prefix, f"callpost-probe-{media_id}.txt")))
    return Written(folder, key, payload.of_bytes(_PROBE, "text/plain"), organization_id, media_id)


def _conditional(conditional: bool) -> Check:
    if conditional:
        return Check(
            "conditional-write", True, "A second write of the same object is refused (If-None-Match)."
        )
    return Check("conditional-write", None, "The server writes over what is there; receipts will say so.")


class Roles:
    """Whether the roles in use are closed to others; asked at the first use and once a day, remembered
    between.
    """

    def __init__(self, preflight: Preflight, clock: Clock, *, enabled: bool = True) -> None:
        self._preflight = preflight
        self._clock = clock
        self._enabled = enabled
        self._known: dict[tuple[UUID, str], tuple[datetime, asyncio.Task[str]]] = {}

    async def warning(self, folder: BucketFolder, organization_id: UUID) -> str:
        """What the owner of a role should mend, empty where there is nothing."""
        if not self._enabled:
            return ""
        key, now = (organization_id, folder.role), self._clock()
        asked_at, task = self._known.get(key, (None, None))
        if task is None or asked_at is None or now - asked_at > _ASK_AGAIN:
            task = asyncio.create_task(self._ask(folder, organization_id))
            self._known[key] = (now, task)
        return await asyncio.shield(task)

    async def _ask(self, folder: BucketFolder, organization_id: UUID) -> str:
        checks = await self._preflight.closed_to_others(
            folder.role, self._preflight.grant(folder, organization_id)
        )
        return next((f"{check.detail} {check.remedy}" for check in checks if check.passed is False), "")
