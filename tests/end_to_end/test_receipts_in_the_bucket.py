"""A customer proves what was delivered, with the bucket and the public keys alone; workers die meanwhile."""

import asyncio
from pathlib import Path
from typing import Any

import asyncpg
import requests
from demo.customer import Account
from installation import HoldingEndpoint, Installation, kill, until


def test_receipts_and_manifest_survive_the_workers_and_prove_themselves(  # noqa: PLR0917
    installation: Installation,
    account: Account,
    bucket: str,
    holding_endpoint: HoldingEndpoint,
    fresh_database_url: str,
    tmp_path: Path,
) -> None:
    service = installation.api()
    organization = installation.command("organization", "show")["organizationId"]
    role = account.make_role(bucket, organization, name=f"role-{bucket}")
    by_role = {"url": f"{account.endpoint}/{bucket}", "role": role, "prependFolder": "calls"}
    callbacks = [by_role | {"s3Options": {"receipts": True}}, {"url": holding_endpoint.url}]
    worker = installation.worker()
    media_id = installation.post({"publish": {"callbacks": callbacks}})
    until(lambda: holding_endpoint.arrived)
    kill(worker)
    holding_endpoint.go.set()
    worker = installation.worker()
    receipts = f"calls/_receipts/{media_id}.json"
    until(lambda: receipts in account.objects(bucket))
    deliveries = installation.until_delivered(media_id)
    assert [one["type"] for one in deliveries] == ["analytics", "analytics", "receipts"]

    asyncio.run(_end_the_day(fresh_database_url))
    kill(worker)
    installation.worker()
    until(lambda: any("/manifests/" in key for key in account.objects(bucket)))

    copy = _copy(account.objects(bucket), tmp_path / "copy")
    keys = tmp_path / "keys.json"
    keys.write_bytes(requests.get(f"{service.url}/v3/receipts/public-keys", timeout=60).content)
    (manifest,) = (copy / "calls" / "_receipts" / "manifests").iterdir()
    for document, given in ((manifest, str(keys)), (copy / receipts, service.url)):
        shown = _verify(installation, document, given, copy / "calls")
        assert shown["objects"] == 1
        assert not shown["differing"]
    assert _verify(installation, manifest, str(keys), copy / "calls")["counts"]["delivered"] == 1


def _verify(installation: Installation, document: Path, keys: str, objects: Path) -> Any:
    return installation.command(
        "receipts", "verify", str(document), "--keys", keys, "--objects", str(objects)
    )


async def _end_the_day(database_url: str) -> None:
    """As if the recording had been accepted yesterday."""
    connection = await asyncpg.connect(database_url)
    try:
        await connection.execute("update manifests set day = day - 1")
    finally:
        await connection.close()


def _copy(objects: dict[str, bytes], folder: Path) -> Path:
    for key, data in objects.items():
        path = folder / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return folder
