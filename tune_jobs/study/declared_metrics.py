"""What a study declares for its training functions: metrics, the one that it compares by, and what they need."""

from tune_jobs.errors import ConfigError
from tune_jobs.study.yaml_node import YamlNode
from tune_jobs.trainer.requirements import requirement_problem
from tune_jobs.trial.metrics import GOALS, DeclaredMetric, Metrics, default_label, metrics_of, name_problem

_EXAMPLE = "`metrics: {validation_accuracy: {goal: max}}`"


def parse_metrics(root: YamlNode, *, trains: bool) -> Metrics | None:
    """Read `metrics` and `metric` of a study's document; None without a training function.

    Args:
        root: of the document.
        trains: whether the study names a training function.

    Raises:
        UserError: a training function without metrics, metrics without a training function, or a mistake in one.
    """
    node, compared = root.get("metrics"), root.get("metric")
    if not trains:
        found = node or compared
        if found is not None:
            raise found.error("is for what a training function reports, and the study names no `trainer`; leave it out")
        return None
    if node is None:
        raise root.error(f"lacks `metrics`, the numbers that the training function reports; add such as {_EXAMPLE}")
    declared = {name: _metric(name, child) for name, child in node.pairs()}
    if compared is None and len(declared) > 1:
        raise root.error(f"lacks `metric`, the one to compare by; give one of {', '.join(declared)}")
    try:
        return metrics_of(declared, root.text("metric", "") or next(iter(declared)))
    except ConfigError as error:
        raise root.need(error.field).error(error.problem, field=error.field) from error


def parse_requirements(root: YamlNode, *, trains: bool) -> tuple[str, ...]:
    """Read `requirements` of a study's document: the distributions that its training functions need.

    Raises:
        UserError: it is not a list of such, or the study has no training function.
    """
    node = root.get("requirements")
    if node is None:
        return ()
    if not trains:
        raise node.error("is for what a training function needs, and the study names no `trainer`; leave it out")
    found = []
    for child in node.items():
        problem = requirement_problem(child.value) if isinstance(child.value, str) else "it is not text"
        if problem:
            raise child.error(f"names no distribution ({problem}); give such as lightning>=2.4")
        found.append(child.value)
    return tuple(found)


def _metric(name: str, node: YamlNode) -> DeclaredMetric:
    problem = name_problem(name)
    if problem:
        raise node.error(problem)
    if not node.is_mapping:
        goal = str(node.value)
        if goal not in GOALS:
            raise node.error("must say which way is better: {goal: max} or {goal: min}")
        return DeclaredMetric(name, default_label(name), "", GOALS[goal])
    node.only("goal", "unit", "label")
    node.need("goal")
    goal = node.one_of("goal", "", GOALS)
    label = node.text("label", "") or default_label(name)
    return DeclaredMetric(name, label, node.text("unit", ""), GOALS[goal])
