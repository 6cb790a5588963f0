"""How a trial ended, by the ledger's names, and in words."""

from tune_jobs.ledger.record import OUTCOMES

COMPLETED, STOPPED_EARLY, DIVERGED, TIMED_OUT, FAILED, PRUNED = OUTCOMES
# A replicate that ended like this has no number to average; its level shows no mean.
OUTCOMES_WITHOUT_NUMBER = (DIVERGED, FAILED, TIMED_OUT)


def outcome_words(outcome: str) -> str:
    """Write an outcome as a reader sees it: "timed out"."""
    return outcome.replace("_", " ")
