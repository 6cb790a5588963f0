"""A run as a job of a Ray cluster: started, followed across lost connections, ended with the run's exit code."""

import os
import shlex
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tune_jobs.capacity.ray_private import job_client
from tune_jobs.errors import UserError, first_line
from tune_jobs.submit import timeouts

_POLL_SECONDS = 1.0
_LONG_LOG = 2**20
_ADDRESSES = ("RAY_API_SERVER_ADDRESS", "RAY_ADDRESS")
_TOKEN = "give Ray the cluster's token: RAY_AUTH_MODE=token and RAY_AUTH_TOKEN or RAY_AUTH_TOKEN_PATH"
_NO_AGENT = "No available agent"
_SUCCEEDED, _STOPPED, _FAILED = "SUCCEEDED", "STOPPED", "FAILED"
STOPPED_CODE = 130


@dataclass(frozen=True)
class JobEnd:
    """How a job ended: the exit code of its command, and what Ray says if there is none."""

    code: int
    message: str = ""


def connect(address: str) -> Any:
    """Connect to a cluster's job server.

    Args:
        address: http://HOST:PORT of the dashboard.

    Raises:
        UserError: nothing answers there, or the token is refused; later calls of the client raise it too.
    """
    from ray.exceptions import AuthenticationError

    def send(ask: Callable[..., Any], method: str, endpoint: str, **more: Any) -> Any:
        # While a request is sent, the time-out is the one for connecting.
        sending = timeouts.UPLOAD_TIMEOUT_SECONDS if more.get("data") else timeouts.CONNECT_TIMEOUT_SECONDS
        try:
            return ask(method, endpoint, timeout=(sending, timeouts.ANSWER_TIMEOUT_SECONDS), **more)
        except AuthenticationError as error:
            raise UserError(f"{address}: {first_line(error)}; {_TOKEN}") from error

    try:
        with _addresses_hidden():
            return job_client(send)(address)
    except UserError:
        raise
    except (OSError, RuntimeError, ValueError) as error:
        if "ray[default]" in str(error):
            raise UserError("submit: Ray's job client is not installed; run `pip install 'ray[default]'`") from error
        raise UserError(f"{address}: no job server answers there ({first_line(error)}); is the cluster up?") from error


@contextmanager
def _addresses_hidden() -> Iterator[None]:
    """Hide the variables that Ray prefers to the address it is given."""
    hidden = {name: os.environ.pop(name) for name in _ADDRESSES if name in os.environ}
    try:
        yield
    finally:
        os.environ.update(hidden)


def start_job(client: Any, command: str, folder: Path, *, job: str, say: Callable[[str], None]) -> None:
    """Start a command on the head as a job, which does not depend on this process.

    Args:
        client: from `connect`.
        command: for the head's shell.
        folder: becomes the command's working folder.
        job: its id, which no other job has.
        say: takes a line if the cluster is not ready yet.

    Raises:
        UserError: the cluster refuses it.
    """
    # All of the folder is needed; Ray would leave out what git ignores.
    os.environ["RAY_RUNTIME_ENV_IGNORE_GITIGNORE"] = "1"
    _start(client, command, say, submission_id=job, runtime_env={"working_dir": str(folder)})


def list_folder(client: Any, folder: str, say: Callable[[str], None]) -> set[str]:
    """List the names in a folder that the head can read; a folder that does not exist is empty.

    Args:
        client: from `connect`.
        folder: on the head.
        say: takes a line if the cluster is not ready yet.

    Raises:
        UserError: the cluster does not answer.
    """
    command = f"ls -1 {shlex.quote(folder)} 2>/dev/null || true"
    job = _start(client, command, say, submission_id=f"ls-{uuid.uuid4().hex}")
    lines: list[str] = []
    follow(lambda: client, job, lines.append, lambda line: None)
    return set("".join(lines).split("\n"))


def _start(client: Any, command: str, say: Callable[[str], None], *, submission_id: str, **more: Any) -> str:
    """Start a job, and return its id; wait for the agent that starts jobs, which comes up after the job server."""
    start, tries = time.monotonic(), 0
    while True:
        tries += 1
        try:
            return str(client.submit_job(entrypoint=command, submission_id=submission_id, **more))
        except (OSError, RuntimeError) as error:
            # Ray's answer is the same when the agent took the job but was slow to say so.
            if tries > 1 and "already exists" in str(error):
                return submission_id
            waited = time.monotonic() - start
            if _NO_AGENT not in str(error) or waited > timeouts.AGENT_TIMEOUT_SECONDS:
                raise UserError(f"the cluster refused the job: {first_line(error)}") from error
            if tries == 1:
                say(f"the cluster is up but cannot start jobs yet; trying for {timeouts.AGENT_TIMEOUT_SECONDS:.0f} s")
            time.sleep(_POLL_SECONDS)


def follow(reconnect: Callable[[], Any], job: str, write: Callable[[str], None], say: Callable[[str], None]) -> JobEnd:
    """Print a job's output until the job ends.

    The log is polled rather than streamed: polling survives a head that restarts, a tunnel that is cut and a laptop
    that sleeps.

    Args:
        reconnect: returns a client of the job server, or raises `UserError` if it cannot be reached now.
        job: its id.
        write: takes new text of the job's log.
        say: takes lines about the connection.

    Raises:
        UserError: there is no such job, or the cluster was out of reach for ten minutes.
    """
    client, shown, lost_since, polled = None, 0, None, 0
    while True:
        try:
            client = client or reconnect()
            # The status first, so the log read after it has everything that was printed before the end.
            info = client.get_job_info(job)
            log = client.get_job_logs(job)
        except (OSError, RuntimeError, UserError) as error:
            if "does not exist" in str(error) and not isinstance(error, UserError):
                raise UserError(
                    f"job {job}: the cluster has no such job ({first_line(error)}); if its head was restarted, submit "
                    "the study again: only what is missing will run"
                ) from error
            client = None
            lost_since = _wait_for_cluster(job, lost_since, error, say)
            continue
        if lost_since is not None:
            say("connected again")
            lost_since = None
        write(log[shown:])
        shown = len(log)
        status = str(getattr(info.status, "value", info.status))
        if status in (_SUCCEEDED, _STOPPED, _FAILED):
            return _end(status, info)
        polled += 1
        # Quickly at first, for short jobs; less often the longer the log, which is read from its start each time.
        time.sleep(min(_POLL_SECONDS, 0.1 * polled) * max(1.0, len(log) / _LONG_LOG))


def _wait_for_cluster(job: str, lost_since: float | None, error: Exception, say: Callable[[str], None]) -> float:
    now = time.monotonic()
    if lost_since is None:
        say(f"the connection is lost ({first_line(error)}); job {job} keeps running; trying to reconnect")
        lost_since = now
    elif now - lost_since > timeouts.RECONNECT_TIMEOUT_SECONDS:
        minutes = timeouts.RECONNECT_TIMEOUT_SECONDS / 60
        raise UserError(f"job {job}: the cluster has been out of reach for {minutes:.0f} minutes") from error
    time.sleep(_POLL_SECONDS)
    return lost_since


def _end(status: str, info: Any) -> JobEnd:
    message = str(info.message or "").strip()
    if status == _SUCCEEDED:
        return JobEnd(0)
    if status == _STOPPED:
        return JobEnd(STOPPED_CODE, message)
    return JobEnd(info.driver_exit_code if info.driver_exit_code is not None else 1, message)
