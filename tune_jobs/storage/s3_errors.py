"""What an error of S3 means, read from pyarrow's message, which is all that pyarrow gives."""

import re
from dataclasses import dataclass

from tune_jobs.errors import first_line

_MESSAGE = re.compile(r"AWS Error (\w+)(?: \(HTTP status (\d+)\))? during (\w+) operation: (.*)", re.DOTALL)
# For an error that pyarrow has no name for.
_NAME_FROM_SERVER = re.compile(r"Unable to parse ExceptionName: (\w+)")
_UNREACHABLE = "NETWORK_CONNECTION"
_OVERLOADED = {"SLOW_DOWN", "THROTTLING", "REQUEST_TIMEOUT", "INTERNAL_FAILURE", "SERVICE_UNAVAILABLE"}
_BAD_CREDENTIALS = {
    "INVALID_ACCESS_KEY_ID",
    "SIGNATURE_DOES_NOT_MATCH",
    "INVALID_SIGNATURE",
    "UNRECOGNIZED_CLIENT",
    "INVALID_CLIENT_TOKEN_ID",
    "MISSING_AUTHENTICATION_TOKEN",
    "ExpiredToken",
    "InvalidToken",
}
_OTHER_REGION = {"PermanentRedirect", "AuthorizationHeaderMalformed", "TemporaryRedirect"}
# Of stores other than Amazon's, which never fills up.
_FULL = {"QuotaExceeded", "XMinioStorageFull", "XMinioAdminBucketQuotaExceeded"}
_INSUFFICIENT_STORAGE = 507
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
class S3Error:
    """An error that the server sent, or that happened on the way to it.

    Attributes:
        code: pyarrow's name for it.
        name: the server's name for it where pyarrow has none, else the code.
        status: of HTTP; 0 without an answer.
        operation: the request that failed.
        message: the rest, on one line.
    """

    code: str
    name: str
    status: int
    operation: str
    message: str

    @property
    def unreachable(self) -> bool:
        """Whether the server could not be reached."""
        return _UNREACHABLE in (self.code, self.name)

    @property
    def full(self) -> bool:
        """Whether the store is full, or the quota of the bucket is used up."""
        return self.name in _FULL or self.status == _INSUFFICIENT_STORAGE

    @property
    def overloaded(self) -> bool:
        """Whether the server is overloaded or down."""
        failing = bool({self.code, self.name} & _OVERLOADED) or self.status == 429 or self.status >= 500
        return failing and not self.full

    @property
    def refused(self) -> bool:
        """Whether the server has refused, and will until somebody acts."""
        names = {"NO_SUCH_BUCKET", "ACCESS_DENIED", *_BAD_CREDENTIALS, *_OTHER_REGION}
        return self.full or self.name in names or self.status in (301, 307, 401, 403)


def s3_error(error: OSError) -> S3Error | None:
    """Read what pyarrow raised; None if it has nothing to do with S3."""
    found = _MESSAGE.search(str(error))
    if found is None:
        return None
    code, status, operation, message = found.groups()
    named = _NAME_FROM_SERVER.search(message)
    return S3Error(code, named[1] if named else code, int(status or 0), operation, " ".join(message.split()))


def explain(error: OSError) -> str:
    """Say in one line what an error of S3 means and what to do."""
    found = s3_error(error)
    if found is None:
        return first_line(error)
    if found.full:
        return f"it is full, or its quota is used up ({found.name}); make room there, or give another --storage"
    if found.name == "NO_SUCH_BUCKET":
        return "there is no such bucket; create it, or give another --storage"
    if found.name in _BAD_CREDENTIALS:
        return (
            f"the credentials were rejected ({found.name}); check AWS_ACCESS_KEY_ID, AWS_PROFILE or the machine's role"
        )
    if found.name in _OTHER_REGION or found.status in (301, 307):
        return "the bucket is in another region; name the region: s3://bucket/path?region=…"
    if found.name == "ACCESS_DENIED" or found.status == 403:
        needed = _PERMISSIONS.get(found.operation, "s3:*")
        return (
            f"access is denied ({found.operation}); either there are no credentials (AWS_ACCESS_KEY_ID, AWS_PROFILE or "
            f"the machine's role), or they lack {needed}"
        )
    if found.name == _UNREACHABLE:
        details = found.message.rpartition("Details: ")[2]
        return f"cannot be reached ({details}); check the endpoint and the network"
    status = f" {found.status}" if found.status else ""
    if found.unreachable or found.overloaded:
        return f"the server is overloaded or down ({found.name}{status}); try again later"
    return f"{found.name}{status} during {found.operation}: {found.message}"
