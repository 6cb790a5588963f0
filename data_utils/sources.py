"""What is read of the user's own data: rows with a digest each, before anything is sealed, split or scaled."""

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
from data_utils.errors import DatasetError


@dataclass(frozen=True, eq=False)
class Source:
    """The rows of one file, folder or call.

    Attributes:
        where: What was read, for messages: a path, or the function's name.
        digests: uint64 [n, 2], of each row's whole content, whatever of it is an input.
        targets: The target of each row.
        plain_classes: Whether targets that are whole numbers are classes beyond doubt.
        inputs: Gives the inputs [m, *input_shape] of rows [m]; NaN where a value is missing.
        features: Names of the input columns; empty where they have none.
        layout: What the digests leave out and the arrays depend on, as JSON can hold it.
    """

    where: str
    digests: NDArray[np.uint64]
    targets: Column
    plain_classes: bool
    inputs: Callable[[NDArray[np.intp]], NDArray[Any]]
    features: tuple[str, ...]
    layout: tuple[object, ...]

    def __len__(self) -> int:
        return len(self.digests)

    @cached_property
    def order(self) -> NDArray[np.intp]:
        """Rows in the order of their content, so that the order in which they are stored does not matter."""
        return np.lexsort((self.targets.codes, self.digests[:, 1], self.digests[:, 0]))

    def rows_content(self, rows: NDArray[np.intp]) -> tuple[bytes, bytes]:
        """Return bytes that tell ``rows`` from any others."""
        return self.digests[rows].astype("<u8").tobytes(), self.targets.codes[rows].astype("<u8").tobytes()

    @cached_property
    def content(self) -> str:
        """16 hex digits that change whenever a row does, and not with their order."""
        parts = (json.dumps(self.layout).encode(), *self.rows_content(self.order))
        return hashlib.sha256(b"".join(hashlib.sha256(part).digest() for part in parts)).hexdigest()[:16]


class Sources(NamedTuple):
    """A dataset as it is read: its rows, and what opens the test part of its own, if it has one."""

    main: Source
    open_test: Callable[[], Source] | None


def unusable(name: str, where: object, what: str) -> DatasetError:
    """Return the error for a dataset that is there but cannot be used as it is."""
    return DatasetError(f"{name}: cannot use {where}: {what}")


def read_bytes(name: str, path: Path) -> bytes:
    """Return the content of ``path``.

    Raises:
        DatasetError: If it cannot be read or is empty.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise unusable(name, path, f"it cannot be read ({error.strerror})") from error
    if not content.strip():
        raise unusable(name, path, "it is empty; put the data there")
    return content
