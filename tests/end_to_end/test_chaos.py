"""A short run of benchmarks/chaos: nothing is lost, wrong, twice or unexplained, whatever is killed."""

from pathlib import Path

from benchmarks.chaos.run import Plan, run


def test_nothing_is_lost_whatever_is_killed_and_whenever(open_folder: Path) -> None:
    plan = Plan(recordings=12, kills=5, freezes=0, workers=2, seed=7, pause_s=0.5, longest_s=120)
    outcome = run(plan, open_folder)
    assert outcome.violations == []
    assert outcome.killer.done.keys() >= {"api", "one worker", "PostgreSQL"}
    assert len(outcome.client.ledger.accepted) + len(outcome.client.ledger.found) == plan.recordings
    assert outcome.books.outcomes["delivered"] == outcome.books.deliveries >= 4 * plan.recordings
