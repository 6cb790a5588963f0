"""Starts Ray or joins a cluster, and puts the data into the object store."""

import logging
import os
import shutil
import signal
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ray

from data_utils import TrialData
from tune_jobs.capacity.cluster_capacity import ClusterCapacity, capacity_of
from tune_jobs.capacity.ray_nodes import alive_nodes
from tune_jobs.capacity.ray_private import (
    close_token_file,
    few_processes,
    keep_environment_out,
    keep_messages_out,
    keep_trackers_out,
    node_started_with,
    own_processes,
    warn_if_untested,
)
from tune_jobs.errors import UserError, first_line
from tune_jobs.storage.probe import probe
from tune_jobs.storage.storage import Storage
from tune_jobs.study.resources import Resources
from tune_jobs.training.held_errors import Held, held_errors
from tune_jobs.training.ray_address import check_address, head_problem, named
from tune_jobs.training.ray_folder import private_folder
from tune_jobs.training.ray_guard import guard, guard_head
from tune_jobs.training.settings import Cluster
from tune_jobs.training.storage_check import check_storage
from tune_jobs.workers.forking import IMPORTED_BY_RAY, ForkServer

# What is imported by the process that workers are forked from: all that training needs, but neither Ray nor what
# imports it …
_FORKED_MODULES = (
    "models.engine",
    "models.stacking.engine",
    "tune_jobs.training.director",
    *IMPORTED_BY_RAY,
    "tensorboardX",
)
# … and the module that imports the rest in each worker.
_PRELOADED = "tune_jobs.training.preloaded"
_SPARE_BYTES = 256 * 2**20
# Room for data if Ray starts before their size is known, and where its object store lies.
_GUESSED_BYTES, _SHARED_MEMORY = 512 * 2**20, Path("/dev/shm")
# Environment variables of workers. Ray logs them, so none may be secret.
_WORKER_ENVIRONMENT = {
    "RAY_CHDIR_TO_TRIAL_DIR": "0",
    "CUBLAS_WORKSPACE_CONFIG": ":4096:8",
    # As Tune sets it, for PyTorch Lightning.
    "PL_DISABLE_FORK": "1",
}
_IDLE = "RAY_idle_worker_killing_time_threshold_ms"
# How a worker uses memory, unless the environment says otherwise.
_MEMORY = {
    # By default a reused worker keeps the kernels of the last 1,024 layers, which with many networks are gigabytes.
    "ONEDNN_PRIMITIVE_CACHE_CAPACITY": "256",
    # By default glibc gives large tensors back as they are freed, and every step waits for new pages: 3% of training
    # convolutional networks, in some processes a third.
    "MALLOC_MMAP_THRESHOLD_": str(32 * 2**20),
    "MALLOC_TRIM_THRESHOLD_": str(512 * 2**20),
}


@dataclass(frozen=True)
class Session:
    """A cluster that trials can run on.

    Attributes:
        data: references to the data in the object store.
        capacity: the cluster's resources.
        waiting: what the trials wait for, in a line; "" if a node can take one now.
        mark: a file in the storage that every node must see; "" on a single machine.
    """

    data: Mapping[str, Any]
    capacity: ClusterCapacity
    waiting: str = ""
    mark: str = ""


@contextmanager
def session(
    cluster: Cluster,
    data: Mapping[str, TrialData],
    resources: Resources,
    storage: Storage,
    ray_exit: ExitStack | None = None,
) -> Iterator[Session]:
    """Start Ray or join a cluster, and put the data into the object store.

    Raises:
        UserError: the cluster cannot be reached, no node can ever have the resources of a trial, or a node cannot use
            the storage.
    """
    with ray_running(cluster, data, ray_exit), ExitStack() as until:
        capacity = find_capacity(cluster)
        waiting = capacity.check(resources)
        mark = ""
        if cluster.address is not None:
            check_storage(storage)
            # Nodes that come up later look for it before their first trial.
            mark = until.enter_context(probe(storage))
        yield Session({name: ray.put(part) for name, part in data.items()}, capacity, waiting, mark)


@contextmanager
def ray_running(cluster: Cluster, data: Mapping[str, TrialData], ray_exit: ExitStack | None = None) -> Iterator[None]:
    """Start Ray with room for the data, or join the cluster; leave it at the end, or when `ray_exit` is closed.

    If Ray is already up and has room for the data, it is used again.

    Raises:
        UserError: the cluster cannot be reached, or Ray cannot start.
    """
    with ExitStack() as until:
        size = sum(data_bytes(part) for part in data.values())
        if ray_exit is None or not _has_room(size):
            (ray_exit or until).close()
            _start_ray(cluster, size)
            (ray_exit or until).callback(_leave_ray)
        yield


def start_early(cluster: Cluster, ray_exit: ExitStack) -> None:
    """Start Ray for trials of shipped parts before it is known how large their data are; see `ray_running`.

    Nothing is started on a cluster, twice, or where shared memory is short. Data that turn out too large start it anew.

    Args:
        cluster: that the trials run on.
        ray_exit: shuts Ray down when closed.

    Raises:
        UserError: Ray cannot start.
    """
    if cluster.address is not None or _room is not None or not _SHARED_MEMORY.is_dir():
        return
    if shutil.disk_usage(_SHARED_MEMORY).free < 2 * _store_bytes(_GUESSED_BYTES):
        return
    _start_ray(cluster, _GUESSED_BYTES)
    ray_exit.callback(_leave_ray)


