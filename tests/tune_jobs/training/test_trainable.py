"""One trial, from its payload to its record, without Ray."""

import dataclasses
import json
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from tensorboardX.proto.plugin_hparams_pb2 import HParamsPluginData

from data_utils import load_trial_data
from models.history import History
from tests.tune_jobs.training.events import events
from tune_jobs.errors import StorageRefusedError
from tune_jobs.ledger.ledger import Ledger
from tune_jobs.ledger.record import ISOLATED
from tune_jobs.ledger.targets import targets_name
from tune_jobs.storage.storage import Storage
from tune_jobs.training.job import Job
from tune_jobs.training.trainable import run_trial
from tune_jobs.training.trial_run import WorkerCutOff, WorkerStopped
from tune_jobs.trial.config import TrialConfig
from tune_jobs.trial.data import data_slot, preparation
from tune_jobs.trial.key import trial_key
from tune_jobs.trial.trial import Trial

DATA = load_trial_data("digits", data_dir=Path("unused"))


def trial(epochs: int = 2, **fields: object) -> Trial:
    config = TrialConfig(**{"epochs": epochs, "hidden_units": 4, **fields})
    return Trial(trial_key(config, DATA.fingerprint), config, epochs, frozenset({epochs}))


@pytest.fixture
def job(tmp_path: Path) -> Job:
    Ledger.open(Storage.at(str(tmp_path)), create=True)
    return Job("study", str(tmp_path), TrialConfig(), 0.0, False, None, "1.0", "ablatune run study")


def test_a_trial_becomes_a_durable_record_with_its_provenance(job: Job) -> None:
    wanted = trial(3, seed=5)
    returned = run_trial(wanted, DATA, job)
    record = Ledger.open(Storage.at(job.storage)).read(predictions=True).records[wanted.key]
    assert dataclasses.replace(record, started_at=returned.started_at) == returned
    assert (record.outcome, record.epochs, record.seed, record.metric) == ("completed", 3, 5, "accuracy")
    assert len(record.validation_loss) == 3
    assert record.predictions(3).shape == (360, 10)
    accuracy = 100 * np.mean(record.predictions(3).argmax(axis=1) == DATA.validation_targets)
    assert accuracy == pytest.approx(record.validation_metric[-1])
    assert record.command == "ablatune run study"
    assert record.machine_kind.startswith("cpu/")
    assert {"python", "torch", "numpy"} <= set(json.loads(record.packages))
    assert record.host
    assert record.wall_seconds > 0


def test_an_exception_is_a_failed_record_with_its_traceback(job: Job) -> None:
    broken = dataclasses.replace(DATA, train_inputs=DATA.train_inputs[:, :, :4])
    record = run_trial(trial(), broken, job)
    assert record.outcome == "failed"
    assert record.reason.startswith("RuntimeError: ")
    assert "Traceback" in record.traceback
    assert not record.retriable


