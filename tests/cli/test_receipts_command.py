"""`callpost receipts`: what a customer checks without callpost, and what the operator changes."""

import hashlib
import json
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from cli_support import Invoke, Run

from callpost.delivery import receipts
from callpost.delivery.receipts import ReceiptKey
from callpost.store import signing_keys
from callpost.store.database import Database

FOLDER = "s3://acme-calls/calls"
KEY, OLD = (ReceiptKey(uuid4(), receipts.new_private_key()) for _ in range(2))


def delivered(path: str, data: bytes, at: str = "2026-03-01T12:00:00.000Z", folder: str = FOLDER) -> Any:
    digest = hashlib.sha256(data).hexdigest()
    return {"location": f"{folder}/{path}", "sha256": digest, "size": len(data), "dateDelivered": at}


def manifest(*deliveries: Any) -> dict[str, Any]:
    return {
        "document": "manifest",
        "folder": FOLDER,
        "counts": {"accepted": 1, "delivered": 1},
        "recordings": [{"mediaId": "1", "deliveries": list(deliveries)}],
    }


@pytest.fixture
def keys(tmp_path: Path) -> str:
    """What /v3/receipts/public-keys answers."""
    file = tmp_path / "keys.json"
    known = [{"keyId": str(key.key_id), "publicKey": key.public_pem} for key in (KEY, OLD)]
    file.write_text(json.dumps({"keys": known}))
    return str(file)


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of the bucket's folder."""
    folder = tmp_path / "copy"
    (folder / "1").mkdir(parents=True)
    (folder / "1" / "analytics.json").write_bytes(b"{}")
    return folder


def written(folder: Path, content: Any, key: ReceiptKey = KEY) -> str:
    file = folder / "document.json"
    file.write_text(json.dumps(receipts.signed(content, key), indent=2))
    return str(file)


@pytest.mark.parametrize("key", [KEY, OLD], ids=["newest", "older"])
def test_a_signature_is_checked_with_the_key_that_it_names(
    invoke: Invoke, tmp_path: Path, keys: str, key: ReceiptKey
) -> None:
    shown = invoke("receipts", "verify", written(tmp_path, manifest(), key), "--keys", keys)
    assert "right" in shown
    assert "1 accepted, 1 delivered" in shown
    assert str(key.key_id) in shown


def test_keys_may_be_pem_alone(run: Run, tmp_path: Path) -> None:
    pem = tmp_path / "keys.pem"
    words = ("receipts", "verify", written(tmp_path, manifest()), "--keys", pem)
    pem.write_text(OLD.public_pem + KEY.public_pem)
    assert "right" in run(*words).stdout
    pem.write_text(OLD.public_pem)
    assert "any of these keys" in run(*words, code=1).stderr


def test_what_was_changed_is_found_out(run: Run, tmp_path: Path, keys: str) -> None:
    file = Path(written(tmp_path, manifest()))
    file.write_text(file.read_text().replace('"delivered": 1', '"delivered": 2'))
    assert "signed" in run("receipts", "verify", file, "--keys", keys, code=1).stderr


def test_objects_are_compared_with_their_last_receipts(
    invoke: Invoke, tmp_path: Path, keys: str, copy: Path
) -> None:
    content = manifest(
        delivered("1/analytics.json", b"{}", "2026-03-01T13:00:00.000Z"),
        delivered("1/analytics.json", b"[]"),
        delivered("1/analytics.json", b"", folder="s3://acme-calls/elsewhere"),
        {"number": 4, "status": "failed"},
    )
    words = ("receipts", "verify", written(tmp_path, content), "--keys", keys, "--objects", str(copy))
    assert json.loads(invoke(*words, "--json"))["objects"] == 1
    (copy / "1" / "analytics.json").write_bytes(b"[]")
    assert "another content" in invoke(*words, code=1)
    (copy / "1" / "analytics.json").unlink()
    assert "missing" in invoke(*words, code=1)


def test_a_single_receipt_is_compared_with_a_copy_of_the_bucket(
    invoke: Invoke, tmp_path: Path, keys: str, copy: Path
) -> None:
    (tmp_path / "calls").symlink_to(copy)
    file = written(tmp_path, delivered("1/analytics.json", b"{}"))
    words = ("receipts", "verify", file, "--keys", keys, "--objects", str(tmp_path))
    assert "Objects" in invoke(*words)


def test_nothing_outside_of_the_copy_is_looked_at(
    invoke: Invoke, tmp_path: Path, keys: str, copy: Path
) -> None:
    (tmp_path / "secret").write_bytes(b"{}")
    file = written(tmp_path, manifest(delivered("../secret", b"{}")))
    words = ("receipts", "verify", file, "--keys", keys, "--objects", str(copy))
    assert "outside" in invoke(*words, code=1)


@pytest.mark.parametrize("content", ["[]", "{", '{"signature": "x"}', "{}"])
def test_what_is_no_signed_document_is_named(run: Run, tmp_path: Path, keys: str, content: str) -> None:
    file = tmp_path / "document.json"
    file.write_text(content)
    assert "document.json" in run("receipts", "verify", file, "--keys", keys, code=1).stderr


@pytest.mark.parametrize(
    "content", ['{"keys": [{}]}', "nonsense", '{"keys": [{"keyId": 1, "publicKey": "x"}]}']
)
def test_what_are_no_keys_is_named(run: Run, tmp_path: Path, content: str) -> None:
    file = tmp_path / "keys.json"
    file.write_text(content)
    document = written(tmp_path, manifest())
    assert "cannot be read" in run("receipts", "verify", document, "--keys", file, code=1).stderr
    nowhere = "http://127.0.0.1:1"
    assert "cannot be fetched" in run("receipts", "verify", document, "--keys", nowhere, code=1).stderr


async def test_a_new_key_signs_and_the_old_one_stays(
    run: Run, fresh_database_url: str, database: Database, tmp_path: Path
) -> None:
    there = {"CALLPOST_DATABASE_URL": fresh_database_url, "CALLPOST_OBJECTS_URL": str(tmp_path / "objects")}
    first = json.loads(run("receipts", "rotate-key", "--json", **there).stdout)
    assert "BEGIN PUBLIC KEY" in run("receipts", "rotate-key", **there).stdout
    async with database.connection() as connection:
        newest, oldest = [ReceiptKey(*pair) for pair in await signing_keys.all_keys(connection)]
    assert str(oldest.key_id) == first["keyId"]
    assert oldest.public_pem == first["publicKey"]
    assert newest.key_id != oldest.key_id
