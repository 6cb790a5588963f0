"""What a sentence of a published report claims, as tests that replicates can decide. Each kind is a line in `KINDS`.

A level is named by its labels joined with ", ". In a crossed table a label may be `*`: the mean over the cells that
the compared levels share.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from math import isfinite

from tune_jobs.errors import unknown
from tune_jobs.study.yaml_node import YamlNode
from tune_jobs.words import counted

ANY = "*"
RISES_WITH = "rises_with"
Levels = Mapping[str, Sequence[tuple[str, ...]]]


@dataclass(frozen=True)
class Kind:
    """How a kind of test is written in YAML and put into words.

    Attributes:
        words: the claim; {subject} and {than} are levels, the rest are the test's numbers.
        subjects: the least and the largest number of levels under the kind's key.
        than: the same for the levels under `than`; (0, 0) where the kind has no such key.
        numbers: keys it requires; of names joined by |, exactly one.
        quantity: whether the test names a quantity.
        feature: whether it names an input.
    """

    words: str
    subjects: tuple[int, int] = (1, 1)
    than: tuple[int, int] = (0, 0)
    numbers: tuple[str, ...] = ()
    quantity: bool = True
    feature: bool = False


_MANY = 1000
KINDS: Mapping[str, Kind] = {
    "higher": Kind("{subject} higher than {than}", than=(1, _MANY)),
    "lower": Kind("{subject} lower than {than}", than=(1, _MANY)),
    "more_varied": Kind("{subject} varies more between replicates than {than}", than=(1, _MANY)),
    "increasing": Kind("an increasing trend over {subject}", subjects=(2, _MANY)),
    "decreasing": Kind("a decreasing trend over {subject}", subjects=(2, _MANY)),
    "equivalent": Kind(
        "{subject} equivalent within {margin}", subjects=(2, _MANY), numbers=("margin|relative_margin",)
    ),
    "ratio": Kind(
        "{subject} about {about:g}, within a factor of {within:g}", subjects=(2, 2), numbers=("about", "within")
    ),
    "above": Kind("{subject} above {value:g}", numbers=("value",)),
    "below": Kind("{subject} below {value:g}", numbers=("value",)),
    "gain": Kind("{subject} a larger gain than {than}", subjects=(2, 2), than=(2, 2)),
    "reaches": Kind("{subject} reaches the target in most replicates", quantity=False),
    "never_reaches": Kind("{subject} does not reach the target in most replicates", quantity=False),
    RISES_WITH: Kind(
        "the predicted standard deviation of {subject} rises with {feature}", quantity=False, feature=True
    ),
}
# What can be tested: columns of the trials frame and of the tests frame, and two gaps computed from them.
TESTABLE: Mapping[str, str] = {
    "train_metric": "train {metric}",
    "validation_metric": "validation {metric}",
    "train_loss": "train loss",
    "validation_loss": "validation loss",
    "train_seconds": "train time",
    "test_metric": "test {metric}",
    "test_loss": "test loss",
    "epochs_until": "epochs until the target",
    "metric_gap": "gap by which the {metric} is better in training than in validation",
    "loss_gap": "gap by which the loss is lower in training than in validation",
}


@dataclass(frozen=True)
class Place:
    """A level of a table; several where its name has a `*`."""

    table: str
    level: str

    def cells(self, labels: Sequence[tuple[str, ...]]) -> dict[tuple[str, ...], str]:
        """The levels that it names, by the labels that replace each `*`."""
        if any(", ".join(level) == self.level for level in labels):
            return {(): self.level}
        parts = self.level.split(", ")
        return {
            tuple(label for label, part in zip(level, parts, strict=True) if part == ANY): ", ".join(level)
            for level in labels
            if len(level) == len(parts) and all(part in (ANY, label) for label, part in zip(level, parts, strict=True))
        }


@dataclass(frozen=True)
class Check:
    """One test of a sentence.

    Attributes:
        kind: one of `KINDS`.
        quantity: one of `TESTABLE`.
        subjects: the levels under the kind's key.
        than: the levels that they are compared with.
        numbers: margins, ratios and thresholds, by key.
        feature: the input with which the predicted standard deviation rises.
    """

    kind: str
    quantity: str
    subjects: tuple[Place, ...]
    than: tuple[Place, ...] = ()
    numbers: Mapping[str, float] = field(default_factory=dict)
    feature: str = ""

    @property
    def places(self) -> tuple[Place, ...]:
        """All levels that the test reads."""
        return (*self.subjects, *self.than)


@dataclass(frozen=True)
class Statement:
    """A sentence of a report.

    Attributes:
        quote: verbatim.
        says: our reading of it, where its words leave that open.
        checks: the tests that must all hold; empty where the sentence cannot be tested.
        because: why it cannot be tested, or why our outcome may differ.
    """

    quote: str
    says: str = ""
    checks: tuple[Check, ...] = ()
    because: str = ""


def parse_statement(node: YamlNode, levels: Levels, targets: set[str]) -> Statement:
    """Read a sentence with its tests.

    Args:
        node: a mapping with `quote`, and `tests` or `because`.
        levels: labels of each level of the study, by table.
        targets: the tables that declare `epochs_until`.

    Raises:
        UserError: an unknown kind, table, level or quantity; a missing or superfluous key.
    """
    node.only("quote", "says", "tests", "because")
    quote, tests = node.text("quote", ""), node.get("tests")
    if not quote:
        raise node.error("has no `quote`; give the sentence itself")
    if tests is None and node.get("because") is None:
        raise node.error("has no `tests`; give some, or say with `because` why it cannot be tested")
    checks = tuple(_check(child, levels, targets) for child in tests.items()) if tests else ()
    return Statement(quote, node.text("says", ""), checks, node.text("because", ""))


def _check(node: YamlNode, levels: Levels, targets: set[str]) -> Check:
    given = [key for key, _ in node.pairs() if key in KINDS]
    if len(given) != 1:
        raise node.error(f"has {len(given)} kinds of test; give one of {', '.join(KINDS)}")
    name, kind = given[0], KINDS[given[0]]
    choices = [key.split("|") for key in kind.numbers]
    optional = ["than"] * bool(kind.than[1]) + ["quantity"] * kind.quantity + ["feature"] * kind.feature
    node.only(name, "table", *optional, *(key for keys in choices for key in keys))
    quantity = node.need("quantity").value if kind.quantity else "epochs_until" if not kind.feature else ""
    if kind.quantity and quantity not in TESTABLE:
        raise node.need("quantity").error(unknown("quantity", quantity, TESTABLE))
    numbers = {}
    for keys in choices:
        present = [key for key in keys if node.get(key) is not None]
        if len(present) != 1:
            raise node.error(f"{name} takes one of {', '.join(keys)}, {len(present)} given")
        numbers[present[0]] = _number(node.need(present[0]), positive=present[0] != "value")
    check = Check(
        name,
        quantity,
        subjects=tuple(_places(node, name, kind.subjects, levels)),
        than=tuple(_places(node, "than", kind.than, levels)) if kind.than[1] else (),
        numbers=numbers,
        feature=str(node.need("feature").value) if kind.feature else "",
    )
    for place in check.places:
        if quantity == "epochs_until" and place.table not in targets:
            raise node.error(f"table {place.table} has no target to count epochs to; give the table `epochs_until`")
    return check


def _places(node: YamlNode, key: str, count: tuple[int, int], levels: Levels) -> Iterator[Place]:
    child = node.need(key)
    nodes = child.items() if isinstance(child.value, list) else [child]
    least, most = count
    if not least <= len(nodes) <= most:
        rule = ("" if least == most else "at least ") + counted(least, "level")
        raise child.error(f"{key} takes {rule}, {len(nodes)} given")
    for given in nodes:
        if given.is_mapping:
            given.only("table", "level")
        table = given.need("table") if given.is_mapping else node.need("table")
        level = given.need("level") if given.is_mapping else given
        if table.value not in levels:
            raise table.error(unknown("table", table.value, levels))
        place = Place(str(table.value), str(level.value))
        labels = levels[place.table]
        if not place.cells(labels):
            raise level.error(unknown(f"level in table {place.table}", place.level, map(", ".join, labels)))
        yield place


def _number(node: YamlNode, *, positive: bool) -> float:
    if isinstance(node.value, bool) or not isinstance(node.value, int | float) or not isfinite(node.value):
        raise node.error(f"{node.value!r} is not a number")
    if positive and not node.value > 0:
        raise node.error(f"{node.value:g} is not above 0")
    return float(node.value)
