"""Runs a trainable through Ray Tune, in worker processes that are reused from trial to trial."""

import shutil
import tempfile
from collections.abc import Mapping, Sequence
from typing import Any

from ray import tune

from tune_jobs.study.resources import Resources
from tune_jobs.training.worker_watch import RESTARTS


def run_payloads(
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
        payloads: plain values, each with a different "key".
        resources: of each trial.
        max_concurrent: how many run at once, at most.
        watch: sees every result.
        restarts: how often a trial that lost its worker is started again.
        stop: can end them all.
    """
    run_tuner(
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


def run_tuner(
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
        stop: can end them all.
        param_space: of the trials, unless a searcher supplies them.
        tune_config: further arguments of `tune.TuneConfig`.
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


def _trial_name(trial: Any) -> str:
    return str(trial.config["trial"]["key"])


class _Silent(tune.ProgressReporter):
    """Prints nothing: Tune's default reporter would clear the output of a notebook cell."""

    def should_report(self, trials: list[Any], done: bool = False) -> bool:
        return False

    def report(self, trials: list[Any], done: bool, *sys_info: str) -> None:
        """Print nothing."""
