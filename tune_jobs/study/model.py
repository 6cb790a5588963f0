"""A study: one YAML file that declares a base configuration, tables of levels, stages, and final configurations."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tune_jobs.study.resources import Resources
from tune_jobs.study.search import Search
from tune_jobs.trial.config import TrialConfig
from tune_jobs.user_code.components import Components

READS = {"last": "the last epoch", "best": "the epoch with the best validation metric"}
TRAIN_METRICS = {"evaluation": "measured after the epoch", "running": "the running mean of the epoch"}
# What a replicate moves beside its seed: the fields that become its own number.
SPLITS: Mapping[str, tuple[str, ...]] = {
    "fixed": (),
    "validation": ("split_seed",),
    "outer": ("outer_split", "split_seed"),
}
# How far the grid of decisions reaches, in standard deviations of the inputs; see `models.engine.grid_points`.
GRID_REACH = 2.5
MOST_REPLICATES = 10_000
SELECTS = {"metric": "validation_metric", "loss": "validation_loss"}
# The table of a final configuration that has no name of its own.
FINAL = "final"
# The steps that the stages of a study took: with the seeds that chose them, and estimated again with fresh ones.
PATH, FRESH_PATH = "path", "path_fresh"
# What follows a search: its stopped trials let finish, its best compared, the steps to the winner as they were tried,
# as they were estimated, taken back one by one, and pairs of factors crossed.
AUDIT, CONFIRM, TRIED, STEPS, BACK, PAIRS = (
    "search_audit",
    "search_confirm",
    "search_tried",
    "search_steps",
    "search_back",
    "search_pairs",
)
SEARCH_TABLES = ("search", AUDIT, CONFIRM, TRIED, STEPS, BACK, PAIRS)


@dataclass(frozen=True)
class Level:
    """One row of a table: a label for each factor, and the fields that it sets.

    `base` are fields of the row's own base; `values` are the factors' own. `read` is the epoch that the row
    shows where that is not its table's.
    """

    labels: tuple[str, ...]
    values: Mapping[str, Any]
    base: Mapping[str, Any] = field(default_factory=dict)
    read: str | None = None


@dataclass(frozen=True)
class Showing:
    """How a table reads its trials and what it shows of them.

    Attributes:
        read: "last" or "best": the epoch that the table shows.
        train_metric: "evaluation" or "running".
        splits: one of `SPLITS`: what each replicate moves beside its seed.
        figures: names in `tune_jobs.study.figures.FIGURES`.
        epochs_until: the validation metric whose first epoch is a column; None for no such column.
        select: "metric" or "loss": what a configuration is chosen by.
        seeds: the table's own number of replicates, where it has more than the rest of the study.
    """

    read: str = "last"
    train_metric: str = "evaluation"
    splits: str = "fixed"
    figures: tuple[str, ...] = ("curves",)
    epochs_until: float | None = None
    select: str = "metric"
    seeds: int = 1


@dataclass(frozen=True)
class Table:
    """A factor, or several crossed, and the levels whose trials make up the rows.

    Attributes:
        headings: what stands above the columns of the levels, one for each factor.
        base: what the table overrides of the study's base.
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
        stages: tables of which each starts from the best of the one before.
        fresh_seeds: replicates, with seeds that chose nothing, that estimate what the stages gained.
        finals: the configurations that the study settles on, each a table of one level.
        showing: how tables read their trials unless they say otherwise.
        overrides: what `--set` changed of the base.
        fraction: the share of their epochs that rows are read at: 1, or less for a quick look.
        own: the user's own networks, data, … that the study names.
        search: the joint search, if it declares one.
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

    def config(self, *layers: Mapping[str, Any]) -> TrialConfig:
        """Return the configuration of the base with layers over it, later ones winning.

        What `--set` overrides of the base gives way to a layer that sets the field itself.
        """
        merged: dict[str, Any] = {}
        for layer in (self.base, self.overrides, *layers):
            merged.update(layer)
        return self.own.configure(merged)
