"""How much disk a run will take, from the records and logs that pilots wrote."""

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np

from tune_jobs.forecast.estimate import ZERO, Pilot, Span, Work


@dataclass(frozen=True)
class Disk:
    """Bytes: of the ledger's records, of TensorBoard logs, and of the largest trained network."""

    records: Span
    logs: Span
    model: float


def disk(work: Sequence[Work], pilots: Sequence[Pilot], logged_after: float = 0.0) -> Disk:
    """Estimate the disk space of some work; a shape without a pilot counts as the mean of the others.

    Args:
        work: to come.
        pilots: of its shapes.
        logged_after: how many seconds a trial must train to get a TensorBoard log.

    Raises:
        ValueError: there is no pilot.
    """
    if not pilots:
        raise ValueError("pilots: there are none to estimate from")
    by_shape: dict[str, list[Pilot]] = {}
    for pilot in pilots:
        by_shape.setdefault(pilot.shape, []).append(pilot)
    usual = _means(pilots)
    sizes = {shape: _means(pilots_of_shape) for shape, pilots_of_shape in by_shape.items()}
    records, logs = ZERO, ZERO
    for piece in work:
        size = sizes.get(piece.shape, usual)
        fixed = Span.exactly(size["record_bytes"])
        records += fixed + piece.epochs * size["epoch_bytes"] + piece.measured * size["measure_bytes"]
        if piece.epochs.expected * size["epoch_seconds"] >= logged_after:
            logs += Span.exactly(size["log_bytes"]) + piece.epochs * size["log_epoch_bytes"]
    return Disk(records, logs, max(pilot.model_bytes for pilot in pilots))


def _means(pilots: Sequence[Pilot]) -> dict[str, float]:
    names = [field.name for field in fields(Pilot) if field.name.endswith("_bytes")] + ["epoch_seconds"]
    return {name: float(np.mean([np.mean(getattr(pilot, name)) for pilot in pilots])) for name in names}
