"""`evaluate`: open the sealed test set, once, for what a study declares and for what validation chose.

Everything is trained and kept before a test row is read; the opening is written down before as well. An
opening that was interrupted before its numbers were in is finished by the next call, and is no second one.
"""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from data_utils import DatasetError, TestData, load_test_data
from models.registry import metric_name
from tune_jobs.commands.run import Plan, RunOptions, data_fingerprints, make_plan, train_trials
from tune_jobs.errors import UserError
from tune_jobs.ledger import provenance
from tune_jobs.ledger.ledger import Ledger
from tune_jobs.ledger.runs import now
from tune_jobs.ledger.saved_models import FOLDER as MODELS
from tune_jobs.ledger.saved_models import model_name, read_model
from tune_jobs.ledger.test_openings import Opening, Reached, new_id, read_openings, write_opening
from tune_jobs.standing.search.follow_up import FIRST_ESTIMATING_SEED
from tune_jobs.standing.stages import selection_scores
from tune_jobs.storage.storage import Storage
from tune_jobs.study.model import FRESH_PATH, STEPS, Study
from tune_jobs.study.rows import Row, Trial, data_id, expand, replicates, row_trial
from tune_jobs.training.trainable import data_slot
from tune_jobs.trial.config import (
    METRIC_SPECS,
    TrialConfig,
    config_of,
    dataset_options,
    preparation,
    trajectory,
    validation_rows,
)

DECLARED, CHOSEN = "declared", "chosen"


@dataclass(frozen=True)
class Candidate:
    """A configuration that is to be tested: the row, with the replicates of the final that it stands for."""

    final: str
    roles: tuple[str, ...]
    row: Row
    label: str


@dataclass(frozen=True)
class Evaluation:
    """What `evaluate` did.

    Attributes:
        code: for the command line to exit with.
        opening: None where training did not end well.
        models: where the best model is kept, by final configuration.
        chosen: which configuration that is, in words.
    """

    code: int
    opening: Opening | None = None
    models: Mapping[str, str] = dataclasses.field(default_factory=dict)
    chosen: Mapping[str, str] = dataclasses.field(default_factory=dict)


def evaluate_study(
    study: Study, options: RunOptions, *, variant: str = "", again: bool = False, say: Callable[[str], None] = print
) -> Evaluation:
    """Train what is missing, open the test sets, and keep the best models.

    Args:
        study: that was run.
        options: where and with what.
        variant: what was overridden, in words.
        again: whether test sets that the study has opened before may be opened once more.
        say: takes lines for a person to read.

    Raises:
        UserError: the study has not been run, or its test sets were opened before and `again` is not set.
    """
    if study.fraction < 1:
        raise UserError(
            f"{study.name}: a quick look (--fraction {study.fraction:g}) opens no test set; `ablatune run` without "
            "--fraction first"
        )
    ledger = Ledger.open(Storage.at(options.storage)).patient()
    storage = ledger.storage
    fingerprints = data_fingerprints(expand(study), range(options.seeds), options.data_dir, download=options.download)
    plan = make_plan(study, ledger, seeds=options.seeds, fingerprints=fingerprints)
    if plan.missing:
        raise UserError(
            f"{study.name}: {len(plan.missing)} of {len(plan.trials)} trials are missing, so that validation cannot "
            "choose yet; `ablatune run` trains them"
        )
    if len(plan.choices) < len(study.stages):
        stage = study.stages[len(plan.choices)].name
        raise UserError(
            f"{study.name}: stage {stage} has not settled, since trials of it failed; `ablatune status` names them, "
            "`ablatune run --retry-failed` tries them again"
        )
    if plan.follow_up is not None and plan.follow_up.doing:
        raise UserError(
            f"{study.name}: has no winner yet, waiting for {plan.follow_up.doing}; `ablatune run` goes on with it"
        )
    found = candidates(study, plan)
    _opening(study, variant, found, plan, storage, again=again)
    code = _train(study, found, plan, ledger, options, say)
    if code:
        return Evaluation(code)
    plan = _read_again(plan, found, ledger)
    # Looked at once more: training may have taken hours, in which another call may have opened the test set.
    opening = _opening(study, variant, found, plan, storage, again=again)
    write_opening(storage, opening)
    say(f"opening the test set of {', '.join(sorted(opening.data))}")
    opening = _test(opening, study, storage, options)
    write_opening(storage, opening)
    chosen = {one.final: f"{one.final} ({one.label})" for one in found if CHOSEN in one.roles}
    return Evaluation(0, opening, _keep_best(study, found, plan, storage), chosen)


def _read_again(plan: Plan, found: Sequence[Candidate], ledger: Ledger) -> Plan:
    """Return the plan with the records of what was trained since."""
    keys = {trial.key for candidate in found for trial, _ in _readings(candidate.row, plan)}
    records = {**plan.contents.records, **ledger.read(keys=keys).records}
    return dataclasses.replace(plan, contents=dataclasses.replace(plan.contents, records=records))


