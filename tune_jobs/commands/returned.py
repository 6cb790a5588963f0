"""What the methods of `ablatune.Study` return."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

    from analysis.report.findings import Findings


@dataclass(frozen=True)
class Ran:
    """How a run ended.

    Attributes:
        code: as the command line's exit code: 0 when all is done, 1 with trials that failed, were lost or reached their
            time limit or if the storage took no more results, 130 interrupted.
        status: what is done, running, failed and missing, in lines.
        dry_run: whether trials were only counted.
    """

    code: int
    status: str = field(repr=False, default="")
    dry_run: bool = False

    @property
    def complete(self) -> bool:
        """Whether every trial of the study has ended well: none failed, was lost or reached its time limit."""
        return self.code == 0 and not self.dry_run


@dataclass(frozen=True)
class Drawing:
    """A figure of a report; a notebook shows it."""

    figure: "Figure" = field(repr=False)
    caption: str

    def _repr_png_(self) -> bytes:
        import io

        stream = io.BytesIO()
        self.figure.savefig(stream, format="png", dpi=120)
        return stream.getvalue()


@dataclass(frozen=True)
class Report:
    """A study's report; a notebook shows the whole.

    Attributes:
        html: where it was written.
        tables: by name.
        figures: by name.
        published: what it says beside the published numbers, in lines.
        missing: how many of its `replicates` have not been run.
        findings: what was found, in sentences by question.
    """

    html: Path
    tables: Mapping[str, "pd.DataFrame"] = field(repr=False)
    figures: Mapping[str, Drawing] = field(repr=False)
    published: Sequence[str] = field(repr=False, default=())
    missing: int = 0
    replicates: int = 0
    findings: "Findings | None" = field(repr=False, default=None)

    def _repr_html_(self) -> str:
        from analysis.report.page.page import in_notebook

        return in_notebook(self.html)
