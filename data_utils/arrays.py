"""Arrays of the user's own, from an npz file or a function: checked, and read as rows.

Inputs keep their shape: [n, features], [n, channels, height, width], or any other, such as sequences [n, time,
features]. Grey images must say their one channel, [n, 1, height, width], because nothing tells [n, height, width]
from sequences. Inputs [n] become [n, 1]. Targets are [n] or [n, 1].
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
from data_utils.errors import DatasetError, advice
from data_utils.sealing import row_digests
from data_utils.sources import Source, Sources, read_bytes, unusable

_BLOCK_ROWS = 1024


def read_npz(declaration: Declaration, found: tuple[Path, ...]) -> Sources:
    """Read two arrays of ``found[0]``; the test part's of ``found[1]``, if there is one, when they are asked for.

    Raises:
        DatasetError: If a file or an array is missing or torn, or holds what it must not.
    """
    main = _read_npz_file(declaration, found[0])
    return Sources(main, (lambda: _read_npz_file(declaration, found[1])) if len(found) > 1 else None)


def _read_npz_file(declaration: Declaration, path: Path) -> Source:
    name = declaration.name
    content = read_bytes(name, path)
    try:
        archive = np.load(io.BytesIO(content), allow_pickle=False)
    except (OSError, ValueError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise unusable(name, path, f"it is no npz file ({_one_line(error)}); write it with numpy.savez") from error
    if isinstance(archive, np.ndarray):
        raise unusable(name, path, "it is one array and no npz file; write inputs and targets with numpy.savez")
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
        what = f"its array {array} cannot be read ({_one_line(error)}); write it anew, as numbers or text"
        raise unusable(declaration.name, path, what) from error


def array_source(declaration: Declaration, *, where: str, inputs: Any, targets: Any, prefix: str = "") -> Source:
    """Take anything that `numpy.asarray` understands as inputs [n, *input_shape] and targets [n].

    Args:
        declaration: What the arrays are declared as.
        where: Where they come from, for messages.
        inputs: Numbers, finite but for what ``missing`` allows.
        targets: Numbers, truth values or text.
        prefix: What stands before their names in messages.

    Raises:
        DatasetError: If they are no such arrays, have no rows, or are not of one length.
    """
    try:
        array = _input_array(inputs)
        column, plain_classes = _target_column(targets)
        if len(array) != len(column):
            raise _UnusableError(f"and {prefix}targets must have as many rows, not {len(array)} and {len(column)}")
        _check_finite(array, missing=declaration.missing)
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
    """What is wrong with inputs, to be said together with their place."""


class _UnusableTargetsError(ValueError):
    """What is wrong with targets."""


def _input_array(value: Any) -> NDArray[Any]:
    array = _as_array(value, _UnusableError)
    if array.dtype.kind == "b":
        array = array.astype(np.uint8)
    if array.dtype.kind == "O":
        if any(isinstance(entry, (str, bytes)) for entry in array.ravel()):
            raise _UnusableError("must be numbers, and hold text; encode it as numbers")
        try:
            array = array.astype(np.float64)
        except (TypeError, ValueError) as error:
            raise _UnusableError(f"must be numbers in one array ({_one_line(error)})") from error
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
            f"must be [n] or [n, 1], not {list(array.shape)}; of one-hot classes give the place of the 1 (argmax)"
        )
    if array.dtype.kind in "iuf":
        return Column(array.astype(np.float64), {}), array.dtype.kind in "iu"
    try:
        values = (array.astype(str) if array.dtype.kind == "S" else array).tolist()
        whole = all(isinstance(entry, (int, np.integer)) for entry in values)
        return column_of_values(values), whole
    except (TypeError, ValueError) as error:
        raise _UnusableTargetsError(f"must be numbers, truth values or text ({_one_line(error)})") from error


def _as_array(value: Any, error_type: type[ValueError]) -> NDArray[Any]:
    if value is None:
        raise error_type("are None; give an array")
    try:
        array = np.asarray(value)
    except Exception as error:  # whatever a tensor on a GPU, a ragged list or another library's table raises
        raise error_type(f"cannot be read as an array ({type(error).__name__}: {_one_line(error)})") from error
    if not array.ndim:
        raise error_type(f"must be an array, not {value!r:.60}")
    return array


def _check_finite(array: NDArray[Any], *, missing: str) -> None:
    if array.dtype.kind != "f" or np.isfinite(array).all():
        return
    wrong = ~np.isfinite(array) if missing == "error" else np.isinf(array)
    if wrong.any():
        place = np.unravel_index(int(wrong.argmax()), array.shape)
        value = array[place]
        end = "; mend it, or write missing: mean, median or most_frequent" if np.isnan(value) else "; mend it"
        where = ", ".join(map(str, place[1:]))
        raise _UnusableError(f"must be finite numbers, and hold {value} in row {place[0] + 1}, at [{where}]{end}")


def _row_contents(inputs: NDArray[Any], codes: NDArray[np.uint64]) -> Iterator[bytes]:
    """Yield each row as float64, so that the same numbers in another type are the same row."""
    targets = codes.astype("<u8")
    for start in range(0, len(inputs), _BLOCK_ROWS):
        block = inputs[start : start + _BLOCK_ROWS].astype("<f8") + 0.0  # -0.0 + 0.0 is 0.0
        block[np.isnan(block)] = np.nan
        for row, target in zip(block, targets[start : start + _BLOCK_ROWS], strict=True):
            yield row.tobytes() + target.tobytes()


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split())
