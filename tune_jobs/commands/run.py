"""`run`: expand the study, subtract what the ledger has, train the rest."""

import logging
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from data_utils import DatasetError, TrialData, fingerprint, load_trial_data
from tune_jobs.errors import StorageError, UserError
from tune_jobs.ledger import provenance
from tune_jobs.ledger.ledger import Contents, Ledger, targets_name
from tune_jobs.ledger.record import is_finished
from tune_jobs.ledger.runs import Manifest, live_beacons, now, write_manifest
from tune_jobs.standing.known import what_is_known
from tune_jobs.standing.search.follow_up import FollowUp
from tune_jobs.standing.search.state import State
from tune_jobs.standing.search.words import search_in_words
from tune_jobs.standing.stages import Choice
from tune_jobs.storage.storage import Storage
from tune_jobs.study.model import PATH, SEARCH_TABLES, Resources, Study
from tune_jobs.study.rows import Row, Trial, datasets_read, differences, expand, replicates, required_trials
from tune_jobs.training.preflight import check_own
from tune_jobs.training.progress import Progress, duration
from tune_jobs.trial.config import TrialConfig, dataset_options, preparation

if TYPE_CHECKING:
    from tune_jobs.training.trainable import Job

BAD_OUTCOMES = ("failed", "lost")
INTERRUPTED = 130


@dataclass(frozen=True)
class Plan:
    """What a study needs and what of it is missing; of stages, what is known of them so far."""

    rows: Sequence[Row]
    choices: Sequence[Choice]
    seeds: Sequence[int]
    fingerprints: Mapping[str, str]
    trials: Sequence[Trial]
    missing: Sequence[Trial]
    contents: Contents
    study: Study
    search: State | None = None
    follow_up: FollowUp | None = None

    def __str__(self) -> str:
        return describe_plan(self.study, self)

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        printer.text(str(self))

    @property
    def readings(self) -> int:
        """Rows times replicates: the trials that a table run by hand would take."""
        return sum(len(replicates(row, self.seeds)) for row in self._built)

    @property
    def epochs_by_hand(self) -> int:
        """The epochs of all rows and replicates, were nothing shared."""
        return sum(len(replicates(row, self.seeds)) * row.epochs for row in self._built)

    @property
    def _built(self) -> list[Row]:
        return [row for row in self.rows if row.config is not None and row.table not in (PATH, *SEARCH_TABLES)]


def make_plan(
    study: Study,
    ledger: Ledger | None,
    *,
    seeds: int,
    fingerprints: Mapping[str, str],
    time_limit_seconds: float | None = None,
    retry_failed: bool = False,
) -> Plan:
    """Return what the study needs, and what of it the ledger lacks; None is an empty ledger."""
    known = what_is_known(study, ledger, range(seeds), fingerprints)
    trials = required_trials(known.rows, range(seeds), fingerprints)
    contents = known.contents
    missing = [
        trial
        for trial in trials
        if trial.key not in contents.records
        or not is_finished(
            contents.records[trial.key], trial, time_limit_seconds=time_limit_seconds, retry_failed=retry_failed
        )
    ]
    return Plan(
        known.rows,
        known.choices,
        range(seeds),
        fingerprints,
        trials,
        missing,
        contents,
        study,
        known.search,
        known.follow_up,
    )


def data_fingerprints(rows: Sequence[Row], seeds: Sequence[int], data_dir: Path, *, download: bool) -> dict[str, str]:
    """Return the fingerprint of everything that rows read over their replicates, by `data_id`.

    Raises:
        UserError: a file is missing or torn.
    """
    try:
        return {
            name: fingerprint(
                config.info or config.dataset, data_dir=data_dir, options=dataset_options(config), download=download
            )
            for name, config in datasets_read(rows, seeds).items()
        }
    except DatasetError as error:
        raise UserError(str(error)) from error


def load_data(configs: Iterable[TrialConfig], data_dir: Path) -> dict[str, TrialData]:
    """Return the data that configurations train on, by `tune_jobs.training.trainable.data_slot`.

    Raises:
        UserError: a file is missing or torn.
    """
    from tune_jobs.training.trainable import data_slot

    slots = {data_slot(config): config for config in configs}
    try:
        return {
            slot: load_trial_data(
                config.info or config.dataset,
                preparation(config),
                data_dir=data_dir,
                options=dataset_options(config),
            )
            for slot, config in slots.items()
        }
    except DatasetError as error:
        raise UserError(str(error)) from error


