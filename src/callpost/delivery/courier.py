"""One delivery, one attempt, one outcome."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from callpost.delivery import destination, endpoint, hosts, payload, signed_put, webhooks
from callpost.delivery import url as urls
from callpost.delivery.aws import Aws, AwsEndpoints, Clock
from callpost.delivery.bucket import Buckets, Written
from callpost.delivery.payload import Payload
from callpost.delivery.preflight import Preflight, Roles
from callpost.delivery.proofs import Proofs
from callpost.delivery.rendering import Renderings
from callpost.delivery.sessions import OwnCredentials, Sessions
from callpost.errors import Rejected
from callpost.model.configuration import Callback, CallbackType
from callpost.model.delivery import (
    BucketFolder,
    ClaimedDelivery,
    Delivered,
    DeliveryKind,
    Destination,
    EndpointPolicy,
    Hopeless,
    HttpEndpoint,
    Outcome,
    PresignedObject,
    Unreachable,
)
from callpost.model.results import Report
from callpost.network import Network
from callpost.store.objects import Objects


@dataclass(frozen=True, slots=True)
class CourierSettings:
    """api_url: under which customers reach callpost; goes into the rendered links.

    check_roles: find out, at the first use of a role and once a day, whether others could use it too.
    account_id: callpost's own AWS account, for the policies it suggests.
    """

    policy: EndpointPolicy
    api_url: str
    endpoints: AwsEndpoints = field(default_factory=AwsEndpoints)
    check_roles: bool = True
    account_id: str | None = None


class Courier:
    """Carries results to where they are to go. Keeps sessions and what it learned about buckets."""

    def __init__(
        self,
        network: Network,
        objects: Objects,
        settings: CourierSettings,
        clock: Clock,
        own: OwnCredentials | None = None,
        *,
        proofs: Proofs | None = None,
    ) -> None:
        """own: callpost's own AWS credentials, None: by botocore's chain. proofs: makes the receipts and
        manifests; who carries any needs it.
        """
        self._network = network
        self._objects = objects
        self._settings = settings
        self._clock = clock
        requests = Aws(network, clock)
        self.sessions = Sessions(requests, settings.endpoints, own)
        self.buckets = Buckets(requests, self.sessions, settings.endpoints)
        self.preflight = Preflight(network, self.sessions, self.buckets, settings.account_id)
        self._proofs = proofs
        self._renderings = Renderings(objects, settings.api_url)
        self._roles = Roles(self.preflight, clock, enabled=settings.check_roles)

    async def deliver(self, claimed: ClaimedDelivery) -> Outcome:
        """Make one attempt. A failure is a value; an exception is a fault of callpost's own."""
        try:
            target, _ = destination.read(
                claimed.callback, f"delivery {claimed.number}", self._settings.policy
            )
        except Rejected as refusal:
            return Hopeless(str(refusal), remedy="Change the delivery's URL, or the operator's settings.")
        try:
            sent = await self._payload(claimed)
        except KeyError:
            return Hopeless("The results are no longer stored.")
        if isinstance(sent, Hopeless):
            return sent
        outcome = await self._send(target, claimed, sent)
        if isinstance(outcome, Delivered):
            return replace(outcome, receipt=replace(outcome.receipt, attempts=claimed.attempt))
        return outcome

    async def _send(self, target: Destination, claimed: ClaimedDelivery, sent: Payload) -> Outcome:
        now = self._clock()
        match target:
            case HttpEndpoint():
                headers = await self._headers(claimed, sent, now)
                return await endpoint.send(self._network, target, sent, headers, now)
            case PresignedObject():
                return await signed_put.put(self._network, target, sent, now, trusted=self._trusts(target))
            case BucketFolder():
                key = claimed.object_key or "/".join(filter(None, (target.prefix, str(claimed.delivery_id))))
                return await self._put(Written(target, key, sent, claimed.organization_id, claimed.media_id))

    async def _payload(self, claimed: ClaimedDelivery) -> Payload | Hopeless:
        """Raises KeyError where the results are gone."""
        if claimed.kind is not DeliveryKind.RESULT and self._proofs:
            return await self._proofs.payload(claimed)
        if claimed.callback.type is CallbackType.MEDIA:
            return self._stream(await self._renderings.report(claimed), claimed)
        return await self._renderings.payload(claimed)

    def _stream(self, report: Report, claimed: ClaimedDelivery) -> Payload | Hopeless:
        name = stream_name(claimed.callback)
        streams = report.results.streams if report.results else ()
        found = next((stream for stream in streams if stream.name == name), None)
        if found is None:
            return Hopeless(f"There is no stream {name}.", remedy="Ask for redaction, or for another stream.")
        return payload.of_stream(self._objects, found, claimed.content_type)

    async def _headers(self, claimed: ClaimedDelivery, sent: Payload, now: datetime) -> Mapping[str, str]:
        signed = await webhooks.headers(str(claimed.delivery_id), now, sent, claimed.webhook_secrets)
        return signed | {"callpost-attempt": str(claimed.attempt), "callpost-media-id": str(claimed.media_id)}

    async def _put(self, written: Written) -> Outcome:
        warning, outcome = await asyncio.gather(
            self._roles.warning(written.folder, written.organization_id), self.buckets.put(written)
        )
        return replace(outcome, warning=warning) if isinstance(outcome, Delivered) else outcome

    def _trusts(self, target: PresignedObject) -> bool:
        """Whether the host is AWS's S3, over TLS, or the operator's own: then a private address is no
        trick.
        """
        if target.bucket is not None:
            return target.url.lower().startswith("https://")
        url = urls.parse(target.url)
        return url is not None and hosts.on_endpoint(url, self._settings.policy.s3_endpoints) is not None


def stream_name(callback: Callback) -> str:
    """The stream that a media callback asks for."""
    return callback.stream or "original"


def failure(error: Exception) -> Unreachable:
    """A fault of our own: tried again by schedule, and told by its kind alone."""
    return Unreachable(f"callpost itself failed ({type(error).__name__}).")
