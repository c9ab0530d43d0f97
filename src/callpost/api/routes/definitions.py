"""/v3/definition: what recordings can be examined for."""

import asyncio

from fastapi import APIRouter, Response

from callpost.analysis import catalogue, metrics
from callpost.analysis.catalogue import Model
from callpost.api import answers
from callpost.api.auth import Authenticated
from callpost.api.routes import classifiers, named
from callpost.errors import NotFound, Problem
from callpost.model.configuration import DetectionLevel, MetricGroup
from callpost.model.transcript import Transcript

# docs/how-to-guides/conversation-metrics.md; the first that fits.
_UNITS = (
    ("change-in-pitch", "the last third of the words over the first; needs voiceFeatures"),
    ("change-in-relative-voice", "the last third of the words over the first; needs voiceFeatures"),
    ("relative-voice", "the mean volume over that of a good speaker; needs voiceFeatures"),
    ("dynamism", "the standard deviation of the volume; needs voiceFeatures"),
    ("change-in-sentiment", "from -2 to 2, that at the end less that at the start"),
    ("sentiment", "from -1, very negative, to 1, very positive"),
    ("intra-call-change", "the last third of the call over the first, 1 where nothing changed"),
    ("agent-to-caller-talk-rate-ratio", "the agent's words a minute over the caller's"),
    ("ratio", "a share of the time, from 0 to 1"),
    ("incidents", "how often"),
    ("talk-rate", "words a minute"),
    ("streak", "seconds of talk without a pause of three seconds"),
)

router = APIRouter(tags=["Definitions"])
router.include_router(named.router)
router.include_router(classifiers.router)

_PATH = "/v3/definition/prediction"
_LEVEL = {
    "name": "detectionLevel",
    "optional": True,
    "type": "string",
    "valueSet": list(DetectionLevel),
    "defaultValue": DetectionLevel.ENTIRE_REGION,
}


@router.get("/v3/definition/prediction/detectors", operation_id="listDetectors")
async def get_detectors(caller: Authenticated) -> Response:  # noqa: ARG001 - only who is known may ask
    """The detectors there are."""
    found = [_detector(model) for model in catalogue.DETECTORS]
    return answers.json_response({"_links": answers.links(self=f"{_PATH}/detectors"), "detectors": found})


@router.get("/v3/definition/prediction/detectors/{name}", operation_id="getDetector")
async def get_detector(name: str, caller: Authenticated) -> Response:  # noqa: ARG001
    """One detector, by name or id."""
    if found := catalogue.find(catalogue.DETECTORS, name):
        return answers.json_response(_detector(found))
    raise NotFound(Problem(80000, f"There is no definition ({name[:100]}) in this collection."))


@router.get("/v3/definition/metrics", operation_id="listMetricGroups")
async def get_metrics(caller: Authenticated) -> Response:  # noqa: ARG001
    """The groups of metrics, and the metrics in each."""
    groups = [await asyncio.to_thread(_metric_group, group) for group in MetricGroup]
    document = {"_links": answers.links(self="/v3/definition/metrics"), "metricGroups": groups}
    return answers.json_response(document)


def _metric_group(group: MetricGroup) -> answers.Document:
    """VbMetricGroupDef: a recording in which nobody says anything has every metric, too."""
    values = metrics.metrics(Transcript(()), group).metrics
    return {"metricGroupName": group, "metrics": [_metric(metric.name) for metric in values]}


def _metric(name: str) -> answers.Document:
    unit = next(unit for words, unit in _UNITS if words in name)
    words = name.replace("-", " ").capitalize()
    return {"metricName": name, "metricDescription": f"{words}: {unit}."}


def _detector(model: Model) -> answers.Document:
    """VbDetectorModel; classes in both spellings there are."""
    return {
        "_links": answers.links(self=f"{_PATH}/detectors/{model.id}"),
        "detectorId": model.id,
        "detectorName": model.name,
        "detectorVersion": model.version,
        "detectorDisplayName": model.display_name,
        "detectorDescription": model.display_name,
        "detectorType": model.type,
        "languages": model.languages,
        "classes": [{"classValue": value, "classLabel": label} for value, label in model.classes],
        "categories": [{"categoryValue": value, "categoryLabel": label} for value, label in model.classes],
        "parameters": [_LEVEL],
    }
