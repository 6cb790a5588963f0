"""Starts Ray (or joins a cluster), puts the data into its object store, and runs trials through Ray Tune."""

import logging
import os
import shutil
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

import ray
from ray import tune

from data_utils import TrialData
from tune_jobs import provenance
from tune_jobs.errors import StorageError, UserError
from tune_jobs.expansion import Trial
from tune_jobs.manifest import BEACON_PERIOD_SECONDS, Beacon, now, remove_beacon, write_beacon
from tune_jobs.packing import Node
from tune_jobs.progress import Progress, longest_first
from tune_jobs.reach import look_from_nodes, node_name
from tune_jobs.storage import Storage
from tune_jobs.study import Resources
from tune_jobs.trainable import Job, payload, train_trial

# A lost worker is not the trial's fault: it is started again this often.
RESTARTS = 3
_SPARE_BYTES = 256 * 2**20


@dataclass(frozen=True)
class Cluster:
    """What to run on.

    Attributes:
        address: of a running cluster; None starts a node on this machine.
        cpus: how many CPUs the local node offers; None takes all.
        logical_gpus: GPUs that the local node only counts; trials train on the CPU.
    """

    address: str | None = None
    cpus: int | None = None
    logical_gpus: int = 0


def run_trials(
    trials: Sequence[Trial],
    data: Mapping[str, TrialData],
    job: Job,
    *,
    resources: Resources,
    cluster: Cluster,
    storage: Storage,
    progress: Progress,
    max_concurrent: int | None,
    keep: ExitStack | None = None,
) -> None:
    """Run the trials; each writes its own record. On return some may be missing: see `progress.finished`.

    Raises:
        UserError: no node can ever give a trial what it asks for.
    """
    with session(cluster, data, resources, storage, keep) as references:
        tune_all(
            tune.with_parameters(train_trial, job=job, data=references),
            [payload(trial) for trial in longest_first(trials)],
            resources=resources,
            max_concurrent=max_concurrent,
            watch=_Watch(progress, storage, job.study),
        )


@contextmanager
def session(
    cluster: Cluster,
    data: Mapping[str, TrialData],
    resources: Resources,
    storage: Storage,
    keep: ExitStack | None = None,
) -> Iterator[dict[str, Any]]:
    """Start Ray or join a cluster, and yield references to the data in its object store; `keep` as in `ray_running`.

    Raises:
        UserError: the cluster cannot be reached, no node can ever give a trial what it asks for, or a node cannot use
            the storage.
    """
    with ray_running(cluster, data, keep):
        check_resources(resources)
        if cluster.address is not None:
            check_storage(storage)
        yield {name: ray.put(part) for name, part in data.items()}


@contextmanager
def ray_running(cluster: Cluster, data: Mapping[str, TrialData], keep: ExitStack | None = None) -> Iterator[None]:
    """Start Ray with room for the data, or join the cluster; leave it on the way out, or when `keep` is closed.

    Ray that was kept so is used again where it has room for the data.

    Raises:
        UserError: there is no such cluster.
    """
    with ExitStack() as until:
        size = sum(data_bytes(part) for part in data.values())
        if keep is None or not _has_room(size):
            (keep or until).close()
            _start_ray(cluster, size)
            (keep or until).callback(_leave_ray)
        yield


def tune_all(
    trainable: Any,
    payloads: Sequence[Mapping[str, Any]],
    *,
    resources: Resources,
    max_concurrent: int | None,
    watch: tune.Callback,
    restarts: int = RESTARTS,
) -> None:
    """Run a trainable once for each payload, in order, on as many reused workers as there is room for.

    Args:
        trainable: takes Tune's configuration, with its payload under "trial".
        payloads: plain values, each with a "key" of its own.
        resources: what each is given.
        max_concurrent: at most so many at once.
        watch: is told what Tune sees.
        restarts: how often one that lost its worker is started again.
    """
    fit(
        trainable,
        resources,
        watch,
        restarts=restarts,
        param_space={"trial": tune.grid_search(list(payloads))},
        max_concurrent_trials=max_concurrent,
        trial_name_creator=_trial_name,
        trial_dirname_creator=_trial_name,
    )


