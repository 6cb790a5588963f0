"""Runs a trainable through Ray Tune, in worker processes that are reused from trial to trial."""

import os
import shutil
import signal
import tempfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from ray import tune
from ray.tune.search import Searcher

from tune_jobs.study.resources import Resources
from tune_jobs.training.free_workers import WaitingFirst
from tune_jobs.training.ray_guard import at_sudden_end
from tune_jobs.training.worker_watch import RESTARTS
from tune_jobs.workers.variables import with_variables

# Tune's default.
MOST_PENDING = 200
# Tells Tune to leave Ctrl-C alone.
_LEAVES_CTRL_C = "TUNE_DISABLE_SIGINT_HANDLER"
_PENDING = "TUNE_MAX_PENDING_TRIALS_PG"


def run_payloads(
    trainable: Any,
    payloads: Iterator[Mapping[str, Any]],
    *,
    resources: Resources,
    at_once: int,
    max_concurrent: int | None,
    watch: tune.Callback,
    **more: Any,
) -> None:
    """Run a trainable once for each payload, in order, on as many reused workers as there is room for.

    Args:
        trainable: takes Tune's configuration, with its payload under "trial".
        payloads: plain values, each with a different "key"; the next is taken when a worker will soon be free.
        resources: of each trial.
        at_once: how many the cluster has room for, which are taken from the start.
        max_concurrent: how many run at once, at most.
        watch: sees every result.
        more: as in `run_tuner`.
    """
    with pending_at_once(max(1, min(at_once, MOST_PENDING))):
        run_tuner(
            trainable,
            resources,
            watch,
            search_alg=_Handed(payloads),
            num_samples=-1,
            max_concurrent_trials=max_concurrent,
            trial_name_creator=_trial_name,
            trial_dirname_creator=_trial_name,
            **more,
        )


def run_tuner(
    trainable: Any,
    resources: Resources,
    watch: tune.Callback,
    *,
    restarts: int = RESTARTS,
    stop: tune.Stopper | None = None,
    **tune_config: Any,
) -> None:
    """Run a trainable through Ray Tune, in reused workers.

    Args:
        trainable: a function.
        resources: of one trial.
        watch: sees every result.
        restarts: how often a trial that lost its worker is started again.
        stop: can end them all.
        tune_config: further arguments of `tune.TuneConfig`.

    Raises:
        KeyboardInterrupt: Ctrl-C ended the run, or came as it ended.
    """
    scratch = tempfile.mkdtemp(prefix="ablatune-")
    order = WaitingFirst()  # type: ignore[no-untyped-call]
    remove = partial(shutil.rmtree, scratch, ignore_errors=True)
    try:
        tuner = tune.Tuner(
            tune.with_resources(trainable, {"cpu": resources.cpus_per_trial, "gpu": resources.gpus_per_trial}),
            tune_config=tune.TuneConfig(reuse_actors=True, scheduler=order, **tune_config),
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
        with _ctrl_c_given_back(), at_sudden_end(remove):
            tuner.fit()
    finally:
        remove()


@contextmanager
def _ctrl_c_given_back() -> Iterator[None]:
    """Raise the interrupt that Tune caught, if any, and put back the handler that Tune replaced.

    Tune returns after an interrupt as after any other end, and keeps its handler: the next Ctrl-C would do nothing.
    """
    before = signal.getsignal(signal.SIGINT)
    if threading.current_thread() is not threading.main_thread() or os.environ.get(_LEAVES_CTRL_C, "0") != "0":
        yield
        return
    try:
        yield
        # Tune puts it back itself when it has caught one.
        caught = signal.getsignal(signal.SIGINT) is before
    finally:
        signal.signal(signal.SIGINT, before)
    if caught:
        raise KeyboardInterrupt


@contextmanager
def pending_at_once(count: int) -> Iterator[None]:
    """Let Tune start so many workers at once; with a searcher it would start them one after another."""
    with with_variables({_PENDING: os.environ.get(_PENDING) or str(count)}):
        yield


class _Handed(Searcher):
    """Hands Tune one payload at a time. Of a grid, Tune would copy the whole for each trial."""

    def __init__(self, payloads: Iterator[Mapping[str, Any]]) -> None:
        super().__init__(metric="training_iteration", mode="max")
        self._payloads = payloads

    def __getstate__(self) -> dict[str, Any]:
        """Nothing: Tune keeps its searcher in a file that nobody reads."""
        return {}

    def suggest(self, trial_id: str) -> Any:
        payload = next(self._payloads, None)
        return str(Searcher.FINISHED) if payload is None else {"trial": payload}

    def on_trial_complete(self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False) -> None:
        """Nothing to do: the watch has seen it."""

    def save(self, checkpoint_path: str) -> None:
        """Write the file that Tune expects."""
        Path(checkpoint_path).touch()

    def restore(self, checkpoint_path: str) -> None:
        """Nothing to do: Tune never restores it."""


def _trial_name(trial: Any) -> str:
    return str(trial.config["trial"]["key"])


class _Silent(tune.ProgressReporter):
    """Prints nothing: Tune's default reporter would clear the output of a notebook cell."""

    def should_report(self, trials: list[Any], done: bool = False) -> bool:
        return False

    def report(self, trials: list[Any], done: bool, *sys_info: str) -> None:
        """Print nothing."""
