"""`evaluate`: open the sealed test set, once, for what a study declares and for what validation chose.

Everything is trained and kept before a test row is read, and the opening is written down first too. An opening that was
interrupted before its numbers were in is finished by the next call, which does not count as a second opening.
"""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from math import nan
from pathlib import Path
from typing import Any

from data_utils import DatasetError, TestData
from models.history import COMPLETED
from models.registry import metric_name
from tune_jobs.commands.candidates import CHOSEN, Candidate, find_candidates
from tune_jobs.errors import StorageRefusedError, UserError
from tune_jobs.ledger import provenance
from tune_jobs.ledger.ledger import Ledger
from tune_jobs.ledger.runs import now
from tune_jobs.ledger.saved_models import FOLDER as MODELS
from tune_jobs.ledger.saved_models import model_name, score_kept_model
from tune_jobs.ledger.test_openings import Opening, Reached, new_id, read_openings, write_opening
from tune_jobs.standing.fingerprints import data_fingerprints
from tune_jobs.standing.replicates import RowReader
from tune_jobs.standing.stages import selection_scores
from tune_jobs.standing.standing import Standing, stand
from tune_jobs.storage.storage import Storage
from tune_jobs.study.model import Study
from tune_jobs.training.ending import end_refused
from tune_jobs.training.gpu_share import with_gpu_share
from tune_jobs.training.run_context import RunContext
from tune_jobs.training.run_options import EvaluateOptions
from tune_jobs.training.settings import Settings
from tune_jobs.training.table_run import train_trials
from tune_jobs.training.trainer_evaluation import check_evaluates, evaluate_state, kept_state
from tune_jobs.trial.config import METRIC_SPECS, config_of
from tune_jobs.trial.data import data_id, data_slot
from tune_jobs.trial.key import trajectory
from tune_jobs.trial.metrics import Metrics
from tune_jobs.trial.trial import Trial
from tune_jobs.user_code.questions import find_test_data
from tune_jobs.words import counted


@dataclass(frozen=True)
class Evaluation:
    """What `evaluate` did.

    Attributes:
        code: for the command line to exit with.
        opening: None if training did not end well.
        models: where the best model is kept, by final configuration.
        chosen: which configuration that is, in words.
    """

    code: int
    opening: Opening | None = None
    models: Mapping[str, str] = dataclasses.field(default_factory=dict)
    chosen: Mapping[str, str] = dataclasses.field(default_factory=dict)


def evaluate_study(
    study: Study, settings: Settings[EvaluateOptions], *, variant: str = "", say: Callable[[str], None] = print
) -> Evaluation:
    """Train what is missing, open the test sets, and keep the best models.

    Args:
        study: that was run.
        settings: of the evaluation.
        variant: what was overridden, in words.
        say: takes lines for a person to read.

    Raises:
        UserError: the study has not been run, or its test sets were opened before and the option `again` is not set.
    """
    if study.fraction < 1:
        raise UserError(
            f"{study.name}: a quick look (--fraction {study.fraction:g}) opens no test set; "
            f"`{dataclasses.replace(study, fraction=1.0).command('run')}` first"
        )
    ledger, seeds = Ledger.open(Storage.at(settings.storage)).patient(), range(settings.seeds)
    fingerprints = data_fingerprints(study, seeds, settings.data_dir, download=settings.options.download)
    standing = stand(study, ledger, seeds, fingerprints, variant=variant)
    _check_ready(standing)
    found, storage = find_candidates(standing), ledger.storage
    settings = with_gpu_share(settings, standing.study, storage, measures=False, say=say)
    _check_functions(found, study)
    _opening(standing, found, again=settings.options.again)
    try:
        code = _train(RunContext(study, ledger, settings, say), found)
    except StorageRefusedError as error:
        code = end_refused(error, storage, say)
    if code:
        return Evaluation(code)
    # Checked once more: training may have taken hours, in which another call may have opened the test set.
    opening = _opening(standing, found, again=settings.options.again)
    write_opening(storage, opening)
    say(f"opening the test set of {', '.join(sorted(opening.data))}")
    opening = _test(opening, found, study, storage, settings)
    write_opening(storage, opening)
    chosen = {one.final: f"{one.final} ({one.label})" for one in found if CHOSEN in one.roles}
    return Evaluation(0, opening, _keep_best(standing, found, ledger), chosen)


