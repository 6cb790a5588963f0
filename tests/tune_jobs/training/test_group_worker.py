"""A group of trials in a worker, without Ray: what is written and when, what is reported, what a restart trains."""

import dataclasses
import errno
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch

from data_utils import TrialData, load_trial_data
from models.device_data import Uploads
from models.history import History
from tests.tune_jobs.training.test_isolation import HONEST
from tests.tune_jobs.user_code.test_modules import write
from tune_jobs.ledger.ledger import Ledger
from tune_jobs.ledger.record import Record
from tune_jobs.storage.storage import Storage
from tune_jobs.training import group_worker
from tune_jobs.training.data import shared_data
from tune_jobs.training.group_worker import train_group
from tune_jobs.training.job import Job, Members, payload
from tune_jobs.training.record_writer import RecordWriter
from tune_jobs.training.trainable import run_trial
from tune_jobs.trial.config import TrialConfig
from tune_jobs.trial.data import data_slot
from tune_jobs.trial.key import trial_key
from tune_jobs.trial.trial import Trial
from tune_jobs.user_code.modules import freeze

DATA = load_trial_data("digits", data_dir=Path("unused"))
# To them, in Ray's object store.
REFERENCE = "digits"


def trial(epochs: int = 2, **fields: object) -> Trial:
    config = TrialConfig(**{"epochs": epochs, "hidden_units": 4, **fields})
    return Trial(trial_key(config, DATA.fingerprint), config, epochs, frozenset({epochs}))


def train(trials: Sequence[Trial], job: Job, *, again: bool = False) -> None:
    members = Members(tuple(map(payload, trials)))
    config = {"trial": {"key": "group", "trials": members, "again": again}}
    train_group(config, job=job, data={data_slot(one.config): REFERENCE for one in trials})


def records(job: Job) -> dict[str, Record]:
    return Ledger.open(Storage.at(job.storage)).read(predictions=True).records


def files(job: Job) -> list[str]:
    return sorted(path.name for path in Path(job.storage, "ledger").glob("*.parquet"))


def ended(reports: Sequence[dict[str, Any]]) -> list[str]:
    """Return the keys of the trials that were reported as ended, in order."""
    return [key for report in reports for key, *_ in report.get("ended", ())]


@pytest.fixture
def job(tmp_path: Path) -> Job:
    Ledger.open(Storage.at(str(tmp_path)), create=True)
    return Job("study", str(tmp_path), TrialConfig(), 0.0, False, None, "1.0", "ablatune run study")


