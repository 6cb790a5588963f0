"""`ledger import` and `Study.import_results`: results from elsewhere become trials of a study."""

import shlex
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from tune_jobs.errors import UserError, cut
from tune_jobs.trial.fields import plain_words
from tune_jobs.words import counted

if TYPE_CHECKING:
    from tune_jobs.existing.results import Results
    from tune_jobs.existing.study_columns import Said, StudyColumns
    from tune_jobs.ledger.record import Record
    from tune_jobs.standing.standing import Standing
    from tune_jobs.study.model import Study
    from tune_jobs.training.run_options import TrainingOptions
    from tune_jobs.training.settings import Settings

# A file of the ledger holds so many trials.
_BATCH = 500


@dataclass(frozen=True)
class Imported:
    """What was imported; printed, it says so.

    Attributes:
        trials: how many the ledger has got.
        known: how many it had from the same results.
        left: each run that was not imported, in words, and why.
        lines: all that is to be said.
    """

    trials: int
    known: int
    left: Sequence[tuple[str, str]] = field(repr=False)
    lines: Sequence[str] = field(repr=False)

    def __str__(self) -> str:
        return "\n".join(self.lines)


def import_results(
    study: "Study", results: "Results", said: "Said", settings: "Settings[TrainingOptions]", *, dry_run: bool = False
) -> Imported:
    """Write the trials of a study that results hold into its ledger.

    What a stage chooses by what was imported makes further rows known, which may be in the results too.

    Args:
        study: with its overrides.
        results: as they were read.
        said: of their columns, by the user.
        settings: where the ledger is, and how many seeds stages choose by.
        dry_run: whether to write nothing.

    Raises:
        UserError: the study has no training function, its columns cannot be matched, or no run is a trial of it.
    """
    from tune_jobs.existing.known_records import settle
    from tune_jobs.existing.searched_runs import default_row, keys_of, point_rows, with_seed, write_drawn
    from tune_jobs.existing.study_columns import study_columns
    from tune_jobs.existing.study_records import Belonging, study_records
    from tune_jobs.ledger.ledger import Ledger
    from tune_jobs.standing.fingerprints import data_fingerprints
    from tune_jobs.standing.standing import stand
    from tune_jobs.storage.storage import Storage

    if study.metrics is None:
        raise UserError(
            f"{study.source}: has no training function; `ablatune tables` reports results as they are, or write a "
            "study with trainer: MODULE:FUNCTION and metrics"
        )
    metrics, seeds, storage = study.metrics, range(settings.seeds), Storage.at(settings.storage)
    fingerprints = data_fingerprints(study, seeds, settings.data_dir, download=False)
    ledger = Ledger.find(storage)
    if study.search is not None and not said.seed:
        results = with_seed(results)
    command = shlex.join(["ablatune", "ledger", "import", results.place, *(study.given or (study.name,))])
    written, drawn = set[str](), 0
    while True:
        standing = stand(study, ledger, seeds, fingerprints)
        rows = [row for row in standing.rows if row.config is not None]
        columns = study_columns(results, study, metrics, [*rows, *default_row(study)], said)
        points = point_rows(study, columns)
        found = study_records(columns, Belonging(study.name, metrics, [*rows, *points], fingerprints, command))
        fresh, refused = settle(found, ledger.read(keys=set(found.records)).records if ledger is not None else {})
        if not found.records:
            raise UserError(f"{results.place}: no run is a trial of {study.name}: {_reasons(found.left)}")
        if dry_run:
            break
        ledger = Ledger.open(storage, create=True)
        # Records first: what the journal names and no ledger has would be trained.
        for first in range(0, len(fresh), _BATCH):
            ledger.write(*fresh[first : first + _BATCH])
        written |= {record.key for record in fresh}
        drawn += (new_draws := write_drawn(standing, storage, points, found.records))
        if not fresh and not new_draws:
            break
    new, left = written | {record.key for record in fresh}, [*found.left, *refused]
    kept = len(found.records) - len(refused) - len(new)
    done = f"{'would import' if dry_run else 'imported'}: {counted(len(new), 'trial')}"
    lines = [
        *_column_lines(columns, results),
        *(f"assumed: {remark}" for remark in found.remarks),
        done + (f"; {kept:,} in the ledger already" if kept else ""),
        *_left_lines(left),
        *([f"the search goes on from {counted(drawn, 'imported trial')}"] if drawn else []),
        *_next_lines(standing, found.records, new, keys_of(points, standing)),
    ]
    return Imported(len(new), kept, left, lines)


