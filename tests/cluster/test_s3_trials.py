"""Trials whose results go to S3, in outages and without."""

import dataclasses
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from data_utils import load_trial_data
from models.history import History
from tests.cluster.s3_server import Gate, objects
from tune_jobs.errors import StorageError
from tune_jobs.ledger import checkpoints
from tune_jobs.ledger.ledger import Ledger
from tune_jobs.ledger.saved_models import load_model
from tune_jobs.storage import retries
from tune_jobs.storage.storage import Storage
from tune_jobs.training.job import Job
from tune_jobs.training.trainable import run_trial
from tune_jobs.training.trial_run import WorkerCutOff
from tune_jobs.trial.config import TrialConfig
from tune_jobs.trial.key import trial_key
from tune_jobs.trial.trial import Trial

DATA = load_trial_data("digits", data_dir=Path("unused"))


def after(seconds: float, action: Callable[[], None]) -> threading.Timer:
    """Call a function later, in a thread."""
    timer = threading.Timer(seconds, action)
    timer.daemon = True
    timer.start()
    return timer


@pytest.mark.parametrize("how", ["cut", "503"])
def test_a_run_waits_out_an_outage_and_other_commands_do_not(how: str, gate: Gate, storage: Storage) -> None:
    gate.cut = how == "cut"
    gate.fault = lambda method, path, headers: (503, "SlowDown") if how == "503" else None
    with pytest.raises(StorageError):
        storage.write(b"never", "x")
    timer = after(3.0, gate.behave)
    storage.patient(120.0).write(b"there", how)
    timer.join()
    assert storage.read(how) == b"there"
    assert not storage.exists("x")


def trial(epochs: int) -> Trial:
    config = TrialConfig(epochs=epochs, hidden_units=4)
    return Trial(trial_key(config, DATA.fingerprint), config, epochs, frozenset({epochs}))


@pytest.fixture
def job(storage: Storage) -> Job:
    Ledger.open(storage, create=True)
    config = TrialConfig()
    return Job("study", storage.uri, config, 0.0, False, None, "1.0", "ablatune run study", checkpoint_seconds=0.0)


def test_a_trial_that_ends_in_an_outage_is_kept(gate: Gate, job: Job, storage: Storage) -> None:
    begun: list[int] = []

    def lost(history: History) -> None:
        begun.append(history.epochs)
        if history.epochs == 4:
            gate.cut = True
            after(3.0, gate.behave)

    trained = run_trial(trial(4), DATA, job, on_epoch=lost)
    assert begun == [1, 2, 3, 4]
    assert trained.outcome == "completed"
    kept = Ledger.open(storage).read(predictions=True).records[trained.key]
    assert dataclasses.replace(kept, started_at=trained.started_at) == trained
    assert storage.names("checkpoints") == {}


def test_a_trial_whose_record_cannot_be_kept_has_not_failed(
    gate: Gate, job: Job, storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retries, "PATIENCE_SECONDS", 1.0)

    def lost(history: History) -> None:
        gate.cut = history.epochs == 4

    with pytest.raises(WorkerCutOff) as raised:
        run_trial(trial(4), DATA, dataclasses.replace(job, keep_models=True, tensorboard="on"), on_epoch=lost)
    assert "cannot be reached" in str(raised.value.cause)
    gate.behave()
    assert Ledger.open(storage).read().records == {}
    # The snapshot after epoch 3 is there, from which the next worker goes on; and so is the log up to then.
    assert len(storage.names("checkpoints")) == 1
    assert any("tfevents" in key and size for key, size in objects(gate, storage.root.partition("/")[2]).items())
    again: list[int] = []
    trained = run_trial(trial(4), DATA, job, on_epoch=lambda history: again.append(history.epochs))
    assert again == [4]
    assert trained.outcome == "completed"
    assert storage.names("checkpoints") == {}


def test_a_snapshot_that_cannot_be_kept_does_not_end_a_trial(gate: Gate, job: Job, storage: Storage) -> None:
    gate.fault = lambda method, path, headers: (
        (403, "AccessDenied") if method == "PUT" and f"/{checkpoints.FOLDER}/" in path else None
    )
    assert run_trial(trial(3), DATA, job).outcome == "completed"


def test_a_model_is_loaded_by_the_address_that_evaluate_prints(
    gate: Gate, job: Job, storage: Storage, tmp_path: Path
) -> None:
    kept = dataclasses.replace(job, keep_models=True)
    run_trial(trial(1), DATA, kept)
    (name,) = storage.names("models")
    model = load_model(storage.address("models", name))
    assert model.config["hidden_units"] == 4
