"""A storage that fills up while a run trains: the run ends at once, says so, and loses nothing."""

import os
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, nullcontext
from pathlib import Path
from typing import Any

import pytest

from tests.tune_jobs.commands.test_run import ABLATUNE, environment
from tune_jobs.commands.cli import main
from tune_jobs.commands.interface import Study
from tune_jobs.errors import StorageRefusedError
from tune_jobs.ledger.file_names import FOLDER
from tune_jobs.ledger.ledger import Ledger
from tune_jobs.ledger.parquet import to_parquet
from tune_jobs.ledger.record import Record
from tune_jobs.storage.storage import Storage
from tune_jobs.study.load import load_study
from tune_jobs.training import table_run
from tune_jobs.training.progress import Progress
from tune_jobs.training.trainable import run_trial
from tune_jobs.trial.data import data_slot

pytestmark = pytest.mark.usefixtures("ray_stays_down")

DISK_BYTES = 200_000
STUDY = """\
seeds: 40
base: {dataset: digits, hidden_units: 8, epochs: 1}
tables:
  - factor: hidden_units
    levels: [4, 8]
"""
SEARCH = """\
base: {dataset: digits, hidden_units: 4, epochs: 2}
search:
  budget: {trials: 3}
  sampler: random
  space: {learning_rate: {low: 0.001, high: 0.1, scale: log}}
"""


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Return a folder on a disk of its own that is soon full; skips the test where nothing can be mounted."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES}", "tmpfs", str(folder)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("only root may mount a small disk, and not in every container")
    with ExitStack() as until:
        until.callback(subprocess.run, ["umount", "-l", str(folder)], check=True)
        yield folder


def test_a_disk_that_fills_up_ends_the_run_at_once_and_no_finished_trial_is_lost(
    small_disk: Path, tmp_path: Path
) -> None:
    (tmp_path / "s.yaml").write_text(STUDY)
    # One after the other: the members of a stack end together.
    command = [*ABLATUNE, "run", "s.yaml", "--storage", str(small_disk), "--cpus", "1", "--stack", "off"]
    ran = subprocess.run(
        command, cwd=tmp_path, env=environment(), text=True, capture_output=True, timeout=300, check=False
    )
    output = ran.stdout + ran.stderr
    assert ran.returncode == 1, output
    assert f"ablatune: {small_disk}: cannot be written: no space is left on its disk; make room there" in ran.stderr
    assert "lost its worker" not in output
    assert "Traceback" not in output
    assert (
        f"the same command continues: __main__.py run s.yaml --storage {small_disk} --cpus 1 --stack off" in ran.stdout
    )
    (ended,) = re.findall(r"(\d+) trials in .*: \1 completed", ran.stdout)
    ledger = Ledger.open(Storage.at(str(small_disk)))
    merged = re.search(r"(\d+) trials? finished .*`ablatune ledger merge (\S+) --storage", ran.stdout)
    if merged is None:  # there was room for the last records, once workers had stopped
        assert len(ledger.read().records) > int(ended)
    else:
        assert len(ledger.read().records) == int(ended)
        assert len(Ledger.open(Storage.at(merged[2])).read().records) == int(merged[1]) >= 1
        shutil.rmtree(merged[2])


@pytest.fixture
def full_after_two(make_record: Callable[..., Record], monkeypatch: pytest.MonkeyPatch) -> None:
    """Have a run end two trials; then the storage refuses a record, and all others."""

    def run_trials(
        trials: Any, data: Any, job: Any, settings: Any, storage: Storage, progress: Progress, _: Any
    ) -> None:
        for trial in trials[:2]:
            Ledger(storage).write(make_record(key=trial.key))
            progress.ended(trial.key, "completed", "")
        monkeypatch.setattr("tune_jobs.storage.storage.replace_file", refuse)
        refused = StorageRefusedError(f"{storage.uri}: cannot be written: no space is left on its disk")
        record = make_record(key=trials[2].key)
        refused.unwritten[FOLDER, f"trial-{record.key}-{'0' * 12}.parquet"] = to_parquet([record])
        raise refused

    def refuse(path: Path, content: bytes) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("tune_jobs.training.table_launch.run_trials", run_trials)


@pytest.mark.usefixtures("full_after_two")
def test_the_end_of_a_run_in_a_full_storage(
    tiny_study: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "absent"))
    start = time.monotonic()
    assert main(["run", str(tiny_study), "--storage", str(tmp_path / "r")]) == 1
    assert time.monotonic() - start < 60
    lines = capsys.readouterr().out.splitlines()
    assert lines[-4] == "1 trial to go"
    assert lines[-3].startswith(f"stopped: {tmp_path / 'r'}: cannot be written: no space is left on its disk")
    assert lines[-2].startswith("1 trial finished but could not be stored, neither there nor in")
    assert lines[-1].startswith("all other trials that finished are kept; the same command continues: ")
    assert len(Ledger.open(Storage.at(str(tmp_path / "r"))).read().records) == 2


def test_a_trial_whose_model_was_refused_is_not_to_go(
    tiny_study: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def run_trials(
        trials: Any, data: Any, job: Any, settings: Any, storage: Storage, progress: Progress, _: Any
    ) -> None:
        run_trial(trials[0], data[data_slot(trials[0].config)], job)
        raise StorageRefusedError(f"{storage.uri}: cannot be written: no space is left on its disk")

    monkeypatch.setattr("tune_jobs.training.table_launch.run_trials", run_trials)
    assert main(["run", str(tiny_study), "--storage", str(tmp_path / "r")]) == 1
    assert "3 trials to go" in capsys.readouterr().out.splitlines()


def test_a_search_in_a_full_storage_ends_the_same_way(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def run_search(director: Any, joined: Any, job: Any, settings: Any, storage: Storage, *more: Any) -> bool:
        raise StorageRefusedError(f"{storage.uri}: cannot be written: no space is left on its disk")

    monkeypatch.setattr("tune_jobs.training.search_launch.run_search", run_search)
    monkeypatch.setattr("tune_jobs.training.ray_session.session", lambda *arguments: nullcontext())
    (tmp_path / "s.yaml").write_text(SEARCH)
    assert main(["run", str(tmp_path / "s.yaml"), "--storage", str(tmp_path / "r")]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[-2] == f"stopped: {tmp_path / 'r'}: cannot be written: no space is left on its disk"
    assert lines[-1].startswith("all other trials that finished are kept; the same command continues: ")


def test_a_run_whose_trials_reach_their_time_limit_is_not_complete(
    tiny_study: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    make_record: Callable[..., Record],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def run_trials(
        trials: Any, data: Any, job: Any, settings: Any, storage: Storage, progress: Progress, _: Any
    ) -> None:
        for trial in trials:
            limit = settings.limit_seconds
            Ledger(storage).write(make_record(key=trial.key, epochs=0, outcome="timed_out", time_limit_seconds=limit))
            progress.ended(trial.key, "timed_out", "reached its limit")

    monkeypatch.setattr("tune_jobs.training.table_launch.run_trials", run_trials)
    study = Study.load(tiny_study, storage=tmp_path / "r", data_dir=tmp_path)
    for said in ("reached their time limit before their last epoch", "nothing to run: the ledger has everything"):
        ran = study.run(time_limit_minutes=0.01)
        assert (ran.code, ran.complete) == (1, False)
        assert said in capsys.readouterr().out
    assert not study.run(dry_run=True).complete
    assert table_run.exit_code([("completed", "")], load_study(str(tiny_study)), print) == 0
