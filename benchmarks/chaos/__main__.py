"""Nothing accepted is lost, and nothing is delivered wrongly, whatever is killed with -9 and whenever.

    python -m benchmarks.chaos [--recordings 1000] [--kills 60] [--seed 1]

Real processes (one API, two workers, the embedded PostgreSQL and its keeper), a server that checks
signatures, roles and policies as AWS does, a bucket with versioning, and an HTTP endpoint that fails now and
then. Each recording has four callbacks: analytics by pre-signed URL, by role and to the endpoint, and a
transcript by role. Only the recognition is not real: it reads known words out of the recording.

Prints what was killed and what is there in the end; exit code 1 if anything is lost, wrong, twice or
unexplained. --keep leaves the logs and the data behind.
"""

import argparse
import shutil
import signal
import sys
import time
from pathlib import Path
from tempfile import mkdtemp

from benchmarks.chaos.run import Outcome, Plan, run

_SHOWN = 20


def main() -> int:
    plan, keep = _arguments()
    # A plain `kill` must clean up as Ctrl-C does.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    folder = Path(mkdtemp(prefix="callpost-chaos-"))
    folder.chmod(0o711)  # the embedded PostgreSQL may run as another user
    try:
        began = time.monotonic()
        outcome = run(
            plan, folder, lambda text: print(f"{time.monotonic() - began:6.1f} s  {text}", flush=True)
        )
        _print(outcome)
    finally:
        if keep:
            print(f"everything is in {folder}")
        else:
            shutil.rmtree(folder, ignore_errors=True)
    return 1 if outcome.violations else 0


def _arguments() -> tuple[Plan, bool]:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.chaos",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--recordings", type=int, default=1000)
    parser.add_argument("--kills", type=int, default=60)
    parser.add_argument("--freezes", type=int, default=4, help="workers stopped for a while, then let go on")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--pause", type=float, default=6.0, help="mean seconds between two kills")
    parser.add_argument("--keep", action="store_true")
    given = parser.parse_args()
    plan = Plan(given.recordings, given.kills, given.freezes, given.workers, given.seed, given.pause)
    return plan, given.keep


def _print(outcome: Outcome) -> None:
    books, ledger = outcome.books, outcome.client.ledger
    attempts = books.outcomes
    rows = [
        ("kills (SIGKILL)", f"{outcome.killer.kills}"),
        *((f"  {kind}", f"{count}") for kind, count in sorted(outcome.killer.done.items())),
        ("workers frozen for 11 to 16 s", f"{outcome.killer.freezes}"),
        ("recordings accepted", f"{len(ledger.accepted)} by a 200, {len(ledger.found)} asked for afterwards"),
        ("posts without an answer", f"{ledger.lost_answers}; recordings there twice for it: {books.twice}"),
        ("deliveries", f"{books.deliveries}"),
        (
            "attempts",
            ", ".join([f"{attempts.total()}", *(f"{attempts[kind]} {kind}" for kind in sorted(attempts))]),
        ),
        ("requests that the endpoint saw", f"{books.requests}"),
        ("objects", f"{books.objects}; pre-signed URLs used once more: {books.presigned_again}"),
        ("lost", f"{len(books.lost)}"),
        ("wrong", f"{len(books.wrong)}"),
        ("second versions by role", f"{len(books.second_versions)}"),
        ("unexplained", f"{len(books.unexplained)}"),
        ("parts left behind", f"{len(outcome.left)}"),
        ("wall time", f"{outcome.seconds:.0f} s (seed {outcome.plan.seed})"),
    ]
    for name, value in rows:
        print(f"{name:32} {value}")
    for violation in outcome.violations[:_SHOWN]:
        print(f"VIOLATION: {violation}")


if __name__ == "__main__":
    sys.exit(main())
