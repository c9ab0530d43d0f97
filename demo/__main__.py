"""Post a call to callpost and watch its results land in a customer's bucket: `make demo`."""

import argparse
import json
import signal
import sys
import tempfile
import time
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from demo import customer, show
from demo.customer import Account, Endpoint
from demo.processes import NotReadyError
from demo.service import Service, ask, service

_EXAMPLES = Path(__file__).parent.parent / "examples"
_BUCKET = "your-bucket-name"
_FOLDER = "voicebase-output"
_ENDED = ("delivered", "failed")
_LAST_OF_LOG = 3000


@dataclass(frozen=True)
class Stage:
    """Everything that runs for the demonstration."""

    account: Account
    endpoint: Endpoint
    role: str
    service: Service
    log: Path


def main() -> int:
    """Exit status 0: every object was read back from the bucket and has the sha256 of its receipt."""
    arguments = _arguments()
    console = Console()
    began = time.monotonic()
    # A plain `kill` must clean up like Ctrl-C does; and in the background a shell has Ctrl-C ignored.
    for stop in (signal.SIGINT, signal.SIGTERM):
        signal.signal(stop, signal.default_int_handler)
    try:
        with ExitStack() as stack:
            stage = _set_up(console, stack)
            configuration = _configuration(arguments.configuration, stage)
            good = _run(console, stage, arguments.recording, configuration)
    except KeyboardInterrupt:
        console.print("\n[red]interrupted[/red]; everything that was started is stopped")
        return 130
    except (NotReadyError, RuntimeError, TimeoutError) as error:
        console.print(f"[red]{error}[/red]", markup=True, highlight=False)
        return 1
    seconds = time.monotonic() - began
    verdict = (
        "[green]every object is as its receipt says[/green]" if good else "[red]something is missing[/red]"
    )
    console.print(f"\n{verdict}; {seconds:.0f} s, everything that was started is stopped")
    return 0 if good else 1


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make demo", description=__doc__)
    parser.add_argument("--recording", type=_file, default=_EXAMPLES / "call.wav")
    parser.add_argument("--configuration", type=_file, default=_EXAMPLES / "configuration.json")
    return parser.parse_args()


def _file(text: str) -> Path:
    path = Path(text)
    if not path.is_file():
        raise argparse.ArgumentTypeError(f"there is no file {text}")
    return path


def _set_up(console: Console, stack: ExitStack) -> Stage:
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="callpost-demo-")))
    folder.chmod(0o711)  # the embedded PostgreSQL may run as another user
    with console.status("starting the customer's AWS account …"):
        account = stack.enter_context(customer.account(folder))
        account.make_bucket(_BUCKET)
        endpoint = stack.enter_context(customer.endpoint())
        signer = account.make_user(customer.CALLPOST_ACCOUNT, "sts:AssumeRole", "*")
    with console.status("starting callpost …"):
        environment = {**signer.environment(), **_settings(account)}
        url = stack.enter_context(service(folder / "data", environment))
        token = ask(folder / "data", "keys", "create", "demo")["token"]
        organization = ask(folder / "data", "organization", "show")["organizationId"]
        role = account.make_role(_BUCKET, external_id=organization)
    console.print(f"callpost on {url}; the customer's role {role} asks for external ID {organization}")
    return Stage(account, endpoint, role, Service(url, token), folder / "callpost.log")


def _settings(account: Account) -> dict[str, str]:
    """What an operator sets whose S3, STS and customers are all on this machine."""
    return {
        "CALLPOST_S3_ENDPOINTS": account.endpoint,
        "CALLPOST_STS_ENDPOINT": account.endpoint,
        "CALLPOST_ALLOW_HTTP": "true",
        "CALLPOST_ALLOW_PRIVATE_NETWORKS": "true",
        "CALLPOST_ALLOWED_PORTS": "0",
    }


def _configuration(path: Path, stage: Stage) -> dict[str, Any]:
    """The document, with the demonstration's callbacks after those it may have."""
    document: dict[str, Any] = json.loads(path.read_text())
    publish = document.setdefault("publish", {})
    publish["callbacks"] = [*publish.get("callbacks", ()), *_callbacks(stage)]
    return document


