"""A search as frames: what each trial reached, its curve, what the rungs did to it, and what the audit found."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite, nan
from typing import Any

import pandas as pd

from analysis.frames.outcomes import COMPLETED, DIVERGED, FAILED, STOPPED_EARLY, TIMED_OUT, outcome_words
from analysis.text import NO_VALUE, difference_unit, format_number, within_sentence
from tune_jobs.ledger.record import MISSING
from tune_jobs.standing.search.audit import audited
from tune_jobs.standing.search.search_trial import BROKEN, Arrival, SearchTrial, scores_of, signed
from tune_jobs.standing.search.state import State
from tune_jobs.trial.config import METRIC_SPECS

_WELL = (COMPLETED, STOPPED_EARLY)
# What became of a trial of a search, as frames and legends name it.
SURVIVED, STOPPED, AUDITED, DIVERGED_FATE = "reached full length", "stopped early", "stopped early, audited", "diverged"

_COLUMNS = (
    *(
        "name",
        "source",
        "fate",
        "ended",
        "seeds",
        "epochs",
        "of_epochs",
        "stopped_at",
        "rank",
        "rank_of",
        "value",
        "final",
    ),
    *("diverged", "audited", "train_seconds", "search_seconds", "key"),
)


@dataclass(frozen=True)
class Goal:
    """The quantity that a search optimises.

    Attributes:
        label: the name of the validation metric, or of the loss.
        unit: of it; "" for a loss.
        quantity: its column in the frame of `analysis.frames.frames.trials_frame`.
        metric: its name in `METRIC_SPECS`; "" for the loss.
    """

    label: str
    unit: str
    higher_is_better: bool
    quantity: str
    metric: str = ""

    @property
    def words(self) -> str:
        """The name within a sentence."""
        return within_sentence(self.label)

    @property
    def sign(self) -> float:
        """Turns a score, of which higher is better, into a value, and a value into a score."""
        return 1.0 if self.higher_is_better else -1.0

    @property
    def difference_unit(self) -> str:
        """The unit of a difference: of percentages, points."""
        return difference_unit(self.unit)

    def decimals(self, value: float) -> int:
        """How many decimals are shown for values of about this size."""
        return 2 if self.unit == "%" else 0 if abs(value) >= 1000 else 4

    def show(self, value: float) -> str:
        """Write a value with its unit; a dash where it is not finite."""
        if not isfinite(value):
            return NO_VALUE
        unit = "%" if self.unit == "%" else f" {self.unit}" if self.unit else ""
        return format_number(value, self.decimals(value)) + unit


def goal_of(state: State) -> Goal | None:
    """The quantity that a search optimises; None until the first trial has reported its metric."""
    if state.search.select == "loss":
        return Goal("Loss", "", False, "validation_loss")
    record = next((one.record for one in state.all if one.record is not None and one.record.metric), None)
    if record is None:
        return None
    spec = METRIC_SPECS[record.metric]
    return Goal(spec.label, spec.unit or record.target_unit, spec.higher_is_better, "validation_metric", record.metric)


def name_of(one: SearchTrial) -> str:
    """Name a trial; trials that a table of the study has trained have numbers below 0."""
    return f"Trial {one.number}" if one.number >= 0 else f"Table trial {-one.number}"


def search_frame(state: State, goal: Goal) -> pd.DataFrame:
    """A line for each trial, including trials of tables that the search knew at its start.

    Columns: number; name; source; fate, as figures mark it ("" for a trial that failed or was cut off); ended, in
    words; seeds, how many were trained; epochs that the search trained, of all seeds; of_epochs, the full length of all
    seeds; stopped_at, rank and rank_of at the rung that stopped it; value after those epochs, final at full length, NaN
    where there is none; diverged; audited;
    train_seconds of those epochs; search_seconds, how long the search had been running when the trial ended; key; and
    the configuration's values, NaN where the trial does not read them.
    """
    drawn = {one.number for one in audited(state)} if state.over else set()
    lines = [_line(one, state, goal, one.number in drawn) for one in state.all]
    columns = ["number", *_COLUMNS, *state.search.space.names]
    return pd.DataFrame(lines, columns=columns).astype(dict.fromkeys(("stopped_at", "rank", "rank_of"), "Int64"))


def _line(one: SearchTrial, state: State, goal: Goal, drawn: bool) -> dict[str, Any]:
    read = state.search.read
    epochs = epochs_searched(one, state)
    stop = stopping(one)
    outcome, _ = one.ending(read)
    known = outcome in (*_WELL, DIVERGED)
    is_audited = stop is not None and drawn and known
    trained = zip(one.records, state.epochs_of(one), strict=True)
    spent = [0 if record is None else min(each, state.epochs) for record, each in trained]
    value = state.mean_at(one, epochs) if epochs else None
    final = goal.sign * state.final_score(one) if outcome in _WELL and (stop is None or is_audited) else nan
    # A metric that is not finite counts as diverged, like a loss that is not finite.
    bad = outcome == DIVERGED or (outcome in _WELL and not isfinite(state.final_score(one)))
    return {
        "number": one.number,
        "name": name_of(one),
        "source": one.source,
        "fate": _fate(one, outcome, is_audited),
        "ended": _ended(one, state, outcome, epochs),
        "seeds": sum(each > 0 for each in spent),
        "epochs": sum(spent),
        "of_epochs": state.epochs * state.search.replicates,
        "stopped_at": stop.epoch if stop else None,
        "rank": stop.decision.rank if stop else None,
        "rank_of": stop.decision.of if stop else None,
        "value": nan if value is None else _finite(goal.sign * value),
        "final": _finite(final),
        "diverged": bad and (stop is None or is_audited),
        "audited": is_audited,
        "train_seconds": sum(
            record.train_seconds[each - 1]
            for record, each in zip(one.records, spent, strict=True)
            if record is not None and each
        ),
        "search_seconds": nan if one.seconds is None else one.seconds,
        "key": one.trial.key if one.trial is not None else "",
        **one.values,
    }


def epochs_searched(one: SearchTrial, state: State) -> int:
    """How far the search trained a trial, or the furthest of its seeds; epochs that an audit added do not count."""
    return max(min(epochs, state.epochs) for epochs in state.epochs_of(one)) if any(one.records) else 0


def _fate(one: SearchTrial, outcome: str, is_audited: bool) -> str:
    if one.record is None or one.trial is None or any(record and record.outcome == FAILED for record in one.records):
        return ""
    if one.stopped_at is not None:
        return AUDITED if is_audited else STOPPED
    return SURVIVED if outcome in _WELL else DIVERGED_FATE if outcome == DIVERGED else ""


def _ended(one: SearchTrial, state: State, outcome: str, epochs: int) -> str:
    """Say how a trial ended, as the search saw it."""
    record = next((record for record in one.records if record and record.outcome == FAILED), one.record)
    stop = stopping(one)
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
    return words.get(outcome, outcome_words(outcome))


def stopping(one: SearchTrial) -> Arrival | None:
    """The arrival at the rung that stopped a trial; None if no rung did."""
    return next((a for a in reversed(one.arrivals) if a.epoch == one.stopped_at), None)


def _finite(value: float) -> float:
    return value if isfinite(value) else nan


def course(frame: pd.DataFrame) -> pd.DataFrame:
    """The trials of the search in the order in which they ended, with the training spent by then.

    Adds cumulative_epochs and cumulative_seconds. Trials without a fate are left out, but their cost is counted.
    """
    ended = frame[(frame["number"] >= 0) & frame["search_seconds"].notna()]
    ended = ended.sort_values(["search_seconds", "number"])
    spent = ended.assign(
        cumulative_epochs=ended["epochs"].cumsum(), cumulative_seconds=ended["train_seconds"].astype(float).cumsum()
    )
    return spent[spent["fate"] != ""]


def search_curves(state: State, frame: pd.DataFrame, goal: Goal) -> pd.DataFrame:
    """A line for each trial of the search and epoch: trial, epoch, value, fate and stopped_at.

    A curve ends at full length, or where a rung stopped it and no audit continued it.
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
    """The trials of the search in the form that `analysis.statistics.audit.audit` takes.

    The median rule looks at every epoch: there, rungs that stopped no trial are left out.
    """
    brackets = state.search.scheduler.brackets(state.epochs)
    stops = {int(epoch) for epoch in frame["stopped_at"].dropna()}
    every = {epoch for rungs in brackets for epoch in rungs}
    rungs = sorted(stops if state.search.scheduler.name == "median" else every | stops)
    searched = frame[(frame["number"] >= 0) & (frame["fate"] != "")]
    lines = []
    for line in searched.to_dict("records"):
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
    one: SearchTrial, state: State, goal: Goal, rungs: list[int], bracket: tuple[int, ...]
) -> Mapping[str, float]:
    if one.record is None:
        return {}
    if one.more:
        here = {rung: [a.score for a in one.arrivals if a.epoch == rung] for rung in rungs}
        return {f"at_{rung}": _finite(goal.sign * sum(s) / len(s)) if s else nan for rung, s in here.items()}
    scores = scores_of(one.record, read=state.search.read, select=state.search.select)[: epochs_searched(one, state)]
    passed = {arrival.epoch for arrival in one.arrivals}
    return {
        f"at_{rung}": _finite(goal.sign * scores[rung - 1])
        if rung <= len(scores) and (rung in bracket or rung in passed)
        else nan
        for rung in rungs
    }


def _saved(one: SearchTrial, state: State, stop: int | None) -> Mapping[str, float]:
    """What stopping saved; time at the rate of the trial's epochs until then."""
    if stop is None or one.record is None or one.record.epochs < stop:
        return {"saved_epochs": 0.0, "saved_seconds": 0.0}
    left = state.epochs * state.search.replicates - sum(state.epochs_of(one))
    return {"saved_epochs": float(left), "saved_seconds": left * one.record.train_seconds[stop - 1] / stop}
