"""A result to an HTTP endpoint: any 2xx is success, redirects are not followed."""

from collections.abc import Mapping
from datetime import datetime
from urllib.parse import urlsplit

from callpost.delivery import explain
from callpost.delivery.payload import Payload
from callpost.model.delivery import Delivered, Hopeless, HttpEndpoint, Outcome, Receipt, Refused, Unreachable
from callpost.network import AddressRefused, Answer, Network, NoAnswer, Request


async def send(
    network: Network, target: HttpEndpoint, payload: Payload, headers: Mapping[str, str], now: datetime
) -> Outcome:
    """One request. headers: beside Content-Type and Content-Length, such as the signature of a webhook."""
    sent = {**headers, "Content-Length": str(payload.size)}
    if payload.content_type is not None:
        sent["Content-Type"] = payload.content_type
    try:
        answer = await network.send(Request(target.method, target.url, sent, payload.body, payload.timeout_s))
    except AddressRefused as error:
        return Hopeless(str(error))
    except NoAnswer as error:
        return Unreachable(str(error))
    return _outcome(target, payload, answer, now)


def _outcome(target: HttpEndpoint, payload: Payload, answer: Answer, now: datetime) -> Outcome:
    if 200 <= answer.status < 300:
        return Delivered(Receipt(location(target.url), payload.sha256, payload.size, answer.status, now))
    reason = f"The endpoint answered {answer.status}."
    if 300 <= answer.status < 400:
        reason = f"The endpoint answered {answer.status}, and redirects are not followed."
    return Refused(answer.status, reason, explain.excerpt(answer), explain.retry_after(answer, now))


def location(url: str) -> str:
    """The URL without user, query and fragment, which may be secrets."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"
