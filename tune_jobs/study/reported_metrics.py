"""Which metrics a training function reports, read from its source, and what their names say of them.

Nothing is imported: what the source does not spell out is not found.
"""

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tune_jobs.trial.metrics import CURVE_NAMES, SECONDS, VALIDATION_LOSS, name_problem

# What a training function may ask of its trial.
TRIAL_NAMES = frozenset(
    {
        *("seed", "split_seed", "device", "devices", "threads", "total", "folder", "ended"),
        *("epochs", "report", "save", "load", "predictions", "finish"),
    }
)
_TRIAL, _LIGHTNING = "trial", "TrialCallback"
_LOGS = ("log", "log_dict")
# From a report to where its names are written, over variables and functions.
_DEPTH = 5
_LESS = frozenset(
    {
        *("loss", "error", "err", "seconds", "time", "latency", "memory", "mse", "rmse", "mae", "mape", "nll", "ppl"),
        *("perplexity", "fid", "wer", "cer", "brier", "ece", "cost", "regret", "entropy", "distance"),
    }
)
_MORE = frozenset(
    {
        *("accuracy", "acc", "f1", "auc", "auroc", "auprc", "r2", "precision", "recall", "score", "bleu", "rouge"),
        *("iou", "dice", "map", "reward", "return", "correlation", "psnr", "ssim", "top1", "top5", "kappa", "mcc"),
        *("likelihood", "throughput"),
    }
)
_OF_TRAINING = frozenset({"train", "training"})
_OF_VALIDATION = frozenset({"validation", "val", "valid", "dev", "eval"})


@dataclass(frozen=True)
class GuessedMetric:
    """A metric with the goal that its name suggests.

    Attributes:
        known: whether its name says which way is better; else more is taken to be.
    """

    name: str
    goal: str
    known: bool = True

    @property
    def unit(self) -> str:
        """That the name says."""
        return "s" if self.name == SECONDS else ""


def guessed_metric(name: str) -> GuessedMetric:
    """Guess by its name which way a metric is better."""
    words = _words(name)
    less, more = bool(_LESS & words), bool(_MORE & words)
    return GuessedMetric(name, "min" if less else "max", known=less or more)


def metric_to_compare(metrics: Sequence[GuessedMetric]) -> str:
    """Choose what tables compare: of the validation part rather than the training part, and no loss if there is more.

    Args:
        metrics: at least one, in the order in which they are reported.
    """

    def rank(metric: GuessedMetric) -> tuple[bool, bool, bool, bool]:
        words = _words(metric.name)
        aside = metric.name == SECONDS or (metric.name in CURVE_NAMES and metric.name != VALIDATION_LOSS)
        return aside, bool(words & _OF_TRAINING), not words & _OF_VALIDATION, metric.goal == "min"

    return min(metrics, key=rank).name


def reported_names(text: str, function: str) -> tuple[str, ...]:
    """Return the names by which a function reports metrics, in order: of `trial.report(name=…)` and what is like it.

    Args:
        text: of its module.
        function: its name. Where it reports nothing itself, the whole module is searched.
    """
    source = _Source(text)
    found = source.functions.get(function)
    own = tuple(source.reports(found, _first_parameter(found))) if found is not None else ()
    names = own or tuple(source.reports(source.tree, _TRIAL)) or source.logged()
    return tuple(dict.fromkeys(name for name in names if not name_problem(name)))


def in_place_of_trial(text: str, function: str) -> str:
    """Name the first parameter of a function where it cannot be the trial, "nothing" if there is none; else "".

    It has a default, or is used as no trial is: `args.rate`, `config["rate"]`.
    """
    found = _Source(text).functions.get(function)
    if found is None or found.args.vararg or _first_parameter(found) == _TRIAL:
        return ""
    first = _first_parameter(found)
    if not first:
        return "nothing"
    if len(found.args.defaults) == len([*found.args.posonlyargs, *found.args.args]):
        return first
    uses = (node for node in ast.walk(found) if isinstance(node, ast.Attribute | ast.Subscript))
    strange = any(
        isinstance(use, ast.Subscript) or use.attr not in TRIAL_NAMES
        for use in uses
        if isinstance(use.value, ast.Name) and use.value.id == first
    )
    return first if strange else ""


