"""What S3 and STS answer when they refuse, in words a customer can act on. Pure.

Sources: AWS, "Error responses" of the Amazon S3 API reference and "Common errors" of AWS STS.
"""

import re
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from html import unescape

from callpost.model.configuration import S3Options
from callpost.model.delivery import Hopeless, Refused
from callpost.network import Answer

_EXCERPT = 500
_LONGEST_WAIT_S = 24 * 3600.0
# Whatever answers may answer anything: no XML parser is let near it.
_TAG = r"<{0}>\s*([^<]{{1,600}}?)\s*</{0}>"


@dataclass(frozen=True, slots=True)
class AwsError:
    """An error as S3 and STS write it; code is empty where the answer is not of that form."""

    status: int
    code: str
    message: str
    region: str | None = None


@dataclass(frozen=True, slots=True)
class Explanation:
    """cause: for the history. remedy: what the customer can do. hopeless: trying again cannot help."""

    cause: str
    remedy: str = ""
    hopeless: bool = False


_SIGNED_AGAIN = "Put a fresh URL into the delivery, signed for PUT and this Content-Type."
_SIGNED_THERE = "Sign the URL for the bucket's own region and its host (s3.REGION.amazonaws.com)."

_PRESIGNED = {
    "SignatureDoesNotMatch": Explanation(
        "The URL is signed for another request: another Content-Type, method or key, or a wrong secret key.",
        _SIGNED_AGAIN,
        hopeless=True,
    ),
    "InvalidAccessKeyId": Explanation(
        "The access key that signed the URL does not exist.", _SIGNED_AGAIN, True
    ),
    "ExpiredToken": Explanation(
        "The session that signed the URL has ended.",
        "Sign URLs with lasting credentials, or deliver by role.",
        True,
    ),
    "InvalidToken": Explanation("The session that signed the URL is not valid.", _SIGNED_AGAIN, True),
    "RequestExpired": Explanation("The URL has expired.", _SIGNED_AGAIN, True),
    "AccessDenied": Explanation(
        "Whoever signed the URL may not write this object.",
        "Grant s3:PutObject on the object to the user or role that signs, or check the bucket's policy.",
    ),
    "InvalidRequest": Explanation(
        "The bucket does not take this kind of signature.", "Sign with SigV4 (s3v4).", True
    ),
    "AuthorizationQueryParametersError": Explanation(
        "S3 does not take the URL's signature as it is written: another region than the bucket's, above all.",
        _SIGNED_THERE,
        True,
    ),
    "PermanentRedirect": Explanation("The bucket is in another region.", _SIGNED_THERE, True),
    "TemporaryRedirect": Explanation(
        "The bucket is new and in another region, and S3 redirects there; redirects are not followed.",
        _SIGNED_THERE,
    ),
}

_BY_ROLE = {
    "AccessDenied": Explanation("The role may not write to this place in the bucket."),
    "AllAccessDisabled": Explanation("Access to the bucket is disabled.", "Ask AWS support why.", True),
    "ExpiredToken": Explanation("The session with the role had ended."),
    "SignatureDoesNotMatch": Explanation("The server did not accept callpost's signature."),
    "AccessControlListNotSupported": Explanation(
        "The bucket does not take access control lists.",
        "Leave bucketOwnerFullControl out: the bucket's owner owns every object in it anyway.",
        True,
    ),
    "InvalidTag": Explanation("S3 does not take these tags.", "Correct s3Options.tags.", True),
}

_DENIED_ACTION = re.compile(r"is not authorized to perform: ([A-Za-z0-9-]+:[A-Za-z0-9*]+)")

_KMS_DENIED = Explanation(
    "The role may not use the KMS key.",
    "Grant the role kms:GenerateDataKey and kms:Decrypt on the key, in the role's policy"
    " (`callpost iam policy --kms-key`) and, where the key is in another account, in the key's.",
)

