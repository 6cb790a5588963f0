"""Results from elsewhere that lie on S3 make the tables that they make on a disk."""

import subprocess
import sys
from pathlib import Path

import pytest

import ablatune
from tests.cluster.results import differing_columns
from tests.cluster.s3_server import Gate
from tests.tune_jobs.existing.test_reading import write_csv, write_parquet, write_ray_tune
from tune_jobs.commands.cli import main
from tune_jobs.ledger.ledger import Ledger
from tune_jobs.storage.storage import Storage

# 2 x 3 configurations with 2 seeds, which Tune itself trains and writes to S3.
EXPERIMENT = """\
import sys
import ray
from ray import tune

def train(config):
    for epoch in range(1, 4):
        tune.report({"val_acc": 80 + config["width"] / 8 + 10 * config["lr"] + config["seed"] / 7 + epoch})

ray.init(address="local", num_cpus=2, include_dashboard=False, log_to_driver=False)
space = {"lr": tune.grid_search([0.01, 0.1, 0.5]), "width": tune.grid_search([16, 32])}
tune.Tuner(
    tune.with_resources(train, {"cpu": 0.5}),
    param_space={**space, "seed": tune.grid_search([0, 1])},
    tune_config=tune.TuneConfig(reuse_actors=True),
    run_config=tune.RunConfig(name="sweep", storage_path=sys.argv[1], verbose=0),
).fit()
"""
STUDY = """\
title: More seeds
seeds: 2
base: {trainer: my_training:train, epochs: 3, lr: 0.1, width: 32}
metrics: {val_acc: max}
metric: val_acc
tables:
  - {factor: lr, levels: [0.01, 0.1, 0.5]}
  - {factor: width, levels: [16, 32]}
"""
TRAINER = """\
def train(trial, *, lr: float, width: int):
    for epoch in trial.epochs():
        trial.report(val_acc=epoch)
"""


@pytest.mark.parametrize("write", [write_ray_tune, write_csv, write_parquet])
def test_results_on_s3_make_the_same_tables(write, gate: Gate, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    place = f"tests/results_{write.__name__}"
    (tmp_path / "here").mkdir()
    local, storage = write(tmp_path / "here"), Storage.at(gate.uri(place))
    for path in sorted((tmp_path / "here").rglob("*")):
        if path.is_file():
            storage.write(path.read_bytes(), *path.relative_to(tmp_path / "here").parts)
    address, question, options = gate.uri(place).partition("?")
    there = ablatune.tables(f"{address}/{local.name}{question}{options}", output=tmp_path / "there").tables
    expected = ablatune.tables(local, output=tmp_path / "local").tables
    assert there.keys() == expected.keys()
    assert all(there[name].equals(table) for name, table in expected.items())


def test_a_place_without_results_is_one_line(gate: Gate, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["tables", gate.uri("tests/nothing/here")]) == 2
    error = capsys.readouterr().err
    assert "there is no such file or folder" in error
    assert error.count("\n") == 1


def copied(storage: Storage, folder: Path, *parts: str) -> Path:
    """Copy a folder of a storage to a disk; return where it lies."""
    folder.mkdir(parents=True)
    for name, is_file in storage.names(*parts).items():
        if is_file:
            (folder / name).write_bytes(storage.read(*parts, name))
        else:
            copied(storage, folder / name, *parts, name)
    return folder


@pytest.mark.long
def test_an_experiment_that_tune_writes_to_s3_is_read_there(
    gate: Gate, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    place = gate.uri("tests/tune")
    subprocess.run([sys.executable, "-c", EXPERIMENT, place], check=True, capture_output=True, timeout=300)
    address, question, options = place.partition("?")
    there = f"{address}/sweep{question}{options}"
    here = copied(Storage.at(there), tmp_path / "sweep")
    assert main(["tables", there, "--output", "there"]) == 0
    assert "12 runs" in capsys.readouterr().out
    assert main(["tables", str(here), "--output", "here"]) == 0
    assert differing_columns(Path("there"), Path("here")) == set()

    (tmp_path / "mine.yaml").write_text(STUDY)
    (tmp_path / "my_training.py").write_text(TRAINER)
    for results, storage in ((there, "from_s3"), (str(here), "from_disk")):
        assert main(["ledger", "import", results, "mine.yaml", "--storage", storage]) == 0
    from_s3, from_disk = (Ledger.open(Storage.at(name)).read().records for name in ("from_s3", "from_disk"))
    assert {key: dict(one.reported) for key, one in from_s3.items()} == {
        key: dict(one.reported) for key, one in from_disk.items()
    }
    assert len(from_s3) == 8
