"""S3, and what speaks like it (MinIO, Ceph, …): the file system of a URI, and what the errors of it mean."""

import functools
import os
import re
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from pyarrow import fs

from tune_jobs.errors import StorageError, UserError, first_line, redacted

FORM = "s3://bucket/path, with ?region=…, or ?endpoint_override=host:port&scheme=http where it is not Amazon's"
_OPTIONS = ("region", "endpoint_override", "scheme", "tls_ca_file_path")
_BUCKET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]+")
# The last is what pyarrow reads itself.
_ENDPOINTS = ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL")
_REGIONS = ("AWS_REGION", "AWS_DEFAULT_REGION")
# An endpoint that does not answer is known within three times this.
_CONNECT_SECONDS, _REQUEST_SECONDS, _ATTEMPTS = 3, 5, 3

_ERROR = re.compile(r"AWS Error (\w+)(?: \(HTTP status (\d+)\))? during (\w+) operation: (.*)", re.DOTALL)
_TRANSIENT = {
    "NETWORK_CONNECTION",
    "SLOW_DOWN",
    "THROTTLING",
    "REQUEST_TIMEOUT",
    "INTERNAL_FAILURE",
    "SERVICE_UNAVAILABLE",
}
_REJECTED = {
    "INVALID_ACCESS_KEY_ID",
    "SIGNATURE_DOES_NOT_MATCH",
    "INVALID_SIGNATURE",
    "UNRECOGNIZED_CLIENT",
    "INVALID_CLIENT_TOKEN_ID",
    "MISSING_AUTHENTICATION_TOKEN",
    "ExpiredToken",
    "InvalidToken",
}
_ELSEWHERE = {"PermanentRedirect", "AuthorizationHeaderMalformed", "TemporaryRedirect"}
_PERMISSIONS = {
    "ListObjectsV2": "s3:ListBucket",
    "HeadBucket": "s3:ListBucket",
    "GetObject": "s3:GetObject",
    "HeadObject": "s3:GetObject and s3:ListBucket",
    "PutObject": "s3:PutObject",
    "CreateMultipartUpload": "s3:PutObject",
    "DeleteObject": "s3:DeleteObject",
}


@dataclass(frozen=True)
class Place:
    """A URI of S3, taken apart; none of it is a secret."""

    bucket: str
    key: str
    region: str | None
    endpoint: str | None
    scheme: str
    tls_ca_file_path: str | None


def is_s3(uri: str) -> bool:
    """Return whether a URI is one of S3."""
    return uri.lower().startswith("s3://")


def parse(uri: str) -> Place:
    """Return the parts of a URI, with the endpoint of the environment where it names none.

    Raises:
        UserError: it has credentials in it, which do not belong there, or something that has no meaning.
    """
    shown = redacted(uri)
    parts = urlsplit(uri)
    if not _BUCKET.fullmatch(parts.netloc):
        if ":" in parts.netloc or "@" in uri.partition("?")[0]:
            raise UserError(
                f"--storage {shown}: credentials do not belong into a URI, which is written down and shown; set "
                "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE, or give the machine a role"
            )
        raise UserError(f"--storage {shown}: {parts.netloc!r} is no name of a bucket; give {FORM}")
    options = dict(parse_qsl(parts.query, keep_blank_values=True))
    unknown = sorted(set(options) - set(_OPTIONS))
    if unknown or parts.fragment:
        named = unknown[0] if unknown else "what follows the #"
        raise UserError(f"--storage {shown}: {named} has no meaning here; known: {', '.join(_OPTIONS)}")
    endpoint = options.get("endpoint_override") or next((os.environ[n] for n in _ENDPOINTS if os.environ.get(n)), None)
    scheme = options.get("scheme", "https")
    if endpoint and "://" in endpoint:
        scheme, _, endpoint = endpoint.rstrip("/").partition("://")
    if scheme not in ("http", "https") or (endpoint and "@" in endpoint):
        raise UserError(f"--storage {shown}: its endpoint is http or https, a host and a port; give {FORM}")
    key = unquote(parts.path).strip("/")
    return Place(parts.netloc, key, options.get("region"), endpoint, scheme, options.get("tls_ca_file_path"))


