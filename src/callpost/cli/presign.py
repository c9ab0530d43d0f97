"""`callpost presign`: a pre-signed PUT URL for a callback, with the Content-Type that callpost will send."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Annotated, Any

import typer

from callpost.cli import options, output
from callpost.errors import ConfigurationProblem
from callpost.model.configuration import Callback, CallbackType, TranscriptFormat
from callpost.render.content import content_type

_UNITS_S = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}
_LONGEST_V4 = timedelta(days=7)
_BOTOCORE_NAMES = {"v4": "s3v4", "v2": "s3"}


@dataclass(frozen=True, slots=True)
class Place:
    """Where the object is to be. region: None, as configured for AWS. endpoint_url: None, AWS."""

    bucket: str
    key: str
    region: str | None
    endpoint_url: str | None


class Signature(StrEnum):
    """AWS's two ways to sign."""

    V4 = "v4"
    V2 = "v2"


def presign(
    bucket: Annotated[str, typer.Argument(help="Your bucket.", show_default=False)],
    key: Annotated[str, typer.Argument(help="The object's key.", show_default=False)],
    *,
    type_: Annotated[
        CallbackType, typer.Option("--type", help="What is delivered; decides the Content-Type.")
    ] = CallbackType.ANALYTICS,
    format_: Annotated[
        TranscriptFormat | None,
        typer.Option("--format", help="Of a transcript.", show_default="json"),
    ] = None,
    expires: Annotated[
        str,
        typer.Option(
            metavar="DURATION",
            help="How long the URL is good: seconds, or 30m, 24h, 7d. Leave time for processing and retries.",
        ),
    ] = "24h",
    signature: Annotated[
        Signature, typer.Option(help="v4 for at most 7 days; v2 where a server knows nothing else.")
    ] = Signature.V4,
    region: Annotated[
        str | None,
        typer.Option(help="The bucket's region.", envvar="AWS_REGION", show_default="as configured for AWS"),
    ] = None,
    endpoint_url: Annotated[
        str | None, typer.Option(help="Of a server that is not AWS.", show_default="AWS")
    ] = None,
    json: options.Json = False,
) -> None:
    """Make a pre-signed URL for a callback.

    With the AWS credentials of this machine, as any AWS tool finds them; nothing is sent anywhere. The URL is
    a secret until it expires: whoever has it can write the object.
    """
    if format_ and type_ is not CallbackType.TRANSCRIPT:
        raise typer.BadParameter("only a transcript has a format", param_hint="--format")
    good_for = _duration(expires)
    if signature is Signature.V4 and good_for > _LONGEST_V4:
        raise typer.BadParameter("a v4 signature is good for at most 7 days", param_hint="--expires")
    mime = content_type(Callback(url="", type=type_, format=format_))
    expires_at = datetime.now(UTC) + good_for
    place = Place(bucket, key, region, endpoint_url)
    url = sign(place, mime, good_for, signature)
    if json:
        output.document({"url": url, "method": "PUT", "contentType": mime, "dateExpires": expires_at})
        return
    output.line(url)
    output.note(f"PUT with Content-Type {mime}, until {expires_at:%Y-%m-%d %H:%M} UTC.")


def _duration(text: str) -> timedelta:
    found = re.fullmatch(r"(\d{1,9})([smhd]?)", text)
    if not found or not int(found[1]):
        raise typer.BadParameter("a number of seconds, or 90s, 30m, 24h, 7d", param_hint="--expires")
    return timedelta(seconds=int(found[1]) * _UNITS_S[found[2]])


def sign(place: Place, mime: str, good_for: timedelta, signature: Signature) -> str:
    """The URL. Raises ConfigurationProblem without credentials, or where a name cannot be."""
    # botocore takes longer to load than all the rest.
    from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415
    from botocore.session import get_session  # noqa: PLC0415

    try:
        url: str = _client(get_session(), place, signature).generate_presigned_url(
            "put_object",
            Params={"Bucket": place.bucket, "Key": place.key, "ContentType": mime},
            ExpiresIn=int(good_for.total_seconds()),
            HttpMethod="PUT",
        )
    except (BotoCoreError, ClientError, ValueError) as error:
        raise ConfigurationProblem(f"No URL can be signed: {error}") from error
    return url


def _client(session: Any, place: Place, signature: Signature) -> Any:  # noqa: ANN401 - botocore has no types
    from botocore.config import Config  # noqa: PLC0415

    # The bucket in the host name, with the region: the address that redirects nobody. Where it cannot be
    # there (dots break the certificate, another server has no such names), it is in the path.
    style = "path" if place.endpoint_url or "." in place.bucket else "virtual"
    return session.create_client(
        "s3",
        region_name=place.region or session.get_config_variable("region") or "us-east-1",
        endpoint_url=place.endpoint_url,
        config=Config(
            signature_version=_BOTOCORE_NAMES[signature],
            s3={"addressing_style": style},
            # A checksum of an empty body would be signed, and no delivery could match it.
            request_checksum_calculation="when_required",
        ),
    )
