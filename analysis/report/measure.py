"""What the paths, the changes and the pairs of a study are measured by: metric, validation rows, and what it claims."""

from collections.abc import Sequence

from analysis.frames.evidence import Evidence
from analysis.statistics.measure import Measure
from analysis.tables.comparing import ROOTS, overlap_of, rows_of
from tune_jobs.study.model import READS, Showing
from tune_jobs.study.rows import Row
from tune_jobs.trial.config import METRIC_SPECS

ACCURACY = "accuracy"


def measure_of(evidence: Evidence, table: str, metric: str, unit: str) -> Measure:
    """How the rows of a path or of a search's follow-up are judged.

    Args:
        evidence: of the study.
        table: one of those whose replicates have validation parts of their own.
        metric: a name in `METRIC_SPECS`; "" for the loss.
        unit: of the metric.
    """
    showing = evidence.study.showing
    rows = [row for _, row in evidence.rows_of(table) if row.config is not None]
    accuracy = metric == ACCURACY
    sizes = [rows_of(row) for row in rows] if accuracy or metric in ROOTS else []
    classes = [row.config.dataset_info.classes for row in rows if row.config is not None] if accuracy else []
    return Measure(
        higher_is_better=bool(metric) and METRIC_SPECS[metric].higher_is_better,
        unit=unit,
        accuracy=accuracy,
        rows=min(sizes, default=0) or None,
        chance=100 / max(min(classes, default=1), 1) if accuracy else 0.0,
        collapsed_below=showing.collapsed_below if accuracy else None,
        margin=showing.margin if metric else None,
        overlap=fresh_overlap(rows, showing),
    )


def fresh_overlap(rows: Sequence[Row], showing: Showing) -> float:
    """What shared rows add to the variance of a mean of replicates that have validation parts of their own."""
    claim = "dataset" if showing.claims == "dataset" else "population"
    return max((overlap_of(row, claim) for row in rows), default=0.0)


def read_words(row: Row) -> str:
    """The kind of epoch that a row shows."""
    return f"the best of {row.epochs} epochs" if row.read == "best" else READS[row.read]
