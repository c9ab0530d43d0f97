"""Nothing accepted is lost, whatever is killed with -9 in the middle of whatever."""

import os
import signal
import time

from demo.processes import stop
from installation import HoldingEndpoint, Installation, kill, until

TAKEN_OVER_WITHIN_S = 30


def test_a_worker_killed_in_the_middle_of_recognition_is_replaced(
    installation: Installation, holding_endpoint: HoldingEndpoint
) -> None:
    holding_endpoint.go.set()
    installation.api()
    first = installation.worker()
    media_id = installation.post({"publish": {"callbacks": [{"url": holding_endpoint.url}]}})
    installation.until_transcribing(media_id)
    kill(first)
    installation.worker()
    document = installation.until_finished(media_id)
    assert "Harbor" in document["transcript"]["turns"][0]["text"]
    installation.until_delivered(media_id)
    assert len(holding_endpoint.bodies) == 1


def test_a_worker_killed_in_the_middle_of_a_delivery_is_replaced(
    installation: Installation, holding_endpoint: HoldingEndpoint
) -> None:
    installation.api()
    first = installation.worker()
    media_id = installation.post({"publish": {"callbacks": [{"url": holding_endpoint.url}]}})
    until(lambda: holding_endpoint.arrived == 1)
    kill(first)
    killed = time.monotonic()
    holding_endpoint.go.set()
    installation.worker()
    (delivery,) = installation.until_delivered(media_id)
    assert time.monotonic() - killed < TAKEN_OVER_WITHIN_S + 10  # a new worker has to start, too
    assert holding_endpoint.arrived == 2
    attempts = installation.service.get(f"media/{media_id}/deliveries/{delivery['number']}")["history"]
    assert [attempt["outcome"] for attempt in attempts] == ["interrupted", "delivered"]


def test_a_stopping_worker_gives_back_what_it_cannot_end_in_time(
    installation: Installation, holding_endpoint: HoldingEndpoint
) -> None:
    installation.api()
    first = installation.worker()
    media_id = installation.post({"publish": {"callbacks": [{"url": holding_endpoint.url}]}})
    until(lambda: holding_endpoint.arrived == 1)
    began = time.monotonic()
    stop(first)
    assert first.returncode == 0
    assert time.monotonic() - began < 10  # CALLPOST_STOP_GRACE_S is 2
    holding_endpoint.go.set()
    installation.worker()
    (delivery,) = installation.until_delivered(media_id)
    assert delivery["attempts"] == 1


def test_an_api_killed_right_after_its_answer_has_lost_nothing(
    installation: Installation, holding_endpoint: HoldingEndpoint
) -> None:
    holding_endpoint.go.set()
    installation.api()
    media_id = installation.post({"publish": {"callbacks": [{"url": holding_endpoint.url}]}})
    os.kill(installation.started[0].pid, signal.SIGKILL)
    installation.worker()
    until(lambda: holding_endpoint.bodies)
    installation.api()
    installation.until_finished(media_id)
    installation.until_delivered(media_id)
