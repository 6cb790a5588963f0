"""Rows of a user's dataset as read, each with a digest, before anything is sealed, split or scaled."""

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from data_utils.columns import Column
from data_utils.declared import Declaration
from data_utils.errors import DatasetError
from data_utils.taken import Taken


@dataclass(frozen=True, eq=False)
class Source:
    """The rows of one file, folder or call.

    Attributes:
        where: Path, or the function's name; for messages.
        digests: uint64 [n, 2], of each row's whole content, whether or not it is an input.
        targets: The target of each row.
        plain_classes: Whether targets that are whole numbers are known to be classes.
        inputs: Returns the inputs [m, *input_shape] of rows [m]; NaN where a value is missing.
        features: Names of the input columns; empty if they have none.
        layout: What else the arrays depend on beside the digests, as JSON values.
        places: Places in the file of the rows [n], from 0, if some of them are left out.
        groups: uint64 [n, 2], of what keeps rows together: those with equal values are in one part; None for nothing.
    """

    where: str
    digests: NDArray[np.uint64]
    targets: Column
    plain_classes: bool
    inputs: Callable[[NDArray[np.intp]], NDArray[Any]]
    features: tuple[str, ...]
    layout: tuple[object, ...]
    places: NDArray[np.intp] | None = None
    groups: NDArray[np.uint64] | None = None

    def __len__(self) -> int:
        return len(self.digests)

    @cached_property
    def order(self) -> NDArray[np.intp]:
        """Rows in order of their content, so their order in the file does not matter."""
        return np.lexsort((self.targets.codes, self.digests[:, 1], self.digests[:, 0]))

    def rows_content(self, rows: NDArray[np.intp]) -> tuple[bytes, bytes]:
        """Bytes that identify ``rows``."""
        return self.digests[rows].astype("<u8").tobytes(), self.targets.codes[rows].astype("<u8").tobytes()

    @cached_property
    def content(self) -> str:
        """16 hex digits that change with any row, but not with the order of rows."""
        parts = (json.dumps(self.layout).encode(), *self.rows_content(self.order))
        return hashlib.sha256(b"".join(hashlib.sha256(part).digest() for part in parts)).hexdigest()[:16]


class Sources(NamedTuple):
    """A dataset as read.

    Attributes:
        main: Its rows.
        open_test: Opens the separate test part, if there is one.
        settled: The declaration with all that it left open, if it left something open.
        taken: What was guessed.
    """

    main: Source
    open_test: Callable[[], Source] | None
    settled: Declaration | None = None
    taken: tuple[Taken, ...] = ()


def unusable(name: str, where: object, what: str) -> DatasetError:
    """The error for a dataset that was found but cannot be used."""
    return DatasetError(f"{name}: cannot use {where}: {what}")


def read_bytes(name: str, path: Path) -> bytes:
    """Read ``path``.

    Raises:
        DatasetError: If it cannot be read or is empty.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise unusable(name, path, f"it cannot be read ({error.strerror})") from error
    if not content.strip():
        raise unusable(name, path, "it is empty; add the data")
    return content
