"""s3Options of a callback: what they may hold, and that nothing of them is silently ignored."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from callpost.api.reading import configuration, document
from callpost.api.reading.configuration import Reading
from callpost.api.reading.document import CONFIGURATION
from callpost.api.reading.submission import Rules
from callpost.errors import Rejected
from callpost.model.configuration import S3Options
from callpost.model.delivery import EndpointPolicy

ROLE = "arn:aws:iam::999533888199:role/s3-delivery-role"
KEY = "arn:aws:kms:eu-west-1:999533888199:key/1234abcd-12ab-34cd-56ef-1234567890ab"
PLACE = "publish.callbacks[0].s3Options"


def read(options: Any, **others: Any) -> Reading:
    callback = {"url": "s3://acme-calls", "role": ROLE, "s3Options": options} | others
    parsed = document.parse(json.dumps({"publish": {"callbacks": [callback]}}).encode(), CONFIGURATION)
    rules = Rules(EndpointPolicy(), datetime(2026, 3, 1, tzinfo=UTC))
    return configuration.read(parsed, rules.check_destination, rules.known)


def asked(options: Any) -> S3Options | None:
    reading = read(options)
    assert not reading.warnings
    return reading.configuration.callbacks[0].s3_options


def test_everything_is_read() -> None:
    found = asked(
        {
            "kmsKeyId": KEY,
            "bucketOwnerFullControl": True,
            "expectedBucketOwner": "099533888199",
            "tags": {"team": "Zoë's".replace("'", "-"), "empty": ""},
            "keyTemplate": "{prependFolder}/{date}/{mediaId}/{object}",
            "receipts": "true",
        }
    )
    tags = (("team", "Zoë-s"), ("empty", ""))
    template = "{prependFolder}/{date}/{mediaId}/{object}"
    assert found == S3Options(KEY, True, "099533888199", tags, template, True)


def test_nothing_asked_for_is_the_buckets_own_way() -> None:
    assert asked(None) is None
    assert asked({"kmsKeyId": None, "tags": {}}) == S3Options()


@pytest.mark.parametrize(
    "key",
    [
        KEY,
        KEY.rpartition("/")[2],
        "mrk-" + "0a" * 16,
        "alias/calls",
        KEY.replace("key/1234abcd-12ab-34cd-56ef-1234567890ab", "alias/team/calls"),
        KEY.replace("arn:aws:", "arn:aws-us-gov:"),
    ],
)
def test_a_kms_key_may_be_named_in_every_way_that_kms_knows(key: str) -> None:
    found = asked({"kmsKeyId": key})
    assert found is not None
    assert found.kms_key_id == key


@pytest.mark.parametrize(
    ("options", "code", "place"),
    [
        ("yes", 10007, ""),
        ({"kmsKeyId": "my key"}, 10007, ".kmsKeyId"),
        ({"kmsKeyId": "arn:aws:iam::999533888199:role/r"}, 10007, ".kmsKeyId"),
        ({"kmsKeyID": KEY}, 10008, ".kmsKeyID"),
        ({"bucketOwnerFullControl": "maybe"}, 10007, ".bucketOwnerFullControl"),
        ({"expectedBucketOwner": "12345"}, 10007, ".expectedBucketOwner"),
        ({"expectedBucketOwner": "٩" * 12}, 10007, ".expectedBucketOwner"),
        ({"tags": ["a"]}, 10007, ".tags"),
        ({"tags": {f"t{number}": "" for number in range(11)}}, 10007, ".tags"),
        ({"tags": {"k" * 129: ""}}, 10007, ".tags." + "k" * 129),
        ({"tags": {"k": "v" * 257}}, 10007, ".tags.k"),
        ({"tags": {"k": "v\r\nx-evil: 1"}}, 10007, ".tags.k"),
        ({"tags": {"aws:k": "v"}}, 10007, ".tags.aws:k"),
        ({"tags": {"k": {"deep": 1}}}, 10007, ".tags.k"),
        ({"keyTemplate": "{date}/{object}"}, 60006, ".keyTemplate"),
        ({"keyTemplate": "../{mediaId}/{object}"}, 60006, ".keyTemplate"),
        ({"receipts": 3}, 10007, ".receipts"),
    ],
)
def test_what_is_wrong_is_refused_with_its_place(options: Any, code: int, place: str) -> None:
    with pytest.raises(Rejected) as refusal:
        read(options)
    assert [(problem.code, problem.place) for problem in refusal.value.problems] == [(code, PLACE + place)]


SIGNED = (
    "https://acme-calls.s3.amazonaws.com/a?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Date=20260301T000000Z"
    "&X-Amz-Expires=604800&X-Amz-SignedHeaders=content-type%3Bhost&X-Amz-Signature=00"
    "&X-Amz-Credential=A%2F20260301%2Fus-east-1%2Fs3%2Faws4_request"
)


@pytest.mark.parametrize("url", ["https://example.org/callback", SIGNED])
def test_without_a_role_they_are_ignored_with_a_warning(url: str) -> None:
    warnings = read({"tags": {"k": "v"}}, url=url, role=None).warnings
    assert (60008, PLACE) in [(warning.code, warning.place) for warning in warnings]
