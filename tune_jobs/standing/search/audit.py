"""Which stopped trials of a search are trained to the end all the same."""

from tune_jobs.standing.search.search_trial import SearchTrial
from tune_jobs.standing.search.state import State
from tune_jobs.study.space import stream

_AUDIT_STREAM = 3


def audited(state: State) -> list[SearchTrial]:
    """Choose the stopped trials that the audit trains to the end: at random, equally many from each rung.

    Each trial has its own random draw, so a search that continues keeps most of the trials that were chosen before.
    """
    by_rung: dict[int, list[SearchTrial]] = {}
    for one in state.stopped:
        if one.stopped_at is not None and one.trial is not None:
            by_rung.setdefault(one.stopped_at, []).append(one)
    lots = {
        rung: sorted(trials, key=lambda one: stream(state.search.seed, _AUDIT_STREAM, one.number).random())
        for rung, trials in sorted(by_rung.items())
    }
    drawn: list[SearchTrial] = []
    while any(lots.values()) and len(drawn) < state.search.audit:
        for trials in lots.values():
            if trials and len(drawn) < state.search.audit:
                drawn.append(trials.pop(0))
    return sorted(drawn, key=lambda one: one.number)
