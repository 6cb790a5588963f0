"""`check` tells a training function whose seed fixes its numbers from those in which something was forgotten."""

from pathlib import Path

import pytest

from tests.tune_jobs.trainers import BASE, CLIMB, METRICS
from tests.tune_jobs.user_code.test_modules import write
from tune_jobs.commands.cli import main

SEED = "seed 0 twice: the numbers are equal"
SEEDS = "seeds 0 and 1: the numbers differ, as they should"
CHECKPOINT = "checkpoint: a trial that goes on from it reaches the same numbers"
STUDY = BASE + METRICS + "final: {epochs: 3}\n"


@pytest.mark.parametrize(
    ("before", "after", "code", "said"),
    [
        ("", "", 0, [SEED, SEEDS, CHECKPOINT]),
        (" random.random()", " random.SystemRandom().random()", 1, ["differs from epoch 1 on", "from trial.seed"]),
        (" random.random()", " 0.5", 1, [SEED, "the numbers are equal, so replicates say nothing", CHECKPOINT]),
        ("random.setstate(", "print(", 1, [SEED, SEEDS, "in a trial that goes on from it; save all that changes"]),
        ("trial.load() or ", "", 1, [SEED, SEEDS, "saved, but never loaded"]),
        ("trial.save(", "print(", 0, [SEED, SEEDS, "none is saved, so a lost trial starts anew"]),
    ],
    ids=["right", "without the seed", "a forgotten seed", "a part of the state", "never loaded", "never saved"],
)
def test_what_check_says_of_a_training_function(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], before: str, after: str, code: int, said: list[str]
) -> None:
    write(tmp_path, climb=CLIMB.replace(before, after) if before else CLIMB)
    (tmp_path / "own.yaml").write_text(STUDY)
    assert main(["check", str(tmp_path / "own.yaml"), "--storage", str(tmp_path / "r")]) == code
    printed = capsys.readouterr().out
    for line in said:
        assert line in printed
    assert len(printed.splitlines()) == 3
    assert not (tmp_path / "r").exists()


def test_a_time_is_not_compared(tmp_path: Path) -> None:
    timed = CLIMB.replace("import random\n", "import random\nimport time\n").replace(
        "validation_loss=100", "took=time.time(), validation_loss=100"
    )
    write(tmp_path, climb=timed)
    metrics = METRICS.replace("  validation_loss: min\n", "  validation_loss: min\n  took: {goal: min, unit: s}\n")
    (tmp_path / "own.yaml").write_text(BASE + metrics + "final: {epochs: 3}\n")
    assert main(["check", str(tmp_path / "own.yaml")]) == 0


def test_a_study_of_the_engine_is_checked_too(tiny_study: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", str(tiny_study)]) == 0
    assert capsys.readouterr().out.splitlines() == [SEED, SEEDS, CHECKPOINT]


def test_an_error_in_the_function_is_said_in_its_place(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(tmp_path, climb=CLIMB.replace("value += ", "value += nowhere + "))
    (tmp_path / "own.yaml").write_text(STUDY)
    assert main(["check", str(tmp_path / "own.yaml")]) == 2
    error = capsys.readouterr().err
    assert "climb.py" in error
    assert "nowhere" in error


def test_without_gpus_a_trial_of_several_is_checked_on_the_cpu_where_that_is_asked_for(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    write(tmp_path, climb=CLIMB.replace("    state = ", "    assert trial.devices == ('cpu', 'cpu')\n    state = ", 1))
    (tmp_path / "own.yaml").write_text(f"resources: {{gpus_per_trial: 2}}\n{STUDY}")
    assert main(["check", str(tmp_path / "own.yaml")]) == 2
    assert "a trial asks for 2 GPUs, and CUDA does not work on this machine; " in capsys.readouterr().err
    assert main(["check", str(tmp_path / "own.yaml"), "--logical-gpus", "2"]) == 0
    assert capsys.readouterr().out.splitlines() == [SEED, SEEDS, CHECKPOINT]
