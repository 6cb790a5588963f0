"""From the `search` key of a study's document to the search."""

import math
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from tune_jobs.errors import shown
from tune_jobs.study.checked_fields import field_name, field_value, refuse_repeats
from tune_jobs.study.limits import MOST_REPLICATES
from tune_jobs.study.model import Study
from tune_jobs.study.resources import MOST_MINUTES
from tune_jobs.study.samplers import SAMPLERS
from tune_jobs.study.schedulers import SCHEDULERS, Scheduler
from tune_jobs.study.search import Budget, Search
from tune_jobs.study.space import GRID_POINTS, Parameter, Space
from tune_jobs.study.yaml_node import YamlNode
from tune_jobs.trial.config import FIELDS
from tune_jobs.user_code.components import Components
from tune_jobs.words import counted

_NOT_SEARCHED = frozenset(name for name, spec in FIELDS.items() if not spec.may_be_searched)
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
    "replicates",
    "audit",
    "confirm",
    "path",
    "interactions",
)
_MOST_SEED = 2**32 - 1
_MOST_GRID_POINTS = 10_000
_MOST_STEPS = 100_000
_SCALES = {"linear": False, "log": True}


def parse_search(node: YamlNode, study: Study, base: Mapping[str, Any], *, epochs: int) -> Search:
    """Read the search in a document.

    Args:
        node: value of the key `search`.
        study: everything else in the document.
        base: what the search overrides of the study's base, checked.
        epochs: of a trial that is never stopped.

    Raises:
        UserError: a mistake in the document.
    """
    node.only(*_KEYS)
    scheduler = Scheduler(
        name=node.one_of("scheduler", "asha", SCHEDULERS),
        grace_epochs=node.whole("grace_epochs", 1),
        reduction_factor=node.whole("reduction_factor", 3, least=2),
    )
    _check_rungs(node, scheduler, epochs)
    sampler = node.one_of("sampler", "tpe", SAMPLERS)
    space = _space(node.need("space"), study.own)
    _check_space(node.need("space"), space, sampler, study.showing.select)
    return Search(
        space=space,
        base=base,
        scheduler=scheduler,
        sampler=sampler,
        budget=_budget(node.get("budget"), space, sampler, epochs),
        seed=node.whole("seed", 0, least=0, most=_MOST_SEED),
        seeds=node.whole("seeds", study.seeds, most=MOST_REPLICATES),
        audit=node.whole("audit", 12, least=0),
        confirm=node.whole("confirm", 5),
        path=node.whole("path", 1, least=0),
        interactions=node.whole("interactions", 3, least=0),
        read=study.showing.read,
        select=study.showing.select,
        replicates=_replicates(node, scheduler),
    )


def _replicates(node: YamlNode, scheduler: Scheduler) -> int:
    replicates = node.whole("replicates", 1, most=MOST_REPLICATES)
    if replicates > 1 and scheduler.name == "median":
        raise node.need("replicates").error(
            "the median rule judges single curves; give replicates with scheduler: asha, hyperband or none"
        )
    return replicates


def _check_space(node: YamlNode, space: Space, sampler: str, select: str) -> None:
    """Raise for a space over which losses cannot be compared, or with too large a grid."""
    for name in space.names:
        if select == "loss" and name in FIELDS and FIELDS[name].changes_loss:
            raise node.error(
                f"{name} changes what the loss is, and `select: loss` compares trials by it; leave {name} out, or "
                "write select: metric"
            )
    if sampler == "grid" and space.grid_size(_MOST_GRID_POINTS) > _MOST_GRID_POINTS:
        raise node.error(
            f"its grid has more than {_MOST_GRID_POINTS:,} points; give fewer choices or `points`, or another sampler"
        )


def _check_rungs(node: YamlNode, scheduler: Scheduler, epochs: int) -> None:
    """Raise if the grace period leaves no rung that a trial can reach."""
    if scheduler.name != "none" and scheduler.grace_epochs >= epochs:
        raise (node.get("grace_epochs") or node).error(
            f"{counted(scheduler.grace_epochs, 'epoch')} of grace in trials of {epochs} leave no rung to stop at; give "
            "fewer, more `epochs` in the base, or scheduler: none",
            field="grace_epochs",
        )


def _budget(node: YamlNode | None, space: Space, sampler: str, epochs: int) -> Budget:
    if node is None:
        return Budget(trials=len(space.grid())) if sampler == "grid" else Budget(trials=60)
    node.only("trials", "epochs", "minutes")
    minutes = node.get("minutes")
    if minutes is not None and (
        isinstance(minutes.value, bool)
        or not isinstance(minutes.value, int | float)
        or not 0 < minutes.value <= MOST_MINUTES
    ):
        raise minutes.error(
            f"{shown(minutes.value)} is not a number of minutes above 0, at most {MOST_MINUTES:,}; give such a number"
        )
    most_epochs = node.whole("epochs", 0, most=10**9)
    if 0 < most_epochs < epochs:
        raise node.need("epochs").error(f"{most_epochs} is less than the {epochs} epochs of one trial; give more")
    return Budget(
        trials=node.whole("trials", 0) or None,
        epochs=most_epochs or None,
        minutes=float(minutes.value) if minutes is not None else None,
    )


