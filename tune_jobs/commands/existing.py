"""`ablatune tables` and `ablatune.tables`: the report of results that others trained."""

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tune_jobs.commands.returned import Drawing, Report
from tune_jobs.errors import redacted
from tune_jobs.study.python_document import path_text

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class ExistingReport(Report):
    """The report of results from elsewhere; printed, it says what was found.

    Attributes:
        found: the options that would say what was found by looking.
        lines: what was read, found and left out.
    """

    found: str = ""
    lines: Sequence[str] = field(repr=False, default=())

    def __str__(self) -> str:
        return "\n".join([*self.lines, f"report: {self.html}"])


def tables(
    results: "str | Path | pd.DataFrame",
    *,
    metric: str = "",
    goal: str = "",
    factors: str | Sequence[str] = (),
    seed_column: str | Sequence[str] = (),
    default: str | Mapping[str, Any] = "",
    epoch_column: str = "",
    time_column: str = "",
    read: str = "last",
    experiment: str = "",
    output: str | Path | None = None,
) -> ExistingReport:
    """Make the tables, statistics, figures and report of results that others trained.

    All that is not told is found by looking, and said in `found` of the report.

    Args:
        results: a file, a folder or a URI; or a pandas frame with a line for each run, or for each epoch of each run.
        metric: the column that tables compare.
        goal: "max" or "min", whichever is better.
        factors: the settings to make tables of.
        seed_column: the column that tells replicates apart, or several.
        default: the level of each factor in the default row.
        epoch_column: the column that counts epochs.
        time_column: the column of training times.
        read: "last" or "best" epoch.
        experiment: which Optuna study or MLflow experiment, where there are several.
        output: the report's folder; report/NAME unless told.

    Raises:
        UserError: the results cannot be read, or it cannot be told what is meant.
    """
    from analysis.report.existing import left_lines
    from analysis.report.report import write_existing_report
    from tune_jobs.existing.as_study import as_study, place_name
    from tune_jobs.existing.columns import Told
    from tune_jobs.existing.layout import lay_out
    from tune_jobs.existing.looking import as_options, check_told, look, parse_levels
    from tune_jobs.existing.reading import read_results
    from tune_jobs.existing.tabular import results_of

    told = Told(
        metric=metric,
        goal=goal,
        factors=_names(factors),
        seeds=_names(seed_column),
        default=parse_levels(default) if isinstance(default, str) and default else dict(default or {}),
        epoch=epoch_column,
        seconds=time_column,
        read=read,
    )
    check_told(told)
    if isinstance(results, str | Path):
        found = look(read_results(path_text("the results", results), experiment=experiment), told)
    else:
        found = look(results_of("frame", "a pandas frame", results), told)
    existing = as_study(lay_out(found))
    place = found.results.place
    folder = Path(path_text("output", output)) if output is not None else Path("report") / place_name(place)
    written = write_existing_report(existing, folder)
    options = as_options(found)
    counts = ", ".join(f"{table.title} ({len(table.levels)} levels)" for table in existing.study.tables)
    lines = [
        f"{found.results.form}: {len(found.runs):,} runs",
        f"found: ablatune tables {shlex.quote(redacted(place))} {options}",
        f"tables: {counts or 'none: nothing differs from the default by one factor, and nothing is crossed'}",
        *(f"not used: {name}, {why}" for name, why in sorted(found.columns.unused.items())),
        *found.results.remarks,
        *left_lines(existing),
    ]
    return ExistingReport(
        written.html,
        written.frames,
        {name: Drawing(figure, caption) for name, (figure, caption) in written.drawn.items()},
        missing=written.missing,
        replicates=written.replicates,
        found=options,
        lines=lines,
    )


def _names(given: str | Sequence[str]) -> tuple[str, ...]:
    parts = given.split(",") if isinstance(given, str) else given
    return tuple(part.strip() for part in parts if part.strip())
