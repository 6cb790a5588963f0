"""The first screen of a report: all differences on one axis, time against quality, and what all tables share."""

from collections.abc import Sequence

from analysis.frames.evidence import Evidence
from analysis.report.section import Section
from analysis.tables.tables import TableView


def overview_of(views: Sequence[TableView], evidence: Evidence) -> Section | None:
    """Draw what the tables show together; None where no level is compared with a default."""
    return None


def shared_words(views: Sequence[TableView]) -> list[str]:
    """Say what holds for all tables of a report, in sentences."""
    return []
