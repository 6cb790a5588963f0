"""A storage that refuses is reported and ends the run; any other error is raised, and Tune starts the trial again."""

import logging
from typing import Any

import pytest
from ray.exceptions import RayTaskError

from tune_jobs import logs
from tune_jobs.errors import StorageError, StorageRefusedError
from tune_jobs.training.worker_report import refusal_in, report, reporting_refusals


@pytest.fixture
def reports(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """Return what is reported to Tune."""
    made: list[dict[str, Any]] = []
    monkeypatch.setattr("ray.tune.report", made.append)
    return made


def refused() -> StorageRefusedError:
    error = StorageRefusedError("/full: cannot be written")
    error.unwritten["ledger", "trial"] = b"content"
    return error


def test_a_refusal_is_reported_with_what_was_not_written(reports: list[dict[str, Any]]) -> None:
    with reporting_refusals():
        raise refused()
    (result,) = reports
    found = refusal_in(result)
    assert found is not None
    assert (str(found), found.unwritten) == (str(refused()), refused().unwritten)
    assert refusal_in({"epoch": 1}) is None


def test_a_refusal_that_an_actor_raised_is_one_too(reports: list[dict[str, Any]]) -> None:
    """The director of a search writes its journal into the storage."""
    with reporting_refusals():
        raise RayTaskError("reached", "Traceback …", refused()).as_instanceof_cause()
    assert [result["refused"] for result in reports] == ["/full: cannot be written"]


@pytest.mark.parametrize("error", [StorageError("s3://b: the server is down"), ConnectionError("the director is gone")])
def test_any_other_error_is_raised(error: Exception, reports: list[dict[str, Any]]) -> None:
    with pytest.raises(type(error), match=str(error)), reporting_refusals():
        raise error
    assert reports == []


def test_a_report_takes_along_what_was_logged(reports: list[dict[str, Any]]) -> None:
    kept = logs._kept
    kept.emit(logging.LogRecord("models.snapshot", logging.WARNING, "", 0, "a warning", (), None))
    report({"epoch": 1})
    report({"epoch": 2})
    assert reports == [
        {"epoch": 1, "log": [(logging.WARNING, "models.snapshot", "a warning")]},
        {"epoch": 2, "log": []},
    ]
