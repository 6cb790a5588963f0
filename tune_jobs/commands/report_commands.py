"""The commands that show results: their parsers, and what each calls."""

import argparse
from pathlib import Path
from typing import Any

from tune_jobs.commands.arguments import data_argument, json_argument, storage_argument, study_arguments, study_of
from tune_jobs.commands.flags_from_options import add_flags
from tune_jobs.commands.output import say
from tune_jobs.errors import UserError
from tune_jobs.training.run_options import TrackerOptions
from tune_jobs.words import counted


def report_parser(commands: Any) -> None:
    """Add `report`."""
    report = commands.add_parser("report", help="write a study's tables and figures, or several studies on one page")
    study_arguments(report)
    more = "further studies: all are put on one page, rows with the same configuration beside each other"
    report.add_argument("more", nargs="*", metavar="STUDY", help=more)
    report.add_argument("--output", type=Path, metavar="DIR", help="where to (default: report/STUDY[@VARIANT])")
    report.add_argument("--open", action="store_true", help="also open the page in a browser")
    styles = "of the tables for LaTeX: full, or paper for level, metric, difference and verdict (default: full)"
    report.add_argument("--style", choices=("full", "paper"), default="full", help=styles)
    aligned = "align the numbers of these tables with the LaTeX package siunitx (default: plain LaTeX)"
    report.add_argument("--siunitx", action="store_true", help=aligned)
    said = report.add_mutually_exclusive_group()
    json_argument(said)
    said.add_argument("--quiet", action="store_true", help="print nothing but warnings")
    said.add_argument("--terminal", action="store_true", help="print findings and tables here, and write no files")
    add_flags(report, TrackerOptions)
    report.set_defaults(command=_report)


def view_parser(commands: Any) -> None:
    """Add `view`."""
    view = commands.add_parser("view", help="a local page that shows studies as they run, with their reports")
    named = "names of shipped studies, or study files (default: those that the storage has)"
    view.add_argument("studies", nargs="*", metavar="STUDY", help=named)
    storage_argument(view)
    data_argument(view)
    view.add_argument("--port", type=int, default=0, metavar="N", help="of the page (default: any that is free)")
    view.add_argument("--no-browser", action="store_true", help="only print the address")
    view.set_defaults(command=_view)


def tables_parser(commands: Any) -> None:
    """Add `tables`."""
    tables = commands.add_parser("tables", help="the tables and figures of results that others trained")
    tables.add_argument(
        "place",
        metavar="RESULTS",
        help="a CSV, Parquet or JSON lines file, a Ray Tune experiment, an mlruns folder, or an Optuna storage",
    )
    tables.add_argument("--metric", default="", metavar="COLUMN", help="what the tables compare")
    tables.add_argument("--goal", default="", metavar="GOAL", help="max or min: which is better")
    tables.add_argument("--factors", default="", metavar="A,B", help="the settings to make tables of, in order")
    tables.add_argument("--seed-column", default="", metavar="A,B", help="the columns that tell replicates apart")
    tables.add_argument("--default", default="", metavar="A=1,B=2", help="the levels of the default row")
    tables.add_argument("--epoch-column", default="", metavar="COLUMN", help="what counts the epochs")
    tables.add_argument("--time-column", default="", metavar="COLUMN", help="the training time")
    tables.add_argument("--read", default="last", metavar="EPOCH", help="last or best epoch (default: last)")
    tables.add_argument("--experiment", default="", metavar="NAME", help="which study of Optuna, or MLflow experiment")
    tables.add_argument("--output", type=Path, metavar="DIR", help="where to (default: report/NAME)")
    tables.set_defaults(command=_tables)


def _report(options: argparse.Namespace) -> int:
    study = study_of(options)
    if options.terminal:
        from tune_jobs.commands.report_together import refuse_repeats

        _refuse_files(options)
        studies = [study, *(study_of(options, name) for name in options.more)]
        refuse_repeats([one.definition for one in studies], "a report of several studies")
        for one in studies:
            one.print_report()
        return 0
    if options.more:
        return _report_together(options)
    report = study.report(options.output, style=options.style, siunitx=options.siunitx, tracker=options.tracker)
    if options.json:
        from tune_jobs.commands.documents import print_document, report_document

        print_document(report_document(study.definition, report))
    elif not options.quiet:
        for line in _report_lines(study, report):
            say(line)
    if options.open:
        _open(report.html)
    return 0


def _report_together(options: argparse.Namespace) -> int:
    from tune_jobs.commands.report_together import report_together

    for flag, value in {"--json": options.json, "--tracker": options.tracker}.items():
        if value:
            raise UserError(f"report: {flag} is for one study; leave it out, or name one study")
    report = report_together([study_of(options, name) for name in (options.study, *options.more)], options.output)
    if not options.quiet:
        for line in (*report.refused, f"report: {report.html}"):
            say(line)
    if options.open:
        _open(report.html)
    return 0


def _open(page: Path) -> None:
    import webbrowser

    webbrowser.open(page.resolve().as_uri())


def _refuse_files(options: argparse.Namespace) -> None:
    given = {"--output": options.output, "--open": options.open, "--tracker": options.tracker}
    for flag, value in given.items():
        if value:
            raise UserError(f"{flag}: --terminal writes no files; leave one of the two out")


def _report_lines(study: Any, report: Any) -> list[str]:
    lines = list(report.published)
    if report.missing:
        are, them = ("is", "it") if report.missing == 1 else ("are", "them")
        lines.append(
            f"{report.missing} of {counted(report.replicates, 'replicate')} {are} missing; "
            f"`{study.definition.command('run')}` trains {them}"
        )
    return [*lines, f"report: {report.html}"]


def _view(options: argparse.Namespace) -> int:
    from tune_jobs.commands.view import view

    return view(options.studies, options.storage, options.data_dir, port=options.port, opens=not options.no_browser)


def _tables(options: argparse.Namespace) -> int:
    from tune_jobs.commands.existing import tables

    report = tables(
        options.place,
        metric=options.metric,
        goal=options.goal,
        factors=options.factors,
        seed_column=options.seed_column,
        default=options.default,
        epoch_column=options.epoch_column,
        time_column=options.time_column,
        read=options.read,
        experiment=options.experiment,
        output=options.output,
    )
    say(str(report))
    return 0
