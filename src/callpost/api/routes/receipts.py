"""Receipts that prove themselves, and the public keys to check them with."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

from fastapi import APIRouter, Request, Response

from callpost.api import answers, lookup, openapi
from callpost.api.auth import Authenticated
from callpost.api.context import Context
from callpost.api.reading.parameters import Parameters
from callpost.delivery import receipts
from callpost.delivery.proofs import Proofs
from callpost.delivery.receipts import ReceiptKey
from callpost.errors import NotFound, Problem
from callpost.model.proof import Manifest, ProofState
from callpost.render.analytics import timestamp
from callpost.store import proofs as store
from callpost.store import signing_keys
from callpost.store.proofs import ManifestQuery

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


@router.get("/v3/receipts/manifests", operation_id="getManifests", openapi_extra=openapi.MANIFEST_QUERY)
async def get_manifests(request: Request, services: Context, caller: Authenticated) -> Response:
    """The days and folders with receipts, oldest first: how many recordings were accepted and delivered."""
    query = _query(Parameters(request.query_params))
    async with services.database.connection() as connection:
        found = await store.manifests(connection, caller.organization.organization_id, query)
    return answers.json_response(
        {
            "_links": answers.links(self="/v3/receipts/manifests"),
            "manifests": [_manifest(manifest) for manifest in found],
        }
    )


@router.get("/v3/receipts/manifests/{manifest_id}", operation_id="getManifestById")
async def get_manifest(manifest_id: UUID, services: Context, caller: Authenticated) -> Response:
    """A manifest as it stands at this moment, signed; of a day that is not over, too."""
    async with services.database.connection() as connection:
        found = await store.manifest(connection, manifest_id)
    if found is None or found.organization_id != caller.organization.organization_id:
        raise NotFound(Problem(10205, f"There is no manifest {manifest_id}."))
    proofs = Proofs(services.database, lambda: datetime.now(UTC))
    return answers.json_response(await proofs.signed(await proofs.manifest(manifest_id)))


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


def _query(parameters: Parameters) -> ManifestQuery:
    since, until = parameters.since("since"), parameters.until("until")
    return ManifestQuery(
        since=since.date() if since else None,
        until=(until - timedelta(milliseconds=1)).date() if until else None,
        limit=parameters.limit(),
    )


def _manifest(manifest: Manifest) -> answers.Document:
    path = f"/v3/receipts/manifests/{manifest.manifest_id}"
    return answers.present(
        {
            "_links": answers.links(self=path),
            "manifestId": manifest.manifest_id,
            "date": manifest.day.isoformat(),
            "folder": manifest.folder,
            "destination": manifest.destination_key,
            "objectKey": manifest.object_key,
            "datePlanned": timestamp(manifest.planned_at) if manifest.planned_at else None,
            "counts": {
                "accepted": sum(manifest.counts.values()),
                **{state: manifest.counts.get(state, 0) for state in ProofState},
            },
        }
    )
