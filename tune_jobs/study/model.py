"""A study as a value: a base configuration, tables of levels, stages, a search, and final configurations."""

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from models.version import SINGLE, STACKED
from tune_jobs.study.resources import Resources
from tune_jobs.study.search import Search
from tune_jobs.study.trackers import Tracker
from tune_jobs.trial.config import TrialConfig
from tune_jobs.trial.fields import scalar_words
from tune_jobs.trial.metrics import Metrics
from tune_jobs.trial.trial import can_be_stacked
from tune_jobs.user_code.components import Components

READS = {"last": "the last epoch", "best": "the epoch with the best validation metric"}
TRAIN_METRICS = {"evaluation": "measured after the epoch", "running": "the running mean of the epoch"}
# The fields that change from replicate to replicate, beside the seed.
SPLITS: Mapping[str, tuple[str, ...]] = {
    "fixed": (),
    "validation": ("split_seed",),
    "outer": ("outer_split", "split_seed"),
    "folds": ("split_seed", "fold"),
}
# What a table's numbers are about, and the splits that support it.
CLAIMS: Mapping[str, tuple[str, ...]] = {
    "split": ("fixed",),
    "dataset": ("validation", "outer", "folds"),
    "population": ("validation", "outer", "folds"),
}
SELECTS = {"metric": "validation_metric", "loss": "validation_loss"}
# The table of a final configuration without a name.
FINAL = "final"
# The path that the stages of a study took: with the seeds that chose it, and estimated again with fresh seeds.
PATH, FRESH_PATH = "path", "path_fresh"
# What follows a search: stopped trials trained to the end, the best configurations compared, the steps to the winner
# as tried and as estimated with fresh seeds, each step undone alone, and pairs of factors crossed.
SEARCH = "search"
AUDIT, CONFIRM, TRIED, STEPS, BACK, PAIRS = (
    "search_audit",
    "search_confirm",
    "search_tried",
    "search_steps",
    "search_back",
    "search_pairs",
)
SEARCH_TABLES = (SEARCH, AUDIT, CONFIRM, TRIED, STEPS, BACK, PAIRS)


@dataclass(frozen=True)
class Level:
    """One row of a table: a label for each factor, and the fields that it sets.

    Attributes:
        labels: one for each factor.
        values: of the factors.
        base: what the level changes of the table's base.
        read: "last" or "best" epoch, if it differs from the table's.
    """

    labels: tuple[str, ...]
    values: Mapping[str, Any]
    base: Mapping[str, Any] = field(default_factory=dict)
    read: str | None = None


@dataclass(frozen=True)
class Showing:
    """Which results of its trials a table shows, and how.

    Attributes:
        read: "last" or "best": the epoch that the table shows.
        train_metric: "evaluation" or "running".
        splits: one of `SPLITS`: which part of the data each replicate draws anew.
        folds: of a cross-validation; then each of the `seeds` is a repeat of so many replicates. 0 for none.
        figures: names in `tune_jobs.study.figures.FIGURES`.
        epochs_until: a validation metric; a column shows the first epoch that reaches it. None for no such column.
        select: "metric" or "loss", by which a configuration is chosen.
        seeds: number of replicates, if the table has more than the rest of the study.
        claims: one of `CLAIMS`: what the numbers are about. None for the most that the splits support.
        margin: a smaller difference of the validation metric is none for practical purposes, in the metric's unit. None
            for what the size of the validation part leaves open.
        collapsed_below: a replicate with a lower validation accuracy has collapsed. None to tell it from the data.
    """

    read: str = "last"
    train_metric: str = "evaluation"
    splits: str = "fixed"
    folds: int = 0
    figures: tuple[str, ...] = ("curves",)
    epochs_until: float | None = None
    select: str = "metric"
    seeds: int = 1
    claims: str | None = None
    margin: float | None = None
    collapsed_below: float | None = None


@dataclass(frozen=True)
class Table:
    """A factor, or several crossed, and the levels whose trials make up the rows.

    Attributes:
        headings: of the columns of the levels, one for each factor.
        base: what the table changes of the study's base.
    """

    name: str
    title: str
    headings: tuple[str, ...]
    levels: tuple[Level, ...]
    base: Mapping[str, Any]
    showing: Showing = Showing()

    @property
    def crossed(self) -> bool:
        """Whether several factors are crossed."""
        return len(self.headings) > 1


