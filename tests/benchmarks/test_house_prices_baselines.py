from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from house_prices_baselines import (
    AVERAGED,
    NETWORKS,
    averaged_prediction,
    corrected_half_width,
    difference_lines,
    load_parts,
    reached_by_networks,
    read_scores,
    score_lines,
    write_scores,
)

from analysis.statistics.intervals import estimate
from data_utils import load_test_data, load_trial_data
from models.engine import train
from models.saved import from_bytes, to_bytes
from tune_jobs.errors import UserError
from tune_jobs.ledger.saved_models import FOLDER, model_name
from tune_jobs.ledger.test_openings import Opening, Reached, write_opening
from tune_jobs.storage.storage import Storage
from tune_jobs.trial.config import TrialConfig, plain_config

CHOSEN = Reached(
    final="houses",
    roles=("chosen",),
    label="search, best",
    fields={"dataset": "house_prices", "outer_split": 13},
    data=("house_prices(outer split 13)",) * 2,
    seeds=(0, 1),
    keys=("a", "b"),
    epochs=(5, 5),
    metric="rmse",
    unit="dollars",
    metrics=(30_000.0, 32_000.0),
    losses=(0.1, 0.1),
)


def opened(folder: Path, *, when: str = "2026-01-01", study: str = "houses", tested: Reached = CHOSEN) -> str:
    opening = Opening(f"{study}-{when}", study, "", when, "evaluate", [tested], dict.fromkeys(tested.data, "f"))
    write_opening(Storage.at(str(folder)), opening)
    return str(folder)


def test_the_first_opening_of_a_split_counts(tmp_path: Path) -> None:
    opened(tmp_path, when="2026-01-02", tested=replace(CHOSEN, metrics=(1.0, 1.0)))
    uri = opened(tmp_path, when="2026-01-01")
    assert reached_by_networks([uri], None, None, tmp_path) == {NETWORKS: {13: 31_000.0}}


def test_replicates_with_test_parts_of_their_own_are_told_apart(tmp_path: Path) -> None:
    own = replace(CHOSEN, data=("house_prices(outer split 10)", "house_prices(outer split 11)"))
    found = reached_by_networks([opened(tmp_path, tested=own)], None, None, tmp_path)
    assert found[NETWORKS] == {10: 30_000.0, 11: 32_000.0}
    assert AVERAGED not in found


def test_two_studies_must_be_told_apart(tmp_path: Path) -> None:
    opened(tmp_path, study="one")
    uri = opened(tmp_path, study="other")
    with pytest.raises(UserError, match="one, houses; other, houses"):
        reached_by_networks([uri], None, None, tmp_path)
    assert reached_by_networks([uri], "one", None, tmp_path) == {NETWORKS: {13: 31_000.0}}


def test_a_replicate_that_diverged_has_no_mean(tmp_path: Path) -> None:
    uri = opened(tmp_path, tested=replace(CHOSEN, metrics=(30_000.0, float("inf"))))
    with pytest.raises(UserError, match="split 13"):
        reached_by_networks([uri], None, None, tmp_path)


def test_the_correction_only_widens_the_interval() -> None:
    values = np.array([1.0, 3.0, 4.0, 8.0])
    plain = estimate(values).half_width
    assert plain is not None
    assert corrected_half_width(values, 0, 1168) == pytest.approx(plain)
    # √(1/4 + 1/4) is √2 times √(1/4).
    assert corrected_half_width(values, 292, 1168) == pytest.approx(np.sqrt(2) * plain)


def test_scores_are_read_as_they_were_written(tmp_path: Path) -> None:
    scores = {"linear regression": {0: 1.25, 9: 2.5}}
    write_scores(tmp_path / "new" / "scores.csv", scores)
    assert read_scores(tmp_path / "new" / "scores.csv") == scores


def test_the_tables_pair_by_split() -> None:
    scores = {"forest": {0: 34_000.0, 1: 36_000.0, 2: 40_000.0}, NETWORKS: {0: 33_000.0, 1: 34_000.0}}
    assert score_lines(scores)[-1].endswith("1 of 2 (50%)")
    (_, line) = difference_lines(scores, NETWORKS, test_rows=292, train_rows=1168)
    assert "forest: -1,500 ±" in line
    assert line.endswith("lower on 2 of 2 splits")


@pytest.mark.needs_data
def test_parts_are_the_table_again(data_dir: Path) -> None:
    one, other = load_parts(0, data_dir), load_parts(1, data_dir)
    assert sorted([*one.prices, *one.test_prices]) == sorted([*other.prices, *other.test_prices])
    assert set(np.unique(one.inputs[:, 0])) <= set(range(1, 11))  # OverallQual


@pytest.mark.needs_data
def test_the_averaged_prediction_is_at_least_as_good_as_the_mean_of_the_replicates(
    tmp_path: Path, data_dir: Path
) -> None:
    config = TrialConfig(dataset="house_prices", network="mlp", objective="mse", epochs=1, outer_split=13)
    data = load_trial_data("house_prices", data_dir=data_dir, options={"outer_split": 13})
    test = load_test_data("house_prices", data_dir=data_dir, options={"outer_split": 13})
    storage, scores = Storage.at(str(tmp_path)), []
    for key, trained in zip(CHOSEN.keys, train(config, CHOSEN.seeds, data), strict=True):
        content = to_bytes(trained.network, plain_config(config), data)
        storage.write(content, FOLDER, model_name(key, 5))
        scores.append(from_bytes(content).score(test, test.inputs, test.targets)[0])
    alone = [averaged_prediction(storage, CHOSEN, [place], 13, data_dir) for place in range(2)]
    assert alone == pytest.approx(scores, rel=1e-4)
    both = averaged_prediction(storage, CHOSEN, [0, 1], 13, data_dir)
    assert both is not None
    assert both < np.mean(scores)  # the triangle inequality
