"""A row's own content decides whether it is sealed."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data_utils import DatasetError
from data_utils.sealing import row_digests, sealed_rows

ROWS = st.lists(st.binary(max_size=3), min_size=1, max_size=60)
SHARES = st.floats(0.01, 0.99)


def sealed(rows: list[bytes], share: float, outer_split: int = 0) -> list[bool]:
    found: list[bool] = sealed_rows(row_digests(rows), test_share=share, outer_split=outer_split).tolist()
    return found


@given(ROWS, ROWS, SHARES)
def test_rows_that_are_added_or_removed_move_no_other(rows: list[bytes], more: list[bytes], share: float) -> None:
    assert sealed(rows + more, share) == sealed(rows, share) + sealed(more, share)


@given(ROWS, SHARES, st.integers(0, 5), st.randoms(use_true_random=False))
def test_the_order_of_rows_does_not_matter(rows: list[bytes], share: float, outer_split: int, random: object) -> None:
    order = np.argsort([random.random() for _ in rows])  # type: ignore[attr-defined]
    shuffled = sealed([rows[place] for place in order], share, outer_split)
    assert shuffled == [sealed(rows, share, outer_split)[place] for place in order]


@given(ROWS, SHARES, st.integers(0, 2**70))
def test_equal_rows_are_on_one_side_and_each_split_has_as_many(rows: list[bytes], share: float, number: int) -> None:
    usual, further = sealed(rows, share), sealed(rows, share, number)
    assert sum(usual) == sum(further)
    for side in (usual, further):
        assert len(set(zip(rows, side, strict=True))) == len(set(rows))


@given(ROWS, SHARES, SHARES)
def test_the_part_of_a_larger_share_holds_that_of_a_smaller_one(rows: list[bytes], one: float, two: float) -> None:
    small, large = (np.array(sealed(rows, share)) for share in sorted((one, two)))
    assert (large | ~small).all()


def test_the_share_is_met_and_splits_differ() -> None:
    rows = [b"%d" % row for row in range(5000)]
    parts = [sealed(rows, 0.2, number) for number in range(4)]
    assert sum(parts[0]) == pytest.approx(1000, abs=100)
    assert len(set(map(tuple, parts))) == 4
    overlap = sum(np.logical_and(parts[0], parts[1]))
    assert overlap == pytest.approx(200, abs=50), "further splits are drawn independently"


def test_the_rows_of_the_past_are_those_of_today() -> None:
    rows = [b"%d" % row for row in range(20)]
    assert [row for row, side in enumerate(sealed(rows, 0.2)) if side] == [1, 3, 10, 19]
    assert [row for row, side in enumerate(sealed(rows, 0.2, 1)) if side] == [0, 2, 16, 17]


def test_a_split_is_a_whole_number() -> None:
    with pytest.raises(DatasetError, match="outer_split must be 0 or more, not -1"):
        sealed([b""], 0.5, -1)
    with pytest.raises(DatasetError, match="outer_split must be a whole number"):
        sealed_rows(row_digests([b""]), test_share=0.5, outer_split="1")
