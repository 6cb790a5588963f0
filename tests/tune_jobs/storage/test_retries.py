"""Which requests are retried, and for how long; tests/cluster/test_s3_outages.py does it with a simulated S3."""

import logging
import re

import pytest

from tune_jobs.storage import retries
from tune_jobs.storage.retries import retried, worth_retrying

URI = "s3://bucket/results"


def s3_failure(code: str, status: int = 0, message: str = "no") -> OSError:
    shown = f" (HTTP status {status})" if status else ""
    return OSError(f"When reading: AWS Error {code}{shown} during GetObject operation: {message}")


OUTAGE = s3_failure("NETWORK_CONNECTION", message="curlCode: 7, Details: Couldn't connect")


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Return the pauses between attempts, which take no time here."""
    taken: list[float] = []
    monkeypatch.setattr(retries.time, "sleep", taken.append)
    monkeypatch.setattr(retries.time, "monotonic", lambda: sum(taken))
    return taken


class Request:
    """Fails in the given ways, then succeeds; counts its attempts."""

    def __init__(self, *failures: OSError) -> None:
        self._failures = list(failures)
        self.attempts = 0

    def __call__(self) -> str:
        self.attempts += 1
        if self._failures:
            raise self._failures.pop(0)
        return "content"


@pytest.mark.parametrize(
    "error",
    [
        OUTAGE,
        s3_failure("SLOW_DOWN", 503),
        s3_failure("UNKNOWN", 502),
        s3_failure("UNKNOWN", 429),
        s3_failure("UNKNOWN", 400, "Unable to parse ExceptionName: THROTTLING Message: no"),
    ],
)
def test_an_outage_is_worth_retrying(error: OSError) -> None:
    assert worth_retrying(error)


@pytest.mark.parametrize(
    "error",
    [
        s3_failure("ACCESS_DENIED", 403),
        s3_failure("NO_SUCH_BUCKET", 404),
        s3_failure("UNKNOWN", 507, "Unable to parse ExceptionName: XMinioStorageFull Message: full"),
        PermissionError(13, "denied"),
        OSError(28, "No space left on device"),
    ],
)
def test_a_refusal_and_a_local_error_are_not(error: OSError, pauses: list[float]) -> None:
    assert not worth_retrying(error)
    request = Request(error)
    with pytest.raises(OSError, match=re.escape(str(error))) as raised:
        retried(request, URI, 600.0)
    assert (raised.value, request.attempts, pauses) == (error, 1, [])


def test_an_outage_is_retried_with_longer_and_longer_pauses_and_logged_once(
    pauses: list[float], caplog: pytest.LogCaptureFixture
) -> None:
    request = Request(*[OUTAGE] * 9)
    with caplog.at_level(logging.WARNING):
        assert retried(request, URI, 600.0) == "content"
    assert request.attempts == 10
    for pause, longest in zip(pauses, (0.5, 1, 2, 4, 8, 15, 15, 15, 15), strict=True):
        assert longest / 2 <= pause <= longest
    (line,) = caplog.messages
    cause = "cannot be reached (Couldn't connect); check the endpoint and the network"
    assert line == f"{URI}: {cause}; retrying for up to 600 s"


def test_an_outage_longer_than_the_patience_is_an_error(pauses: list[float]) -> None:
    with pytest.raises(OSError, match="NETWORK_CONNECTION"):
        retried(Request(*[OUTAGE] * 1000), URI, 60.0)
    assert 30 < sum(pauses) <= 60


def test_without_patience_there_is_one_attempt(pauses: list[float]) -> None:
    request = Request(OUTAGE)
    with pytest.raises(OSError, match="NETWORK_CONNECTION"):
        retried(request, URI, 0.0)
    assert request.attempts == 1
