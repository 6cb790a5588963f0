"""What a loader returns: one part of a dataset, as bytes, parsed into rows on demand."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

PartName = Literal["development", "test"]


@dataclass(frozen=True, eq=False)
class Rows:
    """Rows as read: inputs [n, *input_shape] and targets [n], in the units of the source.

    `groups` [n] numbers what keeps rows together, from 0; None if nothing does.
    """

    inputs: NDArray[Any]
    targets: NDArray[Any]
    groups: NDArray[np.intp] | None = None


@dataclass(frozen=True, eq=False)
class Part:
    """One part of a dataset, development or test.

    Attributes:
        version: Increased when the same content is parsed to other rows.
        content: All that the rows depend on, including options; the fingerprint is its hash. An option that is added
            later must leave the content as it was while it has its default.
        parse: Turns the content into rows; raises `DatasetError` if it is damaged.
    """

    version: int
    content: tuple[bytes, ...]
    parse: Callable[[], Rows]


class OpenPart(Protocol):
    """The function that ``DatasetInfo.loader`` names; it must not read files of the other part."""

    def __call__(self, part: PartName, *, data_dir: Path, options: Mapping[str, object], download: bool) -> Part: ...


def take(rows: Rows, indices: NDArray[np.intp]) -> Rows:
    """Copy the rows at ``indices`` [m]."""
    return Rows(inputs=rows.inputs[indices], targets=rows.targets[indices])