def candidates(study: Study, plan: Plan) -> list[Candidate]:
    """Return the declared final configurations, each with the one that validation chose against it.

    With a search its winner is what validation chose. Else rivals of a final configuration are the rows on the same
    data with replicates of the same kind; in regression also of the same objective, since a value and a distribution
    are different things to predict, and where losses are compared of the same target transform, since a loss is on
    its scale.
    """
    finals = {table.name for table in study.finals}
    declared = [row for row in plan.rows if row.table in finals]
    if plan.follow_up is not None:
        found = [Candidate(row.table, (DECLARED,), row, "Final configuration") for row in declared]
        return [*found, _winner(plan)]
    found = []
    for own in declared or _stand_in(study, plan):
        rivals = [row for row in plan.rows if row.table != FRESH_PATH and _rivals(row, own)]
        chosen = _best([own, *rivals] if declared else rivals, own.select, plan)
        place = "Final configuration" if chosen is own else f"{chosen.table}, {', '.join(chosen.labels)}"
        same = declared and _same(chosen, own, plan)
        if declared:
            roles = (DECLARED, CHOSEN) if same else (DECLARED,)
            found.append(Candidate(own.table, roles, own, "Final configuration"))
        if not same:
            row = dataclasses.replace(chosen, moves=own.moves, more=own.more, seeds=own.seeds, select=own.select)
            found.append(Candidate(own.table if declared else chosen.table, (CHOSEN,), row, place))
    return found


def _winner(plan: Plan) -> Candidate:
    """Return the winner of the search, with as many replicates as the study has, of seeds that chose nothing.

    Where the epoch that is tested depends on how a replicate went, there are only those that were run.
    """
    row = [row for row in plan.rows if row.table == STEPS][-1]
    fixed = row.read == "last" and row.config is not None and not row.config.early_stopping_patience
    count = len(plan.seeds) if fixed else len(row.seeds or ())
    seeds = tuple(range(FIRST_ESTIMATING_SEED, FIRST_ESTIMATING_SEED + count))
    return Candidate(STEPS, (CHOSEN,), dataclasses.replace(row, seeds=seeds), "Winner of the search")


def _stand_in(study: Study, plan: Plan) -> list[Row]:
    """Return, for a study without a final configuration, a row whose rivals are all of its base's kind."""
    base = study.config()
    return [row for row in plan.rows if row.config is not None and row.config.dataset == base.dataset][:1]


def _rivals(row: Row, own: Row) -> bool:
    if row.config is None or own.config is None or row.moves != own.moves:
        return False
    same_data = data_id(row.config) == data_id(own.config) and _held_out(row.config) == _held_out(own.config)
    regression = own.config.dataset_info.task == "regression"
    same_scale = own.select != "loss" or row.config.target_transform == own.config.target_transform
    return same_data and same_scale and (not regression or row.config.objective == own.config.objective)


def _held_out(config: TrialConfig) -> tuple[int, int]:
    return config.split_seed, validation_rows(config)


def _best(rows: Sequence[Row], select: str, plan: Plan) -> Row:
    """Return the row with the best mean validation score, the first of equals; those with a bad end never win."""

    def mean(row: Row) -> float:
        scored = dataclasses.replace(row, select=select)
        scores = selection_scores(scored, plan.contents, plan.seeds, plan.fingerprints)
        return sum(scores) / len(scores) if scores else float("-inf")

    return max(rows, key=mean)


def _same(one: Row, other: Row, plan: Plan) -> bool:
    return _endings(one, plan) == _endings(other, plan)


def _endings(row: Row, plan: Plan) -> list[tuple[str, int]]:
    return [(trial.key, epoch) for trial, epoch in _readings(row, plan)]


def _readings(row: Row, plan: Plan) -> list[tuple[Trial, int]]:
    """Return each replicate's trial and the epoch whose network is tested.

    Raises:
        UserError: a replicate has no such epoch: it diverged, failed or timed out.
    """
    found = []
    for seed in replicates(row, plan.seeds):
        trial = row_trial(row, seed, plan.fingerprints)
        record, patience = plan.contents.records.get(trial.key), trial.config.early_stopping_patience
        if record is not None:
            epoch = record.reading(epochs=row.epochs, patience=patience, read=row.read).epoch
        else:
            epoch = row.epochs if row.read == "last" and not patience else None
        if epoch is None:
            ended = record.reason if record is not None else "it was not run"
            raise UserError(
                f"{row.table}, {', '.join(row.labels)}, seed {seed}: has no trained network to test ({ended}); "
                "declare another final configuration"
            )
        found.append((trial, epoch))
    return found


