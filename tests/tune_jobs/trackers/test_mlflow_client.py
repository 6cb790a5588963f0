"""What MLflow's own client reads of what was sent to a folder."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tune_jobs.ledger.record import Record
from tune_jobs.trackers.tracked_run import TrackedRun

pytest.importorskip("mlflow", reason="the extra mlflow is not installed")


def test_a_folder_has_an_experiment_with_a_run_for_each_trial(
    tmp_path: Path, make_record: Callable[..., Record], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    for name in ("MLFLOW_TRACKING_TOKEN", "MY_API_KEY"):
        monkeypatch.setenv(name, f"MARKED-4711 {name}")
    from tune_jobs.trackers.mlflow_client import MlflowRuns

    place, levels = str(tmp_path / "runs"), {"width": ["4"], "depth": ["1", "2"]}
    short = make_record(seed=0, epochs=3)
    MlflowRuns(place, "study").send(TrackedRun("study", levels, short))
    # A second process finds the run of the first, and adds what is new.
    again = MlflowRuns(place, "study")
    again.send(TrackedRun("study", levels, make_record(seed=0, epochs=5, key=short.key)))
    (tmp_path / "report").mkdir()
    (tmp_path / "report" / "index.html").write_text("verdicts")
    for _ in range(2):
        again.send_report(tmp_path / "report")

    from mlflow.tracking import MlflowClient

    client = MlflowClient(tracking_uri=Path(place).as_uri())
    found = {
        run.info.run_name: run for run in client.search_runs([client.get_experiment_by_name("study").experiment_id])
    }
    assert set(found) == {"width: 4, seed 0", "report"}
    run = found["width: 4, seed 0"]
    assert run.info.status == "FINISHED"
    assert run.data.tags["ablatune.key"] == short.key
    assert (run.data.tags["table.width"], run.data.tags["table.depth"]) == ("4", "1, 2")
    assert run.data.params["dataset"] == "digits"
    history = client.get_metric_history(run.info.run_id, "validation_accuracy")
    assert sorted(metric.step for metric in history) == [1, 2, 3, 4, 5]
    (artifact,) = client.list_artifacts(found["report"].info.run_id, "report")
    assert artifact.path == "report/index.html"
    files = [path for path in (tmp_path / "runs").rglob("*") if path.is_file()]
    assert not [path for path in files if b"MARKED-4711" in path.read_bytes()]
