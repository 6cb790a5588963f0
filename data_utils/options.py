"""The options of built-in datasets: their types, bounds and labels, known before anything is loaded."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from data_utils.bounds import Bounds
from data_utils.errors import DatasetError, shown

Value = bool | int | float | str


@dataclass(frozen=True, kw_only=True)
class OptionSpec(Bounds):
    """One option of a built-in dataset. Studies set it by its name; tables and messages take the rest from here.

    Attributes:
        name: Key in the ``options`` that the loader is given.
        default: Value that leaves fingerprint and trial keys as they are without the option; its type is the option's.
        label: Name in tables.
        help: One sentence.
        unit: Unit of the value; empty for counts and names.
        choices: The values that a text option may have, with their labels.
    """

    name: str
    default: Value
    label: str
    help: str
    unit: str = ""
    choices: Mapping[str, str] = field(default_factory=dict)

    def check(self, value: object) -> Value:
        """Convert ``value`` to the option's type.

        Raises:
            DatasetError: If it has another type, is out of bounds, or is not one of the choices.
        """
        kind = type(self.default)
        if isinstance(value, (int, float) if kind is float else kind) and isinstance(value, bool) == (kind is bool):
            checked = kind(value)
            if self._allows(checked):
                return checked
        raise DatasetError(f"{self.name} must be {self._rule}, not {shown(value)}")

    def _allows(self, value: Value) -> bool:
        if isinstance(value, str):
            return not self.choices or value in self.choices
        return self.allow(value)

    @property
    def _rule(self) -> str:
        if self.choices:
            return f"one of {', '.join(self.choices)}"
        kinds = {bool: "true or false", int: "a whole number", float: "a number", str: "text"}
        return f"{kinds[type(self.default)]} {self.bounds_words}".rstrip()
