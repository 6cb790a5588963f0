"""The options of built-in datasets: their types, bounds and labels, known before anything is loaded."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from data_utils.errors import DatasetError, shown

Value = bool | int | float | str


@dataclass(frozen=True, kw_only=True)
class OptionSpec:
    """One option of a built-in dataset. Studies set it by its name; tables and messages take the rest from here.

    Attributes:
        name: Key in the ``options`` that the loader is given.
        default: Value that leaves fingerprint and trial keys as they are without the option; its type is the option's.
        label: Name in tables.
        help: One sentence.
        unit: Unit of the value; empty for counts and names.
        at_least: Bound of a number, as are ``above``, ``at_most`` and ``below``.
        choices: The values that a text option may have, with their labels.
    """

    name: str
    default: Value
    label: str
    help: str
    unit: str = ""
    at_least: float | None = None
    above: float | None = None
    at_most: float | None = None
    below: float | None = None
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
        return (
            (self.at_least is None or value >= self.at_least)
            and (self.above is None or value > self.above)
            and (self.at_most is None or value <= self.at_most)
            and (self.below is None or value < self.below)
        )

    @property
    def _rule(self) -> str:
        if self.choices:
            return f"one of {', '.join(self.choices)}"
        words = {"at least": self.at_least, "above": self.above, "at most": self.at_most, "below": self.below}
        bounds = " and ".join(f"{word} {bound:g}" for word, bound in words.items() if bound is not None)
        kinds = {bool: "true or false", int: "a whole number", float: "a number", str: "text"}
        return f"{kinds[type(self.default)]} {bounds}".rstrip()
