"""A user's dataset as declared in a study file: checked values; no data is read yet."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import PurePath
from typing import Any

from data_utils.errors import DatasetError, advice, shown

TASKS = ("classification", "regression")
IMPUTATIONS = ("mean", "median", "most_frequent")
# In place of names, or of another value: as the data are.
AUTO = "auto"
LEAVE_OUT = "leave_out"
DEFAULT_TEST_SHARE = 0.2
_SUFFIXES = (".csv", ".parquet", ".npz")
_ANY = {"label", "test_share", "validation_rows"}
_NUMBERS = {*_ANY, "task", "target_unit", "missing"}
# Keys that each kind of source allows.
_BESIDE = {
    "table": {
        *_NUMBERS,
        *("target", "inputs", "test_file", "ignore", "categorical", "dates", "day_first", "groups"),
        *("missing_target", "missing_marks"),
    },
    "npz": {*_NUMBERS, "target", "inputs", "test_file"},
    "folder": {*_ANY, "image_size", "color", "test_folder"},
    "function": _NUMBERS,
}
_KIND_NAMES = {
    "table": "a CSV or Parquet file",
    "npz": "an npz file",
    "folder": "an image folder",
    "function": "a function",
}


@dataclass(frozen=True, kw_only=True)
class Declaration:
    """One entry of ``datasets:`` in a study file, with exactly one of ``file``, ``folder`` and ``function``.

    Attributes:
        name: The name that ``dataset: NAME`` refers to.
        file: A ``.csv``, ``.parquet`` or ``.npz`` file. A CSV is UTF-8 with a header; its cells are separated by
            commas, semicolons, tabs or bars. Empty cells, NA, N/A, NaN and NULL are missing values.
        folder: An image folder with one sub-folder per class.
        function: ``module:function`` that returns arrays; see `data_utils.functions`.
        target: The target's column; in an npz file, its array (default ``targets``, else ``y``).
        inputs: The input columns (default: all others that are not ignored); in an npz file, the name of the array
            (default ``inputs``, else ``x``).
        ignore: Columns that are not inputs; None, or ``auto`` among the names, leaves out those that only tell rows
            apart (see `data_utils.reading`).
        categorical: Input columns to one-hot encode, with the categories of the whole file; None, or ``auto`` among
            the names, takes all columns of words.
        dates: Input columns to read as days since 1970-01-01; None takes those that have dates and nothing else.
        day_first: Whether 3/4/2020 is in April; None if the dates themselves say so.
        groups: A column that is no input: rows with the same value in it are always in the same part.
        missing: ``error``, or what replaces a missing number: the ``mean``, ``median`` or ``most_frequent`` value
            (the smallest, if tied) of its column in the training part of each split. A missing category is all zeros.
            ``auto`` is ``median`` for a table that has a missing value, else ``error``.
        missing_target: What becomes of a row of a table that has no target: ``error`` or ``leave_out``; ``auto``
            leaves it out if ``missing`` is ``auto`` too.
        missing_marks: Further cells that are missing values; None takes ``?`` and its like among numbers or words.
        task: ``classification``, ``regression``, or empty where the targets make it obvious.
        target_unit: Unit of a regression target.
        label: Name in headings; the dataset's name if empty.
        test_share: Share of all rows in the sealed test part (default 0.2); each row is drawn by its content alone.
        validation_rows: Size of the validation part (default: the same share of the remaining rows).
        test_file: A file like ``file`` that holds the whole test part.
        test_folder: A folder like ``folder`` that holds the whole test part.
        image_size: Height and width that images are resized to.
        color: ``rgb`` or ``gray``: the channels of images.
    """

    name: str
    file: str = ""
    folder: str = ""
    function: str = ""
    target: str = ""
    inputs: tuple[str, ...] = ()
    ignore: tuple[str, ...] | None = None
    categorical: tuple[str, ...] | None = None
    dates: tuple[str, ...] | None = None
    day_first: bool | None = None
    groups: str = ""
    missing: str = AUTO
    missing_target: str = AUTO
    missing_marks: tuple[str, ...] | None = None
    task: str = ""
    target_unit: str = ""
    label: str = ""
    test_share: float | None = None
    validation_rows: int | None = None
    test_file: str = ""
    test_folder: str = ""
    image_size: tuple[int, ...] = ()
    color: str = "rgb"

    @property
    def kind(self) -> str:
        """``"table"``, ``"npz"``, ``"folder"`` or ``"function"``."""
        if self.file:
            return "npz" if PurePath(self.file).suffix.lower() == ".npz" else "table"
        return "folder" if self.folder else "function"

    @property
    def source(self) -> str:
        """The file, the folder or the function, as written in the study."""
        return self.file or self.folder or self.function

    @property
    def test_source(self) -> str:
        """The file or the folder of the test part; empty if it is drawn, or comes from the function."""
        return self.test_file or self.test_folder

    @property
    def fills_missing(self) -> bool:
        """Whether missing values are allowed, and replaced."""
        return self.missing in IMPUTATIONS

    @classmethod
    def from_mapping(cls, name: str, mapping: Mapping[str, Any]) -> "Declaration":
        """Check the entry ``name`` of a study file.

        Raises:
            DatasetError: If a key is unknown or missing, has a wrong value, or does not go with the others.
        """
        if not isinstance(name, str) or not re.fullmatch(r"[A-Za-z_][\w-]*", name):
            raise DatasetError(
                f"datasets.{name}: a name must start with a letter or _ and consist of letters, digits, _ and -"
            )
        if not isinstance(mapping, Mapping):
            raise DatasetError(f"datasets.{name}: must be a mapping, such as file: {name}.csv, not {shown(mapping)}")
        known = [field.name for field in fields(cls) if field.name != "name"]
        values = {}
        for key, value in mapping.items():
            if key not in known:
                raise _wrong(name, key, f"unknown key; {advice(str(key), known, plural='keys')}")
            if value is not None:
                values[key] = _CHECKS[key](name, key, value)
        declaration = cls(name=name, **values)
        _check_together(declaration, values)
        return declaration

    def to_mapping(self) -> dict[str, Any]:
        """Plain values for `from_mapping`, without those that have their default."""
        values = {field.name: getattr(self, field.name) for field in fields(self) if field.name != "name"}
        defaults = {field.name: field.default for field in fields(self)}
        return {
            key: list(value) if isinstance(value, tuple) else value
            for key, value in values.items()
            if value != defaults[key]
        }


def _wrong(name: str, key: object, problem: str) -> DatasetError:
    return DatasetError(f"datasets.{name}.{key}: {problem}")


def _check_together(declaration: Declaration, given: Mapping[str, Any]) -> None:
    name = declaration.name
    sources = [key for key in ("file", "folder", "function") if key in given]
    if len(sources) != 1:
        found = f"not {' and '.join(sources)}" if sources else "and none is"
        raise DatasetError(f"datasets.{name}: exactly one of file, folder and function must be given, {found}")
    for key in given:
        if key not in {sources[0], *_BESIDE[declaration.kind]}:
            raise _wrong(name, key, f"does not go with {_KIND_NAMES[declaration.kind]}; leave it out")
    if declaration.kind == "table":
        _check_columns(declaration)
    if declaration.kind == "npz" and len(declaration.inputs) > 1:
        raise _wrong(name, "inputs", f"must name a single array of the npz file, not {', '.join(declaration.inputs)}")
    if declaration.test_source and declaration.test_share is not None:
        key = "test_file" if declaration.test_file else "test_folder"
        raise _wrong(name, "test_share", f"does not go with {key}, which holds the whole test part; leave one out")
    if declaration.test_file and (declaration.kind == "npz") != declaration.test_file.lower().endswith(".npz"):
        raise _wrong(
            name, "test_file", f"must have the format of file: {declaration.file}, not {declaration.test_file}"
        )
    if declaration.target_unit and declaration.task == "classification":
        raise _wrong(name, "target_unit", "classes have no unit; leave it out")


def _check_columns(declaration: Declaration) -> None:
    name, target = declaration.name, declaration.target
    if not target:
        raise _wrong(name, "target", f"is missing; name the column of {declaration.file} to predict")
    for key in ("inputs", "ignore", "categorical", "dates"):
        if target in (getattr(declaration, key) or ()):
            raise _wrong(name, key, f"contains {target}, which is the target; leave it out")
    for key in ("target", "inputs", "ignore", "categorical", "dates"):
        named = [target] if key == "target" else getattr(declaration, key) or ()
        if declaration.groups in named:
            raise _wrong(name, "groups", f"is {declaration.groups}, which is also in {key}; leave it out there")
    for key, others in _APART.items():
        for column in getattr(declaration, key) or ():
            for other in others:
                if column != AUTO and column in (getattr(declaration, other) or ()):
                    what = f"contains {column}, which is also listed in {other}; leave it out of one of them"
                    raise _wrong(name, key, what)
            if key != "ignore" and column != AUTO and declaration.inputs and column not in declaration.inputs:
                raise _wrong(name, key, f"contains {column}, which is not listed in inputs; add it there")


# Columns of the one are none of the others.
_APART = {"ignore": ("inputs",), "categorical": ("ignore",), "dates": ("ignore", "categorical")}


def _text(name: str, key: str, value: object) -> str:
    if not isinstance(value, str) or not value.strip():
        raise _wrong(name, key, f"must be text, not {shown(value)}")
    return str(value).strip()


def _file(name: str, key: str, value: object) -> str:
    file = _text(name, key, value)
    if PurePath(file).suffix.lower() not in _SUFFIXES:
        raise _wrong(name, key, f"must end in {', '.join(_SUFFIXES)}, not {shown(file)}")
    return file


def _function(name: str, key: str, value: object) -> str:
    function = _text(name, key, value)
    if not re.fullmatch(r"[\w.]+:\w+", function):
        raise _wrong(name, key, f"must be module:function, such as mydata:{name}, not {shown(function)}")
    return function


def _names(name: str, key: str, value: object) -> tuple[str, ...]:
    values = [value] if isinstance(value, str) else value
    if not isinstance(values, (list, tuple)) or not all(isinstance(entry, str) and entry for entry in values):
        raise _wrong(name, key, f"must be a list of names (put numbers in quotes), not {shown(value)}")
    for place, entry in enumerate(values):
        if entry in values[:place]:
            raise _wrong(name, key, f"contains {entry} twice; leave one out")
    return tuple(map(str, values))


def _names_or_auto(name: str, key: str, value: object) -> tuple[str, ...] | None:
    return None if value == AUTO else _names(name, key, value)


def _truth(name: str, key: str, value: object) -> bool:
    if not isinstance(value, bool):
        raise _wrong(name, key, f"must be true or false, not {shown(value)}")
    return value


def _choice(*choices: str) -> Any:
    def check(name: str, key: str, value: object) -> str:
        if value not in choices:
            raise _wrong(name, key, f"must be one of {', '.join(choices)}, not {shown(value)}")
        return str(value)

    return check


def _choice_or_auto(*choices: str) -> Any:
    check = _choice(*choices)
    return lambda name, key, value: AUTO if value == AUTO else check(name, key, value)


def _share(name: str, key: str, value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value < 1:
        raise _wrong(name, key, f"must be a number between 0 and 1, not {shown(value)}")
    return float(value)


def _count(name: str, key: str, value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise _wrong(name, key, f"must be a whole number, 1 or more, not {shown(value)}")
    return int(value)


def _size(name: str, key: str, value: object) -> tuple[int, ...]:
    if not isinstance(value, (list, tuple)) or len(value) != 2:
        raise _wrong(name, key, f"must be [height, width] in pixels, such as [32, 32], not {shown(value)}")
    return tuple(_count(name, key, side) for side in value)


_CHECKS: Mapping[str, Any] = {
    "file": _file,
    "folder": _text,
    "function": _function,
    "target": _text,
    "inputs": _names,
    "ignore": _names_or_auto,
    "categorical": _names_or_auto,
    "dates": _names_or_auto,
    "day_first": _truth,
    "groups": _text,
    "missing": _choice_or_auto("error", *IMPUTATIONS),
    "missing_target": _choice_or_auto("error", LEAVE_OUT),
    "missing_marks": _names_or_auto,
    "task": _choice(*TASKS),
    "target_unit": _text,
    "label": _text,
    "test_share": _share,
    "validation_rows": _count,
    "test_file": _file,
    "test_folder": _text,
    "image_size": _size,
    "color": _choice("rgb", "gray"),
}
