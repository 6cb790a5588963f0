"""Every block of the documentation is run, in order, in one folder."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from tune_jobs.commands.cli import parser
from tune_jobs.study.load import load_study

ROOT = Path(__file__).resolve().parent.parent
# This page's commands need a cluster; `tests/cluster` starts some.
CLUSTERS = ROOT / "docs" / "clusters.md"
PAGES = sorted(path for path in (ROOT / "docs").glob("*.md") if path != CLUSTERS)
_BLOCK = re.compile(r"(?:^`(?P<file>[\w./]+)`\n\n)?^```(?P<language>\w+)\n(?P<text>.*?)^```", re.MULTILINE | re.DOTALL)


def test_there_are_pages() -> None:
    assert [page.stem for page in PAGES] == [
        "developing",
        "own_problems",
        "planning",
        "report",
        "report_page",
        "results_from_elsewhere",
        "running",
        "searches",
        "simulations",
        "stacks",
        "statistics",
        "studies",
        "trackers",
        "training_functions",
        "verdicts",
    ]


def test_the_study_that_the_page_shows_is_one(tmp_path: Path) -> None:
    (tmp_path / "shown.yaml").write_text(_BLOCK.findall((ROOT / "docs" / "studies.md").read_text("utf-8"))[0][2])
    study = load_study(str(tmp_path / "shown.yaml"))
    assert [table.name for table in study.stages] == ["depth", "rate"]
    assert len(study.finals) == 1


# The tests of searches, plans and user code check in every run what these pages show.
@pytest.mark.long
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_block_of_a_page_runs(page: Path, tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "default"}
    environment.pop("ABLATUNE_STORAGE", None)
    program = []
    for block in _BLOCK.finditer(page.read_text(encoding="utf-8")):
        name, language, text = block["file"], block["language"], block["text"]
        if name:
            (tmp_path / name).write_text(text, encoding="utf-8")
        elif language == "sh":
            for line in text.splitlines():
                words = line.split()
                command = {"ablatune": ["-m", "tune_jobs"], "python": []}[words[0]]
                done = subprocess.run(
                    [sys.executable, *command, *words[1:]],
                    capture_output=True,
                    text=True,
                    cwd=tmp_path,
                    env=environment,
                    check=False,
                )
                assert done.returncode == 0, f"{line}\n{done.stdout}{done.stderr}"
        else:
            assert language == "python"
            program.append(text)
    done = subprocess.run(
        [sys.executable, "-c", "\n".join(program)],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env=environment,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    if page.stem == "own_problems":
        assert (tmp_path / "report" / "tower" / "index.html").exists()


def test_commands_for_clusters_are_understood() -> None:
    lines = [line for line in CLUSTERS.read_text(encoding="utf-8").splitlines() if line.startswith("ablatune ")]
    assert any(line.startswith("ablatune submit") for line in lines)
    for line in lines:
        parser().parse_args(shlex.split(line)[1:])


def test_cluster_files_and_targets_that_the_page_names_are_there() -> None:
    page = CLUSTERS.read_text(encoding="utf-8")
    for name in re.findall(r"[\w/-]+\.yaml", page):
        assert (ROOT / name).is_file() or (CLUSTERS.parent / name).is_file() or name == "my_study.yaml", name
    for target in re.findall(r"(?:^|`)make (\w+)", page, re.MULTILINE):
        assert re.search(rf"^{target}:", (ROOT / "Makefile").read_text(), re.MULTILINE)
