"""Reading callbacks: which of the three kinds of destination, and every refusal with its code and place."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from botocore.config import Config

from callpost.delivery import destination
from callpost.errors import Problem, Rejected
from callpost.model.configuration import Callback, CallbackType, TranscriptFormat
from callpost.model.delivery import (
    BucketFolder,
    Destination,
    EndpointPolicy,
    HttpEndpoint,
    PresignedObject,
    RetrySchedule,
    SignatureVersion,
)

PLACE = "publish.callbacks[2]"
ROLE = "arn:aws:iam::999533888199:role/s3-delivery-role"
POLICY = EndpointPolicy(s3_endpoints=("http://127.0.0.1:9000", "https://minio.example.org"))
SEED = (
    "https://your-bucket-name.s3.amazonaws.com/desired/object/name/analytics.json?AWSAccessKeyId=AKIAJZZZZXSCGJXMUGGA"
    "&content-type=application%2Fjson&Expires=1499476130&Signature=UwcWOfLWLpvtj1LibHd0Na5Fw%2FM%3D"
)


def read(url: str, policy: EndpointPolicy = POLICY, **given: Any) -> tuple[Destination, tuple[Problem, ...]]:
    return destination.read(Callback(url, **given), PLACE, policy)


def refused(url: str, policy: EndpointPolicy = POLICY, **given: Any) -> list[tuple[int, str | None]]:
    with pytest.raises(Rejected) as refusal:
        read(url, policy, **given)
    return [(problem.code, problem.place) for problem in refusal.value.problems]


def presigned(
    region: str = "us-east-1", version: str | None = None, token: str | None = None, **parameters: Any
) -> str:
    client = boto3.client(
        "s3",
        region_name=region,
        aws_access_key_id="AKIAEXAMPLE",
        aws_secret_access_key="secret",
        aws_session_token=token,
        config=Config(signature_version=version),
    )
    given = {"Bucket": "calls-of-acme", "Key": "a/b c/analytics.json", **parameters}
    url: str = client.generate_presigned_url("put_object", Params=given, ExpiresIn=3600, HttpMethod="PUT")
    return url


JSON = {"ContentType": "application/json"}


def test_the_seeds_own_example_is_a_presigned_url_and_says_what_it_ignores() -> None:
    target, warnings = read(SEED, role=ROLE, prepend_folder="my_files", method="PUT", include=("transcript",))
    assert isinstance(target, PresignedObject)
    assert (target.bucket, target.object_key) == ("your-bucket-name", "desired/object/name/analytics.json")
    assert (target.version, target.signed_type) == (SignatureVersion.V2, "application/json")
    assert target.url == SEED
    assert [warning.place for warning in warnings] == [
        f"{PLACE}.role",
        f"{PLACE}.prependFolder",
        f"{PLACE}.url",
    ]


def test_post_on_a_presigned_url_becomes_put_with_a_warning() -> None:
    _, warnings = read(presigned(version="s3v4", **JSON), method="POST")
    assert [(warning.code, warning.place) for warning in warnings] == [(60011, f"{PLACE}.method")]


@pytest.mark.parametrize("region", ["us-east-1", "eu-west-1", "us-gov-west-1"])
def test_boto3s_default_url_is_sigv2_and_says_so(region: str) -> None:
    target, warnings = read(presigned(region, **JSON))
    assert isinstance(target, PresignedObject)
    assert target.version is SignatureVersion.V2
    assert target.signed_type == "application/json"
    assert target.bucket == "calls-of-acme"
    assert "2020-06-24" in str(warnings)


@pytest.mark.parametrize("region", ["eu-central-1", "cn-north-1"])
def test_boto3s_default_url_of_newer_regions_is_sigv4(region: str) -> None:
    target, warnings = read(presigned(region, **JSON))
    assert isinstance(target, PresignedObject)
    assert (target.version, target.signs_type) == (SignatureVersion.V4, True)
    assert target.object_key == "a/b c/analytics.json"
    assert warnings == ()


def test_sigv4_without_a_signed_type_is_taken_with_a_warning() -> None:
    target, warnings = read(presigned(version="s3v4"))
    assert isinstance(target, PresignedObject)
    assert (target.signs_type, target.signed_type) == (False, None)
    assert [warning.code for warning in warnings] == [60012]


def test_sigv2_without_a_type_or_with_another_is_refused() -> None:
    assert refused(presigned()) == [(60012, f"{PLACE}.url")]
    assert refused(presigned(ContentType="text/plain")) == [(60013, f"{PLACE}.url")]
    assert refused(SEED, type=CallbackType.MEDIA, stream="original") == [(60013, f"{PLACE}.url")]


def test_sigv2_without_a_type_is_sent_without_one_where_the_operator_takes_it() -> None:
    target, warnings = read(presigned(), replace(POLICY, accept_untyped=True))
    assert isinstance(target, PresignedObject)
    assert (target.signs_type, target.signed_type) == (True, None)
    assert 60012 in [warning.code for warning in warnings]


def test_javascripts_spelling_of_the_type_is_read() -> None:
    target, _ = read(SEED.replace("content-type", "Content-Type"))
    assert isinstance(target, PresignedObject)
    assert target.signed_type == "application/json"


@pytest.mark.parametrize("signed", ["application/ttaf+xml", "application/ttml+xml"])
def test_either_documented_type_of_dfxp_may_be_signed(signed: str) -> None:
    url = presigned(ContentType=signed)
    target, _ = read(url, type=CallbackType.TRANSCRIPT, format=TranscriptFormat.DFXP)
    assert isinstance(target, PresignedObject)
    assert target.signed_type == signed


def test_a_signed_header_that_only_its_signer_knows_is_refused() -> None:
    assert refused(presigned(version="s3v4", ACL="private", **JSON)) == [(60006, f"{PLACE}.url")]
    assert refused(presigned(version="s3v4", Metadata={"a": "b"}, **JSON)) == [(60006, f"{PLACE}.url")]


def test_the_condition_to_write_over_nothing_has_one_value_only_and_is_warned_of() -> None:
    target, warnings = read(presigned(version="s3v4", IfNoneMatch="*", **JSON))
    assert isinstance(target, PresignedObject)
    assert target.signed_headers == (("if-none-match", "*"),)
    assert [(warning.code, warning.place) for warning in warnings] == [(60006, f"{PLACE}.url")]


@pytest.mark.parametrize("version", ["s3", "s3v4"])
def test_what_was_signed_encoded_is_refused_where_it_is_not(version: str) -> None:
    url = presigned(version=version, Key="größe/k", **JSON)
    assert isinstance(read(url)[0], PresignedObject)
    for name in ("größe", "gr%C3%B6ße"):
        raw = url.replace("gr%C3%B6%C3%9Fe", name)
        assert raw != url
        assert refused(raw) == [(60006, f"{PLACE}.url")]


def test_headers_that_sigv2_writes_into_the_url_are_known() -> None:
    target, _ = read(presigned(ACL="private", **JSON))
    assert isinstance(target, PresignedObject)
    assert target.signed_headers == (("x-amz-acl", "private"),)


def test_a_checksum_of_a_body_nobody_has_seen_is_refused() -> None:
    url = presigned(version="s3v4", **JSON)
    for fixed in ("x-amz-checksum-crc32=AAAAAA%3D%3D", f"X-Amz-Content-Sha256={'0' * 64}", "Content-MD5=a"):
        assert refused(f"{url}&{fixed}") == [(60006, f"{PLACE}.url")]
    assert isinstance(read(f"{url}&X-Amz-Content-Sha256=UNSIGNED-PAYLOAD")[0], PresignedObject)


@pytest.mark.parametrize("version", [None, "s3v4"])
def test_temporary_credentials_are_warned_of(version: str | None) -> None:
    target, warnings = read(presigned(version=version, token="session-token", **JSON))
    assert isinstance(target, PresignedObject)
    assert target.temporary
    assert target.signed_headers == ()
    assert "temporary" in str(warnings)


def test_an_expired_url_is_refused_and_one_that_will_expire_is_warned_of() -> None:
    target, _ = read(SEED)
    expires = datetime(2017, 7, 8, 1, 8, 50, tzinfo=UTC)
    with pytest.raises(Rejected, match="expired at 2017-07-08T01:08:50Z; it is 2017-07-08T01:08:50Z now"):
        destination.check_expiry(target, PLACE, expires)
    before = expires - timedelta(hours=1)
    (warning,) = destination.check_expiry(target, PLACE, before, ready_at=expires + timedelta(minutes=5))
    assert "before the first try: it expires at 2017-07-08T01:08:50Z" in warning.message
    assert "the results are expected at 2017-07-08T01:13:50Z" in warning.message
    (warning,) = destination.check_expiry(target, PLACE, before)
    assert "2017-07-08T01:08:50Z, before the last retry at 2017-07-08T15:53:50Z" in warning.message
    short = RetrySchedule((0, 60), 3)
    assert destination.check_expiry(target, PLACE, before, schedule=short) == ()
    assert destination.check_expiry(target, PLACE, expires - timedelta(hours=24)) == ()
    assert destination.check_expiry(read("https://example.org/")[0], PLACE, expires) == ()


@pytest.mark.parametrize(
    "query",
    [
        "X-Amz-Signature=a&X-Amz-Date=yesterday&X-Amz-Expires=60&X-Amz-SignedHeaders=host",
        "X-Amz-Signature=a&X-Amz-Date=20260301T000000Z&X-Amz-Expires=700000&X-Amz-SignedHeaders=host",
        "X-Amz-Signature=a&X-Amz-Date=20260301T000000Z&X-Amz-Expires=60",
        "AWSAccessKeyId=a&Signature=b&Expires=soon&content-type=application/json",
    ],
)
def test_a_presigned_url_that_cannot_be_read_is_refused(query: str) -> None:
    assert refused(f"https://b.s3.amazonaws.com/k?{query}") == [(60006, f"{PLACE}.url")]


BUCKET_URLS = [
    ("https://s3.amazonaws.com/acme-calls", None),
    ("https://s3.eu-west-1.amazonaws.com/acme-calls", "eu-west-1"),
    ("https://s3-eu-west-1.amazonaws.com/acme-calls/", "eu-west-1"),
    ("http://s3-us-east-1.amazonaws.com/acme-calls", "us-east-1"),
    ("https://s3-external-1.amazonaws.com/acme-calls", None),
    ("https://S3.Amazonaws.com/acme-calls", None),
    ("https://acme-calls.s3.amazonaws.com", None),
    ("https://acme-calls.s3.eu-west-1.amazonaws.com/", "eu-west-1"),
    ("https://acme-calls.s3-eu-west-1.amazonaws.com:443", "eu-west-1"),
    ("https://acme-calls.s3-accelerate.amazonaws.com", None),
    ("https://s3.dualstack.eu-west-1.amazonaws.com/acme-calls", "eu-west-1"),
    ("https://acme-calls.s3.dualstack.eu-west-1.amazonaws.com", "eu-west-1"),
    ("https://s3.us-gov-west-1.amazonaws.com/acme-calls", "us-gov-west-1"),
    ("https://s3.cn-north-1.amazonaws.com.cn/acme-calls", "cn-north-1"),
    ("https://acme-calls.s3.cn-north-1.amazonaws.com.cn", "cn-north-1"),
    ("https://eu-west-1.amazonaws.com/acme-calls", "eu-west-1"),
    ("s3://acme-calls", None),
]


@pytest.mark.parametrize(("url", "region"), BUCKET_URLS)
def test_every_form_of_bucket_url_is_read(url: str, region: str | None) -> None:
    target, warnings = read(url, s3_delivery=True, role=ROLE, prepend_folder="/calls/2026/")
    assert target == BucketFolder("acme-calls", "calls/2026", ROLE, region)
    assert warnings == ()


def test_a_prefix_in_the_url_comes_before_the_folder() -> None:
    target, _ = read("s3://acme.calls/in%20box/", role=ROLE, prepend_folder="x")
    assert target == BucketFolder("acme.calls", "in box/x", ROLE)
    assert target.key == "s3:acme.calls"


def test_a_fips_host_is_kept() -> None:
    target, _ = read("https://acme-calls.s3-fips.us-east-1.amazonaws.com", role=ROLE)
    assert isinstance(target, BucketFolder)
    assert target.endpoint == "https://s3-fips.us-east-1.amazonaws.com"


@pytest.mark.parametrize(
    "url",
    [
        "https://calls-123456789012.s3-accesspoint.eu-west-1.amazonaws.com/folder",
        "s3://arn:aws:s3:eu-west-1:123456789012:accesspoint/calls/folder",
    ],
)
def test_an_access_point_is_written_to_through_its_own_host(url: str) -> None:
    target, _ = read(url, role=ROLE)
    assert isinstance(target, BucketFolder)
    assert target.bucket == "arn:aws:s3:eu-west-1:123456789012:accesspoint/calls"
    assert (target.prefix, target.region) == ("folder", "eu-west-1")


@pytest.mark.parametrize(
    ("url", "bucket", "endpoint"),
    [
        ("http://127.0.0.1:9000/Acme_Calls/in", "Acme_Calls", "http://127.0.0.1:9000"),
        ("https://minio.example.org/acme/in", "acme", "https://minio.example.org"),
        ("https://acme.minio.example.org/in", "acme", "https://minio.example.org"),
    ],
)
def test_the_operators_own_endpoints_are_read(url: str, bucket: str, endpoint: str) -> None:
    target, _ = read(url, role=ROLE)
    assert target == BucketFolder(bucket, "in", ROLE, None, endpoint)


@pytest.mark.parametrize(
    "url",
    [
        "https://s3.amazonaws.com.example.org/acme-calls",
        "https://acme-calls.s3.amazonaws.com.example.org",
        "https://s3.amazonaws.com@example.org/acme-calls",
        "https://user:password@s3.amazonaws.com/acme-calls",
        "https://s3-amazonaws.com/acme-calls",
        "https://fakes3.amazonaws.org/acme-calls",
        "https://ec2.eu-west-1.amazonaws.com/acme-calls",
        "https://s3.amazonaws.com:8443/acme-calls",
        "https://example.org/acme-calls",
        "http://127.0.0.1:9001/acme-calls",
        "https://minio.example.org.evil.org/acme",
        "https://evilminio.example.org/acme",
        "https://s3.amazonaws.com/",
        "https://s3.amazonaws.com/A",
        "https://s3.amazonaws.com/192.168.1.1",
        "https://mfzwi23gnjvgw.mrap.accesspoint.s3-global.amazonaws.com/x",
    ],
)
def test_lookalikes_and_what_is_no_bucket_are_refused(url: str) -> None:
    assert refused(url, s3_delivery=True, role=ROLE) == [(60006, f"{PLACE}.url")]


def test_a_folder_that_climbs_out_is_refused() -> None:
    assert refused("s3://acme-calls", role=ROLE, prepend_folder="a/../../b") == [
        (60006, f"{PLACE}.prependFolder")
    ]
    assert refused("s3://acme-calls/a%2F..%2F", role=ROLE) == [(60006, f"{PLACE}.prependFolder")]
    assert refused("s3://acme-calls", role=ROLE, prepend_folder="a\nb") == [(60006, f"{PLACE}.prependFolder")]


def test_s3_delivery_needs_the_arn_of_a_role() -> None:
    assert refused("s3://acme-calls", s3_delivery=True) == [(60009, f"{PLACE}.role")]
    assert refused("s3://acme-calls", role="arn:aws:iam::xxxx:role/r") == [(60009, f"{PLACE}.role")]
    assert refused("s3://acme-calls", role="arn:aws:iam::123456789012:user/u") == [(60009, f"{PLACE}.role")]


def test_everything_else_is_an_http_callback() -> None:
    assert read("https://example.org:8443/hook?id=1")[0] == HttpEndpoint(
        "https://example.org:8443/hook?id=1", "POST", "example.org:8443"
    )
    target, _ = read("https://example.org/hook", method="put")
    assert isinstance(target, HttpEndpoint)
    assert target.method == "PUT"
    assert target.key == "http:example.org"


def test_an_unsigned_bucket_url_without_a_role_is_warned_of() -> None:
    target, warnings = read("https://acme-calls.s3.amazonaws.com/analytics.json", method="PUT")
    assert isinstance(target, HttpEndpoint)
    assert "S3 will refuse it" in str(warnings)


@pytest.mark.parametrize(
    ("given", "code", "name"),
    [
        ({"url": ""}, 60001, "url"),
        ({"url": "ftp://example.org/"}, 60002, "url"),
        ({"url": "http://example.org/"}, 60002, "url"),
        ({"url": "example.org/hook"}, 60006, "url"),
        ({"url": "https://exa mple.org/"}, 60006, "url"),
        ({"url": "https:///hook"}, 60006, "url"),
        ({"url": "https://example.org:99999/"}, 60006, "url"),
        ({"url": "https://example.org:22/"}, 60006, "url"),
        ({"url": "https://10.0.0.1/"}, 60006, "url"),
        ({"url": "https://[::1]/"}, 60006, "url"),
        ({"url": "https://127.1/"}, 60006, "url"),
        ({"url": "https://e.org/", "method": "DELETE"}, 60011, "method"),
        ({"url": "https://e.org/", "format": TranscriptFormat.SRT}, 60008, "format"),
        ({"url": "https://e.org/", "stream": "original"}, 60008, "stream"),
        ({"url": "https://e.org/", "type": CallbackType.TRANSCRIPT}, 60009, "format"),
        ({"url": "https://e.org/", "type": CallbackType.MEDIA}, 60009, "stream"),
        (
            {
                "url": "https://e.org/",
                "type": CallbackType.MEDIA,
                "stream": "original",
                "include": ("metadata",),
            },
            60008,
            "include",
        ),
    ],
)
def test_what_is_wrong_is_named_by_code_and_place(given: dict[str, Any], code: int, name: str) -> None:
    assert refused(given.pop("url"), **given) == [(code, f"{PLACE}.{name}")]


def test_http_goes_only_where_the_operator_allows_it() -> None:
    assert read("http://example.org/", EndpointPolicy(allow_http=True))[1] == ()
    signed = presigned().replace(
        "https://calls-of-acme.s3.amazonaws.com", "http://127.0.0.1:9000/calls-of-acme"
    )
    assert isinstance(read(signed, replace(POLICY, accept_untyped=True))[0], PresignedObject)
    assert refused(signed.replace("9000", "9001")) == [(60002, f"{PLACE}.url")]


def test_no_signature_shows_in_a_repr_or_a_refusal() -> None:
    target, _ = read(SEED)
    assert "UwcW" not in repr(target)
    assert "UwcW" not in repr(Callback(SEED))
    with pytest.raises(Rejected) as refusal:
        read(SEED, type=CallbackType.MEDIA, stream="original")
    assert "UwcW" not in str(refusal.value)
