"""Arrays from a user's npz file or function: checked, and read as rows.

Inputs keep their shape: [n, features], [n, channels, height, width], or any other, such as sequences [n, time,
features]. Grey images need their channel axis, [n, 1, height, width], because [n, height, width] would be read as
sequences. Inputs [n] become [n, 1]. Targets are [n] or [n, 1].
"""

import io
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from data_utils.columns import Column, column_of_values
from data_utils.declared import Declaration
from data_utils.errors import DatasetError, advice, one_line
from data_utils.sealing import row_digests
from data_utils.sources import Source, Sources, read_bytes, unusable

_BLOCK_ROWS = 1024


def read_npz(declaration: Declaration, found: tuple[Path, ...]) -> Sources:
    """Read the two arrays in ``found[0]``; those of the test part in ``found[1]``, if there is one, on demand.

    Raises:
        DatasetError: If a file or an array is missing or damaged, or has contents that cannot be used.
    """
    main = _read_npz_file(declaration, found[0])
    return Sources(main, (lambda: _read_npz_file(declaration, found[1])) if len(found) > 1 else None)


def _read_npz_file(declaration: Declaration, path: Path) -> Source:
    name = declaration.name
    content = read_bytes(name, path)
    try:
        archive = np.load(io.BytesIO(content), allow_pickle=False)
    except (OSError, ValueError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise unusable(name, path, f"it is not an npz file ({one_line(error)}); write it with numpy.savez") from error
    if isinstance(archive, np.ndarray):
        raise unusable(name, path, "it is a single array, not an npz file; write inputs and targets with numpy.savez")
    with archive:
        inputs, targets = (
            _member(declaration, path, archive, key, named)
            for key, named in (("inputs", declaration.inputs), ("target", (declaration.target,)))
        )
    return array_source(declaration, where=str(path), inputs=inputs, targets=targets)


def _member(declaration: Declaration, path: Path, archive: Any, key: str, named: tuple[str, ...]) -> Any:
    usual = ("inputs", "x") if key == "inputs" else ("targets", "y")
    wanted = named if any(named) else usual
    array = next((array for array in wanted if array in archive.files), None)
    if array is None:
        end = advice(wanted[0], archive.files, plural="arrays")
        line = f"{path} has no array {' or '.join(map(repr, wanted))}; {end}"
        raise DatasetError(f"datasets.{declaration.name}.{key}: {line}")
    try:
        return archive[array]
    except (OSError, ValueError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        what = f"its array {array} cannot be read ({one_line(error)}); write it again, as numbers or text"
        raise unusable(declaration.name, path, what) from error


def array_source(declaration: Declaration, *, where: str, inputs: Any, targets: Any, prefix: str = "") -> Source:
    """Check inputs [n, *input_shape] and targets [n], each anything that `numpy.asarray` understands.

    Args:
        declaration: How the dataset was declared.
        where: Where the arrays come from, for messages.
        inputs: Numbers; all finite, except NaN where ``missing`` allows it.
        targets: Numbers, booleans or text.
        prefix: Put before "inputs" and "targets" in messages.

    Raises:
        DatasetError: If either is no such array or has no rows, or their lengths differ.
    """
    try:
        array = _input_array(inputs)
        column, plain_classes = _target_column(targets)
        if len(array) != len(column):
            raise _UnusableError(
                f"and {prefix}targets must have the same number of rows, not {len(array)} and {len(column)}"
            )
        _check_finite(array, may_miss=declaration.fills_missing)
    except _UnusableError as error:
        raise unusable(declaration.name, where, f"its {prefix}inputs {error}") from error
    except _UnusableTargetsError as error:
        raise unusable(declaration.name, where, f"its {prefix}targets {error}") from error
    return Source(
        where=where,
        digests=row_digests(_row_contents(array, column.codes)),
        targets=column,
        plain_classes=plain_classes,
        inputs=array.__getitem__,
        features=tuple(map(str, getattr(inputs, "columns", ()))),
        layout=("arrays", array.dtype.str, *array.shape[1:]),
    )


class _UnusableError(ValueError):
    """What is wrong with inputs; the caller adds where they come from."""


class _UnusableTargetsError(ValueError):
    """What is wrong with targets; the caller adds where they come from."""


def _input_array(value: Any) -> NDArray[Any]:
    array = _as_array(value, _UnusableError)
    if array.dtype.kind == "b":
        array = array.astype(np.uint8)
    if array.dtype.kind == "O":
        if any(isinstance(entry, (str, bytes)) for entry in array.ravel()):
            raise _UnusableError("must be numbers, but contain text; encode it as numbers")
        try:
            array = array.astype(np.float64)
        except (TypeError, ValueError) as error:
            raise _UnusableError(f"must be numbers in a single array ({one_line(error)})") from error
    if array.dtype.kind not in "iuf":
        raise _UnusableError(f"must be numbers, not {array.dtype}")
    if not array.size:
        raise _UnusableError(f"are empty (shape {array.shape}); give at least a few rows")
    if array.ndim == 1:
        array = array[:, None]
    plain = np.float64 if array.dtype.itemsize > 8 else array.dtype.newbyteorder("=")
    return np.ascontiguousarray(array, dtype=plain)


def _target_column(value: Any) -> tuple[Column, bool]:
    array = _as_array(value, _UnusableTargetsError)
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if array.ndim != 1:
        raise _UnusableTargetsError(
            f"must be [n] or [n, 1], not {list(array.shape)}; turn one-hot classes into indices with argmax"
        )
    if array.dtype.kind in "iuf":
        return Column(array.astype(np.float64), {}), array.dtype.kind in "iu"
    try:
        values = (array.astype(str) if array.dtype.kind == "S" else array).tolist()
        whole = all(isinstance(entry, (int, np.integer)) for entry in values)
        return column_of_values(values), whole
    except (TypeError, ValueError) as error:
        raise _UnusableTargetsError(f"must be numbers, booleans or text ({one_line(error)})") from error


def _as_array(value: Any, error_type: type[ValueError]) -> NDArray[Any]:
    if value is None:
        raise error_type("are None; give an array")
    try:
        array = np.asarray(value)
    except Exception as error:  # a tensor on a GPU, a ragged list, another library's table: they raise anything
        raise error_type(f"cannot be read as an array ({type(error).__name__}: {one_line(error)})") from error
    if not array.ndim:
        raise error_type(f"must be an array, not {value!r:.60}")
    return array


def _check_finite(array: NDArray[Any], *, may_miss: bool) -> None:
    if array.dtype.kind != "f" or np.isfinite(array).all():
        return
    wrong = np.isinf(array) if may_miss else ~np.isfinite(array)
    if wrong.any():
        place = np.unravel_index(int(wrong.argmax()), array.shape)
        value = array[place]
        end = "; fix it, or write missing: mean, median or most_frequent" if np.isnan(value) else "; fix it"
        where = ", ".join(map(str, place[1:]))
        raise _UnusableError(f"must be finite numbers, but contain {value} in row {place[0] + 1}, at [{where}]{end}")


def _row_contents(inputs: NDArray[Any], codes: NDArray[np.uint64]) -> Iterator[bytes]:
    """Yield each row as float64, so the same numbers stored as another type are the same row."""
    targets = codes.astype("<u8")
    for start in range(0, len(inputs), _BLOCK_ROWS):
        block = inputs[start : start + _BLOCK_ROWS].astype("<f8") + 0.0  # -0.0 + 0.0 is 0.0
        block[np.isnan(block)] = np.nan
        for row, target in zip(block, targets[start : start + _BLOCK_ROWS], strict=True):
            yield row.tobytes() + target.tobytes()
