"""Receipts that prove themselves, and the public keys to check them with."""

from datetime import UTC, datetime
from uuid import UUID

from fastapi import APIRouter, Response

from callpost.api import answers, lookup
from callpost.api.auth import Authenticated
from callpost.api.context import Context
from callpost.delivery import receipts
from callpost.delivery.receipts import ReceiptKey
from callpost.errors import NotFound, Problem
from callpost.store import signing_keys

router = APIRouter(tags=["Deliveries"])


@router.get("/v3/media/{media_id}/deliveries/{number}/receipt", operation_id="getReceiptOfDelivery")
async def get_receipt(media_id: UUID, number: int, services: Context, caller: Authenticated) -> Response:
    """What was delivered, where and when, signed with Ed25519; 404 (10301) before it is."""
    async with services.database.transaction() as connection:
        organization_id = caller.organization.organization_id
        found = await lookup.delivery(connection, organization_id, media_id, number)
        content = receipts.document(found)
        if content is None:
            text = f"Delivery {number} of the media {media_id} has not arrived, so there is no receipt."
            raise NotFound(Problem(10301, text))
        key_id, private = await signing_keys.ensure(connection, receipts.new_private_key(), datetime.now(UTC))
    return answers.json_response(receipts.signed(content, ReceiptKey(key_id, private)))


@router.get("/v3/receipts/public-keys", operation_id="getReceiptPublicKeys")
async def get_public_keys(services: Context) -> Response:
    """Every key that receipts were ever signed with, newest first. Needs no token: anybody may check."""
    async with services.database.connection() as connection:
        known = [ReceiptKey(*pair) for pair in await signing_keys.all_keys(connection)]
    return answers.json_response(
        {
            "_links": answers.links(self="/v3/receipts/public-keys"),
            "keys": [
                {"keyId": key.key_id, "algorithm": "Ed25519", "publicKey": key.public_pem} for key in known
            ],
        }
    )
