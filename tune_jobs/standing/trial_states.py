"""Where each trial of a study stands, for people (`status`) and for scripts (`status --json`)."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from models.history import TIMED_OUT
from tune_jobs.ledger.record import FAILED
from tune_jobs.standing.stale import Stale, may_be_stale, stale_trials
from tune_jobs.standing.standing import Standing
from tune_jobs.trial.trial import Trial


@dataclass(frozen=True)
class TrialStates:
    """The trials of a study's rows, by where they stand; one that failed may be missing too.

    Attributes:
        missing: what a run would train, in its order.
        outcomes: how many of the others ended in each way.
        running: how many of the missing are being trained.
        waiting: of the missing, those that are not being trained and have not ended badly before.
    """

    missing: Sequence[Trial]
    outcomes: Mapping[str, int]
    failed: Sequence[Trial]
    timed_out: Sequence[Trial]
    running: int
    waiting: Sequence[Trial]

    @property
    def well(self) -> dict[str, int]:
        """The outcomes without failures."""
        return {outcome: count for outcome, count in self.outcomes.items() if outcome != FAILED}


def trial_states(standing: Standing, running: Collection[str]) -> TrialStates:
    """Sort the trials of a study's rows by where they stand.

    Args:
        standing: of the study; it has a ledger.
        running: the keys of what is being trained.
    """
    records, missing = standing.contents.records, standing.missing()
    missing_keys = {trial.key for trial in missing}
    ended = [(trial, records[trial.key].outcome) for trial in standing.trials if trial.key in records]
    badly: dict[str, list[Trial]] = {
        outcome: [trial for trial, its in ended if its == outcome] for outcome in (FAILED, TIMED_OUT)
    }
    not_waiting = {*running, *(trial.key for trials in badly.values() for trial in trials)}
    return TrialStates(
        missing,
        Counter(outcome for trial, outcome in ended if trial.key not in missing_keys),
        badly[FAILED],
        badly[TIMED_OUT],
        sum(key in missing_keys for key in running),
        [trial for trial in missing if trial.key not in not_waiting],
    )


def stale_among(standing: Standing, missing: Sequence[Trial]) -> list[Stale]:
    """Find the missing trials that an edit made stale; the whole ledger is read only if there can be any."""
    possible = [trial for trial in missing if may_be_stale(trial)]
    return stale_trials(possible, standing.existing_ledger.read().records) if possible else []