# Bytes of data that the object store of the running Ray has room for; None while Ray is not running.
_room: int | None = None


def _has_room(data_size: int) -> bool:
    return _room is not None and data_size <= _room


# Ends what was started beside the running Ray: the watch over its processes or over the head of the cluster, and the
# fork server of its workers.
_beside = ExitStack()


def _leave_ray() -> None:
    global _room
    _room = None
    _beside.close()
    ray.shutdown()


def _start_ray(cluster: Cluster, data_size: int) -> None:
    global _room
    os.environ.update(
        {
            "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",
            "TUNE_GLOBAL_CHECKPOINT_S": "3600",
            "RAY_AIR_NEW_OUTPUT": "0",
            "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
            # Ray starts workers early, and by default ends those that got nothing to do within a second.
            _IDLE: os.environ.get(_IDLE, "30000"),
        }
    )
    # Tune logs a traceback for every lost worker; the progress display says it in one line.
    logging.getLogger("ray.tune").setLevel(logging.CRITICAL)
    warn_if_untested()
    with _signals_kept():
        if cluster.address is not None:
            _join_cluster(cluster)
        else:
            _start_node(cluster, data_size)
    # Last, since it imports Tune where no node was started.
    keep_environment_out()
    keep_trackers_out()
    # A cluster's object store has a fixed size, and spills to disk.
    _room = data_size + _SPARE_BYTES // 2 if cluster.address is None else sys.maxsize


@contextmanager
def _signals_kept() -> Iterator[None]:
    """Keep the handlers of signals, which Ray replaces by its own, and keep a closed terminal from Ray's processes.

    They would die of its SIGHUP before the driver has told the user how to go on.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.getsignal(signal.SIGTERM)
    blocked = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGHUP])
    try:
        yield
    except SystemExit as error:
        # Ray's handler of SIGTERM.
        if error.code == signal.SIGTERM:
            raise KeyboardInterrupt from error
        raise
    finally:
        signal.signal(signal.SIGTERM, before)
        signal.pthread_sigmask(signal.SIG_SETMASK, blocked)


# What Ray's library writes where a cluster asks for a token and this process has none, or another.
_REFUSED_TOKEN = "InvalidAuthToken"
_QUIET: Mapping[str, Any] = {"log_to_driver": False, "logging_level": "error"}


def _join_cluster(cluster: Cluster) -> None:
    check_address(cluster)
    environment = {"env_vars": {**_WORKER_ENVIRONMENT, **_MEMORY}}
    held = Held()
    try:
        # Ray's library writes a line for each second in which it is refused.
        with held_errors() as held:
            ray.init(address=cluster.address, runtime_env=environment, **_QUIET)
    except (ConnectionError, ValueError) as error:
        if _REFUSED_TOKEN in held.text:
            raise UserError(
                f"{named(cluster)}: refuses this machine's token; give the cluster's: set RAY_AUTH_MODE=token, and "
                "RAY_AUTH_TOKEN or RAY_AUTH_TOKEN_PATH, as on its head"
            ) from error
        raise UserError(f"{named(cluster)}: {first_line(error)}; is the cluster up?") from error
    except RuntimeError as error:  # such as a cluster with another version, which Ray says in several lines
        raise UserError(
            f"{named(cluster)}: {' '.join(str(error).split())}; the cluster must be up, and have this machine's "
            "versions of Ray and Python"
        ) from error
    _beside.callback(guard_head(lambda: head_problem(cluster), named(cluster)))


def _start_node(cluster: Cluster, data_size: int) -> None:
    # Ray's processes inherit the environment.
    os.environ.update({**_WORKER_ENVIRONMENT, **{name: os.environ.get(name, _MEMORY[name]) for name in _MEMORY}})
    folder = private_folder()
    try:
        with few_processes(), _forked_workers():
            ray.init(
                address="local",
                num_cpus=cluster.cpus,
                num_gpus=cluster.logical_gpus or None,
                include_dashboard=False,
                object_store_memory=_store_bytes(data_size),
                _temp_dir=str(folder),
                **_QUIET,
            )
    except Exception as error:  # Ray raises nothing narrower
        _beside.close()
        raise UserError(
            f"Ray did not start ({' '.join(str(error).split())}); try again when less is running"
        ) from error
    close_token_file()
    keep_messages_out()
    _beside.callback(guard(own_processes()))


@contextmanager
def _forked_workers() -> Iterator[None]:
    """Let workers be forks of a process that has imported what they need; without one, where that cannot be."""
    try:
        server = ForkServer(_FORKED_MODULES, _PRELOADED)
    except OSError:
        with node_started_with():
            yield
        return
    _beside.callback(server.end)
    with server.starts_workers():
        yield


def _store_bytes(data_size: int) -> int:
    return 2 * data_size + _SPARE_BYTES


def find_capacity(cluster: Cluster) -> ClusterCapacity:
    """The resources of the running cluster."""
    return capacity_of(alive_nodes(), autoscaled=cluster.address is not None)


def data_bytes(data: TrialData) -> int:
    """Memory that the arrays of a trial's data take."""
    arrays = (data.train_inputs, data.train_targets, data.validation_inputs, data.validation_targets)
    return sum(array.nbytes for array in arrays)
