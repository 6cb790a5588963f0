"""How far a search has got: a pure function of the study, the journal's events and the ledger's records."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import inf, isfinite, nan
from typing import Any, Protocol

from models.history import DIVERGED
from models.metrics import metric_spec
from tune_jobs.errors import UserError
from tune_jobs.ledger.record import FAILED, MISSING, Record
from tune_jobs.standing.search.journal import DRAWN, ENDED, RUNG, USED_UP, Event
from tune_jobs.study.model import SEARCH, Study
from tune_jobs.study.samplers import Observation
from tune_jobs.study.schedulers import Decision
from tune_jobs.study.search import Search
from tune_jobs.study.search_identity import default_config, full_length
from tune_jobs.trial.config import TrialConfig
from tune_jobs.trial.data import data_id
from tune_jobs.trial.feasibility import check_feasible
from tune_jobs.trial.key import trial_key
from tune_jobs.trial.trial import Trial

# Where a trial of a search stands.
OPEN, STOPPED, FINISHED, BROKEN = "open", "stopped", "finished", "failed"


@dataclass(frozen=True)
class Arrival:
    """A trial at a rung: its score there, and the decision."""

    trial: int
    epoch: int
    score: float
    decision: Decision


@dataclass(frozen=True)
class SearchTrial:
    """A trial of a search.

    Attributes:
        number: in the order of drawing; negative for a row of the study's tables.
        values: of the searched fields that it reads.
        source: "default", a sampler's name, or "table".
        trial: with seed 0; None if the study can no longer build it.
        arrivals: at rungs, in order.
        began: how long the search had been running when the trial was drawn, in seconds.
        seconds: how long the search had been running when the trial ended; None before.
        record: its record in the ledger.
    """

    number: int
    values: Mapping[str, Any]
    source: str
    trial: Trial | None
    bracket: int
    arrivals: tuple[Arrival, ...] = ()
    began: float = 0.0
    seconds: float | None = None
    record: Record | None = None

    @property
    def name(self) -> str:
        """Its name in messages."""
        return f"trial {self.number}" if self.number >= 0 else "a row of a table"

    @property
    def stopped_at(self) -> int | None:
        """The rung that stopped it, in epochs; None if no rung did."""
        return next((arrival.epoch for arrival in self.arrivals if arrival.decision.stop), None)

    def standing(self, read: str) -> str:
        """Return `OPEN` while there is something left to train, else how the trial ended."""
        if self.trial is None or (self.record is not None and self.record.outcome == FAILED):
            return BROKEN
        if self.record is None:
            return OPEN
        if self.ending(read)[0] != MISSING:
            return FINISHED
        stopped = self.stopped_at
        return STOPPED if stopped is not None and self.record.epochs >= stopped else OPEN

    def ending(self, read: str) -> tuple[str, int | None]:
        """Return the outcome at full length, and the epoch that is read there."""
        if self.trial is None or self.record is None:
            return MISSING, None
        patience = self.trial.config.early_stopping_patience
        reading = self.record.reading(epochs=self.trial.epochs, patience=patience, read=read)
        return reading.outcome, reading.epoch


class Curves(Protocol):
    """A history or a record: a value for each epoch."""

    @property
    def metric(self) -> str: ...
    @property
    def train_loss(self) -> Sequence[float]: ...
    @property
    def validation_loss(self) -> Sequence[float]: ...
    @property
    def validation_metric(self) -> Sequence[float]: ...
    @property
    def is_reported(self) -> bool: ...


def signed(curves: Curves, *, select: str) -> list[float]:
    """Return the validation metric or loss of each epoch, with the sign that makes higher better.

    NaN after an epoch that diverged: a network that gives no numbers still has an accuracy, that of chance.
    """
    higher = select != "loss" and metric_spec(curves.metric).higher_is_better
    values = curves.validation_loss if select == "loss" else curves.validation_metric
    if curves.is_reported:
        finite = [isfinite(value) for value in curves.validation_metric]
    else:
        losses = zip(curves.train_loss, curves.validation_loss, strict=True)
        finite = [isfinite(train) and isfinite(validation) for train, validation in losses]
    return [
        (value if higher else -value) if is_finite else nan for value, is_finite in zip(values, finite, strict=True)
    ]


def scores_of(record: Record, *, read: str, select: str) -> list[float]:
    """Return the score of each epoch of a record, the higher the better; see `signed` and `comparable`."""
    return comparable(signed(record, select=select), read=read)


def comparable(values: Sequence[float], *, read: str) -> list[float]:
    """Return values that can be compared: minus infinity for what is not finite, running maxima for `best`."""
    found: list[float] = []
    best = -inf
    for value in values:
        best = max(best, value) if isfinite(value) else best
        found.append(-inf if not isfinite(value) else best if read == "best" else value)
    return found


def make_trial(study: Study, search: Search, values: Mapping[str, Any], fingerprints: Mapping[str, str]) -> Trial:
    """Build the trial of a point of the space.

    Raises:
        UserError: it cannot be built.
    """
    config: TrialConfig = study.config(search.base, values).replace(seed=0)
    check_feasible(config)
    epochs = full_length(study, search)
    mode = study.mode_of(SEARCH, config)
    key = trial_key(config, fingerprints[data_id(config)], mode)
    return Trial(key, config, epochs, frozenset({epochs}), measure_improvements=search.read == "best", mode=mode)


@dataclass(frozen=True)
class State:
    """How far a search has got.

    Attributes:
        epochs: of a trial that no rung stops.
        fingerprints: of the data, by `data_id`.
        trials: that were drawn, by number.
        evidence: rows of the study's tables that are points of the space.
        seconds: how long the search has been running, over all its runs.
        used_up: whether the space has no further point.
    """

    study: Study
    search: Search
    epochs: int
    fingerprints: Mapping[str, str]
    trials: Mapping[int, SearchTrial] = field(default_factory=dict)
    evidence: Sequence[SearchTrial] = ()
    seconds: float = 0.0
    used_up: bool = False

    def with_trials(self, *changed: SearchTrial) -> "State":
        """Add trials, or put them in the place of those with their numbers."""
        return replace(self, trials={**self.trials, **{one.number: one for one in changed}})

    def with_records(self, lookup: Callable[[str], Record | None]) -> "State":
        """Give each drawn trial the record that is found under its key; a trial without one keeps what it has."""
        found = [(one, lookup(one.trial.key)) for one in self.trials.values() if one.trial is not None]
        return self.with_trials(*(replace(one, record=record) for one, record in found if record is not None))

    def make_trial(self, values: Mapping[str, Any]) -> Trial:
        """Build the trial of a point of the space.

        Raises:
            UserError: it cannot be built.
        """
        return make_trial(self.study, self.search, values, self.fingerprints)

    def drawn(self, event: Event, lookup: Callable[[str], Record | None] = lambda key: None) -> SearchTrial:
        """Make the trial that an event says was drawn, with the record that is found under its key."""
        try:
            trial = self.make_trial(event.values)
        except UserError:
            trial = None
        record = lookup(trial.key) if trial is not None else None
        bracket = self.search.scheduler.bracket(event.trial, self.epochs)
        return SearchTrial(event.trial, event.values, event.source, trial, bracket, began=event.seconds, record=record)

    def out_of_time(self, seconds: float) -> bool:
        """Whether a budget of minutes is used up after this many seconds."""
        minutes = self.search.budget.minutes
        return minutes is not None and seconds >= 60 * minutes

    def affordable(self, seconds: float) -> bool:
        """Whether another trial may be drawn after this many seconds."""
        budget = self.search.budget
        if self.used_up or self.out_of_time(seconds):
            return False
        if budget.trials is not None and len(self.trials) >= budget.trials:
            return False
        return budget.epochs is None or self.epochs_trained < budget.epochs

    def share_used(self, seconds: float) -> float:
        """Return the share of the budget that is used up after this many seconds, 0 to 1."""
        budget, ended = self.search.budget, len(self.ended)
        shares = [
            ended / budget.trials if budget.trials else 0.0,
            self.epochs_trained / budget.epochs if budget.epochs else 0.0,
            seconds / (60 * budget.minutes) if budget.minutes else 0.0,
        ]
        return min(1.0, max(shares))

    @property
    def over(self) -> bool:
        """Whether the budget, or the space, is used up and nothing is left to train."""
        return not self.affordable(self.seconds) and (not self.open or self.out_of_time(self.seconds))

    @property
    def finished(self) -> list[SearchTrial]:
        """The trials whose full length is known, including the evidence."""
        return [one for one in self.all if one.standing(self.search.read) == FINISHED]

    @property
    def stopped(self) -> list[SearchTrial]:
        """The trials that a rung stopped, including those that the audit has trained to the end."""
        return [one for one in self.trials.values() if one.stopped_at is not None]

    @property
    def open(self) -> list[SearchTrial]:
        """The trials that were drawn and have not ended."""
        return [one for one in self.trials.values() if one.standing(self.search.read) == OPEN]

    @property
    def ended(self) -> list[SearchTrial]:
        """The trials that were drawn and have nothing left to train."""
        return [one for one in self.trials.values() if one.standing(self.search.read) != OPEN]

    @property
    def failed(self) -> list[SearchTrial]:
        """The trials that ended in an error."""
        return [one for one in self.trials.values() if one.record is not None and one.record.outcome == FAILED]

    @property
    def all(self) -> list[SearchTrial]:
        """The evidence that was not drawn later, and the trials that were drawn."""
        drawn = {one.trial.key for one in self.trials.values() if one.trial is not None}
        rows = [one for one in self.evidence if one.trial is None or one.trial.key not in drawn]
        return [*rows, *self.trials.values()]

    @property
    def epochs_trained(self) -> int:
        """The epochs of the trials that the search drew; what the audit has added to a stopped trial does not count."""
        return sum(self._epochs(one) for one in self.trials.values())

    def _epochs(self, one: SearchTrial) -> int:
        if one.record is None:
            return one.arrivals[-1].epoch if one.arrivals else 0
        return min(one.record.epochs, one.stopped_at or one.record.epochs)

    def final_score(self, one: SearchTrial) -> float:
        """Return a trial's score at full length; minus infinity if it ended badly or is not known."""
        outcome, epoch = one.ending(self.search.read)
        if one.record is None or epoch is None or outcome == DIVERGED:
            return -inf
        return scores_of(one.record, read=self.search.read, select=self.search.select)[epoch - 1]

    def best(self, count: int) -> list[SearchTrial]:
        """Return the best of the finished trials, the first of equals, each trajectory once."""
        ranked = sorted(self.finished, key=lambda one: (-self.final_score(one), one.number))
        seen: dict[str, SearchTrial] = {}
        for one in ranked:
            if one.trial is not None and self.final_score(one) > -inf:
                seen.setdefault(one.trial.key, one)
        return list(seen.values())[:count]

    def arrivals(self, bracket: int, rung: int) -> list[Arrival]:
        """Return the trials that have reached a rung, in the order of drawing.

        A trial that diverged before the rung is among them, as the worst.
        """
        found = []
        for one in self.all:
            if one.number < 0 or one.bracket == bracket:
                found.append(next((a for a in one.arrivals if a.epoch == rung), None) or self._from_record(one, rung))
        return [arrival for arrival in found if arrival is not None]

    def _from_record(self, one: SearchTrial, rung: int) -> Arrival | None:
        if one.record is None or one.record.outcome == FAILED:
            return None
        stopped = one.stopped_at
        if stopped is not None and rung > stopped:
            return None  # the audit has trained it to the end; it would only fill the rung in late
        scores = scores_of(one.record, read=self.search.read, select=self.search.select)
        if len(scores) >= rung:
            score = self.search.scheduler.score(scores[:rung])
            return Arrival(one.number, rung, score, Decision(False, 0, 0))
        return self._diverged_before(one, rung)

    def _diverged_before(self, one: SearchTrial, rung: int) -> Arrival | None:
        diverged = one.record is not None and one.record.outcome == DIVERGED and one.record.epochs <= rung
        return Arrival(one.number, rung, -inf, Decision(True, 0, 0)) if diverged else None

    def known(self) -> list[Observation]:
        """Return what a sampler may know: how far each point of the space got, and how good it was there."""
        return [self._known(one) for one in self.all if self.search.space.holds(one.values)]

    def _known(self, one: SearchTrial) -> Observation:
        standing = one.standing(self.search.read)
        if standing == BROKEN:
            return Observation(one.values, -inf, 0)
        if one.record is None:
            return Observation(one.values, None)
        if one.record.outcome == DIVERGED:
            return Observation(one.values, -inf, one.record.epochs)
        if standing == FINISHED:
            return Observation(one.values, self.final_score(one), self.epochs, complete=True)
        scores = scores_of(one.record, read=self.search.read, select=self.search.select)
        return Observation(one.values, scores[-1], len(scores))


