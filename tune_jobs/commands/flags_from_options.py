"""The flags of the command line, from the options of the commands that train (`tune_jobs.training.run_options`)."""

import argparse
import functools
import types
from collections.abc import Iterator
from dataclasses import Field, fields
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

from tune_jobs.training.run_options import Option

Options = TypeVar("Options")


def add_flags(parser: argparse.ArgumentParser, options: type, **instead: str | None) -> None:
    """Give a parser a flag for each option of a class.

    Args:
        parser: of a command.
        options: a dataclass of `tune_jobs.training.run_options`.
        instead: by the name of an option, another help text, or None to leave its flag out.
    """
    for field, option in _options_of(options):
        help_text = instead.get(field.name, option.help)
        if help_text is None:
            continue
        given: dict[str, Any] = {"dest": field.name, "help": help_text, "default": field.default}
        if _kind(options, field) is bool:
            parser.add_argument(flag_of(field), action="store_false" if field.default else "store_true", **given)
        else:
            parse = functools.partial(_parse, _kind(options, field), option.at_most)
            parser.add_argument(flag_of(field), type=parse, metavar=option.metavar, **given)


def options_from(parsed: argparse.Namespace, options: type[Options]) -> Options:
    """Make the options of a class from what was parsed; an option without a flag keeps its default."""
    names = [field.name for field, _ in _options_of(options)]
    return options(**{name: getattr(parsed, name) for name in names if hasattr(parsed, name)})


def words_of(options: Any) -> Iterator[str]:
    """Yield the words of a command line that say the same, as far as they are passed on to a cluster."""
    for field, option in _options_of(type(options)):
        value = getattr(options, field.name)
        if not option.travels or value == field.default:
            continue
        yield flag_of(field)
        if not isinstance(value, bool):
            yield str(value)


def flag_of(field: "Field[Any]") -> str:
    """Return the flag of an option."""
    option: Option = field.metadata["option"]
    return option.flag or f"--{field.name.replace('_', '-')}"


def _parse(kind: type, at_most: float | None, text: str) -> float | str:
    """Parse text, a number, or a whole number of at least 1.

    Raises:
        argparse.ArgumentTypeError: it is none, or too large.
    """
    if kind is str:
        return text
    if kind is int and (not text.isdecimal() or int(text) < 1):
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of at least 1")
    try:
        value = int(text) if kind is int else float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number") from None
    if at_most is not None and value > at_most:
        raise argparse.ArgumentTypeError(f"{text} is more than {at_most:g}")
    return value


def _options_of(options: type) -> Iterator[tuple["Field[Any]", Option]]:
    for field in fields(options):
        if "option" in field.metadata:
            yield field, field.metadata["option"]


def _kind(options: type, field: "Field[Any]") -> type:
    """Return the type of an option's value, None left out."""
    hint: Any = get_type_hints(options)[field.name]
    if get_origin(hint) in (Union, types.UnionType):
        hint = next(one for one in get_args(hint) if one is not type(None))
    kind: type = hint
    return kind
