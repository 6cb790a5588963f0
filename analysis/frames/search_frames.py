"""A search as frames: what each trial reached, its curve, what the rungs did to it, and what the audit found."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite, nan
from typing import Any

import pandas as pd

from analysis.frames.frames import COMPLETED, DIVERGED, STOPPED_EARLY, TIMED_OUT
from analysis.text import format_number
from tune_jobs.ledger.record import FAILED, MISSING
from tune_jobs.standing.search.follow_up import audited
from tune_jobs.standing.search.state import BROKEN, SearchTrial, State, scores_of, signed
from tune_jobs.trial.config import METRIC_SPECS

_WELL = (COMPLETED, STOPPED_EARLY)
# What became of a trial of a search, as legends and frames name it.
SURVIVED, STOPPED, AUDITED, DIVERGED_FATE = "reached full length", "stopped at a rung", "stopped, audited", "diverged"


@dataclass(frozen=True)
class Goal:
    """What the trials of a search are judged by.

    Attributes:
        label: of the validation metric or the loss.
        unit: of it; "" for a loss.
        quantity: its column in the frame of `analysis.frames.frames.trials_frame`.
    """

    label: str
    unit: str
    higher_is_better: bool
    quantity: str

    @property
    def words(self) -> str:
        """The name within a sentence."""
        return self.label.lower() if self.label.istitle() else self.label

    @property
    def sign(self) -> float:
        """What a score, of which higher is better, is multiplied by to give a value."""
        return 1.0 if self.higher_is_better else -1.0

    @property
    def difference_unit(self) -> str:
        """The unit of a difference: of percentages, points."""
        return "points" if self.unit == "%" else self.unit

    def decimals(self, value: float) -> int:
        """Return how many decimals values about as large as this one are shown with."""
        return 2 if self.unit == "%" else 0 if abs(value) >= 1000 else 4

    def show(self, value: float) -> str:
        """Return a value in words, with its unit; a dash where there is none."""
        if not isfinite(value):
            return "–"
        unit = "%" if self.unit == "%" else f" {self.unit}" if self.unit else ""
        return format_number(value, self.decimals(value)) + unit


def goal_of(state: State) -> Goal | None:
    """Return what the search is judged by; None before the first trial has told."""
    if state.search.select == "loss":
        return Goal("Loss", "", False, "validation_loss")
    record = next((one.record for one in state.all if one.record is not None and one.record.metric), None)
    if record is None:
        return None
    spec = METRIC_SPECS[record.metric]
    return Goal(spec.label, spec.unit or record.target_unit, spec.higher_is_better, "validation_metric")


def name_of(one: SearchTrial) -> str:
    """Return what a trial is called: one that a table of the study has trained has a number below 0."""
    return f"Trial {one.number}" if one.number >= 0 else f"Table trial {-one.number}"


def search_frame(state: State, goal: Goal) -> pd.DataFrame:
    """Return a line for each trial, those of tables that count as known included.

    Columns: number; name; source; fate, as figures mark it ("" where none fits: failed, or cut off); ended, in words;
    epochs that the search trained; of_epochs, the full length; stopped_at, rank and rank_of at the rung that stopped
    it; value after those epochs, final at full length, NaN where there is none; diverged; audited; train_seconds of
    those epochs; search_seconds, for how long the search had been running when the trial ended; key; and the
    configuration's values, NaN where the trial does not read them.
    """
    drawn = {one.number for one in audited(state)} if state.over else set()
    lines = [_line(one, state, goal, one.number in drawn) for one in state.all]
    columns = ["number", *_COLUMNS, *state.search.space.names]
    return pd.DataFrame(lines, columns=columns).astype(dict.fromkeys(("stopped_at", "rank", "rank_of"), "Int64"))


_COLUMNS = (
    *("name", "source", "fate", "ended", "epochs", "of_epochs", "stopped_at", "rank", "rank_of", "value", "final"),
    *("diverged", "audited", "train_seconds", "search_seconds", "key"),
)


def _line(one: SearchTrial, state: State, goal: Goal, drawn: bool) -> dict[str, Any]:
    read, select = state.search.read, state.search.select
    epochs = epochs_searched(one, state)
    stop = next((arrival for arrival in one.arrivals if arrival.decision.stop), None)
    outcome, _ = one.ending(read)
    known = outcome in (*_WELL, DIVERGED)
    is_audited = stop is not None and drawn and known
    scores = scores_of(one.record, read=read, select=select) if one.record is not None else []
    final = goal.sign * state.final_score(one) if outcome in _WELL and (stop is None or is_audited) else nan
    # A metric that is no number is as bad an end as a loss that is none.
    bad = outcome == DIVERGED or (outcome in _WELL and not isfinite(state.final_score(one)))
    return {
        "number": one.number,
        "name": name_of(one),
        "source": one.source,
        "fate": _fate(one, outcome, is_audited),
        "ended": _ended(one, state, outcome, epochs),
        "epochs": epochs,
        "of_epochs": state.epochs,
        "stopped_at": stop.epoch if stop else None,
        "rank": stop.decision.rank if stop else None,
        "rank_of": stop.decision.of if stop else None,
        "value": _finite(goal.sign * scores[epochs - 1]) if epochs else nan,
        "final": _finite(final),
        "diverged": bad and (stop is None or is_audited),
        "audited": is_audited,
        "train_seconds": one.record.train_seconds[epochs - 1] if one.record is not None and epochs else 0.0,
        "search_seconds": nan if one.seconds is None else one.seconds,
        "key": one.trial.key if one.trial is not None else "",
        **one.values,
    }


def epochs_searched(one: SearchTrial, state: State) -> int:
    """Return how far the search itself trained a trial: what an audit has added is not counted."""
    if one.record is None:
        return 0
    return min(one.record.epochs, one.stopped_at or one.record.epochs, state.epochs)


def _fate(one: SearchTrial, outcome: str, is_audited: bool) -> str:
    if one.record is None or one.record.outcome == FAILED or one.trial is None:
        return ""
    if one.stopped_at is not None:
        return AUDITED if is_audited else STOPPED
    return SURVIVED if outcome in _WELL else DIVERGED_FATE if outcome == DIVERGED else ""


def _ended(one: SearchTrial, state: State, outcome: str, epochs: int) -> str:
    """Return how a trial ended, as the search saw it."""
    record = one.record
    stop = next((arrival for arrival in one.arrivals if arrival.decision.stop), None)
    if one.trial is None:
        return "can no longer be built"
    if one.standing(state.search.read) == BROKEN:
        return f"failed: {record.reason}" if record is not None and record.reason else "failed"
    if stop is not None:
        return f"stopped at epoch {stop.epoch}, {stop.decision.rank} of {stop.decision.of}"
    if record is None:
        return "not ended yet"
    if outcome == DIVERGED:
        return f"diverged in epoch {epochs}"
    if outcome == MISSING:
        return record.reason or f"not ended yet, {epochs} of {state.epochs} epochs"
    words = {COMPLETED: f"all {state.epochs} epochs", STOPPED_EARLY: f"early stopping, epoch {epochs}"}
    words[TIMED_OUT] = record.reason or f"time limit, epoch {epochs}"
    return words.get(outcome, outcome.replace("_", " "))


def _finite(value: float) -> float:
    return value if isfinite(value) else nan


def course(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the trials of the search in the order in which they ended, with what had been spent by then.

    Adds cumulative_epochs and cumulative_seconds, of training; those that no mark fits are left out, not their cost.
    """
    own = frame[(frame["number"] >= 0) & frame["search_seconds"].notna()]
    own = own.sort_values(["search_seconds", "number"])
    spent = own.assign(
        cumulative_epochs=own["epochs"].cumsum(), cumulative_seconds=own["train_seconds"].astype(float).cumsum()
    )
    return spent[spent["fate"] != ""]