@dataclass(frozen=True)
class Study:
    """A validated study.

    Attributes:
        stages: tables, each of which starts from the best row of the previous one.
        fresh_seeds: number of replicates, with seeds that chose nothing, that estimate the gain of the stages.
        finals: the configurations that the study settles on, each a table with one level.
        showing: what tables show by default.
        overrides: fields of the base that `--set` changed.
        fraction: share of the epochs at which rows are read: 1, or less for a preview.
        own: the user's networks, data, … that the study names.
        search: the joint search, if the study declares one.
        places: where the document names datasets; see `tune_jobs.study.places`.
        looks: numbers of seeds at which levels are decided, and after which only those that are open get more; empty
            for a fixed number of seeds.
        metrics: that its training functions report; None without such a function.
        requirements: distributions that those functions need on every node.
        modes: whether the trials of a table that can be in a stack are, "stacked" or "single", by the table's name; see
            `tune_jobs.stacking`.
        trackers: where results go beside the ledger.
        given: the words that name the study on the command line, with where its results and data lie if the user said
            so; empty for a study that is defined in Python.
    """

    name: str
    title: str
    reproduces: str
    description: str
    source: str
    seeds: int
    base: Mapping[str, Any]
    tables: tuple[Table, ...]
    finals: tuple[Table, ...]
    resources: Resources
    stages: tuple[Table, ...] = ()
    fresh_seeds: int = 1
    showing: Showing = Showing()
    overrides: Mapping[str, Any] = field(default_factory=dict)
    fraction: float = 1.0
    own: Components = field(default_factory=Components)
    search: Search | None = None
    places: Mapping[str, str] = field(default_factory=dict, compare=False, repr=False)
    modes: Mapping[str, str] = field(default_factory=dict)
    looks: tuple[int, ...] = ()
    metrics: Metrics | None = None
    requirements: tuple[str, ...] = ()
    trackers: tuple[Tracker, ...] = ()
    given: tuple[str, ...] = field(default=(), compare=False)

    def command(self, action: str, *options: str) -> str:
        """The command line that does something with this study, as it stands: for hints.

        Args:
            action: such as "run".
            options: flags, with their values as words of their own.
        """
        if not self.given:
            return _call(action, options)
        changes = [f"{name}={scalar_words(value)}" for name, value in self.overrides.items()]
        overrides = [word for change in changes for word in ("--set", change)]
        fraction = ["--fraction", f"{self.fraction:g}"] if self.fraction < 1 else []
        return shlex.join(["ablatune", action, *_without(self.given, options), *overrides, *fraction, *options])

    def mode_of(self, table: str, config: TrialConfig) -> str:
        """How a configuration of a table, stage, path or search is trained: "single" or "stacked"."""
        return STACKED if self.modes.get(table) == STACKED and can_be_stacked(config) else SINGLE

    def config(self, *layers: Mapping[str, Any]) -> TrialConfig:
        """Build the configuration of the base with layers over it; later layers win.

        A layer also wins over `--set`, which only changes the base.
        """
        merged: dict[str, Any] = {}
        for layer in (self.base, self.overrides, *layers):
            merged.update(layer)
        return self.own.configure(merged)


def _without(given: Sequence[str], options: Sequence[str]) -> list[str]:
    """Leave out the flags that options give anew, with their values."""
    words = list(given)
    for flag in (option for option in options if option.startswith("--") and option in words):
        at = words.index(flag)
        has_value = at + 1 < len(words) and not words[at + 1].startswith("--")
        del words[at : at + 1 + has_value]
    return words


def _call(action: str, options: Sequence[str]) -> str:
    """The call of `ablatune.Study` that a command line stands for; how many seeds there are is said to the study."""
    keywords, seeds = [], ""
    for option, following in zip(options, [*options[1:], "--"], strict=False):
        value = "True" if following.startswith("--") else following
        if option == "--seeds":
            seeds = f" with replicates={value}"
        elif option.startswith("--"):
            keywords.append(f"{option.removeprefix('--').replace('-', '_')}={value}")
    return f"{action}({', '.join(keywords)}){seeds}"
