"""How far a search has got: a pure function of the study, the journal's events and the ledger's records."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import inf, isfinite, nan
from typing import Any, Protocol

from models.history import COMPLETED, DIVERGED, STOPPED_EARLY
from models.metrics import metric_spec
from tune_jobs.errors import UserError
from tune_jobs.ledger.record import FAILED, MISSING, Record
from tune_jobs.standing.search.journal import DRAWN, ENDED, RUNG, USED_UP, Event
from tune_jobs.study.model import SEARCH, Study
from tune_jobs.study.rows import Row, replicate
from tune_jobs.study.samplers import Observation
from tune_jobs.study.schedulers import Decision
from tune_jobs.study.search import Search
from tune_jobs.study.search_identity import default_config, full_length, moved_fields
from tune_jobs.trial.config import TrialConfig
from tune_jobs.trial.data import data_id
from tune_jobs.trial.feasibility import check_feasible
from tune_jobs.trial.key import trial_key
from tune_jobs.trial.trial import Trial

# Where a trial of a search stands.
OPEN, STOPPED, FINISHED, BROKEN = "open", "stopped", "finished", "failed"


@dataclass(frozen=True)
class Arrival:
    """A trial at a rung: its score there, and the decision. `seed` is the replicate's."""

    trial: int
    epoch: int
    score: float
    decision: Decision
    seed: int = 0


