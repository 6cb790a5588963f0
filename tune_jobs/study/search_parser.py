"""From the `search` of a study's document to the search."""

import math
from collections.abc import Sequence
from typing import Any

from tune_jobs.errors import ConfigError, unknown
from tune_jobs.study.samplers import SAMPLERS
from tune_jobs.study.schedulers import SCHEDULERS, Scheduler
from tune_jobs.study.search import Budget, Search
from tune_jobs.study.space import GRID_POINTS, Parameter, Space
from tune_jobs.study.yaml_node import Node, plain
from tune_jobs.trial.config import FIELDS
from tune_jobs.user_code.components import Components

# The trials of a search are compared with each other: on the same data, for the same number of epochs.
_NOT_SEARCHED = (
    "dataset",
    "toy_problem",
    "outer_split",
    "split_seed",
    "validation_rows",
    "epochs",
    "early_stopping_patience",
    "seed",
    "threads",
)
_KEYS = (
    "base",
    "space",
    "scheduler",
    "grace_epochs",
    "reduction_factor",
    "sampler",
    "budget",
    "seed",
    "seeds",
    "audit",
    "confirm",
    "path",
    "interactions",
)
_MOST_SEED = 2**32 - 1
_MOST_GRID_POINTS = 10_000
# What these change, a loss cannot be compared over.
_CHANGES_LOSS = ("objective", "label_smoothing", "variance_link", "target_transform")
_SCALES = {"linear": False, "log": True}


def parse_search(
    node: Node, own: Components, base: dict[str, Any], *, epochs: int, seeds: int, read: str, select: str
) -> Search:
    """Return the search in a document.

    Args:
        node: of the key `search`.
        own: the user's own components.
        base: what it overrides of the study's base, checked.
        epochs: of a trial that is never stopped.
        seeds: the study's replicates.
        read: "last" or "best" epoch.
        select: "metric" or "loss".

    Raises:
        UserError: something in it is not as it must be.
    """
    node.only(*_KEYS)
    factor = node.whole("reduction_factor", 3, least=2)
    scheduler = Scheduler(
        name=_known(node, "scheduler", "asha", SCHEDULERS),
        grace_epochs=node.whole("grace_epochs", 1),
        reduction_factor=factor,
    )
    _check_rungs(node, scheduler, epochs)
    sampler = _known(node, "sampler", "tpe", SAMPLERS)
    space = _space(node.need("space"), own)
    for name in space.names:
        if select == "loss" and name in _CHANGES_LOSS:
            raise node.need("space").error(
                f"{name} changes what the loss is, by which `select: loss` compares trials; leave it out, or give "
                "select: metric"
            )
    if sampler == "grid" and space.grid_size(_MOST_GRID_POINTS) > _MOST_GRID_POINTS:
        raise node.need("space").error(
            f"its grid has more than {_MOST_GRID_POINTS:,} points; give fewer choices or `points`, or another sampler"
        )
    budget = node.get("budget")
    if budget is None and sampler == "grid":
        limits = Budget(trials=len(space.grid()))
    else:
        limits = _budget(budget, epochs) if budget is not None else Budget(trials=60)
    return Search(
        space=space,
        base=base,
        scheduler=scheduler,
        sampler=sampler,
        budget=limits,
        seed=node.whole("seed", 0, least=0, most=_MOST_SEED),
        seeds=node.whole("seeds", seeds, most=10_000),
        audit=node.whole("audit", 12, least=0),
        confirm=node.whole("confirm", 5),
        path=node.whole("path", 1, least=0),
        interactions=node.whole("interactions", 3, least=0),
        read=read,
        select=select,
    )


def _known(node: Node, key: str, default: str, known: Any) -> str:
    value = node.text(key, default)
    if value not in known:
        raise node.need(key).error(unknown(key, value, known))
    return value


def _check_rungs(node: Node, scheduler: Scheduler, epochs: int) -> None:
    """Raise for rungs that no trial can reach."""
    if scheduler.name != "none" and scheduler.grace_epochs >= epochs:
        raise (node.get("grace_epochs") or node).error(
            f"{scheduler.grace_epochs} epochs of grace in trials of {epochs} leave no rung to stop at; give fewer, "
            "a base of more epochs, or scheduler: none",
            field="grace_epochs",
        )


def _budget(node: Node, epochs: int) -> Budget:
    node.only("trials", "epochs", "minutes")
    minutes = node.get("minutes")
    if minutes is not None and (
        isinstance(minutes.value, bool)
        or not isinstance(minutes.value, int | float)
        or not 0 < minutes.value < math.inf
    ):
        raise minutes.error(f"{minutes.value!r} is not a number of minutes above 0")
    most_epochs = node.whole("epochs", 0, most=10**9)
    if 0 < most_epochs < epochs:
        raise node.need("epochs").error(f"{most_epochs} is less than one trial of {epochs} epochs takes; give more")
    return Budget(
        trials=node.whole("trials", 0) or None,
        epochs=most_epochs or None,
        minutes=float(minutes.value) if minutes is not None else None,
    )


