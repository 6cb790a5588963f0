"""Which rows of several studies mean the same: the same configuration on the same data, read at the same epoch."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analysis.frames.collapse import one_class
from analysis.frames.evidence import Evidence
from analysis.report.differences import factor_names
from analysis.report.findings import views_of
from analysis.statistics.intervals import Estimate
from analysis.tables.comparing import COMPARED, FAIR
from analysis.tables.tables import Line, TableView
from tune_jobs.standing.replicates import Replicate
from tune_jobs.study.rows import Row
from tune_jobs.trial.config import TrialConfig
from tune_jobs.trial.data import data_id, data_slot
from tune_jobs.trial.key import trajectory

# What a replicate draws anew: two rows mean the same whatever their replicates drew.
_DRAWN = frozenset({"seed", "split_seed", "fold", "outer_split"})


@dataclass(frozen=True)
class Subject:
    """What numbers are about; those of different subjects cannot be compared.

    Attributes:
        data: in words.
        fingerprint: of the data.
    """

    data: str
    fingerprint: str
    metric: str
    unit: str

    @property
    def words(self) -> str:
        """The metric and the data: "Validation Accuracy (%) on digits"."""
        return f"{self.metric}{f' ({self.unit})' if self.unit else ''} on {self.data}"


@dataclass(frozen=True, eq=False)
class StudyRow:
    """A row of a study, as its report shows it."""

    view: TableView
    line: Line
    row: Row
    config: TrialConfig
    subject: Subject
    replicates: tuple[Replicate, ...]
    frame: pd.DataFrame
    factor: str

    @property
    def meaning(self) -> str:
        """Equal for rows that mean the same."""
        kept = {name: value for name, value in trajectory(self.config).items() if name not in _DRAWN}
        how = (self.row.read, self.row.epochs, self.config.early_stopping_patience)
        return repr((sorted(kept.items()), how))

    @property
    def label(self) -> str:
        """The row in words: "default", or its factor and level."""
        return "default" if self.line.is_default else f"{self.factor} {' × '.join(self.line.labels)}"

    @property
    def estimate(self) -> Estimate | None:
        """The mean of the metric that is compared; None where a replicate has no number."""
        return self.line.estimates.get(COMPARED)

    @property
    def keys(self) -> set[str]:
        """The keys of its trials."""
        return {one.key for one in self.replicates}

    @property
    def seeds(self) -> list[int]:
        """The seeds that have a number, in order."""
        return [int(seed) for seed in self._read.index]

    @property
    def values(self) -> NDArray[np.float64]:
        """The metric that is compared, in the order of the seeds."""
        return self._read[FAIR].to_numpy(dtype=np.float64)

    @property
    def collapsed(self) -> NDArray[np.bool_]:
        """Which of the values are of replicates that predict one class only."""
        return one_class(self._read).to_numpy()

    @property
    def slots(self) -> dict[int, str]:
        """The prepared data of each replicate, the split included, by seed."""
        return {one.seed: data_slot(one.config) for one in self.replicates}

    @property
    def _read(self) -> pd.DataFrame:
        return self.frame[self.frame["epoch"].notna()].set_index("seed").sort_index()


@dataclass(frozen=True, eq=False)
class StudyRows:
    """A study with its tables and the rows of them that have numbers."""

    evidence: Evidence
    views: Sequence[TableView]
    rows: Sequence[StudyRow]

    @property
    def name(self) -> str:
        """The study's name, with the variant if it is one."""
        variant = self.evidence.standing.variant
        return self.evidence.study.name + (f" ({variant})" if variant else "")

    @property
    def subjects(self) -> list[Subject]:
        """What its rows are about, in order."""
        return list(dict.fromkeys(row.subject for row in self.rows))

    def default_of(self, subject: Subject) -> StudyRow | None:
        """The default of its first table on a subject."""
        return next((row for row in self.rows if row.subject == subject and row.line.is_default), None)


def rows_of_study(evidence: Evidence) -> StudyRows:
    """Find the rows of a study's tables that have numbers."""
    views = views_of(evidence)
    names = factor_names(views)
    rows = [found for view in views for line in view.lines if (found := _row(evidence, view, line, names[view.name]))]
    return StudyRows(evidence, views, rows)


def shared_rows(studies: Sequence[StudyRows], subject: Subject) -> list[list[StudyRow | None]]:
    """The rows about a subject that mean the same in two studies or more: for each, that of every study, or None.

    A row that stands in several tables of a study, such as the default, counts once.
    """
    found: dict[str, list[StudyRow | None]] = {}
    for place, study in enumerate(studies):
        for row in study.rows:
            if row.subject == subject:
                beside = found.setdefault(row.meaning, [None] * len(studies))
                if beside[place] is None or row.line.is_default:
                    beside[place] = row
    several = [beside for beside in found.values() if sum(row is not None for row in beside) > 1]
    return sorted(several, key=lambda beside: not any(row is not None and row.line.is_default for row in beside))


def _row(evidence: Evidence, view: TableView, line: Line, factor: str) -> StudyRow | None:
    standing = evidence.standing
    row = standing.rows[line.position]
    if row.config is None or not line.run or COMPARED not in line.estimates:
        return None
    data = data_id(row.config)
    subject = Subject(data, standing.fingerprints.get(data, ""), view.compared_label, view.unit)
    frame = evidence.trials[evidence.trials["position"] == line.position]
    return StudyRow(view, line, row, row.config, subject, tuple(standing.replicates[line.position]), frame, factor)
