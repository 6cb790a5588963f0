"""A training in progress as bytes, from which it goes on as if it had never stopped, bit for bit."""

import hashlib
import io
from dataclasses import asdict, dataclass
from typing import Any, Protocol

import torch
from torch import nn
from torch.optim import Optimizer

from models.augmentation import Augmentation
from models.history import Best, History, Measurement
from models.schedules import Schedule

_FORMAT = 1
_DIGEST = hashlib.sha256().digest_size


class SnapshotError(Exception):
    """A snapshot cannot be used."""


class Snapshots(Protocol):
    """Where a training keeps what it goes on from."""

    def load(self) -> bytes | None:
        """Return the last snapshot; None where there is none."""

    def due(self) -> bool:
        """Return whether a snapshot is wanted after this epoch."""

    def save(self, content: bytes) -> None:
        """Keep a snapshot in the place of the one before."""


@dataclass
class InProgress:
    """All that changes from epoch to epoch."""

    network: nn.Module
    optimizer: Optimizer
    schedule: Schedule
    augmentation: Augmentation | None
    shuffle: torch.Generator
    history: History
    best: tuple[Best, Best]
    device: torch.device

    def to_bytes(self) -> bytes:
        """Return the state after an epoch."""
        history = asdict(self.history)
        history["measurements"] = {
            epoch: {name: _as_tensor(value) for name, value in asdict(one).items()}
            for epoch, one in self.history.measurements.items()
        }
        content = {
            "format": _FORMAT,
            "network": self.network.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "schedule": self.schedule.state(),
            "generators": {name: generator.get_state() for name, generator in self._generators().items()},
            "history": history,
            "best": [one.state for one in self.best],
        }
        stream = io.BytesIO()
        torch.save(content, stream)
        return hashlib.sha256(stream.getvalue()).digest() + stream.getvalue()

    def kept_in(self, snapshots: Snapshots) -> bool:
        """Keep a snapshot; return whether that was possible: no training is ended by what only helps it to go on."""
        try:
            snapshots.save(self.to_bytes())
        except Exception:
            return False
        return True

    def restore(self, content: bytes) -> None:
        """Go back to a state; nothing in the bytes is ever executed.

        Raises:
            SnapshotError: the bytes are torn, of another version, or hold more than numbers.
        """
        digest, body = content[:_DIGEST], content[_DIGEST:]
        if hashlib.sha256(body).digest() != digest:
            raise SnapshotError("it is torn")
        try:
            self._restore(torch.load(io.BytesIO(body), map_location="cpu", weights_only=True))
        except Exception as error:
            raise SnapshotError(str(error)) from error

    def _restore(self, found: dict[str, Any]) -> None:
        if found["format"] != _FORMAT:
            raise ValueError(f"format {found['format']}, {_FORMAT} expected")
        self.network.load_state_dict(found["network"])
        self.optimizer.load_state_dict(found["optimizer"])
        self.schedule.restore(found["schedule"])
        for name, generator in self._generators().items():
            generator.set_state(found["generators"][name])
        measurements = {
            epoch: Measurement(**{name: _as_array(value) for name, value in one.items()})
            for epoch, one in found["history"].pop("measurements").items()
        }
        vars(self.history).update(found["history"], measurements=measurements)
        for one, state in zip(self.best, found["best"], strict=True):
            one.state = state

    def _generators(self) -> dict[str, torch.Generator]:
        """Return what random numbers are drawn from, by its purpose."""
        found = {"cpu": torch.default_generator, "shuffle": self.shuffle}
        if self.augmentation is not None:
            found["augmentation"] = self.augmentation.generator
        if self.device.type == "cuda":
            index = self.device.index if self.device.index is not None else torch.cuda.current_device()
            found["cuda"] = torch.cuda.default_generators[index]
        return found


def _as_tensor(value: Any) -> Any:
    return torch.from_numpy(value) if hasattr(value, "dtype") else value


def _as_array(value: Any) -> Any:
    return value.numpy() if isinstance(value, torch.Tensor) else value
