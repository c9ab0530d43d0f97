"""/v3/definition/prediction/classifiers: those that come with callpost, and those that customers train."""

import asyncio
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from fastapi import APIRouter, Request, Response

from callpost.analysis import catalogue, examples
from callpost.analysis.catalogue import Model
from callpost.api import answers, errors, openapi
from callpost.api.auth import Authenticated
from callpost.api.body import small_body
from callpost.api.context import Context
from callpost.api.reading import classifier_request
from callpost.errors import NotFound, Problem, Rejected
from callpost.model.classifiers import ClassifierVersion, Evaluation, TrainingState
from callpost.pipeline import train
from callpost.render.analytics import timestamp
from callpost.services import Services
from callpost.store import classifiers
from callpost.store.keys import Caller

router = APIRouter()

_PATH = "/v3/definition/prediction/classifiers"


@router.get("/v3/definition/prediction/classifiers", operation_id="listClassifiers")
async def get_classifiers(services: Context, caller: Authenticated) -> Response:
    """The classifiers there are: the built-in ones, then the organization's, in the version that is used."""
    async with services.database.connection() as connection:
        trained = await classifiers.latest(connection, caller.organization.organization_id)
    found = [built_in(model) for model in catalogue.CLASSIFIERS] + [_document(one) for one in trained]
    return answers.json_response({"_links": answers.links(self=_PATH), "classifiers": found})


@router.post(
    "/v3/definition/prediction/classifiers",
    operation_id="trainClassifier",
    openapi_extra=openapi.json_body("VbClassifierTraining"),
)
async def post_classifier(request: Request, services: Context, caller: Authenticated) -> Response:
    """Train a classifier, or train it anew as its next version: `classifierStatus` tells when it is ready."""
    body = await small_body(request, classifier_request.LARGEST_BODY)
    asked = await asyncio.to_thread(classifier_request.read, body)
    organization_id = caller.organization.organization_id
    version = await train.accept(services.database, organization_id, asked, datetime.now(UTC))
    return answers.json_response(_document(version))


@router.get("/v3/definition/prediction/classifiers/{name}", operation_id="getClassifier")
async def get_classifier(name: str, services: Context, caller: Authenticated) -> Response:
    """One classifier, by name or id: the newest version that is ready, else the newest."""
    if model := catalogue.find(catalogue.CLASSIFIERS, name):
        return answers.json_response(built_in(model))
    versions = await _versions(name, services, caller)
    ready = (one for one in versions if one.state is TrainingState.READY)
    return answers.json_response(_document(next(ready, versions[0])))


@router.get("/v3/definition/prediction/classifiers/{name}/versions", operation_id="listClassifierVersions")
async def get_versions(name: str, services: Context, caller: Authenticated) -> Response:
    """Every version of a trained classifier, newest first."""
    versions = await _versions(name, services, caller)
    links = answers.links(self=f"{_PATH}/{versions[0].classifier_id}/versions")
    return answers.json_response({"_links": links, "versions": [_document(one) for one in versions]})


@router.get(
    "/v3/definition/prediction/classifiers/{name}/versions/{version}", operation_id="getClassifierVersion"
)
async def get_version(name: str, version: str, services: Context, caller: Authenticated) -> Response:
    """One version."""
    for one in await _versions(name, services, caller):
        if str(one.version) == version:
            return answers.json_response(_document(one))
    raise _missing(f"{name[:100]}, version {version[:20]}")


@router.delete(
    "/v3/definition/prediction/classifiers/{name}", operation_id="deleteClassifier", status_code=204
)
async def delete_classifier(name: str, services: Context, caller: Authenticated) -> Response:
    """Remove a trained classifier with all its versions, also for recordings that wait to be processed."""
    if catalogue.find(catalogue.CLASSIFIERS, name):
        raise Rejected(Problem(80401, f"The classifier ({name[:100]}) comes with callpost, and stays."))
    async with services.database.connection() as connection:
        if not await classifiers.delete(connection, caller.organization.organization_id, _clean(name)):
            raise _missing(name[:100])
    return Response(status_code=204)


async def _versions(name: str, services: Services, caller: Caller) -> Sequence[ClassifierVersion]:
    """Never none. Raises NotFound (80000)."""
    organization_id = caller.organization.organization_id
    async with services.database.connection() as connection:
        found = await classifiers.versions(connection, organization_id, _clean(name))
    if not found:
        raise _missing(name[:100])
    return found


def _clean(name: str) -> str:
    """PostgreSQL cannot hold a NUL, so no classifier has one."""
    return name.replace("\0", "")


def _missing(name: str) -> NotFound:
    return NotFound(Problem(80000, f"There is no definition ({name}) in the collection (classifiers)."))


def built_in(model: Model) -> answers.Document:
    """VbClassifierModel of one that comes with callpost."""
    return {
        "_links": answers.links(self=f"{_PATH}/{model.id}"),
        "classifierId": model.id,
        "classifierName": model.name,
        "classifierVersion": model.version,
        "classifierDisplayName": model.display_name,
        "classifierDescription": model.display_name,
        "classifierType": model.type,
        "classifierStatus": TrainingState.READY,
        "languages": model.languages,
        **_classes(model.classes),
        "parameters": [],
    }


def _document(version: ClassifierVersion) -> answers.Document:
    """VbClassifierModel of a trained one, and how well it does."""
    evaluation = version.evaluation
    labels = [measures.label for measures in evaluation.classes] if evaluation else []
    path = f"{_PATH}/{version.classifier_id}"
    document = {
        "_links": answers.links(self=f"{path}/versions/{version.version}", versions=f"{path}/versions"),
        "classifierId": version.classifier_id,
        "classifierName": version.name,
        "classifierVersion": str(version.version),
        "classifierDisplayName": version.display_name,
        "classifierDescription": version.description,
        "classifierType": ("binary" if len(labels) == 2 else "multiclass") if labels else None,
        "classifierStatus": version.state,
        "languages": [],
        **_classes(enumerate(labels)),
        "parameters": [],
        "dateCreated": timestamp(version.created_at),
        "dateFinished": version.ended_at and timestamp(version.ended_at),
        "exampleCount": version.examples,
        "evaluation": evaluation and _evaluation(evaluation),
        "errors": [errors.error(problem) for problem in version.problems] or None,
        "warnings": answers.warnings(examples.doubts(evaluation)) or None if evaluation else None,
    }
    return answers.present(document)


def _classes(classes: Iterable[tuple[int, str]]) -> answers.Document:
    """In both spellings there are: classes (Swagger), categories (HTG predictions)."""
    known = list(classes)
    return {
        "classes": [{"classValue": value, "classLabel": label} for value, label in known],
        "categories": [{"categoryValue": value, "categoryLabel": label} for value, label in known],
    }


def _evaluation(evaluation: Evaluation) -> answers.Document:
    """confusion: a row for each true class, a column for each predicted one, both in the order of classes."""
    return {
        "method": f"stratified {evaluation.folds}-fold cross-validation",
        "accuracy": evaluation.accuracy,
        "majorityAccuracy": evaluation.majority,
        "classes": [
            answers.present(
                {
                    "classLabel": measures.label,
                    "exampleCount": measures.examples,
                    "precision": measures.precision,
                    "recall": measures.recall,
                }
            )
            for measures in evaluation.classes
        ],
        "confusion": evaluation.confusion,
    }
