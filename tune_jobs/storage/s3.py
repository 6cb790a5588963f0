"""S3-compatible stores (Amazon's, MinIO, Ceph, …): from a URI to pyarrow's file system.

Time-outs and attempts are in retries.py, the meaning of errors in s3_errors.py.
"""

import functools
import logging
import os
import re
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from pyarrow import fs

from tune_jobs.errors import StorageError, UserError, redacted
from tune_jobs.storage import retries
from tune_jobs.storage.s3_errors import explain

_FORM = "s3://bucket/path, with ?region=…, or for a store other than Amazon's ?endpoint_override=host:port&scheme=http"
_OPTIONS = ("region", "endpoint_override", "scheme", "tls_ca_file_path")
_BUCKET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]+")
# pyarrow reads the last one itself.
_ENDPOINTS = ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL")
_REGIONS = ("AWS_REGION", "AWS_DEFAULT_REGION")

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class S3Uri:
    """The parts of an S3 URI, none of them secret."""

    bucket: str
    key: str
    region: str | None
    endpoint: str | None
    scheme: str
    tls_ca_file_path: str | None


def is_s3(uri: str) -> bool:
    """Whether a URI names a place on S3."""
    return uri.lower().startswith("s3://")


def parse_uri(uri: str) -> S3Uri:
    """Take a URI apart; an endpoint that it does not name comes from the environment.

    Raises:
        UserError: it holds credentials, or a part that has no meaning.
    """
    shown = redacted(uri)
    parts = urlsplit(uri)
    if not _BUCKET.fullmatch(parts.netloc):
        if ":" in parts.netloc or "@" in uri.partition("?")[0]:
            raise UserError(
                f"--storage {shown}: do not put credentials in the URI, which is shown and recorded; set "
                "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE, or give the machine a role"
            )
        raise UserError(f"--storage {shown}: {parts.netloc!r} is not a bucket's name; give {_FORM}")
    options = dict(parse_qsl(parts.query, keep_blank_values=True))
    unknown = sorted(set(options) - set(_OPTIONS))
    if unknown or parts.fragment:
        named = unknown[0] if unknown else "what follows the #"
        raise UserError(f"--storage {shown}: {named} has no meaning here; known options: {', '.join(_OPTIONS)}")
    endpoint = options.get("endpoint_override") or next((os.environ[n] for n in _ENDPOINTS if os.environ.get(n)), None)
    scheme = options.get("scheme", "https")
    if endpoint and "://" in endpoint:
        scheme, _, endpoint = endpoint.rstrip("/").partition("://")
    if scheme not in ("http", "https") or (endpoint and "@" in endpoint):
        raise UserError(f"--storage {shown}: the endpoint must be http or https, a host and a port; give {_FORM}")
    key = unquote(parts.path).strip("/")
    return S3Uri(parts.netloc, key, options.get("region"), endpoint, scheme, options.get("tls_ca_file_path"))


def connect(uri: str) -> tuple[fs.FileSystem, str, str]:
    """Find the file system of a URI, the path in it, and the bucket's region if Amazon had to be asked, else "".

    Raises:
        UserError: the URI is malformed.
        StorageError: Amazon does not say in which region the bucket is.
    """
    parsed = parse_uri(uri)
    root = f"{parsed.bucket}/{parsed.key}".rstrip("/")
    region = parsed.region
    if region is None and parsed.endpoint is None:
        region = _region(parsed.bucket, redacted(uri))
    found = "" if parsed.region or region is None else region
    environment = tuple(os.environ.get(name) for name in _REGIONS)
    return _filesystem(region, parsed.endpoint, parsed.scheme, parsed.tls_ca_file_path, environment), root, found


@functools.lru_cache
def _filesystem(
    region: str | None,
    endpoint: str | None,
    scheme: str,
    tls_ca_file_path: str | None,
    environment: tuple[str | None, ...],
) -> fs.FileSystem:
    # Cached, since a worker opens the storage for every trial: its connections stay open.
    return fs.S3FileSystem(
        region=region,
        endpoint_override=endpoint,
        scheme=scheme,
        tls_ca_file_path=tls_ca_file_path,
        connect_timeout=retries.CONNECT_TIMEOUT_SECONDS,
        request_timeout=retries.REQUEST_TIMEOUT_SECONDS,
        retry_strategy=fs.AwsStandardS3RetryStrategy(max_attempts=retries.CLIENT_ATTEMPTS),
        # One request for a small file in place of three.
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


def delete_folder_marker(uri: str) -> None:
    """Delete the empty object that pyarrow leaves in place of a folder whose last file it has deleted.

    pyarrow itself cannot. Without boto3 (the extra `cluster`) the object stays, which does no harm.
    """
    with suppress(ImportError):
        import boto3
        from botocore.exceptions import BotoCoreError, ClientError

        parsed = parse_uri(uri)
        url = f"{parsed.scheme}://{parsed.endpoint}" if parsed.endpoint else None
        known: dict[str, Any] = {"region_name": parsed.region} if parsed.region else {}
        try:
            client = boto3.client("s3", endpoint_url=url, verify=parsed.tls_ca_file_path, **known)
            client.delete_object(Bucket=parsed.bucket, Key=f"{parsed.key}/")
        except (BotoCoreError, ClientError) as error:
            _log.info("an empty object stays in place of a folder: %s", redacted(str(error)))