def build_state(
    study: Study,
    events: Sequence[Event],
    fingerprints: Mapping[str, str],
    evidence: Sequence[SearchTrial] = (),
) -> State:
    """Work out how far a study's search has got, without the records of its trials (see `State.with_records`).

    Args:
        study: with a search.
        events: of the journal.
        fingerprints: of the data, by `data_id`.
        evidence: of `tune_jobs.standing.search.evidence.table_evidence`.

    Raises:
        ValueError: the study has no search.
    """
    search = study.search
    if search is None:
        raise ValueError(f"{study.name} has no search")
    start = State(study, search, full_length(study, search), fingerprints, evidence=tuple(evidence))
    trials: dict[int, SearchTrial] = {}
    for event in events:
        if event.kind == DRAWN and event.trial not in trials:
            trials[event.trial] = start.drawn(event)
        elif event.trial in trials:
            trials[event.trial] = _after(trials[event.trial], event)
    return replace(
        start,
        trials=trials,
        seconds=max((event.seconds for event in events), default=0.0),
        used_up=any(event.kind == USED_UP and event.source == search.space_id for event in events),
    )


def _after(one: SearchTrial, event: Event) -> SearchTrial:
    """Take an event of the journal into a trial; the first decision at a rung holds."""
    if event.kind == ENDED:
        return replace(one, seconds=event.seconds)
    if event.kind != RUNG or any(arrival.epoch == event.epoch for arrival in one.arrivals):
        return one
    score = -inf if event.score is None else event.score
    arrival = Arrival(one.number, event.epoch, score, Decision(event.stop, event.rank, event.of))
    return replace(one, arrivals=(*one.arrivals, arrival))


def searched_default(study: Study, search: Search) -> dict[str, Any] | None:
    """Return the default configuration as a point of the space; None if it is not one."""
    return point_of(default_config(study, search), study, search)


def point_of(config: TrialConfig, study: Study, search: Search) -> dict[str, Any] | None:
    """Return a configuration's values of the searched fields; None if they are not a point of the space."""
    values: dict[str, Any] = {}
    for parameter in search.space:
        if parameter.is_read(values):
            value = study.own.value_of(config, parameter.name)
            if not parameter.holds(value):
                return None
            values[parameter.name] = value
    return values
