"""Trials as members of a stack, without Ray: what is written, what a failure costs, what a restart goes on from."""

import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from data_utils import TrialData, load_trial_data
from models.history import History
from models.stacking.stack import Stack
from models.version import STACKED
from tests.tune_jobs.training.events import events
from tune_jobs.ledger.checkpoints import FOLDER as CHECKPOINTS
from tune_jobs.ledger.ledger import Ledger
from tune_jobs.ledger.record import Record
from tune_jobs.ledger.saved_models import FOLDER as MODELS
from tune_jobs.ledger.saved_models import model_name
from tune_jobs.stacking.memory import Places
from tune_jobs.storage.storage import Storage
from tune_jobs.training.job import Job
from tune_jobs.training.record_writer import RecordWriter
from tune_jobs.training.stack_training import run_stack, width_for
from tune_jobs.training.trainable import run_trial
from tune_jobs.training.trial_run import WorkerCutOff, WorkerStopped
from tune_jobs.trial.config import TrialConfig
from tune_jobs.trial.key import trial_key
from tune_jobs.trial.trial import Trial

DATA = load_trial_data("digits", data_dir=Path("unused"))
CURVES = ("train_loss", "train_metric", "validation_loss", "validation_metric", "validation_outputs")


def trial(seed: int = 0, epochs: int = 2, **fields: Any) -> Trial:
    config = TrialConfig(**{"epochs": epochs, "hidden_units": 4, "seed": seed, **fields})
    key = trial_key(config, DATA.fingerprint, STACKED)
    return Trial(key, config, epochs, frozenset({epochs}), mode=STACKED)


@pytest.fixture
def job(tmp_path: Path) -> Job:
    Ledger.open(Storage.at(str(tmp_path)), create=True)
    return Job("study", str(tmp_path), TrialConfig(), 0.0, False, None, "1.0", "ablatune run study")


def train(
    trials: Sequence[Trial],
    job: Job,
    *,
    width: int = 4,
    data: Callable[[Trial], TrialData] = lambda _: DATA,
    on_epoch: Callable[[str, History], str | None] = lambda key, history: None,
) -> dict[str, Record]:
    with RecordWriter(Ledger(Storage.at(job.storage)), 0.0) as writer:
        ended = run_stack(trials, data, job, "cpu", width=width, writer=writer, on_epoch=on_epoch)
        return {record.key: record for record in ended}


def kept(job: Job) -> dict[str, Record]:
    return Ledger.open(Storage.at(job.storage)).read(predictions=True).records


def bits(record: Record) -> list[Any]:
    return [getattr(record, name) for name in CURVES]


@pytest.mark.parametrize(
    ("trials", "most", "width"),
    [(1, 16, 2), (2, 16, 2), (10, 16, 10), (16, 16, 16), (17, 16, 9), (40, 16, 14), (9, 4, 3)],
)
def test_all_take_few_and_even_turns(trials: int, most: int, width: int) -> None:
    assert width_for(trials, most) == width


def test_each_member_has_a_durable_record_with_its_own_numbers(job: Job) -> None:
    wanted = [trial(seed, epochs) for seed, epochs in ((0, 3), (1, 1), (2, 2), (3, 3), (4, 1), (5, 2))]
    returned = train(wanted, job)
    records = kept(job)
    assert set(records) == {one.key for one in wanted}
    for one in wanted:
        record = records[one.key]
        assert (record.outcome, record.epochs, record.seed) == ("completed", one.epochs, one.config.seed)
        assert record.execution_mode == STACKED
        assert dataclasses.replace(record, started_at=returned[one.key].started_at) == returned[one.key]
    assert len({record.validation_loss for record in records.values()}) == len(wanted)


def test_the_times_of_members_add_up_to_no_more_than_all_took(job: Job) -> None:
    import time

    start = time.perf_counter()
    records = train([trial(seed, 3) for seed in range(8)], job).values()
    taken = time.perf_counter() - start
    assert 0 < sum(record.wall_seconds for record in records) <= taken
    assert all(record.train_seconds[-1] <= record.wall_seconds for record in records)


def test_alone_a_trial_of_a_stack_has_the_bits_that_it_has_in_company(job: Job, tmp_path: Path) -> None:
    wanted = [trial(seed, 3, dropout=0.2) for seed in range(5)]
    together = train(wanted, job)
    other = dataclasses.replace(job, storage=str(tmp_path / "other"))
    Ledger.open(Storage.at(other.storage), create=True)
    for one in wanted:
        assert bits(run_trial(one, DATA, other)) == bits(together[one.key])