def describe_plan(study: Study, plan: Plan) -> str:
    """Return in a few lines what a run would do."""
    done = len(plan.trials) - len(plan.missing)
    distinct = sum(trial.epochs for trial in plan.trials)
    rows = [row for row in plan.rows if row.table not in (PATH, *SEARCH_TABLES)]
    unbuildable = sum(row.config is None for row in rows)
    quick = f" (a quick look: {study.fraction:.0%} of the epochs)" if study.fraction < 1 else ""
    if study.search is not None and not rows:
        lines = [f"{study.name}{quick}"]
        if plan.trials:
            lines.append(f"after the search: {done} trials done, {len(plan.missing)} to run")
        return "\n".join([*lines, *_search_lines(plan)])
    lines = [
        f"{study.name}{quick}: {len(rows)} rows × {len(plan.seeds)} seed{'s' * (len(plan.seeds) != 1)} = "
        f"{plan.readings} readings of {len(plan.trials)} distinct trials",
        f"epochs: {distinct:,}, where {plan.epochs_by_hand:,} would be trained if no row shared a trial",
        f"in the ledger: {done}; to run: {len(plan.missing)} ({sum(trial.epochs for trial in plan.missing):,} epochs)",
    ]
    if unbuildable:
        lines.append(f"cells that cannot be built: {unbuildable}")
    if study.stages:
        lines.append(stages_in_words(study, plan))
    return "\n".join([*lines, *_search_lines(plan)])


def _search_lines(plan: Plan) -> list[str]:
    if plan.search is None or plan.follow_up is None:
        return []
    return search_in_words(plan.search, plan.follow_up)


def stages_in_words(study: Study, plan: Plan) -> str:
    """Return what each stage has settled on, and which are to come."""
    settled = [f"{choice.stage} → {', '.join(choice.labels) or 'as before'}" for choice in plan.choices]
    left = [stage.name for stage in study.stages[len(settled) :]]
    words = "; ".join([*settled, *([f"{left[0]} is next"] if left else [])])
    return f"stages: {words}" + (f", then {', '.join(left[1:])}" if left[1:] else "")


@dataclass(frozen=True)
class RunOptions:
    """What `run` was asked for beside the study."""

    storage: str
    data_dir: Path
    seeds: int
    resources: Resources
    dry_run: bool = False
    retry_failed: bool = False
    download: bool = True
    max_concurrent: int | None = None
    address: str | None = None
    cpus: int | None = None
    logical_gpus: int = 0


def plan_study(study: Study, options: RunOptions) -> Plan:
    """Return what a study needs and what of it is missing.

    Raises:
        UserError: the data cannot be read.
    """
    fingerprints = data_fingerprints(expand(study), range(options.seeds), options.data_dir, download=options.download)
    ledger = Ledger.find(Storage.at(options.storage))
    return make_plan(
        study, ledger, seeds=options.seeds, fingerprints=fingerprints, time_limit_seconds=limit_seconds(options)
    )


def run_study(study: Study, options: RunOptions, *, say: Callable[[str], None] = print) -> int:
    """Run what is missing; return the exit code: 0 when all is done, 1 with failures, 130 interrupted.

    Raises:
        UserError: bad input, found before anything is trained.
    """
    storage = Storage.at(options.storage)
    fingerprints = data_fingerprints(expand(study), range(options.seeds), options.data_dir, download=options.download)
    ledger = Ledger.open(storage, create=True) if not options.dry_run else Ledger.find(storage)
    with ExitStack() as keep:
        return _run_rounds(study, options, ledger and ledger.patient(), fingerprints, say, keep)


