"""The best epoch and early stopping, against a slow and obvious computation."""

from math import isfinite, nan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.history import best_epoch, early_stopping_epoch, improvements

VALUES = st.lists(st.one_of(st.floats(-5, 5), st.integers(-2, 2).map(float), st.just(nan), st.just(float("inf"))))


def slow_best(values: list[float], higher_is_better: bool) -> int | None:
    finite = [(value if higher_is_better else -value, -epoch) for epoch, value in enumerate(values) if isfinite(value)]
    return 1 - max(finite)[1] if finite else None


@given(VALUES, st.booleans())
def test_best_epoch_is_the_first_of_the_best(values: list[float], higher_is_better: bool) -> None:
    assert best_epoch(values, higher_is_better=higher_is_better) == slow_best(values, higher_is_better)


@given(VALUES, st.booleans())
def test_improvements_are_the_best_epochs_of_the_prefixes(values: list[float], higher_is_better: bool) -> None:
    prefixes = {slow_best(values[:n], higher_is_better) for n in range(1, len(values) + 1)} - {None}
    assert set(improvements(values, higher_is_better=higher_is_better)) == prefixes


@given(VALUES, st.integers(1, 5))
def test_early_stopping_is_the_first_epoch_that_far_behind_the_best(values: list[float], patience: int) -> None:
    slow = next(
        (n for n in range(1, len(values) + 1) if n - (slow_best(values[:n], False) or 0) >= patience),
        None,
    )
    assert early_stopping_epoch(values, patience) == slow


@given(VALUES, st.integers(1, 5), st.integers(0, 10))
def test_a_longer_history_stops_where_a_shorter_one_did(values: list[float], patience: int, more: int) -> None:
    stop = early_stopping_epoch(values, patience)
    if stop is not None:
        assert early_stopping_epoch(values + [0.0] * more, patience) == stop
        assert early_stopping_epoch(values[:stop], patience) == stop


@pytest.mark.parametrize("values", [[], [1.0] * 50])
def test_no_patience_never_stops(values: list[float]) -> None:
    assert early_stopping_epoch(values, 0) is None
