"""Results from elsewhere that lie on S3 make the tables that they make on a disk."""

from pathlib import Path

import pytest

import ablatune
from tests.cluster.s3_server import Gate
from tests.tune_jobs.existing.test_reading import write_csv, write_parquet, write_ray_tune
from tune_jobs.commands.cli import main
from tune_jobs.storage.storage import Storage


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
