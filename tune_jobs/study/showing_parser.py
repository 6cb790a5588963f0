"""From the YAML document of a study to how its tables are read, judged and shown."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from tune_jobs.errors import shown, unknown
from tune_jobs.study.figures import FIGURES
from tune_jobs.study.limits import MOST_REPLICATES
from tune_jobs.study.model import CLAIMS, READS, SELECTS, SPLITS, TRAIN_METRICS, Showing
from tune_jobs.study.yaml_node import YamlNode

SHOWING_KEYS: Mapping[str, Mapping[str, Any]] = {
    "read": READS,
    "train_metric": TRAIN_METRICS,
    "splits": SPLITS,
    "select": SELECTS,
    "figures": FIGURES,
    "epochs_until": {},
    "claims": CLAIMS,
    "margin": {},
    "collapsed_below": {},
}


def parse_showing(node: YamlNode, default: Showing) -> Showing:
    """How tables are shown: as by default, where a study or a table does not say otherwise."""
    values: dict[str, Any] = {}
    for key in ("read", "train_metric", "select", "claims"):
        child = node.get(key)
        if child is not None:
            values[key] = known_name(child, node.text(key, ""), key)
    splits = node.get("splits")
    if splits is not None:
        values |= _splits(splits, node)
    figures, until = node.get("figures"), node.get("epochs_until")
    if figures is not None:
        values["figures"] = tuple(known_name(child, str(child.value), "figures") for child in figures.items())
    if until is not None:
        values["epochs_until"] = until.number()
    values |= _judging(node)
    if node.path:
        values["seeds"] = node.whole("seeds", 1, most=MOST_REPLICATES)
    made = replace(default, **values)
    if made.claims is not None and made.splits not in CLAIMS[made.claims]:
        at = node.get("claims") or node.need("splits")
        raise at.error(
            f"claims: {made.claims} does not go with splits: {made.splits}; give "
            f"{' or '.join(name for name, splits in CLAIMS.items() if made.splits in splits)}, or leave it out"
        )
    return made


def _judging(node: YamlNode) -> dict[str, float]:
    """What a table's verdicts are made with, where it is declared."""
    values: dict[str, float] = {}
    for key in ("margin", "collapsed_below"):
        child = node.get(key)
        if child is not None:
            values[key] = child.number()
            if values[key] <= 0:
                raise child.error(f"{shown(child.value)} is not above 0; give a number in the metric's unit", field=key)
    return values


def _splits(node: YamlNode, parent: YamlNode) -> dict[str, Any]:
    """Which part of the data each replicate draws anew: a name, or the folds of a cross-validation."""
    if node.is_mapping:
        node.only("folds")
        node.need("folds")
        return {"splits": "folds", "folds": node.whole("folds", 0, least=2, most=MOST_REPLICATES)}
    name = known_name(node, parent.text("splits", ""), "splits")
    if name == "folds":
        raise node.error("needs their number; write splits: {folds: 5}")
    return {"splits": name, "folds": 0}


def known_name(node: YamlNode, value: str, key: str) -> str:
    """The value of a key that takes one of a few names.

    Raises:
        UserError: there is no such name.
    """
    if value not in SHOWING_KEYS[key]:
        raise node.error(unknown(key, value, SHOWING_KEYS[key]))
    return value
