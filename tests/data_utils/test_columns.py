"""Cells are read each for itself, the same in every format."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data_utils.columns import MISSING_MARKS, Column, column_of_cells, column_of_values

CELLS = st.lists(
    st.one_of(st.text(max_size=3), st.sampled_from(sorted(MISSING_MARKS)), st.floats().map(repr)), min_size=1
)


@given(CELLS, CELLS)
def test_no_cell_changes_what_another_one_is(one: list[str], two: list[str]) -> None:
    together = column_of_cells(one + two).codes
    apart = [column_of_cells(cells).codes for cells in (one, two)]
    np.testing.assert_array_equal(together, np.concatenate(apart))


@given(st.lists(st.floats(allow_nan=False), min_size=1))
def test_a_number_is_the_same_as_text_and_as_a_value(numbers: list[float]) -> None:
    text, typed = column_of_cells([repr(number) for number in numbers]), column_of_values(numbers)
    np.testing.assert_array_equal(text.codes, typed.codes)
    np.testing.assert_array_equal(text.numbers, numbers)
    assert text.categories() == typed.categories()
    assert (text.places(text.categories()) >= 0).all()


def test_numbers_text_and_what_is_missing_are_told_apart() -> None:
    column = column_of_cells([" 1 ", "1.0", "-0.0", "0", "1e3", "Na", "NA", "", None, "1_0", "x"])
    assert column.missing.tolist() == [False] * 6 + [True] * 3 + [False] * 2
    assert column.texts == {5: "Na", 9: "1_0", 10: "x"}
    assert len(set(column.codes.tolist())) == 7
    assert column.categories() == ("0", "1", "1000", "1_0", "Na", "x")
    assert column.places(("1", "x")).tolist() == [0, 0, -1, -1, -1, -1, -1, -1, -1, -1, 1]
    assert column_of_cells(["10", "9", "2.5"]).categories() == ("2.5", "9", "10"), "numbers are in their own order"


def test_text_that_says_nan_is_text_where_values_have_types() -> None:
    column = column_of_values(["nan", None, float("nan"), True, np.int64(3)])
    assert column.categories() == ("3", "True", "nan")
    assert column.places(("nan",)).tolist() == [0, -1, -1, -1, -1]
    assert isinstance(column, Column)
    with pytest.raises(TypeError):
        column_of_values([object()])
