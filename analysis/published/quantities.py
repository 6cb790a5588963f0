"""The values of a testable quantity, replicate by replicate, paired by seed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import inf, nan

import numpy as np
import pandas as pd

from analysis.frames.outcomes import DIVERGED, OUTCOMES_WITHOUT_NUMBER
from analysis.published.claims import Check, Levels, Place
from analysis.published.published import TESTED
from analysis.statistics.claim_inference import Array
from tune_jobs.study.rows import Row
from tune_jobs.trial.config import METRIC_SPECS


class UntestableError(Exception):
    """The replicates cannot decide; the message says why."""


@dataclass(frozen=True)
class Replicates:
    """The replicates of a study, by level and seed.

    Attributes:
        labels: of the rows that are known, by table.
        trials: the trials frame with a column for each quantity; see `with_derived`.
        correlations: of the predicted standard deviation with an input; None where none is known.
        overlaps: of the training parts of each row, by table and level; see `analysis.statistics.intervals`.
        validation_rows: of each row, by table and level.
    """

    labels: Levels
    trials: pd.DataFrame
    correlations: pd.DataFrame | None = None
    overlaps: Mapping[tuple[str, str], float] = field(default_factory=dict)
    validation_rows: Mapping[tuple[str, str], int] = field(default_factory=dict)
    _read: dict[tuple[str, str, str], "pd.Series[float]"] = field(default_factory=dict)

    def series(self, quantity: str, places: Sequence[Place]) -> list["pd.Series[float]"]:
        """The values of each place by seed: means over the cells that all places share, for the seeds they share."""
        cells = [place.cells(self.labels.get(place.table, ())) for place in places]
        known = [
            {key: found for key, level in levels.items() if len(found := self._values(quantity, place.table, level))}
            for place, levels in zip(places, cells, strict=True)
        ]
        shared = [key for key in known[0] if all(key in values for values in known)]
        if not shared:
            raise UntestableError("not run yet")
        means = [pd.concat([values[key] for key in shared], axis=1, join="inner").mean(axis=1) for values in known]
        seeds = sorted(set.intersection(*(set(mean.index) for mean in means)))
        if not seeds:
            raise UntestableError("no seed has been run at every level")
        return [mean[seeds] for mean in means]

    def arrays(self, quantity: str, places: Sequence[Place], *, finite: bool = False) -> list[Array]:
        """The values of each place, in the order of the shared seeds; `finite` refuses diverged replicates."""
        arrays = [np.asarray(values, dtype=np.float64) for values in self.series(quantity, places)]
        if finite and not all(np.isfinite(array).all() for array in arrays):
            raise UntestableError("replicates diverged and have no value to measure with")
        return arrays

    def _values(self, quantity: str, table: str, level: str) -> "pd.Series[float]":
        slot = (quantity, table, level)
        if slot not in self._read:
            replicates = self.trials[(self.trials["table"] == table) & (self.trials["level"] == level)]
            for outcome in OUTCOMES_WITHOUT_NUMBER:
                if outcome != DIVERGED and (replicates["outcome"] == outcome).any():
                    raise UntestableError(f"{level}: {outcome.replace('_', ' ')}")
            if quantity == "train_seconds" and replicates["shares_time"].any():
                raise UntestableError(
                    f"{level} trained in a stack, whose time its trainings share; `--stack off` trains them singly"
                )
            lost = replicates[replicates[quantity].isna()]
            for words, those in (("diverged", lost["outcome"] == DIVERGED), ("not finite", lost["epoch"].notna())):
                if those.any() and quantity not in TESTED:
                    raise UntestableError(f"{level}: {words} in {int(those.sum())} of {len(replicates)}")
            self._read[slot] = replicates.set_index("seed")[quantity].dropna()
        return self._read[slot]

    def overlap(self, check: Check) -> float:
        """How much the training parts of a check's replicates overlap, for a quantity that is validated."""
        if not check.quantity.startswith("validation") and not check.quantity.endswith("gap"):
            return 0.0
        return max((self.overlaps.get(level, 0.0) for level in self._levels(check)), default=0.0)

    def step(self, check: Check) -> float:
        """How far neighbouring values of a validation accuracy lie apart, one row; 0 for any other quantity."""
        if check.quantity != "validation_metric" or self._metric(check)[0] != "accuracy":
            return 0.0
        fewest = min((self.validation_rows.get(level, 0) for level in self._levels(check)), default=0)
        cells = max(len(place.cells(self.labels.get(place.table, ()))) for place in check.places)
        return 100 / fewest / cells if fewest and cells else 0.0

    def _levels(self, check: Check) -> list[tuple[str, str]]:
        return [
            (place.table, level)
            for place in check.places
            for level in place.cells(self.labels.get(place.table, ())).values()
        ]

    def never_words(self, check: Check) -> str:
        """Say how many replicates never reach the target, and what they count as; "" where all reach it."""
        counts = []
        for place in check.places:
            levels = list(place.cells(self.labels.get(place.table, ())).values())
            replicates = self.trials[(self.trials["table"] == place.table) & self.trials["level"].isin(levels)]
            if never := int((replicates["reached"] == 0).sum()):
                counts.append(f"{never} of {len(replicates)} of {place.level}")
        if not counts:
            return ""
        return f"; never reached in {', '.join(counts)}, which counts as one epoch after the last"

    def unit(self, check: Check) -> str:
        """The unit of a check's differences: "points", "s", "epochs"."""
        metric, target = self._metric(check)
        if check.quantity.endswith(("_metric", "metric_gap")):
            unit = METRIC_SPECS[metric].unit or target
            return "points" if unit == "%" else unit
        return {"train_seconds": "s", "epochs_until": "epochs"}.get(check.quantity, "")

    def metric_words(self, check: Check) -> str:
        """The metric as it stands within a sentence: "accuracy"."""
        label = METRIC_SPECS[self._metric(check)[0]].label
        return label.lower() if label.istitle() else label

    def _metric(self, check: Check) -> tuple[str, str]:
        known = self.trials[(self.trials["table"] == check.subjects[0].table) & (self.trials["metric"] != "")]
        if known.empty:
            return "accuracy", ""
        return str(known["metric"].iloc[0]), str(known["target_unit"].iloc[0])


