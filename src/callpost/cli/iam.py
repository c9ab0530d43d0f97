"""`callpost iam`: what a customer pastes into AWS so that results can be delivered by role."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from callpost.cli import options, output, session
from callpost.delivery import iam
from callpost.delivery.iam import Grant
from callpost.errors import ConfigurationProblem

if TYPE_CHECKING:
    from uuid import UUID

    from callpost.services import Services

app = typer.Typer(
    help="What a customer pastes into AWS so that results can be delivered by role, filled in.",
    no_args_is_help=True,
)

_Bucket = Annotated[str, typer.Argument(help="The customer's bucket.", show_default=False)]
_Folder = Annotated[
    str, typer.Option("--prepend-folder", help="The only folder to be written to.", show_default="the bucket")
]
_Role = Annotated[str, typer.Option("--role-name", help="The role's name.")]
_Kms = Annotated[
    str | None,
    typer.Option("--kms-key", help="ARN of the key that encrypts the objects.", show_default="none"),
]
_Acl = Annotated[bool, typer.Option("--acl", help="Objects get the ACL bucket-owner-full-control.")]
_Tags = Annotated[bool, typer.Option("--tags", help="Objects get tags.")]
_ExternalId = Annotated[
    str | None,
    typer.Option(help="The organizationId.", show_default="of the organization in the data folder"),
]
_Account = Annotated[
    str | None,
    typer.Option("--account-id", help="callpost's AWS account.", show_default="CALLPOST_AWS_ACCOUNT_ID"),
]
_DEFAULT_ROLE = "s3-delivery-role"


@app.command()
def policy(
    bucket: _Bucket,
    *,
    documented: Annotated[
        bool, typer.Option("--documented", help="The wide policy that VoiceBase documented, word for word.")
    ] = False,
    prepend_folder: _Folder = "",
    kms_key: _Kms = None,
    acl: _Acl = False,
    tags: _Tags = False,
) -> None:
    """Print the role's permissions: the least that is needed, or the documented ones."""
    wanted = Grant(bucket, "", "", prepend_folder.strip("/"), kms_key=kms_key, acl=acl, tags=tags)
    output.line(iam.policy(wanted, documented=documented))


@app.command()
def trust(
    *,
    external_id: _ExternalId = None,
    account_id: _Account = None,
    data: options.Data = None,
) -> None:
    """Print who may assume the role: callpost's account, with the organization's external ID only."""
    output.line(iam.trust(_grant(data, external_id, account_id, Grant("", "", ""))))


def _filled_in(name: str, text: Callable[[Grant], str], summary: str) -> None:
    def command(
        bucket: _Bucket,
        *,
        prepend_folder: _Folder = "",
        role_name: _Role = _DEFAULT_ROLE,
        kms_key: _Kms = None,
        acl: _Acl = False,
        tags: _Tags = False,
        external_id: _ExternalId = None,
        account_id: _Account = None,
        data: options.Data = None,
    ) -> None:
        folder = prepend_folder.strip("/")
        wanted = Grant(bucket, "", "", folder, role_name, kms_key=kms_key, acl=acl, tags=tags)
        output.line(text(_grant(data, external_id, account_id, wanted)))

    app.command(name, help=summary)(command)


_filled_in("cloudformation", iam.cloudformation, "Print a CloudFormation template of the role.")
_filled_in("terraform", iam.terraform, "Print the role for Terraform.")
_filled_in("steps", iam.steps, "Print the steps in the AWS console.")


def _grant(data: Path | None, external_id: str | None, account_id: str | None, wanted: Grant) -> Grant:
    """`wanted`, with who may assume the role and as whom."""
    account = account_id or session.settings(data=data).aws_account_id
    if account is None:
        raise ConfigurationProblem("Give callpost's AWS account: --account-id or CALLPOST_AWS_ACCOUNT_ID.")

    async def organization(services: "Services") -> "UUID":
        return services.organization.organization_id

    return replace(
        wanted, account_id=account, external_id=external_id or str(session.run(data, organization))
    )
