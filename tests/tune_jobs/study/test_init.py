"""`init` writes files that run as they stand."""

from pathlib import Path

import pytest

from tests.tune_jobs.commands.test_run import ablatune


def test_what_init_writes_is_a_study_and_is_never_overwritten(tmp_path: Path) -> None:
    said = ablatune("init", "mine", cwd=tmp_path)
    assert f"next: ablatune run {Path('mine') / 'my_study.yaml'}" in said
    assert "13 rows × 1 seed" in ablatune("run", "mine/my_study.yaml", "--seeds", "1", "--dry-run", cwd=tmp_path)
    (tmp_path / "mine" / "my_network.py").write_text("# mine\n")
    said = ablatune("init", "mine", cwd=tmp_path, expect=2)
    assert "already exists and was not changed" in said
    assert (tmp_path / "mine" / "my_network.py").read_text() == "# mine\n"


@pytest.mark.long
def test_what_init_writes_runs_as_it_stands(tmp_path: Path) -> None:
    ablatune("init", "mine", cwd=tmp_path)
    ablatune("run", "mine/my_study.yaml", "--seeds", "1", "--set", "epochs=1", cwd=tmp_path)
    ablatune("report", "mine/my_study.yaml", cwd=tmp_path)
    assert "Small net" in next((tmp_path / "report").glob("my_study*/report.md")).read_text()
