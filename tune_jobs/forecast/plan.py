"""`plan`: what a run would take: time, packing, disk and price, from pilots of the missing trials.

`samples` and `run_pilots` time the shapes of trials, `work_of` turns a trial into work, `estimate` packs the work.
"""

import math
import os
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from data_utils import TrialData
from tune_jobs.capacity.packing import Node, at_once, pack
from tune_jobs.errors import UserError
from tune_jobs.forecast.confirming import trials_that_confirm
from tune_jobs.forecast.disk import disk
from tune_jobs.forecast.estimate import Cost, Estimate, Span, Work, costs, estimate
from tune_jobs.forecast.forecast import Forecast, Later
from tune_jobs.forecast.looks_to_come import looks_to_come
from tune_jobs.forecast.pilot_samples import PilotResults, budget_seconds, samples
from tune_jobs.forecast.search_forecast import trials_that_follow, trials_to_come
from tune_jobs.forecast.words import plan_lines
from tune_jobs.ledger import provenance
from tune_jobs.ledger.ledger import Ledger
from tune_jobs.stacking.choice import places_on
from tune_jobs.standing.confirmed import check_confirms
from tune_jobs.standing.counts import Counts
from tune_jobs.standing.fingerprints import data_fingerprints
from tune_jobs.standing.kept_modes import stand_with_modes
from tune_jobs.standing.replicates import RowReader
from tune_jobs.standing.standing import Standing
from tune_jobs.storage.probe import probe
from tune_jobs.storage.storage import Storage
from tune_jobs.study.data_words import MOST_COLUMNS, data_in_words
from tune_jobs.study.model import Study
from tune_jobs.study.rows import FIRST_FRESH_SEED, expand
from tune_jobs.training.data import NO_DATA, load_data, untrained_classes
from tune_jobs.training.declared_looks import with_declared_looks
from tune_jobs.training.gpu_share import with_gpu_share
from tune_jobs.training.run_context import new_job
from tune_jobs.training.run_options import PlanOptions
from tune_jobs.training.settings import Settings
from tune_jobs.training.storage_check import look_from_nodes
from tune_jobs.training.tensorboard import LOGGED_AFTER
from tune_jobs.training.user_code_check import check_user_code
from tune_jobs.trial.cost import epoch_weight, longest_first
from tune_jobs.trial.shape import shape
from tune_jobs.trial.trial import Trial
from tune_jobs.words import counted

# A run starts Ray and imports its modules this much faster or slower than the plan, by whether the files are cached.
_QUICK_START, _SLOW_START = 0.8, 1.6


@dataclass(frozen=True)
class _Found:
    """What was found out on the nodes."""

    nodes: Sequence[Node]
    storage: Sequence[str]
    piloted: PilotResults | None = None
    fixed_seconds: float = 0.0
    seconds: float = 0.0
    to_come: Sequence[Node] = ()


def plan_ahead(study: Study, settings: Settings[PlanOptions]) -> Forecast:
    """Work out what a run of the study would take.

    Raises:
        UserError: the data cannot be read, the storage cannot be written, the cluster cannot be reached, or no node
            can hold a trial.
    """
    options = settings.options
    if options.rate is not None and not (options.rate >= 0 and math.isfinite(options.rate)):
        raise UserError(f"--rate: {options.rate:g} is not a price; give the price of one node for one hour")
    study, settings = with_declared_looks(study, settings)
    if options.confirm:
        check_confirms(study)
    storage = Storage.at(settings.storage)
    counts = _count(study, settings, storage)
    standing = counts.standing
    shares: list[str] = []
    settings = with_gpu_share(settings, standing.study, storage, measures=False, say=shares.append)
    with probe(storage):
        pass
    searching = trials_to_come(standing.search) if standing.search is not None else []
    missing = [*counts.missing, *(trial for trial, _ in searching)]
    confirming = trials_that_confirm(standing) if options.confirm else []
    if not missing:  # the levels that are confirmed have shapes of their own to time then
        missing = list({shape(trial.config): trial for trial in confirming}.values())
    load = os.getloadavg()[0]
    begun = time.monotonic()
    data = load_data((trial.config for trial in missing), settings.data_dir, study.own.code)
    check_user_code([trial.config for trial in missing], data, study)
    load_seconds = time.monotonic() - begun
    address = settings.cluster.address
    if address is not None or (options.pilot and missing):
        found = _look_and_pilot(study, settings, storage, data, missing if options.pilot else [])
    else:
        found = _Found([this_machine(settings)], [f"{storage.uri}: writable"])
    packed = [pack(node, settings.resources) for node in (*found.nodes, *found.to_come)]
    if options.nodes is not None:
        packed = [next((slots for slots in packed if slots.count), packed[0])] * options.nodes
    forecast = Forecast(
        counts,
        settings.resources,
        packed,
        at_once(packed, options.max_concurrent),
        searching,
        piloted=found.piloted,
        storage=found.storage,
        shares=shares,
        data=[
            *_data_lines(missing, data),
            *data_in_words(standing.study, standing.rows, most=MOST_COLUMNS),
            *untrained_classes((trial.config for trial in missing), data),
        ],
        later=[Later(stage, len(trials), None) for stage, trials in later_trials(standing).items()],
        confirming=Later("confirm", len(confirming), None) if options.confirm else None,
        load=load if address is None else 0.0,
        rate=options.rate,
        assumed=options.nodes is not None,
        to_come=len(found.to_come) if options.nodes is None else 0,
        pilot_seconds=found.seconds,
    )
    forecast = _with_estimate(forecast, settings, found.fixed_seconds + load_seconds, confirming)
    return replace(forecast, text="\n".join(plan_lines(forecast)))


