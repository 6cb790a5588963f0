"""A study without a manifest trains as the ledger has its trials."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from models.version import SINGLE, STACKED
from tune_jobs.ledger.ledger import Ledger
from tune_jobs.ledger.runs import Manifest, write_manifest
from tune_jobs.standing.kept_modes import with_kept_modes
from tune_jobs.standing.standing import Standing, stand
from tune_jobs.study.load import load_study
from tune_jobs.study.model import Study
from tune_jobs.trial.key import trial_key


@pytest.fixture
def study(tiny_study: Path) -> Study:
    return replace(load_study(str(tiny_study)), modes=dict.fromkeys(("hidden_units", "epochs"), STACKED))


@pytest.fixture
def standing(study: Study, ledger: Ledger, make_record: Callable[..., Any]) -> Callable[..., Standing]:
    def write(singly: int, stacked: int) -> Standing:
        trials = stand(study, ledger, range(2), {"digits": "data"}).trials
        keys = [trial_key(trial.config, "data") for trial in trials[:singly]]
        keys += [trial.key for trial in trials[:stacked]]
        ledger.write(*(make_record(key=key) for key in keys))
        return stand(study, ledger, range(2), {"digits": "data"})

    return write


def modes(standing: Standing) -> set[str]:
    return {trial.mode for trial in standing.trials}


@pytest.mark.parametrize(
    ("singly", "stacked", "mode"), [(0, 0, STACKED), (3, 0, SINGLE), (1, 2, STACKED), (2, 2, STACKED), (2, 1, SINGLE)]
)
def test_most_of_what_there_is_decides(singly: int, stacked: int, mode: str, standing: Callable[..., Standing]) -> None:
    assert modes(with_kept_modes(standing(singly, stacked), "auto")) == {mode}


@pytest.mark.parametrize("stack", [8, 2])
def test_what_was_asked_for_stays(stack: int, standing: Callable[..., Standing]) -> None:
    assert modes(with_kept_modes(standing(3, 0), stack)) == {STACKED}


def test_a_manifest_has_the_last_word(standing: Callable[..., Standing], ledger: Ledger) -> None:
    write_manifest(ledger.storage, Manifest("tiny", {}, 2, {}, modes={"hidden_units": STACKED, "epochs": STACKED}))
    assert modes(with_kept_modes(standing(3, 0), "auto")) == {STACKED}