def functions_of_trials(text: str) -> tuple[str, ...]:
    """Return the names of a module's own functions whose first parameter is called `trial`, best first."""
    functions = _Source(text).functions.values()
    names = [node.name for node in functions if _first_parameter(node) == _TRIAL and node.name != "evaluate"]
    return tuple(sorted(names, key=lambda name: not name.startswith("train")))


def _words(name: str) -> frozenset[str]:
    return frozenset(name.lower().split("_"))


def _first_parameter(function: ast.FunctionDef) -> str:
    parameters = [*function.args.posonlyargs, *function.args.args]
    return parameters[0].arg if parameters else ""


class _Source:
    """The text of a module.

    Attributes:
        tree: its syntax.
        functions: those of its own, by name.
    """

    def __init__(self, text: str) -> None:
        self.tree = ast.parse(text)
        self.functions = {node.name: node for node in self.tree.body if isinstance(node, ast.FunctionDef)}

    def reports(self, root: ast.AST, trial: str) -> Iterator[str]:
        """Yield the metrics of each report: of calls of `report`, or of what a generator yields."""
        for node in ast.walk(root):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "report":
                if isinstance(node.func.value, ast.Name) and node.func.value.id == trial:
                    yield from self._keywords(node, root, _DEPTH)
            elif isinstance(node, ast.Yield) and node.value is not None:
                yield from self._keys(node.value, root, _DEPTH)

    def logged(self) -> tuple[str, ...]:
        """Return what a LightningModule logs, where the callback reports it."""
        calls = [node for node in ast.walk(self.tree) if isinstance(node, ast.Call)]
        if not any(ast.unparse(call.func).endswith(_LIGHTNING) for call in calls):
            return ()
        found: list[str] = []
        for call in calls:
            if isinstance(call.func, ast.Attribute) and call.func.attr in _LOGS and call.args:
                first = call.args[0]
                found += [_text(first)] if _text(first) else self._keys(first, self.tree, _DEPTH)
        return tuple(found)

    def _keywords(self, call: ast.Call, around: ast.AST, depth: int) -> Iterator[str]:
        for keyword in call.keywords:
            if keyword.arg is not None:
                yield keyword.arg
            else:
                yield from self._keys(keyword.value, around, depth)

    def _keys(self, value: ast.expr, around: ast.AST, depth: int) -> Iterator[str]:
        """Yield the keys of a mapping: spelled out, of a variable in `around`, or that a function here returns."""
        if depth == 0:
            return
        if isinstance(value, ast.Dict):
            for key, child in zip(value.keys, value.values, strict=True):
                if key is None:
                    yield from self._keys(child, around, depth - 1)
                elif _text(key):
                    yield _text(key)
        elif isinstance(value, ast.Name):
            for assigned in (node for node in ast.walk(around) if isinstance(node, ast.Assign)):
                for target in assigned.targets:
                    if ast.unparse(target) == value.id:
                        yield from self._keys(assigned.value, around, depth - 1)
                    elif isinstance(target, ast.Subscript) and ast.unparse(target.value) == value.id:
                        yield from filter(None, [_text(target.slice)])
        elif isinstance(value, ast.Call) and isinstance(value.func, ast.Name):
            if value.func.id == "dict":
                yield from self._keywords(value, around, depth - 1)
            elif (function := self.functions.get(value.func.id)) is not None:
                for node in ast.walk(function):
                    if isinstance(node, ast.Return) and node.value is not None:
                        yield from self._keys(node.value, function, depth - 1)


def _text(node: ast.AST) -> str:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""