def _count(study: Study, settings: Settings[PlanOptions], storage: Storage) -> Counts:
    seeds, options = range(settings.seeds), settings.options
    fingerprints = data_fingerprints(study, seeds, settings.data_dir, download=options.download)
    stack, device = settings.resources.stack, settings.device
    standing = stand_with_modes(study, storage, Ledger.find(storage), seeds, fingerprints, stack=stack, device=device)
    return Counts(standing, standing.missing(time_limit_seconds=settings.limit_seconds))


def this_machine(settings: Settings[PlanOptions]) -> Node:
    """The node that Ray would start here."""
    cluster = settings.cluster
    gpus = cluster.logical_gpus
    if settings.resources.gpus_per_trial and not gpus:
        import torch

        gpus = torch.cuda.device_count()
    return Node(provenance.host(), cluster.cpus or os.cpu_count() or 1, gpus)


def _look_and_pilot(
    study: Study,
    settings: Settings[PlanOptions],
    storage: Storage,
    data: Mapping[str, TrialData],
    missing: Sequence[Trial],
) -> _Found:
    """Look at the nodes, and time the shapes of the missing trials on them."""
    # Imported here: counting alone saves the second that importing Ray takes.
    from tune_jobs.capacity.ray_nodes import alive_nodes
    from tune_jobs.forecast.pilot import run_pilots
    from tune_jobs.training.ray_session import find_capacity, ray_running

    distinct = samples(study, missing)
    print(f"starting Ray to time {counted(len(distinct), 'shape')} of trial", file=sys.stderr, flush=True)
    begun = time.monotonic()
    cluster, resources, most = settings.cluster, settings.resources, settings.options.max_concurrent
    places = places_on(settings.device, storage, resources.stack)
    with ray_running(cluster, data):
        start_seconds = time.monotonic() - begun
        capacity = find_capacity(cluster)
        waiting = capacity.check(resources)
        to_come = capacity.nodes_to_add(resources)
        found = _Found(capacity.up, [f"{storage.uri}: writable from here"], to_come=to_come)
        if cluster.address is not None:
            found = replace(found, storage=_node_lines(storage, look_from_nodes(storage, alive_nodes())))
        if not distinct:
            return found
        # Pilots run on the nodes that are up, or else on the first that the autoscaler brings up.
        usable = to_come[:1] if waiting else capacity.up
        if waiting:
            print(f"{waiting}; the pilots need it (--no-pilot only counts)", file=sys.stderr, flush=True)
        packed = [pack(node, resources) for node in usable]
        together = min(at_once(packed, most), len(missing))
        piloted = run_pilots(
            distinct,
            data,
            replace(new_job(study, study.config(), "", settings, places=places), time_limit_seconds=None),
            resources=resources,
            at_once=together,
            max_concurrent=together if capacity.autoscaling.groups else most,
            seconds=budget_seconds(sum(trial.epochs * epoch_weight(trial.config) for trial in missing) / together),
        )
        stopping = time.monotonic()
    ended = time.monotonic()
    fixed = start_seconds + piloted.start_seconds + piloted.stop_seconds + (ended - stopping)
    return replace(found, piloted=piloted, fixed_seconds=fixed, seconds=ended - begun)


def _node_lines(storage: Storage, problems: Mapping[str, str]) -> list[str]:
    fine = sum(not problem for problem in problems.values())
    lines = [f"{storage.uri}: writable from {fine} of {len(problems)} nodes"]
    lines += [f"node {name} {problem}" for name, problem in problems.items() if problem]
    if fine < len(problems):
        lines.append("results from such a node would be lost: give a shared folder or s3://… (--storage)")
    return lines


