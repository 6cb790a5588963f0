"""An S3 storage is reached, or one line says why not, before anything is trained."""

import dataclasses
import time
from typing import Any

import pytest

from tests.cluster.s3_server import Gate, objects
from tune_jobs.commands.cli import main
from tune_jobs.errors import StorageError
from tune_jobs.storage import retries, s3
from tune_jobs.storage.storage import Storage

NEVER_SHOWN = "s3cr3t/wJalr"


def test_the_environment_can_name_the_endpoint(gate: Gate, storage: Storage, monkeypatch: pytest.MonkeyPatch) -> None:
    storage.write(b"x", "there")
    for name in ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3"):
        with monkeypatch.context() as patch:
            patch.setenv(name, f"http://{gate.address}/")
            assert Storage.at(f"s3://{storage.root}/").read("there") == b"x"


@pytest.mark.parametrize(
    ("uri", "said"),
    [
        ("s3://nobody/tests?{here}", "there is no bucket nobody; create it"),
        ("s3://bucket/x?endpoint_override=127.0.0.1:9&scheme=http", "cannot be reached"),
        ("s3:///x", "is not a bucket's name"),
        ("s3://bucket/x?{here}&acl=public", "acl has no meaning here; known options: region, endpoint_override"),
        ("s3://bucket/x?{here}#y", "what follows the #"),
        (f"s3://AKIA:{NEVER_SHOWN}@bucket/x?{{here}}", "do not put credentials in the URI"),
        (f"s3://AKIA:{NEVER_SHOWN}", "do not put credentials in the URI"),
        (f"s3://bucket/x?{{here}}&secret_key={NEVER_SHOWN}", "secret_key has no meaning here"),
        (f"s3://bucket/x?endpoint_override=http://k:{NEVER_SHOWN}@127.0.0.1:9", "a host and a port"),
    ],
)
def test_a_storage_that_cannot_be_used_is_an_error_of_one_line(
    uri: str, said: str, gate: Gate, study: str, capfd: pytest.CaptureFixture[str]
) -> None:
    uri = uri.replace("{here}", gate.uri("").partition("?")[2])
    for arguments in (["status", study], ["run", study], ["ledger", "list"]):
        begun = time.monotonic()
        assert main([*arguments, "--storage", uri]) == 2
        assert time.monotonic() - begun < 60
        printed = capfd.readouterr()
        (line,) = printed.err.splitlines()
        assert said in line
        assert NEVER_SHOWN not in printed.out + printed.err


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ((403, "AccessDenied"), "access is denied (ListObjectsV2); either there are no credentials"),
        ((403, "InvalidAccessKeyId"), "the credentials were rejected (INVALID_ACCESS_KEY_ID)"),
        ((403, "SignatureDoesNotMatch"), "the credentials were rejected (SIGNATURE_DOES_NOT_MATCH)"),
        ((400, "ExpiredToken"), "the credentials were rejected (ExpiredToken)"),
        ((301, "PermanentRedirect"), "the bucket is in another region"),
        ((400, "AuthorizationHeaderMalformed"), "the bucket is in another region"),
        ((503, "SlowDown"), "the server is overloaded or down (SLOW_DOWN)"),
        ((502, "BadGateway"), "the server is overloaded or down"),
    ],
)
def test_a_refusal_is_an_error_of_one_line(
    fault: tuple[int, str], said: str, gate: Gate, study: str, capfd: pytest.CaptureFixture[str]
) -> None:
    gate.fault = lambda method, path, headers: fault
    for arguments in (["status", study], ["run", study]):
        assert main([*arguments, "--storage", gate.uri("refused")]) == 2
        (line,) = capfd.readouterr().err.splitlines()
        assert said in line


def test_read_only_credentials_are_found_before_anything_is_trained(
    gate: Gate, study: str, capfd: pytest.CaptureFixture[str]
) -> None:
    gate.fault = lambda method, path, headers: (403, "AccessDenied") if method == "PUT" else None
    for arguments in (["run", study], ["plan", study, "--no-pilot"]):
        assert main([*arguments, "--storage", gate.uri("readable")]) == 2
        (line,) = capfd.readouterr().err.splitlines()
        assert "cannot be written: access is denied (PutObject)" in line
        assert "lack s3:PutObject" in line


def test_a_silent_server_is_given_up(gate: Gate, storage: Storage) -> None:
    gate.delay_seconds = 600.0
    begun = time.monotonic()
    with pytest.raises(StorageError, match="cannot be reached"):
        dataclasses.replace(storage, filesystem=impatient(gate)).names("ledger")
    assert time.monotonic() - begun < 30
    assert retries.REQUEST_TIMEOUT_SECONDS * retries.CLIENT_ATTEMPTS <= 20


def impatient(gate: Gate) -> Any:
    """Return the file system as `tune_jobs.storage.s3` makes it, but with one attempt of one second."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(retries, "REQUEST_TIMEOUT_SECONDS", 1)
        patch.setattr(retries, "CLIENT_ATTEMPTS", 1)
        return s3._filesystem.__wrapped__(None, gate.address, "http", None, ())


def test_plan_leaves_nothing_behind(gate: Gate, study: str, capfd: pytest.CaptureFixture[str]) -> None:
    before = objects(gate)
    assert main(["plan", study, "--no-pilot", "--storage", gate.uri("fresh/place")]) == 0
    assert "writable" in capfd.readouterr().out
    assert objects(gate) == before
