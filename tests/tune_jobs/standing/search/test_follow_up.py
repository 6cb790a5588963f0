"""What follows a search, on trials whose scores are known: the audit, the winner, the steps, the pairs."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from tune_jobs.errors import ConfigError
from tune_jobs.ledger.ledger import Contents
from tune_jobs.standing.replicates import RowReader
from tune_jobs.standing.search.audit import audited
from tune_jobs.standing.search.follow_up import FIRST_ESTIMATING_SEED, FollowUp, follow_up
from tune_jobs.study.model import BACK, CONFIRM, PAIRS, STEPS, TRIED
from tune_jobs.study.rows import FIRST_FRESH_SEED, row_trial

FINGERPRINTS = {"digits": "data"}
SPACE = {
    "hidden_units": [8, 16],
    "activation": ["relu", "tanh"],
    "optimizer": ["adam", "nesterov"],
    "momentum": {"choices": [0.5, 0.9], "when": {"optimizer": "nesterov"}},
    "learning_rate": [0.001, 0.01],
}


def score(config: Any) -> float:
    """The best has 16 units, tanh, nesterov with 0.9 and the default rate; tanh pays only beside 16 units."""
    units, tanh = config.hidden_units == 16, config.activation == "tanh"
    nesterov = config.optimizer == "nesterov"
    gain = 5 * units - 3 * tanh + 6 * (units and tanh) - 8 * (config.learning_rate == 0.01)
    return 60.0 + gain + nesterov * (4 if config.momentum == 0.9 else -4)


class Ledger:
    """Trains what is asked for at once, to the known score."""

    def __init__(self, simulation: Any, record_of: Any, value: Callable[[Any], float] = score) -> None:
        self.value = value
        self.record_of = record_of
        self.run = simulation
        self.records = simulation.records

    def read(self, keys: set[str]) -> Contents:
        return Contents({key: record for key, record in self.records.items() if key in keys})

    def follow(self) -> FollowUp:
        fake: Any = self
        return follow_up(self.run.state, RowReader(fake, (0,), FINGERPRINTS))

    def train(self, rows: Any) -> int:
        """Train what rows lack; return how many trials that were."""
        count = 0
        for row in rows:
            for seed in row.seeds:
                trial = row_trial(row, seed, FINGERPRINTS)
                known = self.records.get(trial.key)
                if known is None or known.epochs < trial.epochs:
                    values = [self.value(trial.config)] * trial.epochs
                    self.records[trial.key] = self.record_of(trial, values)
                    count += 1
        return count

    def to_the_end(self) -> FollowUp:
        for _ in range(30):
            after = self.follow()
            if not after.waiting_for:
                return after
            assert self.train(after.rows) > 0, f"{after.waiting_for} waits for nothing"
        raise AssertionError("never ends")


@pytest.fixture
def searched(simulation: Any, record_of: Any) -> Callable[..., Ledger]:
    def make(value: Callable[[Any], float] = score, **search: Any) -> Ledger:
        given = {
            "space": SPACE,
            "scheduler": "none",
            "sampler": "grid",
            "budget": {"trials": 24},
            "seeds": 2,
            "interactions": 0,
            **search,
        }
        run = simulation(**given)
        run.curve = lambda trial: ([value(trial.config)] * trial.epochs, None)
        run.run()
        return Ledger(run, record_of, value)

    return make


def table(after: FollowUp, name: str) -> list[Any]:
    return [row for row in after.rows if row.table == name]


def test_nothing_follows_a_search_that_goes_on(simulation: Any, record_of: Any) -> None:
    run = simulation()
    run.run(lives=8)
    after = Ledger(run, record_of).follow()
    assert after.waiting_for == "the search"
    assert not after.rows


def test_the_winner_by_greedy_steps(searched: Any) -> None:
    after = searched().to_the_end()
    winner = {
        "hidden_units": 16,
        "activation": "tanh",
        "optimizer": "nesterov",
        "momentum": 0.9,
        "learning_rate": 0.001,
    }
    assert after.winner_sets == winner
    assert not after.default_won
    # Units gain 5 at first, then nesterov 4 with its momentum (tanh 3), tanh comes last.
    assert [dict(step.sets) for step in after.steps] == [
        {"hidden_units": 16},
        {"optimizer": "nesterov", "momentum": 0.9},
        {"activation": "tanh"},
    ]
    rows = table(after, STEPS)
    assert [score(row.config) for row in rows] == [60.0, 65.0, 69.0, 72.0]
    assert rows[0].is_default
    assert rows[-1].config == after.winner
    assert len(table(after, TRIED)) == 3 + 2


def test_steps_back_leave_one_factor_out(searched: Any) -> None:
    after = searched().to_the_end()
    assert sorted(score(row.config) for row in table(after, BACK)) == [61.0, 68.0, 69.0]


def test_seeds_that_chose_do_not_estimate(searched: Any) -> None:
    after = searched(seeds=3).to_the_end()
    for name, first in ((CONFIRM, FIRST_FRESH_SEED), (STEPS, FIRST_ESTIMATING_SEED), (BACK, FIRST_ESTIMATING_SEED)):
        assert table(after, name)
        assert all(row.seeds == tuple(range(first, first + 3)) for row in table(after, name))
        assert all(row.moves == ("split_seed",) for row in table(after, name))
    assert all(row.seeds == (FIRST_FRESH_SEED,) for row in table(after, TRIED))


def test_replicates_choose_and_not_the_search(searched: Any) -> None:
    """The second best of the search is the best of the replicates."""

    def value(config: Any) -> float:
        lucky = config.seed == 0 and config.hidden_units == 16
        return score(config) - 9 * (config.hidden_units == 16) + 30 * lucky

    after = searched(value, confirm=20).to_the_end()
    assert after.confirmed[0].values["hidden_units"] == 16
    assert after.winner_sets["hidden_units"] == 8


def test_the_default_wins_where_nothing_is_better(searched: Any) -> None:
    after = searched(
        lambda config: 90.0 if config.hidden_units == 8 and config.optimizer == "adam" else 50.0
    ).to_the_end()
    assert after.default_won
    assert after.steps == []
    assert [row.labels for row in table(after, STEPS)] == [("Default",)]
    assert not table(after, PAIRS)


def test_no_path_and_no_pairs_where_none_are_wanted(searched: Any) -> None:
    after = searched(path=0, interactions=0).to_the_end()
    assert after.steps == []
    assert [row.labels for row in table(after, STEPS)] == [("Default",), ("Winner",)]
    assert not table(after, TRIED) + table(after, BACK) + table(after, PAIRS)


def test_a_step_that_cannot_be_built_yet_waits(searched: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Wide networks go with tanh alone, tanh with wide networks alone: the two are one step in the end."""

    def feasible(config: Any) -> None:
        if (config.hidden_units == 16) != (config.activation == "tanh"):
            raise ConfigError("hidden_units", "needs tanh")

    for module in ("point_trials", "follow_up"):
        monkeypatch.setattr(f"tune_jobs.standing.search.{module}.check_feasible", feasible)
    after = searched().to_the_end()
    assert [step.factor for step in after.steps] == ["optimizer", "hidden_units + activation"]
    assert table(after, STEPS)[-1].config == after.winner
    assert [row.labels[0] for row in table(after, BACK)] == [table(after, TRIED)[0].labels[0]]


