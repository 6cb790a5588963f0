"""House prices: four columns of the Ames table and the sale price, from a local CSV or from OpenML."""

import csv
import io
import warnings
from collections.abc import Iterable, Mapping
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from data_utils.errors import shown
from data_utils.files import damaged_file, read_file
from data_utils.parts import Part, PartName, Rows
from data_utils.splits import sealed_split

COLUMNS = ("OverallQual", "YearBuilt", "TotalBsmtSF", "GrLivArea", "SalePrice")
_VERSION = 1
_ROWS = 1460
_TEST_ROWS = 292
_OPENML_ID = 42165


def open_part(part: PartName, *, data_dir: Path, options: Mapping[str, object], download: bool) -> Part:
    """Read the part's rows of ``house_prices/train.csv``, downloaded from OpenML if it is missing.

    The content is the parsed numbers, so any file with the same numbers has the same fingerprint.
    """
    path = data_dir / "house_prices" / "train.csv"
    text = read_file(path, dataset="house_prices", data_dir=data_dir, download=download, fetch=_fetch)
    table = _parse_csv(text, path=path)
    development, test = sealed_split(rows=_ROWS, test_rows=_TEST_ROWS, outer_split=options.get("outer_split", 0))
    kept = table[development if part == "development" else test]
    return Part(_VERSION, (kept.astype("<f8").tobytes(),), partial(_rows, kept))


def _rows(table: NDArray[np.float64]) -> Rows:
    return Rows(inputs=table[:, :-1], targets=table[:, -1])


def _parse_csv(content: bytes, *, path: Path) -> NDArray[np.float64]:
    """The five columns, [1460, 5]."""
    try:
        records = list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"), newline="")))
    except (UnicodeDecodeError, csv.Error) as error:
        raise damaged_file("house_prices", path, f"it is not a CSV text ({error})") from error
    missing = [column for column in COLUMNS if records and column not in records[0]]
    if missing:
        raise damaged_file("house_prices", path, f"the columns {', '.join(missing)} are missing")
    if len(records) != _ROWS:
        raise damaged_file("house_prices", path, f"{_ROWS} rows expected, {len(records)} found")
    table = np.empty((_ROWS, len(COLUMNS)), dtype=np.float64)
    for row, record in enumerate(records):
        for place, column in enumerate(COLUMNS):
            table[row, place] = _number(record[column], row=row, column=column, path=path)
    return table


def _number(text: str | None, *, row: int, column: str, path: Path) -> float:
    try:
        value = float(text or "")
    except ValueError:
        value = float("nan")
    if not np.isfinite(value):
        raise damaged_file("house_prices", path, f"{column} of row {row + 1} must be a number, not {shown(text)}")
    return value


def _fetch(folder: Path) -> Iterable[Path]:
    from sklearn.datasets import fetch_openml

    with warnings.catch_warnings():
        # It warns before each retry; if the last one fails, its error is raised and reported.
        warnings.filterwarnings("ignore", message="A network error occurred|Invalid cache")
        frame = fetch_openml(
            data_id=_OPENML_ID, data_home=folder, target_column=None, as_frame=True, parser="pandas"
        ).frame
    file = folder / "train.csv"
    frame.to_csv(file, index=False, na_rep="NA")
    _parse_csv(file.read_bytes(), path=file)  # do not leave an unusable table behind
    return [file]
