"""`callpost receipts`: checking what proves deliveries, on the customer's side, and the keys that sign it."""

import hashlib
import json as json_module
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from urllib.error import URLError
from urllib.request import urlopen

import typer

from callpost.cli import options, output, session
from callpost.cli.client import CommandFailed

if TYPE_CHECKING:
    from callpost.delivery.receipts import ReceiptKey
    from callpost.delivery.verification import ProvenObject
    from callpost.services import Services

app = typer.Typer(
    help="Check receipts and manifests, and change the key that signs them.", no_args_is_help=True
)

_KEYS_PATH = "/v3/receipts/public-keys"
_TIMEOUT_S = 30


@app.command()
def verify(
    file: Annotated[
        Path,
        typer.Argument(
            help="A receipt, the receipts of a recording, or a manifest.", exists=True, dir_okay=False
        ),
    ],
    *,
    keys: Annotated[
        str,
        typer.Option(
            "--keys", help="The public keys: an address of callpost, or a file of them (JSON or PEM)."
        ),
    ],
    objects: Annotated[
        Path | None,
        typer.Option(
            "--objects",
            help="A copy of the folder, or of the bucket for a single receipt: compares every object.",
            exists=True,
            file_okay=False,
            show_default="only the signature is checked",
        ),
    ] = None,
    json: options.Json = False,
) -> None:
    """Check that a document is as callpost signed it, and that the objects are as it says.

    Needs no callpost, and no network where the keys are in a file. The exit code is 1 where they are not.
    """
    from callpost.delivery import verification  # noqa: PLC0415 - see session.settings

    document = _document(file)
    try:
        known = verification.public_keys(_key_text(keys))
    except ValueError as error:
        raise CommandFailed(f"The keys of {keys} cannot be read: {error}.") from None
    if not verification.is_signed(document, known):
        raise CommandFailed("The document is not as any of these keys has signed it.")
    proven = verification.objects(document) if objects else []
    differing = _differing(proven, objects) if objects else {}
    facts = {
        "keyId": document["signature"].get("keyId"),
        "counts": document.get("counts"),
        "objects": len(proven) if objects else None,
        "differing": differing if objects else None,
    }
    if json:
        output.document({name: value for name, value in facts.items() if value is not None})
    else:
        _show(facts)
    if differing:
        raise CommandFailed(f"{len(differing)} of {len(proven)} objects are not as they were delivered.")


@app.command("rotate-key")
def rotate_key(data: options.Data = None, json: options.Json = False) -> None:
    """Sign receipts with a new key from now on. The old ones stay public, for what they have signed."""

    async def make(services: "Services") -> "ReceiptKey":
        from callpost.delivery import receipts  # noqa: PLC0415 - see session.settings
        from callpost.store import signing_keys  # noqa: PLC0415

        async with services.database.transaction() as connection:
            pair = await signing_keys.add(connection, receipts.new_private_key(), datetime.now(UTC))
        return receipts.ReceiptKey(*pair)

    made = session.run(data, make)
    if json:
        output.document({"keyId": made.key_id, "algorithm": "Ed25519", "publicKey": made.public_pem})
        return
    output.line(made.public_pem.rstrip())
    output.note(f"Receipts are signed with {made.key_id} from now on. Keep this public key with the others.")


def _document(file: Path) -> dict[str, Any]:
    try:
        found = json_module.loads(file.read_bytes())
    except (OSError, ValueError) as error:
        raise CommandFailed(f"{file} cannot be read as JSON: {error}") from None
    if not isinstance(found, dict) or not isinstance(found.get("signature"), dict):
        raise CommandFailed(f"{file} is not a signed document.")
    return found


def _key_text(place: str) -> str:
    if not place.startswith(("http://", "https://")):
        try:
            return Path(place).read_text(encoding="utf-8")
        except (OSError, ValueError) as error:
            raise CommandFailed(f"The keys of {place} cannot be read: {error}") from None
    url = place if place.endswith(_KEYS_PATH) else place.rstrip("/").removesuffix("/v3") + _KEYS_PATH
    try:
        with urlopen(url, timeout=_TIMEOUT_S) as answer:  # noqa: S310 - http and https only, as checked above
            return str(answer.read().decode())
    except (URLError, OSError, ValueError) as error:
        raise CommandFailed(f"The keys of {url} cannot be fetched: {error}") from None


def _differing(proven: "Iterable[ProvenObject]", folder: Path) -> dict[str, str]:
    return {one.path: reason for one in proven if (reason := _why_differs(one, folder))}


def _why_differs(proven: "ProvenObject", folder: Path) -> str | None:
    path = folder / proven.path
    if not path.resolve().is_relative_to(folder.resolve()):
        return "outside of the folder"
    if not path.is_file():
        return "missing"
    with path.open("rb") as file:
        same = hashlib.file_digest(file, "sha256").hexdigest() == proven.sha256
    return None if same else "another content"


def _show(facts: Mapping[str, Any]) -> None:
    counts = facts["counts"]
    output.facts(
        (
            ("Signature", "right"),
            ("Key", facts["keyId"]),
            ("Recordings", counts and ", ".join(f"{count} {name}" for name, count in counts.items())),
            ("Objects", facts["objects"]),
        )
    )
    for path, reason in (facts["differing"] or {}).items():
        output.line(f"{path}: {reason}")
