"""What a run that has ended says of what it found: a few sentences of the report, and what to do next."""

import logging
import warnings
from collections.abc import Callable

from tune_jobs.standing.standing import Standing
from tune_jobs.study.model import Study

# So many sentences of the report are said.
_MOST_SENTENCES = 3
# Of so many trials, the findings take about two seconds; of more, the report tells them.
_MOST_TRIALS = 10_000

_log = logging.getLogger(__name__)


def closing_lines(study: Study, trials: int, stand_now: Callable[[], Standing]) -> list[str]:
    """Say what a study has found so far, and the next command worth running. Whatever happens here, the run has ended.

    Args:
        study: that was run.
        trials: how many it needs.
        stand_now: reads where it stands after the run.
    """
    lines = _found(stand_now) if trials <= _MOST_TRIALS else []
    return [*lines, f"report: `{study.command('report')}` writes all of it, with figures"]


def _found(stand_now: Callable[[], Standing]) -> list[str]:
    try:
        # Imported here: it takes a while, and a run with nothing to do needs none of it.
        from analysis.frames.evidence import gather
        from analysis.report.findings import findings_of

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = findings_of(gather(stand_now()))
    except KeyboardInterrupt:
        return []
    except Exception:
        # The results are kept, and the report says what is wrong with them.
        _log.debug("what was found could not be said", exc_info=True)
        return []
    sentences = (found.matters or found.endings)[:_MOST_SENTENCES]
    lines = ["found:", *(f"  {sentence}" for sentence in sentences)] if sentences else []
    return [*lines, *([f"next: `{found.next}` {found.why}"] if found.next else [])]
