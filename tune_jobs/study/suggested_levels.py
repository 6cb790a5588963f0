"""Which levels of a parameter are worth a try, where only its default, bounds and name are known."""

from collections.abc import Mapping
from numbers import Real
from typing import Any

from tune_jobs.errors import ConfigError
from tune_jobs.trial.fields import FieldSpec
from tune_jobs.user_code.parameters import Parameters

# At most so many choices are levels of one table.
_MOST_CHOICES = 6
# What is asked first of most trainings.
_FIRST = ("learning_rate", "lr", "width", "hidden", "dropout", "weight_decay", "batch_size")
# Words of parameters that are no factor of what is learnt.
_NO_FACTOR = frozenset(
    {
        "seed",
        "workers",
        "path",
        "dir",
        "folder",
        "root",
        "file",
        "device",
        "verbose",
        "log",
        "every",
        "debug",
        "patience",
    }
)
# Levels where the default is 0; of these parameters 0 is a level whatever the default.
_FROM_ZERO: Mapping[str, tuple[float, ...]] = {
    "dropout": (0.0, 0.2, 0.5),
    "weight_decay": (0.0, 0.0001, 0.01),
    "momentum": (0.0, 0.9),
    "label_smoothing": (0.0, 0.1),
}
_SHARES = frozenset(
    {
        "dropout",
        "momentum",
        "share",
        "fraction",
        "ratio",
        "smoothing",
        "probability",
        "prob",
        "beta",
        "beta1",
        "beta2",
        "gamma",
    }
)


def suggested_levels(parameters: Parameters) -> dict[str, list[Any]]:
    """Suggest levels for the parameters that have some, those that are varied most first.

    Args:
        parameters: of a training function.

    Returns:
        Levels by parameter, with its default among them, if it has one.
    """
    found = {name: _levels(name, spec, parameters.defaults[name]) for name, spec in parameters.fields.items()}
    order = sorted(
        found, key=lambda name: next((place for place, one in enumerate(_FIRST) if one in name), len(_FIRST))
    )
    return {name: found[name] for name in order if len(found[name]) > 1}


def _levels(name: str, spec: FieldSpec, default: Any) -> list[Any]:
    words = frozenset(name.lower().split("_"))
    if words & _NO_FACTOR:
        return []
    if spec.choices:
        return list(spec.choices) if len(spec.choices) <= _MOST_CHOICES else []
    if spec.kind is bool:
        return [False, True]
    if spec.kind not in (int, float, Real) or isinstance(default, bool) or not isinstance(default, int | float):
        return []
    if spec.kind is int or (spec.kind is Real and isinstance(default, int) and default != 0):
        tried: list[Any] = _whole(int(default))
    else:
        tried = _numbers(name, words, spec, float(default))
    allowed = [level for level in tried if _is_allowed(spec, level)]
    return allowed if default in allowed else []


def _whole(default: int) -> list[int]:
    if default == 1:
        return [1, 2, 4]
    return sorted({default // 2, default, 2 * default}) if default > 1 else []


def _numbers(name: str, words: frozenset[str], spec: FieldSpec, default: float) -> list[float]:
    from_zero = next((levels for one, levels in _FROM_ZERO.items() if one in name), ())
    if default <= 0:
        return list(from_zero) if default == 0 else []
    tops = [top for top in (spec.at_most, spec.below) if top is not None]
    if 0.5 <= default < 1 and (words & _SHARES or 1 in tops):
        return [_short(default / 2), default, _short((1 + default) / 2)]
    # 1, 3, 10, 30, … wherever the default is one of these.
    below, above = (1 / 3, 10 / 3) if f"{default:.1e}".startswith("3.0") else (0.3, 3)
    return [0.0 if from_zero else _short(default * below), default, _short(default * above)]


def _short(value: float) -> float:
    return float(f"{value:.2g}")


def _is_allowed(spec: FieldSpec, level: float) -> bool:
    try:
        spec.check("", level)
    except ConfigError:
        return False
    return True
