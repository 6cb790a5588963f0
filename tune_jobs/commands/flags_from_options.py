"""The flags of the command line, from the options of the commands that train (`tune_jobs.training.run_options`)."""

import argparse
import functools
from collections.abc import Iterator
from dataclasses import Field, fields
from typing import Any, TypeVar

from tune_jobs.training.run_options import Option, kinds_of

Options = TypeVar("Options")
_LONGEST_NUMBER = 100


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
        kind = kinds_of(options)[field.name]
        if kind is bool:
            parser.add_argument(flag_of(field), action="store_false" if field.default else "store_true", **given)
        else:
            parse = functools.partial(_parse, kind, option)
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


def _parse(kind: type, option: Option, text: str) -> Any:
    """Parse the text of a flag.

    Raises:
        argparse.ArgumentTypeError: the option does not allow it.
    """
    try:
        return option.check(kind, _number(kind, text), given=text if kind is int else None)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _number(kind: type, text: str) -> Any:
    """Return the number that a text stands for; the text itself if none or if no number is asked for."""
    if kind is int:
        return int(text) if text.isdecimal() and len(text) < _LONGEST_NUMBER else text
    try:
        return float(text) if kind is float else text
    except ValueError:
        return text


def _options_of(options: type) -> Iterator[tuple["Field[Any]", Option]]:
    for field in fields(options):
        if "option" in field.metadata:
            yield field, field.metadata["option"]
