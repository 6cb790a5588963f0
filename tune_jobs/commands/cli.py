"""The command line. Heavy imports stay inside the commands that need them, so `--help` is quick."""

import argparse
import functools
import shlex
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from tune_jobs.commands.arguments import Parser, Version, data_argument, storage_argument, study_arguments, study_of
from tune_jobs.commands.completion import SHELLS
from tune_jobs.commands.end_signals import SAFE_TO_REPEAT, ended_like_ctrl_c
from tune_jobs.commands.flags_from_options import add_flags, options_from, words_of
from tune_jobs.commands.ledger_commands import ledger_parser
from tune_jobs.commands.output import flush_output, is_of_output, say, stop_printing
from tune_jobs.errors import UserError
from tune_jobs.logs import log_to_terminal
from tune_jobs.training.exit_codes import INTERRUPTED, USER_ERROR
from tune_jobs.training.run_options import (
    CheckOptions,
    EvaluateOptions,
    PlanOptions,
    RunOptions,
    TrackerOptions,
    VariantOptions,
)
from tune_jobs.words import counted

_AS_JSON = "print one JSON object in place of lines, for scripts"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code.

    It is 2 for bad input, with one line that says what to do; 130 for an interrupt; 128 and its number for a signal.
    """
    with ended_like_ctrl_c() as exit_code:
        return exit_code(_run_command(arguments))


def _run_command(arguments: Sequence[str] | None) -> int:
    try:
        try:
            options = parser().parse_args(arguments)
            if not hasattr(options, "command"):
                options.help_of.print_help()
                return USER_ERROR
            log_to_terminal(verbose=getattr(options, "verbose", False))
            command: Callable[[argparse.Namespace], int] = options.command
            code = command(options)
        except SystemExit:
            flush_output()  # what `--help` prints
            raise
        flush_output()
        return code
    except UserError as error:
        # The traceback of the user's code helps to mend it; one of ours would not.
        print(getattr(error, "trace", ""), end="", file=sys.stderr)
        print(f"ablatune: {' '.join(str(error).split())}", file=sys.stderr)
        return USER_ERROR
    except KeyboardInterrupt:
        print(SAFE_TO_REPEAT, file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:
        # The reader of a pipe has gone (`ablatune ledger list | head`): there is nobody left to print to.
        stop_printing()
        return 141
    except OSError as error:
        if not is_of_output(error):
            raise
        stop_printing()
        print(f"ablatune: the output cannot be written ({error.strerror}); give it a place with room", file=sys.stderr)
        return 1


def parser() -> argparse.ArgumentParser:
    """Make the parser of the command line."""
    made = Parser(
        prog="ablatune",
        description="Which hyperparameters matter, by how much, and how sure are we? "
        "Sweeps and ablations for PyTorch models on Ray Tune.",
    )
    made.set_defaults(help_of=made)
    made.add_argument("--version", action=Version, nargs=0, help="show which version of Ablatune this is, and exit")
    commands = made.add_subparsers(title="commands", metavar="COMMAND")

    studies = commands.add_parser("studies", help="list the shipped studies and what each reproduces")
    studies.add_argument("--json", action="store_true", help=_AS_JSON)
    studies.set_defaults(command=_studies)

    init = commands.add_parser("init", help="write a study file with comments and a small network, ready to run")
    where = "where to (default: here; of --trainer, beside FILE)"
    init.add_argument("folder", type=Path, nargs="?", metavar="DIR", help=where)
    data = "in place of these, write a study of this table (.csv, .parquet), with all that is seen in it"
    init.add_argument("--data", type=Path, metavar="FILE", help=data)
    init.add_argument("--target", metavar="COLUMN", help="the column of the table to predict")
    trainer = "in place of these, write a study of this training function, with its parameters and metrics"
    init.add_argument("--trainer", metavar="FILE:FUNCTION", help=trainer)
    init.set_defaults(command=_init)

    _training_parsers(commands)

    status = commands.add_parser("status", help="what is done, running, failed, missing")
    study_arguments(status)
    status.add_argument("--json", action="store_true", help=_AS_JSON)
    status.set_defaults(command=_status)

    _report_parser(commands)
    _view_parser(commands)
    _tables_parser(commands)

    show = commands.add_parser("show", help="one trial: configuration, epochs, outcome, where it ran")
    show.add_argument("trial", metavar="TRIAL", help="the beginning of its key")
    storage_argument(show)
    show.set_defaults(command=_show)

    ledger_parser(commands)

    completion = commands.add_parser(
        "completion", help="print a script that completes commands and flags in a shell; its page says where to put it"
    )
    completion.add_argument("shell", choices=SHELLS, metavar="SHELL", help="bash, zsh or fish")
    completion.set_defaults(command=_completion)
    return made


def _report_parser(commands: Any) -> None:
    report = commands.add_parser("report", help="write a study's tables and figures, or several studies on one page")
    study_arguments(report)
    more = "further studies: all are put on one page, rows with the same configuration beside each other"
    report.add_argument("more", nargs="*", metavar="STUDY", help=more)
    report.add_argument("--output", type=Path, metavar="DIR", help="where to (default: report/STUDY[@VARIANT])")
    report.add_argument("--open", action="store_true", help="also open the page in a browser")
    styles = "of the tables for LaTeX: full, or paper for level, metric, difference and verdict (default: full)"
    report.add_argument("--style", choices=("full", "paper"), default="full", help=styles)
    said = report.add_mutually_exclusive_group()
    said.add_argument("--json", action="store_true", help=_AS_JSON)
    said.add_argument("--quiet", action="store_true", help="print nothing but warnings")
    said.add_argument("--terminal", action="store_true", help="print findings and tables here, and write no files")
    add_flags(report, TrackerOptions)
    report.set_defaults(command=_report)


def _view_parser(commands: Any) -> None:
    view = commands.add_parser("view", help="a local page that shows studies as they run, with their reports")
    named = "names of shipped studies, or study files (default: those that the storage has)"
    view.add_argument("studies", nargs="*", metavar="STUDY", help=named)
    storage_argument(view)
    data_argument(view)
    view.add_argument("--port", type=int, default=0, metavar="N", help="of the page (default: any that is free)")
    view.add_argument("--no-browser", action="store_true", help="only print the address")
    view.set_defaults(command=_view)


def _training_parsers(commands: Any) -> None:
    """Add the commands that train; their flags are declared in `tune_jobs.training.run_options`."""
    plan = commands.add_parser("plan", help="what a run would take: trials, time, disk, price, from timing each shape")
    study_arguments(plan)
    add_flags(plan, PlanOptions)
    plan.add_argument("--json", action="store_true", help=_AS_JSON)
    plan.set_defaults(command=_plan)

    check = commands.add_parser(
        "check", help="whether a seed fixes a study's numbers, and a checkpoint continues to the same"
    )
    study_arguments(check)
    add_flags(check, CheckOptions)
    check.set_defaults(command=_check)

    run = commands.add_parser("run", help="train what a study needs and the ledger lacks; run it again to continue")
    study_arguments(run)
    add_flags(run, RunOptions)
    run.set_defaults(command=_run)

    evaluate = commands.add_parser(
        "evaluate", help="open the test set once, for the final configuration and the one that validation chose"
    )
    study_arguments(evaluate)
    add_flags(evaluate, EvaluateOptions)
    evaluate.set_defaults(command=_evaluate)

    submit = commands.add_parser("submit", help="run a study as a job on a cluster, and stream its progress")
    study_arguments(submit, optional=True)
    submit.add_argument("--cluster", type=Path, metavar="FILE", help="the file that `ray up` took; reached through ssh")
    submit.add_argument("--no-wait", action="store_true", help="leave the job to itself once it is submitted")
    submit.add_argument("--job", metavar="ID", help="follow a job that was submitted before, in place of a study")
    dashboard = "address of the cluster's dashboard, such as http://HEAD:8265, in place of --cluster"
    add_flags(submit, RunOptions, address=dashboard, cpus=None, dry_run=None)
    submit.set_defaults(command=_submit)


def _tables_parser(commands: Any) -> None:
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


def _completion(options: argparse.Namespace) -> int:
    from tune_jobs.commands.completion import completion_script

    print(completion_script(parser(), options.shell))
    return 0


def _studies(options: argparse.Namespace) -> int:
    from tune_jobs.study.load import load_study, shipped_studies

    found = [load_study(name) for name in shipped_studies()]
    if options.json:
        from tune_jobs.commands.documents import print_document, studies_document

        print_document(studies_document(found))
        return 0
    for study in found:
        print(f"{study.name}\n    {study.title}\n    reproduces: {study.reproduces}")
        stages = f", {counted(len(study.stages), 'stage')}" if study.stages else ""
        search = f", a search of {counted(len(study.search.space), 'field')}" if study.search is not None else ""
        tables = f"{counted(len(study.tables), 'table')}{stages}{search}"
        print(f"    {tables}, {counted(study.seeds, 'seed')}; {study.description}\n")
    return 0


def _plan(parsed: argparse.Namespace) -> int:
    forecast = study_of(parsed).plan(**vars(options_from(parsed, PlanOptions)))
    if parsed.json:
        from tune_jobs.commands.documents import plan_document, print_document

        print_document(plan_document(forecast))
    else:
        print(forecast)
    return 0


def _check(parsed: argparse.Namespace) -> int:
    findings = study_of(parsed).check(**vars(options_from(parsed, CheckOptions)))
    for finding in findings:
        print(finding.line)
    return 0 if all(finding.fine for finding in findings) else 1


def _run(parsed: argparse.Namespace) -> int:
    from tune_jobs.commands.run import run_study

    study = study_of(parsed)
    return run_study(study.definition, study.settings(options_from(parsed, RunOptions)), say=say)


def _submit(parsed: argparse.Namespace) -> int:
    from tune_jobs.study.trackers import chosen_trackers, refuse_places_here
    from tune_jobs.submit.submit import ClusterAddress, Submission, pick_up, submit_run

    cluster = ClusterAddress(parsed.cluster, parsed.address)
    say = functools.partial(print, file=sys.stderr, flush=True)
    if parsed.job is not None:
        return pick_up(cluster, parsed.job, say=say)
    if parsed.study is None:
        raise UserError("submit: give a study, or --job ID to follow a job that was submitted before")
    # Bad input is found before anything is sent.
    study = study_of(parsed)
    options = options_from(parsed, RunOptions)
    study.settings(options)
    refuse_places_here(chosen_trackers(study.definition.trackers, options.tracker))
    submission = Submission(
        named=parsed.study,
        study=study.definition,
        run_arguments=run_arguments(parsed),
        storage=parsed.storage,
        folder=Path.cwd(),
        data_dir=parsed.data_dir,
    )
    return submit_run(cluster, submission, wait=not parsed.no_wait, say=say)


def run_arguments(parsed: argparse.Namespace) -> list[str]:
    """Return what `run` is told on the cluster, without the study, the storage and the data folder."""
    overrides = [word for item in parsed.overrides for word in ("--set", item)]
    variant, run = options_from(parsed, VariantOptions), options_from(parsed, RunOptions)
    verbose = ["--verbose"] if getattr(parsed, "verbose", False) else []
    return [*overrides, *words_of(variant), *words_of(run), *verbose]


def _evaluate(options: argparse.Namespace) -> int:
    done = study_of(options).evaluate(**vars(options_from(options, EvaluateOptions)))
    if done.opening is not None:
        from analysis.report.test_results import in_words

        for line in in_words(done.opening):
            print(line)
    for final, path in done.models.items():
        print(f"kept the best replicate on validation of {done.chosen[final]}: {path}")
    code: int = done.code
    return code


def _status(options: argparse.Namespace) -> int:
    study = study_of(options)
    if options.json:
        from tune_jobs.commands.documents import print_document, status_document

        print_document(status_document(study.standing()))
    else:
        print(study.status())
    return 0


def _report(options: argparse.Namespace) -> int:
    study = study_of(options)
    if options.terminal:
        _refuse_files(options)
        for one in (study, *(study_of(options, name) for name in options.more)):
            one.print_report()
        return 0
    if options.more:
        return _report_together(options)
    report = study.report(options.output, style=options.style, tracker=options.tracker)
    if options.json:
        from tune_jobs.commands.documents import print_document, report_document

        print_document(report_document(study.definition, report))
    elif not options.quiet:
        for line in _report_lines(study, report):
            print(line)
    if options.open:
        _open(report.html)
    return 0


def _report_together(options: argparse.Namespace) -> int:
    from tune_jobs.commands.interface import report_together

    for flag, value in {"--json": options.json, "--tracker": options.tracker}.items():
        if value:
            raise UserError(f"report: {flag} is for one study; leave it out, or name one study")
    report = report_together([study_of(options, name) for name in (options.study, *options.more)], options.output)
    if not options.quiet:
        for line in (*report.refused, f"report: {report.html}"):
            print(line)
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
    print(report)
    return 0


def _init(options: argparse.Namespace) -> int:
    if options.trainer is not None:
        return _init_trainer(options)
    if options.data is not None or options.target is not None:
        return _init_table(options)
    from tune_jobs.study.init import write_starter

    study, network = write_starter(options.folder or Path())
    print(f"{study}: the study, with comments\n{network}: the network that it trains; both are yours to edit")
    print(f"next: ablatune run {shlex.quote(str(study))}")
    return 0


def _init_table(options: argparse.Namespace) -> int:
    from tune_jobs.study.table_study import write_table_study

    if options.data is None or options.target is None:
        raise UserError("init: --data FILE and --target COLUMN go together; give both")
    written = write_table_study(options.folder or Path(), options.data, options.target)
    for line in written.taken:
        print(f"data: {line}")
    print(f"{written.path}: the study, with all this written out; it is yours to edit")
    print(f"next: ablatune run {shlex.quote(str(written.path))}")
    return 0


def _init_trainer(options: argparse.Namespace) -> int:
    from tune_jobs.study.trainer_study import write_trainer_study

    if options.data is not None or options.target is not None:
        raise UserError("init: --trainer is for a training function, which reads its data itself; leave --data out")
    written = write_trainer_study(options.folder, options.trainer)
    if written.guessed:
        print(f"metrics: {written.guessed}")
    print(f"{written.path}: the study, with all this written out; it is yours to edit")
    if written.to_fill_in:
        print(f"first fill in {', '.join(written.to_fill_in)}, which the function does not say")
    print(f"next: ablatune run {shlex.quote(str(written.path))}")
    return 0


def _show(options: argparse.Namespace) -> int:
    from tune_jobs.commands.inspect_ledger import show

    return show(options.storage, options.trial)
