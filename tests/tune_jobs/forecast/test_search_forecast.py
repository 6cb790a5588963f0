"""What a search is expected to train."""

from typing import Any

import pytest

from tune_jobs.forecast.search_forecast import trials_that_follow, trials_to_come
from tune_jobs.standing.search.state import build_state

FINGERPRINTS = {"digits": "data"}


def foreseen(make_study: Any, **search: Any) -> list[Any]:
    return trials_to_come(build_state(make_study(**search), [], FINGERPRINTS))


def total(found: list[Any]) -> tuple[float, float, float]:
    low, expected, high = (sum(getattr(span, end) for _, span in found) for end in ("low", "expected", "high"))
    return low, expected, high


def test_further_seeds_are_foreseen_between_those_of_what_goes_on_and_all(make_study: Any) -> None:
    budget = {"trials": 27}
    one, three = (foreseen(make_study, replicates=count, budget=budget) for count in (1, 3))
    assert [span for trial, span in three if trial.config.seed == 0] == [span for _, span in one]
    low, expected, high = total(three)
    assert low <= expected <= high
    # Rungs after epochs 1 and 3 of 9: 27, 9 and 3 trials. Of what goes on, two more seeds, which begin anew.
    assert total(one)[0] == 27 * 1 + 9 * 2 + 3 * 6
    assert low == total(one)[0] + 2 * (6 * 1 + 3 * (9 + 1 + 3))
    assert len({trial.key for trial, _ in three}) == len(three)


def test_seeds_have_their_splits_and_the_audit_all_of_them(make_study: Any) -> None:
    study = make_study(replicates=2, budget={"trials": 4}, audit=5, scheduler="none", root={"splits": "validation"})
    state = build_state(study, [], FINGERPRINTS)
    found = trials_to_come(state)
    assert {(trial.config.seed, trial.config.split_seed) for trial, _ in found} == {(0, 0), (1, 1)}
    assert total(found) == pytest.approx((72, 72, 72))
    assert len(trials_that_follow(state)["audit"]) == 10
