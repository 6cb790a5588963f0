"""Trials that a training function of the user trains, from the study file to the record."""

import dataclasses
import os
import tempfile
from pathlib import Path
from typing import Any

import pytest

from analysis.frames.evidence import gather
from analysis.report.outline import sections_of
from analysis.tables.rendering import RENDERERS
from models.history import COMPLETED, DIVERGED, PRUNED, STOPPED_EARLY, TIMED_OUT
from tests.tune_jobs.trainers import BASE, CLIMB, METRICS, Own
from tune_jobs.errors import UserError
from tune_jobs.forecast.pilot_timing import time_shape
from tune_jobs.ledger.combining import combine
from tune_jobs.ledger.record import FAILED, Record
from tune_jobs.standing.stale import stale_trials
from tune_jobs.storage.storage import Storage
from tune_jobs.study.rows import expand
from tune_jobs.trainer.requirements import lacking
from tune_jobs.training.data import NO_DATA
from tune_jobs.training.trial_run import WorkerCutOff
from tune_jobs.trial.key import trajectory
from tune_jobs.trial.trial import Trial, differences

TABLE = BASE + METRICS + "seeds: 2\ntables:\n  - {factor: width, levels: [2, 4]}\n"


@pytest.fixture
def own(tmp_path: Path) -> Own:
    made = Own(tmp_path)
    made.module(climb=CLIMB)
    return made


def body(text: str, start: str = "    for epoch in trial.epochs():\n        ") -> str:
    return f"def train(trial, *, rate: float = 1.0):\n{start}{text}\n"


def failed_with(own: Own, module: str, **changes: Any) -> str:
    own.module(broken=module)
    study = own.study("base: {trainer: 'broken:train', epochs: 3}\n" + METRICS + "final: {epochs: 3}\n")
    (trial,) = own.standing(study).missing()
    record = own.run_one(study, trial, **changes)
    assert record.outcome == FAILED
    assert record.traceback or not record.epochs
    return record.reason


def test_a_table_of_a_training_function(own: Own) -> None:
    standing = own.run(own.study(TABLE))
    assert {record.outcome for record in standing.contents.records.values()} == {COMPLETED}
    evidence = gather(standing)
    (section,) = sections_of(evidence, None)
    assert section.view is not None
    headings = [section.view.heading(quantity) for quantity in section.view.quantities]
    assert headings == ["Validation Accuracy (%)", "Validation Loss", "Train Time (s)"]
    last = section.view.lines[1]
    assert last.is_default is False or last.comparison is None
    assert last.estimates["validation_metric"].mean == pytest.approx(6.0, abs=0.05)
    assert last.estimates["validation_loss"].mean == pytest.approx(94.0, abs=0.05)
    text = {kind: render(section.view) for kind, render in RENDERERS.items()}
    assert "nan" not in "".join(text.values()).lower()
    assert "train_loss" not in text["csv"]
    assert "validation_loss_mean" in text["csv"]
    assert "what climb:train reads" in text["md"]
    assert set(evidence.trials["validation_loss"].round()) == {94.0, 97.0}


def test_the_key_holds_what_the_function_is_told_and_its_code(own: Own) -> None:
    study = own.study(TABLE)
    config = expand(study)[0].config
    assert config is not None
    told = trajectory(config)
    code = told.pop("code of trainer")
    assert told == {
        "trainer": "climb:train",
        "split_seed": 0,
        "seed": 0,
        "trainer.learning_rate": 0.5,
        "trainer.mode": "up",
        "trainer.width": 2,
    }
    own.module(climb=CLIMB.replace("100 - value", "99 - value"))
    assert trajectory(own.study(TABLE).config())["code of trainer"] != code
    assert differences(config, study.config()) == "width=2"


def test_two_runs_of_a_seed_are_equal_and_two_seeds_differ(own: Own, tmp_path: Path) -> None:
    study = own.study(TABLE)
    first = own.run(study).contents.records
    again = Own(tmp_path / "again")
    again.module(climb=CLIMB)
    second = again.run(again.study(TABLE)).contents.records
    assert {key: record.metric_values for key, record in first.items()} == {
        key: record.metric_values for key, record in second.items()
    }
    assert len({record.metric_values for record in first.values()}) == len(first) == 4


