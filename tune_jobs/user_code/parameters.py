"""The keyword parameters of the user's networks, losses, … as fields, from their annotations and defaults."""

import inspect
import types
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from functools import partial
from numbers import Real
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

from data_utils.options import OptionSpec
from tune_jobs.errors import UserError, first_line, shown
from tune_jobs.trial.fields import FieldSpec

KINDS = ("dataset", "network", "objective", "optimizer", "schedule", "trainer")


class _Required(Enum):
    """An enum, so that its value is still the same object after pickling."""

    REQUIRED = "required"


REQUIRED = _Required.REQUIRED
# Stands for a default that is no plain value: it does not leave the process with the user's code.
OPAQUE = object
# A trainer's parameter of this name gets the total of epochs; its default is the study's, unless that sets one.
EPOCHS = "epochs"

# Parameters of these names get their values from the training, so they are not fields.
SUPPLIED: Mapping[str, tuple[str, ...]] = {
    "dataset": ("data_dir",),
    "network": ("input_shape", "in_channels", "in_features", "outputs", "out_features", "num_classes"),
    "objective": ("num_classes",),
    "optimizer": ("lr", "learning_rate", "weight_decay"),
    "schedule": ("epochs", "steps_per_epoch", "total_steps", "learning_rate"),
    "trainer": ("epochs", "seed", "split_seed", "device", "devices", "threads"),
}
# Their first parameter is given by position.
_FIRST: Mapping[str, str] = {"optimizer": "(parameters)", "schedule": "(optimizer)", "trainer": "(trial)"}
_KINDS_OF_VALUES = (bool, int, float, str)


@dataclass(frozen=True)
class Parameters:
    """The parameters of a component.

    Attributes:
        fields: the specification of each parameter that a study may set.
        defaults: of the fields, and of a trainer's `epochs`; `REQUIRED` if a field has none.
        supplied: parameters that get their values from the training.
        unresolved: why the annotation of a field cannot be resolved, so that it gives the field no type or bounds.
    """

    fields: Mapping[str, FieldSpec]
    defaults: Mapping[str, Any]
    supplied: tuple[str, ...]
    unresolved: Mapping[str, str] = field(default_factory=dict)


def parameters_of(component: Any, kind: str, reference: str) -> Parameters:
    """Read the parameters of a class or function of the user.

    Args:
        component: the class or function; anything else has no parameters.
        kind: one of `KINDS`.
        reference: its name in the study.

    Raises:
        UserError: a parameter cannot be given by name, or the first ones are not what the kind needs.
    """
    if not callable(component):
        return Parameters({}, {}, ())
    signature = _signature(component, reference)
    names = list(signature.parameters.values())
    if kind == "objective" and not inspect.isclass(component) and not isinstance(component, partial):
        names = _after(names, 2, reference, "(outputs, targets)")
    elif kind in _FIRST:
        names = _after(names, 1, reference, _FIRST[kind])
    names_around = _names_around(component)
    fields: dict[str, FieldSpec] = {}
    defaults: dict[str, Any] = {}
    unresolved: dict[str, str] = {}
    supplied = []
    if kind == "trainer":
        _check_trainer(component, reference)
    for parameter in names:
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            continue
        if parameter.kind is parameter.POSITIONAL_ONLY:
            raise UserError(f"{reference}: {parameter.name} is positional-only; make it a keyword parameter")
        if parameter.name in SUPPLIED[kind]:
            supplied.append(parameter.name)
            if kind == "trainer" and parameter.name == EPOCHS and isinstance(parameter.default, int):
                defaults[EPOCHS] = exact(parameter.default)
            continue
        required = parameter.default is parameter.empty
        try:
            hint = _resolved(parameter.annotation, names_around)
        except Exception as error:  # an annotation may be any expression
            hint = object
            unresolved[parameter.name] = f"{shown(parameter.annotation)} ({first_line(error)})"
        fields[parameter.name] = _spec(parameter.name, hint, parameter.default)
        defaults[parameter.name] = REQUIRED if required else exact(parameter.default)
    return Parameters(fields, defaults, tuple(supplied), unresolved)


def _check_trainer(component: Any, reference: str) -> None:
    if inspect.isclass(component):
        raise UserError(f"{reference}: is a class; a trainer is a function whose first parameter is the trial")
    first = next(iter(inspect.signature(component).parameters), "") if inspect.isfunction(component) else ""
    if first == "self":
        raise UserError(
            f"{reference}: is a method, which needs an object of its class; give a function whose first parameter is "
            "the trial, and which makes the object"
        )
    if inspect.iscoroutinefunction(component) or inspect.isasyncgenfunction(component):
        raise UserError(f"{reference}: is an `async` function; write it with `def` alone")


