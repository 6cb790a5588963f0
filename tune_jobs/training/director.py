"""Directs a search: draws the next trial, and decides at each rung whether a trial goes on.

One director, a Ray actor, serves all workers. It writes each decision to the journal before a worker hears of it, so a
search that is killed can continue.
"""

import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from math import inf, isfinite
from typing import Any

from tune_jobs.ledger.record import Record, is_finished
from tune_jobs.standing.search.journal import DRAWN, ENDED, OUT_OF_TIME, RUNG, USED_UP, Event, Journal
from tune_jobs.standing.search.search_trial import BROKEN, OPEN, Arrival, SearchTrial, comparable, scores_of
from tune_jobs.standing.search.state import State
from tune_jobs.standing.search.tally import Tally, tally_of
from tune_jobs.study.schedulers import Decision
from tune_jobs.study.search_identity import default_config
from tune_jobs.training.search_rules import next_point, rung_decision
from tune_jobs.trial.trial import Trial, differences, stack_shape


@dataclass(frozen=True)
class Assignment:
    """A trial for a worker.

    Attributes:
        number: of the trial in the search.
        rungs: the epochs at which to ask whether it goes on.
        label: a readable name.
        select: "metric" or "loss": what trials are ranked by.
        has_replicates: whether another seed may be trained after it.
    """

    number: int
    trial: Trial
    rungs: tuple[int, ...]
    label: str
    select: str
    has_replicates: bool = False


