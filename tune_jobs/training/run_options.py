"""The options of the commands that train, each declared once.

The fields of these classes give the flags of the command line (`tune_jobs.commands.flags_from_options`), the keywords
of `ablatune.Study`, and what `submit` passes on to the cluster.
"""

import dataclasses
import math
import types
from dataclasses import dataclass
from functools import cache
from numbers import Integral, Real
from typing import Any, Union, get_args, get_origin, get_type_hints

from tune_jobs.errors import ConfigError, is_control, shown
from tune_jobs.study.limits import LOOKS, MOST_REPLICATES

# A trial that trains longer than this is one to watch as it goes.
LOGGED_AFTER_SECONDS = 10.0


@dataclass(frozen=True)
class Option:
    """An option, beyond its name, type and default.

    Attributes:
        help: what the flag does.
        keyword: what the keyword of `ablatune.Study` means, if not the same (`pilot=True`, but `--no-pilot`).
        flag: on the command line; by default the name with dashes.
        metavar: placeholder for the value in the help.
        at_least: the smallest value of a whole number.
        at_most: the largest value.
        travels: whether `submit` passes it on to the run on the cluster.
        choices: the values of a text; none for any.
        numbers: whether a keyword may be a whole number too.
        word: a text that may stand in place of a number.
    """

    help: str
    keyword: str = ""
    flag: str = ""
    metavar: str = "N"
    at_least: int = 1
    at_most: float | None = None
    travels: bool = True
    choices: tuple[str, ...] = ()
    numbers: bool = False
    word: str = ""

    @property
    def words(self) -> str:
        """What the keyword means."""
        return self.keyword or self.help

    def check(self, kind: type, value: Any, *, given: Any = None) -> Any:
        """Check a value, from a flag or from a keyword, and convert it to the option's type.

        Args:
            kind: of the option.
            value: any.
            given: what messages quote, if not the value.

        Raises:
            ValueError: it is of another type or out of bounds.
        """
        quoted = shown(value if given is None else given)
        if self.word and isinstance(value, str) and value == self.word:
            return value
        if kind is bool:
            if not isinstance(value, bool):
                raise ValueError(f"{quoted} is neither true nor false")
            return value
        if kind is str:
            if self.numbers and isinstance(value, Integral) and not isinstance(value, bool):
                return str(int(value))
            if not isinstance(value, str) or any(map(is_control, value)):
                raise ValueError(f"{quoted} is not text that can be printed")
            if self.choices and value not in self.choices:
                raise ValueError(f"{quoted} is none of {', '.join(self.choices)}")
            return value
        number = isinstance(value, Real) and not isinstance(value, bool)
        if kind is int and not (number and isinstance(value, Integral) and int(value) >= self.at_least):
            raise ValueError(f"{quoted} is not a whole number of at least {self.at_least}")
        if not number:
            raise ValueError(
                f"{quoted} is neither a number nor {self.word}" if self.word else f"{quoted} is not a number"
            )
        if self.at_most is not None and value > self.at_most:
            raise ValueError(f"{shown(kind(value))} is more than {self.at_most:g}")
        if not _is_finite(value):
            raise ValueError(f"{quoted} is not a finite number")
        return kind(value)


def _is_finite(value: Any) -> bool:
    try:
        return math.isfinite(value)
    except OverflowError:  # a whole number that no float can hold
        return False


@cache
def kinds_of(options: type) -> dict[str, type]:
    """Return the types of a class's options, by name, None left out."""
    kinds = {}
    for name, hint in get_type_hints(options).items():
        union = get_origin(hint) in (Union, types.UnionType)
        kinds[name] = next(one for one in get_args(hint) if one is not type(None)) if union else hint
    return kinds


@dataclass(frozen=True, kw_only=True)
class _Checked:
    """Options that are checked when they are made, whether from flags or from keywords."""

    def __post_init__(self) -> None:
        options: Any = type(self)
        kinds = kinds_of(options)
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            value = value.item() if getattr(value, "shape", None) == () else value  # a scalar of NumPy
            if "option" not in field.metadata or (value is None and field.default is None):
                continue
            try:
                checked = field.metadata["option"].check(kinds[field.name], value)
            except ValueError as error:
                raise ConfigError(field.name, f"{error}; {field.metadata['option'].words}") from error
            object.__setattr__(self, field.name, checked)


def option(
    default: Any,
    help: str,  # noqa: A002 - the command line's word
    **more: Any,
) -> Any:
    """Declare an option as a field of a dataclass; `more` as in `Option`."""
    return dataclasses.field(default=default, metadata={"option": Option(help, **more)})


