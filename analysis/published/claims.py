"""What a sentence of a report claims, as tests that replicates can decide. A further kind is one line in `KINDS`.

A level is named by its labels joined with ", ". In a crossed table a label may be `*`: the mean over the cells that
the compared levels share.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from math import isfinite

from tune_jobs.errors import unknown
from tune_jobs.study.yaml_node import YamlNode

ANY = "*"
Levels = Mapping[str, Sequence[tuple[str, ...]]]


@dataclass(frozen=True)
class Kind:
    """How a kind of test is written and said.

    Attributes:
        words: the claim; {own} and {than} are levels, the rest are the test's numbers.
        own: how many levels stand under the kind's own key, at least and at most.
        than: how many stand under `than`; (0, 0) where there is no such key.
        numbers: keys that must be there. Of names joined by | it takes one.
        quantity: whether the test says which quantity it is about.
        feature: whether it names an input.
    """

    words: str
    own: tuple[int, int] = (1, 1)
    than: tuple[int, int] = (0, 0)
    numbers: tuple[str, ...] = ()
    quantity: bool = True
    feature: bool = False


_MANY = 1000
KINDS: Mapping[str, Kind] = {
    "higher": Kind("{own} higher than {than}", than=(1, _MANY)),
    "lower": Kind("{own} lower than {than}", than=(1, _MANY)),
    "more_varied": Kind("{own} varies more between replicates than {than}", than=(1, _MANY)),
    "increasing": Kind("an increasing trend over {own}", own=(2, _MANY)),
    "decreasing": Kind("a decreasing trend over {own}", own=(2, _MANY)),
    "equivalent": Kind("{own} equivalent within {margin}", own=(2, _MANY), numbers=("margin|relative_margin",)),
    "ratio": Kind("{own} about {about:g}, within a factor of {within:g}", own=(2, 2), numbers=("about", "within")),
    "above": Kind("{own} above {value:g}", numbers=("value",)),
    "below": Kind("{own} below {value:g}", numbers=("value",)),
    "gain": Kind("{own} a larger gain than {than}", own=(2, 2), than=(2, 2)),
    "reaches": Kind("{own} reaches the target in most replicates", quantity=False),
    "never_reaches": Kind("{own} does not reach the target in most replicates", quantity=False),
    "rises_with": Kind("the predicted standard deviation of {own} rises with {feature}", quantity=False, feature=True),
}
# What can be tested: columns of the trials frame, of the tests frame, and two that follow from them.
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
    """A level of a table, or with `*` several."""

    table: str
    level: str

    def cells(self, labels: Sequence[tuple[str, ...]]) -> dict[tuple[str, ...], str]:
        """Return the levels that it names, by the labels that stand for its `*`."""
        exact = [own for own in labels if ", ".join(own) == self.level]
        if exact:
            return {(): self.level}
        parts = self.level.split(", ")
        return {
            tuple(label for label, part in zip(own, parts, strict=True) if part == ANY): ", ".join(own)
            for own in labels
            if len(own) == len(parts) and all(part in (ANY, label) for label, part in zip(own, parts, strict=True))
        }


@dataclass(frozen=True)
class Check:
    """One test of a sentence.

    Attributes:
        kind: one of `KINDS`.
        quantity: one of `TESTABLE`.
        own: the levels under the kind's own key.
        than: those that they are compared with.
        numbers: margins, ratios and thresholds, by key.
        feature: the input that an uncertainty rises with.
    """

    kind: str
    quantity: str
    own: tuple[Place, ...]
    than: tuple[Place, ...] = ()
    numbers: Mapping[str, float] = field(default_factory=dict)
    feature: str = ""

    @property
    def places(self) -> tuple[Place, ...]:
        """All levels that it reads."""
        return (*self.own, *self.than)


@dataclass(frozen=True)
class Statement:
    """A sentence of a report.

    Attributes:
        quote: verbatim.
        says: how it is read, where its words leave that open.
        checks: what must hold for it to hold; empty where it cannot be tested.
        because: why it cannot be tested, or why the outcome may differ.
    """

    quote: str
    says: str = ""
    checks: tuple[Check, ...] = ()
    because: str = ""


def parse_statement(node: YamlNode, levels: Levels, targets: set[str]) -> Statement:
    """Return a sentence with its tests.

    Args:
        node: a mapping with `quote`, and `tests` or `because`.
        levels: labels of each level of the study, by table.
        targets: the tables that count the epochs until a target.

    Raises:
        UserError: a kind, table, level or quantity that does not exist, a key that is missing or too many.
    """
    node.only("quote", "says", "tests", "because")
    quote, tests = node.text("quote", ""), node.get("tests")
    if not quote:
        raise node.error("lacks `quote`, the sentence itself")
    if tests is None and node.get("because") is None:
        raise node.error("has no `tests`; give some, or say `because` what it cannot be tested")
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
        own=tuple(_places(node, name, kind.own, levels)),
        than=tuple(_places(node, "than", kind.than, levels)) if kind.than[1] else (),
        numbers=numbers,
        feature=str(node.need("feature").value) if kind.feature else "",
    )
    for place in check.places:
        if quantity == "epochs_until" and place.table not in targets:
            raise node.error(f"table {place.table} counts no epochs until a target; give it `epochs_until`")
    return check


def _places(node: YamlNode, key: str, count: tuple[int, int], levels: Levels) -> Iterator[Place]:
    child = node.need(key)
    nodes = child.items() if isinstance(child.value, list) else [child]
    least, most = count
    if not least <= len(nodes) <= most:
        rule = f"{least}" if least == most else f"at least {least}"
        raise child.error(f"{key} takes {rule} level{'s' * (rule != '1')}, {len(nodes)} given")
    for own in nodes:
        if own.is_mapping:
            own.only("table", "level")
        table = own.need("table") if own.is_mapping else node.need("table")
        level = own.need("level") if own.is_mapping else own
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
