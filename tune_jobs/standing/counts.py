"""How much a study needs, and how much of it is missing, as `plan` and `run` print it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from models.version import STACKED
from tune_jobs.standing.search.words import search_in_words
from tune_jobs.standing.standing import Standing
from tune_jobs.standing.words import rows_in_words, stages_in_words
from tune_jobs.study.model import PATH, SEARCH_TABLES
from tune_jobs.study.rows import Row
from tune_jobs.trial.trial import Trial
from tune_jobs.words import counted


@dataclass(frozen=True)
class Counts:
    """What a study needs, and the trials of it that are missing. Printed, it says both."""

    standing: Standing
    missing: Sequence[Trial]

    def __str__(self) -> str:
        return "\n".join(self.lines())

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        printer.text(str(self))

    @property
    def readings(self) -> int:
        """Rows times replicates: the trials that tables run by hand would take."""
        return sum(len(self.standing.of(row)) for row in self._built)

    @property
    def epochs_by_hand(self) -> int:
        """The epochs of all rows and replicates if nothing were shared."""
        return sum(len(self.standing.of(row)) * row.epochs for row in self._built)

    @property
    def _shown(self) -> list[Row]:
        return [row for row in self.standing.rows if row.table not in (PATH, *SEARCH_TABLES)]

    @property
    def _built(self) -> list[Row]:
        return [row for row in self._shown if row.config is not None]

    def lines(self) -> list[str]:
        """Say in a few lines what a run would do."""
        study, trials = self.standing.study, self.standing.trials
        rows, keys = self._shown, {trial.key for trial in trials}
        missing = [trial for trial in self.missing if trial.key in keys]
        alone, done = len(self.missing) - len(missing), len(trials) - len(missing)
        quick = f" (a quick look: {study.fraction:.0%} of the epochs)" if study.fraction < 1 else ""
        if study.search is not None and not rows:
            lines = [f"{study.name}{quick}"]
            if trials:
                lines.append(f"after the search: {counted(done, 'trial')} done, {len(missing)} to run")
            return [*lines, *self._search_lines()]
        epochs_missing = sum(trial.epochs for trial in missing)
        lines = [
            f"{study.name}{quick}: {rows_in_words(rows, self.standing)} = "
            f"{counted(self.readings, 'table cell')}, filled by {counted(len(trials), 'training')}",
            f"epochs: {sum(trial.epochs for trial in trials):,}, instead of {self.epochs_by_hand:,} if no row shared a "
            "trial",
            f"in the ledger: {done}; to run: {len(missing)} ({counted(epochs_missing, 'epoch')})",
        ]
        stacked = sum(trial.mode == STACKED for trial in self.missing)
        if stacked:
            lines.append(f"of these, {stacked:,} train in stacks: small networks of one shape, several in one process")
        if alone:
            lines.append(f"to time levels by themselves: {counted(alone, 'trial')}")
        if len(self._built) < len(rows):
            lines.append(f"cells that cannot be built: {len(rows) - len(self._built)}")
        if study.stages:
            lines.append(stages_in_words(self.standing))
        return [*lines, *self._search_lines()]

    def _search_lines(self) -> list[str]:
        if self.standing.search is None or self.standing.follow_up is None:
            return []
        return search_in_words(self.standing.search, self.standing.follow_up)
