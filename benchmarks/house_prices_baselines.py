"""Test RMSE of scikit-learn's regressors on the house prices, and of a network search, paired by outer split.

    python benchmarks/house_prices_baselines.py [--data-dir data] [--out report/house_prices]
    python benchmarks/house_prices_baselines.py --fitted report/house_prices/baselines.csv --storage results …

Each regressor is fitted on the development part (training and validation) of each outer split in `SPLITS`, and predicts
the test part. For networks, only `ablatune evaluate` opens a test part, and records it; the baselines choose nothing on
the test part, so this script reads it directly. "Tuned" means a grid search by 5-fold cross-validation within the
development part.

With `--storage` (one or more), the baselines are compared with the networks that validation chose: run and evaluate a
study with `--set outer_split=K` for each split K. If a study opened a test part more than once, the first opening
counts.

Intervals over splits are Student's t, also corrected for the overlap of the splits (Nadeau and Bengio, 2003, Inference
for the generalization error, Machine Learning 52).
"""

import argparse
import csv
import os
import platform
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from math import isfinite, sqrt
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import t as student_t
from sklearn.compose import TransformedTargetRegressor
from sklearn.ensemble import GradientBoostingRegressor, HistGradientBoostingRegressor, RandomForestRegressor
from sklearn.linear_model import LinearRegression, RidgeCV
from sklearn.model_selection import GridSearchCV, KFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import PolynomialFeatures, StandardScaler

from analysis.statistics.intervals import CONFIDENCE, paired_difference
from data_utils import load_test_data, load_trial_data
from tune_jobs.errors import UserError
from tune_jobs.ledger.saved_models import FOLDER, model_name, read_model
from tune_jobs.ledger.test_openings import Reached, read_openings
from tune_jobs.storage.storage import Storage
from tune_jobs.trial.config import TrialConfig
from tune_jobs.trial.data import data_id

# Splits 0 to 9 tested an earlier version of the study; this one was designed on the development part of split 10.
SPLITS = tuple(range(10, 20))
PUBLISHED_DOLLARS = 33_657
FOLDS = 5
NETWORKS, AVERAGED = "networks, mean of replicates", "networks, averaged prediction"

Scores = dict[str, dict[int, float]]


@dataclass(frozen=True)
class Parts:
    """An outer split, in the units of the table: inputs [n, 4] and sale prices [n] in dollars."""

    inputs: NDArray[np.float64]
    prices: NDArray[np.float64]
    test_inputs: NDArray[np.float64]
    test_prices: NDArray[np.float64]


