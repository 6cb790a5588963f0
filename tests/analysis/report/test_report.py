"""The report: what is written, that it is the same each time, and that LaTeX takes it."""

import dataclasses
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from analysis.report.report import ReportFiles, write_report
from tune_jobs.errors import UserError
from tune_jobs.ledger.targets import targets_name, write_targets
from tune_jobs.trial.config import TrialConfig

STUDY = """\
title: Odd & ends <b>100%</b> of $x_1$
reproduces: "nothing | at *all*"
description: A {small} study with \\ and ~.
base: {dataset: digits, network: cnn, hidden_units: 4, epochs: 3, padding: 0, pooling: false}
tables:
  - title: Learning rate
    factor: learning_rate
    levels: [0.001, 0.1, 1.0]
  - title: Grid
    name: grid
    cross: {hidden_layers: [1, 4], kernel_size: [3, 5]}
  - title: Odd labels
    name: odd
    label: Level_name & more
    levels:
      - {label: '_a%b&c|d*e<f$g\\h', set: {hidden_units: 8}}
      - {label: '[x] {y} ^z~ #1 "q" 日本', set: {hidden_units: 4}}
      - {label: '<script>alert(1)</script>', set: {hidden_units: 2}}
final: {learning_rate: 0.01}
"""

STAGED = """\
title: A staged study & its report
fresh_seeds: 3
splits: validation
base: {dataset: digits, hidden_units: 4, epochs: 3}
stages:
  - {name: width, title: 'Width_of <b> 100% & #1', factor: hidden_units, levels: [4, 8]}
  - {name: rate, title: Learning rate, factor: learning_rate, levels: [0.001, 0.1]}
tables:
  - {title: Activation, factor: activation, levels: [relu, tanh], figures: [curves, losses]}
final: {hidden_units: 8}
"""
# Sentences enough for a table of several pages, with all that a form must escape.
PUBLISHED = """\
source: 'A & B, {100%} of <b>x_1</b>'
tables:
  - table: activation
    columns: {train_metric: 2, validation_metric: 2, train_seconds: 2}
    because: 'the split & 50% of <i>pixel_scaling</i> are not said'
    rows:
      ReLU: [97.60, 96.50, 7.9]
      Tanh: {values: [50, 50, 7], because: 'printed as $5_0$ | 50~'}
values:
  - {table: final, level: Final configuration, quantity: test_metric, value: 95.0, decimals: 2, quote: It has 95.00%.}
statements:
""" + "".join(
    f"""\
  - quote: 'Sentence {number} of "the" report_& <script>alert({number})</script> says that ReLU^2 is 100% better.'
    says: 'higher #{number} & more'
    tests:
      - {{higher: ReLU, than: Tanh, table: activation, quantity: validation_metric}}
      - {{lower: Tanh, than: ReLU, table: activation, quantity: train_loss}}
    because: 'one run | of *many*'
"""
    for number in range(40)
)


def report(ran: Any, folder: Path, **options: Any) -> ReportFiles:
    return write_report(dataclasses.replace(ran.standing, **options), folder)


@pytest.fixture(scope="module")
def ran(run: Any, fate: Any) -> Any:
    """Return a run in which something of everything went wrong."""

    def fates(config: TrialConfig) -> Any:
        if config.learning_rate == 0.1:
            return fate(last=100 * 2 / 3, one_class=True)
        if config.learning_rate == 1 and config.seed:
            return fate("diverged", 2, "the training loss is not finite & so on")
        if config.hidden_units == 2:
            return fate("missing")
        return fate()

    return run(STUDY, fates=fates)


@pytest.fixture(scope="module")
def files(ran: Any, tmp_path_factory: pytest.TempPathFactory) -> ReportFiles:
    """Return its report."""
    return report(ran, tmp_path_factory.mktemp("report"), variant="epochs=3")


@pytest.fixture(scope="module")
def staged(run: Any, fate: Any, publish: Any, opened: Any) -> Any:
    """Return a run of a study with stages, published numbers and an opened test set."""

    def fates(config: TrialConfig) -> Any:
        return fate(last=90.0 + config.hidden_units / 2 - 5 * (config.learning_rate == 0.1) + 0.1 * (config.seed % 7))

    ran = publish(run(STAGED, fates=fates), PUBLISHED)
    opened(ran, [94.5, 95.0, 95.9])
    return ran


