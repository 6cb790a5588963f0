"""Symbols are set as what they stand for, or as their code point; never as something else."""

import pytest

from analysis.tables.latex_text import latex_text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("½", r"1/\allowbreak{}2"),
        ("x⁵", "x$^{5}$"),
        ("m s⁻¹", "m s$^{-}$$^{1}$"),
        ("10⁻³", "10$^{-}$$^3$"),
        ("H₂O", "H$_{2}$O"),
        ("20 ℃", r"20 $^\circ$C"),
        ("ﬁt", "fit"),
        ("ẑ", "z"),
        ("字", "{[}U+5B57{]}"),
        ("😀", "{[}U+1F600{]}"),
    ],
)
def test_a_symbol_keeps_its_meaning(text: str, expected: str) -> None:
    assert latex_text(text) == expected