def _space(node: YamlNode, components: Components) -> Space:
    nodes = {}
    for key, child in node.pairs():
        name = field_name(child, key, components, unlisted=_NOT_SEARCHED)
        if name in _NOT_SEARCHED:
            raise child.error(
                f"{name} cannot be searched: trials are compared on the same data and at the same length; set it in "
                "`base`"
            )
        if components.changes_data(name):
            raise child.error(f"{name} changes the data, on which trials are compared; set it in `base`")
        if name in nodes:
            raise child.error(f"{name} is given twice; give it once")
        nodes[name] = child
    parameters = {name: _parameter(child, name, components) for name, child in nodes.items()}
    for name, parameter in parameters.items():
        for parent in parameter.when:
            if parent not in parameters:
                raise nodes[name].error(f"`when` names {parent}, which is not searched; leave it out or search it")
            for value in parameter.when[parent]:
                if not parameters[parent].holds(value):
                    raise nodes[name].error(
                        f"`when` names {parent} {value}, which the search never tries; leave that value out"
                    )
    return Space(tuple(_parents_first(parameters, nodes)))


def _parents_first(parameters: dict[str, Parameter], nodes: dict[str, YamlNode]) -> list[Parameter]:
    ordered: dict[str, Parameter] = {}
    while len(ordered) < len(parameters):
        ready = [p for name, p in parameters.items() if name not in ordered and set(p.when) <= set(ordered)]
        if not ready:
            name = next(name for name in parameters if name not in ordered)
            raise nodes[name].error("`when` leads back to itself; break the cycle")
        ordered |= {parameter.name: parameter for parameter in ready}
    return list(ordered.values())


def _parameter(node: YamlNode, name: str, components: Components) -> Parameter:
    if isinstance(node.value, list):
        return Parameter(name, choices=_choices(node, name, components))
    if not node.is_mapping:
        raise node.error("give a list of choices, or a range as {low: 0.0001, high: 0.1, scale: log}")
    node.only("low", "high", "step", "scale", "points", "choices", "when")
    when_node = node.get("when")
    when = _when(when_node, components) if when_node is not None else {}
    if node.get("choices") is not None:
        for key in ("low", "high", "step", "scale", "points"):
            child = node.get(key)
            if child is not None:
                raise child.error("is for a range, and this field has `choices`; give one of the two")
        return Parameter(name, choices=_choices(node.need("choices"), name, components), when=when)
    return _range(node, name, components, when)


def _range(node: YamlNode, name: str, components: Components, when: dict[str, tuple[Any, ...]]) -> Parameter:
    specs = components.specs(name) or [FIELDS[name]]
    if all(spec.kind in (bool, str) for spec in specs):
        raise node.error(f"{name} has choices, not a range; give them as a list", field=name)
    low, high = (field_value(node.need(key), name, components) for key in ("low", "high"))
    for key, value in (("low", low), ("high", high)):
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            raise node.need(key).error(f"{shown(value)} is not a number; {name} takes choices, not a range", field=name)
    if not low < high:
        raise node.need("high").error(f"{high:g} is not above low, {low:g}; give a larger high", field=name)
    scale = node.one_of("scale", "linear", _SCALES)
    if _SCALES[scale] and low <= 0:
        raise node.need("low").error(f"{low:g} has no logarithm; give a low above 0, or scale: linear", field=name)
    kinds = {spec.kind for spec in specs}
    integer = int in kinds or (float not in kinds and isinstance(low, int) and isinstance(high, int))
    step = _step(node, low, high, whole=int in kinds)
    integer = integer and (step is None or isinstance(step, int))
    points = node.whole("points", GRID_POINTS)
    return Parameter(name, (), low, high, _SCALES[scale], integer, points, when, step)


def _step(node: YamlNode, low: float, high: float, *, whole: bool) -> float | None:
    """The step of a range, from whose low end whole steps lead to its high end; None for any value.

    Args:
        node: of the range.
        low: its low end.
        high: its high end.
        whole: whether its values are whole numbers.
    """
    child = node.get("step")
    if child is None:
        return None
    for key, why in (("scale", "steps are equal, so the scale is linear"), ("points", "a grid has every step")):
        other = node.get(key)
        if other is not None and other.value != "linear":
            raise other.error(f"goes with a range without a step: {why}; leave one of the two out", field=key)
    step = child.number()
    if not step > 0:
        raise child.error(f"{step:g} is not above 0; give a number above 0", field="step")
    if step == int(step):
        step = int(step)
    elif whole:
        raise child.error(f"{step:g} is not a whole number; give one", field="step")
    width = Decimal(repr(high)) - Decimal(repr(low))
    steps = width / Decimal(repr(step))
    if steps > _MOST_STEPS:
        raise child.error(f"makes more than {_MOST_STEPS:,} values; give a larger step, or none", field="step")
    if steps != int(steps):
        ends = [Decimal(repr(low)) + count * Decimal(repr(step)) for count in (int(steps), int(steps) + 1)]
        near = " or ".join(f"{float(end):g}" for end in ends if end > low)
        raise node.need("high").error(
            f"{high:g} is not low, {low:g}, plus whole steps of {step:g}; give high: {near}", field="high"
        )
    return step


def _choices(node: YamlNode, name: str, components: Components) -> tuple[Any, ...]:
    values = [field_value(child, name, components) for child in node.items()]
    refuse_repeats(node, values, "choice", by_type=True)
    return tuple(values)


def _when(node: YamlNode, components: Components) -> dict[str, tuple[Any, ...]]:
    found = {}
    for key, child in node.pairs():
        parent = field_name(child, key, components)
        nodes = child.items() if isinstance(child.value, list) else [child]
        found[parent] = tuple(field_value(value, parent, components) for value in nodes)
    return found
