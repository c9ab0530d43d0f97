"""What the routes work with: the services, found on the application that they are mounted in."""

from typing import Annotated, cast

from fastapi import Depends, Request

from callpost.services import Services


def _services(request: Request) -> Services:
    return cast("Services", request.app.state.services)


Context = Annotated[Services, Depends(_services)]