def _opening(
    study: Study, variant: str, found: Sequence[Candidate], plan: Plan, storage: Storage, *, again: bool
) -> Opening:
    """Return the opening that is to be made: a new one, or one that was interrupted.

    Raises:
        UserError: the study has opened one of the test sets before.
    """
    tested = [_untested(candidate, plan) for candidate in found]
    opening = Opening(new_id(), study.name, variant, now(), provenance.command(), tested)
    before = [one for one in read_openings(storage) if one.study == study.name and one.data & opening.data]
    for one in before:
        if not one.finished and [_identity(t) for t in one.tested] == [_identity(t) for t in tested]:
            return one
    if before and not again:
        times = "once" if len(before) == 1 else f"{len(before)} times"
        raise UserError(
            f"{study.name}: has opened the test set of {', '.join(sorted(before[-1].data)[:3])} {times}, last on "
            f"{before[-1].opened_at[:10]}; `ablatune report` shows what was reached, --again opens it once more and "
            "the report will say so"
        )
    return opening


def _identity(tested: Reached) -> tuple[Any, ...]:
    return (tested.final, tested.roles, tested.keys, tested.epochs)


def _untested(candidate: Candidate, plan: Plan) -> Reached:
    readings = _readings(candidate.row, plan)
    config = readings[0][0].config
    fields = {**trajectory(config), "epochs": config.epochs}
    info = config.dataset_info
    return Reached(
        final=candidate.final,
        roles=candidate.roles,
        label=candidate.label,
        fields={name: value for name, value in fields.items() if name != "seed"},
        data=tuple(data_id(trial.config) for trial, _ in readings),
        seeds=tuple(trial.config.seed for trial, _ in readings),
        keys=tuple(trial.key for trial, _ in readings),
        epochs=tuple(epoch for _, epoch in readings),
        metric=metric_name(info.task),
        unit=METRIC_SPECS[metric_name(info.task)].unit or info.target_unit,
    )


def _train(
    study: Study,
    found: Sequence[Candidate],
    plan: Plan,
    ledger: Ledger,
    options: RunOptions,
    say: Callable[[str], None],
) -> int:
    """Train and keep the networks that are not kept yet; return the exit code."""
    readings = [reading for candidate in found for reading in _readings(candidate.row, plan)]
    while True:
        kept = ledger.storage.names(MODELS)
        missing = {
            trial.key: Trial(trial.key, trial.config, epoch, frozenset({epoch}))
            for trial, epoch in readings
            if model_name(trial.key, epoch) not in kept
        }
        if not missing:
            return 0
        # Trials of one trajectory that end at different epochs are trained one after the other.
        code = train_trials(study, list(missing.values()), ledger, options, say, keep_models=True)
        if code:
            return code
        kept = ledger.storage.names(MODELS)
        for trial in missing.values():
            if model_name(trial.key, trial.epochs) not in kept:
                record = ledger.read(keys={trial.key}).records[trial.key]
                raise UserError(
                    f"{study.name}: trial {trial.key[:8]}, seed {trial.config.seed}, trained again to be kept, ended "
                    f"as {record.outcome.replace('_', ' ')} ({record.reason or 'before its last epoch'}); no test set "
                    "was opened; give it more time, or the kind of machine that it was first trained on"
                )


def _test(opening: Opening, study: Study, storage: Storage, options: RunOptions) -> Opening:
    test_sets: dict[str, str] = {}
    loaded: dict[Any, TestData] = {}
    tested = []
    for one in opening.tested:
        reached = []
        for seed, name, key, epoch in zip(one.seeds, one.data, one.keys, one.epochs, strict=True):
            model = read_model(storage, MODELS, model_name(key, epoch), code=study.own.code)
            config = config_of(model.config).replace(seed=seed)
            if config.info is not None:
                info = study.own.catalog.info(config.dataset, config.own_parameters("dataset"))
                config = dataclasses.replace(config, info=info)
            slot = data_slot(config)
            if slot not in loaded:
                loaded[slot] = _test_data(config, options.data_dir)
                test_sets[name] = loaded[slot].test_fingerprint
            reached.append(model.score(loaded[slot], loaded[slot].inputs, loaded[slot].targets))
        metrics, losses = zip(*reached, strict=True)
        tested.append(dataclasses.replace(one, metrics=metrics, losses=losses))
    return dataclasses.replace(opening, tested=tested, test_sets=test_sets)


def _test_data(config: TrialConfig, data_dir: Path) -> TestData:
    try:
        return load_test_data(
            config.info or config.dataset,
            preparation(config),
            data_dir=data_dir,
            options=dataset_options(config),
        )
    except DatasetError as error:
        raise UserError(str(error)) from error


def _keep_best(study: Study, found: Sequence[Candidate], plan: Plan, storage: Storage) -> dict[str, str]:
    """Keep, for each final, the replicate that validation likes best of the configuration that it likes best."""
    kept = {}
    for candidate in found:
        if CHOSEN not in candidate.roles:
            continue
        readings = _readings(candidate.row, plan)
        scores = selection_scores(candidate.row, plan.contents, plan.seeds, plan.fingerprints) or [0.0]
        trial, epoch = readings[scores.index(max(scores))]
        name = f"{candidate.final}.safetensors"
        storage.write(storage.read(MODELS, model_name(trial.key, epoch)), MODELS, study.name, name)
        kept[candidate.final] = storage.address(MODELS, study.name, name)
    return kept
