"""The command line. Heavy imports stay inside the commands that need them, so that `--help` is quick."""

import argparse
import functools
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NoReturn

from tune_jobs.errors import UserError, redacted

DEFAULT_STORAGE, DEFAULT_DATA_DIR = "results", "data"
USER_ERROR = 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code: 2 for bad input, with one line that says what to do."""
    parser = _parser()
    options = parser.parse_args(arguments)
    command: Callable[[argparse.Namespace], int] = options.command
    try:
        return command(options)
    except UserError as error:
        # The traceback of the user's own code helps to mend it; one of ours would not.
        print(getattr(error, "trace", ""), end="", file=sys.stderr)
        print(f"ablatune: {' '.join(str(error).split())}", file=sys.stderr)
        return USER_ERROR
    except KeyboardInterrupt:
        print("ablatune: interrupted; what has finished is kept, the same command continues", file=sys.stderr)
        return 130
    except BrokenPipeError:
        # The reader of a pipe went away (`ablatune ledger list | head`): nothing is left to say to it.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="ablatune",
        description="Which hyperparameters matter, by how much, and how sure are we? "
        "Sweeps and ablations for PyTorch models on Ray Tune.",
    )
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)

    studies = commands.add_parser("studies", help="list the shipped studies and what each reproduces")
    studies.set_defaults(command=_studies)

    init = commands.add_parser("init", help="write a study file with comments and a small network, ready to run")
    init.add_argument("folder", type=Path, nargs="?", default=Path(), metavar="DIR", help="where to (default: here)")
    init.set_defaults(command=_init)

    plan = commands.add_parser("plan", help="what a run would take: trials, time, disk, price, from timing each shape")
    _study_arguments(plan)
    plan.add_argument("--no-pilot", action="store_true", help="count only; time nothing")
    plan.add_argument(
        "--rate", type=_number, metavar="PRICE", help="of one node for one hour: adds the price of the run"
    )
    plan.add_argument(
        "--nodes", type=_count, metavar="N", help="as if there were N nodes like the first of those there"
    )
    _training_arguments(plan)
    plan.set_defaults(command=_plan)

    run = commands.add_parser("run", help="train what a study needs and the ledger lacks; run it again to continue")
    _study_arguments(run)
    run.add_argument("--dry-run", action="store_true", help="count what would be run, and stop")
    run.add_argument("--retry-failed", action="store_true", help="also run trials that failed before")
    _training_arguments(run)
    run.set_defaults(command=_run)

    evaluate = commands.add_parser(
        "evaluate", help="open the test set once, for the final configuration and the one that validation chose"
    )
    _study_arguments(evaluate)
    evaluate.add_argument("--again", action="store_true", help="open it once more; the report counts the openings")
    _training_arguments(evaluate)
    evaluate.set_defaults(command=_evaluate)

    submit = commands.add_parser("submit", help="run a study as a job on a cluster, and stream its progress")
    _study_arguments(submit, optional=True)
    submit.add_argument("--cluster", type=Path, metavar="FILE", help="the file that `ray up` took; reached through ssh")
    submit.add_argument("--no-wait", action="store_true", help="leave the job to itself once it is submitted")
    submit.add_argument("--job", metavar="ID", help="pick up a job that was submitted before, in place of a study")
    submit.add_argument("--retry-failed", action="store_true", help="also run trials that failed before")
    dashboard = "of the cluster's dashboard, such as http://HEAD:8265, in place of --cluster"
    _training_arguments(submit, address=dashboard, local=False)
    submit.set_defaults(command=_submit, cpus=None)

    status = commands.add_parser("status", help="what is done, running, failed, missing")
    _study_arguments(status)
    status.set_defaults(command=_status)

    report = commands.add_parser("report", help="write a study's tables and figures")
    _study_arguments(report)
    report.add_argument(
        "--output",
        type=Path,
        metavar="DIR",
        help="where to (default: report/STUDY[@VARIANT])",
    )
    report.set_defaults(command=_report)

    show = commands.add_parser("show", help="one trial: configuration, epochs, outcome, where it ran")
    show.add_argument("trial", metavar="TRIAL", help="the beginning of its key")
    _storage_argument(show)
    show.set_defaults(command=_show)

    _ledger_parser(commands)
    return parser


def _training_arguments(
    parser: argparse.ArgumentParser,
    *,
    address: str = "of a running Ray cluster (default: this machine alone)",
    local: bool = True,
) -> None:
    parser.add_argument("--no-download", action="store_true", help="never fetch a dataset; use the data folder only")
    parser.add_argument("--cpus-per-trial", type=_number, metavar="N", help="CPUs that Ray reserves for one trial")
    parser.add_argument("--gpus-per-trial", type=_number, metavar="N", help="GPUs for one trial; a fraction shares one")
    parser.add_argument("--time-limit", type=_number, metavar="MINUTES", help="end a trial that takes longer")
    parser.add_argument("--max-concurrent", type=_count, metavar="N", help="trials at once (default: what fits)")
    if local:
        parser.add_argument("--cpus", type=_count, metavar="N", help="CPUs that the local node offers (default: all)")
    parser.add_argument(
        "--logical-gpus",
        type=_count,
        default=0,
        metavar="N",
        help="let the local node count N GPUs that it does not have; trials train on the CPU (to try scheduling)",
    )
    parser.add_argument("--address", metavar="ADDRESS", help=address)


def _ledger_parser(commands: Any) -> None:
    ledger = commands.add_parser("ledger", help="list, export, merge or remove trials")
    actions = ledger.add_subparsers(title="actions", metavar="ACTION", required=True)
    listing = actions.add_parser("list", help="one line per trial")
    listing.set_defaults(command=_ledger_list)
    export = actions.add_parser("export", help="write all trials into one .parquet or .csv file")
    export.add_argument("file", type=Path, metavar="FILE")
    export.set_defaults(command=_ledger_export)
    merge = actions.add_parser("merge", help="add the trials of another ledger")
    merge.add_argument("other", metavar="STORAGE", help="the storage that holds the other ledger")
    merge.set_defaults(command=_ledger_merge)
    remove = actions.add_parser("remove", help="remove trials for good")
    remove.add_argument("trials", nargs="+", metavar="TRIAL", help="the beginnings of their keys")
    remove.add_argument("--yes", action="store_true", help="do not ask")
    remove.set_defaults(command=_ledger_remove)
    for action in (listing, export, merge, remove):
        _storage_argument(action)


def _storage_argument(parser: argparse.ArgumentParser) -> None:
    default = os.environ.get("ABLATUNE_STORAGE", DEFAULT_STORAGE)
    shown = redacted(default).replace("%", "%%")
    parser.add_argument(
        "--storage",
        default=default,
        metavar="URI",
        help=f"folder or s3://bucket/path that holds the ledger (ABLATUNE_STORAGE; default: {shown})",
    )


def _study_arguments(parser: argparse.ArgumentParser, *, optional: bool = False) -> None:
    named = "the name of a shipped study, or a study file (.yaml)"
    parser.add_argument("study", nargs="?" if optional else None, metavar="STUDY", help=named)
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="FIELD=VALUE",
        dest="overrides",
        help="override a field of the base configuration; may be given several times",
    )
    parser.add_argument(
        "--fraction",
        type=_number,
        default=1.0,
        metavar="SHARE",
        help="a quick look at this share of the epochs, from which the full run goes on (default: 1)",
    )
    parser.add_argument(
        "--seeds", type=_replicates, metavar="N", help="replicates: seeds 0 to N-1 (default: the study's)"
    )
    _storage_argument(parser)
    parser.add_argument(
        "--data-dir",
        type=Path,
        default=Path(os.environ.get("ABLATUNE_DATA_DIR", DEFAULT_DATA_DIR)),
        metavar="DIR",
        help="folder with the datasets (ABLATUNE_DATA_DIR; default: %(default)s)",
    )


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number") from None


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of at least 1")
    return int(text)


def _replicates(text: str) -> int:
    from tune_jobs.study.model import MOST_REPLICATES

    if _count(text) > MOST_REPLICATES:
        raise argparse.ArgumentTypeError(f"{text} is more than {MOST_REPLICATES}")
    return int(text)


class _Parser(argparse.ArgumentParser):
    """Says what is wrong in one line."""

    def error(self, message: str) -> NoReturn:
        self.exit(USER_ERROR, f"ablatune: {message}; `{self.prog} --help` says what there is\n")


def _overrides(items: Sequence[str]) -> dict[str, Any]:
    from tune_jobs.study.yaml_node import parse_scalar

    values = {}
    for item in items:
        name, equals, value = item.partition("=")
        if not equals or not name.strip() or not value.strip():
            raise UserError(f"--set {item}: give FIELD=VALUE, such as --set learning_rate=0.01")
        if name.strip() in values:
            raise UserError(f"--set {item}: {name.strip()} is given twice; give it once")
        values[name.strip()] = parse_scalar(value.strip())
    return values


def _studies(options: argparse.Namespace) -> int:
    from tune_jobs.study.load import load_study, shipped_studies

    for name in shipped_studies():
        study = load_study(name)
        print(f"{name}\n    {study.title}\n    reproduces: {study.reproduces}")
        stages = f", {len(study.stages)} stages" if study.stages else ""
        search = f", a search of {len(study.search.space)} fields" if study.search is not None else ""
        print(f"    {len(study.tables)} tables{stages}{search}, {study.seeds} seeds; {study.description}\n")
    return 0


def _study(options: argparse.Namespace) -> Any:
    from ablatune import Study
    from tune_jobs.submit.sent_data import data_folder

    return Study.load(
        options.study,
        storage=options.storage,
        data_dir=data_folder(options.data_dir, options.storage),
        overrides=_overrides(options.overrides),
        fraction=options.fraction,
        replicates=options.seeds,
    )


def _plan(options: argparse.Namespace) -> int:
    asked = {"pilot": not options.no_pilot, "rate": options.rate, "nodes": options.nodes}
    print(_study(options).plan(**asked, **_training_options(options)))
    return 0


def _run(options: argparse.Namespace) -> int:
    from tune_jobs.commands.run import run_study

    study = _study(options)
    more = {"dry_run": options.dry_run, "retry_failed": options.retry_failed}
    return run_study(study.definition, study.run_options(**_training_options(options), **more))


def _submit(options: argparse.Namespace) -> int:
    from tune_jobs.submit.submit import ClusterAddress, Submission, pick_up, submit_run

    cluster = ClusterAddress(options.cluster, options.address)
    say = functools.partial(print, file=sys.stderr, flush=True)
    if options.job is not None:
        return pick_up(cluster, options.job, say=say)
    if options.study is None:
        raise UserError("submit: give a study, or --job ID to pick up a job")
    # Bad input is said before anything is sent.
    study = _study(options)
    study.run_options(**_training_options(options))
    submission = Submission(
        named=options.study,
        study=study.definition,
        run_arguments=_run_arguments(options),
        storage=options.storage,
        folder=Path.cwd(),
        data_dir=options.data_dir,
    )
    return submit_run(cluster, submission, wait=not options.no_wait, say=say)


def _run_arguments(options: argparse.Namespace) -> list[str]:
    """Return what `run` is to be told on the cluster, without the study, the storage and the data folder."""
    words = [word for item in options.overrides for word in ("--set", item)]
    words += [flag for flag in ("--retry-failed", "--no-download") if getattr(options, _attribute(flag))]
    for flag in (
        "--fraction",
        "--seeds",
        "--cpus-per-trial",
        "--gpus-per-trial",
        "--time-limit",
        "--max-concurrent",
        "--logical-gpus",
    ):
        value = getattr(options, _attribute(flag))
        if value is not None and (flag, value) not in (("--fraction", 1.0), ("--logical-gpus", 0)):
            words += [flag, str(value)]
    return words


def _attribute(flag: str) -> str:
    return flag.lstrip("-").replace("-", "_")


def _evaluate(options: argparse.Namespace) -> int:
    done = _study(options).evaluate(again=options.again, **_training_options(options))
    if done.opening is not None:
        from analysis.report.test_results import in_words

        for line in in_words(done.opening):
            print(line)
    for final, path in done.models.items():
        print(f"kept the best replicate on validation of {done.chosen[final]}: {path}")
    code: int = done.code
    return code


def _training_options(options: argparse.Namespace) -> dict[str, Any]:
    return {
        "download": not options.no_download,
        "max_concurrent": options.max_concurrent,
        "address": options.address or os.environ.get("RAY_ADDRESS"),
        "cpus": options.cpus,
        "logical_gpus": options.logical_gpus,
        "cpus_per_trial": options.cpus_per_trial,
        "gpus_per_trial": options.gpus_per_trial,
        "time_limit_minutes": options.time_limit,
    }


def _status(options: argparse.Namespace) -> int:
    print(_study(options).status())
    return 0


def _report(options: argparse.Namespace) -> int:
    report = _study(options).report(options.output)
    for line in report.published:
        print(line)
    if report.missing:
        print(f"{report.missing} of {report.replicates} replicates are missing; `ablatune run` trains them")
    print(f"report: {report.html}")
    return 0


def _init(options: argparse.Namespace) -> int:
    from tune_jobs.study.init import write_starter

    study, network = write_starter(options.folder)
    print(f"{study}: the study, with comments\n{network}: the network that it trains; both are yours to edit")
    print(f"next: ablatune run {study}")
    return 0


def _show(options: argparse.Namespace) -> int:
    from tune_jobs.commands.inspect_ledger import show

    return show(options.storage, options.trial)


def _ledger_list(options: argparse.Namespace) -> int:
    from tune_jobs.commands.inspect_ledger import list_trials

    return list_trials(options.storage)


def _ledger_export(options: argparse.Namespace) -> int:
    from tune_jobs.commands.inspect_ledger import export

    return export(options.storage, options.file)


def _ledger_merge(options: argparse.Namespace) -> int:
    from tune_jobs.commands.inspect_ledger import merge

    return merge(options.storage, options.other)


def _ledger_remove(options: argparse.Namespace) -> int:
    from tune_jobs.commands.inspect_ledger import remove

    return remove(options.storage, options.trials, confirmed=options.yes)
