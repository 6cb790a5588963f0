"""Calling the `evaluate` that a user declares beside a training function: the one function that may see a test set."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tune_jobs.errors import UserError, shown
from tune_jobs.ledger.checkpoints import kept_snapshots
from tune_jobs.storage.storage import Storage
from tune_jobs.trainer.link import Printing
from tune_jobs.trainer.seeding import prepare_process
from tune_jobs.trainer.trial import Trial
from tune_jobs.training.trainer_course import saved_in
from tune_jobs.trial.config import TrialConfig
from tune_jobs.trial.metrics import Metrics
from tune_jobs.user_code.modules import Code
from tune_jobs.user_code.processes import process_with
from tune_jobs.user_code.questions import DATA_SECONDS

EVALUATE = "evaluate"


def check_evaluates(config: TrialConfig, code: Code) -> None:
    """Check that there is an `evaluate` beside a training function.

    Raises:
        UserError: there is none.
    """
    with process_with(code, [config.trainer], what=config.trainer) as process:
        there: bool = process.call(f"{__name__}:has_evaluate", config.trainer, what=config.trainer)
    if not there:
        module, function = config.trainer.split(":")
        raise UserError(
            f"{module}: has no function `evaluate` beside {function}, so no test set can be opened; add `def "
            f"evaluate(trial, …)` that takes parameters as {function} does, loads what {function} has saved with "
            "trial.load(), and returns {metric: number}"
        )


def has_evaluate(trainer: str) -> bool:
    """In the process with the user's code: see `check_evaluates`."""
    from models.user_code import beside

    return callable(beside(trainer, EVALUATE))


def kept_state(storage: Storage, key: str, epoch: int) -> bytes | None:
    """What a training function has saved after an epoch, if its trial's last checkpoint is of it."""
    for content in kept_snapshots(storage, key):
        done, state = saved_in(content)
        if done == epoch:
            return state
    return None


def evaluate_state(config: TrialConfig, epoch: int, state: bytes, metrics: Metrics, device: str, code: Code) -> float:
    """Let the user's `evaluate` score what the training function has saved; return the metric that is compared.

    Args:
        config: of the trial.
        epoch: after which it was saved.
        state: as it was saved.
        metrics: that the study declares.
        device: to score on.
        code: the user's modules.

    Raises:
        UserError: the function fails, or does not return that metric.
    """
    module = config.trainer.partition(":")[0]
    what = f"{module}:{EVALUATE}"
    with process_with(code, [config.trainer], what=what) as process:
        arguments = (config, epoch, state, device)
        found: Mapping[str, Any] = process.call(
            f"{__name__}:evaluate_here", *arguments, what=what, seconds=DATA_SECONDS
        )
    return _compared(found, metrics, what)


def evaluate_here(config: TrialConfig, epoch: int, state: bytes, device: str) -> dict[str, float | str]:
    """In the process with the user's code: see `evaluate_state`. What is no number is given as text."""
    from models.user_code import call_beside

    prepare_process(config.seed, config.threads)
    trial = Trial(
        _Held(epoch, state),
        seed=config.seed,
        split_seed=config.split_seed,
        devices=(device,),
        threads=config.threads,
        total=epoch,
    )
    found = call_beside(config, EVALUATE, trial, {"epochs": config.epochs, "seed": trial.seed, "device": device})
    if not isinstance(found, Mapping):
        return {"": shown(found)}
    return {str(name): _number(value) for name, value in found.items()}


def _number(value: Any) -> float | str:
    try:
        return shown(value) if isinstance(value, bool | str) else float(value)
    except (TypeError, ValueError, RuntimeError, OverflowError):
        return shown(value)


def _compared(found: Mapping[str, Any], metrics: Metrics, what: str) -> float:
    names: Sequence[str] = (metrics.compared, metrics.by.test_name)
    name = next((name for name in names if name in found), None)
    if name is None:
        got = found.get("") or f"only {', '.join(found)}" if found else "nothing"
        raise UserError(f"{what}: returns {got}; return {{{metrics.compared}: number}}, of the test set")
    if isinstance(found[name], str):
        raise UserError(f"{what}: {name} is {found[name]}, which is not a number; return one")
    return float(found[name])


@dataclass
class _Held(Printing):
    """A trial that has ended."""

    epoch: int
    state: bytes

    def load(self) -> tuple[int, bytes]:
        return self.epoch, self.state
