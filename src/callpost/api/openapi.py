"""What FastAPI cannot see for itself: multipart bodies, tolerant query parameters, the shape of errors."""

from typing import Any, Final

from callpost.model.configuration import CallbackType, TranscriptFormat

Schema = dict[str, Any]

_TEXT: Final[Schema] = {"type": "string"}
_FLAG: Final[Schema] = {"type": "boolean"}
_NUMBER: Final[Schema] = {"type": "integer"}
_DATE: Final[Schema] = {"type": "string", "format": "date-time"}


def _object(**properties: Schema) -> Schema:
    return {"type": "object", "properties": properties}


def _list(items: Schema) -> Schema:
    return {"type": "array", "items": items}


def _reference(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


_S3_OPTIONS = _object(
    kmsKeyId=_TEXT | {"description": "Id, alias or ARN of the KMS key that encrypts the objects."},
    bucketOwnerFullControl=_FLAG,
    expectedBucketOwner=_TEXT | {"pattern": "^[0-9]{12}$"},
    tags={"type": "object", "additionalProperties": _TEXT, "maxProperties": 10},
    keyTemplate=_TEXT | {"description": "As `{prependFolder}/{date}/{mediaId}/{object}`."},
    receipts=_FLAG | {"description": "Signed receipts and daily manifests beside the objects."},
) | {"description": "How the objects of a delivery by role are written."}

_CALLBACK = _object(
    url=_TEXT | {"description": "An https endpoint, a pre-signed S3 URL, or a bucket's URL with a role."},
    method={"type": "string", "enum": ["POST", "PUT"], "default": "POST"},
    type={"type": "string", "enum": list(CallbackType), "default": "analytics"},
    format={"type": "string", "enum": list(TranscriptFormat), "description": "Transcript callbacks only."},
    fractionDigits={"type": "integer", "enum": [2, 3], "description": "Of a second; SubRip only."},
    include=_list(_TEXT) | {"description": "Sections of an analytics callback; all where left out."},
    stream={"type": "string", "enum": ["original", "redacted-audio"], "description": "Media callbacks only."},
    s3Delivery=_FLAG | {"description": "Deliver into the bucket at `url` by `role`."},
    role=_TEXT | {"description": "ARN of the IAM role to assume, with the accountId as external ID."},
    prependFolder=_TEXT | {"description": "What the keys of the objects begin with."},
    s3Options=_S3_OPTIONS,
)

_CONFIGURATION = _object(
    speechModel=_object(language=_TEXT, model=_TEXT, features=_list(_TEXT), extensions=_list(_TEXT)),
    priority={"type": "string", "enum": ["high", "normal", "low"]},
    ingest={"type": "object"},
    prediction={"type": "object"},
    knowledge=_object(enableDiscovery=_FLAG),
    transcript={"type": "object"},
    vocabularies=_list({"type": "object"}),
    categories=_list(_object(categoryName=_TEXT, allCategories=_FLAG)),
    metrics=_list(_object(metricGroupName=_TEXT)),
    publish=_object(callbacks=_list(_CALLBACK)),
) | {"description": "See docs/configuration.md for every key."}

_METADATA = _object(title=_TEXT, description=_TEXT, externalId=_TEXT, extended={"type": "object"})

_STREAM = _object(status=_NUMBER, streamName=_TEXT, streamLocation={"type": "string", "format": "uri"})

_PROBLEM = _object(code=_NUMBER, error=_TEXT, place=_TEXT)

SCHEMAS: Final[dict[str, Schema]] = {
    "VbErrorResponse": _object(
        status=_NUMBER,
        errors=_list(_PROBLEM),
        warnings=_list(_object(code=_NUMBER, message=_TEXT)),
        reference={"type": "string", "format": "uuid"},
    ),
    "VbConfiguration": _CONFIGURATION,
    "VbMetadata": _METADATA,
    "VbStream": _STREAM,
    "VbKeywordGroup": _object(groupName=_TEXT, keywords=_list(_TEXT)),
    "VbVocabulary": _object(
        vocabularyName=_TEXT,
        vocabularyType={"type": "string", "enum": ["terms", "scripts"]},
        terms=_list(_object(term=_TEXT, soundsLike=_list(_TEXT), weight=_NUMBER)),
        scripts=_list(_object(script=_TEXT)),
    ),
    "DeliverySchedule": _object(
        waitsInSeconds=_list(_NUMBER) | {"description": "Before each slot; the first is 0."},
        triesPerSlot={"type": "integer", "minimum": 1, "maximum": 10, "default": 3},
        strict=_FLAG | {"description": "Spend every try, even on what is hopeless.", "default": False},
    )
    | {"required": ["waitsInSeconds"]},
    "VbClassifierTraining": _object(
        classifierName=_TEXT,
        classifierDisplayName=_TEXT,
        classifierDescription=_TEXT,
        examples=_list(
            _object(mediaId={"type": "string", "format": "uuid"}, transcript=_TEXT, label=_TEXT)
            | {"description": "Either a mediaId or a transcript.", "required": ["label"]}
        ),
    )
    | {"required": ["classifierName", "examples"]},
    "VbCategoryRequest": _object(
        categoryDescription=_TEXT,
        query=_TEXT | {"description": "VBQL; see docs/vbql.md."},
        notes=_TEXT,
        tags=_list(_TEXT),
        version=_TEXT,
    )
    | {"required": ["query"]},
    "VbSearchableFields": _object(fields=_list(_TEXT | {"example": "extended.customerId"})),
    "VbKeyConfiguration": _object(ttlMillis=_NUMBER, expirationDate=_DATE, ephemeral=_FLAG),
}

ERRORS: Final[dict[int | str, Schema]] = {
    "default": {
        "description": "Every refusal, with VoiceBase's codes.",
        "content": {"application/json": {"schema": _reference("VbErrorResponse")}},
    }
}

_CORRECTED = _TEXT | {"description": "The right text: its words take over the times of those recognised."}

POST_MEDIA: Final[Schema] = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": _object(
                    media={"type": "string", "format": "binary"},
                    mediaUrl={"type": "string", "format": "uri"},
                    configuration=_reference("VbConfiguration"),
                    metadata=_reference("VbMetadata"),
                    transcript=_CORRECTED,
                ),
                "encoding": {
                    "configuration": {"contentType": "application/json"},
                    "metadata": {"contentType": "application/json"},
                },
            }
        },
    }
}