@pytest.fixture(scope="module")
def staged_files(staged: Any, tmp_path_factory: pytest.TempPathFactory) -> ReportFiles:
    """Return its report."""
    return report(staged, tmp_path_factory.mktemp("staged"))


def test_everything_is_written(files: ReportFiles) -> None:
    names = {path.relative_to(files.folder).as_posix() for path in files.folder.rglob("*") if path.is_file()}
    tables = ("learning_rate", "grid", "odd", "final")
    assert names == {
        "index.html",
        "report.md",
        "report.tex",
        "tables.tex",
        "trials.csv",
        *(f"tables/{table}.{kind}" for table in tables for kind in ("md", "tex", "csv")),
        *(f"figures/{table}.{kind}" for table in tables for kind in ("pdf", "png")),
    }
    for path in (files.html, files.markdown, files.latex, files.trials, *files.tables, *files.figures):
        assert path.stat().st_size


def test_the_order_of_the_report(files: ReportFiles) -> None:
    titles = ("Learning rate", "Grid", "Odd labels", "Final configuration", "Not as planned", "What was run")
    opening = {files.html: "<h2", files.markdown: "## ", files.latex: "\\section{"}
    for path, mark in opening.items():
        head, *sections = path.read_text().split(mark)
        assert len(sections) == len(titles)
        for words in ("Reproduces", "3 of 21 trials have not been run to the end"):
            assert words in head
        for title, section in zip(titles, sections, strict=True):
            assert title in section.splitlines()[0]


def test_html_is_one_file_and_shows_labels_as_they_are(files: ReportFiles) -> None:
    html = files.html.read_text()
    assert "<script>" not in html
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in html
    assert "Odd &amp; ends &lt;b&gt;100%&lt;/b&gt;" in html
    assert html.count("data:image/svg+xml;base64,") == 4
    assert "http" not in html
    assert "diverged in 2 of 3: the training loss is not finite &amp; so on" in html


def test_a_collapsed_level_says_so(files: ReportFiles, run: Any, fate: Any, tmp_path: Path) -> None:
    assert "predicts one class only" in files.markdown.read_text(), "without targets"
    small = STUDY.partition("  - title: Grid")[0]
    with_targets = run(small, fates=lambda config: fate(last=100 * 2 / 3, one_class=config.learning_rate == 1))
    write_targets(
        with_targets.ledger.storage,
        targets_name("f" * 64, TrialConfig(dataset="digits")),
        {"targets": np.array([0, 0, 1])},
    )
    text = report(with_targets, tmp_path / "report").markdown.read_text()
    assert [line.split()[1] for line in text.splitlines() if "predicts one class only" in line] == ["1"]


def test_trials_csv_is_the_frame(ran: Any, files: ReportFiles) -> None:
    written = pd.read_csv(files.trials)
    expected = ran.trials
    assert len(written) == len(expected)
    np.testing.assert_array_equal(written["validation_metric"], expected["validation_metric"])
    assert written["reason"].fillna("").tolist() == expected["reason"].tolist()


def test_equal_ledgers_give_equal_bytes_over_what_was_there(ran: Any, files: ReportFiles, tmp_path: Path) -> None:
    (tmp_path / "index.html").write_text("of the report before")
    (tmp_path / "notes.txt").write_text("mine")
    report(ran, tmp_path, variant="epochs=3")
    names = sorted(path.relative_to(files.folder) for path in files.folder.rglob("*") if path.is_file())
    assert names
    assert not [name for name in names if (files.folder / name).read_bytes() != (tmp_path / name).read_bytes()]
    assert (tmp_path / "notes.txt").read_text() == "mine"
    assert not list(tmp_path.rglob(".*"))


def test_a_staged_study_beside_its_report_is_written_as_a_whole(staged_files: ReportFiles) -> None:
    names = {path.relative_to(staged_files.folder).as_posix() for path in staged_files.folder.rglob("*.*")}
    sheets = ("path", "activation-published", "final-published", "final-test", "statements")
    assert {f"tables/{sheet}.{kind}" for sheet in sheets for kind in ("md", "tex", "csv")} < names
    assert {f"figures/{name}.pdf" for name in ("path", "activation", "activation-losses", "width", "rate")} < names
    text = staged_files.markdown.read_text()
    for words in ("Chosen: 8", "were opened once by this study", "Of 40 sentences: "):
        assert words in text
    assert staged_files.published[0].startswith("Table, level")
    assert staged_files.published[-1].startswith("Of 40 sentences: ")


