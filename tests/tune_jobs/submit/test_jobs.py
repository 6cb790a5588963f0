"""Following a job: its whole log, once, across lost connections, and the exit code of the run."""

import importlib.util
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import requests

from tune_jobs.errors import UserError
from tune_jobs.submit import jobs, timeouts
from tune_jobs.submit.jobs import JobEnd, follow, start_job


class Server:
    """A job server with prepared answers; an exception among them is raised."""

    def __init__(self, *answers: Any) -> None:
        self._answers = list(answers)

    def get_job_info(self, job: str) -> Any:
        answer = self._answers[0]
        if isinstance(answer, Exception):
            self._answers.pop(0)
            raise answer
        status, _, code = answer
        return SimpleNamespace(status=status, message="why", driver_exit_code=code)

    def get_job_logs(self, job: str) -> str:
        return str(self._answers.pop(0)[1])


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "_POLL_SECONDS", 0.0)


def followed(server: Server, reconnect: Callable[[], Any] | None = None) -> tuple[JobEnd, str, list[str]]:
    written: list[str] = []
    warned: list[str] = []
    ended = follow(reconnect or (lambda: server), "job", written.append, warned.append)
    return ended, "".join(written), warned


def test_the_log_is_written_once_and_whole() -> None:
    server = Server(
        ("PENDING", "", None), ("RUNNING", "a\n", None), ("RUNNING", "a\nb\n", None), ("SUCCEEDED", "a\nb\nc\n", 0)
    )
    assert followed(server) == (JobEnd(0), "a\nb\nc\n", [])


@pytest.mark.parametrize(
    ("status", "code", "expected"), [("FAILED", 2, 2), ("FAILED", None, 1), ("STOPPED", None, 130)]
)
def test_a_job_ends_with_the_exit_code_of_its_command(status: str, code: int | None, expected: int) -> None:
    ended, _, _ = followed(Server((status, "", code)))
    assert ended == JobEnd(expected, "why")


@pytest.mark.parametrize(
    "error", [ConnectionError("refused"), requests.exceptions.ReadTimeout("refused"), RuntimeError("refused")]
)
def test_after_a_lost_connection_the_log_continues_where_it_was(error: Exception) -> None:
    server = Server(("RUNNING", "a\n", None), error, ("SUCCEEDED", "a\nb\n", 0))
    ended, written, warned = followed(server)
    assert (ended.code, written) == (0, "a\nb\n")
    assert warned[0].startswith("the connection is lost (refused); job job keeps running")
    assert warned[1:] == ["connected again"]


def test_a_cluster_that_stays_away_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timeouts, "RECONNECT_TIMEOUT_SECONDS", -1.0)

    def away() -> Any:
        raise UserError("no job server answers there")

    with pytest.raises(UserError, match="job job: the cluster has been out of reach"):
        followed(Server(), away)


def test_an_unknown_job_is_an_error_of_one_line() -> None:
    with pytest.raises(
        UserError, match=r"job job: the cluster has no such job \(Job job does not exist\); .*submit the study again"
    ):
        followed(Server(RuntimeError("Job job does not exist\nmore")))


def test_an_address_without_a_server_is_an_error_of_one_line() -> None:
    with_client = importlib.util.find_spec("aiohttp") is not None
    expected = r"http://127\.0\.0\.1:9: no job server answers there" if with_client else r"install 'ray\[default\]'"
    with pytest.raises(UserError, match=expected):
        jobs.connect("http://127.0.0.1:9")


class Starting:
    """A job server that answers `submit_job` with prepared errors, then takes the job."""

    def __init__(self, *errors: str) -> None:
        self.errors = list(errors)
        self.jobs: list[str] = []

    def submit_job(self, *, submission_id: str, **job: Any) -> str:
        if self.errors:
            raise RuntimeError(self.errors.pop(0))
        self.jobs.append(submission_id)
        return submission_id


NO_AGENT = "Request failed with status code 500: No available agent to submit job, please try again later.."


def test_a_head_that_cannot_start_jobs_yet_is_waited_for(tmp_path: Path) -> None:
    said: list[str] = []
    server = Starting(NO_AGENT, NO_AGENT)
    start_job(server, "true", tmp_path, job="job", say=said.append)
    assert server.jobs == ["job"]
    assert said == ["the cluster is up but cannot start jobs yet; trying for 120 s"]


def test_a_job_that_started_although_the_answer_was_lost_is_not_an_error(tmp_path: Path) -> None:
    server = Starting(NO_AGENT, "Job with submission_id job already exists. Please use a different submission_id.")
    start_job(server, "true", tmp_path, job="job", say=lambda line: None)
    assert server.errors == []


@pytest.mark.parametrize("error", ["Job with submission_id job already exists.", "not now"])
def test_a_job_that_is_refused_is_an_error_of_one_line(tmp_path: Path, error: str) -> None:
    with pytest.raises(UserError, match=f"the cluster refused the job: {error}"):
        start_job(Starting(error), "true", tmp_path, job="job", say=lambda line: None)


def test_a_head_that_never_starts_jobs_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timeouts, "AGENT_TIMEOUT_SECONDS", -1.0)
    with pytest.raises(UserError, match=r"the cluster refused the job: .*No available agent"):
        start_job(Starting(NO_AGENT), "true", tmp_path, job="job", say=lambda line: None)
