"""How far a search has got: a pure function of the study, the journal's events and the ledger's records."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import inf
from typing import Any

from models.history import DIVERGED
from tune_jobs.errors import UserError
from tune_jobs.ledger.record import FAILED, Record
from tune_jobs.standing.search.journal import DRAWN, ENDED, RUNG, USED_UP, Event, Journal, read_journal
from tune_jobs.standing.search.point_trials import further_trials, make_trial
from tune_jobs.standing.search.search_trial import BROKEN, FINISHED, OPEN, Arrival, SearchTrial, length_of, scores_of
from tune_jobs.storage.storage import Storage
from tune_jobs.study.model import Study
from tune_jobs.study.samplers import Observation
from tune_jobs.study.schedulers import Decision
from tune_jobs.study.search import Search
from tune_jobs.study.search_identity import default_config, full_length, search_id
from tune_jobs.trial.data import data_id
from tune_jobs.trial.trial import Trial


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
        return make_trial(self.study, self.search, values, self.fingerprints, epochs=self.epochs)

    def drawn(self, event: Event, lookup: Callable[[str], Record | None] = lambda key: None) -> SearchTrial:
        """Make the trial that an event says was drawn, with the record that is found under its key."""
        bracket = self.search.scheduler.bracket(event.trial, self.epochs)
        drawn = SearchTrial(event.trial, event.values, event.source, None, bracket, began=event.seconds)
        try:
            trial = self.make_trial(event.values)
        except UserError:
            return drawn
        more = further_trials(self.study, self.search, event.values, self.fingerprints, self.epochs)
        return _with_records(replace(drawn, trial=trial, more=more, more_records=(None,) * len(more)), lookup)

    def journal(self, storage: Storage) -> Journal:
        """Open the journal of the search, to add to it.

        Raises:
            StorageError: it cannot be read.
        """
        start = default_config(self.study, self.search)
        name = search_id(self.study, self.search, self.fingerprints[data_id(start)])
        return Journal(storage, name, read_journal(storage, name))

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
        deepest = max(length_of(record) for record in one.records)
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