def work_of(trial: Trial, time_limit_seconds: float | None = None) -> Work:
    """Turn a trial into work.

    Early stopping is expected half way between the earliest possible epoch and the last. Where a table reads the best
    epoch, predictions are kept after each improvement: after every epoch at most; if validation improves by chance
    alone, after as many as the harmonic sum. The geometric mean is expected.
    """
    patience = trial.config.early_stopping_patience
    fewest = min(patience + 1, trial.epochs) if patience else trial.epochs
    epochs = Span(fewest, (fewest + trial.epochs) / 2, trial.epochs)
    measured = Span.exactly(len(trial.measure_at))
    if trial.measure_improvements:
        by_chance = sum(1 / epoch for epoch in range(1, fewest + 1))
        measured = Span(by_chance, math.sqrt(by_chance * epochs.expected), trial.epochs)
    return Work(shape(trial.config), epochs, measured, math.inf if time_limit_seconds is None else time_limit_seconds)


def later_trials(standing: Standing) -> dict[str, list[Trial]]:
    """Upper bound on the trials of later stages, of a search's follow-up and of later looks, by name.

    A stage's trials are counted as if the stages before it changed nothing. The next stage, whose trials are known,
    adds only its fresh estimate.
    """
    study = standing.study
    settled = [choice.fields for choice in standing.choices]
    to_come = study.stages[len(settled) :]
    known = {trial.key for trial in standing.trials}
    fresh = [trial for trial in standing.trials if trial.config.seed >= FIRST_FRESH_SEED]
    fresh = fresh[-study.fresh_seeds * (study.showing.folds or 1) :]
    later: dict[str, list[Trial]] = looks_to_come(standing)
    if standing.search is not None and standing.follow_up is not None and standing.follow_up.winner is None:
        later |= trials_that_follow(standing.search)
    reader = RowReader(None, standing.seeds, standing.fingerprints)
    for index, stage in enumerate(to_come):
        rows = expand(study, [*settled, *({} for _ in range(index))])
        trials = reader.trials(rows)
        later[stage.name] = [*(trial for trial in trials if trial.key not in known), *fresh]
        known |= {trial.key for trial in trials}
    return {name: trials for name, trials in later.items() if trials}


def _with_estimate(
    forecast: Forecast, settings: Settings[PlanOptions], fixed_seconds: float, confirming: Sequence[Trial]
) -> Forecast:
    """Add times and disk space, if pilots timed anything."""
    piloted = forecast.piloted
    if piloted is None or not piloted.pilots or not forecast.at_once:
        return forecast
    limit_seconds = settings.limit_seconds
    later = later_trials(forecast.counts.standing)
    every = [*forecast.missing, *(trial for trials in later.values() for trial in trials), *confirming]
    weights = {shape(trial.config): epoch_weight(trial.config) for trial in every}
    known: dict[str, Cost] = costs(piloted.pilots, weights, piloted.between)

    def works(trials: Sequence[Trial]) -> list[Work]:
        found = [work_of(trial, limit_seconds) for trial in longest_first(trials)]
        return [piece for piece in found if piece.shape not in piloted.failures]

    drawn = [replace(work_of(trial, limit_seconds), epochs=epochs) for trial, epochs in forecast.searching]
    now = [*works(forecast.counts.missing), *(piece for piece in drawn if piece.shape not in piloted.failures)]

    fixed = Span(_QUICK_START * fixed_seconds, fixed_seconds, _SLOW_START * fixed_seconds)

    def time_of(pieces: Sequence[Work]) -> Estimate:
        return estimate(pieces, known, forecast.at_once, fixed=fixed)

    timed = {one.shape for one in piloted.pilots} | set(piloted.failures)
    untimed = {shape(trial.config) for trial in forecast.missing} - timed
    return replace(
        forecast,
        estimate=time_of(now),
        untimed=len(untimed),
        disk=disk(now, piloted.pilots, LOGGED_AFTER[settings.options.tensorboard]),
        later=[Later(stage, len(trials), time_of(works(trials))) for stage, trials in later.items()],
        # Ray is up by then.
        confirming=forecast.confirming
        and replace(forecast.confirming, estimate=estimate(works(confirming), known, forecast.at_once)),
    )


def _data_lines(trials: Sequence[Trial], data: Mapping[str, TrialData]) -> list[str]:
    sizes: dict[str, int] = {}
    own = {trial.config.trainer: f"{trial.config.trainer} reads its data itself" for trial in trials}
    for part in data.values():
        if part is NO_DATA:
            continue
        sizes[part.dataset] = len(part.train_inputs) + len(part.validation_inputs)
    return [words for trainer, words in own.items() if trainer] + [
        f"{name}: {rows:,} rows, read here; workers get them through Ray's object store" for name, rows in sizes.items()
    ]
