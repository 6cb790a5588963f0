"""The Python interface: `ablatune.Study`. The command line is a thin layer over it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from tune_jobs.commands.default_places import default_places
from tune_jobs.commands.keywords import takes_options
from tune_jobs.commands.returned import Ran, Report
from tune_jobs.commands.secret_fields import refuse_secrets
from tune_jobs.errors import UserError
from tune_jobs.study.limits import check_replicates
from tune_jobs.study.load import load_study
from tune_jobs.study.model import Study as Definition
from tune_jobs.study.python_document import path_text, plain_document
from tune_jobs.training.run_options import (
    CheckOptions,
    EvaluateOptions,
    PlanOptions,
    RunOptions,
    TrackerOptions,
    TrainingOptions,
    VariantOptions,
)
from tune_jobs.training.settings import Settings
from tune_jobs.user_code.notebook import with_references

if TYPE_CHECKING:
    import pandas as pd

    from analysis.frames.evidence import Evidence
    from tune_jobs.commands.evaluate import Evaluation
    from tune_jobs.commands.import_results import Imported
    from tune_jobs.forecast.forecast import Forecast
    from tune_jobs.standing.standing import Standing
    from tune_jobs.training.determinism import Finding

Options = TypeVar("Options", bound=TrainingOptions)


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

        plain, code = with_references(plain_document(document))
        self._place(storage, data_dir)

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
        self._define(overrides, VariantOptions(fraction=fraction, replicates=replicates))

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
        study._place(storage, data_dir)
        name = path_text("the study", name_or_path)

        def parse(overrides: Mapping[str, Any], fraction: float) -> Definition:
            found = load_study(name, overrides, fraction, study.data_dir)
            return replace(found, given=(*found.given, *study._place_words(replicates)))

        study._parse = parse
        study._define(overrides, VariantOptions(fraction=fraction, replicates=replicates))
        return study

    def _place(self, storage: str | Path | None, data_dir: str | Path | None) -> None:
        default_storage, default_data_dir = default_places()
        self.storage = path_text("storage", storage or default_storage)
        self.data_dir = Path(path_text("data_dir", data_dir or default_data_dir))

    def _place_words(self, replicates: int | None) -> list[str]:
        """The flags that say how many replicates there are and where results and data lie, if that is not as usual."""
        default_storage, default_data_dir = default_places()
        words = [] if replicates is None else ["--seeds", str(replicates)]
        words += ["--storage", self.storage] if self.storage != default_storage else []
        return words + (["--data-dir", str(self.data_dir)] if self.data_dir != Path(default_data_dir) else [])

    def _define(self, overrides: Mapping[str, Any] | None, variant: VariantOptions) -> None:
        plain = plain_document({} if overrides is None else overrides)
        if isinstance(plain, Mapping):
            refuse_secrets(plain)
        self.definition = self._parse(plain, variant.fraction)
        self.replicates = variant.replicates
        check_replicates(self.definition, self.replicates or self.definition.seeds)

    _parse: Callable[[Mapping[str, Any], float], Definition]
    definition: Definition

    def __repr__(self) -> str:
        return f"Study({self.definition.name!r}: {self.definition.title})"

    @takes_options(PlanOptions)
    def plan(self, options: PlanOptions) -> "Forecast":
        """Work out what a run would take: trials, time, packing, disk, price; print it to read it.

        Raises:
            UserError: the data cannot be read, the storage cannot be written, or no node can hold a trial.
        """
        from tune_jobs.forecast.plan import plan_ahead

        if options.show is not None:
            _check_difference(self.definition, options.show)
        forecast = plan_ahead(self.definition, self.settings(options))
        if options.show is None:
            return forecast
        from analysis.tables.seeds_to_show import seeds_to_show

        lines = seeds_to_show(forecast.counts.standing, options.show)
        return replace(forecast, seeds=lines, text="\n".join([forecast.text, *lines]))

    @takes_options(CheckOptions)
    def check(self, options: CheckOptions) -> "list[Finding]":
        """Find out whether a seed fixes the numbers of the default, and a checkpoint continues to the same.

        Raises:
            UserError: the default cannot be trained on this machine.
        """
        from tune_jobs.training.determinism import check_determinism, devices_of

        settings = self.settings(TrainingOptions(logical_gpus=options.logical_gpus))
        return check_determinism(self.definition, self.data_dir, devices_of(settings), options.epochs)

    @takes_options(RunOptions)
    def run(self, options: RunOptions) -> Ran:
        """Train what is missing, with progress; an interrupt is safe, and the same call continues.

        Raises:
            UserError: bad input, found before anything is trained.
        """
        from tune_jobs.commands.run import run_study

        code = run_study(self.definition, self.settings(options))
        return Ran(code, "" if options.dry_run else self.status(), options.dry_run)

    def status(self) -> str:
        """Return what is done, running, failed, missing and stale, in lines.

        Raises:
            UserError: the study was never run.
        """
        from tune_jobs.commands.status import status_lines

        return "\n".join(status_lines(self.standing()))

    @takes_options(EvaluateOptions)
    def evaluate(self, options: EvaluateOptions) -> "Evaluation":
        """Open the sealed test set once, for the final configuration and the one that validation chose.

        Raises:
            UserError: the study has not been run, or has opened the test set before.
        """
        from tune_jobs.commands.evaluate import evaluate_study

        standing = self.standing()
        study, seeds = standing.study, len(standing.seeds)
        if self.replicates is None and seeds < study.seeds:
            raise UserError(
                f"{study.name}: declares {study.seeds} seeds and was run with {seeds}; run the rest first, or open the "
                f"test set for fewer with --seeds {seeds}"
            )
        settings = Settings(self.storage, self.data_dir, seeds, study.resources, options)
        return evaluate_study(study, settings, variant=standing.variant)

    def report(
        self,
        folder: str | Path | None = None,
        *,
        style: str = "full",
        siunitx: bool = False,
        tracker: str | None = None,
    ) -> Report:
        """Write the report (HTML, Markdown, LaTeX, CSV, figures) and return it; a notebook shows it.

        Args:
            folder: where to; report/STUDY unless told.
            style: of the tables for LaTeX: "full", or "paper" for level, metric, difference and verdict.
            siunitx: align the numbers of these tables with the LaTeX package siunitx.
            tracker: where to send it to, in place of the study's trackers; "none" for nowhere.

        Raises:
            UserError: the ledger has none of the study's trials, or the folder cannot be written.
        """
        from tune_jobs.commands.report import report_study
        from tune_jobs.study.trackers import chosen_trackers

        options = TrackerOptions(tracker=tracker)
        trackers = chosen_trackers(self.definition.trackers, options.tracker)
        given = None if folder is None else Path(path_text("folder", folder))
        return report_study(self.standing(), given, style=style, siunitx=siunitx, trackers=trackers)

    def print_report(self) -> None:
        """Print what was found and the tables, as wide as the terminal is; no file is written.

        Raises:
            UserError: the ledger has none of the study's trials.
        """
        from analysis.report.terminal import print_report
        from tune_jobs.commands.output import console

        print_report(self._evidence(), console())

    def import_results(
        self,
        results: "str | Path | pd.DataFrame",
        *,
        columns: Mapping[str, str] | None = None,
        seed_column: str = "",
        epoch_column: str = "",
        time_column: str = "",
        ignore: Sequence[str] = (),
        experiment: str = "",
        dry_run: bool = False,
    ) -> "Imported":
        """Add results that others trained to the ledger, so that new seeds extend them; print it to read what was done.

        Args:
            results: a file, a folder or a URI; or a pandas frame with a line for each run or epoch.
            columns: the column of a field or of a metric, by its name in the study; the one of its name unless told.
            seed_column: the column of seeds.
            epoch_column: the column that counts epochs.
            time_column: the column of training times.
            ignore: columns that vary and made no difference.
            experiment: which Optuna study or MLflow experiment, where there are several.
            dry_run: whether to write nothing.

        Raises:
            UserError: the study has no training function, its columns cannot be matched, or no run is a trial of it.
        """
        from tune_jobs.commands.import_results import import_results, results_from
        from tune_jobs.existing.study_columns import Said

        said = Said(
            columns=dict(columns or {}),
            seed=seed_column,
            epoch=epoch_column,
            seconds=time_column,
            ignored=tuple(ignore),
        )
        settings = self.settings(TrainingOptions())
        return import_results(self.definition, results_from(results, experiment), said, settings, dry_run=dry_run)

    def trials(self) -> "pd.DataFrame":
        """Return a row for each replicate of each level: what it set, how it ended, its metrics and times.

        Raises:
            UserError: the ledger has none of the study's trials.
        """
        return self._evidence().trials

    def curves(self) -> "pd.DataFrame":
        """Return a row for each epoch of each replicate of each level.

        Raises:
            UserError: the ledger has none of the study's trials.
        """
        return self._evidence().curves

    def _evidence(self) -> "Evidence":
        from analysis.frames.evidence import gather

        return gather(self.standing())

    def standing(self) -> "Standing":
        """Return where the study stands, as the ledger has it: what commands and reports are made from.

        Raises:
            UserError: the study was never run.
        """
        from tune_jobs.standing.variants import stand_as_run

        return stand_as_run(
            self.definition, self._parse, seeds=self.replicates, storage_uri=self.storage, data_dir=self.data_dir
        )

    def settings(self, options: Options) -> "Settings[Options]":
        """Return what a run is given beside the study.

        Raises:
            UserError: a trial cannot be given what is asked for.
        """
        seeds = self.replicates or self.definition.seeds
        return Settings(self.storage, self.data_dir, seeds, self.definition.resources, options)


def _check_difference(study: Definition, difference: float) -> None:
    if difference <= 0:
        raise UserError(f"--show {difference:g}: is no difference; give one above 0, in the metric's unit")
    if not study.tables:
        raise UserError(f"--show: {study.name} has no tables, and seeds are for their comparisons; leave it out")