def _column_lines(found: "StudyColumns", results: "Results") -> list[str]:
    """Say which column was taken as what."""
    columns = found.columns
    by_name = {name.removeprefix("trainer."): column for name, column in found.fields.items()}
    by_name |= {"seed": columns.seeds[0], **found.metrics}
    by_name |= {"epoch": columns.epoch, "time": columns.seconds, "run": columns.run, "status": columns.status}
    words = [name if name == column else f"{name} = {column}" for name, column in by_name.items() if column]
    assumed = ", ".join(f"{name} = {plain_words(value)}" for name, value in found.assumed.items())
    return [
        f"columns: {', '.join(words)}",
        *([f"assumed: what no column says is as in the study: {assumed}"] if assumed else []),
        *([f"columns not used: {', '.join(found.unused)}"] if found.unused else []),
        *results.remarks,
    ]


def _left_lines(left: Sequence[tuple[str, str]]) -> list[str]:
    if not left:
        return []
    return [
        f"not imported: {counted(len(left), 'run')}: {_reasons(left)}",
        *(f"  {name}: {why}" for name, why in left),
    ]


def _reasons(left: Sequence[tuple[str, str]]) -> str:
    counts = Counter(why for _, why in left)
    return "; ".join(f"{count:,} × {why}" for why, count in sorted(counts.items()))


def _next_lines(
    standing: "Standing", records: "Mapping[str, Record]", new: Collection[str], searched: Collection[str]
) -> list[str]:
    """Say what a run would train, and which seeds it would not read; a search reads all that are its own."""
    missing = [trial for trial in standing.missing() if trial.key not in new]
    read = {*searched, *(trial.key for trial in standing.trials)}
    beyond = [record.seed for key, record in records.items() if key not in read]
    lines = []
    if beyond:
        more = standing.study.command("run", "--seeds", str(max(beyond) + 1))
        lines.append(
            f"{counted(len(beyond), 'trial')} of seeds that {standing.study.name} does not read with "
            f"{counted(len(standing.seeds), 'seed')}; `{more}` does"
        )
    if missing:
        lines.append(f"missing: {counted(len(missing), 'trial')}; `{standing.study.command('run')}` trains no others")
    return lines


def columns_from(text: str) -> Mapping[str, str]:
    """Read "learning_rate=lr,width=w".

    Raises:
        UserError: a part is not of this form.
    """
    found = {}
    for part in text.split(",") if text else ():
        name, equals, column = part.partition("=")
        if not equals or not name.strip() or not column.strip():
            raise UserError(f"--columns {cut(text)}: give NAME=COLUMN, such as --columns learning_rate=lr,width=units")
        found[name.strip()] = column.strip()
    return found


def results_from(results: object, experiment: str = "") -> "Results":
    """Read results from a place, or take a pandas frame as they are.

    Raises:
        UserError: they cannot be read.
    """
    from tune_jobs.existing.reading import read_results
    from tune_jobs.existing.tabular import results_of
    from tune_jobs.study.python_document import path_text

    if isinstance(results, str | Path):
        return read_results(path_text("the results", results), experiment=experiment)
    import pandas as pd

    if not isinstance(results, pd.DataFrame):
        raise UserError(f"the results: {cut(repr(results))} is neither a place nor a pandas frame; give one of them")
    return results_of("frame", "a pandas frame", results)
