"""Refusals and failures as VoiceBase writes them: `{status, errors: [{code, error}], warnings, …}`."""

from collections.abc import Mapping, Sequence
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from callpost.api.answers import json_response
from callpost.errors import Problem, Rejected, TooLarge, Unauthorized

NOT_FOUND_API = Problem(10000, "The API you requested was not found. See /docs for those there are.")
INTERNAL = Problem(90003, "Internal server error. Try again.")

_AUTHENTICATE = {"WWW-Authenticate": "Bearer"}


def error_response(
    request: Request, status: int, problems: Sequence[Problem], headers: Mapping[str, str] | None = None
) -> Response:
    """The body that generated clients can read: lists always, never an object alone."""
    body = {
        "status": status,
        "errors": [error(problem) for problem in problems],
        "warnings": [],
        "reference": request.state.reference,
    }
    request.state.codes = [problem.code for problem in problems]
    return json_response(body, status=status, headers=headers)


def error(problem: Problem) -> dict[str, Any]:
    """code, the message that begins with the place, and the place by itself where there is one."""
    document: dict[str, Any] = {"code": problem.code, "error": str(problem)}
    return document | {"place": problem.place} if problem.place else document


def install(app: FastAPI) -> None:
    """Answer our own refusals and FastAPI's in VoiceBase's form."""
    app.add_exception_handler(Rejected, _rejected)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)


async def _rejected(request: Request, refusal: Exception) -> Response:
    assert isinstance(refusal, Rejected)  # noqa: S101 - what it is registered for
    # VoiceBase's clients send again whatever is not a 400, and what is too large stays so.
    status = 400 if isinstance(refusal, TooLarge) else refusal.status
    headers = _AUTHENTICATE if isinstance(refusal, Unauthorized) else None
    return error_response(request, status, refusal.problems, headers)


async def _invalid(request: Request, invalid: Exception) -> Response:
    assert isinstance(invalid, RequestValidationError)  # noqa: S101 - what it is registered for
    found = invalid.errors()
    if any(item["loc"][0] == "path" for item in found):
        return error_response(request, 404, [Problem(10205, "There is nothing of that id.")])
    problems = [Problem(10011, str(item["msg"]), ".".join(map(str, item["loc"][1:]))) for item in found]
    return error_response(request, 400, problems)


async def _http(request: Request, failure: Exception) -> Response:
    assert isinstance(failure, HTTPException)  # noqa: S101 - what it is registered for
    problem = NOT_FOUND_API if failure.status_code == 404 else Problem(10000, str(failure.detail))
    return error_response(request, failure.status_code, [problem], failure.headers)
