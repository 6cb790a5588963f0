"""Numbers at bounds and beyond them."""

import pytest

from data_utils.bounds import Bounds


@pytest.mark.parametrize(
    ("bounds", "words", "allowed", "refused"),
    [
        (Bounds(), "", [-1e300, 1e300], []),
        (Bounds(at_least=0, below=1), "at least 0 and below 1", [0, 0.999], [-1e-9, 1]),
        (Bounds(above=0, at_most=2.5), "above 0 and at most 2.5", [1e-9, 2.5], [0, 2.6, float("nan")]),
    ],
)
def test_a_number_is_allowed_between_the_bounds(
    bounds: Bounds, words: str, allowed: list[float], refused: list[float]
) -> None:
    assert bounds.bounds_words == words
    assert all(map(bounds.allow, allowed))
    assert not any(map(bounds.allow, refused))
    assert Bounds(**bounds.bounds) == bounds
