"""Methods whose keywords are the fields of an options class, spelled out for editors, type checkers and `help`."""

import functools
import inspect
from collections.abc import Callable
from dataclasses import fields
from typing import Any, Concatenate, ParamSpec, TypeVar

from tune_jobs.errors import UserError

Keywords = ParamSpec("Keywords")
Owner = TypeVar("Owner")
Options = TypeVar("Options")
Result = TypeVar("Result")


def takes_options(
    options: Callable[Keywords, Options],
) -> Callable[[Callable[[Owner, Options], Result]], Callable[Concatenate[Owner, Keywords], Result]]:
    """Let a method that takes an options object be called with its fields as keywords.

    Args:
        options: the class of the object, a dataclass of `tune_jobs.training.run_options`.
    """

    def decorate(method: Callable[[Owner, Options], Result]) -> Callable[Concatenate[Owner, Keywords], Result]:
        @functools.wraps(method)
        def call(self: Owner, /, *args: Keywords.args, **keywords: Keywords.kwargs) -> Result:
            try:
                inspect.signature(options).bind(*args, **keywords)
            except TypeError as error:
                there_are = ", ".join(inspect.signature(options).parameters)
                raise UserError(f"{method.__name__}: {error}; it takes {there_are}") from error
            return method(self, options(*args, **keywords))

        described: Any = call
        receiver = next(iter(inspect.signature(method).parameters.values()))
        keyword_parameters = inspect.signature(options).parameters.values()
        result = inspect.signature(method).return_annotation
        described.__signature__ = inspect.Signature([receiver, *keyword_parameters], return_annotation=result)
        described.__doc__ = f"{inspect.cleandoc(method.__doc__ or '')}\n\nKeywords:\n{_described(options)}"
        return call

    return decorate


def _described(options: Any) -> str:
    known = [(field.name, field.metadata["option"]) for field in fields(options) if "option" in field.metadata]
    return "\n".join(f"    {name}: {option.words}." for name, option in known)
