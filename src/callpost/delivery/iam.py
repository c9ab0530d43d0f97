"""What a customer pastes into AWS so that results can be delivered by role: filled in, ready to use. Pure.

The wide policy is the one VoiceBase documents, word for word; the narrow one is all that callpost needs.
"""

import json
from dataclasses import dataclass
from typing import Any

_DOCUMENTED = ("s3:ListBucket", "s3:GetObject*", "s3:PutObject*", "s3:DeleteObject*")


@dataclass(frozen=True, slots=True)
class Grant:
    """Who may write where. account_id: callpost's AWS account, 12 digits. external_id: the organizationId.

    prefix: folder in the bucket, without slashes at its ends; empty: all of the bucket. kms_key: ARN of the
    key that encrypts the objects, if it is not S3's own. acl, tags: whether objects get
    bucket-owner-full-control, or tags.
    """

    bucket: str
    account_id: str
    external_id: str
    prefix: str = ""
    role_name: str = "s3-delivery-role"
    partition: str = "aws"
    kms_key: str | None = None
    acl: bool = False
    tags: bool = False

    @property
    def bucket_arn(self) -> str:
        return f"arn:{self.partition}:s3:::{self.bucket}"

    @property
    def objects_arn(self) -> str:
        return f"{self.bucket_arn}/{self.prefix}/*" if self.prefix else f"{self.bucket_arn}/*"

    @property
    def principal(self) -> str:
        return f"arn:{self.partition}:iam::{self.account_id}:root"


def policy(grant: Grant, *, documented: bool = False) -> str:
    """The permissions of the role, as JSON: the least that is needed, or what VoiceBase documents."""
    return _json(_documented_policy(grant) if documented else _least_policy(grant))


def trust(grant: Grant) -> str:
    """Who may assume the role, as JSON: callpost's account, and only for this organization."""
    return _json(_trust(grant))


def cloudformation(grant: Grant) -> str:
    """A stack with the role, as a CloudFormation template in JSON; its output is the role's ARN."""
    role = {
        "Type": "AWS::IAM::Role",
        "Properties": {
            "RoleName": grant.role_name,
            "Description": "Lets callpost deliver results into the bucket",
            "AssumeRolePolicyDocument": _trust(grant),
            "Policies": [{"PolicyName": "deliver-results", "PolicyDocument": _least_policy(grant)}],
        },
    }
    output = {"Value": {"Fn::GetAtt": ["DeliveryRole", "Arn"]}, "Description": "The role of your callbacks"}
    return _json(
        {
            "AWSTemplateFormatVersion": "2010-09-09",
            "Description": f"Delivery of results into {grant.bucket}",
            "Resources": {"DeliveryRole": role},
            "Outputs": {"RoleArn": output},
        }
    )


def terraform(grant: Grant) -> str:
    """The role for Terraform's AWS provider; its output is the role's ARN."""
    return f"""\
resource "aws_iam_role" "callpost_delivery" {{
  name        = {json.dumps(grant.role_name)}
  description = "Lets callpost deliver results into the bucket"

  assume_role_policy = <<-JSON
{_indented(trust(grant))}
  JSON
}}

resource "aws_iam_role_policy" "callpost_delivery" {{
  name = "deliver-results"
  role = aws_iam_role.callpost_delivery.id

  policy = <<-JSON
{_indented(policy(grant))}
  JSON
}}

output "callpost_role_arn" {{
  value = aws_iam_role.callpost_delivery.arn
}}
"""


def steps(grant: Grant) -> str:
    """The way through the AWS console, as VoiceBase's page on S3 callbacks describes it."""
    return f"""\
1. Open IAM in the AWS console, then Roles, then "Create role".
2. Choose "AWS account", then "Another AWS account", and enter {grant.account_id}.
3. Tick "Require external ID" and enter {grant.external_id}
   (the organizationId; without it anybody who knows the role's name could have results written here).
4. Choose "Next". Create a policy with these permissions and attach it:

{policy(grant)}

5. Name the role {grant.role_name} and create it.
6. Use the role's ARN as `role` of your callbacks:

     {{
       "url": "https://s3.amazonaws.com/{grant.bucket}",
       "s3Delivery": true,
       "role": "arn:{grant.partition}:iam::YOUR-ACCOUNT:role/{grant.role_name}",
       "prependFolder": {json.dumps(grant.prefix)}
     }}

7. Check it: callpost destination verify
"""


def _least_policy(grant: Grant) -> dict[str, Any]:
    """PutObject writes. GetObject lets a repeated delivery compare instead of replacing; AbortMultipartUpload
    clears away what a broken upload of a large recording leaves.
    """
    actions = ["s3:PutObject", "s3:GetObject", "s3:AbortMultipartUpload"]
    actions += ["s3:PutObjectAcl"] if grant.acl else []
    actions += ["s3:PutObjectTagging"] if grant.tags else []
    statements = [_allow(actions, grant.objects_arn)]
    if grant.kms_key:
        statements.append(_allow(["kms:GenerateDataKey", "kms:Decrypt"], grant.kms_key))
    return {"Version": "2012-10-17", "Statement": statements}


def _documented_policy(grant: Grant) -> dict[str, Any]:
    statement = _allow(list(_DOCUMENTED), [grant.bucket_arn, f"{grant.bucket_arn}/*"])
    return {"Version": "2012-10-17", "Statement": [statement]}


def _trust(grant: Grant) -> dict[str, Any]:
    statement = {
        "Effect": "Allow",
        "Principal": {"AWS": grant.principal},
        "Action": "sts:AssumeRole",
        "Condition": {"StringEquals": {"sts:ExternalId": grant.external_id}},
    }
    return {"Version": "2012-10-17", "Statement": [statement]}


def _allow(actions: list[str], resource: str | list[str]) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": actions, "Resource": resource}


def _json(document: Any) -> str:  # noqa: ANN401 - a policy document
    return json.dumps(document, indent=4)


def _indented(text: str) -> str:
    return "\n".join(f"    {line}" for line in text.splitlines())
