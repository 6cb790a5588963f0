"""A study's report: where it is written, what the ledger notes of it, and which trackers it is sent to."""

import functools
import sys
from collections.abc import Sequence
from pathlib import Path

from tune_jobs.commands.returned import Drawing, Report
from tune_jobs.files import cut_name
from tune_jobs.ledger.looks import write_report_look
from tune_jobs.ledger.runs import variant_id
from tune_jobs.standing.standing import Standing
from tune_jobs.study.trackers import Tracker


def report_study(
    standing: Standing, folder: Path | None, *, style: str, siunitx: bool, trackers: Sequence[Tracker]
) -> Report:
    """Write a study's report and return it.

    Args:
        standing: of the study.
        folder: where to; report/STUDY by default.
        style: of the tables for LaTeX.
        siunitx: whether siunitx aligns their numbers.
        trackers: to send it to.

    Raises:
        UserError: the ledger has none of the study's trials, or the folder cannot be written.
    """
    from analysis.report.report import write_report

    study = standing.study
    place = folder or Path("report") / report_name(study.name, standing.variant)
    written = write_report(standing, place, style=style, siunitx=siunitx)
    variant = variant_id(study.overrides, study.fraction)
    write_report_look(standing.existing_ledger.storage, study.name, variant, len(standing.seeds))
    if trackers:
        from tune_jobs.trackers.tracking import send_report

        send_report(trackers, study.name, written.folder, functools.partial(print, file=sys.stderr))
    return Report(
        written.html,
        written.frames,
        {name: Drawing(figure, caption) for name, (figure, caption) in written.drawn.items()},
        written.published,
        written.missing,
        written.replicates,
        written.findings,
    )


def report_name(study: str, variant: str) -> str:
    """Return the name of a report's folder: of the study, and of the variant if it is one."""
    return cut_name(f"{study}@{variant.replace(', ', ',').replace('/', '-')}") if variant else study
