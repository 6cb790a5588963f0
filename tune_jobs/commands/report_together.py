"""Several studies' report on one page."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from tune_jobs.commands.interface import Study
from tune_jobs.commands.report import report_name
from tune_jobs.errors import UserError
from tune_jobs.files import cut_name
from tune_jobs.study.python_document import path_text

if TYPE_CHECKING:
    from analysis.report.studies.page import StudiesReport
    from tune_jobs.study.model import Study as Definition


def report_together(studies: Sequence[Study], folder: str | Path | None = None) -> "StudiesReport":
    """Write several studies' report on one page: what each found, and the rows that they share beside each other.

    Args:
        studies: two or more.
        folder: where to; report/A+B unless told.

    Raises:
        UserError: fewer than two studies, one of them twice, the ledger has none of one's trials, or the folder cannot
            be written.
    """
    from analysis.report.studies.page import write_studies_report

    if len(studies) < 2:
        raise UserError("a report of several studies: give two or more")
    refuse_repeats([study.definition for study in studies], "a report of several studies")
    given = None if folder is None else Path(path_text("folder", folder))
    standings = [study.standing() for study in studies]
    names = [report_name(standing.study.name, standing.variant) for standing in standings]
    return write_studies_report(standings, given or Path("report") / cut_name("+".join(names)))


def refuse_repeats(definitions: Sequence["Definition"], where: str) -> None:
    """Refuse a study that is named twice, whatever the path.

    Args:
        definitions: of the studies, in the order in which they were named.
        where: they are shown together, for the message.

    Raises:
        UserError: there is one.
    """
    seen: dict[object, str] = {}
    for one in definitions:
        words, source = next(iter(one.given), one.name), Path(one.source)
        # Two studies made in Python may have no file, and one name.
        what = (source.resolve() if source.is_file() else id(one), repr(one.overrides), one.fraction)
        if what in seen:
            again = words if words == seen[what] else f"{words} is {seen[what]}, which"
            raise UserError(f"{where}: {again} is named twice; name each study once")
        seen[what] = words
