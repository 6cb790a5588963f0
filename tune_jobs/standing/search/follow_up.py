"""What follows a search once its budget is used up, as a pure function of the ledger, like the stages of a study.

A sample of the stopped trials is let finish (the audit); the best are compared by replicates with seeds and validation
parts that chose nothing, which names the winner; the way from the default configuration to the winner is walked one
factor at a time, and back by leaving one out; and pairs of factors are crossed.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tune_jobs.errors import UserError
from tune_jobs.ledger.ledger import Contents
from tune_jobs.ledger.record import FAILED, MISSING, Record
from tune_jobs.standing.search.points import coded
from tune_jobs.standing.search.state import SearchTrial, State
from tune_jobs.standing.stages import selection_scores
from tune_jobs.study.model import AUDIT, BACK, CONFIRM, PAIRS, SPLITS, STEPS, TRIED, Study
from tune_jobs.study.rows import FIRST_FRESH_SEED, Row, row_trial
from tune_jobs.study.search_identity import default_config
from tune_jobs.study.space import stream
from tune_jobs.trial.config import TrialConfig
from tune_jobs.trial.feasibility import check_feasible
from tune_jobs.trial.key import trajectory
from tune_jobs.trial.trial import differences

# Seeds from here on estimate; those from `FIRST_FRESH_SEED` on choose the winner and the order of its steps.
FIRST_ESTIMATING_SEED = 2 * FIRST_FRESH_SEED
_AUDIT_STREAM = 3
# Only the shares are wanted where pairs are ranked; intervals are the report's.
_FEW = 2
DEFAULT = "Default"
WINNER = "Winner"

Read = Callable[[Sequence[Row]], Contents]


@dataclass(frozen=True)
class Step:
    """One factor of the way from the default configuration to the winner: a field, with those that go with it."""

    factor: str
    sets: Mapping[str, Any]


@dataclass(frozen=True)
class Pair:
    """Two factors whose levels are crossed, all else being the winner's: for each what the other level sets."""

    factors: tuple[str, str]
    other: tuple[Mapping[str, Any], Mapping[str, Any]]


@dataclass
class FollowUp:
    """As far as it is known.

    Attributes:
        rows: that follow, with what is left to do among them.
        winner: what the replicates chose; None until they are in. `winner_sets` are its fields.
        default_won: whether no point of the space was better than the default configuration.
        steps: in the order in which they were taken.
        left: factors whose place on the way is not known yet.
        pairs: that are crossed.
        doing: what is waited for, in words; "" at the end.
    """

    rows: list[Row] = field(default_factory=list)
    confirmed: list[SearchTrial] = field(default_factory=list)
    winner: TrialConfig | None = None
    winner_sets: Mapping[str, Any] = field(default_factory=dict)
    default_won: bool = False
    steps: list[Step] = field(default_factory=list)
    left: list[Step] = field(default_factory=list)
    pairs: list[Pair] = field(default_factory=list)
    doing: str = ""


def follow_up(state: State, read: Read, fingerprints: Mapping[str, str]) -> FollowUp:
    """Return what follows a search, as far as the records let it be known.

    Args:
        state: of the search.
        read: returns what the ledger has of rows.
        fingerprints: of the data, by `data_id`.
    """
    found = FollowUp()
    if not state.over:
        found.doing = "the search"
        return found
    return _Follower(state, read, fingerprints, found).follow()


def audited(state: State) -> list[SearchTrial]:
    """Return the stopped trials that are let finish: drawn at random, from each rung as many as the others.

    Each trial's lot is its own, so that a search that goes on keeps most of those that were drawn before.
    """
    by_rung: dict[int, list[SearchTrial]] = {}
    for one in state.stopped:
        if one.stopped_at is not None and one.trial is not None:
            by_rung.setdefault(one.stopped_at, []).append(one)
    lots = {
        rung: sorted(trials, key=lambda one: stream(state.search.seed, _AUDIT_STREAM, one.number).random())
        for rung, trials in sorted(by_rung.items())
    }
    drawn: list[SearchTrial] = []
    while any(lots.values()) and len(drawn) < state.search.audit:
        for trials in lots.values():
            if trials and len(drawn) < state.search.audit:
                drawn.append(trials.pop(0))
    return sorted(drawn, key=lambda one: one.number)


def step_words(study: Study, step: Step) -> str:
    """Return what a step sets, as a person reads it: the label of its rows."""
    own = study.own
    return ", ".join(f"{own.label(name)} {own.describe(name, value)}" for name, value in step.sets.items())


