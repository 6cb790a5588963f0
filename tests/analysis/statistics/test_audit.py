"""The audit of early stopping: exact intervals that cover, weights by what an audited trial stands for."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import beta, hypergeom, spearmanr

from analysis.statistics.audit import audit, finite_total, weighted_rank_correlation
from analysis.statistics.audit_words import audit_words

nan = float("nan")


def trial(rung: float, at_3: float, at_9: float, final: float, **more: Any) -> dict[str, Any]:
    known = {"audited": False, "diverged": False, "saved_epochs": 0.0, "saved_seconds": 0.0}
    return {"rung": rung, "at_3": at_3, "at_9": at_9, "final": final, **known, **more}


def search() -> pd.DataFrame:
    """Return a search of 10 trials: 6 stopped at epoch 3 (3 audited), 2 at epoch 9 (1 audited), 2 survivors."""
    spared = {"saved_epochs": 24.0, "saved_seconds": 240.0}
    later = {"saved_epochs": 18.0, "saved_seconds": 180.0}
    return pd.DataFrame(
        [
            trial(nan, 90.0, 95.0, 97.0),
            trial(nan, 88.0, 94.0, 96.0),
            trial(9, 86.0, 92.0, 95.0, audited=True, **later),
            trial(9, 85.0, 91.0, nan, **later),
            trial(3, 80.0, 93.0, 98.5, audited=True, **spared),
            trial(3, 79.0, 80.0, 85.0, audited=True, **spared),
            trial(3, 78.0, nan, nan, audited=True, diverged=True, **spared),
            trial(3, 77.0, nan, nan, **spared),
            trial(3, 76.0, nan, nan, **spared),
            trial(3, 75.0, nan, nan, **spared),
        ]
    )


def test_a_rung_counts_what_it_stopped_and_what_that_saved() -> None:
    found = audit(search(), higher_is_better=True)
    first, second = found.rungs
    assert (first.epoch, first.arrived, first.stopped, first.audited) == (3, 10, 6, 3)
    assert (second.epoch, second.arrived, second.stopped, second.audited) == (9, 4, 2, 1), "without the audited of 3"
    assert (first.saved_epochs, first.saved_seconds, first.audit_epochs, first.audit_seconds) == (144, 1440, 72, 720)
    assert (found.best_survivor, found.survivors) == (97.0, 2)
    total = found.total
    assert (total.arrived, total.stopped, total.audited, total.beating) == (10, 8, 4, 1)
    assert (total.saved_epochs, total.audit_epochs) == (180, 90)


def test_one_of_three_audited_stands_for_two_of_six() -> None:
    found = audit(search(), higher_is_better=True)
    first = found.rungs[0]
    assert first.beating == 1
    assert first.chance is not None
    assert (first.chance.low, first.chance.high) == pytest.approx(chance(1, 3))
    assert first.would_beat is not None
    assert (first.would_beat.value, first.would_beat.low, first.would_beat.high) == (2.0, 1.0, 4.0)
    assert first.loss == pytest.approx(1.5)
    assert found.rungs[1].loss == 0.0
    assert found.total.would_beat is not None
    assert found.total.would_beat.value == 2.0
    assert found.total.loss == pytest.approx(1.5)


def test_the_direction_is_that_of_the_metric() -> None:
    frame = search()
    for name in ("at_3", "at_9", "final"):
        frame[name] = -frame[name]
    mirrored, plain = audit(frame, higher_is_better=False), audit(search(), higher_is_better=True)
    assert mirrored.rungs == plain.rungs
    assert mirrored.best_survivor == -97.0


def test_a_rung_without_audit_says_so_and_never_nan() -> None:
    frame = search()
    frame.loc[2, "audited"] = False
    found = audit(frame, higher_is_better=True)
    blind = found.rungs[1]
    assert (blind.chance, blind.would_beat, blind.loss, blind.correlation) == (None, None, None, None)
    assert found.rungs[0].correlation is None, "trials stopped later arrived here too"
    words = audit_words(found, metric="accuracy", unit="%")
    assert "none was audited, and it is not known how good they would have become" in words[1]
    assert "no trial stopped at epoch 9 was audited" in words[0]
    assert "not known (a rung was not audited)" in words[2]
    assert "nan" not in " ".join(words).lower()


def test_without_a_survivor_that_ended_well_there_is_nothing_to_beat() -> None:
    frame = search()
    frame.loc[frame["rung"].isna(), "diverged"] = True
    found = audit(frame, higher_is_better=True)
    assert found.best_survivor is None
    assert found.total.would_beat is None
    words = " ".join(audit_words(found, metric="accuracy", unit="%"))
    assert "no survivor ended well" in words
    assert "nan" not in words.lower()


def test_all_audited_leave_nothing_open() -> None:
    frame = search()
    stopped = frame["rung"].notna()
    frame.loc[stopped, "audited"] = True
    frame["final"] = frame["final"].fillna(50.0)
    count = audit(frame, higher_is_better=True).total.would_beat
    assert count is not None
    assert (count.value, count.low, count.high) == (1, 1, 1)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"rung": 4}, "stopped at epoch 4, but there is no column at_4"),
        ({"rung": nan, "audited": True}, "only stopped trials are audited"),
        ({"final": nan}, "has no final result"),
    ],
)
def test_a_frame_that_contradicts_itself_is_refused(change: dict[str, Any], message: str) -> None:
    frame = search()
    frame.loc[2, list(change)] = list(change.values())
    with pytest.raises(ValueError, match=message):
        audit(frame, higher_is_better=True)
    with pytest.raises(ValueError, match="no column at_<epoch>"):
        audit(frame.drop(columns=["at_3", "at_9"]), higher_is_better=True)


def test_the_interval_of_one_stratum_inverts_the_hypergeometric_test() -> None:
    size, n, hits = 30, 8, 2
    kept = [
        held
        for held in range(hits, size - n + hits + 1)
        if hypergeom.cdf(hits, size, held, n) >= 0.025 and hypergeom.sf(hits - 1, size, held, n) >= 0.025
    ]
    assert finite_total([size], [n], [hits]) == (kept[0], kept[-1])


@given(st.lists(st.tuples(st.integers(0, 12), st.integers(0, 12), st.integers(0, 12)), min_size=1, max_size=3))
def test_the_interval_holds_what_was_seen_and_nothing_impossible(strata: list[tuple[int, int, int]]) -> None:
    sizes = [size for size, _, _ in strata]
    samples = [min(n, size) for size, n, _ in strata]
    hits = [min(k, n) for (_, _, k), n in zip(strata, samples, strict=True)]
    low, high = finite_total(sizes, samples, hits)
    assert sum(hits) <= low <= high <= sum(sizes) - sum(samples) + sum(hits)


@pytest.mark.parametrize("chances", [(0.0, 0.0, 0.0), (0.05, 0.1, 0.3), (0.4, 0.5, 0.6)])
def test_the_interval_of_the_total_covers(chances: tuple[float, ...]) -> None:
    rng = np.random.default_rng(0)
    sizes, samples = (30, 10, 4), (6, 3, 2)
    covered = 0
    for _ in range(150):
        held = [rng.binomial(size, chance) for size, chance in zip(sizes, chances, strict=True)]
        hits = [
            int(rng.hypergeometric(good, size - good, n)) for good, size, n in zip(held, sizes, samples, strict=True)
        ]
        low, high = finite_total(sizes, samples, hits)
        covered += low <= sum(held) <= high
    assert covered / 150 >= 0.95


def chance(hits: int, n: int) -> tuple[float, float]:
    """Return the interval of the chance at a rung that stopped n trials, all audited, of which so many beat."""
    stopped = [trial(3, 80.0, nan, 98.0 if number < hits else 90.0, audited=True) for number in range(n)]
    (rung,) = audit(
        pd.DataFrame([trial(nan, 90.0, nan, 97.0), *stopped]).drop(columns="at_9"), higher_is_better=True
    ).rungs
    assert rung.chance is not None
    return rung.chance.low, rung.chance.high


def test_the_interval_of_the_chance_is_clopper_and_pearsons_and_covers() -> None:
    assert chance(0, 10) == pytest.approx((0.0, 0.3085), abs=1e-4)
    assert chance(10, 10) == pytest.approx((0.6915, 1.0), abs=1e-4)
    for hits, n in ((1, 3), (4, 12), (11, 12)):
        expected = beta.ppf(0.025, hits, n - hits + 1), beta.ppf(0.975, hits + 1, n - hits)
        assert chance(hits, n) == pytest.approx(expected, abs=1e-12)
    hits_of_12 = np.random.default_rng(0).binomial(12, 0.2, size=400)
    intervals = {hits: chance(hits, 12) for hits in {int(k) for k in hits_of_12}}
    assert np.mean([low <= 0.2 <= high for low, high in (intervals[int(k)] for k in hits_of_12)]) >= 0.95


def test_equal_weights_give_spearmans_correlation() -> None:
    rng = np.random.default_rng(0)
    one, other = rng.integers(8, size=(2, 30))
    found = weighted_rank_correlation(one, other, np.full(30, 2.5))
    assert found is not None
    assert found.value == pytest.approx(spearmanr(one, other).statistic)


def test_a_trial_that_stands_for_three_is_three_trials() -> None:
    one, other, stand = [1.0, 2.0, 3.0, 4.0], [2.0, 1.0, 4.0, 3.0], [1, 3, 1, 2]
    found = weighted_rank_correlation(one, other, stand)
    assert found is not None
    assert found.value == pytest.approx(spearmanr(np.repeat(one, stand), np.repeat(other, stand)).statistic)


def test_three_trials_leave_the_correlation_open() -> None:
    found = weighted_rank_correlation([1, 2, 3], [1, 2, 3], [1, 1, 1])
    assert found is not None
    assert (found.low, found.high) == (-1.0, 1.0)
    assert weighted_rank_correlation([1, 1], [1, 2], [1, 1]) is None


@pytest.mark.parametrize("rho", [0.0, 0.6, 0.9])
def test_the_interval_of_the_correlation_covers(rho: float) -> None:
    rng = np.random.default_rng(1)
    truth = 6 / np.pi * np.arcsin(rho / 2)  # Spearman's correlation of two normal variables
    covered, values = 0, []
    for _ in range(250):
        both = rng.multivariate_normal([0, 0], [[1, rho], [rho, 1]], size=40)
        order = np.argsort(-both[:, 0])
        seen = np.concatenate([order[:12], rng.choice(order[12:], 7, replace=False)])
        found = weighted_rank_correlation(both[seen, 0], both[seen, 1], np.repeat([1.0, 4.0], [12, 7]))
        assert found is not None
        covered += found.low <= truth <= found.high
        values.append(found.value)
    assert covered / 250 >= 0.91
    assert np.mean(values) == pytest.approx(truth, abs=0.05), "survivors alone would give a weaker one"