def _space(node: Node, own: Components) -> Space:
    nodes = {}
    for key, child in node.pairs():
        name = own.canonical(key)
        if name not in own.known_names():
            raise child.error(unknown("field", key, own.known_names() - set(_NOT_SEARCHED)))
        if name in _NOT_SEARCHED:
            raise child.error(
                f"{name} is not searched: the trials of a search are compared on the same data and the same length; "
                "set it in `base`"
            )
        if own.changes_data(name):
            raise child.error(f"{name} changes the data, on which trials are compared; set it in `base`")
        if name in nodes:
            raise child.error(f"{name} is given twice; give it once")
        nodes[name] = child
    parameters = {name: _parameter(child, name, own) for name, child in nodes.items()}
    for name, parameter in parameters.items():
        for parent in parameter.when:
            if parent not in parameters:
                raise nodes[name].error(f"`when` names {parent}, which is not searched; leave it out or search it")
            for value in parameter.when[parent]:
                if not parameters[parent].holds(value):
                    raise nodes[name].error(
                        f"`when` names {parent} {value}, which the search never tries; leave it out"
                    )
    return Space(tuple(_parents_first(parameters, nodes)))


def _parents_first(parameters: dict[str, Parameter], nodes: dict[str, Node]) -> list[Parameter]:
    ordered: dict[str, Parameter] = {}
    while len(ordered) < len(parameters):
        ready = [p for name, p in parameters.items() if name not in ordered and set(p.when) <= set(ordered)]
        if not ready:
            name = next(name for name in parameters if name not in ordered)
            raise nodes[name].error("`when` leads back to itself; break the circle")
        ordered |= {parameter.name: parameter for parameter in ready}
    return list(ordered.values())


def _parameter(node: Node, name: str, own: Components) -> Parameter:
    if isinstance(node.value, list):
        return Parameter(name, choices=_choices(node, name, own))
    if not node.is_mapping:
        raise node.error("give a list of choices, or a range as {low: 0.0001, high: 0.1, scale: log}")
    node.only("low", "high", "scale", "points", "choices", "when")
    when_node = node.get("when")
    when = _when(when_node, own) if when_node is not None else {}
    if node.get("choices") is not None:
        for key in ("low", "high", "scale", "points"):
            child = node.get(key)
            if child is not None:
                raise child.error("goes with a range, this one has `choices`; give one of the two")
        return Parameter(name, choices=_choices(node.need("choices"), name, own), when=when)
    return _range(node, name, own, when)


def _range(node: Node, name: str, own: Components, when: dict[str, tuple[Any, ...]]) -> Parameter:
    specs = own.specs(name) or [FIELDS[name]]
    if all(spec.kind in (bool, str) for spec in specs):
        raise node.error(f"{name} has choices, not a range; give them as a list", field=name)
    low, high = (_check(node.need(key), name, own) for key in ("low", "high"))
    for key, value in (("low", low), ("high", high)):
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            raise node.need(key).error(f"{value!r} is no number; {name} has choices, not a range", field=name)
    if not low < high:
        raise node.need("high").error(f"{high:g} is not above low, {low:g}", field=name)
    scale = node.text("scale", "linear")
    if scale not in _SCALES:
        raise node.need("scale").error(unknown("scale", scale, _SCALES))
    if _SCALES[scale] and low <= 0:
        raise node.need("low").error(f"{low:g} has no logarithm; give a low above 0, or scale: linear", field=name)
    kinds = {spec.kind for spec in specs}
    integer = int in kinds or (float not in kinds and isinstance(low, int) and isinstance(high, int))
    points = node.whole("points", GRID_POINTS)
    return Parameter(name, low=low, high=high, log=_SCALES[scale], integer=integer, points=points, when=when)


def _choices(node: Node, name: str, own: Components) -> tuple[Any, ...]:
    values = [_check(child, name, own) for child in node.items()]
    _no_repeats(node, values)
    return tuple(values)


def _when(node: Node, own: Components) -> dict[str, tuple[Any, ...]]:
    found = {}
    for key, child in node.pairs():
        parent = own.canonical(key)
        if parent not in own.known_names():
            raise child.error(unknown("field", key, own.known_names()))
        nodes = child.items() if isinstance(child.value, list) else [child]
        found[parent] = tuple(_check(one, parent, own) for one in nodes)
    return found


def _check(node: Node, name: str, own: Components) -> Any:
    try:
        return own.check(name, plain(node.value))
    except ConfigError as error:
        raise node.error(error.problem, field=name) from error


def _no_repeats(node: Node, values: Sequence[Any]) -> None:
    for position, value in enumerate(values):
        if any(value == other and type(value) is type(other) for other in values[:position]):
            raise node.items()[position].error(f"the choice {value} repeats; give each once")
