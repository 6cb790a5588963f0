"""What a search tries next: a pure function of its seed, the trial's number, and what is known so far."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tune_jobs.study.space import Parameter, Space, shuffled, stream

# So many random points before a model of them is worth anything.
STARTUP_TRIALS = 10
# Purposes of the random streams.
_DRAW, _GRID, _MODEL = 0, 1, 2


@dataclass(frozen=True)
class Known:
    """What is known of one point of the space.

    Attributes:
        values: of the parameters.
        score: after `epoch`, the higher the better; None while it trains, minus infinity where it ended badly.
        epoch: how far it got.
        complete: whether that is the whole length.
    """

    values: Mapping[str, Any]
    score: float | None
    epoch: int = 0
    complete: bool = False


Sampler = Callable[[Space, int, int, int, Sequence[Known]], dict[str, Any] | None]


def random(space: Space, seed: int, number: int, attempt: int, known: Sequence[Known]) -> dict[str, Any] | None:
    """Return a random point; the same one whatever is known."""
    return space.draw(stream(seed, _DRAW, number, attempt))


def grid(space: Space, seed: int, number: int, attempt: int, known: Sequence[Known]) -> dict[str, Any] | None:
    """Return the first point of the shuffled grid that is not known yet; None where there is none left."""
    points = shuffled(space.grid(), stream(seed, _GRID))
    tried = {_canonical(one.values) for one in known}
    left = [point for point in points if _canonical(point) not in tried]
    return left[attempt] if attempt < len(left) else None


def tpe(space: Space, seed: int, number: int, attempt: int, known: Sequence[Known]) -> dict[str, Any] | None:
    """Return what Optuna's tree-structured Parzen estimator suggests (Bergstra et al., 2011; Watanabe, 2023).

    Stopped trials count by how far they got, then by their score there; those that train now as bad ones, so that
    workers spread (`constant_liar`). The first points are random.
    """
    if sum(one.score is not None for one in known) < STARTUP_TRIALS:
        return random(space, seed, number, attempt, known)
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    sampler = optuna.samplers.TPESampler(
        seed=int(stream(seed, _MODEL, number, attempt).integers(2**32)),
        n_startup_trials=0,
        multivariate=True,
        constant_liar=True,
    )
    study = optuna.create_study(direction="maximize", sampler=sampler)
    study.add_trials([_frozen(space, one) for one in known])
    trial = study.ask()
    values: dict[str, Any] = {}
    for parameter in space:
        if parameter.is_read(values):
            values[parameter.name] = _suggest(trial, parameter)
    return values


SAMPLERS: Mapping[str, Sampler] = {"tpe": tpe, "random": random, "grid": grid}
SAMPLER_WORDS: Mapping[str, str] = {
    "tpe": "Optuna's tree-structured Parzen estimator, after random points to begin with",
    "random": "random points",
    "grid": "a grid, in random order",
}


def _canonical(values: Mapping[str, Any]) -> str:
    return repr(sorted(values.items()))


def _suggest(trial: Any, parameter: Parameter) -> Any:
    if parameter.choices:
        return parameter.choices[trial.suggest_categorical(parameter.name, range(len(parameter.choices)))]
    if parameter.integer:
        return trial.suggest_int(parameter.name, int(parameter.low), int(parameter.high), log=parameter.log)
    return trial.suggest_float(parameter.name, parameter.low, parameter.high, log=parameter.log)


def _distribution(parameter: Parameter) -> Any:
    from optuna import distributions

    if parameter.choices:
        return distributions.CategoricalDistribution(range(len(parameter.choices)))
    if parameter.integer:
        return distributions.IntDistribution(int(parameter.low), int(parameter.high), log=parameter.log)
    return distributions.FloatDistribution(parameter.low, parameter.high, log=parameter.log)


def _frozen(space: Space, one: Known) -> Any:
    from optuna.trial import TrialState, create_trial

    read = [parameter for parameter in space if parameter.name in one.values]
    values = {p.name: p.choices.index(one.values[p.name]) if p.choices else one.values[p.name] for p in read}
    state = TrialState.RUNNING if one.score is None else TrialState.COMPLETE if one.complete else TrialState.PRUNED
    bad = one.score is not None and one.score == float("-inf")
    if bad:
        state = TrialState.PRUNED
    return create_trial(
        params=values,
        distributions={p.name: _distribution(p) for p in read},
        state=state,
        value=one.score if state == TrialState.COMPLETE else None,
        intermediate_values={one.epoch: one.score} if one.score is not None and not (one.complete or bad) else {},
    )