def load_parts(split: int, data_dir: Path) -> Parts:
    """Load the development and the test part of an outer split."""
    options = {"outer_split": split}
    data = load_trial_data("house_prices", data_dir=data_dir, options=options)
    test = load_test_data("house_prices", data_dir=data_dir, options=options)

    def in_units(inputs: NDArray[Any], prices: NDArray[Any]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        # All columns are whole numbers: rounding undoes the standardisation to the last digit.
        whole_inputs = np.rint(inputs.astype(np.float64) * data.input_scale + data.input_offset)
        return whole_inputs, np.rint(prices.astype(np.float64) * data.target_std + data.target_mean)

    development = (
        np.concatenate([data.train_inputs, data.validation_inputs]),
        np.concatenate([data.train_targets, data.validation_targets]),
    )
    return Parts(*in_units(*development), *in_units(test.inputs, test.targets))


def tuned(regressor: Any, seed: int, **grid: Sequence[Any]) -> GridSearchCV:
    """A grid search by cross-validation, refitted on all rows with the best values."""
    folds = KFold(FOLDS, shuffle=True, random_state=seed)
    return GridSearchCV(regressor, grid, cv=folds, scoring="neg_mean_squared_error", n_jobs=-1)


def squares_and_products(_: int) -> Any:
    """Ridge regression of log prices on the inputs, their squares and products, with a cross-validated penalty."""
    ridge = make_pipeline(
        StandardScaler(), PolynomialFeatures(2, include_bias=False), StandardScaler(), RidgeCV(np.logspace(-3, 3, 25))
    )
    return TransformedTargetRegressor(ridge, func=np.log, inverse_func=np.exp)


REGRESSORS: Mapping[str, Callable[[int], Any]] = {
    "linear regression": lambda seed: LinearRegression(),
    "ridge, log prices, squares and products": squares_and_products,
    "gradient boosting": lambda seed: GradientBoostingRegressor(random_state=seed),
    "gradient boosting, tuned": lambda seed: tuned(
        GradientBoostingRegressor(learning_rate=0.05, subsample=0.7, random_state=seed),
        seed,
        max_depth=[2, 3, 4],
        n_estimators=[100, 300],
    ),
    "histogram gradient boosting": lambda seed: HistGradientBoostingRegressor(random_state=seed),
    "histogram gradient boosting, tuned": lambda seed: tuned(
        HistGradientBoostingRegressor(learning_rate=0.05, random_state=seed),
        seed,
        max_leaf_nodes=[4, 8, 16],
        max_iter=[100, 300],
    ),
    "random forest": lambda seed: RandomForestRegressor(random_state=seed),
    "random forest, tuned": lambda seed: tuned(
        RandomForestRegressor(random_state=seed),
        seed,
        max_features=[1, 2, 4],
        min_samples_leaf=[1, 3],
    ),
}


def rmse(predicted: NDArray[np.float64], prices: NDArray[np.float64]) -> float:
    """Root mean squared error of predictions [n] of prices [n]."""
    return float(np.sqrt(np.mean(np.square(predicted - prices))))


def fit_all(data_dir: Path) -> Scores:
    """Fit each regressor on each split; return the test RMSE in dollars, and print how long each took."""
    scores: Scores = {name: {} for name in REGRESSORS}
    for split in SPLITS:
        parts = load_parts(split, data_dir)
        for name, regressor in REGRESSORS.items():
            start = time.perf_counter()
            fitted = regressor(split).fit(parts.inputs, parts.prices)
            seconds = time.perf_counter() - start
            scores[name][split] = rmse(fitted.predict(parts.test_inputs), parts.test_prices)
            found = getattr(fitted, "best_params_", "")
            print(f"split {split}, {name}: {scores[name][split]:,.0f} dollars, fitted in {seconds:.1f} s {found}")
    return scores


def reached_by_networks(uris: Sequence[str], study: str | None, final: str | None, data_dir: Path) -> Scores:
    """Read the test RMSE of the networks that validation chose, for each split that was opened.

    That is the mean RMSE of the replicates and, if all models are kept, the RMSE of their mean prediction.

    Raises:
        UserError: an opening is corrupt, an RMSE is not finite, or there are several studies or finals: name one.
    """
    splits = {data_id(TrialConfig(dataset="house_prices", outer_split=split)): split for split in SPLITS}
    found: dict[int, tuple[Storage, Reached, list[int]]] = {}
    names = set()
    for storage in map(Storage.at, uris):
        for opening in read_openings(storage):
            for reached in opening.tested:
                wanted = study in (None, opening.study) and final in (None, reached.final) and "chosen" in reached.roles
                if not (wanted and opening.finished and reached.fields["dataset"] == "house_prices"):
                    continue
                names.add(f"{opening.study}, {reached.final}")
                for name in dict.fromkeys(reached.data):
                    replicates = [place for place, data in enumerate(reached.data) if data == name]
                    if name in splits:
                        found.setdefault(splits[name], (storage, reached, replicates))
    if len(names) > 1:
        raise UserError(f"--storage: has openings of {'; '.join(sorted(names))}; choose with --study and --final")
    scores: Scores = {NETWORKS: {}, AVERAGED: {}}
    for split, (storage, reached, replicates) in sorted(found.items()):
        metrics = [reached.metrics[place] for place in replicates]
        if not all(map(isfinite, metrics)):
            raise UserError(f"split {split}: the test RMSE of a replicate is not finite, so there is no mean")
        scores[NETWORKS][split] = float(np.mean(metrics))
        print(f"split {split}, {reached.label}: {', '.join(f'{metric:,.0f}' for metric in metrics)} dollars")
        averaged = averaged_prediction(storage, reached, replicates, split, data_dir)
        if averaged is not None:
            scores[AVERAGED][split] = averaged
    return {name: by_split for name, by_split in scores.items() if by_split}


def averaged_prediction(
    storage: Storage, reached: Reached, replicates: Sequence[int], split: int, data_dir: Path
) -> float | None:
    """RMSE of the mean prediction of the replicates; None if a model is not kept."""
    names = [model_name(reached.keys[place], reached.epochs[place]) for place in replicates]
    if not set(names) <= set(storage.names(FOLDER)):
        return None
    parts = load_parts(split, data_dir)
    predictions = [read_model(storage, FOLDER, name).predict(parts.test_inputs) for name in names]
    return rmse(np.mean(predictions, axis=0), parts.test_prices)


def corrected_half_width(differences: NDArray[np.float64], test_rows: int, train_rows: int) -> float:
    """Half-width of the 95% interval of the mean of differences [J] over J overlapping random splits.

    t(0.975; J - 1) · s · √(1/J + test/train): Nadeau and Bengio (2003), the corrected resampled t test.
    """
    quantile = student_t.ppf(0.5 + CONFIDENCE / 2, len(differences) - 1)
    spread = differences.std(ddof=1) * sqrt(1 / len(differences) + test_rows / train_rows)
    return float(quantile * spread)


def score_lines(scores: Scores) -> list[str]:
    """Table of the RMSE by split, the mean, and the share of splits below the published value."""
    width = max(map(len, scores))
    below = f"below {PUBLISHED_DOLLARS:,}"
    lines = [
        f"test RMSE (dollars) by outer split; a published network reached {PUBLISHED_DOLLARS:,}, on an unknown split"
    ]
    lines.append(f"{'':{width}s} " + " ".join(f"{split:>7d}" for split in SPLITS) + f" {'mean':>8s}  {below}")
    for name, by_split in scores.items():
        cells = " ".join(f"{by_split[split]:7,.0f}" if split in by_split else f"{'':7s}" for split in SPLITS)
        under = sum(value < PUBLISHED_DOLLARS for value in by_split.values())
        share = f"{under} of {len(by_split)} ({under / len(by_split):.0%})"
        lines.append(f"{name:{width}s} {cells} {np.mean(list(by_split.values())):8,.0f}  {share}")
    return lines


def difference_lines(scores: Scores, ours: str, *, test_rows: int, train_rows: int) -> list[str]:
    """Differences between a line of the table and each of the others, paired by split."""
    lines = [
        f"{ours} less each other, paired by split (dollars): mean, half-width of the 95% interval over splits, and "
        "corrected for their overlap"
    ]
    for name, by_split in scores.items():
        shared = sorted(set(by_split) & set(scores[ours]))
        if name == ours or len(shared) < 2:
            continue
        values, reference = ([rmses[split] for split in shared] for rmses in (scores[ours], by_split))
        difference = paired_difference(values, reference)
        corrected = corrected_half_width(np.subtract(values, reference), test_rows, train_rows)
        better = sum(one < other for one, other in zip(values, reference, strict=True))
        lines.append(
            f"  {name}: {difference.mean:+,.0f} ± {difference.half_width or 0.0:,.0f} (corrected ± {corrected:,.0f}), "
            f"lower on {better} of {len(shared)} splits"
        )
    return lines


def read_scores(path: Path) -> Scores:
    """Read what `write_scores` wrote."""
    scores: Scores = {}
    with path.open(newline="") as file:
        for row in csv.DictReader(file):
            scores.setdefault(row["regressor"], {})[int(row["outer_split"])] = float(row["test_rmse_dollars"])
    return scores


def write_scores(path: Path, scores: Scores) -> None:
    """Write a line for each regressor and split."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["regressor", "outer_split", "test_rmse_dollars"])
        writer.writerows([name, split, value] for name, by_split in scores.items() for split, value in by_split.items())


def main() -> None:
    """Fit or read the baselines, read the scores of the networks, and print both."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--data-dir", type=Path, default=Path(os.environ.get("ABLATUNE_DATA_DIR", "data")))
    parser.add_argument("--out", type=Path, default=Path("report/house_prices"), help="folder of the CSVs")
    parser.add_argument("--fitted", type=Path, help="a baselines.csv of an earlier run, instead of fitting again")
    parser.add_argument("--storage", nargs="+", default=[], help="storages with openings of the networks")
    parser.add_argument("--study", help="study, if there are openings of several")
    parser.add_argument("--final", help="final configuration, if there are several")
    told = parser.parse_args()
    print(f"{platform.machine()}, scikit-learn {version('scikit-learn')}, numpy {version('numpy')}")
    scores = read_scores(told.fitted) if told.fitted else fit_all(told.data_dir)
    write_scores(told.out / "baselines.csv", scores)
    try:
        networks = reached_by_networks(told.storage, told.study, told.final, told.data_dir)
    except UserError as error:
        sys.exit(str(error))
    parts = load_parts(SPLITS[0], told.data_dir)
    test_rows, train_rows = len(parts.test_prices), len(parts.prices)
    write_scores(told.out / "all.csv", scores | networks)
    print("\n".join(score_lines(scores | networks)))
    for name in networks:
        others = scores | {name: networks[name]}
        print("\n".join(difference_lines(others, name, test_rows=test_rows, train_rows=train_rows)))


if __name__ == "__main__":
    main()