@pytest.fixture
def full_disk(job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    """Refuse every file, as the disk of the job's ledger does once it is full."""

    def refuse(path: Path, content: bytes) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("tune_jobs.storage.storage.replace_file", refuse)


@pytest.fixture
def reports(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """Return what is reported to Tune, without Ray."""
    made: list[dict[str, Any]] = []
    monkeypatch.setattr("ray.tune.report", made.append)
    monkeypatch.setattr("ray.get", {REFERENCE: DATA}.__getitem__)
    monkeypatch.setattr(group_worker, "begins", lambda job: True)
    return made


@pytest.mark.usefixtures("full_disk")
def test_a_record_that_a_full_disk_did_not_take_is_reported_in_place_of_an_error(
    job: Job, reports: list[dict[str, Any]]
) -> None:
    wanted = trial()
    train([wanted], job)
    refusal = reports[-1]
    assert "no space is left on its disk; make room there" in refusal["refused"]
    (((folder, name), content),) = refusal["unwritten"]
    Path(job.storage, folder, name).write_bytes(content)
    assert set(Ledger.open(Storage.at(job.storage)).read().records) == {wanted.key}


@pytest.mark.usefixtures("full_disk")
def test_a_checkpoint_that_a_full_disk_did_not_take_is_said_and_training_goes_on(
    job: Job, reports: list[dict[str, Any]], caplog: pytest.LogCaptureFixture
) -> None:
    wanted = trial(3)
    job = dataclasses.replace(job, checkpoint_seconds=0.0)
    train([wanted], job)
    assert "a checkpoint was not kept, training goes on: " in caplog.text
    assert len(reports[-1]["unwritten"]) == 1, "the trial was trained to its end"


def test_a_worker_fetches_and_uploads_the_data_of_its_groups_once(
    job: Job, reports: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    fetched, uploaded = list[str](), list[int]()

    def fetch(reference: str) -> TrialData:
        fetched.append(reference)
        # As from the store: equal data, and never the same object.
        return dataclasses.replace(DATA)

    def upload(inputs: Any, targets: Any, device: torch.device) -> tuple[torch.Tensor, torch.Tensor]:
        uploaded.append(len(inputs))
        return torch.tensor(inputs), torch.tensor(targets)

    monkeypatch.setattr("ray.get", fetch)
    monkeypatch.setattr("models.device_data.UPLOADS", Uploads(upload))
    shared_data.cache_clear()
    for seed in range(3):
        train([trial(1, seed=seed), trial(2, seed=seed)], job)
    shared_data.cache_clear()
    assert fetched == [REFERENCE]
    assert uploaded == [len(DATA.train_inputs), len(DATA.validation_inputs)]


def test_the_short_trials_of_a_group_are_one_file_and_one_report(job: Job, reports: list[dict[str, Any]]) -> None:
    trials = [trial(1, seed=seed) for seed in range(4)]
    train(trials, job)
    (name,) = files(job)
    assert name.startswith("pack-")
    assert set(records(job)) == {one.key for one in trials}
    assert len(reports) <= 2
    assert ended(reports) == [one.key for one in trials]
    (key, outcome, reason, seconds, _) = reports[-1]["ended"][0]
    assert (key, outcome, reason) == (trials[0].key, "completed", "")
    assert 0 < seconds < 60


@pytest.mark.usefixtures("reports")
def test_a_group_gives_the_numbers_of_its_trials_alone(job: Job, tmp_path: Path) -> None:
    trials = [trial(2, dropout=0.2, seed=1), trial(1, network="linear"), trial(1, optimizer="rmsprop")]
    train([*reversed(trials)], job)
    together = records(job)
    other = tmp_path / "alone"
    Ledger.open(Storage.at(str(other)), create=True)
    for one in trials:
        alone = run_trial(one, DATA, dataclasses.replace(job, storage=str(other)))
        for name in ("train_loss", "validation_loss", "validation_outputs", "measured_train_loss"):
            assert getattr(together[one.key], name) == getattr(alone, name), name


def test_a_trial_is_durable_within_a_second_while_the_next_trains_and_is_reported_after_that(
    job: Job, reports: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    short, long = trial(1), trial(100_000, seed=1)
    seen: list[float] = []
    begun = time.monotonic()

    def report(values: dict[str, Any]) -> None:
        for key, *_ in values.get("ended", ()):
            assert key in records(job), "reported, so durable"
        reports.append(values)
        if any(key == long.key for key, *_ in values["training"]) and ended(reports):
            raise SystemExit  # as Tune does when the run is over

    def after(trial: Trial, *arguments: Any, **more: Any) -> Record:
        done = run_trial(trial, *arguments, **more)
        seen.append(time.monotonic() - begun)
        return done

    monkeypatch.setattr("ray.tune.report", report)
    monkeypatch.setattr(group_worker, "run_trial", after)
    train([short, long], job)
    assert ended(reports) == [short.key]
    assert set(records(job)) == {short.key}, "what Tune stops leaves no record"
    assert len(seen) == 1
    (file,) = Path(job.storage, "ledger").glob("*.parquet")
    assert file.stat().st_mtime - (time.time() - time.monotonic() + begun + seen[0]) < 1


def test_a_long_trial_is_written_when_it_ends(
    job: Job, reports: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    # A trial is long if none was written for as long as records wait.
    monkeypatch.setattr(group_worker, "RecordWriter", lambda ledger: RecordWriter(ledger, 0.0))
    train([trial(1), trial(1, seed=1)], job)
    assert [name.partition("-")[0] for name in files(job)] == ["trial", "trial"]
    assert len(ended(reports)) == 2


def test_a_restarted_group_trains_no_trial_again_that_was_written(job: Job, reports: list[dict[str, Any]]) -> None:
    trials = [trial(1, seed=seed) for seed in range(3)]
    for one in trials[:2]:
        run_trial(one, DATA, job)
    before = files(job)
    train(trials, job, again=True)
    assert len(files(job)) == len(before) + 1
    assert ended(reports) == [one.key for one in trials], "the written ones are reported all the same"
    train(trials[:1], job)
    assert len(files(job)) == len(before) + 2, "a run that asks for a trial gets it trained"


def test_a_restarted_group_tries_a_failure_again(job: Job, reports: list[dict[str, Any]]) -> None:
    record = run_trial(trial(1), dataclasses.replace(DATA, train_inputs=DATA.train_inputs[:, :, :4]), job)
    assert record.outcome == "failed"
    train([trial(1)], job, again=True)
    assert [outcome for report in reports for _, outcome, *_ in report["ended"]] == ["completed"]


def test_a_restarted_group_trains_a_written_trial_that_is_wanted_longer_or_with_its_network(
    job: Job, reports: list[dict[str, Any]]
) -> None:
    run_trial(trial(1), DATA, job)
    train([trial(3)], job, again=True)
    assert records(job)[trial(3).key].epochs == 3
    train([trial(3)], dataclasses.replace(job, keep_models=True), again=True)
    assert list(Path(job.storage, "models").iterdir())
    assert len(files(job)) == 3


def test_a_trial_that_cannot_go_on_leaves_those_before_it_durable_and_reported(
    job: Job, reports: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    trials = [trial(1), trial(2, seed=1), trial(1, seed=2)]
    epoch = group_worker._Reports.epoch

    def broken(self: Any, key: str, history: History) -> str | None:
        if key == trials[1].key and history.epochs == 2:
            raise ConnectionError("the process was killed")
        return epoch(self, key, history)

    monkeypatch.setattr(group_worker._Reports, "epoch", broken)
    with pytest.raises(ConnectionError, match="the process was killed"):
        train(trials, job)
    assert set(records(job)) == {trials[0].key}
    assert ended(reports) == [trials[0].key]
    assert [one[:2] for one in reports[-1]["training"]] == [(trials[1].key, 1)], "it is the one to blame"


@pytest.mark.usefixtures("full_disk")
def test_all_trials_of_a_group_that_a_full_disk_did_not_take_are_reported(
    job: Job, reports: list[dict[str, Any]]
) -> None:
    trials = [trial(1, seed=seed) for seed in range(3)]
    train(trials, job)
    (((folder, name), content),) = reports[-1]["unwritten"]
    assert ended(reports) == []
    Path(job.storage, folder, name).write_bytes(content)
    assert set(records(job)) == {one.key for one in trials}


def test_the_users_code_and_shipped_parts_train_in_one_group(
    job: Job, reports: list[dict[str, Any]], tmp_path: Path
) -> None:
    write(tmp_path / "code", honest=HONEST)
    job = dataclasses.replace(job, code=freeze(["honest:Net"], [tmp_path / "code"]))
    own = {"code of network": job.code.fingerprint("honest:Net")}
    users = trial(1, network="honest:Net", own=own)
    train([trial(1), users, trial(1, seed=1)], job)
    assert len(ended(reports)) == 3
    assert {record.outcome for record in records(job).values()} == {"completed"}
