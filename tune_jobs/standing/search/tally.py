"""How far a search is, in few numbers, for displays."""

from dataclasses import dataclass

from tune_jobs.standing.search.state import State
from tune_jobs.standing.search.words import score_in_words
from tune_jobs.study.search_identity import default_config
from tune_jobs.trial.trial import differences

# A scheduler that decides after more epochs than this has no rungs to speak of.
_MOST_RUNGS = 6


@dataclass(frozen=True)
class Tally:
    """How far a search is.

    Attributes:
        best: the best score of a finished trial, in words; "" for none.
        share: of the budget that is used up, 0 to 1.
        best_trial: which trial that is, and what it changes of the default.
        rungs: how many trials have reached each rung, by its epoch; none where there are too many rungs.
    """

    ended: int
    stopped: int
    best: str
    share: float
    best_trial: str = ""
    rungs: tuple[tuple[int, int], ...] = ()


def tally_of(state: State, seconds: float) -> Tally:
    """Work out how far a search is after so many seconds."""
    best, done = next(iter(state.best(1)), None), state.ended
    words = trial = ""
    if best is not None:
        words, trial = score_in_words(state, state.final_score(best)), best.name
        if best.trial is not None:
            trial += f": {differences(best.trial.config, default_config(state.study, state.search))}"
    return Tally(
        ended=len(done),
        stopped=sum(searched.stopped_at is not None for searched in done),
        best=words,
        share=state.share_used(seconds),
        best_trial=trial,
        rungs=_reached(state),
    )


def _reached(state: State) -> tuple[tuple[int, int], ...]:
    rungs = sorted({rung for bracket in state.search.scheduler.brackets(state.epochs) for rung in bracket})
    if len(rungs) > _MOST_RUNGS:
        return ()
    counts = dict.fromkeys(rungs, 0)
    for searched in state.trials.values():
        for epoch in counts.keys() & searched.decisions.keys():
            counts[epoch] += 1
    return tuple(counts.items())
