"""The signature of callpost's own requests, held against botocore's."""

import hashlib
from datetime import UTC, datetime

import pytest
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials as BotocoreCredentials

from callpost.delivery import signing
from callpost.delivery.signing import Credentials, Scope

DATA = b'{"mediaId": "1"}'


@pytest.mark.parametrize("token", [None, "session/token=="])
def test_the_signature_is_botocores(token: str | None) -> None:
    key = signing.quote_key("a b/ü+(1).json")
    url = f"https://s3.eu-west-1.amazonaws.com/bucket/{key}?partNumber=1&uploadId=x%2Fy"
    digest = hashlib.sha256(DATA).hexdigest()
    given = {"content-type": "application/json", "x-amz-checksum-sha256": "abc=", "if-none-match": "*"}
    ours = signing.sign(
        "PUT",
        url,
        given,
        payload_sha256=digest,
        credentials=Credentials("AKIAEXAMPLE", "secret", token),
        scope=Scope("eu-west-1", "s3"),
        now=datetime.now(UTC),
    )
    request = AWSRequest("PUT", url, {**given, "X-Amz-Content-SHA256": digest}, DATA)
    request.context["timestamp"] = ours["x-amz-date"]
    theirs = S3SigV4Auth(BotocoreCredentials("AKIAEXAMPLE", "secret", token), "s3", "eu-west-1")
    theirs._modify_request_before_signing(request)  # noqa: SLF001
    signature = theirs.signature(theirs.string_to_sign(request, theirs.canonical_request(request)), request)
    assert ours["authorization"].endswith(f"Signature={signature}")
