"""Every block of the documentation is run, in order, in one folder."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PAGES = sorted((ROOT / "docs").glob("*.md"))
_BLOCK = re.compile(r"(?:^`(?P<file>[\w./]+)`\n\n)?^```(?P<language>\w+)\n(?P<text>.*?)^```", re.MULTILINE | re.DOTALL)


def test_there_are_pages() -> None:
    assert [page.name for page in PAGES] == ["own_problems.md", "planning.md", "searches.md"]


# What these pages show, the tests of searches and of own components look at in every run.
LONG = ("own_problems", "searches")


@pytest.mark.parametrize(
    "page",
    [pytest.param(page, marks=[pytest.mark.long] if page.stem in LONG else []) for page in PAGES],
    ids=lambda page: page.stem,
)
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
