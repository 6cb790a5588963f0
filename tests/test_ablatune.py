"""The Python interface, as scripts and notebooks use it."""

import linecache
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import ablatune
from tests.tune_jobs.commands.test_run import environment
from tune_jobs.errors import UserError
from tune_jobs.user_code.notebook import module_text, with_references

SCRIPT = """
import math

import torch
from torch import nn

import ablatune

SCALE = 2.0


def scaled(x):
    return x * SCALE / math.sqrt(4)


class Base(nn.Module):
    def forward(self, x):
        return self.head(scaled(torch.tanh(self.body(x.flatten(1)))))


class Net(Base):
    def __init__(self, width: int = 4):
        super().__init__()
        self.body, self.head = nn.Linear(64, width), nn.Linear(width, 10)


def margin(outputs, targets, gap: float = 1.0):
    return nn.functional.multi_margin_loss(outputs, targets, margin=gap)


study = ablatune.Study(
    name="inline",
    seeds=2,
    base={"dataset": "digits", "network": Net, "objective": margin, "epochs": 2, "learning_rate": 0.01},
    tables=[{"factor": "width", "levels": range(4, 13, 4)}, {"factor": "gap", "levels": [0.5, 1.0]}],
    final={"width": 8},
)
plan = study.plan()
print(plan)
assert len(plan.missing) == 8
assert plan.wall_seconds.low > 0
ran = study.run()
assert ran.complete, ran
assert "missing: 0" in study.status()
report = study.report("out")
assert list(report.tables) == ["width", "gap", "final"], list(report.tables)
assert len(report.tables["width"]) == 3
assert report.figures["width"]._repr_png_().startswith(b"\\x89PNG")
assert "<iframe" in report._repr_html_()
assert set(study.trials()["table"]) == {"width", "gap", "final"}
assert study.curves()["epoch"].max() == 2
assert study.evaluate().opening.finished
print("RAN", sum(1 for line in open(__file__) if line.startswith("ran = ")))
"""


@pytest.mark.long
def test_a_script_defines_its_network_and_loss_and_gets_its_report(tmp_path: Path) -> None:
    (tmp_path / "inline.py").write_text(SCRIPT)
    done = subprocess.run(
        [sys.executable, "inline.py"], capture_output=True, text=True, cwd=tmp_path, env=environment(), check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("RAN") == 1, "the script itself is run once, and in no worker"
    assert "Traceback" not in done.stderr


def test_a_study_is_loaded_and_varied(tmp_path: Path) -> None:
    study = ablatune.Study.load("digits_demo", storage=tmp_path, overrides={"epochs": 3}, replicates=2)
    assert study.definition.overrides == {"epochs": 3}
    assert "in the ledger: 0" in str(study.plan(pilot=False))
    with pytest.raises(UserError, match="there is no ledger"):
        study.status()
    with pytest.raises(UserError, match="--cpus-per-trial: 0 is not above 0"):
        study.run(cpus_per_trial=0)


def test_mistakes_in_a_document_get_one_line(tmp_path: Path) -> None:
    for document, words in (
        (
            {"base": {"epochs": 0}, "tables": [{"factor": "epochs", "levels": [1]}]},
            "mine: base.epochs: 0 is out",
        ),
        ({"bse": {}}, "there is no key 'bse'; did you mean base?"),
        ({"base": {"network": lambda x: x}, "tables": []}, "is not a named class or function"),
    ):
        with pytest.raises(UserError) as caught:
            ablatune.Study(name="mine", storage=tmp_path, **document)
        assert words in str(caught.value)


def test_what_a_definition_uses_is_copied_out_and_what_cannot_be_is_named() -> None:
    names: dict[str, Any] = {"__name__": "__main__"}
    text = (
        "import math as m\nK = 3\nbad = object()\n\ndef f(x):\n    return m.sqrt(x) + K\n\ndef g(x):\n    return bad\n"
    )

    linecache.cache["cell-1"] = (len(text), None, text.splitlines(keepends=True), "cell-1")
    exec(compile(text, "cell-1", "exec"), names)
    copied: dict[str, Any] = {}
    exec(module_text("f", names), copied)
    assert copied["f"](4) == 5
    with pytest.raises(UserError, match="g: uses bad, a object of the notebook or script"):
        module_text("g", names)


def test_classes_of_modules_are_named_and_numbers_are_plain() -> None:
    import numpy as np
    from torch import nn

    document, code = with_references(
        {"base": {"objective": nn.HuberLoss, "learning_rate": np.float64(0.1)}, "x": (1, 2)}
    )
    assert document == {"base": {"objective": "torch.nn.modules.loss:HuberLoss", "learning_rate": 0.1}, "x": [1, 2]}
    assert not code.sources
