"""Published numbers against replicates: the interval's coverage, verdicts and the reasons for none."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from analysis.published.comparison import AGREES, DIFFERS, NOT_COMPARABLE, Comparison, compare, count
from analysis.published.published import Convention, Published, PublishedValue
from analysis.statistics.prediction import (
    MOVING_SPLIT,
    OTHER_SPLIT,
    SAME_ROWS,
    prediction_half_width,
)
from analysis.statistics.proportions import binomial_variance
from tune_jobs.study.load import load_study
from tune_jobs.study.model import Study
from tune_jobs.study.rows import expand

STUDY = """\
splits: validation
base: {dataset: usps, network: mlp, hidden_units: 8, epochs: 4}
tables:
  - factor: activation
    levels: [relu, tanh]
  - name: fixed
    factor: batch_size
    levels: [32]
    splits: fixed
  - name: houses
    factor: hidden_units
    levels: [8, 16, 32]
    splits: outer
    base: {dataset: house_prices, objective: gaussian_nll}
  - name: houses_fixed
    factor: hidden_units
    levels: [8]
    splits: fixed
    base: {dataset: house_prices, objective: gaussian_nll}
final: {hidden_units: 16}
"""
FINAL = "Final configuration"
values = st.lists(st.floats(-1e3, 1e3), min_size=2, max_size=12)
Build = Callable[..., Comparison]


def replicates(table: str, level: str, numbers: Sequence[float], **columns: Any) -> pd.DataFrame:
    regression = table.startswith("houses")
    n = len(numbers)
    base: dict[str, Any] = {
        "table": table,
        "level": level,
        "seed": range(n),
        "key": [f"{table} {level} {seed}" for seed in range(n)],
        "outcome": "completed",
        "reason": "",
        "epoch": 4,
        "metric": "rmse" if regression else "accuracy",
        "target_unit": "dollars" if regression else "",
        **{name: list(numbers) for name in ("train_metric", "validation_metric", "train_loss", "validation_loss")},
        "train_seconds": list(numbers),
    }
    return pd.DataFrame({**base, **columns}).astype({"epoch": "Int64"})


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Study:
    path: Path = tmp_path_factory.mktemp("study") / "small.yaml"
    path.write_text(STUDY)
    return load_study(str(path))


@pytest.fixture
def build(study: Study) -> Build:
    def built(*parts: pd.DataFrame, printed: Sequence[PublishedValue], **options: Any) -> Comparison:
        tests = options.pop("tests", pd.DataFrame(columns=["table", "level", "seed", "test_metric", "test_loss"]))
        chosen = options.pop("study", study)
        published = Published("A report", "report.yaml", tuple(printed), **options)
        return compare(published, study=chosen, rows=expand(chosen), trials=pd.concat(parts), tests=tests)

    return built


def printed(table: str, level: str, value: float, quantity: str = "validation_metric") -> PublishedValue:
    return PublishedValue(table, level, quantity, value, 2)


def test_without_known_noise_the_interval_is_students() -> None:
    numbers = [97.1, 98.4, 96.9]
    expected = stats.t.ppf(0.975, 2) * np.std(numbers, ddof=1) * np.sqrt(4 / 3)
    assert prediction_half_width(numbers) == pytest.approx(expected)
    assert prediction_half_width(numbers, noise=SAME_ROWS, binomial=9.0) == pytest.approx(expected)


def test_replicates_that_agree_by_accident_are_as_noisy_as_their_rows() -> None:
    known = binomial_variance(95.0, 1291)
    assert known == pytest.approx(95 * 5 / 1291, rel=0.03)
    expected = stats.norm.ppf(0.975) * np.sqrt(known * 4 / 3)
    assert prediction_half_width([95.0, 95.0, 95.0], binomial=known) == pytest.approx(expected)


def test_another_split_than_the_one_shared_adds_its_noise_and_ours() -> None:
    assert prediction_half_width([95.0, 95.0], noise=OTHER_SPLIT, binomial=2.0) == pytest.approx(1.96 * 2, rel=1e-3)


@pytest.mark.parametrize("numbers", [[1.0], [], [1.0, float("nan")], [[1.0, 2.0]]])
def test_one_replicate_has_no_prediction_interval(numbers: list[float]) -> None:
    with pytest.raises(ValueError, match="not at least two finite numbers"):
        prediction_half_width(numbers)


@pytest.mark.parametrize("noise", [MOVING_SPLIT, OTHER_SPLIT, SAME_ROWS])
@pytest.mark.parametrize("n", [3, 10])
@pytest.mark.parametrize("known", [0.0, 0.5, 0.9])
def test_the_interval_holds_a_new_run_about_as_often_as_it_says(noise: str, n: int, known: float) -> None:
    rng = np.random.default_rng(0)
    shared = np.sqrt(known) if noise == OTHER_SPLIT else 0.0
    own = np.sqrt(1 - shared**2)
    hits = []
    for _ in range(1500):
        ours, new = rng.normal(0, own, n) + rng.normal(0, shared), rng.normal(0, own) + rng.normal(0, shared)
        half_width = prediction_half_width(ours, noise=noise, binomial=0.0 if noise == SAME_ROWS else known)
        hits.append(abs(new - ours.mean()) <= half_width)
    assert 0.90 <= np.mean(hits) <= 0.98


@given(values, st.floats(-100, 100), st.floats(0, 10), st.sampled_from([MOVING_SPLIT, OTHER_SPLIT, SAME_ROWS]))
def test_the_interval_does_not_depend_on_where_the_values_lie(
    numbers: list[float], shift: float, known: float, noise: str
) -> None:
    before = prediction_half_width(numbers, noise=noise, binomial=known)
    after = prediction_half_width([number + shift for number in numbers], noise=noise, binomial=known)
    assert after == pytest.approx(before, rel=1e-4, abs=1e-6)


def test_a_number_agrees_inside_the_interval_and_half_a_digit_beyond(build: Build) -> None:
    numbers = [30.0, 31.0, 32.0]
    half_width = prediction_half_width(numbers)
    found = build(
        replicates("houses", "8", numbers),
        replicates("houses", "16", numbers),
        replicates("houses", "32", numbers),
        printed=[
            printed("houses", "8", 31.0),
            printed("houses", "16", 31.0 + half_width + 0.004),
            printed("houses", "32", 31.0 + half_width + 0.006),
        ],
    )
    assert [line.verdict for line in found.lines] == [AGREES, AGREES, DIFFERS]
    assert found.lines[2].difference == pytest.approx(-half_width - 0.006)
    assert found.lines[0].unit == "dollars"


@given(shift=st.floats(-50, 50), value=st.floats(20, 40))
def test_a_verdict_on_errors_is_the_same_wherever_they_lie(study: Study, shift: float, value: float) -> None:
    rows, tests = expand(study), pd.DataFrame(columns=["table", "level", "seed", "test_metric", "test_loss"])
    verdicts = []
    for move in (0.0, shift):
        trials = replicates("houses", "8", [30.0 + move, 31.0 + move, 32.5 + move])
        published = Published("", "", (PublishedValue("houses", "8", "validation_metric", value + move, 2),))
        verdicts.append(compare(published, study=study, rows=rows, trials=trials, tests=tests).lines[0])
    reach = (verdicts[0].half_width or 0) + 0.005
    if abs(abs(verdicts[0].difference or 0) - reach) > 1e-6:
        assert verdicts[0].verdict == verdicts[1].verdict


def test_accuracies_have_the_noise_of_their_rows(build: Build) -> None:
    numbers = [95.0, 95.0, 95.0]
    found = build(
        replicates("activation", "ReLU", numbers),
        printed=[printed("activation", "ReLU", 95.9), printed("activation", "ReLU", 95.9, "train_metric")],
    )
    validation, train = found.lines
    assert validation.verdict == AGREES
    known = binomial_variance(95.0, 1291)
    assert validation.half_width == pytest.approx(prediction_half_width(numbers, binomial=known))
    assert train.verdict == DIFFERS


def test_training_parts_share_most_of_their_rows(build: Build) -> None:
    numbers = [95.0, 95.0, 95.0]
    printed_values = [printed("activation", "ReLU", 95.0, "train_metric"), printed("fixed", "32", 95.0, "train_metric")]
    moving, fixed = build(
        replicates("activation", "ReLU", numbers), replicates("fixed", "32", numbers), printed=printed_values
    ).lines
    known = binomial_variance(95.0, 6000) * 1291 / 7291
    assert moving.half_width == pytest.approx(prediction_half_width(numbers, binomial=known))
    assert fixed.half_width == pytest.approx(prediction_half_width(numbers, noise=OTHER_SPLIT, binomial=known))


def test_the_overlap_is_what_two_training_parts_have_in_common() -> None:
    """Rows are right or wrong in every run alike: only which rows are drawn moves the share."""
    rng = np.random.default_rng(0)
    right = rng.random(7291) < 0.95
    shares = [100 * right[rng.permutation(7291)[:6000]].mean() for _ in range(3000)]
    assert binomial_variance(95.0, 6000, overlap=6000 / 7291) == pytest.approx(np.var(shares), rel=0.12)


@pytest.mark.parametrize(
    ("ours", "printed_value", "verdict"), [(100, 100, AGREES), (100, 99.9, AGREES), (0, 2, DIFFERS)]
)
def test_there_is_noise_at_the_boundary_too(build: Build, ours: float, printed_value: float, verdict: str) -> None:
    found = build(replicates("activation", "ReLU", [ours] * 3), printed=[printed("activation", "ReLU", printed_value)])
    (line,) = found.lines
    assert line.verdict == verdict
    assert line.half_width == pytest.approx(1.96 * np.sqrt(binomial_variance(ours, 1291) * 4 / 3), rel=1e-3)
    assert 0.1 < line.half_width < 0.5


def test_a_split_that_stays_adds_that_of_the_report(build: Build) -> None:
    numbers = [95.0, 95.1, 95.2]
    (line,) = build(replicates("fixed", "32", numbers), printed=[printed("fixed", "32", 95.0)]).lines
    expected = prediction_half_width(numbers, noise=OTHER_SPLIT, binomial=binomial_variance(95.1, 1291))
    assert line.half_width == pytest.approx(expected)


def test_the_test_set_is_the_same_rows(build: Build) -> None:
    numbers = [95.0, 95.1, 95.3]
    tests = pd.DataFrame({"table": "final", "level": FINAL, "seed": range(3), "test_metric": numbers, "test_loss": 0.1})
    trials, value = replicates("final", FINAL, [97.0] * 3), printed("final", FINAL, 95.2, "test_metric")
    (line,) = build(trials, printed=[value], tests=tests).lines
    assert line.half_width == pytest.approx(prediction_half_width(numbers, noise=SAME_ROWS))
    assert line.verdict == AGREES
    (line,) = build(trials, printed=[value]).lines
    assert line.reason == "not evaluated on the test set yet"


@pytest.mark.parametrize(
    ("sixteen", "thirty_two", "wide"), [(31.5, 90.0, True), (80.0, 90.0, False), (30.5, 90.0, False)]
)
def test_an_interval_that_takes_half_of_the_other_levels_is_flagged(
    build: Build, sixteen: float, thirty_two: float, wide: bool
) -> None:
    found = build(
        replicates("houses", "8", [30.0, 31.0, 32.0]),
        printed=[printed("houses", "8", 30.5), printed("houses", "16", sixteen), printed("houses", "32", thirty_two)],
    )
    line = found.lines[0]
    assert (line.verdict, line.too_wide) == (AGREES, wide), "one level far away does not make an interval narrow"
    assert ("too wide to say much" in line.note) == wide
    assert count(found.lines).too_wide == int(wide)


@pytest.mark.parametrize(
    ("table", "level", "numbers", "value", "quantity", "wide"),
    [
        ("final", FINAL, [97.0, 98.0, 97.5], 98.3, "validation_metric", True),
        ("final", FINAL, [97.5, 97.6, 97.5], 97.5, "validation_metric", False),
        ("final", FINAL, [99.9, 99.95, 99.9], 99.98, "validation_metric", False),
        ("final", FINAL, [60.0, 61.0, 62.0], 60.0, "validation_metric", True),
        ("houses", "8", [30.0, 31.0, 32.0], 31.0, "validation_metric", False),
        ("houses", "8", [20.0, 31.0, 42.0], 31.0, "validation_metric", True),
        ("houses", "8", [0.2, 0.3, 0.4], 0.3, "validation_loss", True),
    ],
)
def test_an_interval_of_a_lone_number_is_held_against_the_number(
    build: Build, table: str, level: str, numbers: list[float], value: float, quantity: str, wide: bool
) -> None:
    (line,) = build(replicates(table, level, numbers), printed=[printed(table, level, value, quantity)]).lines
    assert (line.verdict, line.too_wide) == (AGREES, wide)


def test_replicates_in_two_heaps_have_no_normal_interval(build: Build) -> None:
    (line,) = build(
        replicates("activation", "ReLU", [10.0, 96.0, 97.0]), printed=[printed("activation", "ReLU", 95)]
    ).lines
    assert line.note.endswith("accuracies from 10.00 to 97.00%, which no normal interval describes")


@pytest.mark.parametrize("lost", [float("nan"), float("inf")])
def test_what_is_not_finite_is_not_averaged_alone(build: Build, lost: float) -> None:
    tests = pd.DataFrame(
        {"table": "final", "level": FINAL, "seed": range(3), "test_metric": [95.0, lost, 95.0], "test_loss": 0.1}
    )
    trials, value = replicates("final", FINAL, [97.0] * 3), printed("final", FINAL, 95.2, "test_metric")
    (line,) = build(trials, printed=[value], tests=tests).lines
    assert (line.verdict, line.reason, line.detail) == (NOT_COMPARABLE, "not finite", "not finite in 1 of 3")
    (line,) = build(replicates("houses", "8", [0.1, lost]), printed=[printed("houses", "8", 0.1, "train_loss")]).lines
    assert line.reason == "not finite"


@pytest.mark.parametrize(
    ("trials", "quantity", "reason"),
    [
        (replicates("activation", "ReLU", [95.0, 96.0]), "train_seconds", "other hardware"),
        (replicates("activation", "ReLU", [95.0]), "validation_metric", "one replicate has no interval"),
        (replicates("activation", "ReLU", [], outcome=[], epoch=[]), "validation_metric", "not run yet"),
        (
            replicates("activation", "ReLU", [float("nan")] * 2, outcome="missing", epoch=pd.NA),
            "validation_metric",
            "not run yet",
        ),
        (
            replicates("activation", "ReLU", [95.0, float("nan")], outcome=["completed", "diverged"], epoch=[4, pd.NA]),
            "validation_metric",
            "diverged",
        ),
        (
            replicates("activation", "ReLU", [95.0, float("nan")], outcome=["completed", "failed"], epoch=[4, pd.NA]),
            "validation_metric",
            "failed",
        ),
    ],
)
def test_what_cannot_be_compared_says_why(build: Build, trials: pd.DataFrame, quantity: str, reason: str) -> None:
    found = build(trials, printed=[printed("activation", "ReLU", 95.0, quantity)])
    assert [(line.verdict, line.reason) for line in found.lines] == [(NOT_COMPARABLE, reason)]
    assert count(found.lines).not_comparable == {reason: 1}


def test_errors_on_one_split_are_not_compared(build: Build) -> None:
    (line,) = build(replicates("houses_fixed", "8", [30.0, 31.0]), printed=[printed("houses_fixed", "8", 30.0)]).lines
    assert line.reason == "all replicates share one split"


def test_a_varied_base_is_not_compared(build: Build, study: Study) -> None:
    varied = replace(study, overrides={"learning_rate": 0.1})
    trials = replicates("activation", "ReLU", [95.0, 96.0])
    (line,) = build(trials, printed=[printed("activation", "ReLU", 95.0)], study=varied).lines
    assert line.detail == "the base configuration was changed: learning_rate=0.1"


def test_a_quick_look_is_not_compared(build: Build, study: Study) -> None:
    trials = replicates("activation", "ReLU", [95.0, 96.0])
    quick = replace(study, fraction=0.5)
    (line,) = build(trials, printed=[printed("activation", "ReLU", 95.0)], study=quick).lines
    assert line.detail == "2 of 4 epochs"


CONVENTIONS = (Convention("as ours", 0.0), Convention("shifted", -0.9), Convention("far", 20.0))


def test_losses_are_compared_in_the_convention_that_fits_best(build: Build) -> None:
    found = build(
        replicates("houses", "8", [1.0, 1.1, 1.2]),
        replicates("houses", "16", [1.5, 1.6, 1.7]),
        replicates("activation", "ReLU", [0.2, 0.21, 0.22]),
        printed=[
            printed("houses", "8", 0.2, "validation_loss"),
            printed("houses", "16", 0.7, "validation_loss"),
            printed("activation", "ReLU", 0.21, "validation_loss"),
        ],
        objective="gaussian_nll",
        conventions=CONVENTIONS,
    )
    assert found.convention == "shifted"
    assert [fit.name for fit in found.conventions] == ["shifted", "as ours", "far"]
    assert found.conventions[0].agrees == 2
    assert found.conventions[0].mean_difference == pytest.approx(0, abs=1e-12)
    assert [line.verdict for line in found.lines] == [AGREES] * 3
    assert found.lines[0].estimate is not None
    assert found.lines[0].estimate.mean == pytest.approx(0.2)
    assert "chosen on these same numbers" in found.convention_words


def test_losses_that_no_convention_explains_are_not_compared(build: Build) -> None:
    found = build(
        replicates("houses", "8", [1.0, 1.1, 1.2]),
        printed=[printed("houses", "8", 7.0, "validation_loss")],
        objective="gaussian_nll",
        conventions=CONVENTIONS,
    )
    assert found.convention == ""
    assert [line.verdict for line in found.lines] == [NOT_COMPARABLE]
    assert "cannot be compared: 3 conventions tried" in found.convention_words


def test_verdicts_are_counted_and_repeats_named(build: Build) -> None:
    found = build(
        replicates("houses", "8", [30.0, 31.0, 32.0]),
        replicates("houses", "16", [30.0, 31.0, 32.0], key=["houses 8 0", "houses 8 1", "houses 8 2"]),
        printed=[
            printed("houses", "8", 31.0),
            printed("houses", "16", 31.0),
            printed("houses", "32", 31.0),
            printed("houses", "8", 99.0, "train_metric"),
        ],
    )
    counts = count([*found.lines, *found.lines[:1]])
    assert (counts.agrees, counts.differs, counts.not_comparable) == (3, 1, {"not run yet": 1})
    assert counts.total == 5
    assert counts.repeats == 1