def test_pairs_cross_two_factors_of_the_winner(searched: Any) -> None:
    def value(config: Any) -> float:
        return score(config) + 20 * (config.hidden_units == 16 and config.activation == "tanh")

    after = searched(value, interactions=1).to_the_end()
    (pair,) = after.pairs
    rows = table(after, PAIRS)
    assert [row.labels[2:] for row in rows] == [
        ("winner", "winner"),
        ("winner", "other"),
        ("other", "winner"),
        ("other", "other"),
    ]
    assert rows[0].config == after.winner
    assert pair.factors == ("hidden_units", "activation"), "the two that interact most"
    assert [value(row.config) for row in rows] == [92.0, 69.0, 61.0, 64.0]


def test_a_winner_of_a_wider_space_is_still_reached(searched: Any, make_study: Any) -> None:
    one = searched()
    narrow = {name: values for name, values in SPACE.items() if name != "hidden_units"}
    one.run.study = make_study(space=narrow, scheduler="none", budget={"trials": 1}, seeds=2, interactions=0)
    after = one.to_the_end()
    assert after.winner_sets["hidden_units"] == 16
    assert table(after, STEPS)[-1].config == after.winner


def test_the_audit_is_spread_over_the_rungs_and_lets_them_finish(simulation: Any, record_of: Any) -> None:
    run = simulation(budget={"trials": 60}, audit=7, scheduler="asha", seeds=1, confirm=1, path=0, interactions=0)
    state = run.run()
    drawn = audited(state)
    assert len(drawn) == 7
    counts = [sum(one.stopped_at == rung for one in drawn) for rung in (1, 3)]
    assert sorted(counts) == [3, 4]
    assert len(state.stopped) > 20
    ledger = Ledger(run, record_of)
    first = ledger.follow()
    assert first.waiting_for == "stopped trials that the audit trains to the end"
    assert [row.labels for row in first.rows] == [(f"Trial {one.number}",) for one in drawn]
    assert all(row.seeds == (0,) and row.moves == () and row.epochs == 9 for row in first.rows)
    assert {row_trial(row, 0, FINGERPRINTS).key for row in first.rows} == {one.trial.key for one in drawn}
    ledger.train(first.rows)
    after = ledger.follow()
    assert after.waiting_for == "the best trials with fresh seeds"
    assert after.rows[:7] == first.rows, "what the audit trained to the end stays stopped"