def fit(
    trainable: Any,
    resources: Resources,
    watch: tune.Callback,
    *,
    restarts: int = RESTARTS,
    param_space: dict[str, Any] | None = None,
    **tune_config: Any,
) -> None:
    """Run a trainable through Ray Tune, in reused workers.

    Args:
        trainable: a function.
        resources: of one trial.
        watch: sees every result.
        restarts: how often a trial that lost its worker is started again.
        param_space: of the trials, unless a searcher gives them.
        tune_config: more for `tune.TuneConfig`.
    """
    scratch = tempfile.mkdtemp(prefix="ablatune-")
    try:
        tuner = tune.Tuner(
            tune.with_resources(trainable, {"cpu": resources.cpus_per_trial, "gpu": resources.gpus_per_trial}),
            param_space=param_space,
            tune_config=tune.TuneConfig(reuse_actors=True, **tune_config),
            run_config=tune.RunConfig(
                name="trials",
                storage_path=scratch,
                verbose=0,
                progress_reporter=_Silent(),
                failure_config=tune.FailureConfig(max_failures=restarts),
                callbacks=[watch],
            ),
        )
        tuner.fit()
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _worker_environment() -> dict[str, str]:
    # A worker that is reused for many shapes of network would keep the kernels of the last 1,024 layers: gigabytes.
    kernels = os.environ.get("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "256")
    return {
        "RAY_CHDIR_TO_TRIAL_DIR": "0",
        "CUBLAS_WORKSPACE_CONFIG": ":4096:8",
        "ONEDNN_PRIMITIVE_CACHE_CAPACITY": kernels,
    }


# How many bytes of data the Ray that this process started or joined was started for.
_room: int | None = None


def _has_room(data_size: int) -> bool:
    return _room is not None and data_size <= _room


def _leave_ray() -> None:
    global _room
    _room = None
    ray.shutdown()


def _start_ray(cluster: Cluster, data_size: int) -> None:
    global _room
    os.environ.update(
        {
            "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",
            "TUNE_GLOBAL_CHECKPOINT_S": "3600",
            "RAY_CHDIR_TO_TRIAL_DIR": "0",
            "RAY_AIR_NEW_OUTPUT": "0",
            "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
        }
    )
    # Tune logs a traceback for every worker that is lost; the progress display says it in one line.
    logging.getLogger("ray.tune").setLevel(logging.CRITICAL)
    _init_ray(cluster, data_size)
    # A cluster's store is as it is, and spills.
    _room = data_size + _SPARE_BYTES // 2 if cluster.address is None else sys.maxsize


def _init_ray(cluster: Cluster, data_size: int) -> None:
    common: dict[str, Any] = {
        "log_to_driver": False,
        "logging_level": "error",
        "runtime_env": {"env_vars": _worker_environment()},
    }
    if cluster.address is not None:
        try:
            ray.init(address=cluster.address, **common)
        except (ConnectionError, ValueError) as error:
            raise UserError(f"--address {cluster.address}: {str(error).splitlines()[0]}; is the cluster up?") from error
        return
    try:
        ray.init(
            address="local",
            num_cpus=cluster.cpus,
            num_gpus=cluster.logical_gpus or None,
            include_dashboard=False,
            object_store_memory=2 * data_size + _SPARE_BYTES,
            **common,
        )
    except Exception as error:  # Ray's own is no narrower
        raise UserError(
            f"Ray did not start here ({' '.join(str(error).split())}); try again when less is running"
        ) from error


def alive_nodes() -> list[dict[str, Any]]:
    """Return what Ray knows of each node that is up."""
    return [node for node in ray.nodes() if node["Alive"]]  # type: ignore[no-untyped-call]


def offered() -> list[Node]:
    """Return what each node that is up offers to trials."""
    return [
        Node(node_name(node), node["Resources"].get("CPU", 0.0), node["Resources"].get("GPU", 0.0))
        for node in alive_nodes()
    ]


def check_resources(resources: Resources) -> None:
    """Raise where no single node has what one trial asks for, instead of waiting for ever."""
    wanted = {"CPU": resources.cpus_per_trial, "GPU": resources.gpus_per_trial}
    nodes = [node["Resources"] for node in alive_nodes()]
    if any(all(node.get(name, 0.0) >= amount for name, amount in wanted.items()) for node in nodes):
        return
    most = {name: max((node.get(name, 0.0) for node in nodes), default=0.0) for name in wanted}
    raise UserError(
        f"a trial asks for {wanted['CPU']:g} CPU and {wanted['GPU']:g} GPU, but the largest node has "
        f"{most['CPU']:g} CPU and {most['GPU']:g} GPU; lower --cpus-per-trial or --gpus-per-trial"
    )


def check_storage(storage: Storage) -> None:
    """Raise where a node cannot use the storage: what is trained there would be lost.

    Raises:
        UserError: naming the first such node, and why.
    """
    for node, problem in look_from_nodes(storage, alive_nodes()).items():
        if problem:
            raise UserError(
                f"--storage {storage.uri}: node {node} {problem}; give a folder that all nodes share, or s3://…"
            )


def data_bytes(data: TrialData) -> int:
    """Return how much memory the arrays of a trial's data take."""
    arrays = (data.train_inputs, data.train_targets, data.validation_inputs, data.validation_targets)
    return sum(array.nbytes for array in arrays)


def _trial_name(trial: Any) -> str:
    return str(trial.config["trial"]["key"])


class _Silent(tune.ProgressReporter):
    """Says nothing: Tune's own reporter would clear the output of a notebook cell."""

    def should_report(self, trials: list[Any], done: bool = False) -> bool:
        return False

    def report(self, trials: list[Any], done: bool, *sys_info: str) -> None:
        """Say nothing."""


class Running(Protocol):
    """A progress display: what is being trained, key to epochs done."""

    @property
    def running(self) -> dict[str, int]: ...


Shown = TypeVar("Shown", bound=Running)


class Watch(tune.Callback, Generic[Shown]):
    """Keeps the beacon of a run alight while Tune has results."""

    def __init__(self, progress: Shown, storage: Storage, study: str) -> None:
        self.progress = progress
        self._storage = storage.patient(0)
        self._study = study
        self._run = uuid.uuid4().hex[:12]
        self._beaconed = -BEACON_PERIOD_SECONDS

    def __getstate__(self) -> dict[str, Any]:
        """Tune pickles its callbacks with the experiment's state, which nothing here reads; a terminal cannot be."""
        return {}

    def on_trial_result(
        self, iteration: int, trials: list[Any], trial: Any, result: dict[str, Any], **info: Any
    ) -> None:
        if time.monotonic() - self._beaconed >= BEACON_PERIOD_SECONDS:
            self._beaconed = time.monotonic()
            running = self.progress.running
            beacon = Beacon(self._run, self._study, provenance.host(), os.getpid(), now(), running)
            # An outage is the workers' to wait out: Tune is not to be kept from them.
            with suppress(StorageError):
                write_beacon(self._storage, beacon)

    def on_experiment_end(self, trials: list[Any], **info: Any) -> None:
        with suppress(StorageError):
            remove_beacon(self._storage, self._run)


class _Watch(Watch[Progress]):
    """Tells the progress display what Tune sees of the trials of tables."""

    def on_trial_result(
        self, iteration: int, trials: list[Any], trial: Any, result: dict[str, Any], **info: Any
    ) -> None:
        key = trial.config["trial"]["key"]
        if result.get("finished"):
            self.progress.ended(key, result["outcome"], result["reason"])
        elif "epoch" in result:
            self.progress.advanced(key, result["epoch"])
        super().on_trial_result(iteration, trials, trial, result, **info)

    def on_trial_recover(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        self.progress.restarted(trial.config["trial"]["key"])

    def on_trial_error(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        key = trial.config["trial"]["key"]
        if trial.num_failures > RESTARTS:
            self.progress.ended(key, "lost", last_line(trial))


def last_line(trial: Any) -> str:
    """Return the last line of what a trial of Tune ended with."""
    return str(trial.get_error() or "its worker was lost").strip().splitlines()[-1]