@pytest.mark.parametrize("taken", [False, True])
def test_without_a_shared_folder_what_a_function_writes_is_for_its_owner_alone(
    taken: bool, own: Own, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = tmp_path / "node"
    place.mkdir()
    if taken:
        (place / f"ablatune-trials-{os.getuid()}").mkdir(mode=0o755)
    study = own.study(TABLE)
    trial = own.standing(study).missing()[0]
    monkeypatch.setattr(Storage, "local_root", None)
    monkeypatch.setattr(tempfile, "tempdir", str(place))
    assert own.run_one(study, trial).outcome == COMPLETED
    (log,) = place.rglob("log.txt")
    folder = place / log.relative_to(place).parts[0]
    assert folder.stat().st_mode & 0o777 == 0o700
    assert (folder.name == f"ablatune-trials-{os.getuid()}") is not taken
    assert log == folder / "trials" / trial.key / "log.txt"


def test_edited_code_makes_trials_stale_and_a_run_resumes(own: Own) -> None:
    study = own.study(TABLE)
    trials = own.standing(study).missing()
    own.run_one(study, trials[0])
    assert len(own.standing(study).missing()) == 3
    own.module(climb=CLIMB.replace("100 - value", "99 - value"))
    edited = own.standing(own.study(TABLE))
    assert len(edited.missing()) == 4
    (stale,) = stale_trials(edited.missing(), own.ledger.read().records)
    assert stale.changed == ("trainer climb:train",)


def test_more_epochs_continue_from_the_last_checkpoint_and_agree(own: Own) -> None:
    final = BASE + METRICS + "final: {epochs: "
    (short,) = own.run(own.study(final + "3}\n")).trials
    (long,) = own.run(own.study(final + "5}\n")).trials
    assert short.key == long.key
    assert own.log(short.key) == "1 2 3 4 5"
    records = own.ledger.read().records[short.key]
    assert records.epochs == 5
    fresh = Own(own.folder / "fresh")
    fresh.module(climb=CLIMB)
    fresh.run(fresh.study(final + "5}\n"))
    assert fresh.ledger.read().records[long.key].metric_values == records.metric_values


def test_without_a_checkpoint_more_epochs_train_again_and_must_agree(own: Own) -> None:
    own.module(climb=CLIMB.replace("trial.save(", "str("))
    final = BASE + METRICS + "final: {epochs: "
    own.run(own.study(final + "2}\n"))
    (trial,) = own.run(own.study(final + "4}\n")).trials
    assert own.log(trial.key) == "1 2 1 2 3 4"
    assert not own.ledger.read().disagreements


def test_a_lost_process_is_started_again_and_continues_from_its_checkpoint(own: Own) -> None:
    own.checkpoint_seconds = 1e-9
    study = own.study(BASE + METRICS + "final: {epochs: 6}\n")
    (trial,) = own.standing(study).missing()
    whole = own.run_one(study, dataclasses.replace(trial, key="0" * 20))
    own.module(climb=CLIMB)

    def kill(history: Any) -> None:
        if history.epochs == 3:
            raise RuntimeError("the worker is lost")

    with pytest.raises(WorkerCutOff):
        own.run_one(study, trial, kill)
    record = own.run_one(study, trial)
    assert record.metric_values == whole.metric_values
    assert own.log(trial.key) == "3 4 5 6"


def test_a_process_that_the_system_kills_is_lost_not_failed(own: Own) -> None:
    own.module(killed=body("import os, signal; os.kill(os.getpid(), signal.SIGKILL)"))
    study = own.study("base: {trainer: 'killed:train', epochs: 3}\n" + METRICS + "final: {epochs: 3}\n")
    (trial,) = own.standing(study).missing()
    with pytest.raises(WorkerCutOff):
        own.run_one(study, trial)


@pytest.mark.parametrize(
    ("module", "words"),
    [
        (body("1 / 0"), "ZeroDivisionError: division by zero (broken.py:3, in train)"),
        (body("trial.report(validation_acuracy=1, validation_loss=1)"), "no declared metric 'validation_acuracy'"),
        (body("trial.report(validation_accuracy=1)"), "epoch 1: the report lacks validation_loss"),
        (body("trial.report(validation_accuracy='a', validation_loss=1)"), "validation_accuracy is 'a', which is not"),
        (body("trial.report(validation_accuracy=None, validation_loss=1)"), "which is not a number"),
        (
            body("trial.report(validation_accuracy=1, validation_loss=1)\n        " * 2),
            "epoch 1 is reported twice",
        ),
        (body("pass"), "epoch 1 ended without a report"),
        (body("trial.report(validation_accuracy=1, validation_loss=1)", "    "), "outside of `for epoch in trial"),
        (body("return", "    "), "broken:train returned without a loop over trial.epochs()"),
        (
            body("trial.report(validation_accuracy=1, validation_loss=1)\n        return"),
            "broken:train returned after epoch 1 of 3",
        ),
        (body("trial.save({})"), "trial.save() before epoch 1 is reported"),
        (
            body("try:\n            trial.report(a=1)\n        except Exception:\n            pass"),
            "no declared metric 'a'",
        ),
    ],
)
def test_what_a_function_does_wrong_is_a_line(own: Own, module: str, words: str) -> None:
    reason = failed_with(own, module)
    assert words in reason
    assert "\n" not in reason


def test_nan_of_the_compared_metric_ends_the_trial_as_diverged(own: Own) -> None:
    own.module(broken=body("trial.report(validation_accuracy=1 if epoch < 2 else float('nan'), validation_loss=1)"))
    study = own.study("base: {trainer: 'broken:train', epochs: 4}\n" + METRICS + "final: {epochs: 4}\n")
    (trial,) = own.standing(study).missing()
    record = own.run_one(study, trial)
    assert (record.outcome, record.epochs) == (DIVERGED, 2)
    assert record.reason == "validation_accuracy was nan in epoch 2"
    assert not own.standing(study).missing()


def test_a_generator_that_yields_its_metrics(own: Own) -> None:
    own.module(gen=body("yield {'validation_accuracy': epoch, 'validation_loss': 0}"))
    study = own.study("base: {trainer: 'gen:train', epochs: 2}\n" + METRICS + "final: {epochs: 2}\n")
    (record,) = own.run(study).contents.records.values()
    assert (record.outcome, record.validation_metric) == (COMPLETED, (1.0, 2.0))


def test_early_stopping_watches_the_compared_metric_and_a_long_record_serves_it(own: Own) -> None:
    falling = BASE.replace("epochs: 3", "epochs: 6, mode: down, early_stopping_patience: 2")
    (record,) = own.run(own.study(falling + METRICS + "final: {width: 2}\n")).contents.records.values()
    assert (record.outcome, record.epochs) == (STOPPED_EARLY, 3)
    assert record.reason == "no better validation_accuracy for 2 epochs at epoch 3"
    study = own.study(falling.replace("patience: 2", "patience: 0") + METRICS + "final: {width: 2}\n")
    (longer,) = own.run(study).contents.records.values()
    reading = longer.reading(epochs=6, patience=2, read="best")
    assert (reading.outcome, reading.epoch) == (STOPPED_EARLY, 1)


def test_a_time_limit_ends_the_trial_at_a_whole_epoch(own: Own) -> None:
    own.limit_seconds = 0.5
    own.module(slow=body("import time; time.sleep(0.4); trial.report(validation_accuracy=1, validation_loss=1)"))
    study = own.study("base: {trainer: 'slow:train', epochs: 9}\n" + METRICS + "final: {epochs: 9}\n")
    (trial,) = own.standing(study).missing()
    record = own.run_one(study, trial)
    assert record.outcome == TIMED_OUT
    assert record.epochs < 3
    assert record.reason == f"ran out of its time limit in epoch {record.epochs + 1}"


def test_a_function_is_given_its_devices_and_its_totals(own: Own) -> None:
    told = "    assert (epochs, seed, devices, device, threads) == (3, 1, ['cpu', 'cpu'], 'cpu', 2), devices\n"
    loop = "    for epoch in trial.epochs():\n        trial.report(validation_accuracy=epochs, validation_loss=seed)\n"
    own.module(told="def train(trial, epochs=3, *, seed, devices, device, threads):\n" + told + loop)
    study = own.study("base: {trainer: 'told:train', threads: 2}\n" + METRICS + "final: {epochs: 3}\n")
    trial = next(one for one in own.standing(study, seeds=2).missing() if one.config.seed == 1)
    record = own.run_one(study, trial, logical_gpus=True, gpus_per_trial=2)
    assert record.outcome == COMPLETED, record.reason
    assert '"epochs": 3' in record.fields
    assert '"threads": 2' in record.fields


def test_stages_choose_by_the_declared_metric_whichever_way_is_better(own: Own) -> None:
    stages = "stages:\n  - {factor: width, levels: [2, 8]}\n  - {factor: mode, levels: [up, down]}\n"
    text = (
        BASE + METRICS.replace("metric: validation_accuracy", "metric: validation_loss") + stages + "fresh_seeds: 2\n"
    )
    standing = own.run(own.study(text))
    assert [choice.labels for choice in standing.choices] == [("8",), ()]
    names = [section.name for section in sections_of(gather(standing), None)]
    assert "path" in names


def test_another_metric_is_compared_without_training_again(own: Own) -> None:
    standing = own.run(own.study(TABLE))
    other = own.standing(own.study(TABLE.replace("metric: validation_accuracy", "metric: validation_loss")))
    assert not other.missing()
    key = standing.trials[0].key
    record = other.contents.records[key]
    assert record.metric == "Loss||lower"
    assert record.validation_metric == standing.contents.records[key].validation_loss
    more = TABLE.replace("  validation_loss: min", "  validation_loss: min\n  validation_f1: max")
    assert len(own.standing(own.study(more)).missing()) == 4


def test_a_search_prunes_audits_and_reports(own: Own) -> None:
    text = BASE.replace("epochs: 3", "epochs: 4") + METRICS + "search:\n"
    text += "  budget: {trials: 8}\n  sampler: random\n  grace_epochs: 1\n  reduction_factor: 2\n  audit: 1\n"
    text += "  seeds: 1\n  confirm: 1\n  path: 0\n  interactions: 0\n"
    text += "  space:\n    learning_rate: {low: 0.01, high: 1.0, scale: log}\n    width: {low: 1, high: 8}\n"
    standing = own.search(own.study(text))
    search = standing.search
    assert search is not None
    assert search.over
    assert len(search.stopped) > 1
    assert search.best(1)[0].values["learning_rate"] > 0.05
    outcomes = [one.record.outcome for one in search.trials.values() if one.record is not None]
    assert {COMPLETED, PRUNED} >= set(outcomes)
    audited = [one for one in search.stopped if one.record is not None and one.record.epochs == 4]
    assert audited
    assert own.log(audited[0].trial.key if audited[0].trial else "") == "1 2 3 4"
    assert {section.name for section in sections_of(gather(standing), None)} >= {"search"}


def test_a_pilot_times_whole_epochs(own: Own) -> None:
    study = own.study(TABLE)
    trial = own.standing(study).missing()[0]
    pilot = time_shape("shape", trial, NO_DATA, own.job(study), 0.2)
    assert not isinstance(pilot, str), pilot
    assert all(0 < seconds < 1 for seconds in pilot.epoch_seconds)
    assert not own.ledger.read().records


def test_records_that_disagree_are_told_by_every_metric(own: Own) -> None:
    study = own.study(TABLE)
    record = next(iter(own.run(study).contents.records.values()))
    changed = dataclasses.replace(record, metric_values=(*record.metric_values[:-1], -1.0))
    assert combine([record, record])[1]
    assert not combine([record, changed])[1]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (BASE + "final: {width: 2}\n", "lacks `metrics`"),
        (
            BASE + "metrics: {a: max, b: min}\nfinal: {width: 2}\n",
            "lacks `metric`, the one to compare by; give one of a, b",
        ),
        (BASE + "metrics: {a: max}\nmetric: b\nfinal: {width: 2}\n", "metric: there is no metric 'b'"),
        (BASE + "metrics: {a: up}\nfinal: {width: 2}\n", "must say which way is better"),
        (BASE + "metrics: {a: {goal: up}}\nfinal: {width: 2}\n", "there is no goal 'up'"),
        (BASE + "metrics: {a-b: max}\nfinal: {width: 2}\n", "'a-b' is not a name"),
        (BASE + "metrics: {epoch: max}\nfinal: {width: 2}\n", "epoch is a column of every table"),
        (
            BASE.replace("epochs: 3", "batch_size: 3") + METRICS + "final: {width: 2}\n",
            "batch_size: climb:train takes no such parameter; it takes learning_rate, width, mode",
        ),
        (BASE + METRICS + "final: {width: 0}\n", "width"),
        (BASE + METRICS + "final: {mode: left}\n", "mode"),
        (BASE.replace("learning_rate: 0.5, ", "") + METRICS + "final: {width: 2}\n", "climb:train has no default"),
        (BASE.replace("climb:train", "climb:Ge") + METRICS + "final: {width: 2}\n", "climb:Ge: is a class"),
        (BASE.replace("climb:train", "train") + METRICS + "final: {width: 2}\n", "not of the form module:function"),
        ("base: {dataset: digits}\nmetrics: {a: max}\nfinal: {epochs: 2}\n", "names no `trainer`; leave it out"),
        (
            BASE + "metrics: {a: max}\nselect: loss\nfinal: {width: 2}\n",
            "select: loss compares by the validation loss, and climb:train reports none",
        ),
        (BASE + METRICS + "splits: outer\nfinal: {width: 2}\n", "reads its data itself"),
        (
            BASE + METRICS + "splits: {folds: 3}\nfinal: {width: 2}\n",
            "splits: folds divide the rows, and climb:train reads",
        ),
    ],
)
def test_a_mistake_in_a_study_is_a_line(own: Own, text: str, words: str) -> None:
    with pytest.raises(UserError) as raised:
        expand(own.study(text))
    assert words in str(raised.value)
    assert "\n" not in str(raised.value)


