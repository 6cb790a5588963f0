"""The command line. Heavy imports stay inside the commands that need them, so `--help` is quick."""

import argparse
import atexit
import gc
import shlex
from collections.abc import Callable, Sequence
from pathlib import Path

from tune_jobs.commands.arguments import Parser, Version, json_argument, storage_argument, study_arguments, study_of
from tune_jobs.commands.completion import SHELLS
from tune_jobs.commands.end_signals import SAFE_TO_REPEAT, ended_like_ctrl_c
from tune_jobs.commands.ledger_commands import ledger_parser
from tune_jobs.commands.output import complain, flush_output, is_of_output, say, stop_printing
from tune_jobs.commands.report_commands import report_parser, tables_parser, view_parser
from tune_jobs.commands.training_commands import training_parsers
from tune_jobs.errors import UserError
from tune_jobs.logs import log_to_terminal
from tune_jobs.training.exit_codes import INTERRUPTED, USER_ERROR
from tune_jobs.words import counted


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code.

    It is 2 for bad input, with one line that says what to do; 130 for an interrupt; 128 and its number for a signal.
    """
    if arguments is None:
        # The process ends with the command. Python would look through all its objects first, for half a second.
        atexit.register(gc.freeze)
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
        complain(f"{getattr(error, 'trace', '')}ablatune: {' '.join(str(error).split())}")
        return USER_ERROR
    except KeyboardInterrupt:
        complain(SAFE_TO_REPEAT)
        return INTERRUPTED
    except BrokenPipeError:
        # The reader of a pipe has gone (`ablatune ledger list | head`): there is nobody left to print to.
        stop_printing()
        return 141
    except OSError as error:
        if not is_of_output(error):
            raise
        stop_printing()
        complain(f"ablatune: the output cannot be written ({error.strerror}); give it a place with room")
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
    json_argument(studies)
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

    training_parsers(commands)

    status = commands.add_parser("status", help="what is done, running, failed, missing")
    study_arguments(status)
    json_argument(status)
    status.set_defaults(command=_status)

    report_parser(commands)
    view_parser(commands)
    tables_parser(commands)

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
        say(f"{study.name}\n    {study.title}\n    reproduces: {study.reproduces}")
        stages = f", {counted(len(study.stages), 'stage')}" if study.stages else ""
        search = f", a search of {counted(len(study.search.space), 'field')}" if study.search is not None else ""
        tables = f"{counted(len(study.tables), 'table')}{stages}{search}"
        say(f"    {tables}, {counted(study.seeds, 'seed')}; {study.description}\n")
    return 0


def _status(options: argparse.Namespace) -> int:
    study = study_of(options)
    if options.json:
        from tune_jobs.commands.documents import print_document, status_document

        print_document(status_document(study.standing()))
    else:
        say(study.status())
    return 0


def _init(options: argparse.Namespace) -> int:
    if options.trainer is not None:
        return _init_trainer(options)
    if options.data is not None or options.target is not None:
        return _init_table(options)
    from tune_jobs.study.init import write_starter

    study, network = write_starter(options.folder or Path())
    say(f"{study}: the study, with comments\n{network}: the network that it trains; both are yours to edit")
    say(f"next: ablatune run {shlex.quote(str(study))}")
    return 0


def _init_table(options: argparse.Namespace) -> int:
    from tune_jobs.study.table_study import write_table_study

    if options.data is None or options.target is None:
        raise UserError("init: --data FILE and --target COLUMN go together; give both")
    written = write_table_study(options.folder or Path(), options.data, options.target)
    for line in written.taken:
        say(f"data: {line}")
    say(f"{written.path}: the study, with all this written out; it is yours to edit")
    say(f"next: ablatune run {shlex.quote(str(written.path))}")
    return 0


def _init_trainer(options: argparse.Namespace) -> int:
    from tune_jobs.study.trainer_study import write_trainer_study

    if options.data is not None or options.target is not None:
        raise UserError("init: --trainer is for a training function, which reads its data itself; leave --data out")
    written = write_trainer_study(options.folder, options.trainer)
    if written.guessed:
        say(f"metrics: {written.guessed}")
    say(f"{written.path}: the study, with all this written out; it is yours to edit")
    if written.to_fill_in:
        say(f"first fill in {', '.join(written.to_fill_in)}, which the function does not say")
    say(f"next: ablatune run {shlex.quote(str(written.path))}")
    return 0


def _show(options: argparse.Namespace) -> int:
    from tune_jobs.commands.inspect_ledger import show

    return show(options.storage, options.trial)
