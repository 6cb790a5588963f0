"""The tables of a search: its space, its best trials, and what its rungs stopped."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from analysis.frames.search_frames import Goal
from analysis.statistics.audit import Audit, Interval
from analysis.tables.sheet import Column, Sheet
from analysis.text import NO_VALUE, format_number
from tune_jobs.standing.search.state import State
from tune_jobs.study.model import Study
from tune_jobs.study.space import Parameter

_BEST = 10
_DIGITS = 3


def value_words(study: Study, name: str, value: Any) -> str:
    """Write a value of a field as a person reads it, numbers with three digits."""
    return f"{value:.{_DIGITS}g}" if isinstance(value, float) else study.own.describe(name, value)


def changes_words(study: Study, values: Mapping[str, Any], default: Mapping[str, Any]) -> str:
    """Write the values that differ from the default; "the default" where none does."""
    words = [
        f"{study.own.label(name)} {value_words(study, name, value)}"
        for name, value in values.items()
        if default.get(name) != value
    ]
    return ", ".join(words) or "the default"


def space_sheet(study: Study, state: State, default: Mapping[str, Any]) -> Sheet:
    """The search space: each parameter with its range or choices."""
    space = list(state.search.space)
    return Sheet(
        "search-space",
        "The space",
        (
            Column("Parameter", tuple(study.own.label(parameter.name) for parameter in space), "words"),
            Column("Range or choices", tuple(_range_words(study, parameter) for parameter in space), "words"),
            Column("Scale", tuple(_scale_words(parameter) for parameter in space), "words"),
            Column("Used only with", tuple(_when_words(study, parameter) for parameter in space), "words"),
            Column("Default", tuple(_default_words(study, parameter, default) for parameter in space), "words"),
        ),
    )


def _default_words(study: Study, parameter: Parameter, default: Mapping[str, Any]) -> str:
    value = default.get(parameter.name)
    return NO_VALUE if value is None else value_words(study, parameter.name, value)


def _range_words(study: Study, parameter: Parameter) -> str:
    if parameter.choices:
        return ", ".join(study.own.describe(parameter.name, choice) for choice in parameter.choices)
    unit = study.own.unit(parameter.name)
    steps = f" in steps of {parameter.step:g}" if parameter.step is not None else ""
    return f"{parameter.low:g} to {parameter.high:g} {unit}".rstrip() + steps


def _scale_words(parameter: Parameter) -> str:
    if parameter.choices:
        return "choice"
    return ("logarithmic" if parameter.log else "linear") + (", whole numbers" if parameter.integer else "")


def _when_words(study: Study, parameter: Parameter) -> str:
    return "; ".join(
        f"{study.own.label(parent)} {' or '.join(study.own.describe(parent, value) for value in values)}"
        for parent, values in parameter.when.items()
    )


def best_sheet(
    study: Study,
    state: State,
    frame: pd.DataFrame,
    goal: Goal,
    default: Mapping[str, Any],
    fresh: Mapping[int, str],
) -> Sheet:
    """The best trials that ran to full length, where all of them are read; the best first.

    Args:
        study: of the search.
        state: of the search.
        frame: its trials.
        goal: what it optimises.
        default: values of the default configuration.
        fresh: what fresh seeds say of a trial, by its number.
    """
    best = state.best(_BEST)
    lines = [frame[frame["number"] == trial.number].iloc[0] for trial in best]
    scores = [goal.sign * state.final_score(trial) for trial in best]
    unit = f" ({goal.unit})" if goal.unit else ""
    told = tuple(fresh.get(trial.number, "") for trial in best)
    return Sheet(
        "search-best",
        "The best trials" if len(best) > 1 else "The best trial",
        (
            Column("Trial", tuple(str(line["name"]).removeprefix("Trial ") for line in lines)),
            Column(
                "Changes from the default",
                tuple(changes_words(study, trial.values, default) for trial in best),
                "words",
            ),
            *([Column(f"{goal.label} with fresh seeds", told)] if any(told) else []),
            Column(
                f"Validation {goal.label}{unit} in the search, optimistic",
                tuple(format_number(score, goal.decimals(score)) for score in scores),
            ),
            Column("Epoch", tuple(str(trial.ending(state.search.read)[1]) for trial in best)),
            Column("How it ended", tuple(_ended_words(line) for line in lines), "words"),
        ),
        (
            f"Each trial is {_runs_words(state)}, read at "
            f"{'its last epoch' if state.search.read == 'last' else 'its best epoch'}; the best of many "
            "looks better than it is. All trials are in search.csv, with all digits.",
        ),
    )


def _runs_words(state: State) -> str:
    return f"the mean of {state.search.replicates} seeds" if state.search.replicates > 1 else "a single run with seed 0"


def _ended_words(line: "pd.Series[Any]") -> str:
    return f"{line['ended']}; finished by the audit" if line["audited"] else str(line["ended"])


def trials_csv(frame: pd.DataFrame) -> pd.DataFrame:
    """All trials in the order in which they were drawn: how far each got, and why it stopped."""
    without = ["name", "fate", *(["seeds"] if (frame["seeds"] < 2).all() else [])]
    ordered = frame.sort_values("number").drop(columns=without)
    return ordered.rename(
        columns={
            "number": "trial",
            "source": "drawn_by",
            "seeds": "seeds_trained",
            "ended": "how_it_ended",
            "stopped_at": "stopped_at_epoch",
            "rank": "rank_at_rung",
            "rank_of": "reached_rung",
            "value": "validation_after_epochs",
            "final": "validation_at_full_length",
            "train_seconds": "train_seconds_of_epochs",
            "search_seconds": "ended_after_search_seconds",
        }
    )


def audit_sheet(found: Audit, goal: Goal) -> Sheet:
    """The audit, by rung and in total."""
    rungs = [*found.rungs, *([found.total] if len(found.rungs) > 1 else [])]
    return Sheet(
        "search-audit",
        "What the rungs stopped",
        (
            Column("After epoch", tuple("all" if r.epoch is None else str(r.epoch) for r in rungs), "words"),
            Column("Arrived", tuple(str(r.arrived) for r in rungs)),
            Column("Stopped", tuple(str(r.stopped) for r in rungs)),
            Column("Audited", tuple(str(r.audited) for r in rungs)),
            Column("Audited and better", tuple(str(r.beating) if r.audited else NO_VALUE for r in rungs)),
            Column("Stopped and better (estimate)", tuple(_span(r.would_beat, 0) for r in rungs)),
            Column("Rank correlation", tuple(_span(r.correlation, 2) for r in rungs)),
            Column(
                f"Loss seen ({goal.difference_unit})" if goal.difference_unit else "Loss seen",
                tuple(NO_VALUE if r.loss is None else format_number(r.loss, goal.decimals(r.loss)) for r in rungs),
            ),
            Column("Saved epochs", tuple(format_number(r.saved_epochs, 0) for r in rungs)),
            Column("Saved time (s)", tuple(format_number(r.saved_seconds, 0) for r in rungs)),
        ),
        (
            "Better: at full length, than the best survivor; for all stopped trials, estimated from the audited ones, "
            "with a 95% interval for this search. Rank correlation: between the value at the rung and at full length, "
            "with its 95% interval. Loss seen: how much better the best audited trial was than the best survivor. "
            "Savings are before the audit; times are estimated from each trial's time per epoch.",
        ),
    )


def _span(value: Interval | None, decimals: int) -> str:
    if value is None:
        return NO_VALUE
    mean = format_number(value.value, decimals if decimals else int(value.value != round(value.value)))
    return f"{mean} ({format_number(value.low, decimals)} to {format_number(value.high, decimals)})"