def test_what_a_report_printed_is_escaped_in_every_form(staged_files: ReportFiles) -> None:
    html = staged_files.html.read_text()
    assert "<script>" not in html
    assert "&lt;script&gt;alert(7)&lt;/script&gt;" in html
    assert "A &amp; B, {100%} of &lt;b&gt;x_1&lt;/b&gt;" in html
    assert "50% of &lt;i&gt;pixel_scaling&lt;/i&gt; are not said" in html
    assert "Width_of &lt;b&gt; 100% &amp; #1" in html
    rows = (staged_files.folder / "tables" / "statements.md").read_text().splitlines()[2:42]
    assert all(len(re.findall(r"(?<!\\)\|", row)) == 5 for row in rows), "four cells, whatever is in them"
    assert "\\<script\\>" in rows[0]
    latex = (staged_files.folder / "tables" / "statements.tex").read_text()
    assert r"report\_\allowbreak{}\& \textless{}script\textgreater{}" in latex


def test_equal_staged_ledgers_give_equal_bytes(staged: Any, staged_files: ReportFiles, tmp_path: Path) -> None:
    again = report(staged, tmp_path)
    names = sorted(path.relative_to(again.folder) for path in again.folder.rglob("*.*"))
    assert names == sorted(path.relative_to(staged_files.folder) for path in staged_files.folder.rglob("*.*"))
    assert not [
        name for name in names if (again.folder / name).read_bytes() != (staged_files.folder / name).read_bytes()
    ]
    assert again.published == staged_files.published


def test_one_replicate_is_reported_too(run: Any, tmp_path: Path) -> None:
    text = report(run(STUDY, seeds=1), tmp_path / "report").markdown.read_text()
    assert "±" not in text.partition("## Final configuration")[0].partition("## Learning rate")[2].replace("mean ±", "")
    assert "a difference cannot be told from chance" in text
    assert "Difference from" not in text


def test_each_file_of_a_figure_is_drawn_once_after_the_layout(
    run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn, draw = [], Figure.draw
    monkeypatch.setattr(Figure, "draw", lambda figure, renderer: (drawn.append(figure), draw(figure, renderer)))
    study = "base: {dataset: digits, epochs: 2}\ntables:\n  - factor: hidden_units\n    levels: [8, 16]\n"
    files = write_report(run(study, seeds=1).standing, tmp_path / "report")
    assert len(files.drawn) == 1
    assert len(drawn) == 1 + len(("svg", "pdf", "png"))


def test_a_table_of_which_nothing_was_run_has_no_figure(run: Any, fate: Any, tmp_path: Path) -> None:
    def fates(config: TrialConfig) -> Any:
        return fate("completed" if config.learning_rate == 0.01 else "missing")

    files = report(run(STUDY, fates=fates), tmp_path / "report")
    assert {path.stem for path in files.figures} == {"final"}
    assert len(files.tables) == 12
    assert "not run yet" in files.markdown.read_text()


def test_a_ledger_without_the_study_is_refused(run: Any, fate: Any, tmp_path: Path) -> None:
    empty = run(STUDY, fates=lambda config: fate("missing"))
    with pytest.raises(UserError, match="has none of the 21 trials of small; run it first"):
        report(empty, tmp_path / "report")
    assert not (tmp_path / "report").exists()


def test_a_folder_that_cannot_be_written_is_the_users_to_mend(ran: Any, tmp_path: Path) -> None:
    (tmp_path / "report").write_text("a file")
    with pytest.raises(UserError, match=r"report: cannot be written .* --output"):
        report(ran, tmp_path / "report")


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="pdflatex is not installed")
@pytest.mark.parametrize("which", ["files", "staged_files"])
def test_latex_compiles(which: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    folder = shutil.copytree(request.getfixturevalue(which).folder, tmp_path / "report")
    done = subprocess.run(
        ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "report.tex"],
        cwd=folder,
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
    assert done.returncode == 0, done.stdout[-2000:]
    assert (folder / "report.pdf").stat().st_size
    assert "Overfull" not in done.stdout
