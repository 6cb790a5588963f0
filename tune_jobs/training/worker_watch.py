"""Watches Ray Tune while it runs trials: writes the run's beacon, and deals with workers that die."""

import logging
import os
import time
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

import ray
from ray import tune

from tune_jobs.capacity.ray_nodes import node_name
from tune_jobs.capacity.ray_private import let_fail
from tune_jobs.errors import StorageError, StorageRefusedError, UserError
from tune_jobs.ledger import provenance
from tune_jobs.ledger.lost_workers import Incident, LostWorker, unexplained_losses, write_incident
from tune_jobs.ledger.runs import (
    BEACON_PERIOD_SECONDS,
    LOCAL_BEACON_PERIOD_SECONDS,
    Beacon,
    now,
    remove_beacon,
    write_beacon,
)
from tune_jobs.logs import Line, log_again
from tune_jobs.storage.storage import Storage
from tune_jobs.training.running_curves import Point
from tune_jobs.training.snapshot import Snapshot
from tune_jobs.training.storage_check import refusal
from tune_jobs.training.worker_report import LACKS, LOG, refusal_in

# How often a trial whose worker died is started again; deaths of whole nodes do not count.
RESTARTS = 3
_JUDGE_PERIOD_SECONDS = 5.0
_REFRESH_PERIOD_SECONDS = 1.0

_log = logging.getLogger(__name__)


class Running(Protocol):
    """A progress display that knows the epochs done, by key, of the trials that are training."""

    @property
    def running(self) -> dict[str, int]: ...
    @property
    def curves(self) -> Mapping[str, Sequence[Point]]: ...

    def snapshot(self) -> Snapshot: ...
    def restarted(self, key: str, label: str) -> None: ...
    def refresh(self) -> None: ...
    def say(self, line: str) -> None: ...


Shown = TypeVar("Shown", bound=Running)


@dataclass
class _Lost:
    """A trial of Tune that lost workers: each loss, and its incidents in the ledger."""

    trial: Any
    losses: list[LostWorker] = field(default_factory=list)
    incidents: list[list[Incident]] = field(default_factory=list)


