"""A recording is processed again with another configuration, without being recognised again."""

import json

import requests
from demo.service import Service
from installation import HoldingEndpoint, Installation, until

CARD = "4539"


def found(service: Service, word: str) -> list[int]:
    """How many recordings the two searches find by a word."""
    statement = f'* SAYS "{word}*"'
    answer = requests.post(
        f"{service.url}/v3/analytics/vbql",
        data=statement,
        headers={"Authorization": f"Bearer {service.token}"},
        timeout=60,
    )
    return [len(service.get(f"media?query={word}*")["media"]), answer.json()["totalResults"]]


def test_a_card_number_is_redacted_by_processing_again(
    installation: Installation, holding_endpoint: HoldingEndpoint
) -> None:
    holding_endpoint.go.set()
    service = installation.api()
    installation.worker()
    callbacks = [{"url": holding_endpoint.url}]
    publish = {"callbacks": callbacks, "enableAnalyticIndexing": True}
    media_id = installation.post({"publish": publish})
    installation.until_finished(media_id)
    installation.until_delivered(media_id)
    assert found(service, CARD) == [1, 1]
    redactor = {"transcript": {"replacement": "[card]"}, "audio": {"tone": 270, "gain": 0.5}}
    configuration = {
        "prediction": {"detectors": [{"detectorName": "PCI", "redactor": redactor}]},
        "publish": publish,
    }
    answer = requests.post(
        f"{service.url}/v3/media/{media_id}",
        files={"configuration": (None, json.dumps(configuration), "application/json")},
        headers={"Authorization": f"Bearer {service.token}"},
        timeout=60,
    )
    assert answer.status_code == 200, answer.text
    until(lambda: len(installation.deliveries(media_id)) == 2)
    installation.until_delivered(media_id)
    before, after = (json.loads(body)["transcript"] for body in holding_endpoint.bodies)
    assert CARD in json.dumps(before)
    assert CARD not in json.dumps(after)
    assert "[card]" in json.dumps(after)
    assert found(service, CARD) == [0, 0]
    assert found(service, "thank") == [1, 1]
    streams = service.get(f"media/{media_id}/streams")["streams"]
    assert {stream["streamName"] for stream in streams} == {"original", "redacted-audio"}
