"""What the driver sends to workers: what all trials of a run share, and each trial as plain values."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tune_jobs.stacking.memory import Places
from tune_jobs.trial.config import TrialConfig, config_of, plain_config
from tune_jobs.trial.metrics import Metrics
from tune_jobs.trial.trial import Trial
from tune_jobs.user_code.modules import Code
from tune_jobs.words import counted

# Members of a stack at once, unless told: with more, a CPU gains nothing.
STACK_WIDTH = 16


@dataclass(frozen=True)
class Job:
    """What all trials of one run share.

    Attributes:
        base: the study's base configuration, to name a trial by what it changes.
        gpus_per_trial: how many GPUs, or what share of one, each trial gets.
        keep_models: whether to keep the trained networks in the storage.
        code: the user's modules that the trials need.
        logical_gpus: whether GPUs are only counted, on a machine without any; trials then train on the CPU.
        mark: a file that the run put into the storage; a node that comes up later must see it. "" for none.
        checkpoint_seconds: between two checkpoints of a trial; it resumes from the last if its worker is lost.
        tensorboard: which trials get a TensorBoard log: "auto", "on" or "off" (see `run_options`).
        stack_width: the most members of a stack at once.
        places: how many places stacks have on a GPU; None on a CPU, where they have as many as they need.
        metrics: that training functions report.
        requirements: distributions that they need.
    """

    study: str
    storage: str
    base: TrialConfig
    gpus_per_trial: float
    logical_gpus: bool
    time_limit_seconds: float | None
    code_version: str
    command: str
    keep_models: bool = False
    code: Code = dataclasses.field(default_factory=Code)
    checkpoint_seconds: float = 60.0
    mark: str = ""
    tensorboard: str = "auto"
    stack_width: int = STACK_WIDTH
    places: Places | None = None
    metrics: Metrics | None = None
    requirements: tuple[str, ...] = ()


@dataclass(frozen=True)
class Members:
    """The trials of a group, as what `payload` returns.

    Tune copies the configurations that it hands on, and makes names of them; this it takes as one value.
    """

    payloads: tuple[Mapping[str, Any], ...]

    def __deepcopy__(self, memo: object) -> "Members":
        return self

    def __repr__(self) -> str:
        return counted(len(self.payloads), "trial")


def payload(trial: Trial) -> dict[str, Any]:
    """Turn a trial into plain values, for Tune's configuration."""
    return {
        "key": trial.key,
        "config": plain_config(trial.config),
        "epochs": trial.epochs,
        "measure_at": sorted(trial.measure_at),
        "measure_improvements": trial.measure_improvements,
        "stops": sorted(trial.stops),
        "mode": trial.mode,
    }


def from_payload(values: Mapping[str, Any]) -> Trial:
    """Turn what `payload` returned back into the trial."""
    return Trial(
        key=values["key"],
        config=config_of(values["config"]),
        epochs=values["epochs"],
        measure_at=frozenset(values["measure_at"]),
        measure_improvements=values["measure_improvements"],
        stops=frozenset(values["stops"]),
        mode=values["mode"],
    )
