"""The metrics that can be asked for."""

import httpx

from callpost.model.configuration import MetricGroup

SIZES = {
    MetricGroup.OVERTALK: 6,
    MetricGroup.SENTIMENT: 12,
    MetricGroup.TALK_STYLE: 8,
    MetricGroup.TALK_TIME: 18,
}
"""docs/how-to-guides/conversation-metrics.md"""


async def test_every_group_has_its_documented_metrics_with_their_units(client: httpx.AsyncClient) -> None:
    body = (await client.get("/v3/definition/metrics")).json()
    groups = {group["metricGroupName"]: group["metrics"] for group in body["metricGroups"]}
    assert {name: len(found) for name, found in groups.items()} == SIZES
    described = {each["metricName"]: each["metricDescription"] for found in groups.values() for each in found}
    assert len(described) == 44
    assert described["agent-talk-rate"] == "Agent talk rate: words a minute."
    assert described["call-change-in-sentiment"].endswith(
        "from -2 to 2, that at the end less that at the start."
    )
    assert described["agent-intra-call-change-in-talk-rate"].endswith("1 where nothing changed.")
    assert all("voiceFeatures" in each["metricDescription"] for each in groups[MetricGroup.TALK_STYLE])


async def test_only_who_is_known_sees_them(anonymous: httpx.AsyncClient) -> None:
    assert (await anonymous.get("/v3/definition/metrics")).status_code == 401