def exact(value: Any) -> Any:
    """Return a plain value as Python's own types: of a member of an enum that is text, the text."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, int):
        return int.__int__(value)
    if isinstance(value, float):
        return float.__float__(value)
    if isinstance(value, dict):
        return {exact(key): exact(child) for key, child in value.items()}
    if isinstance(value, list | tuple):
        kind = list if isinstance(value, list) else tuple
        return kind(exact(child) for child in value)
    return value


def built_in_options(specs: Iterable[OptionSpec]) -> Parameters:
    """Return the options of a built-in dataset as parameters; a default is neutral, and so in no trial's key."""
    fields = {
        spec.name: FieldSpec(
            spec.label,
            spec.help,
            type(spec.default),
            unit=spec.unit,
            choices=spec.choices,
            neutral=spec.default,
            **spec.bounds,
        )
        for spec in specs
    }
    return Parameters(fields, {spec.name: spec.default for spec in specs}, ())


def _signature(component: Callable[..., Any], reference: str) -> inspect.Signature:
    try:
        return inspect.signature(component)
    except (TypeError, ValueError) as error:
        raise UserError(
            f"{reference}: its parameters cannot be read ({error}); wrap it in a Python class or function"
        ) from error


def _names_around(component: Any) -> Mapping[str, Any]:
    """Return the names of the module where a component's parameters are declared."""
    function = component.func if isinstance(component, partial) else component
    if inspect.isclass(function):
        function = function.__init__
    elif not inspect.isroutine(function):
        function = type(function).__call__
    around: Mapping[str, Any] = getattr(inspect.unwrap(function), "__globals__", {})
    return around


def _resolved(annotation: Any, names_around: Mapping[str, Any]) -> Any:
    """Evaluate an annotation that is text, as all are under ``from __future__ import annotations``."""
    if annotation is inspect.Parameter.empty:
        return annotation
    alone = types.SimpleNamespace(__annotations__={"it": annotation})
    return get_type_hints(alone, globalns=dict(names_around), include_extras=True)["it"]


def _after(parameters: list[inspect.Parameter], count: int, reference: str, form: str) -> list[inspect.Parameter]:
    positional = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    if any(parameter.kind is inspect.Parameter.VAR_POSITIONAL for parameter in parameters[:count]):
        return parameters
    if len(parameters) < count or any(parameter.kind not in positional for parameter in parameters[:count]):
        raise UserError(f"{reference}: must take {form} first")
    return parameters[count:]


def _spec(name: str, hint: Any, default: Any) -> FieldSpec:
    label = name.replace("_", " ").strip().capitalize()
    hint, bounds = _unwrapped(hint)
    optional = default is None and get_origin(hint) is not None
    if get_origin(hint) in (Union, types.UnionType):
        options = [option for option in get_args(hint) if option is not type(None)]
        optional = len(options) < len(get_args(hint))
        hint = options[0] if len(options) == 1 else _widest(options)
        hint, inner = _unwrapped(hint)
        bounds |= inner
    if get_origin(hint) is Literal:
        values = tuple(value for value in get_args(hint) if value is not None)
        optional = optional or len(values) < len(get_args(hint))
        if values and all(isinstance(value, str) for value in values):
            return FieldSpec(
                label, "", str, choices={exact(value): exact(value) for value in values}, optional=optional
            )
        hint = object
    if hint in _KINDS_OF_VALUES:
        # A default of None beside another annotation is common; None is then a valid value.
        return FieldSpec(label, "", hint, optional=optional or default is None, **(bounds if hint is not str else {}))
    if isinstance(default, bool | str):
        return FieldSpec(label, "", type(exact(default)))
    if isinstance(default, int | float) and hint is inspect.Parameter.empty:
        # Without an annotation, a default of 0 does not rule out 0.5.
        return FieldSpec(label, "", Real, **bounds)
    return FieldSpec(label, "", object, optional=True)


def _unwrapped(hint: Any) -> tuple[Any, dict[str, Any]]:
    """Return what an annotation annotates, with the bounds that it gives: also of a part, ``Annotated[…] | None``."""
    if get_origin(hint) is not Annotated:
        return hint, {}
    hint, *extras = get_args(hint)
    return hint, _bounds(extras)


def _widest(options: list[Any]) -> Any:
    return float if set(options) == {int, float} else object


def _bounds(extras: list[Any]) -> dict[str, float]:
    """Read bounds from ``annotated_types`` (``Ge(1)``, ``Interval(ge=0, lt=1)``) or from objects like them."""
    names = {"ge": "at_least", "gt": "above", "le": "at_most", "lt": "below"}
    found = {}
    for extra in extras:
        for part in (extra, *getattr(extra, "metadata", ())):
            for attribute, name in names.items():
                bound = getattr(part, attribute, None)
                if isinstance(bound, int | float):
                    found[name] = float(bound)
    return found
