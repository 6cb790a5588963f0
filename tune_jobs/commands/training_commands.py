"""The commands that train: their parsers, and what each calls."""

import argparse
import functools
import sys
from pathlib import Path
from typing import Any

from tune_jobs.commands.arguments import json_argument, study_arguments, study_of
from tune_jobs.commands.flags_from_options import add_flags, options_from, words_of
from tune_jobs.commands.output import say
from tune_jobs.errors import UserError
from tune_jobs.training.run_options import CheckOptions, EvaluateOptions, PlanOptions, RunOptions, VariantOptions


def training_parsers(commands: Any) -> None:
    """Add the commands that train; their flags are declared in `tune_jobs.training.run_options`."""
    plan = commands.add_parser("plan", help="what a run would take: trials, time, disk, price, from timing each shape")
    study_arguments(plan)
    add_flags(plan, PlanOptions)
    json_argument(plan)
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


def _plan(parsed: argparse.Namespace) -> int:
    forecast = study_of(parsed).plan(**vars(options_from(parsed, PlanOptions)))
    if parsed.json:
        from tune_jobs.commands.documents import plan_document, print_document

        print_document(plan_document(forecast))
    else:
        say(str(forecast))
    return 0


def _check(parsed: argparse.Namespace) -> int:
    findings = study_of(parsed).check(**vars(options_from(parsed, CheckOptions)))
    for finding in findings:
        say(finding.line)
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
            say(line)
    for final, path in done.models.items():
        say(f"kept the best replicate on validation of {done.chosen[final]}: {path}")
    code: int = done.code
    return code
