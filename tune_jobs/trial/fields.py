"""How a configuration field is declared: its type, bounds, label, unit and help, in one place."""

import dataclasses
import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from numbers import Real
from typing import Any

from models.registry import is_reference
from tune_jobs.errors import ConfigError, unknown

# Equal to no value.
NO_NEUTRAL = object()


@dataclass(frozen=True)
class FieldSpec:
    """What is known of a field beside its name.

    Attributes:
        label: what a person reads in tables and on axes.
        help: one sentence.
        kind: of the value: bool, int, float, str, `numbers.Real` (an int stays one), or object (anything plain).
        unit: of the value; "" for counts and names.
        at_least, above, at_most, below: bounds of a number.
        choices: the names that the value may have, with their labels; text without choices may be any.
        references: whether a reference to the user's own code, ``module:Name``, will do for a choice.
        optional: whether the value may be absent (null).
        also: further values that the type alone would not allow, such as "same".
        neutral: the value that means "absent"; left out of a trial's key, so that a field that is added
            later does not change the keys of what was trained before.
    """

    label: str
    help: str
    kind: type
    unit: str = ""
    at_least: float | None = None
    above: float | None = None
    at_most: float | None = None
    below: float | None = None
    choices: Mapping[str, str] = dataclasses.field(default_factory=dict)
    references: bool = False
    optional: bool = False
    also: tuple[str, ...] = ()
    neutral: Any = NO_NEUTRAL

    def check(self, name: str, value: Any) -> Any:
        """Return the value in the field's own type.

        Raises:
            ConfigError: it is of another type, out of bounds, or no known name.
        """
        if (isinstance(value, str) and value in self.also) or (value is None and self.optional):
            return value
        if self.kind is object:
            return _check_plain(name, value)
        if self.kind is bool:
            return self._check_bool(name, value)
        if self.kind is str:
            return self._check_choice(name, value)
        return self._check_number(name, value)

    def describe(self, value: Any) -> str:
        """Return the value as a person reads it."""
        if isinstance(value, str):
            return self.choices.get(value, value.rpartition(":")[2] if self.references else value)
        return plain_words(value)

    @property
    def rule(self) -> str:
        """What the value must be, in words."""
        if self.choices:
            return f"one of {', '.join(self.choices)}"
        kinds = {int: "a whole number", float: "a number", Real: "a number", bool: "true or false", str: "text"}
        kind = kinds.get(self.kind, "a plain value")
        bounds = [
            f"{words} {bound:g}"
            for words, bound in (
                ("at least", self.at_least),
                ("above", self.above),
                ("at most", self.at_most),
                ("below", self.below),
            )
            if bound is not None
        ]
        return " or ".join([" ".join([kind, " and ".join(bounds)]).strip(), *self.also])

    def _check_bool(self, name: str, value: Any) -> bool:
        if not isinstance(value, bool):
            raise ConfigError(name, f"{value!r} is not true or false; give one of the two")
        return value

    def _check_choice(self, name: str, value: Any) -> str:
        if isinstance(value, str) and (not self.choices or (self.references and is_reference(value))):
            return value
        if not self.choices:
            raise ConfigError(name, f"{value!r} is not text; put it in quotes")
        if not isinstance(value, str) or value not in self.choices:
            own = "; or module:Name for one of your own" if self.references else ""
            raise ConfigError(name, unknown(name, value, self.choices) + own)
        return value

    def _check_number(self, name: str, value: Any) -> int | float:
        wrong_kind = isinstance(value, bool) or not isinstance(value, int | float)
        # Python's whole numbers may be larger than any float can hold.
        if wrong_kind or abs(value) > sys.float_info.max or value != value:
            raise ConfigError(name, f"{value!r} is not {self.rule}")
        if self.kind is int and value != int(value):
            raise ConfigError(name, f"{value!r} is not a whole number; give {self.rule}")
        whole = self.kind is int or (self.kind is Real and isinstance(value, int))
        number: int | float = int(value) if whole else float(value)
        too_low = (self.at_least is not None and number < self.at_least) or (
            self.above is not None and number <= self.above
        )
        too_high = (self.at_most is not None and number > self.at_most) or (
            self.below is not None and number >= self.below
        )
        if too_low or too_high:
            raise ConfigError(name, f"{number:g} is out of bounds; give {self.rule}")
        return number


def plain_words(value: Any) -> str:
    """Return a plain value as a person reads it."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if value is None:
        return "none"
    if isinstance(value, list | tuple):
        return ", ".join(plain_words(part) for part in value)
    return f"{value:g}" if isinstance(value, float) else str(value)


def is_plain(value: Any) -> bool:
    """Return whether a value is made of text, finite numbers, true, false, null, lists and mappings alone."""
    try:
        json.dumps(value, allow_nan=False)
    except (TypeError, ValueError):
        return False
    return True


def _check_plain(name: str, value: Any) -> Any:
    if not is_plain(value):
        raise ConfigError(name, f"{value!r} is no plain value; give text, numbers, true or false, or lists of them")
    return value


def declare(
    default: Any,
    kind: type,
    *,
    label: str,
    help: str,  # noqa: A002 - the command line's word for it
    **more: Any,
) -> Any:
    """Return the dataclass field with its specification as metadata."""
    return dataclasses.field(default=default, metadata={"spec": FieldSpec(label, help, kind, **more)})


def specs(cls: type) -> dict[str, FieldSpec]:
    """Return the specification of every field of a configuration class."""
    return {field.name: field.metadata["spec"] for field in dataclasses.fields(cls) if "spec" in field.metadata}