POST_MEDIA_AGAIN: Final[Schema] = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": _object(
                    configuration=_reference("VbConfiguration"),
                    metadata=_reference("VbMetadata"),
                    transcript=_CORRECTED,
                ),
                "encoding": {
                    "configuration": {"contentType": "application/json"},
                    "metadata": {"contentType": "application/json"},
                },
            }
        },
    }
}

PUT_METADATA: Final[Schema] = {
    "requestBody": {
        "required": True,
        "content": {"application/json": {"schema": _reference("VbMetadata")}},
    }
}

POST_KEY: Final[Schema] = {
    "requestBody": {
        "required": True,
        "content": {"application/json": {"schema": _reference("VbKeyConfiguration")}},
    }
}

VBQL: Final[Schema] = {
    "requestBody": {
        "required": True,
        "content": {kind: {"schema": _TEXT} for kind in ("text/plain", "application/json")},
    }
}

PATCH_DELIVERY: Final[Schema] = {
    "requestBody": {
        "required": True,
        "content": {"application/json": {"schema": _object(url=_TEXT) | {"required": ["url"]}}},
    }
}

REPLAY: Final[Schema] = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {
                "schema": _object(
                    status={"type": "string", "enum": ["pending", "delivered", "failed"]},
                    destination=_TEXT | {"description": "As `s3:bucket` or `http:host`."},
                    since=_DATE,
                    until=_DATE,
                    externalId=_TEXT,
                    mediaId={"type": "string", "format": "uuid"},
                    number=_NUMBER | {"description": "Of one delivery of mediaId."},
                    dryRun=_FLAG | {"description": "Only count them.", "default": False},
                    callback=_object(
                        url=_TEXT,
                        method={"type": "string", "enum": ["POST", "PUT"]},
                        s3Delivery=_FLAG,
                        role=_TEXT,
                        prependFolder=_TEXT,
                        s3Options=_S3_OPTIONS,
                    )
                    | {"description": "Another destination than theirs.", "required": ["url"]},
                )
                | {"minProperties": 1}
            }
        },
    }
}

