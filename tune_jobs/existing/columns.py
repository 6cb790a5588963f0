"""What each column of the results is: settings, seeds, what was measured, epochs, times, and how runs ended."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from tune_jobs.errors import UserError, cut, unknown
from tune_jobs.existing import names
from tune_jobs.existing.guessed_columns import (
    ByFormat,
    Picker,
    counted_replicates,
    counts_up,
    is_text,
    labels_of_configurations,
    metric_columns,
    names_runs,
    seed_columns,
    setting_columns,
)
from tune_jobs.existing.results import Results


@dataclass(frozen=True, kw_only=True)
class Told:
    """What the user says of the results; all that is empty is found by looking.

    Attributes:
        metric: the column that tables compare.
        goal: "max" or "min".
        factors: the settings to make tables of, in order.
        seeds: the columns that tell replicates apart.
        default: the level of each factor in the default row.
        epoch: the column that counts epochs.
        seconds: the column of times.
        read: "last" or "best" epoch.
    """

    metric: str = ""
    goal: str = ""
    factors: tuple[str, ...] = ()
    seeds: tuple[str, ...] = ()
    default: Mapping[str, Any] = field(default_factory=dict)
    epoch: str = ""
    seconds: str = ""
    read: str = "last"


@dataclass(frozen=True, eq=False)
class Columns:
    """The columns of a frame by what they are; names are without the prefixes of trackers.

    Attributes:
        frame: with these names.
        settings: what was configured, in alphabetical order.
        seeds: what tells replicates apart.
        metrics: what was measured.
        run: "" where no column names the runs; so for `epoch`, `seconds` and `status`.
        unused: why a column is none of these, by name.
    """

    frame: pd.DataFrame
    settings: tuple[str, ...]
    seeds: tuple[str, ...]
    metrics: tuple[str, ...]
    run: str
    epoch: str
    seconds: str
    status: str
    unused: Mapping[str, str]


def find_columns(results: Results, told: Told) -> Columns:
    """Say what each column is: first as the user says, then as the format says, then by names, then by values.

    Raises:
        UserError: the user names a column that there is not, or one for two things.
    """
    renamed = _plain_names(results.frame)
    frame = results.frame.rename(columns=renamed)
    by_format = ByFormat(
        None if results.settings is None else {renamed[name] for name in results.settings},
        None if results.metrics is None else {renamed[name] for name in results.metrics},
    )
    if by_format.settings is None:
        by_format = _by_prefix(results.frame, renamed)
    there = {name: named_column(results.place, frame, renamed, name) for name in _named(told)}
    pick = Picker(frame, {there[name] for name in _named(told)})
    epoch = there.get(told.epoch) or renamed.get(results.epoch) or pick.first(names.EPOCH_NAMES, counts_up)
    seconds = there.get(told.seconds) or renamed.get(results.seconds) or pick.time()
    status = renamed.get(results.status) or pick.first(names.STATUS_NAMES, is_text)
    run = renamed.get(results.run) or pick.first(names.RUN_NAMES, lambda column: names_runs(column, frame, epoch))
    roles = {name for name in (epoch, seconds, status, run) if name}
    seeds = tuple(there[name] for name in told.seeds) or seed_columns(frame, roles, by_format)
    taken = roles | set(seeds) | {there[told.metric] if told.metric else ""}
    unused: dict[str, str] = {}
    metrics = metric_columns(frame, taken - {there.get(told.metric, "")}, by_format)
    metrics = list(dict.fromkeys([*([there[told.metric]] if told.metric else []), *metrics]))
    told_factors = {there[name] for name in (*told.factors, *told.default)}
    settings = setting_columns(frame, taken | set(metrics), by_format, unused) | told_factors
    if not seeds:
        seeds = counted_replicates(frame, settings - told_factors, epoch, by_format)
        settings -= set(seeds)
    settings -= labels_of_configurations(frame, settings, told_factors, by_format, unused)
    return Columns(
        frame,
        tuple(sorted(settings, key=str.casefold)),
        seeds,
        tuple(name for name in metrics if name not in settings),
        run,
        epoch,
        seconds,
        status,
        unused,
    )


def named_column(place: str, frame: pd.DataFrame, renamed: Mapping[str, str], name: str) -> str:
    """The column that a user means, by its full name or by its name without a prefix.

    Raises:
        UserError: there is none.
    """
    if name in frame:
        return name
    if name in renamed:
        return renamed[name]
    raise UserError(f"{place}: {cut(unknown('column', name, map(str, frame.columns)), 400)}")


def _plain_names(frame: pd.DataFrame) -> dict[str, str]:
    """Each column's name without its prefix, or with it where two columns would have one name."""
    plain = {str(name): names.plain_name(str(name)) for name in frame.columns}
    counts = pd.Series(list(plain.values())).value_counts()
    return {name: short if counts[short] == 1 else name for name, short in plain.items()}


def _by_prefix(frame: pd.DataFrame, renamed: Mapping[str, str]) -> ByFormat:
    there = [str(name) for name in frame.columns]
    settings = {renamed[name] for name in there if name.startswith(names.SETTING_PREFIXES)}
    metrics = {renamed[name] for name in there if name.startswith(names.METRIC_PREFIXES)}
    return ByFormat(settings or None, metrics or None)


def _named(told: Told) -> list[str]:
    given = (told.metric, *told.factors, *told.seeds, *told.default, told.epoch, told.seconds)
    return list(dict.fromkeys(name for name in given if name))
