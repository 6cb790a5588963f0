"""`report`: a study's tables, figures and what was run, as HTML, Markdown, LaTeX and CSV. Only this module writes."""

import base64
import io
import os
import uuid
import warnings as python_warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jinja2
import matplotlib
import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from numpy.typing import NDArray

from analysis.collapse import suspects, with_one_class
from analysis.columns import columns
from analysis.frames import curves_frame, trials_frame
from analysis.plots import figure_caption, table_figure
from analysis.rendering import RENDERERS, latex_text, markdown_text, to_latex
from analysis.series import series_of
from analysis.summary import facts, not_as_planned, settings, warnings
from analysis.tables import TableView, build_table, final_table
from tune_jobs.config import validation_rows
from tune_jobs.errors import UserError
from tune_jobs.expansion import Row, data_id, expand, row_trial
from tune_jobs.ledger import Contents, Ledger, targets_name
from tune_jobs.study import FINAL, Study, Table

_TEMPLATES = Path(__file__).resolve().parent / "templates"
# So that equal figures are equal bytes, on every machine and whatever its matplotlibrc says.
_FIGURE_STYLE: Any = {"svg.hashsalt": "ablatune", "font.size": 9.0, "savefig.dpi": 200.0}
_METADATA: Mapping[str, dict[str, Any]] = {"pdf": {"CreationDate": None}, "svg": {"Date": None}, "png": {}}


@dataclass(frozen=True)
class ReportFiles:
    """Where a report was written."""

    folder: Path
    html: Path
    markdown: Path
    latex: Path
    trials: Path
    tables: tuple[Path, ...]
    figures: tuple[Path, ...]


@dataclass(frozen=True)
class _Section:
    """A table and its figure, None where nothing of it was run."""

    view: TableView
    figure: Figure | None
    svg: str = field(default="", repr=False)


def write_report(
    study: Study,
    ledger: Ledger,
    *,
    seeds: Sequence[int],
    fingerprints: Mapping[str, str],
    folder: Path,
    variant: str = "",
) -> ReportFiles:
    """Write a study's report into a folder, as far as the ledger has its trials; return where.

    Equal ledgers give equal bytes. Each file is replaced as a whole; files of other names stay.

    Args:
        study: with its overrides.
        ledger: is only read.
        seeds: the replicates of every row.
        fingerprints: of the data, by `tune_jobs.expansion.data_id`.
        folder: is made where it is not there.
        variant: what was overridden, in words.

    Raises:
        UserError: the ledger has none of the study's trials, or the folder cannot be written.
    """
    rows = expand(study)
    keys = {row_trial(row, seed, fingerprints).key for row in rows if row.config is not None for seed in seeds}
    contents = ledger.read(keys=keys)
    if not contents.records:
        storage = ledger.storage.uri
        raise UserError(f"{storage}: has none of the {len(keys)} trials of {study.name}; run it first")
    _make(folder)
    tables = [*study.tables, *(final_table(row) for row in rows if row.table == FINAL)]
    trials = trials_frame(
        rows,
        seeds=seeds,
        fingerprints=fingerprints,
        contents=contents,
        train_metrics={table.name: table.train_metric for table in tables},
    )
    trials = _with_one_class(trials, rows, ledger, fingerprints)
    curves = curves_frame(rows, seeds=seeds, fingerprints=fingerprints, contents=contents)
    with matplotlib.rc_context(_FIGURE_STYLE):
        sections = [_section(table, rows, trials, curves, seeds) for table in tables]
        figures = _figure_files(sections)
    final = next((row for row in rows if row.table == FINAL), None)
    words = {
        "study": study,
        "facts": facts(
            rows=rows,
            seeds=seeds,
            trials=trials,
            records=[contents.records[key] for key in sorted(contents.records)],
            fingerprints=fingerprints,
            ledger=ledger.storage.uri,
            variant=variant,
        ),
        "warnings": warnings(trials, contents),
        "sections": [section for section in sections if section.view.name != FINAL],
        "final": next((section for section in sections if section.view.name == FINAL), None),
        "settings": settings(final.config) if final is not None and final.config is not None else [],
        "odd": not_as_planned([section.view for section in sections], trials),
    }
    return _write_all(folder, words, [section.view for section in sections], figures, trials)


