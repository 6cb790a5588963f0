"""Sentences against replicates: what holds, what is contradicted, and what few seeds cannot tell."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from analysis.published.claims import KINDS, Check, Place, Statement
from analysis.published.published import load_published
from analysis.published.verdicts import (
    CANNOT_TELL,
    CONTRADICTED,
    HOLDS,
    NO_TEST,
    StatementResult,
    count_verdicts,
    judge,
)
from analysis.statistics.claim_inference import LEVEL, directed, more_varied, ordered, within_margin
from models.version import STACKED
from tune_jobs.study.load import load_study, shipped_studies
from tune_jobs.study.rows import Row, expand

STUDY = """\
epochs_until: 90
base: {dataset: digits, hidden_units: 8, epochs: 20}
tables:
  - factor: activation
    levels: [relu, tanh, sigmoid]
  - name: grid
    cross: {hidden_layers: [1, 2], hidden_units: [4, 8]}
  - name: houses
    factor: activation
    levels: [relu, tanh]
    base: {dataset: house_prices, objective: gaussian_nll}
"""
# Ten replicates around a level: the same noise for every level, so that pairs differ by less than levels do.
NOISE = np.array([0.3, -0.2, 0.1, 0.0, -0.4, 0.2, 0.5, -0.1, -0.3, 0.05])
OWN = np.array([0.02, -0.01, 0.03, 0.0, -0.02, 0.01, -0.03, 0.04, 0.0, 0.01])
pairs = st.lists(st.tuples(st.floats(-100, 100), st.floats(-100, 100)), min_size=2, max_size=12)


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> Sequence[Row]:
    path: Path = tmp_path_factory.mktemp("study") / "small.yaml"
    path.write_text(STUDY)
    return expand(load_study(str(path)))


def around(mean: float, n: int = 10, spread: float = 1.0, own: float = 1.0) -> list[float]:
    return list(mean + spread * NOISE[:n] + own * OWN[:n] * (mean % 7 - 3))


def replicates(levels: Mapping[str, Sequence[float]], table: str = "activation", **columns: Any) -> pd.DataFrame:
    """Return trials whose metric and validation loss are as given, with a train loss of half the validation loss."""
    regression = table == "houses"
    parts = []
    for level, numbers in levels.items():
        base = {
            "table": table,
            "level": level,
            "seed": range(len(numbers)),
            "outcome": ["completed" if np.isfinite(number) else "diverged" for number in numbers],
            "epoch": [20 if np.isfinite(number) else pd.NA for number in numbers],
            "metric": "rmse" if regression else "accuracy",
            "target_unit": "dollars" if regression else "",
            "train_metric": [number + 1 for number in numbers],
            "validation_metric": list(numbers),
            "train_loss": [number / 2 for number in numbers],
            "validation_loss": list(numbers),
            "train_seconds": list(numbers),
            "epochs_until": [float("nan")] * len(numbers),
        }
        given = {name: value[level] if isinstance(value, dict) else value for name, value in columns.items()}
        parts.append(pd.DataFrame({**base, **given}).astype({"epoch": "Int64"}))
    return pd.concat(parts, ignore_index=True)


def check(kind: str, own: Sequence[str], than: Sequence[str] = (), table: str = "activation", **options: Any) -> Check:
    quantity, feature = options.pop("quantity", "validation_metric"), options.pop("feature", "")
    places = [tuple(Place(table, level) for level in levels) for levels in (own, than)]
    return Check(kind, quantity, *places, numbers=options, feature=feature)


def result(rows: Sequence[Row], trials: pd.DataFrame, *checks: Check, **frames: pd.DataFrame) -> StatementResult:
    return judge([Statement("It is so.", checks=checks)], rows=rows, trials=trials, **frames)[0]


def test_higher_holds_with_its_size_in_words(rows: Sequence[Row]) -> None:
    values = around(97, 3, own=8.0), around(95, 3, own=8.0)  # whose differences vary by more than a row
    trials = replicates({"ReLU": values[0], "Tanh": values[1]})
    found = result(rows, trials, check("higher", ["ReLU"], ["Tanh"]))
    assert found.verdict == HOLDS
    (part,) = found.checks
    differences = np.array(values[0]) - np.array(values[1])
    assert part.p_value == pytest.approx(stats.ttest_1samp(differences, 0, alternative="greater").pvalue)
    half_width = stats.t.ppf(0.975, 2) * stats.sem(differences)
    assert part.effects == (f"+{differences.mean():.2f} ± {half_width:.2f} points against Tanh, n = 3",)
    assert part.words == "validation accuracy: ReLU higher than Tanh (activation)"


def test_the_contrary_contradicts(rows: Sequence[Row]) -> None:
    trials = replicates({"ReLU": around(97), "Tanh": around(95)})
    assert result(rows, trials, check("lower", ["ReLU"], ["Tanh"])).verdict == CONTRADICTED


def test_a_sentence_holds_just_where_the_printed_interval_lies_on_its_side(rows: Sequence[Row]) -> None:
    # The one-sided p values are 0.035 and 0.021; the 95% intervals, +0.83 ± 0.97 and +0.83 ± 0.74.
    for spread, verdict in ((0.39, CANNOT_TELL), (0.298, HOLDS)):
        differences = 0.83 + spread * np.array([-1.0, 0.0, 1.0])
        trials = replicates({"ReLU": list(96 + differences), "Tanh": [96.0] * 3})
        assert result(rows, trials, check("higher", ["ReLU"], ["Tanh"])).verdict == verdict
        includes_zero = differences.mean() - stats.t.ppf(0.975, 2) * stats.sem(differences) < 0
        assert includes_zero == (verdict == CANNOT_TELL)


def test_few_seeds_cannot_tell(rows: Sequence[Row]) -> None:
    trials = replicates({"ReLU": [97.0, 95.5, 96.0], "Tanh": [95.9, 96.0, 95.8]})
    found = result(rows, trials, check("higher", ["ReLU"], ["Tanh"]))
    assert found.verdict == CANNOT_TELL
    assert found.verdict_words == "undecided with 3 seeds"


def test_all_of_several_must_hold(rows: Sequence[Row]) -> None:
    trials = replicates({"ReLU": around(97), "Tanh": around(95), "Sigmoid": around(97)})
    assert result(rows, trials, check("higher", ["ReLU"], ["Tanh", "Sigmoid"])).verdict == CANNOT_TELL
    trials = replicates({"ReLU": around(97), "Tanh": around(95), "Sigmoid": around(98)})
    assert result(rows, trials, check("higher", ["ReLU"], ["Tanh", "Sigmoid"])).verdict == CONTRADICTED


def test_one_test_that_is_contradicted_contradicts_its_sentence(rows: Sequence[Row]) -> None:
    trials = replicates({"ReLU": around(97), "Tanh": around(95)})
    tests = check("higher", ["ReLU"], ["Tanh"]), check("lower", ["ReLU"], ["Tanh"])
    found = result(rows, trials, *tests)
    assert [part.verdict for part in found.checks] == [HOLDS, CONTRADICTED]
    assert found.verdict == CONTRADICTED


def test_sentences_are_judged_by_themselves_and_contradictions_corrected_within_one(rows: Sequence[Row]) -> None:
    trials = replicates({"ReLU": [96.0, 96.0, 96.0], "Tanh": [97.2, 97.6, 98.4], "Sigmoid": [97.2, 97.6, 98.4]})
    one, other = check("higher", ["ReLU"], ["Tanh"]), check("higher", ["ReLU"], ["Sigmoid"])
    assert result(rows, trials, one).verdict == CONTRADICTED, "p = 0.02 by itself"
    statements = [Statement("One.", checks=(one,)), Statement("Two.", checks=(other,))]
    assert [found.verdict for found in judge(statements, rows=rows, trials=trials)] == [CONTRADICTED, CONTRADICTED]
    assert result(rows, trials, one, other).verdict == CANNOT_TELL, "p = 0.04 for either of two"
    flipped = check("higher", ["Tanh"], ["ReLU"]), check("higher", ["Sigmoid"], ["ReLU"])
    assert result(rows, trials, *flipped).verdict == HOLDS, "all of several need no correction"


def test_an_order_is_a_slope_per_step(rows: Sequence[Row]) -> None:
    trials = replicates({"ReLU": around(93), "Tanh": around(95), "Sigmoid": around(97)})
    assert result(rows, trials, check("increasing", ["ReLU", "Tanh", "Sigmoid"])).verdict == HOLDS
    found = result(rows, trials, check("decreasing", ["ReLU", "Tanh", "Sigmoid"]))
    assert found.verdict == CONTRADICTED
    assert found.checks[0].effects[0].startswith("+2.0")
    assert "points per step" in found.checks[0].effects[0]


def test_an_order_is_not_shown_where_a_step_goes_the_other_way(rows: Sequence[Row]) -> None:
    trials = replicates({"ReLU": around(95), "Tanh": around(90), "Sigmoid": around(99)})
    levels = ["ReLU", "Tanh", "Sigmoid"]
    found = result(rows, trials, check("increasing", levels))
    assert found.verdict == CONTRADICTED, "the slope rises, the step from ReLU to Tanh falls"
    (part,) = found.checks
    assert part.words == "validation accuracy: an increasing trend over ReLU → Tanh → Sigmoid (activation)"
    trend, step = part.effects
    assert trend.startswith("+1.99")
    assert "points per step" in trend
    assert step.startswith("but the other way −4.99")
    assert step.endswith("points from ReLU to Tanh, n = 10 (shown)")


def test_an_order_holds_where_the_other_way_is_not_shown(rows: Sequence[Row]) -> None:
    noisy = list(np.array(around(93)) - 0.05 + 0.4 * NOISE[::-1])
    trials = replicates({"ReLU": around(93), "Tanh": noisy, "Sigmoid": around(99)})
    found = result(rows, trials, check("increasing", ["ReLU", "Tanh", "Sigmoid"]))
    assert found.verdict == HOLDS
    assert found.checks[0].effects[1].startswith("but the other way −0.0")
    assert found.checks[0].effects[1].endswith("from ReLU to Tanh, n = 10 (no clear difference)")


def test_steps_are_corrected_together() -> None:
    rng = np.random.default_rng(0)
    wrong = [ordered(rng.normal(size=(5, 6)), 1.0, "", list("abcde")).p_contrary or 0 for _ in range(1000)]
    assert np.mean(np.array(wrong) <= LEVEL) <= 0.04, "of levels that are equal, 2.5% are taken to fall"


def test_an_order_with_one_that_diverged_names_its_steps() -> None:
    values = np.array([[1.0] * 8, [-np.inf] * 8, [2.0] * 8])
    found = ordered(values, 1.0, "points", ["a", "b", "c"])
    assert (found.p_contrary or 1) <= LEVEL
    assert found.p_claim == 1.0
    assert "higher from a to b in 0 of 8 pairs (diverged is worst) (shown)" in found.effects[1]
    assert ordered(values[:, :1], 1.0, "", ["a", "b", "c"]).reason == "one replicate cannot be tested"


@pytest.mark.parametrize(("margin", "verdict"), [(3.0, HOLDS), (1.0, CONTRADICTED), (2.02, CANNOT_TELL)])
def test_equivalence_needs_the_interval_inside_the_margin(rows: Sequence[Row], margin: float, verdict: str) -> None:
    trials = replicates({"ReLU": around(97), "Tanh": list(np.array(around(97)) - 2 + 10 * OWN)})
    found = result(rows, trials, check("equivalent", ["ReLU", "Tanh"], margin=margin))
    assert found.verdict == verdict


def test_a_margin_may_be_a_share(rows: Sequence[Row]) -> None:
    trials = replicates({"ReLU": around(10), "Tanh": around(11)})
    equivalent = check("equivalent", ["ReLU", "Tanh"], quantity="train_seconds", relative_margin=0.2)
    found = result(rows, trials, equivalent)
    assert found.verdict == HOLDS
    assert found.checks[0].words == "train time: ReLU and Tanh equivalent within 20% (activation)"


@pytest.mark.parametrize(("about", "verdict"), [(6, HOLDS), (3, CONTRADICTED)])
def test_a_ratio_is_near_what_was_said(rows: Sequence[Row], about: float, verdict: str) -> None:
    trials = replicates({"ReLU": list(60 + NOISE), "Tanh": list(10 + OWN)})
    found = result(rows, trials, check("ratio", ["ReLU", "Tanh"], quantity="train_seconds", about=about, within=1.5))
    assert found.verdict == verdict
    assert found.checks[0].effects[0].startswith("6 times")


def test_a_gap_to_training_has_a_direction(rows: Sequence[Row]) -> None:
    trials = replicates({"ReLU": around(97)}, train_metric={"ReLU": list(np.array(around(97)) + 2 + OWN)})
    assert result(rows, trials, check("above", ["ReLU"], quantity="metric_gap", value=1)).verdict == HOLDS
    errors = np.array(around(97))
    trials = replicates({"ReLU": list(errors)}, table="houses", train_metric={"ReLU": list(errors - 2 + OWN)})
    gap = check("above", ["ReLU"], table="houses", quantity="metric_gap", value=1)
    found = result(rows, trials, gap)
    assert found.verdict == HOLDS
    assert "dollars" in found.checks[0].effects[0]


def test_a_gain_is_compared_with_a_gain(rows: Sequence[Row]) -> None:
    levels = {"1, 4": around(90), "1, 8": around(95), "2, 4": around(93), "2, 8": around(94)}
    trials = replicates(levels, table="grid")
    gain = check("gain", ["1, 8", "1, 4"], ["2, 8", "2, 4"], table="grid")
    assert result(rows, trials, gain).verdict == HOLDS


def test_what_varies_more_is_told_from_its_distances(rows: Sequence[Row]) -> None:
    trials = replicates({"ReLU": list(90 + 20 * NOISE), "Tanh": list(97 + OWN)})
    assert result(rows, trials, check("more_varied", ["ReLU"], ["Tanh"])).verdict == HOLDS


def test_a_test_of_spread_needs_five_replicates(rows: Sequence[Row]) -> None:
    for n, verdict in ((3, CANNOT_TELL), (4, CANNOT_TELL), (10, HOLDS)):
        trials = replicates({"ReLU": list(90 + 20 * NOISE[:n]), "Tanh": list(97 + OWN[:n])})
        found = result(rows, trials, check("more_varied", ["ReLU"], ["Tanh"]))
        assert found.verdict == verdict
        if n < 5:
            assert found.checks[0].reason == f"a test of spread needs at least 5 replicates, there are {n}"
            assert found.verdict_words == CANNOT_TELL


@pytest.mark.parametrize(("n", "least"), [(5, 0.001), (10, 0.01)])
def test_equal_spreads_are_seldom_taken_to_differ(n: int, least: float) -> None:
    rng = np.random.default_rng(0)
    shared = rng.normal(size=(4000, 1, n))
    samples = np.sqrt(0.5) * shared + np.sqrt(0.5) * rng.normal(size=(4000, 2, n))
    shown = np.mean([(more_varied(own, against, "", "").p_claim or 1) <= LEVEL for own, against in samples])
    assert least <= shown <= 0.03


@pytest.mark.parametrize(
    ("reached", "kind", "verdict"),
    [
        (10, "reaches", HOLDS),
        (10, "never_reaches", CONTRADICTED),
        (6, "reaches", CANNOT_TELL),
        (0, "reaches", CONTRADICTED),
    ],
)
def test_most_runs_reach_the_target_or_do_not(rows: Sequence[Row], reached: int, kind: str, verdict: str) -> None:
    until = [5.0] * reached + [float("nan")] * (10 - reached)
    trials = replicates({"ReLU": around(97)}, epochs_until={"ReLU": until})
    found = result(rows, trials, check(kind, ["ReLU"], quantity="epochs_until"))
    assert found.verdict == verdict
    assert found.checks[0].effects[0].startswith(f"reached by {reached} of 10")


def test_never_is_later_than_the_last_epoch(rows: Sequence[Row]) -> None:
    until = {"ReLU": [18.0, 19.0, 20.0, 19.0, 20.0], "Tanh": [float("nan")] * 5}
    trials = replicates({"ReLU": around(97, 5), "Tanh": around(95, 5)}, epochs_until=until)
    found = result(rows, trials, check("lower", ["ReLU"], ["Tanh"], quantity="epochs_until"))
    assert found.verdict == HOLDS
    assert found.checks[0].effects[0].startswith("−1.8 ")
    assert found.checks[0].words == (
        "epochs until the target: ReLU lower than Tanh (activation); never reached in 5 of 5 of Tanh, which counts as "
        "one epoch after the last"
    )


def test_uncertainty_that_rises_with_an_input(rows: Sequence[Row]) -> None:
    trials = replicates({"ReLU": around(97, 5)}, table="houses")
    rises = check("rises_with", ["ReLU"], table="houses", quantity="", feature="OverallQual")
    assert result(rows, trials, rises).checks[0].reason == "no predictions were kept"
    correlations = pd.DataFrame(
        {
            "table": "houses",
            "level": "ReLU",
            "seed": range(5),
            "feature": "OverallQual",
            "correlation": [0.4, 0.5, 0.45, 0.5, 0.4],
        }
    )
    assert result(rows, trials, rises, correlations=correlations).verdict == HOLDS


def test_a_replicate_that_diverged_is_worse_than_any_number(rows: Sequence[Row]) -> None:
    diverged = [*around(99)[:5], *[float("nan")] * 5]
    trials = replicates({"ReLU": around(97), "Tanh": diverged})
    found = result(rows, trials, check("higher", ["ReLU"], ["Tanh"]))
    assert found.verdict == CANNOT_TELL
    assert found.checks[0].effects == ("higher against Tanh in 5 of 10 pairs (diverged is worst)",)
    trials = replicates({"ReLU": around(97), "Tanh": [float("nan")] * 10})
    assert result(rows, trials, check("higher", ["ReLU"], ["Tanh"])).verdict == HOLDS
    assert result(rows, trials, check("increasing", ["Tanh", "ReLU"])).verdict == HOLDS
    lower = check("lower", ["ReLU"], ["Tanh"], quantity="validation_loss")
    assert result(rows, trials, lower).verdict == HOLDS
    time = check("lower", ["ReLU"], ["Tanh"], quantity="train_seconds")
    assert result(rows, trials, time).checks[0].reason == "Tanh: diverged in 10 of 10"


def test_what_failed_or_was_not_run_is_not_tested(rows: Sequence[Row]) -> None:
    trials = replicates({"ReLU": around(97, 3), "Tanh": around(95, 3)}, outcome={"ReLU": "completed", "Tanh": "failed"})
    assert result(rows, trials, check("higher", ["ReLU"], ["Tanh"])).checks[0].reason == "Tanh: failed"
    trials = replicates({"ReLU": around(97, 3)})
    found = result(rows, trials, check("higher", ["ReLU"], ["Tanh"]))
    assert found.checks[0].reason == "not run yet"
    assert found.verdict_words == CANNOT_TELL


def test_one_replicate_cannot_be_tested(rows: Sequence[Row]) -> None:
    trials = replicates({"ReLU": [97.0], "Tanh": [95.0]})
    (part,) = result(rows, trials, check("higher", ["ReLU"], ["Tanh"])).checks
    assert (part.p_value, part.reason) == (None, "one replicate cannot be tested")


@pytest.mark.parametrize("kind", ["higher", "lower", "increasing", "above"])
def test_one_replicate_that_diverged_cannot_be_tested_either(rows: Sequence[Row], kind: str) -> None:
    trials = replicates({"ReLU": [97.0], "Tanh": [float("nan")]})
    levels = {"increasing": (["ReLU", "Tanh"], []), "above": (["Tanh"], [])}.get(kind, (["ReLU"], ["Tanh"]))
    options = {"value": 90.0} if kind == "above" else {}
    (part,) = result(rows, trials, check(kind, *levels, **options)).checks
    assert (part.verdict, part.p_value, part.reason) == (CANNOT_TELL, None, "one replicate cannot be tested")
    assert "in " in part.effects[0]


def test_a_number_that_is_not_finite_is_worse_than_any() -> None:
    found = directed(np.array([1.0, np.inf, 2.0]), np.array([0.0, 0.0, 0.0]), 1.0, "", "against it")
    assert found.effects == ("higher against it in 3 of 3 pairs (diverged is worst)",)


def test_a_test_loss_that_is_not_finite_is_worse_than_any(rows: Sequence[Row]) -> None:
    trials = replicates({"ReLU": around(97), "Tanh": around(95)})
    tests = pd.concat(
        pd.DataFrame(
            {"table": "activation", "level": level, "seed": range(10), "test_metric": 95.0, "test_loss": [loss] * 10}
        )
        for level, loss in (("ReLU", 0.1), ("Tanh", float("nan")))
    )
    lower = check("lower", ["ReLU"], ["Tanh"], quantity="test_loss")
    assert result(rows, trials, lower, tests=tests).verdict == HOLDS
    assert result(rows, trials, lower).checks[0].reason == "not run yet"


def test_gaps_that_are_not_finite_are_not_tested(rows: Sequence[Row]) -> None:
    trials = replicates({"ReLU": around(97), "Tanh": around(95)}, train_loss={"ReLU": 0.1, "Tanh": float("nan")})
    gap = check("higher", ["Tanh"], ["ReLU"], quantity="loss_gap")
    assert result(rows, trials, gap).checks[0].reason == "Tanh: not finite in 10 of 10"


def test_equal_differences_of_three_claim_nothing(rows: Sequence[Row]) -> None:
    trials = replicates({"ReLU": [97.0, 96.0, 95.0], "Tanh": [96.0, 95.0, 94.0]})
    assert result(rows, trials, check("higher", ["ReLU"], ["Tanh"])).verdict == CANNOT_TELL


@pytest.mark.parametrize(("kind", "levels"), [("higher", (["ReLU"], ["Tanh"])), ("decreasing", (["ReLU", "Tanh"], []))])
def test_differences_of_three_that_vary_by_one_row_claim_nothing(
    rows: Sequence[Row], kind: str, levels: tuple[list[str], list[str]]
) -> None:
    """A t test of 5, 5 and 6 rows of 360 has p = 0.004."""
    row = 100 / 360
    trials = replicates({"ReLU": [97.0, 96.0, 95.0], "Tanh": [97.0 - 5 * row, 96.0 - 5 * row, 95.0 - 6 * row]})
    found = result(rows, trials, check(kind, *levels))
    assert found.verdict == CANNOT_TELL
    assert found.checks[0].p_value == pytest.approx(1 / 8), "of the sign test, one-sided"
    assert "±" not in found.checks[0].effects[0]


def test_pairs_are_those_of_the_seeds_that_both_have(rows: Sequence[Row]) -> None:
    trials = replicates({"ReLU": around(97, 6), "Tanh": around(95, 4)})
    assert result(rows, trials, check("higher", ["ReLU"], ["Tanh"])).checks[0].n == 4


def test_a_star_is_the_mean_of_the_cells_that_are_shared(rows: Sequence[Row]) -> None:
    trials = replicates({"1, 4": around(90), "1, 8": around(95), "2, 8": around(99)}, table="grid")
    found = result(rows, trials, check("higher", ["*, 8"], ["*, 4"], table="grid"))
    expected = np.array(around(95)) - np.array(around(90))
    assert found.checks[0].effects[0].startswith(f"+{expected.mean():.3f}")


def test_a_sentence_without_tests_is_not_tested(rows: Sequence[Row]) -> None:
    trials = replicates({"ReLU": around(97)})
    found = judge([Statement("It is so.", because="no table")], rows=rows, trials=trials)
    assert found[0].verdict == NO_TEST
    assert count_verdicts(found) == {HOLDS: 0, CONTRADICTED: 0, CANNOT_TELL: 0, NO_TEST: 1}


def test_every_kind_of_test_is_used_by_a_shipped_study_and_can_be_judged() -> None:
    used = set()
    for name in shipped_studies():
        study = load_study(name)
        if published := load_published(study):
            trials = replicates({"ReLU": around(97)}).iloc[:0]
            results = judge(published.statements, rows=expand(study), trials=trials)
            parts = [part for result in results for part in result.checks]
            assert {part.reason for part in parts} <= {"not run yet", "no predictions were kept"}
            used |= {part.check.kind for part in parts}
    assert used == set(KINDS)


@given(pairs)
def test_a_claim_and_its_contrary_never_both_hold(values: list[tuple[float, float]]) -> None:
    own, against = np.array(values).T
    for sign in (1.0, -1.0):
        found = directed(own, against, sign, "", "")
        assert max(found.p_claim or 0, found.p_contrary or 0) >= 0.5
        assert min(found.p_claim or 0, found.p_contrary or 0) >= 0


@given(pairs, st.floats(-50, 50))
def test_a_test_does_not_depend_on_where_the_values_lie(values: list[tuple[float, float]], shift: float) -> None:
    own, against = np.round(np.array(values), 3).T
    before, after = directed(own, against, 1.0, "", ""), directed(own + shift, against + shift, 1.0, "", "")
    assert after.p_claim == pytest.approx(before.p_claim, abs=1e-3)


@given(pairs, st.floats(0.1, 50))
def test_equivalence_is_the_95_percent_interval_inside_the_margin(
    values: list[tuple[float, float]], margin: float
) -> None:
    own, against = np.round(np.array(values), 2).T
    differences = own - against
    spread = differences.std(ddof=1)
    if spread < 1e-6:
        return
    half_width = stats.t.ppf(0.975, len(differences) - 1) * stats.sem(differences)
    reach = abs(differences.mean()) + half_width
    if abs(reach - margin) > 1e-6:
        found = within_margin(differences, margin, "", "", 1.0)
        assert ((found.p_claim or 0) <= LEVEL) == (reach < margin)


def test_a_time_that_a_stack_shares_tells_nothing(rows: Sequence[Row]) -> None:
    stacked = [replace(row, mode=STACKED) if row.labels == ("Tanh",) else row for row in rows]
    trials = replicates({"ReLU": around(20), "Tanh": around(10)})
    slower = check("higher", ["ReLU"], ["Tanh"], quantity="train_seconds")
    assert result(rows, trials, slower).verdict == HOLDS
    found = result(stacked, trials, slower)
    assert found.verdict == CANNOT_TELL
    assert found.checks[0].reason.startswith("Tanh trained in a stack, whose time its trainings share; `--stack off`")
    assert result(stacked, trials, check("higher", ["ReLU"], ["Tanh"])).verdict == HOLDS
