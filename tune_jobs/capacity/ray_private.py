"""The parts of Ray that Ray does not promise to keep: nothing else in the project touches one.

Each is looked up when it is needed. A Ray that lacks it gets one line, and so does a Ray that was not tested.
"""

import functools
import importlib
import logging
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from importlib import metadata
from pathlib import Path
from subprocess import Popen
from typing import Any

from tune_jobs.errors import UserError

_log = logging.getLogger(__name__)

TESTED = ("2.60",)
# What Ray names a resource that only the head of a cluster has.
HEAD_RESOURCE = "node:__internal_head__"
# What a process of Ray's autoscaler is told on its command line.
AUTOSCALING_FLAG, GCS_FLAG = "--autoscaling-config=", "--gcs-address="
_TUNE, _CLASS_CACHE = "ray.tune", "ray.tune.execution.class_cache"
_NODE_CLASS, _START = ("ray._private.node", "Node"), "start_raylet"
# Prints what Ray says of its processes, and the output of workers, which is not asked for.
_PRINTER = "ray._private.worker", "print_to_stdstream"
# Counts callbacks for Ray's statistics of its use, and for that imports the client of every tracker that is installed.
_COUNTER = "ray.air._internal.usage", "tag_callbacks"
# Says why the dashboard cannot run, after an import of all it needs; without it, the node's agent is a small one.
_DASHBOARD = "ray._private.utils", "get_dashboard_dependency_error"
_NOT_NEEDED_ALONE = ("start_monitor", "start_api_server", "start_log_monitor")
# The variable by which a node's workers are told what to import when they start, before they are given anything.
PRELOAD = "RAY_preload_python_modules"


@functools.cache
def warn_if_untested() -> None:
    """Say once, on stderr, that this version of Ray was not tested."""
    version = metadata.version("ray")
    if ".".join(version.split(".")[:2]) not in TESTED:
        print(f"ablatune: warning: Ray {version} was not tested; {_advice()}", file=sys.stderr)


def _advice() -> str:
    return f"tested: {', '.join(f'{one}.*' for one in TESTED)}, such as `pip install 'ray[tune]=={TESTED[-1]}.*'`"


def _part(module: str, name: str) -> Any:
    try:
        return getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError) as error:
        raise _missing(f"{module}.{name}") from error


def _missing(name: str) -> UserError:
    return UserError(f"Ray {metadata.version('ray')}: has no {name}, which is needed here; {_advice()}")


def keep_environment_out() -> None:
    """Keep Tune from handing variables of this process, credentials among them, to its workers.

    Tune would put them into a runtime environment of the workers, which Ray writes into a log, and for which it starts
    new processes in place of those that are up. Workers on this machine inherit the variables; those of a cluster have
    their nodes' own.

    Raises:
        UserError: this Ray has no such lists of variables.
    """
    for name, none in (("ENV_VARS_TO_PROPAGATE", frozenset()), ("DEFAULT_ENV_VARS", {})):
        _part(_CLASS_CACHE, name)
        setattr(sys.modules[_CLASS_CACHE], name, none)


def keep_trackers_out() -> None:
    """Keep Tune from importing the clients of trackers, which takes seconds where they are installed."""
    _put_in_place(_COUNTER, _count_none)


def _put_in_place(part: tuple[str, str], replacement: Any) -> None:
    """Replace a function of a module for good; does nothing where Ray has none."""
    module, name = part
    with suppress(UserError):
        _part(module, name)
        setattr(sys.modules[module], name, replacement)


def _count_none(callbacks: Any) -> bool:
    return False


@contextmanager
def few_processes() -> Iterator[None]:
    """Start Ray's node without its autoscaler, its dashboard and its reader of logs.

    A single machine's run does without them, and they take some 2 s of the start on two cores. A Ray whose node has
    other names for them starts them all.
    """
    with ExitStack() as until:
        for name in _NOT_NEEDED_ALONE:
            until.enter_context(_replaced(_NODE_CLASS, name, _start_nothing))
        until.enter_context(_replaced((_DASHBOARD[0],), _DASHBOARD[1], _no_dashboard))
        yield


def _no_dashboard() -> Exception:
    return ImportError("no dashboard is wanted")


