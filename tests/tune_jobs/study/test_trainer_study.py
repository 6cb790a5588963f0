"""`init --trainer` writes a study in which all that a training function says is spelled out, and which runs."""

from pathlib import Path

import pytest

from models.history import COMPLETED
from tests.test_examples import EXAMPLES
from tests.tune_jobs.trainers import CLIMB, Own
from tests.tune_jobs.user_code.test_modules import write
from tune_jobs.commands.cli import main
from tune_jobs.study.load import load_study

MANY = """
from typing import Annotated, Literal

class Ge:
    def __init__(self, ge):
        self.ge = ge

def train(
    trial, *, depth: Annotated[int, Ge(1)], kind: Literal["no", "yes"], rate: float = 1e-5, act=print, sizes=(8, 4),
    drop: float | None = None, null: int = 3, place: str = "true", seed=0, epochs: int = 4,
):
    for epoch in trial.epochs():
        trial.report(quality=rate, seconds=1.0)
"""

OPTIONS = """
import argparse

def main(args):
    print(args.lr)

if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--learning-rate", "-r", dest="lr", type=float, default=1e-3)
    parser.add_argument("-w", "--batch-size", type=int, default=2 ** 6)
    parser.add_argument("--kind", choices=["adam", "sgd"], default="adam")
    parser.add_argument("--plain", action="store_false")
    parser.add_argument("--name", default="run")
    parser.add_argument("--depth", type=int)
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--seed", type=int, default=0)
    main(parser.parse_args())
"""
PARAMETERS = (
    "trial, *, lr: float = 0.001, batch_size: int = 2 ** 6, kind: Literal['adam', 'sgd'] = 'adam', "
    "plain: bool = True, name: str = 'run', depth: int"
)