@dataclass(frozen=True)
class SearchTrial:
    """A trial of a search; with replicates a candidate, whose seeds are trained one after the other.

    Attributes:
        number: in the order of drawing; negative for a row of the study's tables.
        values: of the searched fields that it reads.
        source: "default", a sampler's name, or "table".
        trial: with seed 0; None if the study can no longer build it.
        arrivals: at rungs, in order.
        began: how long the search had been running when the trial was drawn, in seconds.
        seconds: how long the search had been running when the trial ended; None before.
        record: its record in the ledger.
        more: its trials of seeds 1, 2, …, where the search has replicates; `more_records` are theirs.
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
    more: tuple[Trial, ...] = ()
    more_records: tuple[Record | None, ...] = ()

    @property
    def trials(self) -> list[Trial]:
        """Its trials, by seed; none if it cannot be built."""
        return [] if self.trial is None else [self.trial, *self.more]

    @property
    def records(self) -> list[Record | None]:
        """The records of its trials, by seed."""
        return [self.record, *self.more_records]

    @property
    def begun(self) -> list[Trial]:
        """Its trial of seed 0, and those of further seeds that have a record."""
        return [
            trial for trial, record in zip(self.trials, self.records, strict=False) if not trial.config.seed or record
        ]

    @property
    def name(self) -> str:
        """Its name in messages."""
        return f"trial {self.number}" if self.number >= 0 else "a row of a table"

    @property
    def stopped_at(self) -> int | None:
        """The rung that stopped it, in epochs; None if no rung did."""
        return next((epoch for epoch, last in self.decisions.items() if last.stop and not last.more), None)

    @property
    def waits_at(self) -> int | None:
        """The rung at which it waits for another of its seeds, in epochs; None for none."""
        return next((epoch for epoch, last in self.decisions.items() if last.more), None)

    @property
    def decisions(self) -> dict[int, Decision]:
        """What holds at each rung, by epoch: what was decided when the last of its seeds reached it."""
        return {arrival.epoch: arrival.decision for arrival in self.arrivals}

    def reached(self, seed: int) -> int:
        """The last rung that a seed has reached, in epochs; 0 for none."""
        return max((arrival.epoch for arrival in self.arrivals if arrival.seed == seed), default=0)

    def standing(self, read: str) -> str:
        """Return `OPEN` while there is something left to train, else how the trial ended."""
        if self.trial is None or FAILED in (record.outcome for record in self.records if record is not None):
            return BROKEN
        if self.ending(read)[0] != MISSING:
            return FINISHED
        stopped = self.stopped_at
        if stopped is None or any(_length(self.records[a.seed]) < stopped for a in self.arrivals if a.epoch == stopped):
            return OPEN
        return STOPPED

    def ending(self, read: str) -> tuple[str, int | None]:
        """Return the outcome at full length, and the epoch that is read there.

        With replicates, it is diverged if one of them is, missing if one of them is, and else the worst; the epoch is
        that of the first.
        """
        endings = [self.ending_of(seed, read) for seed in range(len(self.trials))]
        if len(endings) == 1:
            return endings[0]
        outcomes = [outcome for outcome, _ in endings]
        for outcome in (DIVERGED, MISSING):
            if outcome in outcomes:
                return endings[outcomes.index(outcome)]
        bad = (ending for ending in endings if ending[0] not in (COMPLETED, STOPPED_EARLY))
        return next(bad, endings[0] if endings else (MISSING, None))

    def ending_of(self, seed: int, read: str) -> tuple[str, int | None]:
        """Return the outcome of one of its replicates at full length, and the epoch that is read there."""
        trial, record = self.trials[seed], self.records[seed]
        if record is None:
            return MISSING, None
        reading = record.reading(epochs=trial.epochs, patience=trial.config.early_stopping_patience, read=read)
        return reading.outcome, reading.epoch

    def next_seed(self, read: str) -> int:
        """The seed of the replicate to train next, if there is one left."""
        seeds, waits_at = range(len(self.trials)), self.waits_at
        for seed in seeds:
            record = self.records[seed]
            # Of a process that was killed, a decision is known and the record is not.
            if _length(record) < self.reached(seed) or (record is not None and record.outcome == FAILED):
                return seed
        if waits_at is not None:
            there = {arrival.seed for arrival in self.arrivals if arrival.epoch == waits_at}
            return next((seed for seed in seeds if seed not in there), 0)
        return next((seed for seed in seeds if self.ending_of(seed, read)[0] == MISSING), 0)


def _length(record: Record | None) -> int:
    return 0 if record is None else record.epochs


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


def make_trial(
    study: Study, search: Search, values: Mapping[str, Any], fingerprints: Mapping[str, str], seed: int = 0
) -> Trial:
    """Build the trial of a point of the space.

    Args:
        study: with the search.
        search: that tries the point.
        values: of the point.
        fingerprints: of the data, by `data_id`.
        seed: of the replicate; 0 in a search without.

    Raises:
        UserError: it cannot be built.
    """
    config: TrialConfig = study.config(search.base, values).replace(seed=0)
    check_feasible(config)
    if seed:
        config = replicate(Row(SEARCH, (), config, moves=moved_fields(study)), seed)
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
        return self.with_trials(*(_with_records(one, lookup) for one in self.trials.values() if one.trial is not None))

    def make_trial(self, values: Mapping[str, Any]) -> Trial:
        """Build the trial of a point of the space.

        Raises:
            UserError: it cannot be built.
        """
        return make_trial(self.study, self.search, values, self.fingerprints)

    def drawn(self, event: Event, lookup: Callable[[str], Record | None] = lambda key: None) -> SearchTrial:
        """Make the trial that an event says was drawn, with the record that is found under its key."""
        bracket = self.search.scheduler.bracket(event.trial, self.epochs)
        drawn = SearchTrial(event.trial, event.values, event.source, None, bracket, began=event.seconds)
        try:
            trial = self.make_trial(event.values)
        except UserError:
            return drawn
        more = further_trials(self.study, self.search, event.values, self.fingerprints)
        return _with_records(replace(drawn, trial=trial, more=more, more_records=(None,) * len(more)), lookup)

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
        return [
            one
            for one in self.trials.values()
            if FAILED in (record.outcome for record in one.records if record is not None)
        ]

    @property
    def all(self) -> list[SearchTrial]:
        """The evidence that was not drawn later, and the trials that were drawn."""
        drawn = {one.trial.key for one in self.trials.values() if one.trial is not None}
        rows = [one for one in self.evidence if one.trial is None or one.trial.key not in drawn]
        return [*rows, *self.trials.values()]

    @property
    def epochs_trained(self) -> int:
        """The epochs of the trials that the search drew; what the audit has added to a stopped trial does not count."""
        return sum(sum(self.epochs_of(one)) for one in self.trials.values())

    def epochs_of(self, one: SearchTrial) -> list[int]:
        """Return the epochs that the search trained of each replicate of a trial."""
        stopped = one.stopped_at
        found = []
        for seed, record in enumerate(one.records):
            if record is None:
                found.append(one.reached(seed))
            elif stopped is None:
                found.append(record.epochs)
            else:
                # A replicate that did not get to that rung is further only in other parts of the study.
                found.append(min(record.epochs, stopped if not one.more else one.reached(seed)))
        return found

    def mean_at(self, one: SearchTrial, epoch: int) -> float | None:
        """Return the mean score of a trial's replicates that reached an epoch; None if none did."""
        curves = [
            scores_of(record, read=self.search.read, select=self.search.select)
            for record in one.records
            if record is not None and record.epochs >= epoch
        ]
        return sum(curve[epoch - 1] for curve in curves) / len(curves) if curves else None

    def final_score(self, one: SearchTrial) -> float:
        """Return a trial's score at full length; minus infinity if it ended badly or is not known."""
        outcome, epoch = one.ending(self.search.read)
        if epoch is None or outcome == DIVERGED:
            return -inf
        scores = [
            scores_of(record, read=self.search.read, select=self.search.select)[(last or 0) - 1]
            for record, (_, last) in zip(
                one.records, (one.ending_of(seed, self.search.read) for seed in range(len(one.trials))), strict=True
            )
            if record is not None
        ]
        return sum(scores) / len(scores)

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

    def scores_at(self, bracket: int, rung: int) -> dict[int, dict[int, float]]:
        """Return the scores of the trials that have reached a rung, by number and seed; see `arrivals`."""
        found = {}
        for one in self.all:
            if one.number < 0 or one.bracket == bracket:
                scores = {a.seed: a.score for a in one.arrivals if a.epoch == rung}
                if not scores:
                    each = enumerate(self._from_record(replace(one, record=record), rung) for record in one.records)
                    scores = {seed: arrival.score for seed, arrival in each if arrival is not None}
                if scores:
                    found[one.number] = scores
        return found

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
        deepest = max(_length(record) for record in one.records)
        if not deepest and all(record is None for record in one.records):
            return Observation(one.values, None)
        if DIVERGED in (record.outcome for record in one.records if record is not None):
            return Observation(one.values, -inf, deepest)
        if standing == FINISHED:
            return Observation(one.values, self.final_score(one), self.epochs, complete=True)
        return Observation(one.values, self.mean_at(one, deepest), deepest)


def _with_records(one: SearchTrial, lookup: Callable[[str], Record | None]) -> SearchTrial:
    """Give a trial the records that are found under its keys; where there is none it keeps what it has."""
    found = [lookup(trial.key) for trial in one.trials]
    if all(record is None for record in found):
        return one
    first, *more = (new or known for new, known in zip(found, one.records, strict=True))
    return replace(one, record=first, more_records=tuple(more))


def further_trials(
    study: Study, search: Search, values: Mapping[str, Any], fingerprints: Mapping[str, str]
) -> tuple[Trial, ...]:
    """Build the trials of a point of the space with seeds 1, 2, …; none in a search without replicates."""
    return tuple(make_trial(study, search, values, fingerprints, seed) for seed in range(1, search.replicates))


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
    if event.kind != RUNG or any((a.epoch, a.seed) == (event.epoch, event.seed) for a in one.arrivals):
        return one
    score = -inf if event.score is None else event.score
    decision = Decision(event.stop, event.rank, event.of, event.more)
    arrival = Arrival(one.number, event.epoch, score, decision, event.seed)
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
