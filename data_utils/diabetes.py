"""Diabetes: ten measurements of 442 patients, and the progression of the disease a year later.

Values are read in their original units: `load_diabetes` scales them with statistics that include the test rows.
"""

from collections.abc import Mapping
from functools import partial
from pathlib import Path

import numpy as np

from data_utils.parts import Part, PartName, Rows
from data_utils.shipped import shipped_lines
from data_utils.splits import sealed_split

_VERSION = 1
_ROWS = 442
_TEST_ROWS = 88


def open_part(part: PartName, *, data_dir: Path, options: Mapping[str, object], download: bool) -> Part:
    """Read the part's lines from two files of scikit-learn's; the data folder plays no role."""
    inputs = shipped_lines("diabetes_data_raw.csv.gz", dataset="diabetes", rows=_ROWS)
    targets = shipped_lines("diabetes_target.csv.gz", dataset="diabetes", rows=_ROWS)
    development, test = sealed_split(rows=_ROWS, test_rows=_TEST_ROWS, outer_split=options.get("outer_split", 0))
    lines = [f"{inputs[row]} {targets[row]}" for row in (development if part == "development" else test)]
    return Part(_VERSION, ("\n".join(lines).encode(),), partial(_parse, lines))


def _parse(lines: list[str]) -> Rows:
    """Parse lines of ten measurements and a target."""
    table = np.loadtxt(lines)
    return Rows(inputs=table[:, :-1], targets=table[:, -1])
