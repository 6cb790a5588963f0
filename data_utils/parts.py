"""What a loader gives: one part of a dataset, its bytes first and its rows when they are asked for."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

PartName = Literal["development", "test"]


@dataclass(frozen=True, eq=False)
class Rows:
    """Rows as they were read: inputs [n, *input_shape] and targets [n], in the units of the source."""

    inputs: NDArray[Any]
    targets: NDArray[Any]


@dataclass(frozen=True, eq=False)
class Part:
    """One part of a dataset, development or test.

    Attributes:
        version: Raised when the same content comes to mean other rows.
        content: All that the rows depend on, options included; the fingerprint is a hash of it.
        parse: Turns the content into rows; raises `DatasetError` where it is torn.
    """

    version: int
    content: tuple[bytes, ...]
    parse: Callable[[], Rows]


class OpenPart(Protocol):
    """The function that ``DatasetInfo.loader`` names; it reads nothing of the other part's files."""

    def __call__(self, part: PartName, *, data_dir: Path, options: Mapping[str, object], download: bool) -> Part: ...


def take(rows: Rows, indices: NDArray[np.intp]) -> Rows:
    """Return copies of the rows at ``indices`` [m]."""
    return Rows(inputs=rows.inputs[indices], targets=rows.targets[indices])