def _check_ready(standing: Standing) -> None:
    """Raise while validation cannot choose yet."""
    study, missing = standing.study, standing.missing()
    are = "is" if len(missing) == 1 else "are"
    if missing:
        raise UserError(
            f"{study.name}: {len(missing)} of {counted(len(standing.trials), 'trial')} {are} missing, so validation "
            f"cannot choose yet; `{study.command('run')}` trains {'it' if len(missing) == 1 else 'them'}"
        )
    if len(standing.choices) < len(study.stages):
        stage = study.stages[len(standing.choices)].name
        raise UserError(
            f"{study.name}: stage {stage} has not settled, since some of its trials failed; "
            f"`{study.command('status')}` names them, `{study.command('run', '--retry-failed')}` tries them again"
        )
    if standing.follow_up is not None and standing.follow_up.waiting_for:
        raise UserError(
            f"{study.name}: has no winner yet, waiting for {standing.follow_up.waiting_for}; "
            f"`{study.command('run')}` continues"
        )


def _opening(standing: Standing, found: Sequence[Candidate], *, again: bool) -> Opening:
    """Return the opening to make: a new one, or one that was interrupted.

    Raises:
        UserError: the study has opened one of the test sets before.
    """
    study = standing.study
    tested = [_untested(candidate, study.metrics) for candidate in found]
    opening = Opening(new_id(), study.name, standing.variant, now(), provenance.command(), tested)
    openings = read_openings(standing.existing_ledger.storage)
    before = [one for one in openings if one.study == study.name and one.data & opening.data]
    for one in before:
        if not one.finished and [_identity(t) for t in one.tested] == [_identity(t) for t in tested]:
            return one
    if before and not again:
        times = "once" if len(before) == 1 else f"{len(before)} times"
        raise UserError(
            f"{study.name}: has opened the test set of {', '.join(sorted(before[-1].data)[:3])} {times}, last on "
            f"{before[-1].opened_at[:10]}; `{study.command('report')}` shows the results, --again opens it once more "
            "and the report will say so"
        )
    return opening


def _check_functions(found: Sequence[Candidate], study: Study) -> None:
    """Check that training functions have an `evaluate` beside them, before anything is trained or opened."""
    configs = {trial.config.trainer: trial.config for one in found for trial, _ in one.readings}
    for trainer, config in configs.items():
        if trainer:
            check_evaluates(config, study.own.code)


def _identity(tested: Reached) -> tuple[Any, ...]:
    return (tested.final, tested.roles, tested.keys, tested.epochs)


def _untested(candidate: Candidate, metrics: Metrics | None) -> Reached:
    config = candidate.readings[0][0].config
    fields = {**trajectory(config), "epochs": config.epochs}
    info = config.dataset_info
    if config.trainer and metrics is not None:
        metric, unit = metrics.by.compared_name, metrics.by.unit
        fields["dataset"] = config.trainer
    else:
        metric = metric_name(info.task)
        unit = METRIC_SPECS[metric].unit or info.target_unit
    return Reached(
        final=candidate.final,
        roles=candidate.roles,
        label=candidate.label,
        fields={name: value for name, value in fields.items() if name != "seed"},
        data=tuple(data_id(trial.config) for trial, _ in candidate.readings),
        seeds=tuple(trial.config.seed for trial, _ in candidate.readings),
        keys=tuple(trial.key for trial, _ in candidate.readings),
        epochs=tuple(epoch for _, epoch in candidate.readings),
        metric=metric,
        unit=unit,
    )


def _train(run: RunContext, found: Sequence[Candidate]) -> int:
    """Train the networks that are not kept yet, and keep them; return the exit code."""
    readings = [reading for candidate in found for reading in candidate.readings]
    storage = run.ledger.storage
    _keep_states(readings, storage)
    while True:
        kept = storage.names(MODELS)
        missing = {
            trial.key: Trial(trial.key, trial.config, epoch, frozenset({epoch}), mode=trial.mode)
            for trial, epoch in readings
            if model_name(trial.key, epoch) not in kept
        }
        if not missing:
            return 0
        # Trials of one trajectory that end at different epochs are trained one after the other.
        code = train_trials(run, list(missing.values()), keep_models=True)
        if code:
            return code
        kept = storage.names(MODELS)
        for trial in missing.values():
            if model_name(trial.key, trial.epochs) not in kept:
                record = run.ledger.read(keys={trial.key}).records[trial.key]
                if trial.config.trainer and record.outcome == COMPLETED:
                    raise UserError(
                        f"{trial.config.trainer}: saves nothing after its last epoch, so there is nothing to test; no "
                        "test set was opened; let it call trial.save(…) after trial.report(…) in every epoch"
                    )
                raise UserError(
                    f"{run.study.name}: trial {trial.key[:8]}, seed {trial.config.seed}: re-training to save the model "
                    f"ended as {record.outcome.replace('_', ' ')} ({record.reason or 'before its last epoch'}); no "
                    "test set was opened; give the trial more time, or the kind of machine that it was first trained on"
                )


