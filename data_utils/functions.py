"""Users' functions that return arrays.

A function returns ``(inputs, targets)``, or ``(inputs, targets, test_inputs, test_targets)``, or a mapping with these
names. Its parameters are options of the dataset, except ``data_dir``, which receives the data folder. Called again with
the same options, it must return the same rows.
"""

import inspect
from collections.abc import Callable, Mapping
from contextlib import suppress
from enum import Enum
from importlib import import_module
from pathlib import Path
from typing import Any

from data_utils.arrays import array_source
from data_utils.declared import Declaration
from data_utils.errors import DatasetError, advice, shown
from data_utils.sources import Sources, unusable

_NAMES = ("inputs", "targets", "test_inputs", "test_targets")
_RETURNS = "must return (inputs, targets), (inputs, targets, test_inputs, test_targets), or a mapping with these names"


def function_options(declaration: Declaration) -> tuple[str, ...]:
    """Names of the options that the function takes.

    Raises:
        DatasetError: If there is no such function.
    """
    return tuple(name for name in _parameters(declaration, _function(declaration)) if name != "data_dir")


def read_function(declaration: Declaration, *, data_dir: Path, options: Mapping[str, object]) -> Sources:
    """Call the function and check what it returns. Exceptions that it raises are not caught.

    Raises:
        DatasetError: If there is no such function, it takes other options, or returns something else.
    """
    function = _function(declaration)
    parameters = _parameters(declaration, function)
    takes = [name for name in parameters if name != "data_dir"]
    for option in options:
        if option not in takes:
            end = advice(option, takes, plural="options")
            raise DatasetError(f"{declaration.name}: {declaration.function} takes no option {shown(option)}; {end}")
    for name in takes:
        if parameters[name].default is inspect.Parameter.empty and name not in options:
            raise DatasetError(
                f"{declaration.name}: {declaration.function} needs the option {shown(name)}; give it, or give it a "
                "default"
            )
    given = {name: _as_taken(value, parameters[name].default) for name, value in options.items()}
    found = _arrays(declaration, function(**({"data_dir": data_dir} if "data_dir" in parameters else {}), **given))
    main = array_source(declaration, where=declaration.function, inputs=found["inputs"], targets=found["targets"])
    if "test_inputs" not in found:
        return Sources(main, None)
    if declaration.test_share is not None:
        raise DatasetError(
            f"datasets.{declaration.name}.test_share: does not go with a function that returns a test part; drop it"
        )
    test = array_source(
        declaration,
        where=declaration.function,
        inputs=found["test_inputs"],
        targets=found["test_targets"],
        prefix="test_",
    )
    return Sources(main, lambda: test)


def _function(declaration: Declaration) -> Callable[..., object]:
    where = f"datasets.{declaration.name}.function"
    module, _, attribute = declaration.function.partition(":")
    try:
        function = getattr(import_module(module), attribute, None)
    except ModuleNotFoundError as error:
        # A module that exists but imports a missing one: the user needs to see the traceback.
        if error.name is None or not (module == error.name or module.startswith(f"{error.name}.")):
            raise
        raise DatasetError(
            f"{where}: there is no module {shown(error.name)}; put it beside the study file, or add its folder to "
            "PYTHONPATH"
        ) from error
    if function is None:
        found = [name for name, value in vars(import_module(module)).items() if inspect.isfunction(value)]
        raise DatasetError(
            f"{where}: {module} has no {shown(attribute)}; {advice(attribute, found, plural='functions')}"
        )
    if not callable(function):
        raise DatasetError(f"{where}: {declaration.function} must be a function, not a {type(function).__name__}")
    return function  # type: ignore[no-any-return]


def _parameters(declaration: Declaration, function: Callable[..., object]) -> dict[str, inspect.Parameter]:
    named = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    parameters = inspect.signature(function).parameters
    for name, parameter in parameters.items():
        if parameter.kind is inspect.Parameter.POSITIONAL_ONLY or name == "outer_split":
            rule = "is reserved for the test split" if name == "outer_split" else "cannot be passed by name"
            raise DatasetError(
                f"datasets.{declaration.name}.function: {declaration.function} has a parameter {name}, which {rule}; "
                f"{'rename it' if name == 'outer_split' else 'make it a keyword parameter'}"
            )
    return {name: parameter for name, parameter in parameters.items() if parameter.kind in named}


def _arrays(declaration: Declaration, returned: object) -> dict[str, Any]:
    if isinstance(returned, Mapping):
        wrong = [str(key) for key in returned if key not in _NAMES]
        if wrong:
            raise unusable(declaration.name, declaration.function, f"it {_RETURNS}, not one with the key {wrong[0]}")
        found = dict(returned)
    elif isinstance(returned, (tuple, list)):
        if len(returned) not in (2, 4):
            raise unusable(declaration.name, declaration.function, f"it {_RETURNS}, not {len(returned)} values")
        found = dict(zip(_NAMES, returned, strict=False))
    else:
        raise unusable(declaration.name, declaration.function, f"it {_RETURNS}, not a {type(returned).__name__}")
    missing = [name for name in (_NAMES if len(found) > 2 else _NAMES[:2]) if name not in found]
    if missing:
        raise unusable(declaration.name, declaration.function, f"it {_RETURNS}; {missing[0]} is missing")
    return found


def _as_taken(value: object, default: object) -> object:
    """Return a value as a function with that default takes it: that of a member of an enum stands for the member."""
    if isinstance(default, Enum) and isinstance(default, str | int | float):
        with suppress(ValueError):
            return type(default)(value)
    return value
