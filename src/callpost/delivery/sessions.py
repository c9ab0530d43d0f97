"""Sessions with the roles of customers: assumed with the external ID, narrowed, cached, refreshed.

The external ID is the organization of the delivery and nothing else: were it taken from a request, one
customer could write with another one's role (the confused deputy; AWS, "The confused deputy problem").
"""

import asyncio
import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode
from uuid import UUID

from botocore.exceptions import BotoCoreError
from botocore.session import Session as BotocoreSession

from callpost.delivery import aws, explain
from callpost.delivery.aws import Aws, AwsEndpoints, Call
from callpost.delivery.signing import Credentials, Scope
from callpost.model.delivery import Hopeless, Refused, Unreachable
from callpost.network import Answer, NoAnswer

# A role assumed by a role lasts an hour at the most, and callpost may run under one.
_LASTS_S = 3600
_REFRESH = timedelta(minutes=10)
_LEAST = timedelta(minutes=1)
_ASK_AGAIN = timedelta(seconds=10)
_LONG_AGO = datetime.min.replace(tzinfo=UTC)
_TIMEOUT_S = 20.0
_CREDENTIAL = re.compile(r"<(AccessKeyId|SecretAccessKey|SessionToken|Expiration)>\s*([^<]+?)\s*</\1>")
_HOST_REGION = re.compile(r"^https?://sts(?:-fips)?\.([a-z0-9-]+)\.amazonaws\.")

OwnCredentials = Callable[[], Credentials | None]


@dataclass(frozen=True, slots=True)
class SessionKey:
    """Who assumes what, and how far it reaches. policy: the session policy, JSON of at most 2048
    characters.
    """

    role: str
    organization_id: UUID
    policy: str


class NoSession(Exception):
    """The role could not be assumed; `outcome` says why."""

    def __init__(self, outcome: Refused | Unreachable | Hopeless) -> None:
        self.outcome = outcome
        super().__init__(outcome.reason)