def _keep_states(readings: Sequence[tuple[Trial, int]], storage: Storage) -> None:
    """Keep what training functions have saved in the end, where a checkpoint has it: nothing is trained again."""
    kept = storage.names(MODELS)
    for trial, epoch in readings:
        name = model_name(trial.key, epoch)
        state = kept_state(storage, trial.key, epoch) if trial.config.trainer and name not in kept else None
        if state is not None:
            storage.write(state, MODELS, name)


def _test(
    opening: Opening,
    found: Sequence[Candidate],
    study: Study,
    storage: Storage,
    settings: Settings[EvaluateOptions],
) -> Opening:
    """Fill in what each tested configuration reaches."""
    parts = _TestParts(study, settings.data_dir)
    trials = {trial.key: trial for one in found for trial, _ in one.readings}
    test_sets: dict[str, str] = {}
    tested = []
    for one in opening.tested:
        reached = []
        for seed, name, key, epoch in zip(one.seeds, one.data, one.keys, one.epochs, strict=True):
            config = trials[key].config
            if config.trainer and study.metrics is not None:
                state = storage.read(MODELS, model_name(key, epoch))
                value = evaluate_state(config, epoch, state, study.metrics, settings.device, study.own.code)
                reached.append((value, nan))
                test_sets[name] = f"read by {config.trainer}"
                continue
            part = partial(parts.read, seed=seed)
            reached.append(score_kept_model(storage, model_name(key, epoch), data=part, code=study.own.code))
            test_sets[name] = parts.last.test_fingerprint
        metrics, losses = zip(*reached, strict=True)
        tested.append(dataclasses.replace(one, metrics=metrics, losses=losses))
    return dataclasses.replace(opening, tested=tested, test_sets=test_sets)


class _TestParts:
    """The test parts of a study's data, each read once; `last` is the one that was asked for last."""

    def __init__(self, study: Study, data_dir: Path) -> None:
        self._study = study
        self._data_dir = data_dir
        self._read: dict[str, TestData] = {}
        self.last: TestData

    def read(self, fields: Mapping[str, Any], *, seed: int) -> TestData:
        """Return the test part for the fields and the seed that a model was trained with."""
        config = config_of(fields).replace(seed=seed)
        if config.info is not None:
            info = self._study.own.catalog.info(config.dataset, config.own_parameters("dataset"))
            config = dataclasses.replace(config, info=info)
        slot = data_slot(config)
        if slot not in self._read:
            try:
                self._read[slot] = find_test_data(config, self._data_dir, self._study.own.code)
            except DatasetError as error:
                raise UserError(str(error)) from error
        self.last = self._read[slot]
        return self.last


def _keep_best(standing: Standing, found: Sequence[Candidate], ledger: Ledger) -> dict[str, str]:
    """Keep, for each configuration that validation chose, the replicate that does best on validation."""
    storage, kept = ledger.storage, {}
    reader = RowReader(ledger, standing.seeds, standing.fingerprints)
    for candidate in found:
        if CHOSEN not in candidate.roles:
            continue
        records = reader.read([candidate.row]).records
        scores = selection_scores(reader.replicates(candidate.row), records) or [0.0]
        trial, epoch = candidate.readings[scores.index(max(scores))]
        ending = "state" if trial.config.trainer else "safetensors"
        name = f"{candidate.final}.{ending}"
        storage.write(storage.read(MODELS, model_name(trial.key, epoch)), MODELS, standing.study.name, name)
        kept[candidate.final] = storage.address(MODELS, standing.study.name, name)
    return kept
