"""Values from Python as files and flags would give them: arrays become lists, paths become text."""

import os
import sys
from collections.abc import ItemsView, KeysView, Mapping, ValuesView
from math import prod
from typing import Any

from tune_jobs.errors import UserError, is_control, shown
from tune_jobs.study.limits import MOST_DEPTH, MOST_NODES

_LISTS = (list, tuple, range, KeysView, ValuesView, ItemsView)


def plain_document(value: Any, place: str = "", depth: int = 0) -> Any:
    """Convert a value of a document to mappings with text as keys, lists and scalars; classes and functions stay.

    Args:
        value: may hold tuples, ranges, arrays and scalars of NumPy, pandas or PyTorch, and paths.
        place: for messages.
        depth: how many mappings and lists the value is in.

    Raises:
        UserError: it is nested too deeply, or in itself.
    """
    if depth > MOST_DEPTH:
        raise UserError(f"{place}: mappings and lists are nested more than {MOST_DEPTH} deep, or in themselves")
    if isinstance(value, Mapping):
        found = {}
        for key, child in value.items():
            if str(key) in found:
                raise UserError(f"{place or shown(value)}: the key {shown(str(key))} repeats; give each key once")
            found[str(key)] = plain_document(child, place or str(key), depth + 1)
        return found
    if isinstance(value, os.PathLike):
        return os.fsdecode(value)
    if not isinstance(value, type) and callable(getattr(value, "tolist", None)):
        value = _from_array(value, place)
    if isinstance(value, _LISTS):
        _check_length(_length(value), place)
        return [plain_document(child, place, depth + 1) for child in value]
    return value


def _length(value: Any) -> int:
    try:
        return len(value)
    except OverflowError:  # a range
        return sys.maxsize


def _check_length(length: int, place: str) -> None:
    if length > MOST_NODES:
        raise UserError(f"{place}: a list of {length:,} values; a study has at most {MOST_NODES:,}")


def _from_array(value: Any, place: str) -> Any:
    try:
        if hasattr(value, "shape"):
            _check_length(prod(value.shape), place)
        return value.tolist()
    except UserError:
        raise
    except Exception as error:  # such as a tensor without memory
        raise UserError(f"{place}: {shown(value)} cannot be written as a list; give a list") from error


def path_text(what: str, value: Any) -> str:
    """Return the text of a path or an address.

    Raises:
        UserError: it is neither text nor a path, or no file system takes it.
    """
    if not isinstance(value, str | os.PathLike):
        raise UserError(f"{what}: {shown(value)} is neither text nor a path; give one")
    text = os.fspath(value)
    if not isinstance(text, str) or any(map(is_control, text)):
        raise UserError(f"{what}: {shown(text)} is not text that can be printed; give the path in letters")
    return text