_EITHER = {
    "NoSuchBucket": Explanation("There is no such bucket.", "Create the bucket, or correct the URL.", True),
    "SlowDown": Explanation("{service} asks for fewer requests."),
    "Throttling": Explanation("{service} asks for fewer requests."),
    "ServiceUnavailable": Explanation("{service} is not available."),
    "InternalError": Explanation("{service} failed."),
    "RequestTimeTooSkewed": Explanation(
        "The clocks of callpost and {service} differ by more than 15 minutes."
    ),
    "RequestTimeout": Explanation("S3 did not get the whole object in time."),
    "BadDigest": Explanation("What arrived is not what was sent (checksum)."),
    "XAmzContentSHA256Mismatch": Explanation("What arrived is not what was sent (checksum)."),
    "EntityTooLarge": Explanation("The object is larger than the destination takes.", hopeless=True),
    "KMS.DisabledException": Explanation("The KMS key is disabled.", "Enable the key."),
    "KMS.NotFoundException": Explanation(
        "The KMS key does not exist.",
        "Correct kmsKeyId, or the bucket's encryption; the key is in the bucket's region.",
    ),
    "KMS.KMSInvalidStateException": Explanation(
        "The KMS key cannot be used in its state.", "Enable the key, or cancel its deletion."
    ),
    "ConditionalRequestConflict": Explanation("The same object was being written by somebody else."),
}

_ASSUMING = {
    "AccessDenied": Explanation(
        "The role does not let callpost assume it with this organization's external ID.",
        "Let the role's trust policy name callpost's AWS account and require the organizationId as"
        " sts:ExternalId (`callpost iam trust`).",
        hopeless=True,
    ),
    "ValidationError": Explanation("AWS does not take this role.", "Check the ARN of the role.", True),
    "MalformedPolicyDocument": Explanation("AWS does not take the folder's name in a policy.", hopeless=True),
    "PackedPolicyTooLarge": Explanation("The folder's name is too long for a policy.", "Shorten it.", True),
    "RegionDisabledException": Explanation(
        "STS is disabled in this region.", "Activate the region in the account settings of IAM."
    ),
    "InvalidClientTokenId": Explanation(
        "callpost's own AWS credentials are not valid; its operator must mend this."
    ),
    "SignatureDoesNotMatch": Explanation("callpost's own secret key is wrong; its operator must mend this."),
    "ExpiredToken": Explanation("callpost's own AWS session has ended; its operator must mend this."),
}


def read_error(answer: Answer) -> AwsError:
    """The error in an answer of S3 or STS."""
    text = answer.text
    region = answer.headers.get("x-amz-bucket-region") or _tag(text, "Region")
    return AwsError(
        answer.status, _tag(text, "Code") or _implied(answer.status), _tag(text, "Message") or "", region
    )


def has_error(answer: Answer) -> bool:
    """Whether an answer with status 200 carries an error all the same, as S3's long operations may."""
    return b"<Error>" in answer.body


def presigned(answer: Answer, now: datetime, expires_at: datetime) -> Refused | Hopeless:
    """Why a PUT to a pre-signed URL failed. By the server's clock it may have expired on its way, which some
    servers tell as a wrong signature.
    """
    error = read_error(answer)
    found = _PRESIGNED.get(error.code)
    expired = "expired" in error.message.lower() or (http_date(answer) or now) >= expires_at
    if error.code in ("AccessDenied", "SignatureDoesNotMatch") and expired:
        found = _PRESIGNED["RequestExpired"]
    if error.code == "InvalidRequest" and "AWS4" not in error.message:
        found = None
    return _outcome(answer, error, found, now)


def by_role(answer: Answer, now: datetime, options: S3Options | None = None) -> Refused | Hopeless:
    """Why a request to a bucket, made with the customer's role, failed. options: what was asked for."""
    error = read_error(answer)
    found = _BY_ROLE.get(error.code)
    if error.code == "AccessDenied":
        found = _denied(error.message, options or S3Options())
    return _outcome(answer, error, found, now)


