"""Which rows of the user's own data are sealed: each row's own content decides, and nothing else does.

So rows that are added, removed or moved never carry another row across the line, and equal rows are on one side.
"""

import hashlib
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from data_utils.errors import DatasetError
from data_utils.splits import whole_number


def row_digests(contents: Iterable[bytes]) -> NDArray[np.uint64]:
    """Return 128 bits for the content of each row, [n, 2]."""
    joined = b"".join(hashlib.blake2b(content, digest_size=16).digest() for content in contents)
    return np.frombuffer(joined, dtype="<u8").reshape(-1, 2)


def sealed_rows(digests: NDArray[np.uint64], *, test_share: float, outer_split: object = 0) -> NDArray[np.bool_]:
    """Return which of the rows with these digests [n, 2] are test rows, [n].

    In split 0, the one that is meant unless told, a row is a test row if its digest, read as a number from 0 to 1, is
    below ``test_share``: the share is met on average, and a larger share's part holds a smaller one's. A further
    split ranks the rows by a hash of digest and split, and has as many test rows: of the rows that occur once as many
    as split 0, of those that occur twice as many, and so on.

    Raises:
        DatasetError: If ``outer_split`` is no whole number or negative.
    """
    number = whole_number("outer_split", outer_split)
    if number < 0:
        raise DatasetError(f"outer_split must be 0 or more, not {number}")
    bound = np.uint64(int(test_share * 2.0**64))
    if number == 0:
        return np.asarray(digests[:, 0] < bound)
    groups, inverse, counts = np.unique(digests, axis=0, return_inverse=True, return_counts=True)
    usual = groups[:, 0] < bound
    ranks = row_digests(group.tobytes() + str(number).encode() for group in groups.astype("<u8"))[:, 0]
    chosen = np.zeros(len(groups), dtype=bool)
    for count in np.unique(counts):
        alike = np.flatnonzero(counts == count)
        order = alike[np.argsort(ranks[alike], kind="stable")]
        chosen[order[: np.count_nonzero(usual[alike])]] = True
    return np.asarray(chosen[inverse.reshape(-1)])
