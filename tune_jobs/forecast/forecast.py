"""A forecast as a value."""

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
    """A later stage, whose start is not known yet: its trials if it started from what is chosen now."""

    stage: str
    trials: int
    estimate: Estimate | None


@dataclass(frozen=True)
class Forecast:
    """What a run would take.

    Attributes:
        counts: what the study needs, and what of that is missing.
        resources: of each trial.
        packed: how many trials each node takes at once.
        at_once: how many trials run at once on all nodes.
        searching: trials that the search is expected to draw, each with its epochs.
        piloted: what the pilots found; None without pilots, or if nothing is missing.
        estimate: time of the trials known to be missing; None without a timing.
        untimed: how many shapes were estimated by their weight alone.
        disk: space that the run takes; None without a timing.
        later: stages to come.
        confirming: at most what trains the best levels again; None where that is not asked for.
        storage: whether and from where it can be written, in lines.
        shares: what share of a GPU each trial gets, if the study leaves that open, in lines.
        data: what is read, in lines.
        load: load average of this machine in the minute before the pilots.
        rate: price of a node for one hour.
        assumed: whether the nodes are not up yet, and are assumed to be like this machine.
        to_come: how many of the nodes (the last ones) an autoscaler may still bring up.
        seeds: how many a difference takes that was asked about, in lines.
        text: what `ablatune plan` prints.
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
    confirming: Later | None = None
    storage: Sequence[str] = ()
    shares: Sequence[str] = ()
    data: Sequence[str] = ()
    load: float = 0.0
    rate: float | None = None
    assumed: bool = False
    to_come: int = 0
    seeds: Sequence[str] = ()
    pilot_seconds: float = field(default=0.0, compare=False)
    text: str = field(default="", repr=False, compare=False)

    def __str__(self) -> str:
        return self.text

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        printer.text(self.text)

    @property
    def trials(self) -> Sequence[Trial]:
        """The distinct trials of the study that are known so far."""
        return self.counts.standing.trials

    @property
    def missing(self) -> Sequence[Trial]:
        """The trials to run, including those that a search is expected to draw."""
        return [*self.counts.missing, *(trial for trial, _ in self.searching)]

    @property
    def wall_seconds(self) -> Span | None:
        """From the start of `run` to its end, without later stages."""
        return None if self.estimate is None else self.estimate.wall

    @property
    def cpu_hours(self) -> Span | None:
        """CPUs that trials reserve, times hours."""
        return None if self.estimate is None else self.estimate.busy * (self.resources.cpus_per_trial / 3600)

    @property
    def gpu_hours(self) -> Span | None:
        """GPUs, or shares of them, that trials reserve, times hours."""
        return None if self.estimate is None else self.estimate.busy * (self.resources.gpus_per_trial / 3600)

    @property
    def price(self) -> Span | None:
        """Price of all nodes for the wall time, in the currency of the rate."""
        if self.estimate is None or self.rate is None:
            return None
        return self.estimate.wall * (self.rate * len(self.packed) / 3600)