def test_what_raises_is_one_members_failure(job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    trained = Stack.train_batch

    def train_batch(self: Stack, *args: Any) -> Any:
        if any(self.smoothing == 0.5):
            raise RuntimeError("this one cannot be trained")
        return trained(self, *args)

    monkeypatch.setattr(Stack, "train_batch", train_batch)
    wanted = [trial(seed, label_smoothing=0.5 if seed == 2 else 0.1) for seed in range(7)]
    records = train(wanted, job)
    assert [records[one.key].outcome for one in wanted] == ["completed"] * 2 + ["failed"] + ["completed"] * 4
    failed = kept(job)[wanted[2].key]
    assert failed.reason == "RuntimeError: this one cannot be trained"
    assert "Traceback" in failed.traceback
    assert failed.execution_mode == STACKED


def test_running_out_of_memory_together_is_no_failure_alone(
    job: Job, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    trained = Stack.train_batch

    def train_batch(self: Stack, *args: Any) -> Any:
        if self.members > 2:
            raise MemoryError
        return trained(self, *args)

    monkeypatch.setattr(Stack, "train_batch", train_batch)
    records = train([trial(seed) for seed in range(5)], job)
    assert [record.outcome for record in records.values()] == ["completed"] * 5
    assert "memory ran out in a stack with 4 trials in training: each is trained again by itself" in caplog.text


def test_a_stack_that_runs_out_of_memory_even_alone_may_be_tried_again(
    job: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    def train_batch(self: Stack, *args: Any) -> Any:
        raise MemoryError

    monkeypatch.setattr(Stack, "train_batch", train_batch)
    records = train([trial(seed) for seed in range(3)], job).values()
    assert [(record.outcome, record.retriable) for record in records] == [("failed", True)] * 3


@pytest.mark.parametrize("alone", [True, False])
def test_on_a_gpu_a_stack_has_all_its_places_whoever_is_missing(
    alone: bool, job: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    trained, seen = Stack.train_batch, set()

    def train_batch(self: Stack, *args: Any) -> Any:
        seen.add(self.members)
        return trained(self, *args)

    monkeypatch.setattr(Stack, "train_batch", train_batch)
    job = dataclasses.replace(job, places=Places(given=6))
    if alone:
        run_trial(trial(0), DATA, job)
    else:
        train([trial(seed) for seed in range(9)], job, width=16)
    assert seen == {6}


def test_members_end_by_reason_divergence_and_early_stopping(job: Job) -> None:
    stopped, diverged, patient, whole = (
        trial(0, 9),
        trial(1, 9, learning_rate=1e30),
        trial(2, 40, early_stopping_patience=1, learning_rate=1.0),
        trial(3, 9),
    )

    def on_epoch(key: str, history: History) -> str | None:
        return "enough" if key == stopped.key and history.epochs == 2 else None

    records = train([stopped, diverged, patient, whole], job, on_epoch=on_epoch)
    outcomes = [records[one.key].outcome for one in (stopped, diverged, patient, whole)]
    assert outcomes == ["pruned", "diverged", "stopped_early", "completed"]
    assert records[stopped.key].reason == "enough"


@pytest.mark.parametrize(("raised", "seen"), [(SystemExit, WorkerStopped), (ConnectionError, WorkerCutOff)])
def test_a_worker_that_ends_costs_unfinished_epochs_and_no_finished_member(
    raised: type[BaseException], seen: type[BaseException], job: Job, tmp_path: Path
) -> None:
    job = dataclasses.replace(job, checkpoint_seconds=1e-9)
    wanted = [trial(seed, 2 if seed < 2 else 6) for seed in range(4)]

    def cut_off(key: str, history: History) -> None:
        if history.epochs == 5:
            raise raised

    with pytest.raises(seen):
        train(wanted, job, on_epoch=cut_off)
    assert set(kept(job)) == {one.key for one in wanted[:2]}

    trained: list[tuple[str, int]] = []
    rest = train(wanted[2:], job, on_epoch=lambda key, history: trained.append((key, history.epochs)))  # type: ignore[func-returns-value]
    assert min(epoch for _, epoch in trained) == 5, "from the last snapshot on"
    assert list((tmp_path / CHECKPOINTS).iterdir()) == []
    whole = dataclasses.replace(job, storage=str(tmp_path / "whole"))
    Ledger.open(Storage.at(whole.storage), create=True)
    expected = train(wanted[2:], whole)
    assert [bits(rest[key]) for key in expected] == [bits(record) for record in expected.values()]


def test_each_member_may_have_data_and_logs_and_models_of_its_own(job: Job, tmp_path: Path) -> None:
    other = dataclasses.replace(DATA, train_targets=DATA.train_targets[::-1].copy())
    wanted = [trial(seed, 3) for seed in range(3)]
    job = dataclasses.replace(job, tensorboard="on", keep_models=True)
    records = train(wanted, job, data=lambda one: other if one is wanted[1] else DATA)
    Ledger.open(Storage.at(str(tmp_path / "other")), create=True)
    singly = train([wanted[1]], dataclasses.replace(job, storage=str(tmp_path / "other")), data=lambda _: other)
    assert bits(records[wanted[1].key]) == bits(singly[wanted[1].key])
    assert set(Storage.at(job.storage).names(MODELS)) == {model_name(one.key, 3) for one in wanted}
    for folder in (tmp_path / "tensorboard" / "study").iterdir():
        steps = [event.step for event in events(folder) for value in event.summary.value if value.tag == "loss/train"]
        assert steps == [1, 2, 3]


def test_data_that_cannot_be_had_end_the_worker_and_lose_no_trial(job: Job) -> None:
    wanted = [trial(seed, 1) for seed in range(5)]

    def data(one: Trial) -> TrialData:
        if one is wanted[3]:
            raise OSError("the object is gone")
        return DATA

    with pytest.raises(WorkerCutOff) as raised:
        train(wanted, job, width=2, data=data)
    assert isinstance(raised.value.cause, OSError)
    assert set(kept(job)) <= {one.key for one in wanted[:3]}


def test_a_time_limit_ends_each_member(job: Job) -> None:
    records = train([trial(seed, 100_000) for seed in range(3)], dataclasses.replace(job, time_limit_seconds=0.3))
    assert {record.outcome for record in records.values()} == {"timed_out"}
