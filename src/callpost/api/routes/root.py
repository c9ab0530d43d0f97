"""GET /v3/: the way in. Undocumented, but Amazon Connect's quick start checks its token with it."""

from fastapi import APIRouter, Request, Response

from callpost import __version__
from callpost.api import answers
from callpost.api.auth import Authenticated

router = APIRouter(tags=["Root"])


@router.get("/v3", include_in_schema=False)
@router.get("/v3/", operation_id="getResources", summary="What there is, and whether the token is good")
async def get_resources(caller: Authenticated) -> Response:
    organization = caller.organization
    return answers.json_response(
        {
            "_links": answers.links(
                self="/v3/", media="/v3/media", deliveries="/v3/deliveries", keys="/v3/profile/keys"
            ),
            "accountId": organization.organization_id,
            "accountName": organization.name,
            "version": __version__,
        }
    )


@router.get("/v3/defs/v3-api.yaml", include_in_schema=False)
async def get_definition(request: Request) -> Response:
    """The OpenAPI document; JSON is YAML, too."""
    body = answers.json_response(request.app.openapi()).body
    return Response(body, media_type="application/yaml")
