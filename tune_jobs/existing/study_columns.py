"""Which column of results is which field, seed and metric of a study that has a training function."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from tune_jobs.errors import UserError, cut, unknown
from tune_jobs.existing import names
from tune_jobs.existing.as_study import metric_column
from tune_jobs.existing.columns import Columns, Told, find_columns
from tune_jobs.existing.guessed_columns import whole_numbers
from tune_jobs.existing.results import Results
from tune_jobs.study.model import Study
from tune_jobs.study.rows import Row
from tune_jobs.trial.config import TrialConfig
from tune_jobs.trial.key import counts_epochs, is_code
from tune_jobs.trial.metrics import Metrics

SPLIT_SEED = "split_seed"
_TOTAL = "epochs"


@dataclass(frozen=True, kw_only=True)
class Said:
    """What the user says of results that belong to a study; all that is empty is found by looking.

    Attributes:
        columns: the column of a field or of a metric, by its name in the study.
        seed: the column of seeds.
        epoch: the column that counts epochs.
        seconds: the column of times.
        ignored: columns that vary and made no difference.
    """

    columns: Mapping[str, str] = field(default_factory=dict)
    seed: str = ""
    epoch: str = ""
    seconds: str = ""
    ignored: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class StudyColumns:
    """The columns of results by what they are in a study.

    Attributes:
        columns: of the frame; its metrics are those that the study declares, its seeds are one column.
        fields: the column of each field that has one, by the field's name in `told`.
        metrics: the column of each declared metric.
        assumed: what the study sets in all its rows and no column says, by its name in the study.
        unused: the columns that are none of these, each with what is known of it.
    """

    columns: Columns
    fields: Mapping[str, str]
    metrics: Mapping[str, str]
    assumed: Mapping[str, Any]
    unused: tuple[str, ...]


def told(config: TrialConfig) -> dict[str, Any]:
    """What a training function is told beside its seed, as far as results may say it."""
    built_in = ("trainer", SPLIT_SEED, "threads", *((_TOTAL,) if counts_epochs(config) else ()))
    own = {name: value for name, value in config.own.items() if not is_code(name)}
    return {**{name: getattr(config, name) for name in built_in}, **own}


def study_columns(results: Results, study: Study, metrics: Metrics, rows: Sequence[Row], said: Said) -> StudyColumns:
    """Match the columns of results with the fields, the seed and the metrics of a study.

    Args:
        results: as they were read.
        study: that they belong to.
        metrics: that it declares.
        rows: of the study, as far as they are known.
        said: by the user.

    Raises:
        UserError: a field that the study varies, a metric or the seed has no column; or a column varies that the study
            knows nothing of.
    """
    values: dict[str, set[str]] = {}
    shown: dict[str, Any] = {}
    for row in rows:
        for name, value in told(row.config).items() if row.config is not None else ():
            values.setdefault(name, set()).add(repr(value))
            shown[name] = value
    asked = _Asked(results, study, said)
    fields = {name: column for name in values if (column := asked.field(name))}
    for name, different in values.items():
        if name not in fields and len(different) > 1:
            raise UserError(
                f"{results.place}: no column says {study.own.canonical(name)}, which {study.name} varies; add it, or "
                f"say which is meant with --columns {study.own.canonical(name)}=COLUMN"
            )
    of_metrics = {name: asked.metric(name) for name in metrics.names}
    asked.check()
    columns = _columns(results, said, list(fields.values()), of_metrics[metrics.compared], set(of_metrics.values()))
    short = {full: _short(columns, full) for full in (*fields.values(), *of_metrics.values())}
    used = set(short.values())
    settings = tuple(name for name in columns.settings if name not in {short[one] for one in of_metrics.values()})
    columns = replace(columns, settings=settings, metrics=tuple(short[one] for one in of_metrics.values()))
    _refuse_varied(results, study, columns, used, {_short(columns, _named(results, name)) for name in said.ignored})
    return StudyColumns(
        columns,
        {name: short[column] for name, column in fields.items()},
        {name: short[column] for name, column in of_metrics.items()},
        {study.own.canonical(name): shown[name] for name in values if name not in (*fields, "trainer", "threads")},
        tuple(_unused(columns, used)),
    )


class _Asked:
    """Finds the column of a name of the study: as the user says, else by its name."""

    def __init__(self, results: Results, study: Study, said: Said) -> None:
        self._results = results
        self._study = study
        self._said = said.columns
        self._ignored = {_named(results, name) for name in said.ignored}
        self._asked: set[str] = set()

    def field(self, name: str) -> str:
        """The column of a field; "" if there is none."""
        wanted = (self._study.own.canonical(name), name, name.removeprefix("trainer."))
        self._asked |= set(wanted)
        told = next((self._said[one] for one in wanted if one in self._said), None)
        if told is not None:
            return _named(self._results, told)
        settings = set(self._results.settings or ())
        found = [
            column
            for column in self._columns(names.METRIC_PREFIXES)
            if _plain(column) in {re.sub(r"\W+", "_", one) for one in wanted}
        ]
        return _first(found, lambda column: column in settings or column.startswith(names.SETTING_PREFIXES))

    def metric(self, name: str) -> str:
        """The column of a metric.

        Raises:
            UserError: there is none.
        """
        self._asked.add(name)
        if name in self._said:
            return _named(self._results, self._said[name])
        measured = set(self._results.metrics or ())
        found = [
            column
            for column in self._columns(names.SETTING_PREFIXES)
            if metric_column(names.plain_name(column)) == name and column not in (self._results.settings or ())
        ]
        if not found:
            raise UserError(
                f"{self._results.place}: no column is the metric {name}, which {self._study.name} declares; say which "
                f"is meant with --columns {name}=COLUMN (there are {cut(', '.join(self._columns(())), 300)})"
            )
        return _first(found, lambda column: column in measured or column.startswith(names.METRIC_PREFIXES))

    def check(self) -> None:
        """Raise for a name that the user gives a column and that the study does not have."""
        for name in self._said:
            if name not in self._asked:
                raise UserError(f"--columns {name}: {unknown('field or metric', name, self._asked)}")

    def _columns(self, without: tuple[str, ...]) -> list[str]:
        free = [str(name) for name in self._results.frame.columns if str(name) not in self._ignored]
        return [name for name in free if not name.startswith(without)]


def _columns(results: Results, said: Said, fields: Sequence[str], compared: str, metrics: set[str]) -> Columns:
    """Say what each column is, with the seeds in one and the epochs in the one that names them, if there is any."""
    base = Told(metric=compared, factors=tuple(fields), epoch=said.epoch, seconds=said.seconds)
    free = [str(name) for name in results.frame.columns if str(name) not in {*fields, *metrics}]
    seeds = [said.seed] if said.seed else [name for name in free if names.words_of(_last(name)) == ("seed",)]
    if not seeds:
        seeds = [name for name in find_columns(results, base).seeds if name not in fields]
    if len(seeds) != 1:
        those = f"{' and '.join(seeds)} could be the seed" if seeds else "no column is named seed"
        raise UserError(f"{results.place}: {those}; say which is with --seed-column COLUMN")
    given = replace(base, seeds=(seeds[0],))
    found = find_columns(results, given)
    if found.epoch:
        return found
    # A column with one value is not looked at as epochs are, and a total says which epoch was the last.
    by_words = {"_".join(names.words_of(names.plain_name(name))): name for name in reversed(free)}
    counted = [by_words[name] for name in (*names.EPOCH_NAMES, _TOTAL) if name in by_words]
    counted = [name for name in counted if whole_numbers(results.frame[name])]
    return find_columns(results, replace(given, epoch=counted[0])) if counted else found


def _refuse_varied(results: Results, study: Study, columns: Columns, used: set[str], ignored: set[str]) -> None:
    """Raise for a setting that varies and that the study knows nothing of."""
    roles = {columns.run, columns.epoch, columns.seconds, columns.status, *columns.seeds, *used, *ignored}
    like_seeds = [str(name) for name in columns.frame.columns if names.is_seed(str(name))]
    for name in dict.fromkeys((*columns.settings, *like_seeds)):
        if name not in roles and columns.frame[name].nunique(dropna=False) > 1:
            raise UserError(
                f"{results.place}: {name} varies, and {study.name} has no such field; make it a parameter of the "
                f"training function, say which field it is with --columns FIELD={name}, or give --ignore {name} if it "
                "makes no difference"
            )


def _unused(columns: Columns, used: set[str]) -> Iterable[str]:
    roles = {columns.run, columns.epoch, columns.seconds, columns.status, *columns.seeds, *used}
    for name in sorted(map(str, columns.frame.columns), key=str.casefold):
        if name not in roles and not names.is_own(name):
            values = columns.frame[name].unique()
            yield f"{name} ({values[0]} in all lines)" if len(values) == 1 else name


def _first(found: Sequence[str], likely: Any) -> str:
    """The likely one of several columns; the first of equals; "" of none."""
    return next((name for name in found if likely(name)), found[0] if found else "")


def _named(results: Results, name: str) -> str:
    """The full name of a column that the user names with or without its prefix.

    Raises:
        UserError: there is none.
    """
    full = [str(column) for column in results.frame.columns]
    if name in full:
        return name
    found = [column for column in full if names.plain_name(column) == name]
    if not found:
        raise UserError(f"{results.place}: {cut(unknown('column', name, full), 400)}")
    return found[0]


def _short(columns: Columns, full: str) -> str:
    """The name that a column has in `Columns`, whose names have no prefixes unless they need them."""
    return full if full in columns.frame else names.plain_name(full)


def _plain(column: str) -> str:
    return re.sub(r"\W+", "_", names.plain_name(column))


def _last(column: str) -> str:
    return names.plain_name(column).rpartition("/")[2].rpartition(".")[2]
