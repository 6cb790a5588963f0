"""Which rows of a user's dataset are sealed: the content of a row decides, and nothing else.

Adding, removing or moving rows therefore never moves another row across the line, and equal rows stay together.
"""

import hashlib
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from data_utils.splits import natural_number


def row_digests(contents: Iterable[bytes]) -> NDArray[np.uint64]:
    """Hash the content of each row to 128 bits, [n, 2]."""
    joined = b"".join(hashlib.blake2b(content, digest_size=16).digest() for content in contents)
    return np.frombuffer(joined, dtype="<u8").reshape(-1, 2)


def sealed_rows(digests: NDArray[np.uint64], *, test_share: float, outer_split: object = 0) -> NDArray[np.bool_]:
    """Choose the test rows among the rows with these digests [n, 2]: a mask, [n].

    In split 0, the default, a row is a test row if its digest, read as a number from 0 to 1, is below ``test_share``:
    the share is met on average, and the part of a larger share contains that of a smaller one. Any other split ranks
    the rows by a hash of digest and split, and has as many test rows as split 0: as many among the rows that occur
    once, as many among those that occur twice, and so on.

    Raises:
        DatasetError: If ``outer_split`` is not a whole number, or is negative.
    """
    number = natural_number("outer_split", outer_split)
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
