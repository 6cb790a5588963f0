"""How a configuration field is declared: its type, bounds and label, and what the rest of the code must know of it."""

import dataclasses
import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from numbers import Real
from typing import Any, Literal

from data_utils.bounds import Bounds
from models.registry import is_reference
from tune_jobs.errors import ConfigError, shown, unknown


class _NoNeutral(Enum):
    """An enum, so that its value is still the same object after pickling."""

    NO_NEUTRAL = "no neutral value"


_YES_OR_NO = {"yes": True, "no": False}
# Equal to no value.
NO_NEUTRAL = _NoNeutral.NO_NEUTRAL


@dataclass(frozen=True)
class FieldSpec(Bounds):
    """Everything about a field except its name. Lists of fields are derived from these attributes, never written.

    Attributes:
        label: what a person reads in tables and on axes.
        help: one sentence.
        kind: type of the value: bool, int, float, str, `numbers.Real` (an int stays an int), or object (any plain
            value).
        unit: unit of the value; "" for counts and names.
        choices: the allowed names, with their labels; text without choices is free.
        references: whether a reference to the user's code, ``module:Name``, is allowed beside the choices.
        only_reference: whether it must be a reference, or the neutral value.
        optional: whether the value may be absent (null). Where it may not, null stands for the neutral value.
        also: further values that the type alone would not allow, such as "same".
        neutral: the value that means "absent". It is left out of a trial's key, so a new field does not change the
            keys of trials trained before.
        always: whether every trajectory depends on the field; the others count only where a dataset, network,
            loss, … reads them.
        selects_rows: whether it decides which rows train and validate. Stages and searches compare trials on the
            same rows, so they may not vary it.
        prepares_data: whether it decides how inputs or targets are transformed or scaled.
        changes_loss: whether losses of trials that differ in it cannot be compared.
        settable: whether a study may set it.
        searchable: whether a search may vary it; see `may_be_searched`.
        epoch_time: whether the duration of an epoch depends on the field's value, on its presence (any value but
            the neutral one), or not at all.
        only_for: the data that values other than the neutral one are for; "" for any.
    """

    label: str
    help: str
    kind: type
    unit: str = ""
    choices: Mapping[str, str] = dataclasses.field(default_factory=dict)
    references: bool = False
    only_reference: bool = False
    optional: bool = False
    also: tuple[str, ...] = ()
    neutral: Any = NO_NEUTRAL
    always: bool = False
    selects_rows: bool = False
    prepares_data: bool = False
    changes_loss: bool = False
    settable: bool = True
    searchable: bool = True
    epoch_time: Literal["value", "presence", "unaffected"] = "value"
    only_for: Literal["", "regression", "tables"] = ""

    @property
    def may_be_searched(self) -> bool:
        """Whether a search may vary the field: its trials are compared on the same rows and at the same length."""
        return self.settable and self.searchable and not self.selects_rows

    def check(self, name: str, value: Any) -> Any:
        """Check a value and convert it to the field's type.

        Raises:
            ConfigError: the value has another type, is out of bounds, or is not a known name.
        """
        if (isinstance(value, str) and value in self.also) or (value is None and self.optional):
            return value
        if value is None and self.neutral is not NO_NEUTRAL:
            return self.neutral
        if self.kind is object:
            return _check_plain(name, value)
        if value is None:
            raise ConfigError(name, f"has no value; give {self.rule}")
        if self.kind is bool:
            return self._check_bool(name, value)
        if self.kind is str:
            return self._check_choice(name, value)
        return self._check_number(name, value)

    def describe(self, value: Any) -> str:
        """Write the value for a person."""
        if isinstance(value, str):
            return self.choices.get(value, value.rpartition(":")[2] if self.references else value)
        return plain_words(value)

    @property
    def rule(self) -> str:
        """What the value must be, in words."""
        absent = ["null"] if self.optional else []
        if self.choices:
            return " or ".join([f"one of {', '.join(self.choices)}", *absent])
        kinds = {int: "a whole number", float: "a number", Real: "a number", bool: "true or false", str: "text"}
        kind = kinds.get(self.kind, "a plain value")
        return " or ".join([f"{kind} {self.bounds_words}".strip(), *self.also, *absent])

    def _check_bool(self, name: str, value: Any) -> bool:
        if isinstance(value, str):  # in YAML 1.2, yes and no are text
            value = _YES_OR_NO.get(value.lower(), value)
        if not isinstance(value, bool):
            raise ConfigError(name, f"{shown(value)} is not true or false; give true or false")
        return value

    def _check_choice(self, name: str, value: Any) -> str:
        if self.only_reference and value != self.neutral and not (isinstance(value, str) and is_reference(value)):
            raise ConfigError(name, f"{shown(value)} is not of the form module:function; name a function of yours so")
        if isinstance(value, str) and (not self.choices or (self.references and is_reference(value))):
            return value
        if not self.choices:
            raise ConfigError(name, f"{shown(value)} is not text; put it in quotes")
        if not isinstance(value, str) or value not in self.choices:
            yours = "; or give module:Name for your own code" if self.references else ""
            known = [*self.choices, "null"] if self.optional else self.choices
            raise ConfigError(name, unknown(name, value, known) + yours)
        return value

    def _check_number(self, name: str, value: Any) -> int | float:
        wrong_kind = isinstance(value, bool) or not isinstance(value, int | float)
        # Python's whole numbers may be larger than any float can hold.
        if wrong_kind or abs(value) > sys.float_info.max or value != value:
            raise ConfigError(name, f"{shown(value)} is not {self.rule}")
        if self.kind is int and value != int(value):
            raise ConfigError(name, f"{shown(value)} is not a whole number; give {self.rule}")
        whole = self.kind is int or (self.kind is Real and isinstance(value, int))
        number: int | float = int(value) if whole else float(value)
        if not self.allow(number):
            raise ConfigError(name, f"{number:g} is out of bounds; give {self.rule}")
        return number


def plain_words(value: Any) -> str:
    """Write a plain value for a person."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if value is None:
        return "none"
    if isinstance(value, list | tuple):
        return ", ".join(plain_words(part) for part in value)
    return f"{value:g}" if isinstance(value, float) else str(value)


def scalar_words(value: Any) -> str:
    """Write text, a number, true, false or null as a study file and `--set` take it."""
    if value is None:
        return "null"
    return str(value).lower() if isinstance(value, bool) else str(value)


def is_plain(value: Any) -> bool:
    """Whether a value consists only of text, finite numbers, true, false, null, lists and mappings."""
    try:
        json.dumps(value, allow_nan=False)
    except (TypeError, ValueError, RecursionError):
        return False
    return True


def _check_plain(name: str, value: Any) -> Any:
    if not is_plain(value):
        raise ConfigError(
            name, f"{shown(value)} is not a plain value; give text, numbers, true, false, or lists of these"
        )
    return value


def declare(
    default: Any,
    kind: type,
    *,
    label: str,
    help: str,  # noqa: A002 - the command line's word for it
    **more: Any,
) -> Any:
    """Declare a dataclass field; `more` are further attributes of `FieldSpec`."""
    return dataclasses.field(default=default, metadata={"spec": FieldSpec(label, help, kind, **more)})


def specs(cls: type) -> dict[str, FieldSpec]:
    """The specification of every declared field of a configuration class, by name."""
    return {field.name: field.metadata["spec"] for field in dataclasses.fields(cls) if "spec" in field.metadata}