def _run_rounds(
    study: Study,
    options: RunOptions,
    ledger: Ledger | None,
    fingerprints: Mapping[str, str],
    say: Callable[[str], None],
    keep: ExitStack,
) -> int:
    code, first, searched = 0, True, False
    stood: tuple[int, int] | None = None
    tried: list[Trial] = []
    # What has ended makes more known: a stage, a search, what follows it, and may ask more epochs of a trial that it
    # trained already. Where all that is missing was tried just so, no more is to be had.
    while True:
        plan = make_plan(
            study,
            ledger,
            seeds=options.seeds,
            fingerprints=fingerprints,
            time_limit_seconds=limit_seconds(options),
            retry_failed=options.retry_failed and first,
        )
        missing = [trial for trial in plan.missing if trial not in tried]
        searching = not missing and _searches(plan, retry_failed=options.retry_failed and not searched)
        stands = (len(plan.search.ended), plan.search.epochs_trained) if plan.search is not None else None
        if searching and stands == stood:
            say("the search has trials left that a run brings no further; `ablatune status` says how it stands")
            return max(code, 1)
        if not first and not missing and (not searching or (searched and code)):
            return code
        say(describe_plan(study, plan))
        warn_disagreements(plan.contents, say)
        if options.dry_run or ledger is None:
            return 0
        if first:
            _say_others(study, ledger.storage, say)
            write_manifest(ledger.storage, _manifest(study, options, fingerprints))
        if not missing and not searching:
            say("nothing to run: the ledger has everything")
            return max(code, exit_code(Counter(_outcomes(plan).values()), 0, say))
        if first:
            starting_ray(ledger.storage, say)
        if missing:
            code = max(code, train_trials(study, missing, ledger, options, say, keep=keep))
            tried += missing
        else:
            from tune_jobs.training.search_run import train_search

            again = options.retry_failed and not searched
            code = max(code, train_search(plan, ledger, options, say, retry_failed=again, keep=keep))
            searched, stood = True, stands
        first = False
        if code == INTERRUPTED:
            return code
        if not study.stages and study.search is None:
            return code


def _searches(plan: Plan, *, retry_failed: bool) -> bool:
    """Return whether a plan's search has something to train."""
    return plan.search is not None and (not plan.search.over or (retry_failed and bool(plan.search.failed)))


def _say_others(study: Study, storage: Storage, say: Callable[[str], None]) -> None:
    for beacon in live_beacons(storage):
        if beacon.study == study.name:
            say(
                f"another run of {study.name} is going on (process {beacon.process} on {beacon.host}): both train what "
                "is missing now and share the ledger; stop one to save the double work"
            )


def _manifest(study: Study, options: RunOptions, fingerprints: Mapping[str, str]) -> Manifest:
    return Manifest(
        study.name,
        study.overrides,
        options.seeds,
        fingerprints,
        now(),
        provenance.command(),
        fraction=study.fraction,
        declared=study.seeds,
        datasets={slot: info.to_dict() for slot, info in study.own.catalog.measured.items()},
    )


def train_trials(
    study: Study,
    trials: Sequence[Trial],
    ledger: Ledger,
    options: RunOptions,
    say: Callable[[str], None],
    *,
    keep_models: bool = False,
    keep: ExitStack | None = None,
) -> int:
    """Train trials through Ray Tune; return the exit code: 0 when all is done, 1 with failures, 130 interrupted.

    Args:
        study: that they are of.
        trials: of different keys.
        ledger: takes their records.
        options: what to run on.
        say: takes lines for a person to read.
        keep_models: whether to keep the trained networks in the storage as well.
        keep: leaves Ray when it is closed; None leaves it when the trials are done.
    """
    from tune_jobs.training.trainable import data_slot

    storage = ledger.storage
    data = load_data((trial.config for trial in trials), options.data_dir)
    check_own(trials, data, study.own.code)
    for config in {data_slot(trial.config): trial.config for trial in trials}.values():
        keep_targets(ledger, config, data)
    base = study.config()
    labels = {trial.key: f"{differences(trial.config, base)}, seed {trial.config.seed}" for trial in trials}
    if keep is None:
        starting_ray(storage, say)
    # Imported here: a run with nothing to do, and every other command, does without Ray's second of start-up.
    from tune_jobs.training.rounds import Cluster, run_trials

    progress = Progress(trials, labels)
    start = time.monotonic()
    interrupted = False
    try:
        run_trials(
            trials,
            data,
            new_job(study, base, storage, options, keep_models=keep_models),
            resources=options.resources,
            cluster=Cluster(options.address, options.cpus, options.logical_gpus),
            storage=storage,
            progress=progress,
            max_concurrent=options.max_concurrent,
            keep=keep,
        )
    except KeyboardInterrupt:
        interrupted = True
    finally:
        progress.close()
    outcomes = Counter(progress.finished.values())
    left = len(trials) - sum(outcomes.values())
    say(f"{sum(outcomes.values())} trials in {duration(time.monotonic() - start)}: {in_words(outcomes)}")
    say_restarts(progress.restarts, say)
    if interrupted or left:
        say(f"stopped with {left} trials to go; the same command continues")
        return INTERRUPTED
    compact(ledger, say)
    return exit_code(outcomes, left, say)


