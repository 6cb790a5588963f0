"""Runs in Weights & Biases, on its server or as files that `wandb sync` sends."""

import hashlib
import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

from tune_jobs.trackers.tracked_run import TrackedRun

_ONLINE_SECONDS = 20.0
_LONGEST_TAG, _LONGEST_GROUP = 64, 128
# Unless the environment says otherwise: nothing is printed, and nothing of this machine is looked at.
_ENVIRONMENT = {"WANDB_SILENT": "true", "WANDB_ERROR_REPORTING": "false"}


class WandbRuns:
    """Writes runs into a project. A run's id comes from the study and the trial, so none becomes two.

    Args:
        place: the project, perhaps with its team.
        study: groups the runs.
        offline: whether to write files only, into WANDB_DIR or the current folder.

    Raises:
        Exception: of the client's own kinds.
    """

    def __init__(self, place: str, study: str, *, offline: bool) -> None:
        for name, value in _ENVIRONMENT.items():
            os.environ.setdefault(name, value)
        import wandb

        self._wandb: Any = wandb
        team, _, self._project = place.rpartition("/")
        self._team = team or None
        self._study = study
        self._offline = offline or os.environ.get("WANDB_MODE") == "offline"
        self._temporary = "" if self._offline else tempfile.mkdtemp(prefix="ablatune-wandb-")

    def send(self, run: TrackedRun) -> None:
        """Write a run, or what it lacks."""
        group = f"{self._study}/{run.table}/{run.level}"
        tags = [f"{table}: {level}" for table, levels in run.levels.items() for level in levels]
        with_levels = {"table": {name: ", ".join(levels) for name, levels in run.levels.items()}, "trial": run.facts}
        begun = self._begin(
            id=self._id(run.key),
            name=run.name,
            group=group[:_LONGEST_GROUP],
            job_type=run.table,
            tags=sorted({tag[:_LONGEST_TAG] for tag in tags}),
            config={**run.parameters, **with_levels},
        )
        # A run that goes on has the steps before this one.
        for epoch in range(max(begun.step - 1, 0), run.record.epochs):
            values = {name: column[epoch] for name, column in run.metrics.items() if epoch < len(column)}
            begun.log(values, step=epoch + 1)
        begun.summary.update({f"trial/{name}": run.facts.get(name, "") for name in ("outcome", "epochs", "reason")})
        begun.finish(exit_code=int(run.failed))

    def send_report(self, folder: Path) -> None:
        """Add the files of the study's report, as an artifact of a run of its own."""
        begun = self._begin(id=self._id("report"), name="report", group=self._study, job_type="report")
        report = self._wandb.Artifact(f"{hashlib.sha256(self._study.encode()).hexdigest()[:8]}-report", type="report")
        report.description = f"the report of {self._study}"
        report.add_dir(str(folder))
        begun.log_artifact(report)
        begun.finish()

    def close(self) -> None:
        """Wait until the client's own process has written everything, and remove the files that it leaves behind."""
        self._wandb.teardown()
        if self._temporary:
            shutil.rmtree(self._temporary, ignore_errors=True)

    def _id(self, key: str) -> str:
        return f"{key}-{hashlib.sha256(self._study.encode()).hexdigest()[:8]}"

    def _begin(self, **more: Any) -> Any:
        settings = self._wandb.Settings(
            console="off",
            disable_code=True,
            disable_git=True,
            init_timeout=_ONLINE_SECONDS,
            finish_timeout=_ONLINE_SECONDS,
            finish_timeout_raises=True,
            silent=True,
            x_disable_machine_info=True,
            x_disable_meta=True,
            x_disable_stats=True,
            x_save_requirements=False,
        )
        return self._wandb.init(
            entity=self._team,
            project=self._project,
            dir=self._temporary or os.environ.get("WANDB_DIR") or os.getcwd(),
            mode="offline" if self._offline else "online",
            resume=None if self._offline else "allow",
            reinit="finish_previous",
            settings=settings,
            **more,
        )
