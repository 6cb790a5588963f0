"""The settings of a run: where its results go, how many replicates, on what machines."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

from tune_jobs.study.resources import Resources, requested_resources
from tune_jobs.training.run_options import StackOptions, TrainingOptions

RAY_ADDRESS = "RAY_ADDRESS"
_MOST_PROCESSES = 32

Options = TypeVar("Options", bound=TrainingOptions, covariant=True)


@dataclass(frozen=True)
class Cluster:
    """What to run on.

    Attributes:
        address: of a running cluster; None starts a node on this machine.
        cpus: CPUs to use of the local node; None for all.
        logical_gpus: GPUs that the local node pretends to have; trials train on the CPU.
        from_environment: whether the address was set by RAY_ADDRESS.
    """

    address: str | None = None
    cpus: int | None = None
    logical_gpus: int = 0
    from_environment: bool = False


@dataclass(frozen=True)
class Settings(Generic[Options]):
    """The settings of a run, beside its study.

    Attributes:
        storage: folder or s3://… of the ledger.
        data_dir: of the datasets.
        seeds: how many replicates.
        declared: resources of a trial, by the study.
        options: of the command.
    """

    storage: str
    data_dir: Path
    seeds: int
    declared: Resources
    options: Options

    def __post_init__(self) -> None:
        # Bad resources must show before anything is trained or sent.
        _ = self.resources

    @property
    def resources(self) -> Resources:
        """The resources of a trial: those of the study, overridden by the options.

        Raises:
            UserError: a value is not allowed.
        """
        asked = self.options
        return requested_resources(
            self.declared,
            cpus_per_trial=asked.cpus_per_trial,
            gpus_per_trial=asked.gpus_per_trial,
            time_limit_minutes=asked.time_limit_minutes,
            stack=asked.stack if isinstance(asked, StackOptions) else None,
        )

    @property
    def device(self) -> str:
        """What trials train on: "cpu" or "cuda"."""
        return "cuda" if self.resources.gpus_per_trial and not self.options.logical_gpus else "cpu"

    @property
    def processes(self) -> int:
        """How many trials train at once on this machine, roughly."""
        resources, cpus = self.resources, self.options.cpus or os.cpu_count() or 1
        share = resources.gpus_per_trial if self.device == "cuda" else resources.cpus_per_trial / cpus
        return max(
            1, min(int(1 / share) if share else cpus, self.options.max_concurrent or _MOST_PROCESSES, _MOST_PROCESSES)
        )

    @property
    def cluster(self) -> Cluster:
        """What the trials run on."""
        given, found = self.options.address, os.environ.get(RAY_ADDRESS)
        # As Ray does: the environment says where "auto" is.
        address = found if found and given in (None, "", "auto") else given
        address = None if address in (None, "", "local") else address
        from_environment = address is not None and address != given
        return Cluster(address, self.options.cpus, self.options.logical_gpus, from_environment)

    @property
    def limit_seconds(self) -> float | None:
        """Time limit of a trial; None for no limit."""
        minutes = self.resources.time_limit_minutes
        return None if minutes is None else 60 * minutes
