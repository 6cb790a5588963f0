"""The next command for a study, as its standing alone tells it: run while something is to be trained, else report."""

from tune_jobs.standing.looks import open_rows
from tune_jobs.standing.standing import Standing


def is_complete(standing: Standing, *, missing: bool) -> bool:
    """Whether a run would train nothing more.

    Args:
        standing: of the study.
        missing: whether trials that are known are missing.
    """
    searching = standing.search is not None and not standing.search.over
    # A stage that has not chosen has trials that nobody knows yet.
    choosing = len(standing.choices) < len(standing.study.stages)
    return not (missing or searching or choosing or _is_undecided(standing))


def next_command(standing: Standing, *, missing: bool) -> str:
    """The command that continues the run, or else writes the report; see `is_complete`."""
    study = standing.study
    if is_complete(standing, missing=missing):
        return study.command("report")
    if standing.looks is not None:
        # A run without the flag would go back to the seeds of the file.
        return study.command("run", "--until-decided")
    seeds = len(standing.seeds)
    return study.command("run", *([] if seeds == study.seeds else ["--seeds", str(seeds)]))


def _is_undecided(standing: Standing) -> bool:
    looks = standing.looks
    return looks is not None and looks.next is not None and bool(open_rows(standing.study, standing.rows, looks))
