"""Classifiers that customers train: what is refused, what is shown, and what a recording takes of them."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from api_support import Parts, codes
from benchmarks.classifiers.generate import calls
from test_named_definitions import accepted, token_of_another

from callpost.analysis import examples, training
from callpost.errors import Problem
from callpost.model.configuration import TrainedClassifier
from callpost.pipeline.train import Trainer
from callpost.services import Services
from callpost.store import classifiers

PATH = "/v3/definition/prediction/classifiers"
LABELS = {"cancellation": "leaves", "billing": "stays"}
LABELLED = [
    {"transcript": call.text, "label": LABELS[call.reason]}
    for call in calls(120, "AB", 1)
    if call.reason in LABELS
]


async def send(client: httpx.AsyncClient, **changes: Any) -> dict[str, Any]:
    """Send a classifier to be trained."""
    response = await client.post(PATH, json={"classifierName": "churn", "examples": LABELLED} | changes)
    assert response.status_code == 200, response.text
    sent: dict[str, Any] = response.json()
    return sent


async def jobs(services: Services) -> list[UUID]:
    """The trainings that wait for a worker, which is not going to have them."""
    query = "delete from pgqueuer where entrypoint = 'train' returning payload"
    return [UUID(row["payload"].decode()) for row in await services.database.pool.fetch(query)]


async def train(client: httpx.AsyncClient, services: Services, **changes: Any) -> dict[str, Any]:
    """The same, and do what the worker would, but in this process."""
    sent = await send(client, **changes)
    (training_id,) = await jobs(services)
    async with services.database.connection() as connection:
        job = await classifiers.start(connection, training_id)
        assert job is not None
        texts = [example.transcript or "" for example in job.examples]
        trained = training.train(texts, [example.label for example in job.examples])
        await classifiers.finish(connection, training_id, trained, datetime.now(UTC))
    return sent


async def test_a_classifier_is_trained_shown_and_deleted(
    client: httpx.AsyncClient, services: Services
) -> None:
    sent = await send(client, classifierDisplayName="Churn", classifierDescription="Who leaves")
    assert (sent["classifierStatus"], sent["classifierVersion"]) == ("training", "1")
    (training_id,) = await jobs(services)
    await Trainer(services.database, services.objects).train(training_id)
    shown = (await client.get(f"{PATH}/CHURN")).json()
    assert shown["classifierId"] == sent["classifierId"]
    assert shown["classifierStatus"] == "ready"
    assert (shown["classifierDisplayName"], shown["classifierDescription"]) == ("Churn", "Who leaves")
    assert shown["classifierType"] == "binary"
    assert shown["classes"] == [
        {"classValue": 0, "classLabel": "leaves"},
        {"classValue": 1, "classLabel": "stays"},
    ]
    assert shown["categories"] == [
        {"categoryValue": 0, "categoryLabel": "leaves"},
        {"categoryValue": 1, "categoryLabel": "stays"},
    ]
    listed = (await client.get(PATH)).json()["classifiers"]
    assert [one["classifierName"] for one in listed] == ["sentiment", "voicemail", "churn"]
    assert set(listed[0]) <= set(shown)
    assert listed[2] == shown
    assert (await client.delete(f"{PATH}/{sent['classifierId']}")).status_code == 204
    for gone in (await client.get(f"{PATH}/churn"), await client.delete(f"{PATH}/churn")):
        assert (gone.status_code, codes(gone)) == (404, [80000])


async def test_the_evaluation_adds_up(client: httpx.AsyncClient, services: Services) -> None:
    await train(client, services)
    evaluation = (await client.get(f"{PATH}/churn")).json()["evaluation"]
    count = len(LABELLED)
    assert evaluation["method"] == "stratified 5-fold cross-validation"
    confusion = evaluation["confusion"]
    assert [sum(row) for row in confusion] == [one["exampleCount"] for one in evaluation["classes"]]
    assert sum(map(sum, confusion)) == count
    right = confusion[0][0] + confusion[1][1]
    assert evaluation["accuracy"] == pytest.approx(right / count, abs=1e-4)
    for place, one in enumerate(evaluation["classes"]):
        called = confusion[0][place] + confusion[1][place]
        assert one["precision"] == pytest.approx(confusion[place][place] / called, abs=1e-4)
        assert one["recall"] == pytest.approx(confusion[place][place] / one["exampleCount"], abs=1e-4)
    assert evaluation["accuracy"] > evaluation["majorityAccuracy"]


async def test_a_classifier_that_learned_nothing_is_doubted(
    client: httpx.AsyncClient, services: Services
) -> None:
    """Labels that have nothing to do with the calls."""
    await train(client, services)
    assert "warnings" not in (await client.get(f"{PATH}/churn")).json()
    by_chance = [one | {"label": "ab"[place % 2]} for place, one in enumerate(LABELLED)]
    await train(client, services, examples=by_chance)
    (warning,) = (await client.get(f"{PATH}/churn")).json()["warnings"]
    assert warning["code"] == 80403
    assert "a guess has 0.50" in warning["message"]


async def test_training_again_makes_the_next_version(client: httpx.AsyncClient, services: Services) -> None:
    await train(client, services)
    again = await train(client, services, classifierName="Churn", examples=LABELLED[:40])
    assert again["classifierVersion"] == "2"
    versions = (await client.get(f"{PATH}/churn/versions")).json()["versions"]
    assert [(one["classifierVersion"], one["exampleCount"]) for one in versions] == [
        ("2", 40),
        ("1", len(LABELLED)),
    ]
    assert (await client.get(f"{PATH}/churn/versions/1")).json() == versions[1]
    assert (await client.get(f"{PATH}/churn")).json() == versions[0]
    assert (await client.get(f"{PATH}/churn/versions/3")).status_code == 404


async def test_a_training_that_fails_says_why_and_leaves_the_version_before_in_use(
    client: httpx.AsyncClient, services: Services
) -> None:
    await train(client, services)
    strange = [{"transcript": chr(0x4E00 + number), "label": "ab"[number % 2]} for number in range(20)]
    await send(client, examples=strange)
    (training_id,) = await jobs(services)
    await Trainer(services.database, services.objects).train(training_id)
    assert (await client.get(f"{PATH}/churn")).json()["classifierVersion"] == "1"
    failed = (await client.get(f"{PATH}/churn/versions/2")).json()
    assert failed["classifierStatus"] == "failed"
    assert [error["code"] for error in failed["errors"]] == [80403]


def _changed(index: int, **values: Any) -> list[dict[str, Any]]:
    changed = {key: value for key, value in (LABELLED[index] | values).items() if value is not None}
    return [*LABELLED[:index], changed, *LABELLED[index + 1 :]]


REFUSED: list[tuple[Any, int, str | None]] = [
    ("", 80400, None),
    ("{", 80400, None),
    ({"examples": LABELLED}, 80401, "classifierName"),
    ({"classifierName": "Sentiment", "examples": LABELLED}, 80401, "classifierName"),
    ({"classifierName": str(uuid4()), "examples": LABELLED}, 80401, "classifierName"),
    ({"classifierName": "x" * 129, "examples": LABELLED}, 80401, "classifierName"),
    ({"classifierName": "a"}, 80403, "examples"),
    ({"classifierName": "a", "examples": [{**one, "label": "x"} for one in LABELLED]}, 80403, "examples"),
    ({"classifierName": "a", "examples": _changed(3, label="rare")}, 80403, "examples[3].label"),
    ({"classifierName": "a", "examples": _changed(3, label=None)}, 80402, "examples[3].label"),
    ({"classifierName": "a", "examples": _changed(3, label="x" * 65)}, 80402, "examples[3].label"),
    ({"classifierName": "a", "examples": _changed(4, transcript=None)}, 80402, "examples[4]"),
    ({"classifierName": "a", "examples": _changed(4, transcript=" ?! ")}, 80402, "examples[4]"),
    ({"classifierName": "a", "examples": _changed(4, mediaId=str(uuid4()))}, 80402, "examples[4]"),
    (
        {"classifierName": "a", "examples": _changed(4, transcript=None, mediaId="x")},
        80402,
        "examples[4].mediaId",
    ),
    (
        {"classifierName": "a", "examples": _changed(5, transcript=LABELLED[2]["transcript"].upper())},
        80404,
        "examples[5]",
    ),
    (
        {"classifierName": "a", "examples": _changed(6, transcript=None, mediaId=str(uuid4()))},
        80405,
        "examples[6].mediaId",
    ),
    ({"classifierName": "a", "examples": _changed(6, transcript="so " * 3_000_001)}, 80406, "examples"),
]


@pytest.mark.parametrize(("body", "code", "place"), REFUSED)
async def test_what_cannot_be_learned_from_is_refused_with_its_place(
    client: httpx.AsyncClient, body: Any, code: int, place: str | None
) -> None:
    response = await client.post(PATH, **({"content": body} if isinstance(body, str) else {"json": body}))
    assert response.status_code == 400
    assert [(error["code"], error.get("place")) for error in response.json()["errors"]] == [(code, place)]
    assert len((await client.get(PATH)).json()["classifiers"]) == 2


def test_more_examples_than_can_be_learned_from_are_refused() -> None:
    labels = ["a", "b"] * examples.MOST_EXAMPLES
    assert [problem.code for problem in examples.check_labels(labels)] == [80406]
    many = [str(number) for number in range(examples.MOST_LABELS + 1)]
    assert [problem.code for problem in examples.check_labels(many)] == [80406]


async def test_a_recording_without_a_transcript_is_no_example(
    client: httpx.AsyncClient, services: Services, parts: Parts
) -> None:
    media_id = (await client.post("/v3/media", files=parts())).json()["mediaId"]
    response = await client.post(
        PATH, json={"classifierName": "a", "examples": _changed(0, transcript=None, mediaId=media_id)}
    )
    (error,) = response.json()["errors"]
    assert (error["code"], error["place"]) == (80405, "examples[0].mediaId")
    assert "accepted" in error["error"]


async def test_a_recording_takes_the_newest_version_there_is_when_it_is_accepted(
    client: httpx.AsyncClient, services: Services, parts: Parts
) -> None:
    sent = await train(client, services, classifierDisplayName="Churn")
    identifier = UUID(sent["classifierId"])
    asked = {"prediction": {"classifiers": [{"classifierName": "CHURN"}, {"classifierName": "voicemail"}]}}
    first = await accepted(services, client, parts(asked))
    assert first.classifiers == (TrainedClassifier(identifier, "churn", "Churn", 1), "voicemail")
    await train(client, services)
    second = await accepted(services, client, parts(asked))
    assert second.classifiers[0] == TrainedClassifier(identifier, "churn", "churn", 2)
    for version in ("1", 1, "1.0"):
        old = {"prediction": {"classifiers": [{"classifierId": sent["classifierId"], "version": version}]}}
        assert (await accepted(services, client, parts(old))).classifiers == (first.classifiers[0],)


@pytest.mark.parametrize(
    ("asked", "place"),
    [
        ({"classifierName": "loyalty"}, "prediction.classifiers[0]"),
        ({"classifierName": "churn", "version": 7}, "prediction.classifiers[0].version"),
    ],
)
async def test_a_classifier_that_is_missing_is_said_to_be(
    client: httpx.AsyncClient, services: Services, parts: Parts, asked: dict[str, Any], place: str
) -> None:
    await train(client, services)
    response = await client.post("/v3/media", files=parts({"prediction": {"classifiers": [asked]}}))
    (warning,) = response.json()["warnings"]
    assert warning["code"] == 50001
    assert warning["message"].startswith(f"{place}: ")


async def test_what_is_being_trained_cannot_be_used_yet(client: httpx.AsyncClient, parts: Parts) -> None:
    await client.post(PATH, json={"classifierName": "churn", "examples": LABELLED})
    asked = {"prediction": {"classifiers": [{"classifierName": "churn"}]}}
    response = await client.post("/v3/media", files=parts(asked))
    assert [warning["code"] for warning in response.json()["warnings"]] == [50001]


async def test_classifiers_of_others_are_not_there(
    client: httpx.AsyncClient, services: Services, parts: Parts
) -> None:
    await train(client, services)
    client.headers["Authorization"] = f"Bearer {await token_of_another(services)}"
    assert len((await client.get(PATH)).json()["classifiers"]) == 2
    for method, path in (("GET", ""), ("GET", "/versions"), ("GET", "/versions/1"), ("DELETE", "")):
        assert (await client.request(method, f"{PATH}/churn{path}")).status_code == 404
    asked = {"prediction": {"classifiers": [{"classifierName": "churn"}]}}
    response = await client.post("/v3/media", files=parts(asked))
    assert [warning["code"] for warning in response.json()["warnings"]] == [50001]


async def test_without_a_token_nothing_is_shown_or_changed(anonymous: httpx.AsyncClient) -> None:
    for method, path in (("GET", ""), ("POST", ""), ("GET", "/a"), ("DELETE", "/a"), ("GET", "/a/versions")):
        assert (await anonymous.request(method, f"{PATH}{path}")).status_code == 401


async def test_those_that_come_with_callpost_stay(client: httpx.AsyncClient) -> None:
    response = await client.delete(f"{PATH}/sentiment")
    assert (response.status_code, codes(response)) == (400, [80401])
    assert (await client.get(f"{PATH}/sentiment")).json()["classifierStatus"] == "ready"


async def test_a_version_that_has_ended_stays_as_it_is(client: httpx.AsyncClient, services: Services) -> None:
    sent = await train(client, services)
    async with services.database.connection() as connection:
        organization_id = services.organization.organization_id
        (version,) = await classifiers.versions(connection, organization_id, sent["classifierId"])
        problems = (Problem(80403, "late"),)
        await classifiers.fail(connection, version.training_id, problems, datetime.now(UTC))
        assert await classifiers.start(connection, version.training_id) is None
        assert list(await classifiers.versions(connection, organization_id, "churn")) == [version]
