"""Ablatune from Python, for notebooks and scripts; the command line is a thin layer over this module.

import ablatune

study = ablatune.Study.load("my_study.yaml")  # or ablatune.Study(base={...}, tables=[...], seeds=5)
study.plan()
study.run()
report = study.report()
report.tables["width"]      # a pandas data frame
report.figures["width"]     # shown inline
study.trials()              # a row for each replicate of each level
"""

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tune_jobs.errors import UserError
from tune_jobs.ledger.saved_models import load_model
from tune_jobs.study.load import load_study
from tune_jobs.study.model import Study as Definition
from tune_jobs.study.resources import requested_resources
from tune_jobs.user_code.modules import UserCodeError
from tune_jobs.user_code.notebook import with_references

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

    from tune_jobs.commands.evaluate import Evaluation
    from tune_jobs.commands.run import RunOptions
    from tune_jobs.forecast.forecast import Forecast
    from tune_jobs.standing.variants import Selection

__all__ = [
    "DEFAULT_DATA_DIR",
    "DEFAULT_STORAGE",
    "Drawing",
    "Ran",
    "Report",
    "Study",
    "UserCodeError",
    "UserError",
    "load_model",
]

DEFAULT_STORAGE = "results"
DEFAULT_DATA_DIR = "data"
_RESOURCES = ("cpus_per_trial", "gpus_per_trial", "time_limit_minutes")