def _with_one_class(
    trials: pd.DataFrame, rows: Sequence[Row], ledger: Ledger, fingerprints: Mapping[str, str]
) -> pd.DataFrame:
    targets: dict[str, NDArray[Any] | None] = {}
    by_position = {}
    for position, row in enumerate(rows):
        if row.config is None or row.config.dataset_info.task != "classification":
            continue
        fingerprint = fingerprints[data_id(row.config)]
        name = targets_name(fingerprint, row.config.split_seed, validation_rows(row.config))
        if name not in targets:
            targets[name] = _targets(ledger, name)
        kept = targets[name]
        if kept is not None:
            by_position[position] = kept
    lines = suspects(trials, by_position)
    contents = ledger.read(predictions=True, keys=set(lines["key"])) if len(lines) else Contents({})
    return with_one_class(trials, lines, rows, contents)


def _targets(ledger: Ledger, name: str) -> NDArray[Any] | None:
    try:
        return np.asarray(ledger.read_targets(name)["targets"])
    except FileNotFoundError:
        return None


def _section(
    table: Table, rows: Sequence[Row], trials: pd.DataFrame, curves: pd.DataFrame, seeds: Sequence[int]
) -> _Section:
    own = [(position, row) for position, row in enumerate(rows) if row.table == table.name]
    view = build_table(table, own, trials, seeds=seeds)
    if not curves["position"].isin([position for position, _ in own]).any():
        return _Section(view, None)
    figure = table_figure(view, series_of(view, curves, trials))
    svg = base64.b64encode(_figure_bytes(figure, "svg")).decode()
    return _Section(view, figure, svg)


def _figure_files(sections: Sequence[_Section]) -> dict[str, bytes]:
    return {
        f"{section.view.name}.{kind}": _figure_bytes(section.figure, kind)
        for section in sections
        if section.figure is not None
        for kind in ("pdf", "png")
    }


def _figure_bytes(figure: Figure, kind: str) -> bytes:
    stream = io.BytesIO()
    with python_warnings.catch_warnings():
        # A label in a script that the font lacks is drawn as boxes; the tables have it in full.
        python_warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        figure.savefig(stream, format=kind, metadata=_METADATA[kind])
    figure.set_layout_engine("none")  # laid out by now, the same for every kind
    return stream.getvalue()


def _write_all(
    folder: Path,
    words: Mapping[str, Any],
    views: Sequence[TableView],
    figures: Mapping[str, bytes],
    trials: pd.DataFrame,
) -> ReportFiles:
    texts = {
        "index.html": _html().get_template("report.html").render(words),
        "report.md": _plain(markdown_text).get_template("report.md").render(words),
        "report.tex": _plain(latex_text).get_template("report.tex").render(words),
        "tables.tex": "% Needs \\usepackage{array,booktabs,graphicx}.\n" + "\n".join(map(to_latex, views)),
        "trials.csv": trials.to_csv(index=False, lineterminator="\n"),
    }
    tables = {f"{view.name}.{kind}": render(view) for view in views for kind, render in RENDERERS.items()}
    for name, text in texts.items():
        _write(folder / name, text.encode())
    for name, text in tables.items():
        _write(folder / "tables" / name, text.encode())
    for name, content in figures.items():
        _write(folder / "figures" / name, content)
    return ReportFiles(
        folder=folder,
        html=folder / "index.html",
        markdown=folder / "report.md",
        latex=folder / "report.tex",
        trials=folder / "trials.csv",
        tables=tuple(folder / "tables" / name for name in tables),
        figures=tuple(folder / "figures" / name for name in figures),
    )


def _make(folder: Path) -> None:
    try:
        for path in (folder, folder / "tables", folder / "figures"):
            path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _unwritable(folder, error) from error


def _write(path: Path, content: bytes) -> None:
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex}.part")
    try:
        temporary.write_bytes(content)
        os.replace(temporary, path)
    except OSError as error:
        raise _unwritable(path, error) from error
    finally:
        temporary.unlink(missing_ok=True)


def _unwritable(path: Path, error: OSError) -> UserError:
    return UserError(f"{path}: cannot be written ({error}); give another folder with --output")


def _html() -> jinja2.Environment:
    environment = _environment(autoescape=True)
    environment.globals["columns"] = columns
    return environment


def _plain(escape: Any) -> jinja2.Environment:
    """Return an environment for text: the filter `e` escapes it, and brackets are such as LaTeX has no use for."""
    environment = _environment(
        autoescape=False,
        block_start_string="<%",
        block_end_string="%>",
        variable_start_string="<<",
        variable_end_string=">>",
        comment_start_string="<#",
        comment_end_string="#>",
    )
    environment.filters["e"] = escape
    environment.filters["table"] = RENDERERS["md"]
    return environment


def _environment(**options: Any) -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_TEMPLATES),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        **options,
    )
    environment.filters["figure_caption"] = figure_caption
    return environment