DESTINATION_KEY: Final[Schema] = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {"schema": _object(destination=_TEXT) | {"required": ["destination"]}}
        },
    }
}

DESTINATION_LIMIT: Final[Schema] = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {
                "schema": _object(
                    destination=_TEXT,
                    concurrency={"type": ["integer", "null"], "minimum": 1, "maximum": 1000},
                )
                | {"required": ["destination"]}
            }
        },
    }
}

VERIFY_DESTINATION: Final[Schema] = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {
                "schema": _object(
                    url=_TEXT,
                    s3Delivery={"type": "boolean"},
                    role=_TEXT,
                    prependFolder=_TEXT,
                    s3Options=_S3_OPTIONS,
                    putOnly={"type": "boolean", "default": False},
                )
                | {"required": ["url"]}
            }
        },
    }
}


def _query(name: str, description: str, schema: Schema = _TEXT) -> Schema:
    return {"name": name, "in": "query", "description": description, "schema": schema}


_LIMIT = _query("limit", "How many to return.", {"type": "integer", "default": 100, "maximum": 1000})

MEDIA_QUERY: Final[Schema] = {
    "parameters": [
        _query("query", "Words, phrases, AND, OR, NOT, title: and description: in finished recordings."),
        _query("externalId", "The externalId of the metadata."),
        _query("after", "Created after this mediaId."),
        _query("before", "Created before this mediaId."),
        _query("onOrAfterDate", "Created on or after this date, as 2016-01-01 or 2016-01-01T00:00:00Z."),
        _query("onOrBeforeDate", "Created on or before this date."),
        _query("extendedFilter", "Name:Value of the extended metadata; may be repeated.", _list(_TEXT)),
        _query("sortOrder", "By date.", {"type": "string", "enum": ["asc", "desc"], "default": "asc"}),
        _LIMIT,
    ]
}

DELIVERY_QUERY: Final[Schema] = {
    "parameters": [
        _query("status", "", {"type": "string", "enum": ["pending", "delivered", "failed"]}),
        _query("destination", "As `s3:bucket` or `http:host`."),
        _query("since", "Created on or after this date."),
        _query("until", "Created on or before this date."),
        _query("externalId", "The externalId of the recording's metadata."),
        _query("mediaId", "Of one recording."),
        _query("number", "Of one delivery of mediaId.", _NUMBER),
        _query("after", "The last delivery of the page before, as {mediaId}/{number}."),
        _LIMIT,
    ]
}

MANIFEST_QUERY: Final[Schema] = {
    "parameters": [
        _query("since", "Of this day or a later one."),
        _query("until", "Of this day or an earlier one."),
        _LIMIT,
    ]
}

ALTERNATE_FORMATS: Final[Schema] = {
    "parameters": [
        _query(
            "includeAlternateFormat",
            "Renditions of the transcript to add, in Base64.",
            _list({"type": "string", "enum": ["text", "srt", "dfxp", "webvtt"]}),
        )
    ]
}

FRACTION_DIGITS: Final[Schema] = {
    "parameters": [
        _query(
            "fractionDigits",
            "Of a second: 2 as VoiceBase writes them (the default), 3 as players expect.",
            {"type": "integer", "enum": [2, 3]},
        )
    ]
}

REDIRECT: Final[dict[int | str, Schema]] = {
    200: {
        "description": "The link, where JSON is asked for.",
        "content": {"application/json": {"schema": _reference("VbStream")}},
    },
    302: {"description": "The link, as a redirect."},
}

AUDIO: Final[dict[int | str, Schema]] = {
    200: {
        "description": "The audio.",
        "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
    }
}


def json_body(schema: str) -> Schema:
    """A request whose body is one of SCHEMAS."""
    content = {"application/json": {"schema": _reference(schema)}}
    return {"requestBody": {"required": True, "content": content}}


def text(*types: str) -> dict[int | str, Schema]:
    """A 200 answer that is text of one of these types."""
    content = {kind: {"schema": _TEXT} for kind in types}
    return {200: {"description": "The transcript.", "content": content}}