class Watch(tune.Callback, Generic[Shown]):
    """Renews the beacon of a run while results come in, and decides whether a trial that lost its worker may restart.

    Attributes:
        progress: the display.
        unusable: which node cannot keep results, and why, which ends the run; "" if none is known.
        lacks: which node lacks what the study requires, which ends the run too.
        refused: the storage's refusal to take a result, which ends the run; it has the results that were not taken.
        stranded: configurations of trials that Tune gave up because their worker died before they began.
    """

    def __init__(self, progress: Shown, storage: Storage, study: str) -> None:
        self.progress = progress
        self.unusable = self.lacks = ""
        self.refused: StorageRefusedError | None = None
        self.stranded: list[Mapping[str, Any]] = []
        self._storage = storage.patient(0)
        self._study = study
        self._run = uuid.uuid4().hex[:12]
        self._period = BEACON_PERIOD_SECONDS if storage.local_root is None else LOCAL_BEACON_PERIOD_SECONDS
        self._beaconed = -self._period
        self._judged = 0.0
        self._refreshed = time.monotonic()
        self._nodes: dict[str, str] = {}
        self._lost: dict[str, _Lost] = {}
        self._logged: set[Line] = set()

    def __getstate__(self) -> dict[str, Any]:
        """Nothing: Tune pickles its callbacks, and a terminal cannot be pickled."""
        return {}

    def in_training(self, trial: Any) -> Sequence[tuple[str, str, int]]:
        """The trials that the worker of a trial of Tune trains: the key of each, a readable name, its last epoch."""
        raise NotImplementedError

    def on_step_begin(self, iteration: int, trials: list[Any], **info: Any) -> None:
        # No result may come in for long.
        if time.monotonic() - self._refreshed >= _REFRESH_PERIOD_SECONDS:
            self._refreshed = time.monotonic()
            self.progress.refresh()
        self._show_life()
        if self._lost and time.monotonic() - self._judged >= _JUDGE_PERIOD_SECONDS:
            self._judge()

    def on_trial_result(
        self, iteration: int, trials: list[Any], trial: Any, result: dict[str, Any], **info: Any
    ) -> None:
        if "node" in result:
            self._nodes[trial.trial_id] = result["node"]
        self.unusable = self.unusable or result.get("unusable", "")
        self.lacks = self.lacks or result.get(LACKS, "")
        self._take_refusal(refusal_in(result))
        self._log_once(result.get(LOG, ()))

    def on_trial_recover(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        self._note(trial, again=True)
        for key, label, _ in self.in_training(trial):
            self.progress.restarted(key, label)
            _log.info("%s lost its worker: %s", label, last_line(trial))
        self._judge()

    def on_trial_error(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        if trial.num_failures <= trial.max_failures:
            # A reused worker died before this trial began: Tune gives the trial up without a retry.
            self.stranded.append(trial.config)
        else:
            self._note(trial, again=False)

    def on_experiment_end(self, trials: list[Any], **info: Any) -> None:
        if self._lost and ray.is_initialized():
            self._judge()
        self._lost.clear()
        with self._passing_over("the sign of life of this run was not removed"):
            remove_beacon(self._storage, self._run)

    def _show_life(self) -> None:
        """Say that the run is alive and how far it is, if that was not said for a while."""
        if time.monotonic() - self._beaconed < self._period:
            return
        self._beaconed = time.monotonic()
        shown = self.progress.snapshot()
        beacon = Beacon(
            self._run,
            self._study,
            provenance.host(),
            os.getpid(),
            now(),
            self.progress.running,
            self.progress.curves,
            shown.share,
            shown.seconds_left,
            shown.best,
        )
        # Workers wait for the storage to come back; Tune must not be blocked meanwhile.
        with self._passing_over("the sign of life of this run was not written"):
            write_beacon(self._storage, beacon)

    def taken_back(self) -> list[Mapping[str, Any]]:
        """Return the stranded trials, to be run again, and forget them."""
        taken, self.stranded = self.stranded, []
        return taken

    def raise_unusable(self) -> None:
        """Check that results can be kept.

        Raises:
            UserError: a node that came up cannot use the storage, or lacks what the study requires.
            StorageRefusedError: the storage did not take a result.
        """
        if self.refused is not None:
            raise self.refused
        if self.lacks:
            raise UserError(
                f"requirements: {self.lacks}; install it on every node, in the environment that runs Ray; results from "
                "other nodes are kept"
            )
        if self.unusable:
            raise UserError(f"{refusal(self._storage, self.unusable)}; results from other nodes are kept")

    def _take_refusal(self, refused: StorageRefusedError | None) -> None:
        """Say at once that the storage refuses; keep what it did not take, from this worker and from the next."""
        if refused is None:
            return
        if self.refused is None:
            self.refused = refused
            self.progress.say(f"ablatune: {refused}; the run ends")
        else:
            self.refused.unwritten.update(refused.unwritten)

    def _log_once(self, lines: Iterable[Line]) -> None:
        """Log what workers have logged; each of them meets the same troubles."""
        for line in lines:
            if line not in self._logged:
                self._logged.add(line)
                log_again(line)

    @contextmanager
    def _passing_over(self, what: str) -> Iterator[None]:
        """Go on if the storage cannot be used: what is written is no result, and says so once."""
        try:
            yield
        except StorageError as error:
            self._log_once([(logging.WARNING, __name__, f"{what}: {error}")])

    def _note(self, trial: Any, *, again: bool) -> None:
        """Write incidents to the ledger: the trials in training lost their worker."""
        node = self._nodes.pop(trial.trial_id, "")
        names = {one["NodeID"]: node_name(one) for one in ray.nodes()}  # type: ignore[no-untyped-call]
        incidents = [
            Incident(
                id=f"{now().replace(':', '')[:17]}-{uuid.uuid4().hex[:12]}",
                study=self._study,
                key=key,
                label=label,
                epoch=epoch,
                node=names.get(node, node[:6]),
                at=now(),
                again=again,
                reason=last_line(trial),
            )
            for key, label, epoch in self.in_training(trial)
        ]
        lost = self._lost.setdefault(trial.trial_id, _Lost(trial))
        lost.losses.append(LostWorker(node, time.monotonic()))
        lost.incidents.append(incidents)
        for incident in incidents:
            with self._passing_over("the loss of a worker was not recorded"):
                write_incident(self._storage, incident)

    def _judge(self) -> None:
        """Set how often each trial may still fail, by the losses that no dead node explains; note dead nodes."""
        self._judged = time.monotonic()
        alive = {one["NodeID"] for one in ray.nodes() if one["Alive"]}  # type: ignore[no-untyped-call]
        home = ray.get_runtime_context().get_node_id()
        for lost in self._lost.values():
            own = unexplained_losses(lost.losses, alive, home, self._judged)
            let_fail(lost.trial, lost.trial.num_failures + RESTARTS - own)
            for loss, incidents in zip(lost.losses, lost.incidents, strict=True):
                if loss.node and loss.node not in alive:
                    self._note_node_lost(incidents)

    def _note_node_lost(self, incidents: list[Incident]) -> None:
        for number, incident in enumerate(incidents):
            if not incident.node_lost:
                incidents[number] = replace(incident, node_lost=True)
                with self._passing_over("the loss of a node was not recorded"):
                    write_incident(self._storage, incidents[number])


class EndsWith(tune.Stopper):
    """Ends a run as soon as its watch finds that results cannot be kept."""

    def __init__(self, watch: "Watch[Any]") -> None:
        self._watch = watch

    def __call__(self, trial_id: str, result: dict[str, Any]) -> bool:
        return False

    def stop_all(self) -> bool:
        """Whether to end the run."""
        return bool(self._watch.unusable or self._watch.lacks) or self._watch.refused is not None


def last_line(trial: Any) -> str:
    """The last line of the error that a trial of Tune ended with."""
    text = str(trial.get_error() or "").strip()
    # Until Tune has copied the error to its storage, only the driver has a file of it.
    if not text and trial.error_file:
        # It may not be there yet, or no more: what is known is that the worker was lost.
        with suppress(OSError):
            text = Path(trial.error_file).read_text(errors="replace").strip()
    return (text or "its worker was lost").splitlines()[-1].strip()
