"""Which point a search tries next: a pure function of its seed, the trial's number, and the observations so far."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tune_jobs.study.space import Parameter, Space, shuffled, stream

# Random points before the model is used; fewer would tell it little.
STARTUP_TRIALS = 10
# Purposes of the random streams.
_DRAW, _GRID, _MODEL = 0, 1, 2


@dataclass(frozen=True)
class Observation:
    """A point of the space that was tried or is being trained.

    Attributes:
        values: of the parameters.
        score: after `epoch`, higher is better; None while it trains, minus infinity if it failed or diverged.
        epoch: last epoch so far.
        complete: whether that is the full length.
    """

    values: Mapping[str, Any]
    score: float | None
    epoch: int = 0
    complete: bool = False


Observations = Sequence[Observation]
Sampler = Callable[[Space, int, int, int, Observations], dict[str, Any] | None]


def random(space: Space, seed: int, number: int, attempt: int, observed: Observations) -> dict[str, Any] | None:
    """A random point, whatever was observed."""
    return space.draw(stream(seed, _DRAW, number, attempt))


def grid(space: Space, seed: int, number: int, attempt: int, observed: Observations) -> dict[str, Any] | None:
    """The next untried point of the shuffled grid; None if there is none left."""
    points = shuffled(space.grid(), stream(seed, _GRID))
    tried = {_canonical(observation.values) for observation in observed}
    left = [point for point in points if _canonical(point) not in tried]
    return left[attempt] if attempt < len(left) else None


def tpe(space: Space, seed: int, number: int, attempt: int, observed: Observations) -> dict[str, Any] | None:
    """The suggestion of Optuna's tree-structured Parzen estimator (Bergstra et al., 2011; Watanabe, 2023).

    Stopped trials are ranked by their last epoch, then by their score there. Trials that are still training count as
    bad, so workers spread out (`constant_liar`). The first points are random.
    """
    if sum(observation.score is not None for observation in observed) < STARTUP_TRIALS:
        return random(space, seed, number, attempt, observed)
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    sampler = optuna.samplers.TPESampler(
        seed=int(stream(seed, _MODEL, number, attempt).integers(2**32)),
        n_startup_trials=0,
        multivariate=True,
        constant_liar=True,
    )
    study = optuna.create_study(direction="maximize", sampler=sampler)
    study.add_trials([_frozen_trial(space, observation) for observation in observed])
    trial = study.ask()
    values: dict[str, Any] = {}
    for parameter in space:
        if parameter.is_read(values):
            values[parameter.name] = _suggest(trial, parameter)
    return values


SAMPLERS: Mapping[str, Sampler] = {"tpe": tpe, "random": random, "grid": grid}
SAMPLER_WORDS: Mapping[str, str] = {
    "tpe": "Optuna's tree-structured Parzen estimator, after some random points",
    "random": "random points",
    "grid": "a grid, in random order",
}


def _canonical(values: Mapping[str, Any]) -> str:
    return repr(sorted(values.items()))


def _suggest(trial: Any, parameter: Parameter) -> Any:
    if parameter.choices:
        return parameter.choices[trial.suggest_categorical(parameter.name, range(len(parameter.choices)))]
    if parameter.step is not None:
        suggest = trial.suggest_int if parameter.integer else trial.suggest_float
        # The sampler's value is rounded in another way in the last bit.
        return parameter.nearest(suggest(parameter.name, parameter.low, parameter.high, step=parameter.step))
    if parameter.integer:
        return trial.suggest_int(parameter.name, int(parameter.low), int(parameter.high), log=parameter.log)
    return trial.suggest_float(parameter.name, parameter.low, parameter.high, log=parameter.log)


def _distribution(parameter: Parameter) -> Any:
    from optuna import distributions

    if parameter.choices:
        return distributions.CategoricalDistribution(range(len(parameter.choices)))
    if parameter.step is not None:
        kind: Any = distributions.IntDistribution if parameter.integer else distributions.FloatDistribution
        return kind(parameter.low, parameter.high, step=parameter.step)
    if parameter.integer:
        return distributions.IntDistribution(int(parameter.low), int(parameter.high), log=parameter.log)
    return distributions.FloatDistribution(parameter.low, parameter.high, log=parameter.log)


def _frozen_trial(space: Space, observation: Observation) -> Any:
    from optuna.trial import TrialState, create_trial

    values, score = observation.values, observation.score
    read = [parameter for parameter in space if parameter.name in values]
    failed = score == float("-inf")
    if score is None:
        state = TrialState.RUNNING
    elif observation.complete and not failed:
        state = TrialState.COMPLETE
    else:
        state = TrialState.PRUNED
    return create_trial(
        params={p.name: p.choices.index(values[p.name]) if p.choices else values[p.name] for p in read},
        distributions={p.name: _distribution(p) for p in read},
        state=state,
        value=score if state == TrialState.COMPLETE else None,
        intermediate_values={observation.epoch: score}
        if score is not None and state == TrialState.PRUNED and not failed
        else {},
    )
