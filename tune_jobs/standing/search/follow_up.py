"""What follows a search once its budget is used up: a pure function of what the ledger holds, like a study's stages.

Some of the stopped trials are trained to the end (the audit). The best trials are compared by replicates whose seeds
and validation parts chose nothing, which names the winner. The path from the default configuration to the winner is
walked one factor at a time, and back by leaving one factor out. Pairs of factors are crossed.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tune_jobs.errors import UserError
from tune_jobs.ledger.record import FAILED, MISSING, Record
from tune_jobs.standing.replicates import RowReader
from tune_jobs.standing.search.audit import audited
from tune_jobs.standing.search.points import coded
from tune_jobs.standing.search.search_trial import SearchTrial
from tune_jobs.standing.search.state import State
from tune_jobs.standing.stages import selection_scores
from tune_jobs.study.model import AUDIT, BACK, CONFIRM, PAIRS, SEARCH, SPLITS, STEPS, TRIED, Study
from tune_jobs.study.rows import FIRST_FRESH_SEED, Row
from tune_jobs.study.search_identity import default_config, moved_fields
from tune_jobs.trial.config import TrialConfig
from tune_jobs.trial.feasibility import check_feasible
from tune_jobs.trial.key import trajectory
from tune_jobs.trial.trial import differences

# Seeds from here on estimate; those from `FIRST_FRESH_SEED` on choose the winner and the order of its steps.
FIRST_ESTIMATING_SEED = 2 * FIRST_FRESH_SEED
# Only the shares are wanted where pairs are ranked; intervals are the report's.
_FEW = 2
DEFAULT = "Default"
WINNER = "Winner"


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


@dataclass(frozen=True)
class FollowUp:
    """What follows a search, as far as the ledger lets it be known.

    Attributes:
        search: with the full-length records of the trials that the audit trained to the end.
        rows: that follow, including those still to be trained.
        confirmed: the best trials, which are compared with fresh seeds.
        winner: what the replicates chose; None until all have ended. `winner_sets` are its fields.
        default_won: whether no point of the space beat the default configuration.
        steps: of the path, in order.
        left: factors whose place on the path is not known yet.
        pairs: that are crossed.
        waiting_for: what has to end next, in words; "" once all is known.
    """

    search: State
    rows: Sequence[Row] = ()
    confirmed: Sequence[SearchTrial] = ()
    winner: TrialConfig | None = None
    winner_sets: Mapping[str, Any] = field(default_factory=dict)
    default_won: bool = False
    steps: Sequence[Step] = ()
    left: Sequence[Step] = ()
    pairs: Sequence[Pair] = ()
    waiting_for: str = ""


def follow_up(state: State, reader: RowReader) -> FollowUp:
    """Work out what follows a search, as far as the ledger lets it be known."""
    if not state.over:
        return FollowUp(state, waiting_for="the search")
    return _Follower(state, reader).follow()


def step_words(study: Study, step: Step) -> str:
    """Say what a step sets: the label of its rows."""
    names = study.own
    return ", ".join(f"{names.label(name)} {names.describe(name, value)}" for name, value in step.sets.items())


class _Follower:
    """Collects what follows a search; each step needs the records of the rows before it."""

    def __init__(self, state: State, reader: RowReader) -> None:
        self._state = state
        self._study = state.study
        self._search = state.search
        self._reader = reader
        self._default = default_config(self._study, self._search)
        count = self._search.seeds
        self._choosing = tuple(range(FIRST_FRESH_SEED, FIRST_FRESH_SEED + count))
        self._estimating = tuple(range(FIRST_ESTIMATING_SEED, FIRST_ESTIMATING_SEED + count))
        self._rows: list[Row] = []
        self._confirmed: list[SearchTrial] = []
        self._winner: TrialConfig | None = None
        self._winner_sets: Mapping[str, Any] = {}
        self._default_won = False
        self._path: list[Step] = []
        self._left: list[Step] = []
        self._pairs: list[Pair] = []

    def follow(self) -> FollowUp:
        waiting_for = self._follow()
        return FollowUp(
            self._state,
            self._rows,
            self._confirmed,
            self._winner,
            self._winner_sets,
            self._default_won,
            self._path,
            self._left,
            self._pairs,
            waiting_for,
        )

    def _follow(self) -> str:
        """Go as far as the records allow; return what has to end next."""
        for one in audited(self._state):
            if one.trial is not None:
                seeds = tuple(range(self._search.replicates))
                self._rows.append(self._row(AUDIT, (f"Trial {one.number}",), one.trial.config, seeds))
        if not self._all_in(self._rows):
            return "stopped trials that the audit trains to the end"
        self._state = self._state.with_records(self._records(self._rows).get)
        confirm = self._confirm_rows()
        self._rows += confirm
        if not self._all_in(confirm):
            return "the best trials with fresh seeds"
        self._choose(confirm)
        if self._default_won:
            self._rows.append(self._row(STEPS, (DEFAULT,), self._default, self._estimating))
            return "" if self._all_in(self._rows[-1:]) else "the winner with fresh seeds"
        after = [*self._back_rows(), *self._pair_rows()]
        waiting_for = self._order()
        after += self._row_of_winner() if waiting_for else self._step_rows()
        self._rows += after
        if waiting_for or self._all_in(after):
            return waiting_for
        return "the path to the winner, with fresh seeds"

    def _confirm_rows(self) -> list[Row]:
        """Make the rows of the default configuration and of the best trials that differ from it."""
        self._confirmed = self._state.best(self._search.confirm)
        rows = [self._row(CONFIRM, (DEFAULT,), self._default, self._choosing)]
        for one in self._confirmed:
            if one.trial is not None and trajectory(one.trial.config) != trajectory(self._default):
                label = differences(one.trial.config, self._default)
                rows.append(self._row(CONFIRM, (label,), one.trial.config, self._choosing))
        return rows

    def _row(self, table: str, labels: tuple[str, ...], config: TrialConfig, seeds: tuple[int, ...]) -> Row:
        moves = moved_fields(self._study) if self._search.replicates > 1 else ()
        return Row(
            table,
            labels,
            config.replace(seed=0),
            is_default=labels == (DEFAULT,),
            read=self._search.read,
            epochs=self._state.epochs,
            moves=SPLITS["validation"] if table != AUDIT else moves,
            seeds=seeds,
            select=self._search.select,
            mode=self._study.mode_of(SEARCH, config),
        )

    def _records(self, rows: Sequence[Row]) -> Mapping[str, Record]:
        return self._reader.read(rows).records

    def _all_in(self, rows: Sequence[Row]) -> bool:
        """Return whether every replicate of the rows has ended."""
        records = self._records(rows)
        replicates = (one for row in rows for one in self._reader.replicates(row))
        return all(one.key in records and _ended(records[one.key], one.row) for one in replicates)

    def _mean(self, row: Row) -> float:
        scores = selection_scores(self._reader.replicates(row), self._records([row]))
        return sum(scores) / len(scores) if scores else float("-inf")

    def _choose(self, confirm: Sequence[Row]) -> None:
        best = max(confirm, key=self._mean)
        self._winner, self._default_won = best.config, best.is_default
        for one in self._confirmed:
            if one.trial is not None and best.config == one.trial.config:
                self._winner_sets = dict(one.values)

    def _steps(self) -> list[Step]:
        """Return what the winner changes of the default configuration, factor by factor."""
        names, winner, space = self._study.own, self._winner_sets, self._search.space
        # The winner may be of a space that was wider.
        others = {name: (name,) for name in winner if name not in space.names}
        steps = []
        for factor, fields in {**space.groups(), **others}.items():
            sets = {name: winner[name] for name in fields if name in winner}
            if any(names.value_of(self._default, name) != value for name, value in sets.items()):
                steps.append(Step(factor, sets))
        return steps

    def _configured(self, steps: Sequence[Step]) -> TrialConfig | None:
        try:
            config = self._study.config(self._search.base, *(step.sets for step in steps)).replace(seed=0)
            check_feasible(config)
        except UserError:
            return None
        return config

    def _order(self) -> str:
        """Order the steps by greatest gain, as far as it is known; return what has to end next."""
        self._left = self._steps()
        if not self._search.path:
            self._left = []
            return ""
        while len(self._left) > 1:
            rows = self._tried_rows()
            if not rows:
                break
            self._rows += [row for _, row in rows]
            if not self._all_in([row for _, row in rows]):
                return f"step {len(self._path) + 1} to the winner"
            step, _ = max(rows, key=lambda pair: self._mean(pair[1]))
            self._path.append(step)
            self._left.remove(step)
        # The last step leads to the winner. If no single step that is left can be built, all of them are taken at once.
        if self._left:
            together = {name: value for step in self._left for name, value in step.sets.items()}
            self._path.append(Step(" + ".join(step.factor for step in self._left), together))
        self._left = []
        return ""

    def _tried_rows(self) -> list[tuple[Step, Row]]:
        """Make the row of each step that could come next and can be built."""
        seeds, place = self._choosing[: self._search.path], str(len(self._path) + 1)
        tried = [(step, self._configured([*self._path, step])) for step in self._left]
        return [
            (step, self._row(TRIED, (step_words(self._study, step), place), config, seeds))
            for step, config in tried
            if config is not None
        ]

    def _step_rows(self) -> list[Row]:
        rows = [self._row(STEPS, (DEFAULT,), self._default, self._estimating)]
        for count, step in enumerate(self._path, start=1):
            config = self._configured(self._path[:count])
            if config is not None:
                rows.append(self._row(STEPS, (step_words(self._study, step),), config, self._estimating))
        return rows if self._search.path else [rows[0], *self._row_of_winner()]

    def _row_of_winner(self) -> list[Row]:
        winner = self._winner
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
        self._pairs = self._important_pairs()
        rows = []
        for pair in self._pairs:
            for first in (False, True):
                for second in (False, True):
                    changes = [sets for sets, other in zip(pair.other, (first, second), strict=True) if other]
                    config = self._configured([Step("", self._winner_sets), *(Step("", one) for one in changes)])
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
        from tune_jobs.standing.search.importance import Effort, functional_anova

        importance = functional_anova(
            data.points,
            data.levels,
            data.values,
            seed=self._search.seed,
            effort=Effort(resamples=_FEW, permutations=_FEW),
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
        winner = self._winner_sets
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


def _ended(record: Record, row: Row) -> bool:
    """Return whether a replicate has failed or got as far as its row reads."""
    if record.outcome == FAILED or row.config is None:
        return True
    patience = row.config.early_stopping_patience
    return record.reading(epochs=row.epochs, patience=patience, read=row.read).outcome != MISSING
