"""Digits: 8x8 grey digits shipped inside scikit-learn."""

from collections.abc import Mapping
from functools import partial
from pathlib import Path

import numpy as np

from data_utils.parts import Part, PartName, Rows
from data_utils.shipped import shipped_lines
from data_utils.splits import sealed_split

_VERSION = 1
_ROWS = 1797
_TEST_ROWS = 360


def open_part(part: PartName, *, data_dir: Path, options: Mapping[str, object], download: bool) -> Part:
    """Read the part's lines from scikit-learn's file; the data folder plays no role."""
    all_lines = shipped_lines("digits.csv.gz", dataset="digits", rows=_ROWS)
    development, test = sealed_split(rows=_ROWS, test_rows=_TEST_ROWS)
    lines = [all_lines[row] for row in (development if part == "development" else test)]
    return Part(_VERSION, ("\n".join(lines).encode(),), partial(_parse, lines))


def _parse(lines: list[str]) -> Rows:
    """Parse lines of 64 pixels in 0 to 16 and a label in 0 to 9."""
    table = np.loadtxt(lines, delimiter=",")
    return Rows(inputs=table[:, :-1].astype(np.uint8).reshape(-1, 1, 8, 8), targets=table[:, -1].astype(np.int64))