def compact(ledger: Ledger, say: Callable[[str], None]) -> None:
    """Make the ledger quicker to read; where that does not go now, a later run does it."""
    try:
        ledger.compact()
    except StorageError as error:
        say(f"warning: {error}; what was trained is kept, the ledger was not gathered into packs")


def starting_ray(storage: Storage, say: Callable[[str], None]) -> None:
    """Say that Ray starts, and keep it from asking in a notebook for widgets that nothing here shows."""
    say(f"starting Ray; results go to {storage.uri}")
    logging.getLogger("ray.widgets").setLevel(logging.WARNING)


def new_job(
    study: Study, base: TrialConfig, storage: Storage, options: RunOptions, *, keep_models: bool = False
) -> "Job":
    """Return what all trials of a run share; `base` names a trial by what it changes."""
    from tune_jobs.training.trainable import Job

    return Job(
        study=study.name,
        storage=storage.shared_uri,
        base=base,
        gpus_per_trial=options.resources.gpus_per_trial,
        logical_gpus=options.logical_gpus > 0,
        time_limit_seconds=limit_seconds(options),
        checkpoint_seconds=60 * options.resources.checkpoint_minutes,
        keep_models=keep_models,
        code=study.own.code,
        code_version=provenance.code_version(),
        command=provenance.command(),
    )


def limit_seconds(options: RunOptions) -> float | None:
    """Return how long one trial may take; None for as long as it needs."""
    minutes = options.resources.time_limit_minutes
    return None if minutes is None else 60 * minutes


def say_restarts(keys: Sequence[str], say: Callable[[str], None]) -> None:
    """Say how many trials lost their workers, one key for each time that one was started again."""
    if keys:
        count = len(set(keys))
        say(
            f"{count} trial{'s' * (count != 1)} lost {'their workers' if count != 1 else 'its worker'} and started "
            "again; `ablatune status` names where and when"
        )


def exit_code(outcomes: Mapping[str, int], left: int, say: Callable[[str], None]) -> int:
    bad = sum(outcomes.get(outcome, 0) for outcome in BAD_OUTCOMES)
    if bad:
        say(f"{bad} trials failed; `ablatune status` names them, `ablatune run --retry-failed` tries them again")
    return 1 if bad or left else 0


def _outcomes(plan: Plan) -> dict[str, str]:
    outcomes = {key: record.outcome for key, record in plan.contents.records.items()}
    for one in plan.search.failed if plan.search is not None else ():
        if one.trial is not None and one.record is not None:
            outcomes[one.trial.key] = one.record.outcome
    return outcomes


def in_words(outcomes: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {name.replace('_', ' ')}" for name, count in sorted(outcomes.items())) or "none"


def keep_targets(ledger: Ledger, config: TrialConfig, data: Mapping[str, TrialData]) -> None:
    """Keep what the predictions of a configuration's trials are compared with."""
    from tune_jobs.training.trainable import data_slot

    part = data[data_slot(config)]
    arrays: dict[str, NDArray[Any]] = {"targets": part.validation_targets}
    if part.task == "regression":
        arrays |= {"target_mean": np.array(part.target_mean), "target_std": np.array(part.target_std)}
    if part.validation_inputs.ndim == 2:
        arrays |= {"inputs": part.validation_inputs}
        arrays |= {"input_offset": part.input_offset, "input_scale": part.input_scale}
    ledger.write_targets(targets_name(part.fingerprint, config), arrays)


def warn_disagreements(contents: Contents, say: Callable[[str], None]) -> None:
    """Say which trials were trained twice with different results, which must never happen."""
    for key in contents.disagreements:
        say(
            f"warning: trial {key} was trained more than once on machines of one kind, with different numbers; "
            f"`ablatune ledger remove {key}` and run it again"
        )


def known_or_found_fingerprints(
    rows: Sequence[Row], seeds: Sequence[int], data_dir: Path, known: Mapping[str, str]
) -> dict[str, str]:
    """Return the fingerprints of the data that rows read, without downloading.

    What is known of registered data holds; data of the user's own may have changed, and is looked at where it is.

    Raises:
        UserError: data of which nothing is known is not there.
    """
    found = dict(known)
    for name, config in datasets_read(rows, seeds).items():
        if name in known and config.info is None:
            continue
        try:
            found[name] = fingerprint(
                config.info or config.dataset, data_dir=data_dir, options=dataset_options(config), download=False
            )
        except DatasetError as error:
            if name not in known:
                raise UserError(str(error)) from error
    return found
