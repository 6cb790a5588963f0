"""What a printed number is compared with: our replicates' values, or the reason why they cannot be compared."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import isfinite

import pandas as pd

from analysis.frames.collapse import one_class
from analysis.frames.outcomes import OUTCOMES_WITHOUT_NUMBER, outcome_words
from analysis.published.published import TESTED, PublishedValue
from analysis.statistics.prediction import MOVING_SPLIT, OTHER_SPLIT, SAME_ROWS
from tune_jobs.ledger.record import MISSING
from tune_jobs.study.model import Study
from tune_jobs.study.rows import Row, training_overlap
from tune_jobs.trial.config import METRIC_SPECS, TrialConfig
from tune_jobs.trial.data import validation_rows

OTHER_HARDWARE = "other hardware"
NOT_RUN = "not run yet"
NOT_TESTED = "not evaluated on the test set yet"
ONE_REPLICATE = "one replicate has no interval"
QUICK_LOOK = "trained for fewer epochs"
VARIED = "the base configuration was changed"
ONE_SPLIT = "all replicates share one split"
NOT_FINITE = "not finite"


@dataclass(frozen=True)
class OurValues:
    """Our values of a printed number.

    Attributes:
        value: the printed number.
        values: of the replicates, as the ledger has them; empty where there is nothing to show.
        keys: of the trials they are from.
        noise: what a new run would change: `MOVING_SPLIT`, `OTHER_SPLIT` or `SAME_ROWS`.
        rows: of how many rows the value is a share; 0 where it is none.
        overlap: which share of these rows two splits have in common.
        training_overlap: of the replicates' training parts; see `analysis.statistics.intervals`.
        collapsed: how many replicates predict one class only.
        objective: of a loss; "" for other quantities.
        reason: why the values cannot be compared; "" where they can.
        detail: the reason in more words.
    """

    value: PublishedValue
    values: tuple[float, ...] = ()
    keys: tuple[str, ...] = ()
    noise: str = MOVING_SPLIT
    rows: int = 0
    overlap: float = 0.0
    collapsed: int = 0
    training_overlap: float = 0.0
    unit: str = ""
    objective: str = ""
    reason: str = ""
    detail: str = ""


def our_values(
    value: PublishedValue,
    study: Study,
    by_place: Mapping[tuple[str, str], Row],
    trials: pd.DataFrame,
    tests: pd.DataFrame,
) -> OurValues:
    """Look up what the study has for a printed number.

    Args:
        value: the printed number.
        study: that reruns the report.
        by_place: the rows that are known, by table and level.
        trials: of `analysis.frames.frames.trials_frame`.
        tests: a line for each evaluation on the test set; may be empty.
    """
    row = by_place.get((value.table, value.level))
    replicates = trials[(trials["table"] == value.table) & (trials["level"] == value.level)]
    if row is None or row.config is None or replicates.empty:
        return OurValues(value, reason=NOT_RUN, detail=row.reason if row else "")
    ended = replicates[replicates["epoch"].notna()]
    if value.quantity in TESTED:
        named = tests[(tests["table"] == value.table) & (tests["level"] == value.level)] if len(tests) else tests
        ended = ended.merge(named[["seed", *TESTED]], on="seed") if len(named) else ended.iloc[:0]
    found = OurValues(
        value,
        tuple(float(number) for number in ended[value.quantity]) if len(ended) else (),
        tuple(sorted(ended["key"])),
        *_noise(value.quantity, row, row.config),
        collapsed=int(one_class(replicates).sum()) if "one_class" in replicates else 0,
        training_overlap=training_overlap(row) if value.quantity.startswith("validation") else 0.0,
        unit=_unit(value.quantity, replicates),
        objective=row.config.objective if value.quantity.endswith("_loss") else "",
    )
    bad = replicates[replicates["outcome"].isin(OUTCOMES_WITHOUT_NUMBER)]
    if len(bad):
        counts = {outcome_words(outcome): int((bad["outcome"] == outcome).sum()) for outcome in OUTCOMES_WITHOUT_NUMBER}
        words = ", ".join(f"{outcome} in {number}" for outcome, number in counts.items() if number)
        reason = " or ".join(outcome for outcome, number in counts.items() if number)
        return replace(found, values=(), reason=reason, detail=f"{words} of {len(replicates)}")
    if not found.values:
        missing = (replicates["outcome"] == MISSING).all() or value.quantity not in TESTED
        return replace(found, reason=NOT_RUN if missing else NOT_TESTED)
    return _judged(found, study, row, row.config)


def _judged(found: OurValues, study: Study, row: Row, config: TrialConfig) -> OurValues:
    """Add the reason why values that are there cannot be compared, if there is one."""
    lost = sum(not isfinite(number) for number in found.values)
    if lost:
        return replace(found, values=(), reason=NOT_FINITE, detail=f"{NOT_FINITE} in {lost} of {len(found.values)}")
    if found.value.quantity == "train_seconds":
        return replace(found, reason=OTHER_HARDWARE)
    if study.overrides:
        words = ", ".join(f"{name}={number}" for name, number in study.overrides.items())
        return replace(found, reason=VARIED, detail=f"{VARIED}: {words}")
    if row.epochs < config.epochs:
        return replace(found, reason=QUICK_LOOK, detail=f"{row.epochs} of {config.epochs} epochs")
    if len(found.values) == 1:
        return replace(found, reason=ONE_REPLICATE)
    if found.noise == OTHER_SPLIT and not found.rows:
        return replace(found, reason=ONE_SPLIT, detail=f"{ONE_SPLIT}: how much another split would change is unknown")
    return found


def _noise(quantity: str, row: Row, config: TrialConfig) -> tuple[str, int, float]:
    """What a new run changes, of how many rows the value is a share, and which share of these rows two splits share.

    The rows are 0 for a value that is no share of rows. Two training parts have most rows in common: each row of one
    is in the other with a probability equal to the training share of all rows that are split. The overlap of two small
    validation parts is neglected.
    """
    info, held_out = config.dataset_info, validation_rows(config)
    share = quantity.endswith("_metric") and info.task == "classification"
    if quantity in TESTED:
        if "outer_split" not in info.reads:
            return SAME_ROWS, 0, 0.0
        return (MOVING_SPLIT if "outer_split" in row.moves else OTHER_SPLIT), info.test_rows if share else 0, 0.0
    noise = MOVING_SPLIT if row.moves else OTHER_SPLIT
    if not quantity.startswith("train"):
        return noise, held_out if share else 0, 0.0
    rows = info.development_rows - held_out
    return noise, rows if share else 0, rows / info.development_rows


def _unit(quantity: str, frame: pd.DataFrame) -> str:
    if quantity == "train_seconds":
        return "s"
    known = frame[frame["metric"] != ""]
    if quantity.endswith("_loss") or known.empty:
        return ""
    return METRIC_SPECS[str(known["metric"].iloc[0])].unit or str(known["target_unit"].iloc[0])
