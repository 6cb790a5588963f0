"""A study: one YAML file that declares a base configuration, tables of levels, stages, and final configurations."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from importlib.resources import files
from pathlib import Path
from typing import Any

from models import grid
from tune_jobs.errors import ConfigError, UserError, unknown
from tune_jobs.study.search import Search
from tune_jobs.study.yaml_node import read_yaml
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
FIGURES = {
    "curves": "the validation metric and the train loss over the epochs",
    "losses": "the train and the validation loss over the epochs",
    "decision_boundary": "what is predicted where, for two-dimensional inputs",
    "calibration": "how often predicted intervals hold what they should",
    "uncertainty": "predicted standard deviations against each input",
}
# How far the grid of decisions reaches, in standard deviations of the inputs.
GRID_REACH = grid.GRID_REACH
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
        figures: names in `FIGURES`.
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
class Resources:
    """What one trial is given, and how long it may take (None: as long as it needs).

    Attributes:
        checkpoint_minutes: between two snapshots of a trial, from which it goes on should its worker be lost.
    """

    cpus_per_trial: float = 1.0
    gpus_per_trial: float = 0.0
    time_limit_minutes: float | None = None
    checkpoint_minutes: float = 1.0


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


def shipped_studies() -> dict[str, Path]:
    """Return name to file of the studies that come with the project."""
    folder = Path(str(files("tune_jobs.study.shipped")))
    return {path.stem: path for path in sorted(folder.glob("*.yaml"))}


def load_study(
    name_or_path: str,
    overrides: Mapping[str, Any] | None = None,
    fraction: float = 1.0,
    data_dir: Path | None = None,
) -> Study:
    """Read and check a shipped study by its name, or any study by its file.

    Args:
        name_or_path: of the study.
        overrides: fields of the base, as `--set` gives them.
        fraction: the share of their epochs that rows are read at.
        data_dir: where files of declared datasets are looked for after the study's own folder.

    Raises:
        UserError: there is no such study, or something in it is not as it must be; the message names the
            file, the line and the rule.
    """
    shipped = shipped_studies()
    if name_or_path in shipped:
        path = shipped[name_or_path]
    elif name_or_path.endswith((".yaml", ".yml")) or Path(name_or_path).is_file():
        path = Path(name_or_path)
    else:
        raise UserError(f"{unknown('study', name_or_path, shipped)}; or give the path of a study file (.yaml)")
    # Imported here: the parser needs what is defined above.
    from tune_jobs.study.parser import parse_study

    return parse_study(read_yaml(path), name=path.stem, overrides=overrides or {}, fraction=fraction, data_dir=data_dir)


_LEAST = 1e-4


def check_resources(resources: Resources) -> Resources:
    """Return the resources if a trial can be given them.

    Raises:
        ConfigError: no CPU, a negative or fractional number of several GPUs, no time, or none between checkpoints.
    """
    cpus, gpus, limit = resources.cpus_per_trial, resources.gpus_per_trial, resources.time_limit_minutes
    if not cpus > 0:
        raise ConfigError("cpus_per_trial", f"{cpus:g} is not above 0; every trial needs some CPU")
    for name, amount in (("cpus_per_trial", cpus), ("gpus_per_trial", gpus)):
        if 0 < amount < _LEAST:
            raise ConfigError(name, f"{amount:g} is less than {_LEAST:g}, the least that Ray can count")
    if gpus < 0 or (gpus > 1 and gpus != int(gpus)):
        raise ConfigError("gpus_per_trial", f"{gpus:g} is neither between 0 and 1 nor a whole number")
    if limit is not None and not limit > 0:
        raise ConfigError("time_limit_minutes", f"{limit:g} is not above 0 minutes")
    if not resources.checkpoint_minutes > 0:
        raise ConfigError("checkpoint_minutes", f"{resources.checkpoint_minutes:g} is not above 0 minutes")
    return resources


def requested_resources(declared: Resources, **requested: float | None) -> Resources:
    """Return the study's resources with what the command line asks for over them.

    Raises:
        UserError: a trial cannot be given them.
    """
    values = {name: value for name, value in requested.items() if value is not None}
    try:
        return check_resources(replace(declared, **values))
    except ConfigError as error:
        flag = {"time_limit_minutes": "time-limit"}.get(error.field, error.field.replace("_", "-"))
        raise UserError(f"--{flag}: {error.problem}") from error
