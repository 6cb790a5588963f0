"""Trials of an earlier engine: named and trained again; those of the other mode stay valid."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from models.version import ENGINE_VERSIONS, SINGLE, STACKED
from tune_jobs.ledger.record import Record, encode_fields
from tune_jobs.standing.stale import may_be_stale, stale_trials
from tune_jobs.trial import key
from tune_jobs.trial.config import TrialConfig
from tune_jobs.trial.key import trajectory, trial_key
from tune_jobs.trial.trial import Trial


def trial(mode: str) -> Trial:
    config = TrialConfig(epochs=3)
    return Trial(trial_key(config, "data", mode), config, 3, frozenset({3}), mode=mode)


def test_a_trial_of_an_earlier_engine_is_named(make_record: Callable[..., Record]) -> None:
    mine = trial(STACKED)
    record = make_record(
        key="older", fields=encode_fields(trajectory(mine.config)), execution_mode=STACKED, engine_version=1
    )
    assert may_be_stale(mine)
    (stale,) = stale_trials([mine], {record.key: record})
    assert (stale.record, stale.changed) == (record, ("the training engine",))
    of_today = replace(record, engine_version=ENGINE_VERSIONS[STACKED])
    assert stale_trials([mine], {record.key: of_today})[0].changed == ("the data of digits",)


@pytest.mark.parametrize("mode", [SINGLE, STACKED])
def test_only_trials_of_its_mode_get_new_keys(mode: str, monkeypatch: pytest.MonkeyPatch) -> None:
    before = {other: trial(other).key for other in (SINGLE, STACKED)}
    monkeypatch.setattr(key, "ENGINE_VERSIONS", {**ENGINE_VERSIONS, mode: ENGINE_VERSIONS[mode] + 1})
    assert {other for other in before if trial(other).key != before[other]} == {mode}
