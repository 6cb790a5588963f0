"""The options of the commands that train, each declared once.

The fields of these classes give the flags of the command line (`tune_jobs.commands.flags_from_options`), the keywords
of `ablatune.Study`, and what `submit` passes on to the cluster.
"""

import dataclasses
from dataclasses import dataclass
from typing import Any

from tune_jobs.study.model import MOST_REPLICATES


@dataclass(frozen=True)
class Option:
    """An option, beyond its name, type and default.

    Attributes:
        help: what the flag does.
        keyword: what the keyword of `ablatune.Study` means, if not the same (`pilot=True`, but `--no-pilot`).
        flag: on the command line; by default the name with dashes.
        metavar: placeholder for the value in the help.
        at_most: the largest value.
        travels: whether `submit` passes it on to the run on the cluster.
    """

    help: str
    keyword: str = ""
    flag: str = ""
    metavar: str = "N"
    at_most: float | None = None
    travels: bool = True

    @property
    def words(self) -> str:
        """What the keyword means."""
        return self.keyword or self.help


def option(
    default: Any,
    help: str,  # noqa: A002 - the command line's word
    **more: Any,
) -> Any:
    """Declare an option as a field of a dataclass; `more` as in `Option`."""
    return dataclasses.field(default=default, metadata={"option": Option(help, **more)})


@dataclass(frozen=True, kw_only=True)
class VariantOptions:
    """Options of every command: which part of a study to use."""

    fraction: float = option(
        1.0, "train this fraction of the epochs; the full run continues from it (default: 1)", metavar="SHARE"
    )
    replicates: int | None = option(
        None, "number of replicates: seeds 0 to N-1 (default: the study's)", flag="--seeds", at_most=MOST_REPLICATES
    )


@dataclass(frozen=True, kw_only=True)
class TrainingOptions:
    """Options of every command that trains."""

    download: bool = option(
        True,
        "never fetch a dataset; use the data folder only",
        keyword="whether to fetch a missing dataset",
        flag="--no-download",
    )
    cpus_per_trial: float | None = option(None, "CPUs that Ray reserves for each trial")
    gpus_per_trial: float | None = option(None, "GPUs for each trial; a fraction lets trials share a GPU")
    time_limit_minutes: float | None = option(
        None, "stop a trial that takes longer", flag="--time-limit", metavar="MINUTES"
    )
    max_concurrent: int | None = option(None, "trials at once (default: as many as fit)")
    cpus: int | None = option(None, "CPUs to use on this machine (default: all)", travels=False)
    logical_gpus: int = option(0, "pretend that this machine has N GPUs, to try scheduling; trials train on the CPU")
    address: str | None = option(
        None,
        "address of a running Ray cluster (default: RAY_ADDRESS, or else this machine alone)",
        metavar="ADDRESS",
        travels=False,
    )


@dataclass(frozen=True, kw_only=True)
class RunOptions(TrainingOptions):
    """Options of `run`."""

    dry_run: bool = option(False, "count what would run, and stop", travels=False)
    retry_failed: bool = option(False, "also run trials that failed before")


@dataclass(frozen=True, kw_only=True)
class PlanOptions(TrainingOptions):
    """Options of `plan`."""

    pilot: bool = option(
        True,
        "only count trials; time nothing",
        keyword="whether to time a few epochs of each shape of trial, which takes seconds to a minute",
        flag="--no-pilot",
    )
    rate: float | None = option(None, "price of one node for one hour; adds the price of the run", metavar="PRICE")
    nodes: int | None = option(None, "assume N nodes identical to the first")


@dataclass(frozen=True, kw_only=True)
class EvaluateOptions(TrainingOptions):
    """Options of `evaluate`."""

    again: bool = option(False, "open the test set again; the report counts the openings")