@contextmanager
def node_started_with(script: Path | None = None) -> Iterator[None]:
    """Start a node whose workers are started by a script, and import Tune while it comes up.

    The import takes half a second, and would else follow when the node is up. A Ray that starts its node in another way
    uses its own script, and imports Tune later.

    Args:
        script: for Python, in the place of Ray's `setup_worker.py`; it is told what Ray's is told. None for Ray's own.
    """
    start: Any = None
    with suppress(UserError):
        start = getattr(_part(*_NODE_CLASS), _START, None)

    def start_and_import(self: Any, *told: Any, **named: Any) -> Any:
        if script is not None:
            self._ray_params.setup_worker_path = str(script)
        started = start(self, *told, **named)
        with suppress(ImportError):  # whoever needs it says so
            importlib.import_module(_TUNE)
        return started

    with _replaced(_NODE_CLASS, _START, start_and_import):
        yield


@contextmanager
def _replaced(place: tuple[str, ...], name: str, replacement: Any) -> Iterator[None]:
    """Replace a function of a module, or a method of its class, meanwhile; does nothing where Ray has none."""
    owner: Any = None
    with suppress(ImportError, AttributeError):
        owner = functools.reduce(getattr, place[1:], importlib.import_module(place[0]))
    before = getattr(owner, name, None)
    if before is None:
        yield
        return
    setattr(owner, name, replacement)
    try:
        yield
    finally:
        setattr(owner, name, before)


def _start_nothing(self: Any, **told: Any) -> None:
    """Start no process."""


def keep_messages_out() -> None:
    """Log what Ray would print of its own processes: of one that died, pages of its log."""
    _put_in_place(_PRINTER, _log_message)


def _log_message(data: Any, *more: Any, **told: Any) -> None:
    for line in data.get("lines", ()):
        _log.info("Ray: %s", line)


def worker_starts_for(controller: Any, trial: Any) -> bool:
    """Whether a worker of Tune's is starting for a trial that waits; False where this Tune does not say.

    Args:
        controller: as a scheduler is given it.
        trial: of Tune's.
    """
    with suppress(AttributeError):
        whole = controller._tune_controller
        worker = whole._trial_to_actor.get(trial)
        return worker is not None and bool(whole._actor_manager.is_actor_started(worker))
    return False


def own_processes() -> dict[str, "Popen[Any]"]:
    """Return the processes of the Ray that this process has started, by name; none where this Ray does not say."""
    with suppress(UserError, AttributeError, TypeError):
        node = _part("ray._private.worker", "_global_node")
        return {
            str(name): info.process
            for name, infos in node.all_processes.items()
            for info in infos
            if isinstance(info.process, Popen)
        }
    return {}


def cluster_address(address: str) -> str:
    """Return HOST:PORT of a cluster's head; "auto" is the cluster that runs on this machine.

    Raises:
        UserError: this Ray cannot be asked.
        ConnectionError: no cluster runs on this machine.
        ValueError: the address makes no sense.
    """
    return str(_part("ray._private.services", "canonicalize_bootstrap_address")(address))


def reported_cluster_config() -> Any:
    """Return what a platform reported of the running cluster's autoscaler; None if nothing was reported.

    Raises:
        UserError: this Ray cannot be asked.
    """
    return _part("ray._private.state", "state").get_cluster_config()


def utilization_scorer() -> Callable[..., tuple[float, ...] | None]:
    """Return the function by which Ray's autoscaler scores a kind of node.

    Raises:
        UserError: this Ray has none of that name.
    """
    scorer: Callable[..., tuple[float, ...] | None] = _part(
        "ray.autoscaler._private.resource_demand_scheduler", "_resource_based_utilization_scorer"
    )
    return scorer


def job_client(send: Callable[..., Any]) -> type:
    """Return a class of clients of a cluster's job server that send every request through a function.

    Args:
        send: takes Ray's own way to send a request, the method, the endpoint and keywords; returns the answer.

    Raises:
        UserError: this Ray's client cannot be changed so.
    """
    from ray.job_submission import JobSubmissionClient

    if not hasattr(JobSubmissionClient, "_do_request"):
        raise _missing("JobSubmissionClient._do_request")

    class Client(JobSubmissionClient):
        """Sends its requests through the function."""

        def _do_request(self, method: str, endpoint: str, **more: Any) -> Any:
            return send(super()._do_request, method, endpoint, **more)

    return Client


def let_fail(trial: Any, times: int) -> None:
    """Set how often a trial of Tune may fail in all before Tune gives it up.

    Raises:
        UserError: this Ray's trials do not know such a number.
    """
    if not hasattr(trial, "max_failures"):
        raise _missing("Trial.max_failures")
    trial.max_failures = times


def close_token_file() -> None:
    """Let only its owner read the token that Ray writes into the home when it first starts."""
    path = Path.home() / ".ray" / "auth_token"
    with suppress(OSError):
        if path.stat().st_mode & 0o077 and path.stat().st_uid == os.getuid():
            path.chmod(0o600)
