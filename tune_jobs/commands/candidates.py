"""Which configurations a test set is opened for: those that a study declares, and those that validation chose."""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

from tune_jobs.errors import UserError
from tune_jobs.ledger.record import Record
from tune_jobs.standing.confirmed import is_confirming
from tune_jobs.standing.replicates import Replicate, RowReader
from tune_jobs.standing.search.follow_up import FIRST_ESTIMATING_SEED
from tune_jobs.standing.stages import selection_scores
from tune_jobs.standing.standing import Standing
from tune_jobs.study.model import FRESH_PATH, STEPS
from tune_jobs.study.rows import Row
from tune_jobs.trial.config import TrialConfig
from tune_jobs.trial.data import data_id, validation_rows
from tune_jobs.trial.trial import Trial

DECLARED, CHOSEN = "declared", "chosen"


@dataclass(frozen=True)
class Candidate:
    """A configuration to test.

    Attributes:
        final: the final configuration that it is, or that it was chosen against.
        roles: `DECLARED`, `CHOSEN` or both.
        row: whose replicates are tested.
        label: what the configuration is called.
        readings: of each replicate the trial, and the epoch whose network is tested.
    """

    final: str
    roles: tuple[str, ...]
    row: Row
    label: str
    readings: tuple[tuple[Trial, int], ...]


def find_candidates(standing: Standing) -> list[Candidate]:
    """Return the declared final configurations, each with the one that validation chose against it.

    With a search, its winner is what validation chose. Otherwise a final configuration competes with the rows on the
    same data with replicates of the same kind. In regression they also have the same loss, since a value and a
    distribution are different predictions; where losses are compared they have the same target transform, since a loss
    is on its scale.

    Raises:
        UserError: a replicate has no network to test: it diverged, failed or timed out.
    """
    return _Finder(standing).find()


class _Finder:
    def __init__(self, standing: Standing) -> None:
        self._standing = standing
        self._reader = RowReader(standing.ledger, standing.seeds, standing.fingerprints)

    def find(self) -> list[Candidate]:
        standing = self._standing
        finals = {table.name for table in standing.study.finals}
        declared = [row for row in standing.rows if row.table in finals]
        if standing.follow_up is not None:
            found = [self._candidate(row.table, (DECLARED,), row, "Final configuration") for row in declared]
            return [*found, self._winner()]
        found = []
        for final in declared:
            chosen = self._best([final, *self._rivals(final)], final.select)
            same = self._endings(chosen) == self._endings(final)
            roles = (DECLARED, CHOSEN) if same else (DECLARED,)
            found.append(self._candidate(final.table, roles, final, "Final configuration"))
            if not same:
                found.append(self._chosen(chosen, final, final.table))
        if not declared:
            for example in self._of_the_base():
                chosen = self._best(self._rivals(example), example.select)
                found.append(self._chosen(chosen, example, chosen.table))
        return found

    def _candidate(self, final: str, roles: tuple[str, ...], row: Row, label: str) -> Candidate:
        return Candidate(final, roles, row, label, tuple(self._readings(row)))

    def _chosen(self, chosen: Row, final: Row, name: str) -> Candidate:
        """Make the candidate of a row that validation chose, with the replicates of the final configuration."""
        row = dataclasses.replace(chosen, moves=final.moves, more=final.more, seeds=final.seeds, select=final.select)
        return self._candidate(name, (CHOSEN,), row, f"{chosen.table}, {', '.join(chosen.labels)}")

    def _winner(self) -> Candidate:
        """Make the candidate of the search's winner, with as many replicates as the study, of seeds that chose nothing.

        If the epoch that is tested depends on how a replicate went, only the replicates that were run are tested.
        """
        row = [row for row in self._standing.rows if row.table == STEPS][-1]
        fixed = row.read == "last" and row.config is not None and not row.config.early_stopping_patience
        count = len(self._standing.seeds) if fixed else len(row.seeds or ())
        seeds = tuple(range(FIRST_ESTIMATING_SEED, FIRST_ESTIMATING_SEED + count))
        return self._candidate(STEPS, (CHOSEN,), dataclasses.replace(row, seeds=seeds), "Winner of the search")

    def _of_the_base(self) -> list[Row]:
        """Return, for a study without a final configuration, a row whose rivals are all that resemble its base."""
        base = self._standing.study.config()
        return [row for row in self._standing.rows if row.config and row.config.dataset == base.dataset][:1]

    def _rivals(self, final: Row) -> list[Row]:
        rows = [row for row in self._standing.rows if row.table != FRESH_PATH and not is_confirming(row)]
        return [row for row in rows if _compete(row, final)]

    def _best(self, rows: Sequence[Row], select: str) -> Row:
        """Return the row with the best mean validation score, the first of equals; one that ended badly never wins."""
        records = self._reader.read(rows).records

        def mean(row: Row) -> float:
            scores = selection_scores(self._reader.replicates(row), records, select=select)
            return sum(scores) / len(scores) if scores else float("-inf")

        return max(rows, key=mean)

    def _endings(self, row: Row) -> list[tuple[str, int]]:
        return [(trial.key, epoch) for trial, epoch in self._readings(row)]

    def _readings(self, row: Row) -> list[tuple[Trial, int]]:
        """Return the trial of each replicate, and the epoch whose network is tested.

        Raises:
            UserError: a replicate has no such epoch: it diverged, failed or timed out.
        """
        records = self._reader.read([row]).records
        found = []
        for one in self._reader.replicates(row):
            record = records.get(one.key)
            epoch = _tested_epoch(one, record)
            if epoch is None:
                ended = record.reason if record is not None else "it was not run"
                raise UserError(
                    f"{row.table}, {', '.join(row.labels)}, seed {one.seed}: has no trained network to test ({ended}); "
                    "declare another final configuration"
                )
            found.append((one.trial, epoch))
        return found


def _tested_epoch(replicate: Replicate, record: Record | None) -> int | None:
    if record is not None:
        return replicate.reading(record).epoch
    row = replicate.row
    return row.epochs if row.read == "last" and not replicate.config.early_stopping_patience else None


def _compete(row: Row, final: Row) -> bool:
    if row.config is None or final.config is None or row.moves != final.moves:
        return False
    same_data = data_id(row.config) == data_id(final.config) and _held_out(row.config) == _held_out(final.config)
    regression = final.config.dataset_info.task == "regression"
    same_scale = final.select != "loss" or row.config.target_transform == final.config.target_transform
    return same_data and same_scale and (not regression or row.config.objective == final.config.objective)


def _held_out(config: TrialConfig) -> tuple[int, int, int]:
    return config.split_seed, validation_rows(config), config.folds
