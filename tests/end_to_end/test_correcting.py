"""A transcript put right by hand, redacted, with its audio as MP3: a real installation and a real call."""

import json

import requests
from installation import HoldingEndpoint, Installation, until

TONE = [{"metricGroupName": "talk-style-tone-and-volume"}]


def test_a_corrected_transcript_is_delivered_with_redacted_audio_as_mp3(
    installation: Installation, holding_endpoint: HoldingEndpoint
) -> None:
    holding_endpoint.go.set()
    service = installation.api()
    installation.worker()
    publish = {"callbacks": [{"url": holding_endpoint.url}]}
    media_id = installation.post(
        {"speechModel": {"features": ["voiceFeatures"]}, "metrics": TONE, "publish": publish}
    )
    installation.until_finished(media_id)
    installation.until_delivered(media_id)
    token = {"Authorization": f"Bearer {service.token}"}
    heard = requests.get(f"{service.url}/v3/media/{media_id}/transcript/text", headers=token, timeout=60).text
    redactor = {"transcript": {"replacement": "[card]"}, "audio": {"tone": 270}}
    configuration = {
        "prediction": {"detectors": [{"detectorName": "PCI", "redactor": redactor}]},
        "publish": publish | {"audioTranscode": {"fileFormat": "mp3"}},
    }
    answer = requests.post(
        f"{service.url}/v3/media/{media_id}",
        files={
            "configuration": (None, json.dumps(configuration)),
            "transcript": ("transcript.txt", heard.replace("Daniel", "Danielle")),
        },
        headers=token,
        timeout=60,
    )
    assert answer.status_code == 200, answer.text
    until(lambda: len(installation.deliveries(media_id)) == 2)
    installation.until_delivered(media_id)
    before, after = (json.loads(body) for body in holding_endpoint.bodies)
    times = {word["s"] for word in before["transcript"]["words"] if word["w"] == "Daniel"}
    assert times
    assert {word["s"] for word in after["transcript"]["words"] if word["w"] == "Danielle"} == times
    assert "4539" not in json.dumps(after)
    assert "[card]" in json.dumps(after)
    assert any(word.get("frq") and word["v"] > 0 for word in before["transcript"]["words"])
    tones = {each["metricName"]: each["metricValue"] for each in before["metrics"][0]["metricValues"]}
    assert tones["agent-relative-voice-volume-energy"] > 0.1
    streams = {one["streamName"]: one for one in service.get(f"media/{media_id}/streams")["streams"]}
    audio = requests.get(streams["redacted-audio"]["streamLocation"], timeout=60)
    assert audio.headers["Content-Type"] == "audio/mpeg"
    assert audio.headers["Content-Disposition"].endswith('redacted-audio.mp3"')
    assert audio.content[:3] == b"ID3" or audio.content[0] == 0xFF