def test_a_trial_of_one_s_own_prints(capsys: pytest.CaptureFixture[str], own: Own) -> None:
    from ablatune import Trial as Local

    names: dict[str, Any] = {}
    exec(compile(CLIMB, "climb.py", "exec"), names)
    names["train"](Local.local(seed=0, epochs=2, folder=own.folder / "mine"), learning_rate=0.5)
    first = capsys.readouterr().out
    assert first.startswith("epoch 1: validation_accuracy 2.0")
    assert len(first.splitlines()) == 2
    study = own.study(BASE.replace("epochs: 3", "epochs: 2") + METRICS + "final: {width: 4}\n")
    record: Record = next(iter(own.run(study).contents.records.values()))
    assert f"validation_accuracy {record.validation_metric[-1]:g}," in first
    assert isinstance(own.standing(study).trials[0], Trial)


def test_predictions_are_kept_for_the_epochs_that_are_read(own: Own) -> None:
    own.module(
        outs=body(
            "trial.predictions([[epoch, 0.5], [1, 2]]); trial.report(validation_accuracy=-epoch, validation_loss=1)"
        )
    )
    study = own.study("read: best\nbase: {trainer: 'outs:train', epochs: 3}\n" + METRICS + "final: {epochs: 3}\n")
    (trial,) = own.standing(study).missing()
    own.run_one(study, trial)
    record = own.ledger.read(predictions=True).records[trial.key]
    assert record.measured_epochs == (1, 3)
    assert record.predictions(1).tolist() == [[1.0, 0.5], [1.0, 2.0]]


