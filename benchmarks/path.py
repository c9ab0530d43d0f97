"""How long results take from `finished` to the customer's bucket, and what the processes need of memory.

    python -m benchmarks.path [--recordings 200] [--quick]

Real recordings (the first seconds of the sample call), real recognition, a real S3 server that checks
signatures; one delivery each, by pre-signed URL and by role in turn. The baseline is the same server taking
the same bytes from a bare HTTP client in the same run.
"""

import argparse
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path
from statistics import median, quantiles
from tempfile import TemporaryDirectory
from typing import Any

import av
import requests
from demo import customer
from demo.customer import Account
from demo.service import Service, ask, service

_CALL = Path(__file__).parent.parent / "examples" / "call.wav"
_BUCKET = "benchmark"
_SECONDS = 5
_ENDED = ("delivered", "failed")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--recordings", type=int, default=200)
    parser.add_argument("--quick", action="store_true", help="only 30 recordings, for a first look")
    arguments = parser.parse_args()
    count = 30 if arguments.quick else arguments.recordings
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="callpost-benchmark-")))
        folder.chmod(0o711)
        account = stack.enter_context(customer.account(folder))
        account.make_bucket(_BUCKET)
        running, role, data = _start(stack, folder, account)
        signer = account.make_user(customer.CUSTOMER_ACCOUNT, "s3:PutObject", f"arn:aws:s3:::{_BUCKET}/*")
        recording = _first_seconds(folder / "short.wav")
        waits, size = [], 0
        for number in range(count):
            url = account.presign(signer, _BUCKET, f"{number}.json", "application/json", version="s3v4")
            by_role = {"s3Delivery": True, "url": f"{account.endpoint}/{_BUCKET}", "role": role}
            callback = {"url": url} if number % 2 else by_role
            milliseconds, size = _one(running, recording, callback)
            waits.append(milliseconds)
        present = len(account.objects(_BUCKET))
        bare = list(_bare_puts(account, signer, count, size))
        _print(waits, bare, present, count)
        _print_memory(data)


def _start(stack: ExitStack, folder: Path, account: Account) -> tuple[Service, str, Path]:
    data = folder / "data"
    user = account.make_user(customer.CALLPOST_ACCOUNT, "sts:AssumeRole", "*")
    environment = {
        **user.environment(),
        "CALLPOST_S3_ENDPOINTS": account.endpoint,
        "CALLPOST_STS_ENDPOINT": account.endpoint,
        "CALLPOST_MODEL": "tiny.en",
    }
    url = stack.enter_context(service(data, environment))
    token = ask(data, "keys", "create", "benchmark")["token"]
    organization = ask(data, "organization", "show")["organizationId"]
    return Service(url, token), account.make_role(_BUCKET, organization), data


def _first_seconds(target: Path) -> Path:
    with av.open(str(_CALL)) as source, av.open(str(target), "w") as sink:
        stream = source.streams.audio[0]
        copy = sink.add_stream_from_template(stream)
        for packet in source.demux(stream):
            if packet.pts is None or packet.pts * stream.time_base >= _SECONDS:
                break
            packet.stream = copy
            sink.mux(packet)
    return target


def _one(running: Service, recording: Path, callback: Mapping[str, Any]) -> tuple[float, int]:
    """One recording all the way: milliseconds from finished to delivered, and the object's bytes."""
    media_id = running.post(recording, {"publish": {"callbacks": [callback]}}, {})["mediaId"]
    running.wait(
        f"media/{media_id}/progress", lambda answer: answer["progress"]["status"] in ("finished", "failed")
    )
    found = running.wait(
        f"media/{media_id}/deliveries",
        lambda answer: answer["deliveries"] and answer["deliveries"][0]["status"] in _ENDED,
    )["deliveries"][0]
    finished = datetime.fromisoformat(running.get(f"media/{media_id}")["dateFinished"])
    delivered = datetime.fromisoformat(found["receipt"]["dateDelivered"])
    return (delivered - finished).total_seconds() * 1000, found["receipt"]["size"]


def _bare_puts(account: Account, signer: customer.Key, count: int, size: int) -> Iterator[float]:
    """The baseline: milliseconds of PUTs by a bare client over one connection."""
    body = bytes(size)
    with requests.Session() as session:
        for number in range(count):
            url = account.presign(signer, _BUCKET, f"bare-{number}", "application/json", version="s3v4")
            began = time.perf_counter()
            session.put(
                url, data=body, headers={"Content-Type": "application/json"}, timeout=60
            ).raise_for_status()
            yield (time.perf_counter() - began) * 1000


def _print(waits: list[float], bare: list[float], present: int, count: int) -> None:
    print(f"{present} of {count} objects in the bucket")
    print(f"finished → delivered   p50 {median(waits):6.1f} ms   p99 {quantiles(waits, n=100)[98]:6.1f} ms")
    print(f"a bare PUT             p50 {median(bare):6.1f} ms   p99 {quantiles(bare, n=100)[98]:6.1f} ms")
    print(f"ratio of the medians   {median(waits) / median(bare):.1f}")


def _print_memory(data: Path) -> None:
    """The most that each process has had in memory so far, from the kernel's own account."""
    for status in Path("/proc").glob("[0-9]*/status"):
        try:
            command = status.with_name("cmdline").read_text().replace("\0", " ")
            environment = status.with_name("environ").read_bytes()
            text = status.read_text()
        except (FileNotFoundError, ProcessLookupError, PermissionError):
            continue
        if f"CALLPOST_DATA={data}".encode() in environment and "callpost" in command:
            peak = next(line.split()[1] for line in text.splitlines() if line.startswith("VmHWM"))
            print(f"peak memory {int(peak) / 1024:7.0f} MB   {_part(command)}")


def _part(command: str) -> str:
    words = command.split()
    return " ".join(words[1:4]) if "-m" in words else command


if __name__ == "__main__":
    main()
