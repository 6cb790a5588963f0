"""A forecast as a value: what a run would take."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from tune_jobs.capacity.packing import Slots
from tune_jobs.forecast.disk import Disk
from tune_jobs.forecast.estimate import Estimate, Span
from tune_jobs.forecast.pilot_samples import PilotResults
from tune_jobs.standing.counts import Counts
from tune_jobs.study.resources import Resources
from tune_jobs.trial.trial import Trial


@dataclass(frozen=True)
class Later:
    """A stage whose start is not known yet: its trials were it to start from where the stages stand now."""

    stage: str
    trials: int
    estimate: Estimate | None


@dataclass(frozen=True)
class Forecast:
    """What a run would take.

    Attributes:
        counts: what the study needs and what of it is missing.
        resources: what each trial is given.
        packed: how many trials each node takes at once.
        at_once: how many run at once in all.
        searching: trials that the search is expected to draw, each with its epochs.
        piloted: what the pilots found; None without pilots, or where nothing is missing.
        estimate: of what is known to be missing; None without a timing.
        untimed: how many shapes were estimated by their weight alone.
        disk: what the run leaves behind; None without a timing.
        later: the stages to come.
        storage: whether it can be written, from where, in lines.
        data: what is read, in lines.
        load: average number of processes that other work kept running in the minute before the pilots.
        rate: price of a node for one hour.
        assumed: whether the nodes are not up yet, and are taken to be like this machine.
        text: what `ablatune plan` prints.
        to_come: how many of the nodes, the last ones, an autoscaler may bring up and has not yet.
    """

    counts: Counts
    resources: Resources
    packed: Sequence[Slots]
    at_once: int
    searching: Sequence[tuple[Trial, Span]] = ()
    piloted: PilotResults | None = None
    estimate: Estimate | None = None
    untimed: int = 0
    disk: Disk | None = None
    later: Sequence[Later] = ()
    storage: Sequence[str] = ()
    data: Sequence[str] = ()
    load: float = 0.0
    rate: float | None = None
    assumed: bool = False
    to_come: int = 0
    pilot_seconds: float = field(default=0.0, compare=False)
    text: str = field(default="", repr=False, compare=False)

    def __str__(self) -> str:
        return self.text

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        printer.text(self.text)

    @property
    def trials(self) -> Sequence[Trial]:
        """The distinct trials of the study, as far as they are known."""
        return self.counts.standing.trials

    @property
    def missing(self) -> Sequence[Trial]:
        """The trials to run, those that a search is expected to draw included."""
        return [*self.counts.missing, *(trial for trial, _ in self.searching)]

    @property
    def wall_seconds(self) -> Span | None:
        """From the start of `run` to its end, what later stages may add left out."""
        return None if self.estimate is None else self.estimate.wall

    @property
    def cpu_hours(self) -> Span | None:
        """CPUs reserved by trials, times hours."""
        return None if self.estimate is None else self.estimate.busy * (self.resources.cpus_per_trial / 3600)

    @property
    def gpu_hours(self) -> Span | None:
        """GPUs, or shares of them, reserved by trials, times hours."""
        return None if self.estimate is None else self.estimate.busy * (self.resources.gpus_per_trial / 3600)

    @property
    def price(self) -> Span | None:
        """Of all nodes for the wall time, in the currency of the rate."""
        if self.estimate is None or self.rate is None:
            return None
        return self.estimate.wall * (self.rate * len(self.packed) / 3600)
