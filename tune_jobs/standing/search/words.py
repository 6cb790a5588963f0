"""A search in words, for plans, statuses and reports."""

from math import isfinite
from typing import TYPE_CHECKING

from tune_jobs.standing.best import value_in_words
from tune_jobs.standing.search.state import State
from tune_jobs.study.schedulers import rungs_in_words
from tune_jobs.study.search import Search
from tune_jobs.trial.config import METRIC_SPECS
from tune_jobs.words import counted

if TYPE_CHECKING:
    from tune_jobs.standing.search.follow_up import FollowUp


def search_in_words(state: State, after: "FollowUp") -> list[str]:
    """Say in lines how far a search has got."""
    search = state.search
    ended = state.ended
    known = f"{counted(len(state.evidence), 'trial')} of tables {'counts' if len(state.evidence) == 1 else 'count'}"
    lines = [
        f"search: {counted(len(ended), 'trial')} ended, {len(state.stopped)} of them stopped early; "
        f"budget {search.budget}, sampler {search.sampler}, {known} as known",
        f"rungs: {rungs_in_words(search.scheduler, state.epochs)}",
    ]
    if search.replicates > 1:
        trained = sum(bool(epochs) for one in state.trials.values() for epochs in state.epochs_of(one))
        lines.append(f"{replicates_in_words(search)}; {counted(trained, 'replicate')} so far")
    best = state.best(1)
    if best:
        score = score_in_words(state, state.final_score(best[0]))
        lines.append(f"best so far: {score} on validation ({best[0].name})")
    if after.waiting_for:
        lines.append(f"waiting for: {after.waiting_for}")
    return lines


def replicates_in_words(search: Search) -> str:
    """Describe the replicates of a search for a person."""
    if search.scheduler.name == "none":
        return f"replicates: every trial is judged by its mean over {search.replicates} seeds"
    return (
        f"replicates: at a rung, a trial that is not clearly behind gets up to {search.replicates} seeds, and its mean "
        "decides"
    )


def score_in_words(state: State, score: float) -> str:
    """Write a score as the metric or the loss that it stands for, with its unit."""
    record = next((one.record for one in state.all if one.record is not None), None)
    if record is None or not isfinite(score):
        return "no score"
    if state.search.select == "loss":
        return f"loss {-score:.4g}"
    metric = METRIC_SPECS[record.metric]
    value = score if metric.higher_is_better else -score
    return value_in_words(record.metric, metric.unit or record.target_unit, value)