def _callbacks(stage: Stage) -> list[dict[str, Any]]:
    account = stage.account
    signer = account.make_user(customer.CUSTOMER_ACCOUNT, "s3:PutObject", f"arn:aws:s3:::{_BUCKET}/*")

    def presigned(key: str, version: str | None = None) -> dict[str, Any]:
        url = account.presign(signer, _BUCKET, key, "application/json", version=version)
        return {"url": url, "method": "PUT", "type": "analytics"}

    role = {
        "s3Delivery": True,
        "url": f"{account.endpoint}/{_BUCKET}",
        "role": stage.role,
        "prependFolder": _FOLDER,
    }
    return [
        presigned("presigned/v2/analytics.json"),
        presigned("presigned/v4/analytics.json", "s3v4"),
        {**role, "type": "analytics"},
        {**role, "type": "transcript", "format": "webvtt"},
        {**role, "type": "media", "stream": "redacted-audio"},
        {
            "url": stage.endpoint.url,
            "method": "POST",
            "type": "analytics",
            "include": ["metadata", "transcript"],
        },
    ]


def _run(console: Console, stage: Stage, recording: Path, configuration: Mapping[str, Any]) -> bool:
    metadata = {"title": recording.stem, "externalId": f"demo-{recording.stem}"}
    answer = stage.service.post(recording, configuration, metadata)
    media_id = answer["mediaId"]
    console.print(f"posted {recording.name} as media {media_id}")
    for warning in answer.get("warnings", ()):
        console.print(f"[yellow]{warning['message']}[/yellow]", highlight=False)
    _follow(console, stage.service, media_id)
    document = stage.service.get(f"media/{media_id}")
    if document["status"] != "finished":
        console.print(f"[red]{document['status']}[/red]: {document.get('errors')}")
        console.print(stage.log.read_text(errors="replace")[-_LAST_OF_LOG:], markup=False, highlight=False)
        return False
    deliveries = stage.service.get(f"media/{media_id}/deliveries")["deliveries"]
    return _show(console, stage, document, deliveries)


def _follow(console: Console, running: Service, media_id: str) -> None:
    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console) as progress:
        task = progress.add_task("accepted", total=1.0)

        def ended(answer: Any) -> bool:
            state = answer["progress"]
            step = state["tasks"][0]["display"]
            progress.update(task, description=step, completed=state["percent"] / 100)
            return state["status"] in ("finished", "failed")

        running.wait(f"media/{media_id}/progress", ended)
        progress.update(task, description="delivering", completed=1.0)
        running.wait(
            f"media/{media_id}/deliveries",
            lambda answer: all(delivery["status"] in _ENDED for delivery in answer["deliveries"]),
        )


def _show(
    console: Console, stage: Stage, document: Mapping[str, Any], deliveries: list[Mapping[str, Any]]
) -> bool:
    objects = stage.account.objects(_BUCKET)
    console.rule("the customer's bucket")
    show.bucket(console, _BUCKET, objects)
    console.rule("the transcript begins")
    show.transcript(console, document)
    console.rule("sections")
    show.sections(console, document)
    console.rule("receipts")
    verdicts = [_verdict(delivery, objects, stage.endpoint) for delivery in deliveries]
    show.receipts(console, zip(deliveries, verdicts, strict=True))
    return bool(verdicts) and all(verdict == "identical" for verdict in verdicts)


def _verdict(delivery: Mapping[str, Any], objects: Mapping[str, bytes], endpoint: Endpoint) -> str:
    """Whether the customer's copy is what the receipt says, by sha256."""
    receipt = delivery.get("receipt")
    if receipt is None:
        return "not delivered"
    if receipt["location"].startswith(endpoint.url):
        copies = list(endpoint.bodies)
    else:
        key = unquote(urlsplit(receipt["location"]).path).lstrip("/").removeprefix(f"{_BUCKET}/")
        copies = [objects[key]] if key in objects else []
    hashes = {sha256(copy).hexdigest() for copy in copies}
    return "identical" if receipt["sha256"] in hashes else "different" if hashes else "absent"


if __name__ == "__main__":
    sys.exit(main())