def test_a_trial_that_was_let_finish_may_win(simulation: Any, record_of: Any) -> None:
    run = simulation(budget={"trials": 30}, audit=3, seeds=1, confirm=2, path=0, interactions=0)
    best = audited(run.run())[0]
    after = Ledger(run, record_of, lambda config: 99.0 if config == best.trial.config else 98.0).to_the_end()
    assert after.confirmed[0].number == best.number


def test_the_audit_is_stable_when_a_search_goes_on(simulation: Any, make_study: Any) -> None:
    run = simulation(budget={"trials": 40}, audit=6)
    before = {one.number for one in audited(run.run())}
    run.study = make_study(budget={"trials": 44}, audit=6)
    after = {one.number for one in audited(run.run())}
    assert len(before & after) >= 4
    run.study = make_study(budget={"trials": 44}, audit=9)
    assert after <= {one.number for one in audited(run.state)}


def test_a_trial_that_failed_in_the_audit_holds_nothing_up(simulation: Any, record_of: Any) -> None:
    run = simulation(budget={"trials": 30}, audit=2, seeds=1, confirm=1, path=0, interactions=0)
    run.run()
    ledger = Ledger(run, record_of)
    for row in ledger.follow().rows:
        trial = row_trial(row, 0, FINGERPRINTS)
        ledger.records[trial.key] = replace(record_of(trial, []), outcome="failed")
    assert ledger.follow().waiting_for == "the best trials with fresh seeds"


def test_the_default_is_confirmed_once(searched: Any) -> None:
    after = searched(confirm=50).to_the_end()
    keys = [key_of(row) for row in table(after, CONFIRM)]
    assert len(keys) == len(set(keys))
    assert [row.is_default for row in table(after, CONFIRM)].count(True) == 1
    assert len(keys) == 2 * 2 * 3 * 2


def key_of(row: Any) -> str:
    return row_trial(row, 0, FINGERPRINTS).key
