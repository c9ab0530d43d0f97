"""s3Options of a callback: how the objects of a role delivery are written. Ours, so it is read strictly.

What is misspelt here would go out unencrypted, or into a stranger's bucket: nothing is ignored.
"""

import re

from callpost.api.reading.document import UNKNOWN_PROPERTY, Section
from callpost.model.configuration import S3Options

_INVALID = 10007
_KMS_KEY = re.compile(
    r"(arn:aws(-[a-z]+)*:kms:[a-z0-9-]+:\d{12}:key/)?([0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|mrk-[0-9a-f]{32})"
    r"|(arn:aws(-[a-z]+)*:kms:[a-z0-9-]+:\d{12}:)?alias/[A-Za-z0-9/_-]{1,250}"
)
_ACCOUNT = re.compile(r"[0-9]{12}")
# AWS, "Categorizing your storage using tags".
_MOST_TAGS, _LONGEST_KEY, _LONGEST_VALUE = 10, 128, 256
_TAG = re.compile(r"[\w +\-=.:/@]*")


def read(section: Section) -> S3Options:
    """The options; what is wrong with them is in the section's notes (10007, 10008)."""
    options = S3Options(
        kms_key_id=_matching(section, "kmsKeyId", _KMS_KEY, "the id, alias or ARN of a KMS key"),
        bucket_owner_full_control=section.flag("bucketOwnerFullControl") or False,
        expected_bucket_owner=_matching(
            section, "expectedBucketOwner", _ACCOUNT, "the 12 digits of an AWS account"
        ),
        tags=_tags(section.section("tags")),
        key_template=section.text("keyTemplate"),
        receipts=section.flag("receipts"),
    )
    for name in section.unread():
        section.refuse(UNKNOWN_PROPERTY, f"The property ({name}) is not part of s3Options.", name)
        section.known(name)
    return options


def _matching(section: Section, name: str, pattern: re.Pattern[str], wanted: str) -> str | None:
    value = section.text(name)
    if value is not None and not pattern.fullmatch(value):
        section.refuse(_INVALID, f"Here {wanted} is expected.", name)
    return value


def _tags(section: Section) -> tuple[tuple[str, str], ...]:
    names = section.unread()
    tags = tuple((name, section.text(name) or "") for name in names)
    if len(tags) > _MOST_TAGS:
        section.refuse(_INVALID, f"An object has at most {_MOST_TAGS} tags.")
    for name, value in tags:
        if reason := _why_no_tag(name, value):
            section.refuse(_INVALID, reason, name)
    return tags


def _why_no_tag(name: str, value: str) -> str | None:
    if not 1 <= len(name) <= _LONGEST_KEY or len(value) > _LONGEST_VALUE:
        return f"A tag has a key of 1 to {_LONGEST_KEY} characters and a value of at most {_LONGEST_VALUE}."
    if name.lower().startswith("aws:"):
        return "Keys of tags that begin with aws: are AWS's own."
    if not (_TAG.fullmatch(name) and _TAG.fullmatch(value)):
        return "Tags hold letters, digits, blanks and + - = . _ : / @ only."
    return None
