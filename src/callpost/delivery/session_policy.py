"""The session policy that narrows a customer's role to the one folder a delivery writes into; pure."""

import json
from collections.abc import Sequence
from typing import Any

from callpost.delivery import aws, hosts
from callpost.model.delivery import BucketFolder

_LONGEST = 2048
_WRITE = ("s3:PutObject", "s3:GetObject", "s3:AbortMultipartUpload")
_KMS = ("kms:GenerateDataKey", "kms:Decrypt")


def writing(folder: BucketFolder, key: str) -> str:
    """For the objects of a folder, or of the whole bucket where the operator's keys are not below it."""
    below = folder.prefix if folder.prefix and key.startswith(f"{folder.prefix}/") else ""
    return _policy(folder, _object_arns(folder, f"{_literal(below)}/*" if below else "*"), actions(folder))


def probing(folder: BucketFolder, key: str) -> str:
    """For the one object of a preflight, which is deleted again."""
    allowed = (*actions(folder), "s3:DeleteObject")
    return _policy(folder, _object_arns(folder, _literal(key)), allowed, bucket=True)


def actions(folder: BucketFolder) -> tuple[str, ...]:
    """What S3 asks of whoever writes as the folder's options say (AWS, "PutObject": permissions)."""
    options = folder.options
    acl = ("s3:PutObjectAcl",) if options.bucket_owner_full_control else ()
    return (*_WRITE, *acl, *(("s3:PutObjectTagging",) if options.tags else ()))


def _policy(folder: BucketFolder, objects: str, allowed: Sequence[str], *, bucket: bool = False) -> str:
    statements: list[dict[str, Any]] = [{"Effect": "Allow", "Action": list(allowed), "Resource": objects}]
    if hosts.is_aws(folder.endpoint):
        # A bucket encrypted with a KMS key asks its writers for a data key. This grants nothing by itself: a
        # session may do what both its policy and the role allow. MinIO refuses policies that name KMS.
        key = {"Effect": "Allow", "Action": list(_KMS), "Resource": _key_arn(folder)}
        statements.append(key | {"Condition": {"StringLike": {"kms:ViaService": "s3.*.amazonaws.com*"}}})
    if bucket:
        read = ["s3:ListBucket", "s3:GetBucketLocation", "s3:GetEncryptionConfiguration"]
        statements.append({"Effect": "Allow", "Action": read, "Resource": _bucket_arn(folder)})
    document = {"Version": "2012-10-17", "Statement": statements}
    text = json.dumps(document, separators=(",", ":"))
    return text if len(text) <= _LONGEST else _policy(folder, _object_arns(folder, "*"), allowed)


def _key_arn(folder: BucketFolder) -> str:
    """The one key, where its ARN is known: KMS permissions take no aliases, and a bare id names no region."""
    key = folder.options.kms_key_id or ""
    return key if key.startswith("arn:") and ":key/" in key else "*"


def _bucket_arn(folder: BucketFolder) -> str:
    if folder.bucket.startswith("arn:"):
        return folder.bucket
    return f"arn:{aws.partition_of_role(folder.role)}:s3:::{folder.bucket}"


def _object_arns(folder: BucketFolder, pattern: str) -> str:
    middle = "/object/" if folder.bucket.startswith("arn:") else "/"
    return f"{_bucket_arn(folder)}{middle}{pattern}"


def _literal(text: str) -> str:
    """Characters that mean more in a policy than themselves (AWS, "Policy variables: special characters")."""
    return "".join(f"${{{character}}}" if character in "*?$" else character for character in text)
