"""The API over HTTP. Only `client.connected` loads it: aiohttp takes a while, and few commands need it."""

import os
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

import aiohttp

from callpost import __version__
from callpost.cli.client import CommandFailed, Document, Upload
from callpost.errors import ConfigurationProblem

_CONNECT_S = 10.0
_READ_S = 300.0
_LOOPBACK = {"localhost", "127.0.0.1", "::1"}


class Client:
    """Speaks to the API with the token of CALLPOST_TOKEN.

    A token is never an option: command lines can be seen by everybody on the machine.
    """

    def __init__(self, url: str) -> None:
        self._url = url.rstrip("/").removesuffix("/v3")
        self._token = os.environ.get("CALLPOST_TOKEN", "").strip()
        if not self._token:
            raise ConfigurationProblem(
                "Set CALLPOST_TOKEN to a token of this callpost. `callpost keys create NAME` makes one."
            )
        if urlsplit(self._url).scheme not in {"http", "https"}:
            raise ConfigurationProblem(
                "The address of the API (--url or CALLPOST_URL) starts with http or https."
            )

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(
            headers={"Authorization": f"Bearer {self._token}", "User-Agent": f"callpost/{__version__}"},
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=_CONNECT_S, sock_read=_READ_S),
            trust_env=urlsplit(self._url).hostname not in _LOOPBACK,
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._session.close()

    async def get(self, path: str, **parameters: str | int | None) -> Document:
        """The JSON document at a path below /v3/. Raises CommandFailed."""
        found: Document = await self._request("GET", path, params=_given(parameters))
        return found

    async def get_text(self, path: str) -> str:
        """The body of an answer that is not JSON. Raises CommandFailed."""
        text: str = await self._request("GET", path, as_text=True)
        return text

    async def post(self, path: str, document: Document | None = None) -> Document:
        """POST a JSON document, or nothing. Raises CommandFailed."""
        found: Document = await self._request("POST", path, json=document)
        return found

    async def put(self, path: str, document: Document) -> Document:
        """PUT a JSON document. Raises CommandFailed."""
        found: Document = await self._request("PUT", path, json=document)
        return found

    async def patch(self, path: str, document: Document) -> Document:
        """PATCH with a JSON document. Raises CommandFailed."""
        found: Document = await self._request("PATCH", path, json=document)
        return found

    async def delete(self, path: str) -> None:
        """DELETE what is at a path. Raises CommandFailed."""
        await self._request("DELETE", path, as_text=True)

    async def post_form(self, path: str, fields: Mapping[str, str], media: Upload | None) -> Document:
        """POST a multipart form, once the server says that it wants the body. Raises CommandFailed."""
        form = aiohttp.FormData()
        for name, text in fields.items():
            form.add_field(name, text)
        if media:
            form.add_field("media", media, filename=media.path.name, content_type="application/octet-stream")
        found: Document = await self._request("POST", path, data=form, expect100=True)
        return found

    async def _request(self, method: str, path: str, *, as_text: bool = False, **arguments: Any) -> Any:  # noqa: ANN401
        try:
            async with self._session.request(method, f"{self._url}/v3/{path}", **arguments) as answer:
                if not answer.ok:
                    raise CommandFailed(await _refusal(answer))
                return await answer.text() if as_text else await answer.json(content_type=None)
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise CommandFailed(
                f"{self._url} does not answer as callpost would: {str(error) or type(error).__name__}. "
                "Is it running (`callpost serve`), and is the address right (--url or CALLPOST_URL)?"
            ) from error


async def _refusal(answer: aiohttp.ClientResponse) -> str:
    """What the API wrote: each error with its code."""
    try:
        errors = (await answer.json(content_type=None))["errors"]
        return "; ".join(f"{error['error']} ({error['code']})" for error in errors)
    except (aiohttp.ClientError, ValueError, KeyError, TypeError):
        return f"The API answered {answer.status} {answer.reason}."


def _given(parameters: dict[str, str | int | None]) -> dict[str, str]:
    return {name: str(value) for name, value in parameters.items() if value is not None}
