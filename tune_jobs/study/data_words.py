"""What a study's data were taken as, and which loss follows from that, in lines for people."""

from collections.abc import Sequence

from tune_jobs.study.model import Study
from tune_jobs.study.rows import Row

# That a line on a terminal names.
MOST_COLUMNS = 6


def data_in_words(study: Study, rows: Sequence[Row], *, most: int | None = None) -> list[str]:
    """Say once for each dataset of the rows what was guessed of it, and for a regression the loss that follows.

    Args:
        study: that the rows belong to.
        rows: of `tune_jobs.study.rows.expand`.
        most: how many columns a line names; None for all.
    """
    lines: dict[str, None] = {}
    for row in rows:
        if row.config is None or row.config.trainer:
            continue
        info = row.config.dataset_info
        lines |= dict.fromkeys(f"{info.label}: {one.in_words(most)}" for one in info.taken)
        if info.task == "regression" and not _sets_objective(study, row):
            lines[f"{info.label}: objective is {row.config.objective}, as this is a regression; set it in base"] = None
    return list(lines)


def _sets_objective(study: Study, row: Row) -> bool:
    search = study.search.base if study.search is not None and row.table == "search" else {}
    return any("objective" in layer for layer in (study.base, study.overrides, row.sets, search))