def connect(uri: str) -> tuple[fs.FileSystem, str, str]:
    """Return the file system of a URI, the path in it, and the region of the bucket as far as it had to be found out.

    Raises:
        UserError: it is not as it must be.
        StorageError: Amazon is to be asked for the region of the bucket, and does not say.
    """
    place = parse(uri)
    root = f"{place.bucket}/{place.key}".rstrip("/")
    region = place.region
    if region is None and place.endpoint is None:
        region = _region(place.bucket, redacted(uri))
    found = "" if place.region or region is None else region
    told = tuple(os.environ.get(name) for name in _REGIONS)
    return _filesystem(region, place.endpoint, place.scheme, place.tls_ca_file_path, told), root, found


@functools.lru_cache
def _filesystem(
    region: str | None, endpoint: str | None, scheme: str, tls_ca_file_path: str | None, told: tuple[str | None, ...]
) -> fs.FileSystem:
    # Kept: a worker opens the storage for every trial, and connections are worth keeping open.
    return fs.S3FileSystem(
        region=region,
        endpoint_override=endpoint,
        scheme=scheme,
        tls_ca_file_path=tls_ca_file_path,
        connect_timeout=_CONNECT_SECONDS,
        request_timeout=_REQUEST_SECONDS,
        retry_strategy=fs.AwsStandardS3RetryStrategy(max_attempts=_ATTEMPTS),
        # One request for a small file, where there would be three.
        allow_delayed_open=True,
    )


@functools.lru_cache
def _region(bucket: str, shown: str) -> str:
    try:
        return str(fs.resolve_s3_region(bucket))
    except OSError as error:
        if "not found" in str(error):
            raise StorageError(f"{shown}: there is no bucket {bucket}; create it, or give another --storage") from error
        raise StorageError(f"{shown}: {explain(error)}") from error


def is_answer(error: OSError) -> bool:
    """Return whether an error comes from the server, or from the way to it."""
    return _ERROR.search(str(error)) is not None


def transient(error: OSError) -> bool:
    """Return whether an error of S3 may be gone when the request is made again."""
    found = _ERROR.search(str(error))
    if found is None:
        return False
    code, status = found[1], int(found[2] or 0)
    return code in _TRANSIENT or status == 429 or status >= 500 or _named(found[4]) in _TRANSIENT


def explain(error: OSError) -> str:
    """Return what an error of S3 means and what to do, in one line."""
    found = _ERROR.search(str(error))
    if found is None:
        return first_line(error)
    code, status, operation, message = found[1], found[2], found[3], " ".join(found[4].split())
    name = _named(found[4]) or code
    if name == "NO_SUCH_BUCKET":
        return "there is no such bucket; create it, or give another --storage"
    if name in _REJECTED:
        return f"the credentials are not accepted ({name}); see AWS_ACCESS_KEY_ID, AWS_PROFILE or the machine's role"
    if name in _ELSEWHERE or status in ("301", "307"):
        return "the bucket is in another region; name it: s3://bucket/path?region=…"
    if name == "ACCESS_DENIED" or status == "403":
        need = _PERMISSIONS.get(operation, "s3:*")
        return (
            f"access is denied ({operation}); there are no credentials (AWS_ACCESS_KEY_ID, AWS_PROFILE or the "
            f"machine's role), or they lack {need}"
        )
    if name == "NETWORK_CONNECTION":
        return f"cannot be reached ({message.rpartition('Details: ')[2]}); see the endpoint and the network"
    if transient(error):
        return f"the server is overloaded or down ({name}{f' {status}' if status else ''}); try again later"
    return f"{name}{f' {status}' if status else ''} during {operation}: {message}"


def forget_folder(uri: str) -> None:
    """Delete the empty object that pyarrow leaves in the place of a folder when it deletes a file there.

    pyarrow itself cannot; without boto3 (the extra `cluster`) the object stays, which does no harm.
    """
    with suppress(ImportError):
        import boto3
        from botocore.exceptions import BotoCoreError, ClientError

        place = parse(uri)
        url = f"{place.scheme}://{place.endpoint}" if place.endpoint else None
        known: dict[str, Any] = {"region_name": place.region} if place.region else {}
        with suppress(BotoCoreError, ClientError):
            client = boto3.client("s3", endpoint_url=url, verify=place.tls_ca_file_path, **known)
            client.delete_object(Bucket=place.bucket, Key=f"{place.key}/")


def _named(message: str) -> str:
    """Return the name of an error that pyarrow has no name for, where the server gave one."""
    found = re.search(r"Unable to parse ExceptionName: (\w+)", message)
    return found[1] if found else ""
