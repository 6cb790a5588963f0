"""`check`: whether a seed fixes the numbers of a trial, and whether a checkpoint continues to the same."""

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch

from data_utils import TrialData
from models.history import History
from models.plan import TrainingPlan
from tune_jobs.errors import UserError
from tune_jobs.study.model import Study
from tune_jobs.study.search_identity import default_config
from tune_jobs.trainer.requirements import lacking
from tune_jobs.training.data import load_data
from tune_jobs.training.isolated_training import train_isolated
from tune_jobs.training.run_options import TrainingOptions
from tune_jobs.training.settings import Settings
from tune_jobs.training.trainer_training import Place, train_by_function
from tune_jobs.training.trial_training import Training, train_here
from tune_jobs.trial.config import TrialConfig
from tune_jobs.trial.data import data_slot
from tune_jobs.trial.metrics import SECONDS
from tune_jobs.user_code.modules import UserCodeError
from tune_jobs.user_code.questions import code_of
from tune_jobs.words import counted

_CURVES = ("train_loss", "train_metric", "validation_loss", "validation_metric")
_TIMES = ("s", "ms", "min", "h")

Curves = Mapping[str, Sequence[float]]


@dataclass(frozen=True)
class Finding:
    """What was found out, in a line, and whether that is as it should be."""

    line: str
    fine: bool = True


@dataclass
class _Kept:
    """Snapshots in memory.

    Attributes:
        first: to go on from; None for nothing.
        every: whether each epoch is saved.
        saved: by the order of saving.
        asked: whether the last one was asked for.
    """

    first: bytes | None = None
    every: bool = False
    saved: list[bytes] = field(default_factory=list)
    asked: bool = False

    def load(self) -> bytes | None:
        self.asked = True
        return self.first

    def due(self) -> bool:
        return self.every

    def save(self, content: bytes) -> None:
        self.saved.append(content)


@dataclass(frozen=True)
class _Runs:
    """Trains the first epochs of a study's default, again and again."""

    study: Study
    config: TrialConfig
    data: TrialData
    epochs: int
    devices: tuple[str, ...]

    def curves(self, kept: _Kept, seed: int) -> Curves:
        """Train; return what a seed should fix.

        Raises:
            UserError: the training fails.
        """
        config, study = self.config.replace(seed=seed), self.study
        plan = TrainingPlan(self.epochs)
        period = 0.0 if kept.every else float("inf")
        training = Training(config, plan, self.devices[0].partition(":")[0], checkpoint_seconds=period)
        code = study.own.code
        if config.trainer and study.metrics is not None:
            with tempfile.TemporaryDirectory(prefix="ablatune-check-") as folder:
                place = Place(self.devices, Path(folder))
                trained = train_by_function(training, study.metrics, place, code, _goes_on, kept)
        elif code_of(config):
            trained = train_isolated(training, (data_slot(config), self.data), code, _goes_on, kept)
        else:
            trained = train_here(training, self.data, _goes_on, kept)
        if trained.failed:
            raise UserCodeError(trained.problem, trained.traceback)
        history = trained.history
        if history.is_reported:
            return {name: history.reported[name] for name in self._compared()}
        return {name: getattr(history, name) for name in _CURVES}

    def _compared(self) -> list[str]:
        metrics = self.study.metrics
        return [one.name for one in metrics or () if one.name != SECONDS and one.unit not in _TIMES]


def _goes_on(history: History) -> None:
    """No epoch ends the trial."""


def devices_of(settings: Settings[TrainingOptions]) -> tuple[str, ...]:
    """Return the devices of this machine that a trial trains on.

    Raises:
        UserError: they are GPUs, and CUDA does not work here.
    """
    gpus = max(1, int(settings.resources.gpus_per_trial or 0))
    if settings.device == "cpu":
        return ("cpu",) * gpus
    if not torch.cuda.is_available():
        raise UserError(
            f"a trial asks for {counted(gpus, 'GPU')}, and CUDA does not work on this machine; check where the study "
            f"trains, or give --logical-gpus {gpus} to check on the CPU"
        )
    return tuple(f"cuda:{gpu}" for gpu in range(gpus))


def check_determinism(study: Study, data_dir: Path, devices: tuple[str, ...], epochs: int) -> list[Finding]:
    """Train the first epochs of a study's default several times, in this machine's processes, and keep nothing.

    Args:
        study: whose default is trained.
        data_dir: of the datasets.
        devices: of a trial.
        epochs: how many, if the study has as many.

    Raises:
        UserError: the training fails, or this machine lacks what it needs.
    """
    missing = lacking(study.requirements)
    if missing:
        raise UserError(f"{study.name}: this machine lacks {', '.join(missing)}; install it")
    config = study.config() if study.search is None else default_config(study, study.search)
    (data,) = load_data([config], data_dir, study.own.code).values()
    runs = _Runs(study, config, data, min(epochs, config.epochs), devices)
    seed, kept = config.seed, _Kept(every=True)
    first = runs.curves(kept, seed)
    other = runs.curves(_Kept(), seed + 1)
    return [
        _same_seed(first, runs.curves(_Kept(), seed), seed),
        _other_seed(first, other, seed),
        _checkpoint(first, runs, kept.saved, seed),
    ]


def _same_seed(first: Curves, second: Curves, seed: int) -> Finding:
    found = _difference(first, second)
    if not found:
        return Finding(f"seed {seed} twice: the numbers are equal")
    return Finding(
        f"seed {seed} twice: {found}; draw everything random from trial.seed, and use deterministic operations", False
    )


def _other_seed(first: Curves, other: Curves, seed: int) -> Finding:
    if _difference(first, other):
        return Finding(f"seeds {seed} and {seed + 1}: the numbers differ, as they should")
    return Finding(
        f"seeds {seed} and {seed + 1}: the numbers are equal, so replicates say nothing of chance; draw weights and "
        "order from trial.seed",
        False,
    )


def _checkpoint(first: Curves, runs: _Runs, saved: Sequence[bytes], seed: int) -> Finding:
    if not saved or runs.epochs == 1:
        why = "there is a single epoch" if runs.epochs == 1 else "none is saved, so a lost trial starts anew"
        return Finding(f"checkpoint: not checked, for {why}")
    kept = _Kept(first=saved[(len(saved) - 1) // 2])
    found = _difference(first, runs.curves(kept, seed))
    if not kept.asked:
        return Finding("checkpoint: saved, but never loaded; call trial.load() before the loop", False)
    if found:
        return Finding(
            f"checkpoint: {found} in a trial that goes on from it; save all that changes in training: weights, "
            "optimizer, schedule and generators",
            False,
        )
    return Finding("checkpoint: a trial that goes on from it reaches the same numbers")


def _difference(one: Curves, other: Curves) -> str:
    """Say where curves begin to differ; "" if they do not."""
    for name, values in one.items():
        others = other[name]
        for epoch, (mine, theirs) in enumerate(zip(values, others, strict=False), start=1):
            if not np.array_equal(mine, theirs, equal_nan=True):
                return f"{name} differs from epoch {epoch} on ({mine:.6g} and {theirs:.6g})"
        if len(values) != len(others):
            return f"the trial ends after {len(values)} and after {len(others)} epochs"
    return ""
