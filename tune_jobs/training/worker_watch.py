"""What Ray Tune is watched for while it runs trials: signs of life, and workers that are lost."""

import os
import time
import uuid
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

import ray
from ray import tune

from tune_jobs.capacity.room import node_name
from tune_jobs.errors import StorageError, UserError
from tune_jobs.ledger import provenance
from tune_jobs.ledger.lost_workers import Incident, Loss, own_losses, write_incident
from tune_jobs.ledger.runs import BEACON_PERIOD_SECONDS, Beacon, now, remove_beacon, write_beacon
from tune_jobs.storage.storage import Storage
from tune_jobs.training.storage_check import refusal

# A trial whose worker died on a node that lives is started again this often; one that lost its node, always.
RESTARTS = 3
_JUDGE_PERIOD_SECONDS = 5.0


class Running(Protocol):
    """A progress display: what is being trained, key to epochs done, and a way to say that a worker was lost."""

    @property
    def running(self) -> dict[str, int]: ...

    def restarted(self, key: str, label: str) -> None: ...


Shown = TypeVar("Shown", bound=Running)


@dataclass
class _Lost:
    """A trial of Tune that lost workers: what of it is kept, and the id of the node of each."""

    trial: Any
    losses: list[Loss] = field(default_factory=list)
    incidents: list[Incident] = field(default_factory=list)


class Watch(tune.Callback, Generic[Shown]):
    """Keeps the beacon of a run alight while Tune has results, and judges whose fault a lost worker is.

    Attributes:
        progress: the display.
        unusable: which node cannot keep results, and why; "" while none is known of. The run is to end then.
        stranded: configurations of Tune's trials that it gave up though their worker was lost before they began.
    """

    def __init__(self, progress: Shown, storage: Storage, study: str) -> None:
        self.progress = progress
        self.unusable = ""
        self.stranded: list[Mapping[str, Any]] = []
        self._storage = storage.patient(0)
        self._study = study
        self._run = uuid.uuid4().hex[:12]
        self._beaconed = -BEACON_PERIOD_SECONDS
        self._judged = 0.0
        self._nodes: dict[str, str] = {}
        self._lost: dict[str, _Lost] = {}

    def __getstate__(self) -> dict[str, Any]:
        """Tune pickles its callbacks with the experiment's state, which nothing here reads; a terminal cannot be."""
        return {}

    def who(self, trial: Any) -> tuple[str, str, int]:
        """Return a trial's key, what a person knows it by, and the last epoch that was heard of."""
        raise NotImplementedError

    def on_step_begin(self, iteration: int, trials: list[Any], **info: Any) -> None:
        if self._lost and time.monotonic() - self._judged >= _JUDGE_PERIOD_SECONDS:
            self._judge()

    def on_trial_result(
        self, iteration: int, trials: list[Any], trial: Any, result: dict[str, Any], **info: Any
    ) -> None:
        if "node" in result:
            self._nodes[trial.trial_id] = result["node"]
        self.unusable = self.unusable or result.get("unusable", "")
        if time.monotonic() - self._beaconed >= BEACON_PERIOD_SECONDS:
            self._beaconed = time.monotonic()
            running = self.progress.running
            beacon = Beacon(self._run, self._study, provenance.host(), os.getpid(), now(), running)
            # An outage is the workers' to wait out: Tune is not to be kept from them.
            with suppress(StorageError):
                write_beacon(self._storage, beacon)

    def on_trial_recover(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        self._note(trial, again=True)
        key, label, _ = self.who(trial)
        self.progress.restarted(key, label)
        self._judge()

    def on_trial_error(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        if trial.num_failures <= trial.max_failures:
            # A reused worker that is gone before the next trial begins: Tune ends that trial without another try.
            self.stranded.append(trial.config)
        else:
            self._note(trial, again=False)

    def on_experiment_end(self, trials: list[Any], **info: Any) -> None:
        if self._lost and ray.is_initialized():
            self._judge()
        self._lost.clear()
        with suppress(StorageError):
            remove_beacon(self._storage, self._run)

    def taken_back(self) -> list[Mapping[str, Any]]:
        """Return the stranded ones, which are to be run again, and forget them."""
        taken, self.stranded = self.stranded, []
        return taken

    def raise_unusable(self) -> None:
        """Raise where results cannot be kept.

        Raises:
            UserError: a node that came up cannot use the storage.
        """
        if self.unusable:
            raise UserError(f"{refusal(self._storage, self.unusable)}; what was trained elsewhere is kept")

    def _note(self, trial: Any, *, again: bool) -> None:
        """Keep that a trial lost its worker, durably."""
        node = self._nodes.pop(trial.trial_id, "")
        names = {one["NodeID"]: node_name(one) for one in ray.nodes()}  # type: ignore[no-untyped-call]
        key, label, epoch = self.who(trial)
        incident = Incident(
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
        lost = self._lost.setdefault(trial.trial_id, _Lost(trial))
        lost.losses.append(Loss(node, time.monotonic()))
        lost.incidents.append(incident)
        with suppress(StorageError):
            write_incident(self._storage, incident)

    def _judge(self) -> None:
        """Let trials fail as often more as their own losses leave them, and keep which nodes were lost."""
        self._judged = time.monotonic()
        alive = {one["NodeID"] for one in ray.nodes() if one["Alive"]}  # type: ignore[no-untyped-call]
        home = ray.get_runtime_context().get_node_id()
        for lost in self._lost.values():
            own = own_losses(lost.losses, alive, home, self._judged)
            lost.trial.max_failures = lost.trial.num_failures + RESTARTS - own
            for number, (loss, incident) in enumerate(zip(lost.losses, lost.incidents, strict=True)):
                if loss.node and loss.node not in alive and not incident.node_lost:
                    lost.incidents[number] = replace(incident, node_lost=True)
                    with suppress(StorageError):
                        write_incident(self._storage, lost.incidents[number])


class EndsWith(tune.Stopper):
    """Ends a run as soon as what watches it finds that results cannot be kept."""

    def __init__(self, watch: "Watch[Any]") -> None:
        self._watch = watch

    def __call__(self, trial_id: str, result: dict[str, Any]) -> bool:
        return False

    def stop_all(self) -> bool:
        """Return whether the run is to end."""
        return bool(self._watch.unusable)


def last_line(trial: Any) -> str:
    """Return the last line of what a trial of Tune ended with."""
    text = str(trial.get_error() or "").strip()
    # Until Tune has copied it to its storage, what a trial ended with is in a file of the driver alone.
    if not text and trial.error_file:
        with suppress(OSError):
            text = Path(trial.error_file).read_text(errors="replace").strip()
    return (text or "its worker was lost").splitlines()[-1].strip()
