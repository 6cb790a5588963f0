"""No trial changes another's numbers: the user's code beside shipped parts, in one worker, in any order."""

import dataclasses
import re
import signal
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from data_utils import load_trial_data
from models.errors import ModelError
from models.history import TIMED_OUT, History
from tests.tune_jobs.user_code.nasty import NASTY
from tests.tune_jobs.user_code.test_modules import write
from tune_jobs.isolation.call_errors import ProcessDeathError
from tune_jobs.isolation.process import Process
from tune_jobs.ledger.ledger import Ledger
from tune_jobs.ledger.record import FAILED, Record
from tune_jobs.storage.storage import Storage
from tune_jobs.training.job import Job
from tune_jobs.training.trainable import run_trial
from tune_jobs.training.trial_run import WorkerCutOff, WorkerStopped
from tune_jobs.trial.config import TrialConfig
from tune_jobs.trial.key import trial_key
from tune_jobs.trial.trial import Trial
from tune_jobs.user_code import processes
from tune_jobs.user_code.modules import freeze
from tune_jobs.user_code.questions import check_fit

DATA = load_trial_data("digits", data_dir=Path("unused"))
SHIPPED = [TrialConfig(hidden_units=4, epochs=1), TrialConfig(hidden_units=4, epochs=1, dropout=0.2, optimizer="adamw")]
HONEST = """
import random
import numpy as np
import torch
from torch import nn


class Net(nn.Module):
    def __init__(self, in_features: int, outputs: int, width: int = 4):
        super().__init__()
        hidden = nn.Linear(in_features, width)
        self.layers = nn.Sequential(nn.Flatten(), hidden, nn.Dropout(0.2), nn.Linear(width, outputs))
        self.factor = 1 + np.random.rand() + random.random()

    def forward(self, x):
        return self.factor * self.layers(x)


class Resumable(Net):
    resumable = True
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("modules")
    write(made, honest=HONEST, **NASTY)
    return made


def job_in(folder: Path, storage: Path, *references: str) -> Job:
    Ledger.open(Storage.at(str(storage)), create=True)
    code = freeze(references, [folder])
    return Job("study", str(storage), TrialConfig(), 0.0, False, None, "1.0", "ablatune run study", code=code)


def trial_of(config: TrialConfig) -> Trial:
    return Trial(trial_key(config, DATA.fingerprint), config, config.epochs, frozenset({config.epochs}))


def users(reference: str, job: Job, **fields: object) -> TrialConfig:
    own = {"code of network": job.code.fingerprint(reference)}
    return TrialConfig(**{"network": reference, "epochs": 1, "own": own, **fields})


def curves(record: Record) -> tuple[object, ...]:
    names = ("outcome", "train_loss", "validation_loss", "validation_metric", "validation_outputs", "learning_rate")
    return tuple(getattr(record, name) for name in names)


@pytest.fixture(scope="module")
def alone(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[object, ...]]:
    """The numbers of trials that nothing of the user has run beside."""
    job = job_in(folder, tmp_path_factory.mktemp("alone"), "honest:Net")
    configs = [*SHIPPED, users("honest:Net", job)]
    return {config.network + config.optimizer: curves(run_trial(trial_of(config), DATA, job)) for config in configs}


@settings(max_examples=2, suppress_health_check=list(HealthCheck), deadline=None)
@given(order=st.permutations(sorted(NASTY)))
def test_a_trial_s_numbers_do_not_depend_on_the_trials_beside_it(
    order: Sequence[str], folder: Path, alone: dict[str, tuple[object, ...]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    references = [f"{name}:Net" for name in order]
    job = job_in(folder, tmp_path_factory.mktemp("beside"), "honest:Net", *references)
    for number, reference in enumerate(references):
        run_trial(trial_of(users(reference, job)), DATA, job)
        if number % 4 == 0:
            for config in (*SHIPPED, users("honest:Net", job)):
                record = run_trial(trial_of(config), DATA, job)
                assert curves(record) == alone[config.network + config.optimizer], f"after {reference}"


def test_an_honest_network_changes_nothing(folder: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    job = job_in(folder, tmp_path, "honest:Net")
    config = users("honest:Net", job)
    check_fit(config, DATA, job.code)
    run_trial(trial_of(config), DATA, job)
    assert not caplog.records


@pytest.mark.parametrize(
    ("returned", "words"), [("'a'", "returns str"), ("x", r"returns \[2, 1, 8, 8\]"), ("(x, x)", "returns tuple")]
)
def test_a_network_that_returns_something_else_while_it_trains_is_refused_before_it_does(
    tmp_path: Path, returned: str, words: str
) -> None:
    write(tmp_path, trains=NASTY["raises"].replace('raise BaseException("no")', f"if self.training: return {returned}"))
    job = job_in(tmp_path, tmp_path / "r", "trains:Net")
    with pytest.raises(ModelError, match=rf"network: trains:Net {words} for .* while it trains, .* needs \[2, 10\]"):
        check_fit(users("trains:Net", job), DATA, job.code)


def test_what_a_network_changes_as_it_trains_is_said(
    folder: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    job = job_in(folder, tmp_path, "no_gradients:Net")
    run_trial(trial_of(users("no_gradients:Net", job)), DATA, job)
    assert "no_gradients:Net changes torch's gradient mode; other trials are not affected" in caplog.messages


def test_the_users_network_trains_as_the_shipped_one_does(folder: Path, tmp_path: Path) -> None:
    write(
        tmp_path,
        twin="from torch import nn\n"
        "def net(in_features: int, outputs: int):\n"
        "    return nn.Sequential(nn.Flatten(), nn.Linear(in_features, 4), nn.ReLU(), nn.Linear(4, outputs))\n",
    )
    job = job_in(tmp_path, tmp_path / "r", "twin:net")
    fields = {"epochs": 3, "batch_size": 64}
    theirs = run_trial(trial_of(users("twin:net", job, **fields)), DATA, job)
    shipped = run_trial(trial_of(TrialConfig(hidden_units=4, **fields)), DATA, job)
    assert curves(theirs) == curves(shipped)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("raises", r"BaseException: no \(raises.py:\d+, in forward\)"),
        ("exits", r"its process ended with exit code 3 \(exits.py:\d+, in forward\)"),
        ("crashes", r"its process was ended by a segmentation fault \(crashes.py:\d+, in forward\)"),
    ],
)
def test_whatever_ends_a_trial_from_within_is_one_failed_record(
    folder: Path, tmp_path: Path, name: str, words: str
) -> None:
    job = job_in(folder, tmp_path, f"{name}:Net")
    wanted = trial_of(users(f"{name}:Net", job))
    run_trial(wanted, DATA, job)
    record = Ledger.open(Storage.at(job.storage)).read().records[wanted.key]
    assert record.outcome == FAILED
    assert re.fullmatch(words, record.reason)
    assert f"{name}.py" in record.traceback


@pytest.mark.parametrize(
    ("does", "words"),
    [
        ("os.kill(os.getpid(), 15)", r"its process was ended by SIGTERM \(ends.py:\d+, in forward\)"),
        ("os.closerange(3, 4096)", r"its process closed files that are not its own \(ends.py\)"),
    ],
)
def test_a_network_that_ends_its_own_process_fails_and_is_not_lost(
    folder: Path, tmp_path: Path, does: str, words: str
) -> None:
    write(tmp_path, ends=NASTY["raises"].replace('raise BaseException("no")', f"import os; {does}"))
    job = job_in(tmp_path, tmp_path / "r", "ends:Net")
    record = run_trial(trial_of(users("ends:Net", job)), DATA, job)
    assert record.outcome == FAILED
    assert re.fullmatch(words, record.reason)


def test_a_network_that_replaces_files_it_did_not_open_trains_on(folder: Path, tmp_path: Path) -> None:
    does = "import os; n = os.open('/dev/null', os.O_RDWR); [os.dup2(n, f) for f in range(3, 20) if f != n]"
    write(tmp_path, replaces=NASTY["raises"].replace('raise BaseException("no")', does))
    job = job_in(tmp_path, tmp_path / "r", "replaces:Net")
    record = run_trial(trial_of(users("replaces:Net", job)), DATA, job)
    assert (record.outcome, record.reason, record.epochs) == ("completed", "", 1)


def test_a_trial_that_hangs_in_the_users_code_is_out_of_time(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tune_jobs.training.isolated_training._LATE_SECONDS", 0.5)
    write(tmp_path, hangs=NASTY["raises"].replace('raise BaseException("no")', "import time; time.sleep(1000)"))
    job = dataclasses.replace(job_in(tmp_path, tmp_path / "r", "hangs:Net"), time_limit_seconds=0.5)
    record = run_trial(trial_of(users("hangs:Net", job)), DATA, job)
    assert record.outcome == TIMED_OUT
    assert re.fullmatch(r"ran out of its time limit in epoch 1 \(hangs.py:\d+, in forward\)", record.reason)


def test_an_error_of_this_project_that_the_users_code_raises_is_a_failure(folder: Path, tmp_path: Path) -> None:
    ours = "from tune_jobs.errors import StorageError; raise StorageError('no')"
    write(tmp_path, poses=NASTY["raises"].replace('raise BaseException("no")', ours))
    job = job_in(tmp_path, tmp_path / "r", "poses:Net")
    record = run_trial(trial_of(users("poses:Net", job)), DATA, job)
    assert record.outcome == FAILED
    assert re.fullmatch(r"StorageError: no \(poses.py:\d+, in forward\)", record.reason)


def test_a_process_that_the_system_ends_is_lost_not_failed(folder: Path, tmp_path: Path) -> None:
    write(
        tmp_path,
        killed=NASTY["raises"].replace(
            'raise BaseException("no")', f"import os; os.kill(os.getpid(), {signal.SIGKILL:d})"
        ),
    )
    job = job_in(tmp_path, tmp_path / "r", "killed:Net")
    with pytest.raises(WorkerCutOff) as caught:
        run_trial(trial_of(users("killed:Net", job)), DATA, job)
    assert "its process was ended by SIGKILL" in str(caught.value.cause)
    assert not Ledger.open(Storage.at(job.storage)).read().records


def test_a_trial_whose_process_does_not_start_is_lost_not_failed(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*arguments: object, **keywords: object) -> Process:
        raise ProcessDeathError("was ended by SIGKILL", killed=True, timed_out=False, frames=())

    monkeypatch.setattr(processes, "_PROCESSES", processes._Processes())
    monkeypatch.setattr(processes, "start", full)
    job = job_in(folder, tmp_path, "honest:Net")
    with pytest.raises(WorkerCutOff):
        run_trial(trial_of(users("honest:Net", job)), DATA, job)
    assert not Ledger.open(Storage.at(job.storage)).read().records


def test_a_trial_with_the_users_code_goes_on_from_its_checkpoint(folder: Path, tmp_path: Path) -> None:
    job = dataclasses.replace(job_in(folder, tmp_path, "honest:Resumable"), checkpoint_seconds=0.0)
    wanted = trial_of(users("honest:Resumable", job, epochs=6))
    seen: list[int] = []

    def stop(history: History) -> None:
        if history.epochs == 4:
            raise SystemExit

    with pytest.raises(WorkerStopped):
        run_trial(wanted, DATA, job, on_epoch=stop)
    record = run_trial(wanted, DATA, job, on_epoch=lambda history: seen.append(history.epochs))
    assert seen == [4, 5, 6], "the checkpoint was taken after epoch 3"
    whole = run_trial(wanted, DATA, job_in(folder, tmp_path / "whole", "honest:Resumable"))
    assert curves(record) == curves(whole)


def test_what_ends_a_trial_from_outside_reaches_the_users_code(folder: Path, tmp_path: Path) -> None:
    job = job_in(folder, tmp_path, "honest:Net")
    config = users("honest:Net", job, epochs=100_000)
    pruned = run_trial(trial_of(config), DATA, job, on_epoch=lambda history: "enough" if history.epochs == 3 else None)
    assert (pruned.outcome, pruned.reason, pruned.epochs) == ("pruned", "enough", 3)
    limited = run_trial(trial_of(config), DATA, dataclasses.replace(job, time_limit_seconds=0.2))
    assert limited.outcome == "timed_out"
