"""A training in progress as bytes, from which it resumes as if it had never stopped, bit for bit."""

import io
import logging
from dataclasses import asdict, dataclass
from typing import Any, Protocol

import torch
from torch import nn

from models.history import Measurement
from models.plan import Snapshots
from models.schedules import Schedule
from models.sealed import is_whole, sealed, unsealed
from models.trajectory import Trajectory

_FORMAT = 1

_log = logging.getLogger(__name__)


class _Stateful(Protocol):
    def state_dict(self) -> dict[str, Any]: ...
    def load_state_dict(self, state: dict[str, Any], /) -> None: ...


class InTraining(Protocol):
    """A network in training, by itself (`models.learner`) or in a stack (`models.stacking.member`)."""

    @property
    def network(self) -> nn.Module: ...
    @property
    def optimizer(self) -> _Stateful: ...
    @property
    def schedule(self) -> Schedule: ...
    def generators(self) -> dict[str, torch.Generator]: ...


class SnapshotError(Exception):
    """A snapshot cannot be used."""


@dataclass(frozen=True)
class InProgress:
    """All that changes from epoch to epoch."""

    learner: InTraining
    trajectory: Trajectory

    def to_bytes(self) -> bytes:
        """Write the state after an epoch."""
        learner, trajectory = self.learner, self.trajectory
        history = asdict(trajectory.history)
        history["measurements"] = {
            epoch: {name: _as_tensor(value) for name, value in asdict(measurement).items()}
            for epoch, measurement in trajectory.history.measurements.items()
        }
        content = {
            "format": _FORMAT,
            "network": {name: _by_itself(value) for name, value in learner.network.state_dict().items()},
            "optimizer": learner.optimizer.state_dict(),
            "schedule": learner.schedule.state(),
            "generators": {name: generator.get_state() for name, generator in learner.generators().items()},
            "history": history,
            "best": [trajectory.best_metric.state, trajectory.best_loss.state],
        }
        stream = io.BytesIO()
        torch.save(content, stream)
        return sealed(stream.getvalue())

    def kept_in(self, snapshots: Snapshots) -> bool:
        """Keep a snapshot; return whether that worked. No failure to keep one ends the training; each is logged."""
        try:
            snapshots.save(self.to_bytes())
        except OSError as error:
            _log.warning("a snapshot cannot be kept, training goes on without: %s", error)
            return False
        except Exception:  # the user's own layers may raise anything, and we may err: the traceback tells
            _log.warning("a snapshot cannot be made, training goes on without", exc_info=True)
            return False
        return True

    def restore(self, content: bytes) -> None:
        """Restore a state; nothing in the bytes is executed.

        Raises:
            SnapshotError: the bytes are incomplete, of another version, or hold more than numbers.
        """
        if not is_whole(content):
            raise _unusable("it is incomplete or damaged")
        try:
            self._restore(torch.load(io.BytesIO(unsealed(content)), map_location="cpu", weights_only=True))
        except Exception as error:  # the user's own layers may raise anything
            raise _unusable(f"{type(error).__name__}: {error}") from error

    def _restore(self, found: dict[str, Any]) -> None:
        if found["format"] != _FORMAT:
            raise ValueError(f"format {found['format']}, {_FORMAT} expected")
        learner, trajectory = self.learner, self.trajectory
        learner.network.load_state_dict(found["network"])
        learner.optimizer.load_state_dict(found["optimizer"])
        learner.schedule.restore(found["schedule"])
        for name, generator in learner.generators().items():
            generator.set_state(found["generators"][name])
        measurements = {
            epoch: Measurement(**{name: _as_array(value) for name, value in values.items()})
            for epoch, values in found["history"].pop("measurements").items()
        }
        vars(trajectory.history).update(found["history"], measurements=measurements)
        trajectory.best_metric.state, trajectory.best_loss.state = found["best"]


def _unusable(why: str) -> SnapshotError:
    _log.warning("a snapshot cannot be used, training starts from the first epoch: %s", why)
    return SnapshotError(why)


def _by_itself(value: Any) -> Any:
    """Copy a part of a larger tensor, as a weight of a member of a stack is: it would be saved with all of that."""
    if isinstance(value, torch.Tensor) and value.untyped_storage().nbytes() > value.nbytes:
        return value.clone()
    return value


def _as_tensor(value: Any) -> Any:
    return torch.from_numpy(value) if hasattr(value, "dtype") else value


def _as_array(value: Any) -> Any:
    return value.numpy() if isinstance(value, torch.Tensor) else value
