"""The trials that tell how long a level of a stack takes by itself."""

from dataclasses import replace
from pathlib import Path

import pytest

from models.version import SINGLE, STACKED
from tune_jobs.ledger.ledger import Ledger
from tune_jobs.standing.standing import Standing, stand
from tune_jobs.study.load import load_study
from tune_jobs.trial.key import trial_key


@pytest.fixture
def standing(tiny_study: Path, ledger: Ledger) -> Standing:
    study = load_study(str(tiny_study))
    return stand(replace(study, modes={"hidden_units": STACKED}), ledger, range(2), {"digits": "data"})


def test_one_replicate_of_each_level_in_stacks_trains_alone_with_its_own_key(standing: Standing) -> None:
    stacked = {trial.key: trial for trial in standing.trials if trial.mode == STACKED}
    assert len(stacked) == 4, "two levels, two seeds"
    assert len(standing.alone) == 2
    for key, alone in standing.alone.items():
        assert alone == replace(stacked[key], key=trial_key(alone.config, "data"), mode=SINGLE)
        assert alone.config.seed == 0


def test_they_are_missing_only_if_asked_for(standing: Standing) -> None:
    asked = standing.missing(time_alone=True)
    assert asked[: len(standing.trials)] == standing.missing() == standing.trials
    known = {trial.key for trial in standing.trials}
    assert asked[len(standing.trials) :] == [one for one in standing.alone.values() if one.key not in known] != []


def test_a_trial_that_a_table_trains_singly_anyway_is_wanted_once(tiny_study: Path, ledger: Ledger) -> None:
    study = load_study(str(tiny_study))
    modes = {"hidden_units": STACKED, "epochs": SINGLE}
    standing = stand(replace(study, modes=modes), ledger, range(2), {"digits": "data"})
    wanted = [trial.key for trial in standing.missing(time_alone=True)]
    assert len(wanted) == len(set(wanted))
    assert {trial.key for trial in standing.alone.values()} <= set(wanted)


def test_a_study_without_stacks_has_none(tiny_study: Path, ledger: Ledger) -> None:
    assert stand(load_study(str(tiny_study)), ledger, range(2), {"digits": "data"}).alone == {}