def assuming(answer: Answer, now: datetime) -> Refused | Hopeless:
    """Why the customer's role could not be assumed."""
    error = read_error(answer)
    return _outcome(answer, error, _ASSUMING.get(error.code), now, "STS")


def excerpt(answer: Answer) -> str:
    """The beginning of an answer, for the history; of an AWS error only what it says, since S3 echoes what
    was signed, and that has no place in a history.
    """
    code = _tag(answer.text, "Code")
    if code:
        return f"{code}: {_tag(answer.text, 'Message') or ''}"[:_EXCERPT]
    return "".join(c if c.isprintable() or c in "\n\t" else "\ufffd" for c in answer.text[:_EXCERPT])


def retry_after(answer: Answer, now: datetime) -> float | None:
    """Seconds that a Retry-After header asks for, at most a day; None where there is none that can be
    read.
    """
    value = answer.headers.get("retry-after", "").strip()
    if not value:
        return None
    try:
        seconds = float(value) if value.isdigit() else (_http_date(value) - now).total_seconds()
    except (ValueError, TypeError):
        return None
    return min(max(seconds, 0.0), _LONGEST_WAIT_S)


def http_date(answer: Answer) -> datetime | None:
    """The server's own time."""
    try:
        return _http_date(answer.headers["date"])
    except (KeyError, ValueError, TypeError):
        return None


def _denied(message: str, options: S3Options) -> Explanation:
    """AWS names the missing permission where it may; where it does not, what was asked for tells the rest."""
    named = _DENIED_ACTION.search(message)
    if named and named[1].startswith("kms:"):
        return _KMS_DENIED
    if named:
        remedy = f"Grant the role {named[1]} on the bucket's objects (`callpost iam policy`), and check the"
        return Explanation(f"The role lacks the permission {named[1]}.", f"{remedy} bucket's own policy.")
    if options.expected_bucket_owner:
        owner = options.expected_bucket_owner
        return Explanation(
            f"The bucket does not belong to the account {owner}, or the role may not write to this place.",
            f"Check who owns the bucket (expectedBucketOwner). {_remedies(options)}",
        )
    return replace(_BY_ROLE["AccessDenied"], remedy=_remedies(options))


def _remedies(options: S3Options) -> str:
    needed = (
        ("s3:PutObject", True),
        ("s3:PutObjectAcl", options.bucket_owner_full_control),
        ("s3:PutObjectTagging", bool(options.tags)),
    )
    listed = ", ".join(action for action, wanted in needed if wanted)
    return (
        f"Grant the role {listed} on the bucket's objects (`callpost iam policy`), and with a KMS key"
        " kms:GenerateDataKey and kms:Decrypt on the key; check the bucket's own policy."
    )


def _outcome(
    answer: Answer, error: AwsError, found: Explanation | None, now: datetime, service: str = "S3"
) -> Refused | Hopeless:
    found = (
        found or _EITHER.get(error.code) or Explanation(f"{service} answered {error.code or answer.status}.")
    )
    cause = found.cause.replace("{service}", service)
    if found.hopeless:
        return Hopeless(cause, answer.status, excerpt(answer), found.remedy)
    return Refused(answer.status, cause, excerpt(answer), retry_after(answer, now), found.remedy)


def _tag(text: str, name: str) -> str | None:
    found = re.search(_TAG.format(name), text)
    return unescape(found[1]) if found else None


def _implied(status: int) -> str:
    """The answer to a HEAD has no body."""
    return {
        403: "AccessDenied",
        301: "PermanentRedirect",
        501: "NotImplemented",
        412: "PreconditionFailed",
    }.get(status, "")


def _http_date(value: str) -> datetime:
    found = parsedate_to_datetime(value)
    return found if found.tzinfo else found.replace(tzinfo=UTC)