def test_what_a_study_requires_is_checked_where_trials_train(own: Own) -> None:
    study = own.study(TABLE + "requirements: [torch>=1, 'no-such-thing>=2', 'numpy<1']\n")
    assert study.requirements == ("torch>=1", "no-such-thing>=2", "numpy<1")
    first, second = lacking(study.requirements)
    assert first == "no-such-thing>=2"
    assert second.startswith("numpy<1 (it has ")
    with pytest.raises(UserError, match=r"line 10: requirements\[0\]: names no distribution .*; give such as"):
        own.study(TABLE + "requirements: ['a b']\n")


def test_set_changes_a_parameter_of_the_function(own: Own) -> None:
    study = own.study(TABLE, **{"trainer.mode": "down", "learning_rate": 1})
    assert study.config().own["trainer.mode"] == "down"
    assert study.config().own["trainer.learning_rate"] == 1.0
    with pytest.raises(UserError, match=r"--set mode: there is no mode 'left'"):
        own.study(TABLE, mode="left")


SEEDS_ITSELF = """\
import torch


def train(trial, *, learning_rate: float = 0.5, mode: str = "up", width: int = 2, epochs: int = 3):
    torch.manual_seed(trial.seed)
    torch.set_default_dtype(torch.float64)
    for epoch in trial.epochs():
        trial.report(validation_loss=torch.rand(()).item(), validation_accuracy=1.0)
"""


def test_a_function_may_seed_and_set_what_it_likes_without_a_warning(
    own: Own, caplog: pytest.LogCaptureFixture
) -> None:
    own.module(climb=SEEDS_ITSELF)
    study = own.study(TABLE)
    record = own.run_one(study, own.standing(study).missing()[0])
    assert (record.outcome, record.reason) == ("completed", "")
    assert [line for line in caplog.messages if "changes" in line] == []
