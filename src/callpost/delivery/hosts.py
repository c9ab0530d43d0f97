"""Which bucket an S3 URL means: every form that AWS, its SDKs and VoiceBase's own documents write.

Sources: AWS, "Methods for accessing a general purpose bucket", "Amazon S3 endpoints and quotas", "Dual-stack
endpoints", "Making requests over FIPS", "Using access points"; VoiceBase's Parquet Delivery page for
`https://{region}.amazonaws.com/{bucket}`.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from callpost.delivery import url as urls
from callpost.delivery.url import Url

_REGION = r"(?P<region>[a-z]{2,4}(?:-[a-z]+)+-\d)"
_SUFFIX = r"(?P<suffix>amazonaws\.com(?:\.cn)?|amazonaws\.eu)"
# s3, s3.region, s3-region, s3.dualstack.region, s3-fips.region, s3-fips.dualstack.region, s3-external-1, …
_SERVICE = rf"s3(?P<fips>-fips)?(?:-accelerate)?(?:\.dualstack)?(?:[.-]{_REGION}|-external-1)?"
_PATH_STYLE = re.compile(rf"(?:{_SERVICE})\.{_SUFFIX}")
_VIRTUAL_HOSTED = re.compile(rf"(?P<bucket>[a-z0-9][a-z0-9._-]*?)\.{_SERVICE}\.{_SUFFIX}")
_REGION_ALONE = re.compile(rf"{_REGION}\.{_SUFFIX}")
_ACCESS_POINT = re.compile(
    rf"(?P<name>[a-z0-9-]+)-(?P<account>\d{{12}})\.s3-accesspoint(?P<fips>-fips)?(?:\.dualstack)?\.{_REGION}\.{_SUFFIX}"
)
_MULTI_REGION = re.compile(r"[a-z0-9]+\.mrap\.accesspoint\.s3-global\.amazonaws\.com")
_ACCESS_POINT_ARN = re.compile(
    rf"arn:(?P<partition>aws(?:-[a-z]+)*):s3:{_REGION}:(?P<account>\d{{12}}):accesspoint[/:](?P<name>[a-z0-9-]+)"
)
_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
# Before 2018 us-east-1 took names that nobody else may have; other servers still do.
_OLD_BUCKET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{1,254}")
_ADDRESS = re.compile(r"\d+\.\d+\.\d+\.\d+")
_PARTITIONS = {"amazonaws.com.cn": "aws-cn", "amazonaws.eu": "aws-eusc"}


@dataclass(frozen=True, slots=True)
class BucketPlace:
    """A bucket and what follows it. bucket: a name or an access point's ARN. path: still encoded.

    endpoint: where to write if that is not the region's usual host.
    """

    bucket: str
    path: str
    region: str | None = None
    endpoint: str | None = None


class MultiRegionAccessPoint(Exception):
    """Multi-region access points take signatures (SigV4A) that callpost does not make."""


def bucket_of(url: Url, endpoints: Sequence[str] = ()) -> BucketPlace | None:
    """The bucket that `url` names on AWS or on one of the given endpoints; None where it is neither.

    Raises MultiRegionAccessPoint.
    """
    if url.scheme == "s3":
        return _from_s3_scheme(url)
    return _on_aws(url) or on_endpoint(url, endpoints)


def is_aws(endpoint: str | None) -> bool:
    """Whether what is kept as a bucket's endpoint is AWS: None, or a host that was asked for by its name."""
    url = urls.parse(endpoint or "")
    return endpoint is None or (url is not None and bucket_of(url) is not None)


def is_region(name: str) -> bool:
    """Whether a name can be a region's, so that a host may be made of it."""
    return re.fullmatch(_REGION, name) is not None


def on_endpoint(url: Url, endpoints: Sequence[str]) -> BucketPlace | None:
    """The bucket that `url` names on one of the operator's own S3 endpoints."""
    for endpoint in endpoints:
        known = urls.parse(endpoint)
        if known is None or (known.scheme, known.real_port) != (url.scheme, url.real_port):
            continue
        if url.host == known.host:
            bucket, _, rest = url.path.lstrip("/").partition("/")
            return BucketPlace(bucket, rest, endpoint=known.origin)
        if url.host.endswith(f".{known.host}"):
            return BucketPlace(url.host[: -len(known.host) - 1], url.path, endpoint=known.origin)
    return None


def partition_of(region: str) -> str:
    """The AWS partition of a region, as ARNs name it."""
    prefixes = (("cn-", "aws-cn"), ("us-gov-", "aws-us-gov"), ("eusc-", "aws-eusc"))
    return next((partition for prefix, partition in prefixes if region.startswith(prefix)), "aws")


def suffix_of(region: str) -> str:
    """The domain under which a region's services are."""
    partition = partition_of(region)
    return next((suffix for suffix, name in _PARTITIONS.items() if name == partition), "amazonaws.com")


def is_bucket_name(name: str, *, strict: bool = True) -> bool:
    """strict: by AWS's present rules; else by those of older buckets and other servers."""
    if not strict:
        return _OLD_BUCKET.fullmatch(name) is not None
    return _BUCKET.fullmatch(name) is not None and ".." not in name and not _ADDRESS.fullmatch(name)


def _from_s3_scheme(url: Url) -> BucketPlace:
    if arn := _ACCESS_POINT_ARN.match(url.text[len("s3://") :]):
        rest = url.text[len("s3://") + arn.end() :]
        return BucketPlace(arn.group(), rest, arn["region"])
    return BucketPlace(url.host, url.path)


def _on_aws(url: Url) -> BucketPlace | None:
    if _MULTI_REGION.fullmatch(url.host):
        raise MultiRegionAccessPoint
    if url.port not in (None, 80, 443):
        return None
    if point := _ACCESS_POINT.fullmatch(url.host):
        return _access_point(point, url)
    if service := _PATH_STYLE.fullmatch(url.host):
        bucket, _, rest = url.path.lstrip("/").partition("/")
        return BucketPlace(bucket, rest, service["region"], _fips_endpoint(service))
    if region := _REGION_ALONE.fullmatch(url.host):
        bucket, _, rest = url.path.lstrip("/").partition("/")
        return BucketPlace(bucket, rest, region["region"])
    if hosted := _VIRTUAL_HOSTED.fullmatch(url.host):
        return BucketPlace(hosted["bucket"], url.path, hosted["region"], _fips_endpoint(hosted))
    return None


def _access_point(point: re.Match[str], url: Url) -> BucketPlace:
    region = point["region"]
    arn = f"arn:{partition_of(region)}:s3:{region}:{point['account']}:accesspoint/{point['name']}"
    return BucketPlace(arn, url.path, region, f"https://{url.host}")


def _fips_endpoint(found: re.Match[str]) -> str | None:
    if not found["fips"] or not found["region"]:
        return None
    return f"https://s3-fips.{found['region']}.{found['suffix']}"


def access_point_host(arn: str) -> str | None:
    """The host behind an access point's ARN; None where it is a plain bucket name."""
    found = _ACCESS_POINT_ARN.fullmatch(arn)
    if found is None:
        return None
    return f"{found['name']}-{found['account']}.s3-accesspoint.{found['region']}.{suffix_of(found['region'])}"
