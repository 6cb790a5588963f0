"""What a run leaves on disk, from the records and logs that pilots really wrote."""

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


def disk(work: Sequence[Work], pilots: Sequence[Pilot]) -> Disk:
    """Return what work leaves on disk; a shape without a pilot counts as the mean of those that have one.

    Raises:
        ValueError: no pilot.
    """
    if not pilots:
        raise ValueError("pilots: there is none to estimate from")
    by_shape: dict[str, list[Pilot]] = {}
    for pilot in pilots:
        by_shape.setdefault(pilot.shape, []).append(pilot)
    usual = _sizes(pilots)
    sizes = {shape: _sizes(own) for shape, own in by_shape.items()}
    records, logs = ZERO, ZERO
    for piece in work:
        size = sizes.get(piece.shape, usual)
        fixed = Span.exactly(size["record_bytes"])
        records += fixed + piece.epochs * size["epoch_bytes"] + piece.measured * size["measure_bytes"]
        logs += Span.exactly(size["log_bytes"]) + piece.epochs * size["log_epoch_bytes"]
    return Disk(records, logs, max(pilot.model_bytes for pilot in pilots))


def _sizes(pilots: Sequence[Pilot]) -> dict[str, float]:
    names = [field.name for field in fields(Pilot) if field.name.endswith("_bytes")]
    return {name: float(np.mean([getattr(pilot, name) for pilot in pilots])) for name in names}