@dataclass(frozen=True, kw_only=True)
class VariantOptions(_Checked):
    """Options of every command: which part of a study to use."""

    fraction: float = option(
        1.0, "train this fraction of the epochs; the full run continues from it (default: 1)", metavar="SHARE"
    )
    replicates: int | None = option(
        None, "number of replicates: seeds 0 to N-1 (default: the study's)", flag="--seeds", at_most=MOST_REPLICATES
    )


@dataclass(frozen=True, kw_only=True)
class TrainingOptions(_Checked):
    """Options of every command that trains."""

    download: bool = option(
        True,
        "never fetch a dataset; use the data folder only",
        keyword="whether to fetch a missing dataset",
        flag="--no-download",
    )
    cpus_per_trial: float | None = option(None, "CPUs that Ray reserves for each trial")
    gpus_per_trial: float | str | None = option(
        None,
        "GPUs for each trial; a fraction lets trials share a GPU, and auto lets as many share it as fit",
        word="auto",
    )
    time_limit_minutes: float | None = option(
        None, "stop a trial that takes longer", flag="--time-limit", metavar="MINUTES"
    )
    max_concurrent: int | None = option(None, "trials at once (default: as many as fit)")
    tensorboard: str = option(
        "auto",
        f"which trials get a TensorBoard log: on (all), off (none), or auto (those that train longer than "
        f"{LOGGED_AFTER_SECONDS:g} s, the default)",
        metavar="WHICH",
        choices=("auto", "on", "off"),
    )
    cpus: int | None = option(None, "CPUs to use on this machine (default: all)", travels=False)
    logical_gpus: int = option(
        0, "pretend that this machine has N GPUs, to try scheduling; trials train on the CPU", at_least=0
    )
    address: str | None = option(
        None,
        "address of a running Ray cluster (default: RAY_ADDRESS, or else this machine alone)",
        metavar="ADDRESS",
        travels=False,
    )


@dataclass(frozen=True, kw_only=True)
class StackOptions(TrainingOptions):
    """Options of what trains, or plans to train, the rows of a study."""

    stack: str | None = option(
        None,
        "whether small networks of one shape train together in one process: auto (where that is faster, the default), "
        "off, or how many at once, for all that can",
        metavar="WHICH",
        numbers=True,
    )
    until_decided: bool = option(
        False,
        f"judge the tables at {', '.join(map(str, LOOKS[:-1]))} and {LOOKS[-1]} seeds, and add seeds only to levels "
        "whose verdict is open; a study may name other numbers",
    )


@dataclass(frozen=True, kw_only=True)
class TrackerOptions(_Checked):
    """Options of what sends to trackers."""

    tracker: str | None = option(
        None,
        "also send to mlflow:FOLDER, mlflow:https://SERVER, wandb:PROJECT or wandb-offline:PROJECT; several with "
        "commas between them; none leaves out those that the study names",
        metavar="WHERE",
    )


@dataclass(frozen=True, kw_only=True)
class ConfirmOptions(StackOptions):
    """Options of what trains, or plans to train, the best levels again."""

    confirm: bool = option(
        False,
        "then train the best level of each table and the default again with fresh seeds, for a gain that picking the "
        "best does not flatter",
    )


@dataclass(frozen=True, kw_only=True)
class RunOptions(TrackerOptions, ConfirmOptions):
    """Options of `run`."""

    dry_run: bool = option(False, "count what would run, and stop", travels=False)
    retry_failed: bool = option(False, "also run trials that failed before")
    time_alone: bool = option(
        False, "also train one replicate of each level that trains in a stack by itself, for the tables' time column"
    )


@dataclass(frozen=True, kw_only=True)
class PlanOptions(ConfirmOptions):
    """Options of `plan`."""

    pilot: bool = option(
        True,
        "only count trials; time nothing",
        keyword="whether to time a few epochs of each shape of trial, which takes seconds to a minute",
        flag="--no-pilot",
    )
    rate: float | None = option(None, "price of one node for one hour; adds the price of the run", metavar="PRICE")
    nodes: int | None = option(None, "assume N nodes identical to the first")
    show: float | None = option(
        None,
        "also say how many seeds a difference of so much takes, in the metric's unit, from the spread in the ledger",
        metavar="DIFFERENCE",
    )


@dataclass(frozen=True, kw_only=True)
class CheckOptions(_Checked):
    """Options of `check`."""

    epochs: int = option(3, "how many epochs to train, several times (default: 3)", at_least=2)
    logical_gpus: int = option(
        0, "pretend that this machine has N GPUs; what is checked then trains on the CPU", at_least=0
    )


@dataclass(frozen=True, kw_only=True)
class EvaluateOptions(TrainingOptions):
    """Options of `evaluate`."""

    again: bool = option(False, "open the test set again; the report counts the openings")