class Director:
    """Directs one run of a search.

    Args:
        state: from the journal and the ledger.
        lookup: returns the ledger's record of a key, or None.
        journal: takes each event.
        retry_failed: whether to run trials again that failed before.
        clock: returns seconds.
    """

    def __init__(
        self,
        state: State,
        lookup: Callable[[str], Record | None],
        journal: Journal,
        *,
        retry_failed: bool = False,
        clock: Any = time.monotonic,
    ) -> None:
        self._state = state
        self._search = state.search
        self._lookup = lookup
        self._journal = journal
        self._clock = clock
        self._began = clock() - state.seconds
        # The trials given to each slot, and those that its current worker has.
        self._slots: dict[str, list[int]] = {}
        self._held: dict[str, set[int]] = {}
        self._losses: Counter[str] = Counter()
        self._running: set[int] = set()
        # The replicate that was assigned last, of each candidate.
        self._seeds: dict[int, int] = {}
        self._out_of_time = False
        for searched in state.trials.values():
            if searched.seconds is not None or all(record is None for record in searched.records):
                continue
            if searched.standing(self._search.read) == BROKEN:
                self._end(searched.number)
            elif searched.standing(self._search.read) != OPEN:
                self._answered_from_ledger(searched.number)
        self._left = [
            searched.number
            for searched in sorted(self._state.trials.values(), key=lambda searched: searched.number)
            if self._to_run(searched, retry_failed=retry_failed)
        ]

    def _to_run(self, searched: SearchTrial, *, retry_failed: bool) -> bool:
        standing = searched.standing(self._search.read)
        seed = searched.next_seed(self._search.read)
        record = searched.records[seed]
        if standing != BROKEN or searched.trial is None or record is None:
            return standing == OPEN
        return not is_finished(record, searched.trials[seed], time_limit_seconds=None, retry_failed=retry_failed)

    def open(self) -> bool:
        """Whether there is, or may soon be, a trial to assign."""
        self._note_time()
        return self._resumable() or self._affordable()

    def again(self, slot: str) -> Assignment | None:
        """Assign a worker that has ended its trials a replicate that one of them waits for; None if there is none."""
        number = self._continued(None)
        while number is not None and self._answered_from_ledger(number):
            number = self._continued(None)
        return None if number is None else self._assigned(slot, number)

    def next(self, slot: str, *, beside: int | None = None) -> Assignment | None:
        """Assign a trial to a slot, or its earlier ones again if it lost its worker; None if there is none left.

        Args:
            slot: that asks.
            beside: a trial of the slot, to whose stack another is to be added; without, a worker begins.
        """
        if beside is None:
            self._begin(slot)
        elif self._losses[slot] > 1:
            return None
        mine = (number for number in self._slots.get(slot, []) if number in self._running - self._held[slot])
        number = next((number for number in mine if self._fits(number, beside)), None)
        if number is None:
            self._note_time()
            number = self._to_assign(beside)
        return None if number is None else self._assigned(slot, number)

    def _assigned(self, slot: str, number: int) -> Assignment:
        self._running.add(number)
        self._held[slot].add(number)
        if number not in self._slots.setdefault(slot, []):
            self._slots[slot].append(number)
        return self._assignment(self._state.trials[number])

    def _begin(self, slot: str) -> None:
        """Note that a worker begins; after a second loss it gets one trial, as one may be what ends workers."""
        self._held[slot] = set()
        mine = [number for number in self._slots.get(slot, []) if number in self._running]
        self._losses[slot] += bool(mine)
        if self._losses[slot] > 1:
            self._slots[slot] = mine[:1]
            self._running -= set(mine[1:])
            self._left = [*mine[1:], *self._left]

    def _to_assign(self, beside: int | None) -> int | None:
        """Find or draw a trial with something left to train."""
        while True:
            number = self._continued(beside)
            number = self._drawn() if number is None else number
            if number is None or not self._answered_from_ledger(number):
                break
        if number is not None and not self._fits(number, beside):
            self._left.insert(0, number)  # for the next worker
            return None
        return number

    def _fits(self, number: int, beside: int | None) -> bool:
        """Whether a trial can be in one stack with another."""
        if beside is None:
            return True
        # All replicates of a trial have its shape.
        one, other = self._state.trials[number].trial, self._state.trials[beside].trial
        shapes = {stack_shape(trial) for trial in (one, other) if trial is not None}
        return len(shapes) == 1 and None not in shapes

    def reached(self, number: int, values: Sequence[float]) -> str | None:
        """Decide whether a trial stops after so many epochs: the reason, or None if it goes on.

        Args:
            number: of the trial.
            values: for each epoch so far, as from `tune_jobs.standing.search.search_trial.signed`.
        """
        epoch = len(values)
        if epoch in self._rungs(number):
            decision = self._decision(number, comparable(values, read=self._search.read))
            if decision.more:
                return f"waits at epoch {epoch} for another seed"
            if decision.stop:
                return f"stopped at epoch {epoch}: {decision.rank} of {decision.of} that reached it"
        if self._state.out_of_time(self._seconds()):
            return f"the search's {self._search.budget.minutes:g} minutes were over at epoch {epoch}"
        return None

    def ended(self, number: int, record: Record) -> Tally:
        """Note that a trial has ended; its record is in the ledger."""
        searched = self._state.trials[number]
        seed = self._seeds.get(number, 0)
        records = [*searched.records[:seed], record, *searched.records[seed + 1 :]]
        self._change(number, record=records[0], more_records=tuple(records[1:]))
        self._running.discard(number)
        if self._waits(number, seed):
            for numbers in self._slots.values():
                if number in numbers:
                    numbers.remove(number)
            self._left.insert(0, number)
        else:
            self._end(number)
        return self.tally()

    def _waits(self, number: int, seed: int) -> bool:
        """Whether another replicate of a candidate is to be trained after one has ended."""
        searched, read = self._state.trials[number], self._search.read
        return searched.standing(read) == OPEN and searched.next_seed(read) != seed

    def tally(self) -> Tally:
        """How far the search is."""
        return tally_of(self._state, self._seconds())

    def _seconds(self) -> float:
        return round(float(self._clock() - self._began), 3)

    def _note_time(self) -> None:
        """Write to the journal that the time is used up; if no trial ends after that, nothing else would."""
        if not self._out_of_time and self._state.out_of_time(self._seconds()):
            self._out_of_time = True
            self._state = replace(self._state, seconds=self._seconds())
            self._journal.add(Event(OUT_OF_TIME, -1, self._state.seconds))

    def _resumable(self) -> bool:
        return bool(self._left) and not self._state.out_of_time(self._seconds())

    def _affordable(self) -> bool:
        return self._state.affordable(self._seconds())

    def _change(self, number: int, **changes: Any) -> None:
        self._state = self._state.with_trials(replace(self._state.trials[number], **changes))

    def _continued(self, beside: int | None) -> int | None:
        if not self._resumable():
            return None
        number = next((number for number in self._left if self._fits(number, beside)), None)
        if number is not None:
            self._left.remove(number)
        return number

    def _drawn(self) -> int | None:
        if not self._affordable():
            return None
        number = max(self._state.trials, default=-1) + 1
        found = next_point(self._state, number)
        if found is None:
            self._state = replace(self._state, used_up=True)
            self._journal.add(Event(USED_UP, number, self._seconds(), source=self._search.space_id))
            return None
        values, source = found
        event = Event(DRAWN, number, self._seconds(), values=values, source=source)
        self._journal.add(event)
        self._state = self._state.with_trials(self._state.drawn(event, self._lookup))
        return number

    def _rungs(self, number: int) -> tuple[int, ...]:
        return self._search.scheduler.brackets(self._state.epochs)[self._state.trials[number].bracket]

    def _decision(self, number: int, scores: Sequence[float]) -> Decision:
        """The decision at a rung: from the journal, or else made now."""
        searched, epoch, seed = self._state.trials[number], len(scores), self._seeds.get(number, 0)
        if any((arrival.epoch, arrival.seed) == (epoch, seed) for arrival in searched.arrivals):
            return searched.decisions[epoch]
        score, decision = rung_decision(self._state, searched, seed, scores)
        self._journal.add(
            Event(
                RUNG,
                number,
                self._seconds(),
                epoch=epoch,
                score=score if isfinite(score) else None,
                stop=decision.stop,
                rank=decision.rank,
                of=decision.of,
                seed=seed,
                more=decision.more,
            )
        )
        self._change(number, arrivals=(*searched.arrivals, Arrival(number, epoch, score, decision, seed)))
        return decision

    def _answered_from_ledger(self, number: int) -> bool:
        """If the ledger has all that this trial would train, pass its rungs and end it; return whether it does."""
        searched = self._state.trials[number]
        known = any(record is not None for record in searched.records)
        if not known or searched.trial is None or searched.standing(self._search.read) == BROKEN:
            return False
        for rung in self._rungs(number):
            if not self._passes_from_ledger(number, rung):
                break
        if self._state.trials[number].standing(self._search.read) == OPEN:
            return False
        self._end(number)
        return True

    def _passes_from_ledger(self, number: int, rung: int) -> bool:
        """Whether a trial passes a rung with what the ledger has, one replicate after the other."""
        for seed in range(len(self._state.trials[number].trials)):
            searched = self._state.trials[number]
            decided = searched.decisions.get(rung)
            if decided is not None and not decided.more:
                return not decided.stop
            record = searched.records[seed]
            scores = [] if record is None else scores_of(record, read=self._search.read, select=self._search.select)
            if len(scores) < rung or scores[rung - 1] == -inf:
                return False
            self._seeds[number] = seed
            self._decision(number, scores[:rung])
        decided = self._state.trials[number].decisions.get(rung)
        return decided is not None and not decided.stop

    def _end(self, number: int) -> None:
        seconds = self._seconds()
        epochs = max((record.epochs for record in self._state.trials[number].records if record is not None), default=0)
        self._change(number, seconds=seconds)
        self._journal.add(Event(ENDED, number, seconds, epoch=epochs))

    def _assignment(self, searched: SearchTrial) -> Assignment:
        if searched.trial is None:
            raise ValueError(f"trial {searched.number} cannot be built")
        label = differences(searched.trial.config, default_config(self._state.study, self._search))
        seed = searched.next_seed(self._search.read)
        self._seeds[searched.number] = seed
        return Assignment(
            searched.number,
            searched.trials[seed],
            self._rungs(searched.number),
            f"trial {searched.number} ({label}{f', seed {seed}' if searched.more else ''})",
            self._search.select,
            has_replicates=bool(searched.more),
        )