class Sessions:
    """Sessions by key. One request per key is in flight; a failure is told to all who wait and not kept."""

    def __init__(
        self,
        requests: Aws,
        endpoints: AwsEndpoints | None = None,
        own: OwnCredentials | None = None,
        timeout_s: float = _TIMEOUT_S,
    ) -> None:
        """own: callpost's own credentials, asked for each time; None: botocore's chain (environment, profile,
        container, instance). timeout_s: how long STS may take to answer.
        """
        self._timeout_s = timeout_s
        self._aws = requests
        self._endpoints = endpoints or AwsEndpoints()
        self._own = own or _FromChain()
        self._kept: dict[SessionKey, Credentials] = {}
        self._asked: dict[SessionKey, asyncio.Task[Credentials]] = {}
        self._refused: dict[SessionKey, datetime] = {}
        self.requests = 0

    async def get(self, key: SessionKey, name: str) -> Credentials:
        """Credentials that last. name: of the session, for the customer's CloudTrail.

        In its last ten minutes a session is renewed beside the deliveries, which it serves on until the last
        one: nobody waits, and STS may be away for a while. Raises NoSession.
        """
        if kept := self._lasting(key, _REFRESH):
            return kept
        kept = self._lasting(key, _LEAST)
        if kept is None:
            # One who stops waiting must not take the answer from the others.
            return await asyncio.shield(self._renewal(key, name))
        if self._aws.clock() >= self._refused.get(key, _LONG_AGO) + _ASK_AGAIN:
            self._renewal(key, name)
        return kept

    def _renewal(self, key: SessionKey, name: str) -> asyncio.Task[Credentials]:
        """The one request for this session that is under way."""
        if key not in self._asked:
            task = self._asked[key] = asyncio.create_task(self._renew(key, name))
            task.add_done_callback(lambda task: self._settle(key, task))
        return self._asked[key]

    def _settle(self, key: SessionKey, task: asyncio.Task[Credentials]) -> None:
        del self._asked[key]
        self._refused.pop(key, None)
        if not task.cancelled() and task.exception() is not None and key in self._kept:
            self._refused[key] = self._aws.clock()

    def _lasting(self, key: SessionKey, time: timedelta) -> Credentials | None:
        """The session at hand, if it lasts that long."""
        kept = self._kept.get(key)
        if kept is None or kept.expires_at is None or self._aws.clock() >= kept.expires_at - time:
            return None
        return kept

    def drop(self, key: SessionKey, used: Credentials) -> None:
        """Forget a session that turned out to have ended, unless it was replaced meanwhile."""
        if self._kept.get(key) is used:
            del self._kept[key]

    async def assume(self, role: str, policy: str | None, name: str, external_id: str | None) -> Answer:
        """One AssumeRole request as it is, nothing kept. Raises NoSession where there is no answer."""
        own = await self._own_credentials()
        region = self._region(role)
        url = self._endpoints.sts_of(region).rstrip("/") + "/"
        form = {
            "Action": "AssumeRole",
            "Version": "2011-06-15",
            "RoleArn": role,
            "RoleSessionName": name,
            "DurationSeconds": str(_LASTS_S),
            "Policy": policy,
            "ExternalId": external_id,
        }
        body = urlencode({field: value for field, value in form.items() if value is not None}).encode()
        call = Call(
            "POST",
            url,
            Scope(region, "sts"),
            {"content-type": "application/x-www-form-urlencoded; charset=utf-8"},
            body,
            hashlib.sha256(body).hexdigest(),
            timeout_s=self._timeout_s,
            trusted=self._endpoints.sts_trusted,
        )
        self.requests += 1
        try:
            return await self._aws.send(call, own)
        except NoAnswer as error:
            raise NoSession(Unreachable(f"STS: {error}")) from None

    async def _renew(self, key: SessionKey, name: str) -> Credentials:
        answer = await self.assume(key.role, key.policy, name, str(key.organization_id))
        now = self._aws.clock()
        if answer.status != 200:
            raise NoSession(explain.assuming(answer, now))
        session = read_session(answer)
        if session is None:
            raise NoSession(Refused(answer.status, "STS answered without credentials."))
        self._forget_old(now)
        self._kept[key] = session = _by_our_clock(session, answer, now)
        return session

    def _forget_old(self, now: datetime) -> None:
        ended = [
            key for key, kept in self._kept.items() if kept.expires_at is not None and kept.expires_at <= now
        ]
        for key in ended:
            del self._kept[key]
            self._refused.pop(key, None)

    def _region(self, role: str) -> str:
        named = _HOST_REGION.match(self._endpoints.sts)
        partition = aws.partition_of_role(role)
        own = self._endpoints.region
        if named:
            return named[1]
        return own if own and partition == "aws" else aws.home_region(partition)

    async def _own_credentials(self) -> Credentials:
        # botocore may ask the machine's metadata service, and blocks while it does.
        found = await asyncio.to_thread(self._own)
        if found is None:
            raise NoSession(
                Unreachable("callpost has no AWS credentials of its own; its operator must mend this.")
            )
        return found


def read_session(answer: Answer) -> Credentials | None:
    """The credentials in the answer to AssumeRole; None where there are none."""
    found = dict(_CREDENTIAL.findall(answer.text))
    try:
        return Credentials(
            found["AccessKeyId"],
            found["SecretAccessKey"],
            found["SessionToken"],
            datetime.fromisoformat(found["Expiration"]).astimezone(UTC),
        )
    except (KeyError, ValueError):
        return None


def _by_our_clock(session: Credentials, answer: Answer, now: datetime) -> Credentials:
    """STS says by its own clock when a session ends; were ours fast, every session would seem to end soon."""
    theirs = explain.http_date(answer)
    if theirs is None or session.expires_at is None:
        return session
    return replace(session, expires_at=session.expires_at + (now - theirs))


class _FromChain:
    """The operator's credentials, by botocore's chain; botocore itself refreshes those that end."""

    def __init__(self) -> None:
        self._session = BotocoreSession()

    def __call__(self) -> Credentials | None:
        try:
            found = self._session.get_credentials()
            frozen = found.get_frozen_credentials() if found else None
        except BotoCoreError:
            return None
        return Credentials(frozen.access_key, frozen.secret_key, frozen.token) if frozen else None
