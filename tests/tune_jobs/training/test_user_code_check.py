"""The rehearsal before the first trial finds what would fail in each of them, and nothing that would not."""

from pathlib import Path
from typing import Any

import pytest

from tune_jobs.commands.cli import main
from tune_jobs.errors import UserError
from tune_jobs.study.load import load_study
from tune_jobs.study.rows import expand
from tune_jobs.training.data import load_data
from tune_jobs.training.user_code_check import check_user_code

MODULE = """
import torch
from torch import nn
from torch.nn import functional as F


def net(in_features, outputs, width: int = 8):
    return nn.Sequential(nn.Flatten(), nn.Linear(in_features, width), nn.ReLU(), nn.Linear(width, outputs))


class Nothing(nn.Module):
    def __init__(self, outputs):
        super().__init__()
        self.outputs = outputs

    def forward(self, x):
        return x.flatten(1)[:, : self.outputs]


class Detached(nn.Module):
    def __init__(self, in_features, outputs):
        super().__init__()
        self.layer = nn.Linear(in_features, outputs)

    def forward(self, x):
        return self.layer(x.flatten(1)).detach()


class RaisesInTraining(Detached):
    def forward(self, x):
        if self.training:
            raise ValueError("not like this")
        return self.layer(x.flatten(1))


def needs_five(outputs, targets):
    # On two rows it raises where gradients are wanted only, as a loss of pairs may.
    if outputs.requires_grad and len(outputs) < 5:
        raise ValueError("too few rows")
    return F.cross_entropy(outputs, targets)


class Stubborn(torch.optim.SGD):
    def step(self, closure=None):
        raise RuntimeError("will not")


def once(optimizer, total_steps):
    return torch.optim.lr_scheduler.OneCycleLR(optimizer, 0.1, total_steps=total_steps)


def no_schedule(optimizer):
    raise KeyError("phase")
"""


def check(folder: Path, base: str, levels: str = "[0.1]", factor: str = "learning_rate") -> None:
    (folder / "mine.py").write_text(MODULE)
    (folder / "s.yaml").write_text(
        f"base: {{dataset: digits, epochs: 1, {base}}}\ntables:\n  - factor: {factor}\n    levels: {levels}\n"
    )
    study = load_study(str(folder / "s.yaml"))
    configs = [row.config for row in expand(study) if row.config is not None]
    check_user_code(configs, load_data(configs, folder, study.own.code), study)


@pytest.mark.parametrize(
    ("base", "words"),
    [
        (
            "network: torchvision.models:resnet18",
            "network: torchvision.models:resnet18 raises when it is made or called, tried on inputs [32, 1, 8, 8]: "
            "RuntimeError: Given groups=1",
        ),
        ("network: mine:Nothing", "network: mine:Nothing has no parameters, so there is nothing to train; give it"),
        (
            "network: mine:Detached",
            "network: mine:Detached raises in the backward pass, tried on inputs "
            "[32, 1, 8, 8]: RuntimeError: element 0 of tensors does not require grad",
        ),
        (
            "network: mine:RaisesInTraining",
            "raises in the forward pass, in training mode, tried on inputs [32, 1, 8, 8]: ValueError: not like this "
            "(mine.py:",
        ),
        (
            "optimizer: mine:Stubborn",
            "optimizer: mine:Stubborn raises in the backward pass or the step that follows, tried on inputs "
            "[32, 1, 8, 8]: RuntimeError: will not (mine.py:",
        ),
        ("schedule: mine:no_schedule", "schedule: mine:no_schedule raises when it is made, tried on inputs"),
    ],
)
def test_what_cannot_be_trained_is_one_line_with_place_rule_and_advice(tmp_path: Path, base: str, words: str) -> None:
    with pytest.raises(UserError) as caught:
        check(tmp_path, base)
    line = str(caught.value)
    assert line.startswith(f"{tmp_path}/s.yaml, line 1: {base.partition(':')[0]}: ")
    assert words in line
    assert "; " in line.partition(words)[2] or "; " in words
    assert "\n" not in line


@pytest.mark.parametrize(
    "base",
    [
        "network: mine:net, optimizer: torch.optim:LBFGS, batch_size: 512",
        "objective: mine:needs_five",
        "schedule: mine:once",
        "network: mine:net, optimizer: torch.optim:Adafactor, schedule.gamma: 0.9, "
        "schedule: torch.optim.lr_scheduler:ExponentialLR",
    ],
)
def test_what_trains_is_not_refused(tmp_path: Path, base: str, caplog: pytest.LogCaptureFixture) -> None:
    check(tmp_path, base)
    assert caplog.messages == []


def test_beside_others_a_level_that_raises_is_named_and_left_to_fail(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    check(tmp_path, "width: 4", "[mlp, mine:net, mine:RaisesInTraining]", "network")
    (line,) = caplog.messages
    assert line.startswith(f"{tmp_path}/s.yaml, line 4: network: mine:RaisesInTraining raises in the forward pass")
    assert line.endswith("(trials with it will fail)")


def test_each_combination_is_tried_once_and_shipped_ones_never(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tried: list[Any] = []
    monkeypatch.setattr("tune_jobs.training.user_code_check.check_fit", lambda config, *_: tried.append(config))
    check(tmp_path, "hidden_units: 4", "[0.1, 0.2]")
    assert tried == []
    check(tmp_path, "network: mine:net", "[0.1, 0.2, 0.3]")
    assert len(tried) == 1
    check(tmp_path, "network: mine:net", "[adam, torch.optim:NAdam, torch.optim:LBFGS]", "optimizer")
    assert len(tried) == 4


def test_a_run_that_would_fail_as_a_whole_ends_with_2_before_ray_starts(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tune_jobs.training.table_launch.run_trials", None)
    (tmp_path / "s.yaml").write_text(
        "base: {epochs: 1}\ntables:\n  - factor: learning_rate\n    levels: [0.1]\n"
        "    base: {network: 'torchvision.models:resnet18'}\n"
    )
    assert main(["run", str(tmp_path / "s.yaml"), "--storage", str(tmp_path / "r")]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(
        f"ablatune: {tmp_path}/s.yaml, line 5: network: torchvision.models:resnet18 raises when it is"
    )
    assert line.endswith("a network takes these inputs and returns a row of outputs for each; wrap it in one that does")
