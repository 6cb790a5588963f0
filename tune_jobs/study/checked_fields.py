"""Fields in a study file: their names and values, checked on the line where they stand."""

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

from tune_jobs.errors import ConfigError, cut, unknown
from tune_jobs.study.yaml_node import YamlNode, plain
from tune_jobs.trial.config import FIELDS
from tune_jobs.user_code.components import Components

# `seeds` sets them: replicates have the same seeds at every level.
NOT_SETTABLE = frozenset(name for name, spec in FIELDS.items() if not spec.settable)
_FOLDS = "`splits: {folds: N}` makes each of N folds the validation part once"
NOT_SETTABLE_ADVICE = {"seed": "`seeds: N` runs seeds 0 to N-1", "folds": _FOLDS, "fold": _FOLDS}


def settings(node: YamlNode | None, components: Components) -> dict[str, Any]:
    """The fields that a mapping sets, by their names in the study."""
    if node is None:
        return {}
    values = {}
    for key, child in node.pairs():
        name = field_name(child, key, components)
        if name in NOT_SETTABLE:
            raise child.error(f"cannot be set in a study; {NOT_SETTABLE_ADVICE[name]}")
        values[name] = field_value(child, name, components)
    return values


def field_name(node: YamlNode, key: str, components: Components, *, unlisted: frozenset[str] = frozenset()) -> str:
    """The name of a field in the study. The error for an unknown field suggests none of the `unlisted` fields."""
    name = components.canonical(key)
    if name not in components.known_names():
        raise node.error(unknown("field", key, components.known_names() - unlisted))
    return name


def factor_name(node: YamlNode, key: str, components: Components) -> str:
    """The name of a field that a table may vary."""
    name = components.canonical(key)
    fields = components.known_names() - NOT_SETTABLE
    if name not in fields:
        raise node.error(unknown("field", key, fields))
    return name


def field_value(node: YamlNode, name: str, components: Components) -> Any:
    """The value of a field, checked."""
    try:
        return components.check(name, plain(node.value))
    except ConfigError as error:
        raise node.error(error.problem, field=name) from error


def refuse_repeats(node: YamlNode, values: Sequence[Any], what: str, *, by_type: bool = False) -> None:
    """Raise at the first entry of a list that repeats an earlier one; `by_type` tells 1 from 1.0 and true."""
    seen = set()
    for position, value in enumerate(values):
        key = (frozen(value), type(value)) if by_type else frozen(value)
        if key in seen:
            words = ", ".join(f"{k}={v}" for k, v in value.items()) if isinstance(value, Mapping) else str(value)
            raise node.items()[position].error(f"the {what} {cut(words)} repeats; give each {what} once")
        seen.add(key)


def frozen(value: Any) -> Hashable:
    """Return what stands for a plain value in a set: equal for equal values."""
    if isinstance(value, Mapping):
        return ("mapping", frozenset((key, frozen(child)) for key, child in value.items()))
    if isinstance(value, list | tuple):
        return ("list", *map(frozen, value))
    hashable: Hashable = value
    return hashable