def with_derived(trials: pd.DataFrame, rows: Sequence[Row], tests: pd.DataFrame | None) -> pd.DataFrame:
    """Add a column to the trials for every quantity in `TESTABLE`.

    A replicate that diverged, or whose number is not finite, has the worst value (infinite, with the sign that is
    worse); one that has not ended has NaN. Column shares_time says which trained in stacks.
    """
    frame = _with_tests(trials, tests)
    known = frame[frame["metric"] != ""].groupby("table")["metric"].first()
    higher = frame["table"].map(lambda table: METRIC_SPECS[known.get(table, "accuracy")].higher_is_better)
    sign = np.where(higher, 1.0, -1.0)
    last = {(row.table, ", ".join(row.labels)): row.epochs for row in rows}
    places = list(zip(frame["table"], frame["level"], strict=True))
    never = [float(last.get(place, 0) + 1) for place in places]
    stacked = {(row.table, ", ".join(row.labels)) for row in rows if row.stacked}
    diverged = (frame["outcome"] == DIVERGED).to_numpy()
    ended = frame["epoch"].notna().to_numpy() | diverged
    tested = frame["tested"].notna().to_numpy()
    until = frame["epochs_until"].to_numpy(dtype=np.float64)
    derived = {
        "shares_time": np.array([place in stacked for place in places]),
        "reached": np.where(ended, (~np.isnan(until)).astype(np.float64), nan),
        "epochs_until": np.where(np.isnan(until) & ended, never, until),
        "metric_gap": sign * (frame["train_metric"] - frame["validation_metric"]).to_numpy(dtype=np.float64),
        "loss_gap": (frame["validation_loss"] - frame["train_loss"]).to_numpy(dtype=np.float64),
    }
    for part in ("train", "validation", "test"):
        there = tested if part == "test" else ended
        for kind, worst in (("metric", -sign * inf), ("loss", np.full(len(frame), inf))):
            values = frame[f"{part}_{kind}"].to_numpy(dtype=np.float64)
            derived[f"{part}_{kind}"] = np.where(diverged | (there & ~np.isfinite(values)), worst, values)
    gaps = {name: np.where(np.isfinite(derived[name]), derived[name], nan) for name in ("metric_gap", "loss_gap")}
    return frame.assign(**{**derived, **gaps})


def _with_tests(trials: pd.DataFrame, tests: pd.DataFrame | None) -> pd.DataFrame:
    frame = trials.drop(columns=[*TESTED], errors="ignore")
    if tests is None or not len(tests):
        return frame.assign(**dict.fromkeys(TESTED, nan), tested=nan)
    named = tests[["table", "level", "seed", *TESTED]].assign(tested=True)
    return frame.merge(named, on=["table", "level", "seed"], how="left")
