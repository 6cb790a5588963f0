"""The commands `ablatune ledger …`: their parsers, and what each calls."""

import argparse
from pathlib import Path
from typing import Any

from tune_jobs.commands.arguments import storage_argument, study_arguments, study_of
from tune_jobs.commands.output import say


def ledger_parser(commands: Any) -> None:
    ledger = commands.add_parser("ledger", help="list, check, export, import, merge, remove or prune trials")
    actions = ledger.add_subparsers(title="actions", metavar="ACTION")
    ledger.set_defaults(help_of=ledger)
    listing = actions.add_parser("list", help="one line per trial")
    listing.add_argument("--study", default="", metavar="NAME", help="only trials that this study trained")
    listing.add_argument("--outcome", default="", metavar="OUTCOME", help="only trials that ended so: failed, …")
    holds = "only trials whose configuration has this value; may be given several times"
    listing.add_argument("--where", action="append", default=[], metavar="FIELD=VALUE", help=holds)
    listing.set_defaults(command=_list)
    check = actions.add_parser(
        "check", help="name files that are cut or damaged, and trials whose numbers other trials' code may have changed"
    )
    check.add_argument("--keys", action="store_true", help="list every such trial")
    check.set_defaults(command=_check)
    export = actions.add_parser("export", help="write all trials into one .parquet or .csv file")
    export.add_argument("file", type=Path, metavar="FILE")
    export.set_defaults(command=_export)
    merge = actions.add_parser("merge", help="add the trials of another ledger")
    merge.add_argument("other", metavar="STORAGE", help="the storage that holds the other ledger")
    merge.set_defaults(command=_merge)
    remove = actions.add_parser("remove", help="remove trials for good")
    remove.add_argument("trials", nargs="*", metavar="TRIAL", help="the beginnings of their keys")
    remove.add_argument("--doubtful", action="store_true", help="also those whose numbers `ledger check` doubts")
    remove.add_argument("--yes", action="store_true", help="do not ask")
    remove.set_defaults(command=_remove)
    prune = actions.add_parser(
        "prune", help="delete the checkpoints that training functions keep for longer runs; no table needs them"
    )
    prune.add_argument("--study", default="", metavar="NAME", help="only of trials that this study trained")
    wrote = "also what training functions have written into `trial.folder`"
    prune.add_argument("--folders", action="store_true", help=wrote)
    stopped = "also of trials that were stopped before the end, which then start anew"
    prune.add_argument("--unfinished", action="store_true", help=stopped)
    prune.add_argument("--yes", action="store_true", help="do not ask")
    prune.set_defaults(command=_prune)
    for action in (listing, check, export, merge, remove, prune):
        storage_argument(action)
    _import_parser(actions)


def _import_parser(actions: Any) -> None:
    importing = actions.add_parser(
        "import",
        help="add results that others trained to a study with a training function, so that new seeds extend them",
    )
    importing.add_argument("place", metavar="RESULTS", help="as for `ablatune tables`: a file, a folder or a URI")
    study_arguments(importing)
    matched = "which column is a field or a metric of the study (default: the one of its name)"
    importing.add_argument("--columns", default="", metavar="NAME=COLUMN,…", help=matched)
    importing.add_argument("--seed-column", default="", metavar="COLUMN", help="the seed (default: found by its name)")
    importing.add_argument("--epoch-column", default="", metavar="COLUMN", help="what counts the epochs")
    importing.add_argument("--time-column", default="", metavar="COLUMN", help="the training time")
    importing.add_argument("--ignore", default="", metavar="A,B", help="columns that vary and made no difference")
    importing.add_argument(
        "--experiment", default="", metavar="NAME", help="which study of Optuna, or MLflow experiment"
    )
    importing.add_argument("--dry-run", action="store_true", help="say what would be imported, and stop")
    importing.set_defaults(command=_import)


def _list(options: argparse.Namespace) -> int:
    from tune_jobs.commands.inspect_ledger import list_trials

    return list_trials(options.storage, study=options.study, outcome=options.outcome, where=options.where)


def _check(options: argparse.Namespace) -> int:
    from tune_jobs.commands.check_ledger import check

    return check(options.storage, keys=options.keys)


def _export(options: argparse.Namespace) -> int:
    from tune_jobs.commands.inspect_ledger import export

    return export(options.storage, options.file)


def _import(options: argparse.Namespace) -> int:
    from tune_jobs.commands.import_results import columns_from

    columns = columns_from(options.columns)
    imported = study_of(options).import_results(
        options.place,
        columns=columns,
        seed_column=options.seed_column,
        epoch_column=options.epoch_column,
        time_column=options.time_column,
        ignore=[name for name in options.ignore.split(",") if name],
        experiment=options.experiment,
        dry_run=options.dry_run,
    )
    say(str(imported))
    return 0


def _merge(options: argparse.Namespace) -> int:
    from tune_jobs.commands.inspect_ledger import merge

    return merge(options.storage, options.other)


def _remove(options: argparse.Namespace) -> int:
    from tune_jobs.commands.inspect_ledger import remove

    return remove(options.storage, options.trials, doubtful=options.doubtful, confirmed=options.yes)


def _prune(options: argparse.Namespace) -> int:
    from tune_jobs.commands.prune_ledger import prune

    return prune(
        options.storage,
        study=options.study,
        folders=options.folders,
        unfinished=options.unfinished,
        confirmed=options.yes,
    )