class _Follower:
    def __init__(self, state: State, read: Read, fingerprints: Mapping[str, str], found: FollowUp) -> None:
        self._state = state
        self._study = state.study
        self._search = state.search
        self._read = read
        self._fingerprints = fingerprints
        self._found = found
        self._default = default_config(self._study, self._search)
        count = self._search.seeds
        self._choosing = tuple(range(FIRST_FRESH_SEED, FIRST_FRESH_SEED + count))
        self._estimating = tuple(range(FIRST_ESTIMATING_SEED, FIRST_ESTIMATING_SEED + count))

    def follow(self) -> FollowUp:
        found = self._found
        for one in audited(self._state):
            if one.trial is not None:
                found.rows.append(self._row(AUDIT, (f"Trial {one.number}",), one.trial.config, (0,)))
        if not self._all_in(found.rows, "stopped trials that are let finish"):
            return found
        self._take_in_audit()
        found.confirmed = self._state.best(self._search.confirm)
        confirm = [self._row(CONFIRM, (DEFAULT,), self._default, self._choosing)]
        for one in found.confirmed:
            if one.trial is not None and trajectory(one.trial.config) != trajectory(self._default):
                label = differences(one.trial.config, self._default)
                confirm.append(self._row(CONFIRM, (label,), one.trial.config, self._choosing))
        found.rows += confirm
        if not self._all_in(confirm, "the best with fresh seeds"):
            return found
        self._choose(confirm)
        if found.default_won:
            found.rows += [self._row(STEPS, (DEFAULT,), self._default, self._estimating)]
            self._all_in(found.rows[-1:], "the winner with fresh seeds")
            return found
        after = [*self._back_rows(), *self._pair_rows()]
        ordered = self._order()
        after += self._step_rows() if ordered else self._row_of_winner()
        found.rows += after
        if ordered:
            self._all_in(after, "the way to the winner, with fresh seeds")
        return found

    def _take_in_audit(self) -> None:
        """Let the state know the whole length of what was let finish."""
        rows = [row for row in self._found.rows if row.table == AUDIT]
        records = self._read(rows).records
        for one in self._state.trials.values():
            if one.trial is not None and one.trial.key in records:
                one.record = records[one.trial.key]

    def _row(self, table: str, labels: tuple[str, ...], config: TrialConfig, seeds: tuple[int, ...]) -> Row:
        fresh = table != AUDIT
        return Row(
            table,
            labels,
            config.replace(seed=0),
            is_default=labels == (DEFAULT,),
            read=self._search.read,
            epochs=self._state.epochs,
            moves=SPLITS["validation"] if fresh else (),
            seeds=seeds,
            select=self._search.select,
        )

    def _all_in(self, rows: Sequence[Row], doing: str) -> bool:
        contents = self._read(rows)
        for row in rows:
            for seed in row.seeds or ():
                record = contents.records.get(row_trial(row, seed, self._fingerprints).key)
                if record is None or not _whole(record, row):
                    self._found.doing = doing
                    return False
        return True

    def _mean(self, row: Row, contents: Contents) -> float:
        scores = selection_scores(row, contents, row.seeds or (), self._fingerprints)
        return sum(scores) / len(scores) if scores else float("-inf")

    def _choose(self, confirm: Sequence[Row]) -> None:
        contents = self._read(confirm)
        best = max(confirm, key=lambda row: self._mean(row, contents))
        found = self._found
        found.winner, found.default_won = best.config, best.is_default
        for one in found.confirmed:
            if one.trial is not None and best.config == one.trial.config:
                found.winner_sets = dict(one.values)

    def _steps(self) -> list[Step]:
        """Return what the winner changes of the default configuration, factor by factor."""
        own, winner, space = self._study.own, self._found.winner_sets, self._search.space
        # The winner may be of a space that was wider.
        others = {name: (name,) for name in winner if name not in space.names}
        steps = []
        for factor, names in {**space.groups(), **others}.items():
            sets = {name: winner[name] for name in names if name in winner}
            if any(own.value_of(self._default, name) != value for name, value in sets.items()):
                steps.append(Step(factor, sets))
        return steps

    def _configured(self, steps: Sequence[Step]) -> TrialConfig | None:
        try:
            config = self._study.config(self._search.base, *(step.sets for step in steps)).replace(seed=0)
            check_feasible(config)
        except UserError:
            return None
        return config

    def _order(self) -> bool:
        """Take the steps in the order of greatest gain, as far as it is known; return whether it is known wholly."""
        found, left = self._found, self._steps()
        if not self._search.path:
            return True
        seeds = self._choosing[: self._search.path]
        while len(left) > 1:
            tried = [(step, self._configured([*found.steps, step])) for step in left]
            rows = [
                (step, self._row(TRIED, (step_words(self._study, step), str(len(found.steps) + 1)), config, seeds))
                for step, config in tried
                if config is not None
            ]
            if not rows:
                break
            found.rows += [row for _, row in rows]
            if not self._all_in([row for _, row in rows], f"step {len(found.steps) + 1} to the winner"):
                found.left = left
                return False
            contents = self._read([row for _, row in rows])
            step, _ = max(rows, key=lambda pair: self._mean(pair[1], contents))
            found.steps.append(step)
            left.remove(step)
        # The last step leads to the winner; where no single one can be built, all that are left are taken together.
        if left:
            together = {name: value for step in left for name, value in step.sets.items()}
            found.steps.append(Step(" + ".join(step.factor for step in left), together))
        return True

    def _step_rows(self) -> list[Row]:
        rows = [self._row(STEPS, (DEFAULT,), self._default, self._estimating)]
        for count, step in enumerate(self._found.steps, start=1):
            config = self._configured(self._found.steps[:count])
            if config is not None:
                rows.append(self._row(STEPS, (step_words(self._study, step),), config, self._estimating))
        return rows if self._search.path else [rows[0], *self._row_of_winner()]

    def _row_of_winner(self) -> list[Row]:
        winner = self._found.winner
        return [self._row(STEPS, (WINNER,), winner, self._estimating)] if winner is not None else []

    def _back_rows(self) -> list[Row]:
        steps = self._steps()
        if not self._search.path or len(steps) < 2:
            return []
        rows = []
        for step in steps:
            config = self._configured([other for other in steps if other is not step])
            if config is not None:
                rows.append(self._row(BACK, (step_words(self._study, step),), config, self._estimating))
        return rows

    def _pair_rows(self) -> list[Row]:
        self._found.pairs = self._important_pairs()
        rows = []
        for pair in self._found.pairs:
            for first in (False, True):
                for second in (False, True):
                    changes = [sets for sets, other in zip(pair.other, (first, second), strict=True) if other]
                    config = self._configured([Step("", self._found.winner_sets), *(Step("", one) for one in changes)])
                    if config is not None:
                        labels = (*pair.factors, "other" if first else "winner", "other" if second else "winner")
                        rows.append(self._row(PAIRS, labels, config, self._estimating))
        return rows

    def _important_pairs(self) -> list[Pair]:
        """Return the pairs with the largest share of the variance, as many as the study asks for."""
        wanted = self._search.interactions
        data = coded(self._state)
        if not wanted or data is None or len(self._search.space) < 2:
            return []
        # Imported here: it loads scikit-learn, which most of what asks for this has no use for.
        from tune_jobs.standing.search.importance import functional_anova

        importance = functional_anova(
            data.points, data.levels, data.values, seed=self._search.seed, resamples=_FEW, permutations=_FEW
        )
        names = self._search.space.names
        found: list[Pair] = []
        for effect in sorted(importance.pairs, key=lambda pair: -pair.share):
            i, j = effect.columns
            others = self._other_level(names[i]), self._other_level(names[j])
            if self._search.space.root(names[i]) == self._search.space.root(names[j]):
                continue  # one is read only where the other has a certain value: there is nothing to cross
            if others[0] and others[1] and len(found) < wanted:
                found.append(Pair((names[i], names[j]), others))
        return found

    def _other_level(self, name: str) -> dict[str, Any]:
        """Return a level of a factor beside the winner's: the default one, or else one far from the winner's."""
        winner = self._found.winner_sets
        if name not in winner:
            return {}
        default = self._study.own.value_of(self._default, name)
        if default is not None and default != winner[name]:
            return {name: default}
        parameter = next(one for one in self._search.space if one.name == name)
        if parameter.choices:
            return {name: next(choice for choice in parameter.choices if choice != winner[name])}
        far = 0.2 if parameter.share(winner[name]) >= 0.5 else 0.8
        return {name: parameter.at(far)}


def _whole(record: Record, row: Row) -> bool:
    if record.outcome == FAILED or row.config is None:
        return True
    patience = row.config.early_stopping_patience
    return record.reading(epochs=row.epochs, patience=patience, read=row.read).outcome != MISSING