def search_curves(state: State, frame: pd.DataFrame, goal: Goal) -> pd.DataFrame:
    """Return a line for each trial of the search and epoch: trial, epoch, value, fate and stopped_at.

    A curve ends with the full length, or where a rung stopped it and no audit took it further.
    """
    fates = dict(zip(frame["number"], frame["fate"], strict=True))
    lines = []
    for one in state.trials.values():
        fate = fates[one.number]
        if one.record is None or not fate:
            continue
        last = state.epochs if fate == AUDITED else epochs_searched(one, state)
        stop = nan if one.stopped_at is None else one.stopped_at
        scores = signed(one.record, select=state.search.select)[:last]
        lines += [
            (one.number, epoch, goal.sign * score, fate, stop)
            for epoch, score in enumerate(scores, start=1)
            if isfinite(score)
        ]
    return pd.DataFrame(lines, columns=["trial", "epoch", "value", "fate", "stopped_at"])


def audit_frame(state: State, frame: pd.DataFrame, goal: Goal) -> pd.DataFrame:
    """Return the trials of the search as `analysis.statistics.audit.audit` takes them.

    Rungs of which none stopped a trial are left out where the rule looks at every epoch.
    """
    brackets = state.search.scheduler.brackets(state.epochs)
    stops = {int(epoch) for epoch in frame["stopped_at"].dropna()}
    every = {epoch for rungs in brackets for epoch in rungs}
    rungs = sorted(stops if state.search.scheduler.name == "median" else every | stops)
    own = frame[(frame["number"] >= 0) & (frame["fate"] != "")]
    lines = []
    for line in own.to_dict("records"):
        one = state.trials[line["number"]]
        stop = one.stopped_at
        lines.append(
            {
                "number": one.number,
                "rung": nan if stop is None else float(stop),
                "final": line["final"],
                "diverged": line["diverged"],
                "audited": line["audited"],
                **_at_rungs(one, state, goal, rungs, brackets[one.bracket] if one.bracket < len(brackets) else ()),
                **_saved(one, state, stop),
            }
        )
    names = ["number", "rung", "final", "diverged", "audited", *(f"at_{rung}" for rung in rungs)]
    return pd.DataFrame(lines, columns=[*names, "saved_epochs", "saved_seconds"])


def _at_rungs(
    one: SearchTrial, state: State, goal: Goal, rungs: list[int], own: tuple[int, ...]
) -> Mapping[str, float]:
    if one.record is None:
        return {}
    scores = scores_of(one.record, read=state.search.read, select=state.search.select)[: epochs_searched(one, state)]
    passed = {arrival.epoch for arrival in one.arrivals}
    return {
        f"at_{rung}": _finite(goal.sign * scores[rung - 1])
        if rung <= len(scores) and (rung in own or rung in passed)
        else nan
        for rung in rungs
    }


def _saved(one: SearchTrial, state: State, stop: int | None) -> Mapping[str, float]:
    """Return what stopping has spared; time at the trial's own rate until then."""
    if stop is None or one.record is None or one.record.epochs < stop:
        return {"saved_epochs": 0.0, "saved_seconds": 0.0}
    left = state.epochs - stop
    return {"saved_epochs": float(left), "saved_seconds": left * one.record.train_seconds[stop - 1] / stop}
