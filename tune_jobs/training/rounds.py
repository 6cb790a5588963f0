"""Starts Ray (or joins a cluster), puts the data into its object store, and runs trials through Ray Tune."""

import logging
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from typing import Any

import ray
from ray import tune

from data_utils import TrialData
from tune_jobs.capacity.room import Room, room_of
from tune_jobs.errors import UserError, first_line
from tune_jobs.storage.probe import in_words, look_from_nodes, probe
from tune_jobs.storage.storage import Storage
from tune_jobs.study.model import Resources
from tune_jobs.study.rows import Trial
from tune_jobs.training.progress import Progress, longest_first
from tune_jobs.training.trainable import Job, payload, train_trial
from tune_jobs.training.watch import RESTARTS, EndsWith, Watch, last_line

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
    with session(cluster, data, resources, storage, keep) as joined:
        if joined.waiting:
            progress.say(joined.waiting)
        watch = _Watch(progress, storage, job.study)
        payloads: Sequence[Mapping[str, Any]] = [payload(trial) for trial in longest_first(trials)]
        while payloads:
            tune_all(
                tune.with_parameters(train_trial, job=replace(job, mark=joined.mark), data=joined.data),
                payloads,
                resources=resources,
                max_concurrent=joined.room.bound(resources, max_concurrent),
                watch=watch,
                stop=EndsWith(watch),
            )
            watch.raise_unusable()
            payloads = [config["trial"] for config in watch.taken_back()]
            if len(progress.finished) + len(payloads) < len(trials):
                return  # interrupted: Tune takes that for a wish to stop, and returns


@dataclass(frozen=True)
class Session:
    """A cluster that trials can run on.

    Attributes:
        data: references to the data in its object store.
        room: what it offers.
        waiting: what the trials wait for, in a line; "" where a node can take one at once.
        mark: a file in the storage that every node must see while the session lasts; "" where no node needs to look.
    """

    data: Mapping[str, Any]
    room: Room
    waiting: str = ""
    mark: str = ""


@contextmanager
def session(
    cluster: Cluster,
    data: Mapping[str, TrialData],
    resources: Resources,
    storage: Storage,
    keep: ExitStack | None = None,
) -> Iterator[Session]:
    """Start Ray or join a cluster, and put the data into its object store; `keep` as in `ray_running`.

    Raises:
        UserError: the cluster cannot be reached, no node can ever give a trial what it asks for, or a node cannot use
            the storage.
    """
    with ray_running(cluster, data, keep), ExitStack() as until:
        room = find_room(cluster)
        waiting = room.check(resources)
        mark = ""
        if cluster.address is not None:
            check_storage(storage)
            # A node that comes up later looks for it before its first trial.
            mark = until.enter_context(probe(storage))
        yield Session({name: ray.put(part) for name, part in data.items()}, room, waiting, mark)


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
    stop: tune.Stopper | None = None,
) -> None:
    """Run a trainable once for each payload, in order, on as many reused workers as there is room for.

    Args:
        trainable: takes Tune's configuration, with its payload under "trial".
        payloads: plain values, each with a "key" of its own.
        resources: what each is given.
        max_concurrent: at most so many at once.
        watch: is told what Tune sees.
        restarts: how often one that lost its worker is started again.
        stop: may end them all.
    """
    fit(
        trainable,
        resources,
        watch,
        restarts=restarts,
        stop=stop,
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
    stop: tune.Stopper | None = None,
    param_space: dict[str, Any] | None = None,
    **tune_config: Any,
) -> None:
    """Run a trainable through Ray Tune, in reused workers.

    Args:
        trainable: a function.
        resources: of one trial.
        watch: sees every result.
        restarts: how often a trial that lost its worker is started again.
        stop: may end them all.
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
                stop=stop,
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
            raise UserError(f"--address {cluster.address}: {first_line(error)}; is the cluster up?") from error
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


def find_room(cluster: Cluster) -> Room:
    """Return what the running cluster offers to trials."""
    return room_of(alive_nodes(), autoscaled=cluster.address is not None)


def check_storage(storage: Storage) -> None:
    """Raise where a node cannot use the storage: what is trained there would be lost.

    Raises:
        UserError: naming the first such node, and why.
    """
    for node, problem in look_from_nodes(storage, alive_nodes()).items():
        if problem:
            raise UserError(in_words(storage, f"node {node} {problem}"))


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


class _Watch(Watch[Progress]):
    """Tells the progress display what Tune sees of the trials of tables."""

    def who(self, trial: Any) -> tuple[str, str, int]:
        key = trial.config["trial"]["key"]
        return key, self.progress.label(key), self.progress.running.get(key, 0)

    def on_trial_result(
        self, iteration: int, trials: list[Any], trial: Any, result: dict[str, Any], **info: Any
    ) -> None:
        key = trial.config["trial"]["key"]
        if result.get("finished"):
            self.progress.ended(key, result["outcome"], result["reason"])
        elif "epoch" in result:
            self.progress.advanced(key, result["epoch"])
        super().on_trial_result(iteration, trials, trial, result, **info)

    def on_trial_error(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        super().on_trial_error(iteration, trials, trial, **info)
        if trial.num_failures > trial.max_failures:
            self.progress.ended(trial.config["trial"]["key"], "lost", last_line(trial))