@pytest.fixture(autouse=True)
def in_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("name", ["gan", "parquet_stream"])
def test_the_study_of_a_function_is_ready_to_run(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(tmp_path, **{name: (EXAMPLES / f"{name}.py").read_text()})
    assert main(["init", "--trainer", f"{name}.py:train"]) == 0
    said = capsys.readouterr().out
    assert said.startswith("metrics: by their names, the goals are ")
    assert f"next: ablatune run {name}.yaml" in said
    assert "fill in" not in said
    assert main(["run", f"{name}.yaml", "--dry-run"]) == 0
    written, shipped = load_study(f"{name}.yaml"), load_study(str(EXAMPLES / f"{name}.yaml"))
    assert written.metrics is not None
    assert shipped.metrics is not None
    assert {(one.name, one.higher_is_better) for one in written.metrics} == {
        (one.name, one.higher_is_better) for one in shipped.metrics
    }
    assert written.metrics.compared == shipped.metrics.compared
    # What is spelled out is what the function does without it.
    assert written.config().own == shipped.config().own
    assert 1 <= len(written.tables) <= 2
    text = Path(f"{name}.yaml").read_text()
    assert max(map(len, text.splitlines())) <= 120
    Path("all.yaml").write_text(text.replace("  # - ", "  - ").replace("  #   levels", "    levels"))
    assert len(load_study("all.yaml").tables) > len(written.tables)


def test_a_parameter_without_a_default_is_a_line_to_fill_in(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(tmp_path, many=MANY)
    assert main(["init", "--trainer", "many.py:train"]) == 0
    said = capsys.readouterr().out
    text = Path("many.yaml").read_text()
    number = text.splitlines().index("  depth:                      # fill in: a whole number at least 1") + 1
    assert f"first fill in line {number} (depth), which the function does not say" in said
    assert "the name does not say which way for quality" in said
    assert "  # act keeps its default, which cannot be written here" in text
    assert "  seconds: {goal: min, unit: s}" in text
    assert main(["run", "many.yaml", "--dry-run"]) == 2
    assert f"many.yaml, line {number}: base.depth: " in capsys.readouterr().err
    Path("many.yaml").write_text(text.replace("  depth:  ", "  depth: 2"))
    config = load_study("many.yaml").config()
    own = {name.removeprefix("trainer."): value for name, value in config.own.items() if name != "trainer.code"}
    kept = {"depth": 2, "kind": "no", "rate": 1e-5, "sizes": [8, 4], "drop": None, "null": 3, "place": "true"}
    assert {name: own[name] for name in kept} == kept
    assert config.epochs == 4


def test_metrics_that_the_source_does_not_spell_out_are_to_fill_in(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(tmp_path, odd="def train(trial):\n    import other\n    other.loop(trial)\n", other="")
    assert main(["init", "--trainer", "odd.py:train"]) == 0
    said = capsys.readouterr().out
    assert "first fill in line 13 (validation_loss), line 14 (metric)" in said
    assert "metrics: " not in said
    assert [table.name for table in load_study("odd.yaml").tables] == ["epochs"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["climb.py"], "--trainer climb.py: names no function; give --trainer climb.py:train"),
        (["none.py:train"], "--trainer none.py:train: there is no file none.py; give --trainer FILE:FUNCTION"),
        (["climb.py:trian"], "climb has no trian"),
        (["plain.py:main"], "has nothing where a training function has the trial; write `def main(trial, *, learning"),
        (["script.py:main"], "has lr where a training function has the trial; write `def main(trial, *, learning_ra"),
        (["options.py:main"], f"has args where a training function has the trial; write `def main({PARAMETERS}):`, "),
        (["both.py:main"], "has args where a training function has the trial; give --trainer both.py:train"),
        (["plain.py"], "names no function; give --trainer FILE:FUNCTION, such as my_training.py:train"),
        (["broken.py:train"], "--trainer broken.py, line 1: "),
        (["my-loop.py:train"], "Python cannot import a name with other than letters, digits and _; rename it"),
        (["climb.py:train", "elsewhere"], "climb.py: is not in elsewhere, and a study finds modules beside it"),
        (["climb.py:train", "--data", "rows.csv"], "init: --trainer is for a training function"),
        (["kept.py:train"], "kept.yaml: already exists and was not changed"),
        (["raises.py:train"], "raises:train: ZeroDivisionError"),
        (["kw.py:T.train"], "kw:T.train: is a method, which needs an object of its class; give a function"),
    ],
)
def test_what_init_cannot_use_gets_one_line(
    arguments: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(tmp_path, climb=CLIMB, kept=CLIMB, plain="def main():\n    pass\n", broken="def train(:\n", raises="1 / 0\n")
    write(tmp_path, kw="class T:\n    def train(self, trial, *, lr=0.1):\n        trial.report(loss=lr)\n")
    write(tmp_path, script="def main(lr=0.1, epochs=3):\n    print(lr)\n")
    write(tmp_path, options=OPTIONS, both=f"{CLIMB}\n{OPTIONS}")
    (tmp_path / "my-loop.py").write_text(CLIMB)
    (tmp_path / "kept.yaml").write_text("mine")
    assert main(["init", "--trainer", *arguments]) == 2
    said = [line for line in capsys.readouterr().err.splitlines() if line.startswith("ablatune: ")]
    assert len(said) == 1
    assert message in said[0]
    assert [path.name for path in tmp_path.glob("*.yaml")] == ["kept.yaml"]


def test_the_study_lies_where_its_module_is_found(tmp_path: Path) -> None:
    write(tmp_path, src__loop=CLIMB, pkg__deep__loop=CLIMB)
    for package in ("pkg", "pkg/deep"):
        (tmp_path / package / "__init__.py").touch()
    for file, study, reference in (
        ("src/loop.py", "src/loop.yaml", "loop:train"),
        ("pkg/deep/loop.py", "loop.yaml", "pkg.deep.loop:train"),
    ):
        assert main(["init", "--trainer", f"{file}:train"]) == 0
        assert f"  trainer: {reference}\n" in Path(study).read_text()
    assert main(["init", "--trainer", "src/loop.py:train", str(tmp_path / "src" / "..")]) == 2
    (tmp_path / "loop.yaml").unlink()
    # From within a package, and by a link: a module of the folder that the link lies in.
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path / "pkg" / "deep")
        assert main(["init", "--trainer", "loop.py:train"]) == 0
    assert "  trainer: pkg.deep.loop:train\n" in Path("loop.yaml").read_text()
    (tmp_path / "linked").mkdir()
    (tmp_path / "linked" / "other.py").symlink_to(tmp_path / "src" / "loop.py")
    assert main(["init", "--trainer", "linked/other.py:train"]) == 0
    assert "  trainer: other:train\n" in Path("linked/other.yaml").read_text()
    (tmp_path / "loop.yaml").unlink()
    assert main(["init", "--trainer", "src/loop.py:train", "."]) == 0
    assert "  trainer: src.loop:train\n" in Path("loop.yaml").read_text()


def test_the_written_study_trains(tmp_path: Path) -> None:
    own = Own(tmp_path)
    text = CLIMB.replace("learning_rate: float,", "learning_rate: float = 0.5,")
    own.module(climb=text.replace("trial.load() or", "trial.load() or trial.split_seed * 0 or"))
    assert main(["init", "--trainer", "climb.py:train"]) == 0
    study = load_study("climb.yaml", {"epochs": 1})
    missing = own.standing(study, seeds=2).missing()
    assert {(trial.config.seed, trial.config.split_seed) for trial in missing} == {(0, 0), (1, 1)}
    assert len(missing) == 10
    record = own.run_one(study, missing[0])
    assert (record.outcome, record.epochs) == (COMPLETED, 1)