def test_running_out_of_memory_may_be_retried(job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    def train(*args: object, **kwargs: object) -> None:
        raise MemoryError

    monkeypatch.setattr("models.engine.train", train)
    record = run_trial(trial(), DATA, job)
    assert (record.outcome, record.retriable) == ("failed", True)


def test_a_divergence_is_a_result(job: Job) -> None:
    record = run_trial(trial(5, optimizer="sgd", learning_rate=1e30, objective="mse"), DATA, job)
    assert record.outcome == "diverged"
    assert "not finite in epoch" in record.reason
    assert record.epochs < 5


def test_a_time_limit_ends_a_trial(job: Job) -> None:
    record = run_trial(trial(100_000), DATA, dataclasses.replace(job, time_limit_seconds=0.2))
    assert record.outcome == "timed_out"
    assert record.time_limit_seconds == 0.2
    assert 0 < record.epochs < 100_000


def test_tensorboard_gets_curves_hyperparameters_and_final_metrics(job: Job) -> None:
    run_trial(trial(3), DATA, dataclasses.replace(job, tensorboard="on"))
    seen = events(Path(job.storage) / "tensorboard" / "study")
    values = [(value.tag, event.step) for event in seen for value in event.summary.value]
    assert [step for tag, step in values if tag == "loss/validation"] == [1, 2, 3]
    assert ("final/validation_metric", 3) in values
    assert "_hparams_/session_start_info" in {tag for tag, _ in values}


def test_the_hparams_tab_names_runs_by_level_and_seed_and_has_every_setting(job: Job) -> None:
    folder = Path(job.storage) / "tensorboard"
    on = dataclasses.replace(job, tensorboard="on")
    plain, other = trial(1), trial(1, optimizer="nesterov", momentum=0.8, dropout=0.3, seed=7)
    for one in (plain, other):
        run_trial(one, DATA, on)
    # TensorBoard names a run by its folder, below the one that it is started on, and reads the summary that begins a
    # session; one of an experiment would have all runs show the settings of the first alone.
    told = {}
    for path in folder.rglob("events.out.*"):
        values = [value for event in events(path.parent) for value in event.summary.value]
        plugins = {v.tag: v.metadata.plugin_data for v in values if v.metadata.plugin_data.plugin_name == "hparams"}
        assert set(plugins) == {"_hparams_/session_start_info", "_hparams_/session_end_info"}
        began = HParamsPluginData.FromString(plugins["_hparams_/session_start_info"].content).session_start_info
        told[str(path.parent.relative_to(folder))] = {
            name: getattr(value, value.WhichOneof("kind")) for name, value in began.hparams.items()
        }
    assert {name.rpartition("-")[0] for name in told} == {
        "study/hidden_units=4,epochs=1,seed=0",
        "study/hidden_units=4,dropout=0.3,optimizer=Nesterov,momentum=0.8,epochs=1,seed=7",
    }
    names = {next(name for name in told if name.endswith(one.key[:8])): one for one in (plain, other)}
    for name, one in names.items():
        assert told[name] == {field: getattr(one.config, field) for field in told[name]}
        assert {"dropout", "learning_rate", "hidden_units", "batch_size", "epochs", "seed"} <= set(told[name])
    assert set(told[max(names, key=len)]) - set(told[min(names, key=len)]) == {"momentum"}


def test_the_same_trial_gives_the_same_bits(job: Job, tmp_path: Path) -> None:
    other = tmp_path / "other"
    Ledger.open(Storage.at(str(other)), create=True)
    one = run_trial(trial(3, dropout=0.2, batch_norm=True), DATA, job)
    run_trial(trial(1, seed=3), DATA, job)
    two = run_trial(trial(3, dropout=0.2, batch_norm=True), DATA, dataclasses.replace(job, storage=str(other)))
    assert one.validation_loss == two.validation_loss
    assert one.validation_outputs == two.validation_outputs


def test_a_log_target_is_trained_on_and_scored_in_the_targets_unit(job: Job) -> None:
    config = TrialConfig(dataset="diabetes", epochs=2, objective="mse", target_transform="log")
    data = load_trial_data("diabetes", preparation(config), data_dir=Path("unused"))
    record = run_trial(Trial(trial_key(config, data.fingerprint), config, 2, frozenset({2})), data, job)
    assert json.loads(record.fields)["target_transform"] == "log"
    outputs = record.predictions(2)[:, 0]
    values, targets = (np.exp(z * data.target_std + data.target_mean) for z in (outputs, data.validation_targets))
    assert record.validation_metric[-1] == pytest.approx(np.sqrt(np.mean((values - targets) ** 2)), rel=1e-5)
    assert record.validation_loss[-1] == pytest.approx(np.mean((outputs - data.validation_targets) ** 2), rel=1e-5)


def test_data_that_is_prepared_differently_has_places_of_its_own() -> None:
    base = TrialConfig(dataset="diabetes", objective="mse")
    moved = [{"input_scaling": "unit"}, {"input_transform": "log1p"}, {"target_transform": "log"}, {"split_seed": 1}]
    configs = [base, *(base.replace(**values) for values in moved)]
    assert len({data_slot(config) for config in configs}) == len(configs)
    assert len({targets_name("x", config) for config in configs}) == len(configs)
    assert targets_name("x", base) == "x-0-71"
    assert targets_name("x", base.replace(input_scaling="unit")) == "x-0-71-unit"
    assert data_slot(base.replace(shift=2, learning_rate=0.1)) == data_slot(base)


def test_two_dimensional_inputs_keep_a_grid_of_decisions(job: Job) -> None:
    config = TrialConfig(dataset="toy", epochs=2, objective="bce_with_logits")
    data = load_trial_data("toy", data_dir=Path("unused"), options={"toy_problem": "xor"})
    record = run_trial(Trial(trial_key(config, data.fingerprint), config, 2, frozenset({2})), data, job)
    assert record.grid_predictions(2).shape == (64 * 64, 1)


def test_a_worker_that_tune_stops_leaves_no_record(job: Job) -> None:
    def stopped(history: History) -> None:
        if history.epochs == 2:
            sys.exit(0)  # as a report to Tune does once the run is over

    with pytest.raises(WorkerStopped):
        run_trial(trial(3), DATA, job, on_epoch=stopped)
    assert not Ledger.open(Storage.at(job.storage)).read().records


def stopped_after(epochs: int) -> Callable[[History], None]:
    def on_epoch(history: History) -> None:
        if history.epochs == epochs:
            raise SystemExit

    return on_epoch


def test_a_trial_that_lost_its_worker_goes_on_from_its_checkpoint(job: Job, tmp_path: Path) -> None:
    job = dataclasses.replace(job, checkpoint_seconds=0.0, tensorboard="on")
    wanted = trial(6, dropout=0.2)
    with pytest.raises(WorkerStopped):
        run_trial(wanted, DATA, job, on_epoch=stopped_after(4))
    seen: list[int] = []
    record = run_trial(wanted, DATA, job, on_epoch=lambda history: seen.append(history.epochs))
    assert seen == [4, 5, 6], "the checkpoint was taken after epoch 3"
    assert list((tmp_path / "checkpoints").iterdir()) == [], "none is left of a trial that has ended"
    curve = [event for event in events(tmp_path) if event.summary.value and event.summary.value[0].tag == "loss/train"]
    assert [event.step for event in curve] == [1, 2, 3, 4, 5, 6]
    alone = tmp_path / "alone"
    Ledger.open(Storage.at(str(alone)), create=True)
    whole = run_trial(wanted, DATA, dataclasses.replace(job, storage=str(alone)))
    for name in ("train_loss", "validation_loss", "validation_metric", "validation_outputs", "measured_train_loss"):
        assert getattr(record, name) == getattr(whole, name), name


def test_a_checkpoint_is_of_one_trial_with_its_measurements(job: Job) -> None:
    job = dataclasses.replace(job, checkpoint_seconds=0.0)
    with pytest.raises(WorkerStopped):
        run_trial(trial(6), DATA, job, on_epoch=stopped_after(4))
    seen: list[int] = []
    run_trial(
        dataclasses.replace(trial(6), measure_at=frozenset({2, 6})),
        DATA,
        job,
        on_epoch=lambda history: seen.append(history.epochs),
    )
    assert seen[0] == 1, "the checkpoint has no measurement of epoch 2"


def test_a_worker_that_reaches_nobody_leaves_no_record_and_says_why(job: Job) -> None:
    def unreachable(history: History) -> None:
        raise ConnectionError("the director is gone")

    with pytest.raises(WorkerCutOff) as caught:
        run_trial(trial(3), DATA, job, on_epoch=unreachable)
    assert str(caught.value.cause) == "the director is gone"
    assert not Ledger.open(Storage.at(job.storage)).read().records


def test_a_short_trial_takes_no_checkpoint(job: Job, tmp_path: Path) -> None:
    run_trial(trial(3), DATA, job)
    assert not (tmp_path / "checkpoints").exists()


def test_a_model_that_a_full_disk_did_not_take_costs_no_record(job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    write = Storage.write

    def full(self: Storage, content: bytes, *parts: str) -> None:
        if parts[0] == "models":
            raise StorageRefusedError("no space is left")
        write(self, content, *parts)

    monkeypatch.setattr(Storage, "write", full)
    with pytest.raises(WorkerCutOff) as caught:
        run_trial(trial(), DATA, dataclasses.replace(job, keep_models=True))
    assert isinstance(caught.value.cause, StorageRefusedError)
    assert not caught.value.cause.unwritten, "each of these counts as a trial"
    assert list(Ledger.open(Storage.at(job.storage)).read().records) == [trial().key]


def test_a_cut_checkpoint_is_named_and_the_trial_starts_again(
    job: Job, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    job = dataclasses.replace(job, checkpoint_seconds=0.0)
    with pytest.raises(WorkerStopped):
        run_trial(trial(6), DATA, job, on_epoch=stopped_after(4))
    (checkpoint,) = (tmp_path / "checkpoints").iterdir()
    checkpoint.write_bytes(checkpoint.read_bytes()[:-9])
    seen: list[int] = []
    run_trial(trial(6), DATA, job, on_epoch=lambda history: seen.append(history.epochs))
    assert seen[0] == 1
    assert caplog.messages == [
        f"{checkpoint}: this checkpoint is cut or damaged; its trial starts from the first epoch"
    ]


def test_a_record_says_that_its_process_ran_no_other_code(job: Job) -> None:
    assert run_trial(trial(), DATA, job).process == ISOLATED
