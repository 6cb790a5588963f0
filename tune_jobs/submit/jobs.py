"""A run as a job of a Ray cluster: submitted, followed over lost connections, and ended with its own exit status."""

import os
import shlex
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tune_jobs.errors import UserError, first_line

_POLL_SECONDS = 1.0
# A head that is brought up again takes minutes.
_LOST_SECONDS = 600.0
_LONG_LOG = 2**20
# Seconds to connect and to send all, and between two parts of an answer.
_ANSWER, _UPLOAD = (10.0, 120.0), (3600.0, 120.0)
_ADDRESSES = ("RAY_API_SERVER_ADDRESS", "RAY_ADDRESS")
_TOKEN = "give Ray the token of the cluster: RAY_AUTH_MODE=token and RAY_AUTH_TOKEN or RAY_AUTH_TOKEN_PATH"
_SUCCEEDED, _STOPPED, _FAILED = "SUCCEEDED", "STOPPED", "FAILED"
STOPPED_CODE = 130


@dataclass(frozen=True)
class Ended:
    """How a job ended: the exit code of its command, and what Ray says of it where it has no code."""

    code: int
    message: str = ""


def connect(address: str) -> Any:
    """Return a client of a cluster's job server.

    Args:
        address: http://HOST:PORT of the dashboard.

    Raises:
        UserError: nothing answers there, or it refuses; so do the client's own calls where it wants a token.
    """
    from ray.exceptions import AuthenticationError
    from ray.job_submission import JobSubmissionClient

    class Client(JobSubmissionClient):
        """Waits for no answer without an end, and says in a line what a refused token means."""

        def _do_request(self, method: str, endpoint: str, **more: Any) -> Any:
            try:
                return super()._do_request(method, endpoint, timeout=_UPLOAD if more.get("data") else _ANSWER, **more)
            except AuthenticationError as error:
                raise UserError(f"{address}: {first_line(error)}; {_TOKEN}") from error

    try:
        with _no_other_address():
            return Client(address)
    except UserError:
        raise
    except (OSError, RuntimeError, ValueError) as error:
        if "ray[default]" in str(error):
            raise UserError("submit: needs more of Ray than is installed; run `pip install 'ray[default]'`") from error
        raise UserError(f"{address}: no job server answers there ({first_line(error)}); is the cluster up?") from error


@contextmanager
def _no_other_address() -> Iterator[None]:
    """Hide what Ray would take in the place of an address that it is given."""
    hidden = {name: os.environ.pop(name) for name in _ADDRESSES if name in os.environ}
    try:
        yield
    finally:
        os.environ.update(hidden)


def submit(client: Any, command: str, folder: Path, *, job: str) -> None:
    """Start a command on the head as a job; it goes on without this process.

    Args:
        client: of `connect`.
        command: for the head's shell.
        folder: that becomes the command's working folder.
        job: its id, used by no other job.

    Raises:
        UserError: the cluster refuses it.
    """
    # What is sent was chosen already; Ray would leave out what git ignores, chosen or not.
    os.environ["RAY_RUNTIME_ENV_IGNORE_GITIGNORE"] = "1"
    _submit(client, command, submission_id=job, runtime_env={"working_dir": str(folder)})


def listing(client: Any, folder: str) -> set[str]:
    """Return the names of what is in a folder that the head sees; none where there is no such folder.

    Raises:
        UserError: the cluster does not answer.
    """
    job = _submit(client, f"ls -1 {shlex.quote(folder)} 2>/dev/null || true")
    lines: list[str] = []
    follow(lambda: client, job, lines.append, lambda line: None)
    return set("".join(lines).split("\n"))


def _submit(client: Any, command: str, **more: Any) -> str:
    try:
        return str(client.submit_job(entrypoint=command, **more))
    except (OSError, RuntimeError) as error:
        raise UserError(f"the cluster does not take the job: {first_line(error)}") from error


def follow(reconnect: Callable[[], Any], job: str, write: Callable[[str], None], warn: Callable[[str], None]) -> Ended:
    """Print what a job prints until it ends.

    The log is asked for again and again, which survives what a stream does not: a head that restarts, a tunnel that
    is cut, a laptop that sleeps.

    Args:
        reconnect: returns a client of the job server, or raises `UserError` where none can be had now.
        job: its id.
        write: takes text of the job's log, as it comes.
        warn: takes lines about the connection.

    Raises:
        UserError: there is no such job, or the cluster was out of reach for ten minutes.
    """
    client, shown, lost, polled = None, 0, None, 0
    while True:
        try:
            client = client or reconnect()
            # The status first: what is printed before the end is in the log that is read after it.
            info = client.get_job_info(job)
            log = client.get_job_logs(job)
        except (OSError, RuntimeError, UserError) as error:
            if "does not exist" in str(error) and not isinstance(error, UserError):
                raise UserError(
                    f"job {job}: the cluster knows no such job ({first_line(error)}); if its head was started anew, "
                    "submit the study again: only what is missing is run"
                ) from error
            client = None
            lost = _wait_for(job, lost, error, warn)
            continue
        if lost is not None:
            warn("connected again")
            lost = None
        write(log[shown:])
        shown = len(log)
        status = str(getattr(info.status, "value", info.status))
        if status in (_SUCCEEDED, _STOPPED, _FAILED):
            return _ended(status, info)
        polled += 1
        # Soon at first, for jobs that end at once; then seldom, the seldomer the more there is to read again.
        time.sleep(min(_POLL_SECONDS, 0.1 * polled) * max(1.0, len(log) / _LONG_LOG))


def _wait_for(job: str, lost: float | None, error: Exception, warn: Callable[[str], None]) -> float:
    now = time.monotonic()
    if lost is None:
        warn(f"the connection is lost ({first_line(error)}); job {job} goes on, and this tries again")
        lost = now
    elif now - lost > _LOST_SECONDS:
        raise UserError(f"job {job}: the cluster has been out of reach for {_LOST_SECONDS / 60:.0f} minutes") from error
    time.sleep(_POLL_SECONDS)
    return lost


def _ended(status: str, info: Any) -> Ended:
    message = str(info.message or "").strip()
    if status == _SUCCEEDED:
        return Ended(0)
    if status == _STOPPED:
        return Ended(STOPPED_CODE, message)
    return Ended(info.driver_exit_code if info.driver_exit_code is not None else 1, message)