@dataclass(frozen=True)
class Ran:
    """How a run ended.

    Attributes:
        code: as the command line's exit code: 0 when all is done, 1 with failures, 130 interrupted.
        status: what is done, running, failed and missing, in lines.
    """

    code: int
    status: str = field(repr=False, default="")

    @property
    def complete(self) -> bool:
        """Whether every trial of the study has ended well."""
        return self.code == 0


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
    """

    html: Path
    tables: Mapping[str, "pd.DataFrame"] = field(repr=False)
    figures: Mapping[str, Drawing] = field(repr=False)
    published: Sequence[str] = field(repr=False, default=())
    missing: int = 0
    replicates: int = 0

    def _repr_html_(self) -> str:
        from html import escape

        page = escape(self.html.read_text(encoding="utf-8"))
        return f'<iframe srcdoc="{page}" style="width: 100%; height: 40em; border: 1px solid #ccc"></iframe>'


class Study:
    """A study with the place of its results.

    Args:
        name: of the study; the reports and the ledger know it by this.
        storage: folder or s3://… of the ledger; ABLATUNE_STORAGE or "results" unless told.
        data_dir: folder of the datasets; ABLATUNE_DATA_DIR or "data" unless told.
        overrides: fields of the base that differ from the study's.
        fraction: the share of the epochs that a quick look takes.
        replicates: how many; those of the study unless told.
        document: the keys of a study file (`base`, `tables`, `seeds`, …). A network, a loss, … may be the class or
            function itself.

    Raises:
        UserError: something in the document is not as it must be.
    """

    def __init__(
        self,
        *,
        name: str = "study",
        storage: str | Path | None = None,
        data_dir: str | Path | None = None,
        overrides: Mapping[str, Any] | None = None,
        fraction: float = 1.0,
        replicates: int | None = None,
        **document: Any,
    ) -> None:
        from tune_jobs.study.parser import parse_study
        from tune_jobs.study.yaml_node import YamlNode

        plain, code = with_references(document)
        self._place(storage, data_dir, replicates)

        def parse(overrides: Mapping[str, Any], fraction: float) -> Definition:
            return parse_study(
                YamlNode(plain, name, 0),
                name=name,
                overrides=overrides,
                fraction=fraction,
                data_dir=self.data_dir,
                defined=code,
            )

        self._parse = parse
        self.definition = parse(overrides or {}, fraction)

    @classmethod
    def load(
        cls,
        name_or_path: str | Path,
        *,
        storage: str | Path | None = None,
        data_dir: str | Path | None = None,
        overrides: Mapping[str, Any] | None = None,
        fraction: float = 1.0,
        replicates: int | None = None,
    ) -> "Study":
        """Return a shipped study by its name, or any study by its file; see the class for the arguments.

        Raises:
            UserError: there is no such study, or something in it is not as it must be.
        """
        study = cls.__new__(cls)
        study._place(storage, data_dir, replicates)

        def parse(overrides: Mapping[str, Any], fraction: float) -> Definition:
            return load_study(str(name_or_path), overrides, fraction, study.data_dir)

        study._parse = parse
        study.definition = parse(overrides or {}, fraction)
        return study

    def _place(self, storage: str | Path | None, data_dir: str | Path | None, replicates: int | None) -> None:
        self.storage = str(storage or os.environ.get("ABLATUNE_STORAGE", DEFAULT_STORAGE))
        self.data_dir = Path(data_dir or os.environ.get("ABLATUNE_DATA_DIR", DEFAULT_DATA_DIR))
        self.replicates = replicates

    _parse: Callable[[Mapping[str, Any], float], Definition]
    definition: Definition

    def __repr__(self) -> str:
        return f"Study({self.definition.name!r}: {self.definition.title})"

    def plan(
        self, *, pilot: bool = True, rate: float | None = None, nodes: int | None = None, **options: Any
    ) -> "Forecast":
        """Return what a run would take: trials, time, packing, disk, price; print it to read it.

        Args:
            pilot: whether to time a few epochs of each shape of trial that is missing, which takes seconds to a
                minute; without, what is missing is only counted.
            rate: price of one node for one hour.
            nodes: how many nodes there will be, each like the first of those there are.
            options: as for `run`.

        Raises:
            UserError: the data cannot be read, the storage cannot be written, or no node can hold a trial.
        """
        from tune_jobs.forecast.forecast import plan_ahead

        return plan_ahead(self.definition, self.run_options(**options), with_pilots=pilot, rate=rate, nodes=nodes)

    def run(self, **options: Any) -> Ran:
        """Train what is missing, with progress; an interrupt is safe, and the same call continues.

        Args:
            options: `retry_failed`, `download`, `max_concurrent`, `address`, `cpus`, `logical_gpus`, `dry_run`,
                `cpus_per_trial`, `gpus_per_trial`, `time_limit_minutes`; each as on the command line.

        Raises:
            UserError: bad input, found before anything is trained.
        """
        from tune_jobs.commands.run import run_study

        run_options = self.run_options(**options)
        code = run_study(self.definition, run_options)
        return Ran(code, "" if run_options.dry_run else self.status())

    def status(self) -> str:
        """Return what is done, running, failed, missing and stale, in lines.

        Raises:
            UserError: the study was never run.
        """
        from tune_jobs.commands.status import status_lines

        return "\n".join(status_lines(self._selected()))

    def evaluate(self, *, again: bool = False, **options: Any) -> "Evaluation":
        """Open the sealed test set once, for the final configuration and the one that validation chose.

        Args:
            again: open it once more; the report counts the openings.
            options: as for `run`.

        Raises:
            UserError: the study has not been run, or has opened the test set before.
        """
        from tune_jobs.commands.evaluate import evaluate_study

        selected = self._selected()
        if self.replicates is None and selected.seeds < selected.study.seeds:
            raise UserError(
                f"{selected.study.name}: declares {selected.study.seeds} seeds and was run with {selected.seeds}; run "
                f"the rest first, or open the test set for fewer with --seeds {selected.seeds}"
            )
        run_options = self._options(selected.study, selected.seeds, options)
        return evaluate_study(selected.study, run_options, variant=selected.variant, again=again)

    def report(self, folder: str | Path | None = None) -> Report:
        """Write the report (HTML, Markdown, LaTeX, CSV, figures) and return it; a notebook shows it.

        Args:
            folder: where to; report/STUDY unless told.

        Raises:
            UserError: the ledger has none of the study's trials, or the folder cannot be written.
        """
        from analysis.report.report import write_report

        selected = self._selected()
        variant = f"@{selected.variant.replace(', ', ',').replace('/', '-')}" if selected.variant else ""
        written = write_report(
            selected.study,
            selected.ledger,
            seeds=range(selected.seeds),
            fingerprints=selected.fingerprints,
            folder=Path(folder) if folder is not None else Path("report") / f"{selected.study.name}{variant}",
            variant=selected.variant,
        )
        return Report(
            written.html,
            written.frames,
            {name: Drawing(figure, caption) for name, (figure, caption) in written.drawn.items()},
            written.published,
            written.missing,
            written.replicates,
        )

    def trials(self) -> "pd.DataFrame":
        """Return a row for each replicate of each level: what it set, how it ended, its metrics and times.

        Raises:
            UserError: the ledger has none of the study's trials.
        """
        frame: pd.DataFrame = self._evidence().trials
        return frame

    def curves(self) -> "pd.DataFrame":
        """Return a row for each epoch of each replicate of each level.

        Raises:
            UserError: the ledger has none of the study's trials.
        """
        frame: pd.DataFrame = self._evidence().curves
        return frame

    def _evidence(self) -> Any:
        from analysis.frames.evidence import gather

        selected = self._selected()
        return gather(selected.study, selected.ledger, seeds=range(selected.seeds), fingerprints=selected.fingerprints)

    def _selected(self) -> "Selection":
        from tune_jobs.standing.variants import select_variant

        return select_variant(
            self.definition, self._parse, seeds=self.replicates, storage_uri=self.storage, data_dir=self.data_dir
        )

    def run_options(self, **options: Any) -> "RunOptions":
        """Return what `run` is to do, from options as it takes them."""
        return self._options(self.definition, self.replicates or self.definition.seeds, options)

    def _options(self, study: Definition, seeds: int, options: Mapping[str, Any]) -> "RunOptions":
        from tune_jobs.commands.run import RunOptions

        asked = {name: options[name] for name in _RESOURCES if name in options}
        further = {name: value for name, value in options.items() if name not in _RESOURCES}
        further.setdefault("address", os.environ.get("RAY_ADDRESS"))
        resources = requested_resources(study.resources, **asked)
        return RunOptions(storage=self.storage, data_dir=self.data_dir, seeds=seeds, resources=resources, **further)
