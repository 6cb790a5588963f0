"""A study that is too large is refused at once, with the limit; one within the limits is expanded quickly."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import ablatune
from tune_jobs.commands.cli import main
from tune_jobs.errors import UserError
from tune_jobs.study.limits import MOST_BYTES, MOST_DEPTH, MOST_NODES, MOST_REPLICATES_IN_ALL, MOST_TABLES
from tune_jobs.study.load import load_study
from tune_jobs.study.model import Study
from tune_jobs.study.names import MOST_NAME_BYTES
from tune_jobs.study.rows import datasets_read, expand, replicate
from tune_jobs.trial.fields import FieldSpec

BASE = {"dataset": "digits", "network": "mlp", "epochs": 1}


def tables(count: int) -> list[dict[str, object]]:
    return [{"name": f"t{place}", "factor": "hidden_units", "levels": [4, place + 5]} for place in range(count)]


def test_the_documentation_says_the_limits() -> None:
    page = " ".join((Path(__file__).resolve().parents[3] / "docs" / "studies.md").read_text(encoding="utf-8").split())
    for words in (
        f"a file of {MOST_BYTES:,} bytes",
        f"mappings and lists {MOST_DEPTH} deep",
        f"{MOST_NODES:,} keys and values",
        f"{MOST_TABLES:,} tables",
        f"{MOST_REPLICATES_IN_ALL:,} replicates of all rows",
        f"names of {MOST_NAME_BYTES} bytes",
    ):
        assert words in page


def test_tables_have_a_limit() -> None:
    with pytest.raises(
        UserError, match="the study has 2,001 tables, stages and final configurations; give at most 2,000"
    ):
        ablatune.Study(base=BASE, tables=tables(MOST_TABLES + 1))


def test_three_million_replicates_are_refused_by_every_command(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "many.yaml"
    path.write_text(
        f"seeds: 10000\nbase: {{epochs: 1}}\ntables: [{{factor: hidden_units, levels: {list(range(1, 301))}}}]\n"
    )
    for command in (["run", "--dry-run"], ["plan", "--no-pilot"], ["status"], ["report"]):
        assert main([command[0], str(path), *command[1:], "--storage", str(tmp_path / "r")]) == 2
        line = capsys.readouterr().err
        assert "its 300 rows with 10,000 seeds have 3,000,000 replicates; give fewer levels or seeds" in line
        assert "at most 200,000" in line
    assert ablatune.Study.load(path, replicates=2).replicates == 2


def test_what_replicates_share_is_checked_once(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = expand(load_study("digits_demo"))
    calls: list[str] = []
    check = FieldSpec.check

    def counted(spec: FieldSpec, name: str, value: Any) -> Any:
        calls.append(name)
        return check(spec, name, value)

    monkeypatch.setattr(FieldSpec, "check", counted)
    assert replicate(rows[0], 7).seed == 7
    assert calls == ["seed"]
    calls.clear()
    assert list(datasets_read(rows, range(10_000))) == ["digits"]
    assert len(calls) <= len(rows)


def test_a_copy_of_a_configuration_equals_one_that_was_built() -> None:
    study: Study = load_study("digits_demo")
    changed = study.config().replace(learning_rate=1, seed=3)
    assert changed == study.own.configure({**study.base, "learning_rate": 1.0, "seed": 3})
    assert type(changed.learning_rate) is float
    with pytest.raises(UserError, match="seed: -1 is out of bounds"):
        changed.replace(seed=-1)


@pytest.mark.parametrize(
    ("document", "words"),
    [
        ({"epochs_until": float("nan")}, "epochs_until: nan is not a finite number"),
        ({"epochs_until": 10**400}, "is not a finite number"),
        ({"resources": {"checkpoint_minutes": float("inf")}}, "inf is not a finite number"),
        ({"resources": {"checkpoint_minutes": 1e300}}, "1e+300 is more than 5,256,000 minutes"),
        ({"resources": {"cpus_per_trial": 1e9}}, "1e+09 is more than 10,000"),
        (
            {"search": {"space": {"hidden_units": [4, 8]}, "scheduler": "none", "budget": {"minutes": 1e300}}},
            "1e+300 is not a number of minutes above 0, at most 5,256,000",
        ),
        ({"title": "\ud800"}, "title: '\\ud800' contains '\\ud800', which cannot be printed"),
        ({"base": {**BASE, "epochs": 10**6000}}, "base.epochs: a whole number of 19,932 bits"),
        ({"base": {**BASE, "dataset": ["digits"]}}, "there is no dataset ['digits']; did you mean digits?"),
        ({"base": {**BASE, "learning_rate": "x" * 5000}}, "x… is not a number above 0"),
        ({"base": {**BASE, "x" * 5000: 1}}, "there is no field"),
    ],
)
def test_values_have_limits(document: dict[str, object], words: str) -> None:
    with pytest.raises(UserError) as caught:
        ablatune.Study(**{"base": BASE, "tables": tables(1), **document})  # type: ignore[arg-type]
    assert words in str(caught.value)
    assert len(str(caught.value)) < 1200


def test_repeats_and_exclusions_are_found_without_comparing_all_pairs(timed: Callable[[], float]) -> None:
    many = list(range(1, 5001))
    study = ablatune.Study(
        base=BASE,
        tables=[
            {"factor": "hidden_units", "levels": many},
            {
                "name": "crossed",
                "cross": {"hidden_units": many, "batch_norm": [True, False]},
                "exclude": [{"hidden_units": one, "batch_norm": True} for one in many[:-1]],
            },
        ],
    )
    assert [len(table.levels) for table in study.definition.tables] == [5000, 5001]
    assert timed() < 60  # 10,000 × 5,000 comparisons took minutes
    with pytest.raises(UserError, match="the label 3 repeats"):
        ablatune.Study(base=BASE, tables=[{"factor": "hidden_units", "levels": [*many, 3]}])


@pytest.fixture
def timed() -> Callable[[], float]:
    """Return a function that says how many seconds of this process's time have passed."""
    start = time.process_time()
    return lambda: time.process_time() - start
