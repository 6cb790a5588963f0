"""Networks, losses, optimizers and schedules as strangers write them, run as they would run them."""

import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.tune_jobs.commands.test_run import ablatune, numbers
from tune_jobs.errors import UserError
from tune_jobs.ledger.ledger import Ledger
from tune_jobs.ledger.record import Record
from tune_jobs.ledger.saved_models import load_model
from tune_jobs.storage.storage import Storage
from tune_jobs.study.load import load_study
from tune_jobs.user_code.questions import check_fit, find_trial_data

STRANGERS = Path(__file__).parent / "strangers"
NETWORKS = ["BatchNormed", "Dropped", "ResNet", "RowAttention", "Recurrent", "lazy", "Buffered"]
STUDY = f"""\
seeds: 2
base: {{dataset: digits, network: nets:BatchNormed, learning_rate: 0.01, batch_size: 64, epochs: 2}}
labels: {{"nets:RowAttention": Attention over rows, depth: Residual blocks}}
tables:
  - factor: network
    levels: [{", ".join(f"'nets:{name}'" for name in NETWORKS)}]
  - factor: depth
    levels: [1, 3]
    base: {{network: nets:ResNet}}
  - name: heads
    levels:
      - {{label: light, set: {{weight: 0.01}}}}
      - {{label: heavy, set: {{weight: 1.0}}}}
    base: {{network: nets:TwoHeads, objective: losses:WithRebuilding}}
  - factor: objective.gamma
    levels: [0, 2]
    base: {{network: nets:Dropped, p: 0.1, objective: losses:focal}}
  - name: torch
    levels:
      - {{label: NAdam, set: {{optimizer: torch.optim:NAdam, momentum_decay: 0.01}}}}
      - {{label: Decay, set: {{schedule: torch.optim.lr_scheduler:ExponentialLR, schedule.gamma: 0.5}}}}
final: {{network: nets:ResNet, depth: 3}}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for file in STRANGERS.glob("*.py"):
        shutil.copy(file, tmp_path)
    (tmp_path / "own.yaml").write_text(STUDY)
    return tmp_path


def records(folder: Path) -> list[Record]:
    return list(Ledger.open(Storage.at(str(folder / "r"))).read(predictions=True).records.values())


@pytest.mark.long
def test_networks_of_strangers_run_are_edited_evaluated_and_loaded(folder: Path) -> None:
    ablatune("run", "own.yaml", "--storage", "r", cwd=folder)
    done = records(folder)
    assert len(done) == 2 * (len(NETWORKS) + 2 + 2 + 2 + 2)
    assert {record.outcome for record in done} == {"completed"}
    assert {record.metric for record in done} == {"accuracy", "Balanced accuracy|%|higher"}
    two_heads = next(record for record in done if "TwoHeads" in record.fields)
    assert two_heads.outputs == 74

    ablatune("report", "own.yaml", "--storage", "r", "--output", "out", cwd=folder)
    text = (folder / "out" / "report.md").read_text()
    assert "Attention over rows" in text
    assert "Residual blocks" in text
    assert "Balanced accuracy" in text.replace("Balanced Accuracy", "Balanced accuracy")
    assert "not run" not in text

    before = numbers(folder / "r")
    ablatune("evaluate", "own.yaml", "--storage", "r", cwd=folder)
    model = folder / "r" / "models" / "own" / "final.safetensors"
    with pytest.raises(UserError, match=r"was trained with your nets:\w+; give the folder"):
        load_model(str(model))
    loaded = load_model(str(model), code=folder)
    assert loaded.predict(np.zeros((3, 1, 8, 8))).shape == (3,)

    nets = folder / "nets.py"
    nets.write_text("# A comment changes nothing.\n\n" + nets.read_text())
    assert "missing: 0" in ablatune("status", "own.yaml", "--storage", "r", cwd=folder)
    (folder / "blocks.py").write_text((folder / "blocks.py").read_text().replace("nn.ReLU()", "nn.Tanh()"))
    said = ablatune("status", "own.yaml", "--storage", "r", cwd=folder)
    assert "trained before network nets:" in said
    assert "stale: " in said
    with pytest.raises(UserError, match="has changed since the model was trained"):
        load_model(str(model), code=folder)
    assert load_model(str(model), code=folder, changed_code=True).predict(np.zeros((1, 1, 8, 8))).shape == (1,)
    # What does not import the edited module is not trained again; a longer test trains the rest.
    said = ablatune("run", "own.yaml", "--storage", "r", "--seeds", 1, "--dry-run", cwd=folder)
    (kept, missing) = map(int, re.findall(r"in the ledger: (\d+); to run: (\d+)", said)[0])
    assert missing > 0
    assert kept + missing == len(done) // 2
    assert numbers(folder / "r") == before


def test_a_network_of_the_wrong_shape_is_found_before_the_first_trial(folder: Path) -> None:
    (folder / "own.yaml").write_text(
        "base: {dataset: digits, network: nets:WrongShape, epochs: 1}\ntables: [{factor: extra, levels: [0, 3]}]\n"
    )
    said = ablatune("run", "own.yaml", "--storage", "r", cwd=folder, expect=2)
    assert "network: nets:WrongShape gives outputs [2, 13] for inputs [2, 1, 8, 8]" in said
    assert "objective cross_entropy needs [2, 10]" in said
    assert records(folder) == []


@pytest.mark.long
def test_members_of_enums_that_are_text_or_numbers_stand_for_these(tmp_path: Path) -> None:
    (tmp_path / "enumnet.py").write_text(
        "from enum import Enum, IntEnum\nfrom typing import Literal\nfrom sklearn.datasets import load_iris\n"
        "from torch import nn\n"
        "class Act(str, Enum):\n    RELU = 'relu'\n    TANH = 'tanh'\n"
        "class Width(IntEnum):\n    NARROW = 4\n"
        "class Net(nn.Sequential):\n"
        "    def __init__(self, act: Act = Act.RELU, width: Width = Width.NARROW,\n"
        "                 way: Literal[Act.RELU, Act.TANH] = Act.TANH, pair: tuple = (Width.NARROW, 2),\n"
        "                 free=Act.TANH):\n"
        "        assert act is Act.RELU and width is Width.NARROW and way is Act.TANH and free is Act.RELU\n"
        "        super().__init__(nn.Flatten(), nn.Linear(4, width), nn.ReLU(), nn.Linear(width, 3))\n"
        "def rows(act=Act.RELU):\n    assert act is Act.RELU\n    return load_iris(return_X_y=True)\n"
    )
    (tmp_path / "own.yaml").write_text(
        "datasets: {own: {function: 'enumnet:rows', task: classification}}\n"
        "base: {dataset: own, network: 'enumnet:Net', free: relu, network.act: relu, dataset.act: relu, epochs: 1}\n"
        "tables: [{factor: learning_rate, levels: [0.1]}]\n"
    )
    study = load_study(str(tmp_path / "own.yaml"))
    config = study.config()
    own = {name: value for name, value in config.own.items() if name.startswith("network.")}
    names = ("act", "width", "way", "pair", "free")
    assert own == dict(zip([f"network.{name}" for name in names], ["relu", 4, "tanh", [4, 2], "relu"], strict=True))
    assert {type(value) for value in (*own.values(), *own["network.pair"])} == {str, int, list}
    check_fit(config, find_trial_data(config, tmp_path, study.own.code), study.own.code)


def test_two_heads_do_not_fit_a_loss_that_reads_one(folder: Path) -> None:
    (folder / "own.yaml").write_text(
        "base: {dataset: digits, network: nets:TwoHeads, epochs: 1}\ntables: [{factor: epochs, levels: [1]}]\n"
    )
    said = ablatune("run", "own.yaml", "--storage", "r", cwd=folder, expect=2)
    assert "gives outputs [2, 10] and [2, 64] for inputs [2, 1, 8, 8]" in said


@pytest.mark.long
def test_a_network_that_raises_ends_its_trial_with_file_line_and_traceback(folder: Path) -> None:
    (folder / "own.yaml").write_text(
        "base: {dataset: digits, network: nets:Dropped, epochs: 4}\n"
        "tables: [{factor: network, levels: ['nets:Dropped', 'nets:RaisesInEpoch3']}]\n"
    )
    said = ablatune("run", "own.yaml", "--storage", "r", cwd=folder, expect=1)
    line = (
        (folder / "nets.py").read_text().splitlines().index('            raise ValueError("three epochs are\\nenough")')
    )
    assert f"ValueError: three epochs are (nets.py:{line + 1}, in forward)" in said
    failed = next(record for record in records(folder) if record.outcome == "failed")
    assert failed.epochs == 2
    assert f'nets.py", line {line + 1}, in forward\n    raise ValueError' in failed.traceback
    assert len([record for record in records(folder) if record.outcome == "completed"]) == 1
    assert "Traceback" in ablatune("show", failed.key, "--storage", "r", cwd=folder)


@pytest.mark.long
def test_a_network_that_exits_ends_its_trial_and_not_the_study(folder: Path) -> None:
    (folder / "own.yaml").write_text(
        "base: {dataset: digits, network: nets:Exits, epochs: 1}\n"
        "tables: [{factor: network.code, levels: [5]}, {factor: network, levels: [mlp]}]\n"
    )
    said = ablatune("run", "own.yaml", "--storage", "r", cwd=folder, expect=1)
    assert "SystemExit: 5 (nets.py:" in said
    assert sorted(record.outcome for record in records(folder)) == ["completed", "failed"]


@pytest.mark.long
def test_adding_a_parameter_makes_trials_stale_and_labels_must_label_something(folder: Path) -> None:
    (folder / "net.py").write_text(
        "from torch import nn\ndef net(a: int = 1):\n    return nn.Sequential(nn.Flatten(), nn.Linear(64, 10))\n"
    )
    study = "base: {dataset: digits, network: net:net, epochs: 1}\ntables: [{factor: learning_rate, levels: [0.1]}]\n"
    (folder / "own.yaml").write_text(study)
    ablatune("run", "own.yaml", "--storage", "r", cwd=folder)
    (folder / "net.py").write_text((folder / "net.py").read_text().replace("a: int = 1", "a: int = 1, b: int = 2"))
    said = ablatune("status", "own.yaml", "--storage", "r", cwd=folder)
    assert "stale: 1 trial trained before network net:net changed" in said
    (old,) = records(folder)
    assert f"    stale {old.key[:8]}  learning_rate=0.1, seed 0" in said
    (folder / "own.yaml").write_text(study + "labels: {aa: A}\n")
    assert "labels.aa: names nothing in this study" in ablatune("status", "own.yaml", cwd=folder, expect=2)


def test_levels_that_nothing_reads_are_refused(folder: Path) -> None:
    (folder / "own.yaml").write_text(
        "base: {dataset: digits, network: nets:Buffered}\ntables: [{factor: dropout, levels: [0, 0.5]}]\n"
    )
    said = ablatune("run", "own.yaml", "--dry-run", "--storage", "r", cwd=folder, expect=2)
    assert "tables.dropout: its levels train the same thing" in said


@pytest.mark.long
def test_evaluating_fewer_replicates_than_are_declared_must_be_asked_for(folder: Path) -> None:
    (folder / "own.yaml").write_text("seeds: 2\nbase: {dataset: digits, epochs: 1}\nfinal: {hidden_units: 4}\n")
    ablatune("run", "own.yaml", "--seeds", "1", "--storage", "r", cwd=folder)
    said = ablatune("evaluate", "own.yaml", "--storage", "r", cwd=folder, expect=2)
    assert "declares 2 seeds and was run with 1" in said
    (folder / "own.yaml").write_text("seeds: 3\nbase: {dataset: digits, epochs: 1}\nfinal: {hidden_units: 4}\n")
    assert "× 3 seeds" in ablatune("status", "own.yaml", "--storage", "r", cwd=folder)


@pytest.mark.long
def test_code_reaches_workers_that_do_not_have_its_folder(folder: Path) -> None:
    elsewhere = folder / "elsewhere"
    elsewhere.mkdir()
    for name in ("own.yaml", "nets.py", "blocks.py", "losses.py"):
        shutil.move(folder / name, elsewhere / name)
    (elsewhere / "own.yaml").write_text(
        "base: {dataset: digits, network: nets:ResNet, epochs: 1}\ntables: [{factor: width, levels: [2, 4]}]\n"
    )
    ablatune("run", "elsewhere/own.yaml", "--storage", "r", cwd=folder)
    assert [record.outcome for record in records(folder)] == ["completed"] * 2


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("base: {network: nets:Missing}", "nets:Missing: nets has no Missing"),
        ("base: {network: nots:Net}", "there is no module nots beside the study file"),
        ("base: {network: nets:ResNet, depht: 3}", "there is no field 'depht'; did you mean depth?"),
        ("base: {network: nets:ResNet, depth: x}", "'x' is not a whole number"),
        ("base: {network: nets:ResNet, depth: 1.5}", "1.5 is not a whole number"),
        ("base: {network: 'nets:'}", "there is no network 'nets:'"),
        ("base: {network: broken:Net}", "broken.py, line 2: "),
        (
            "base: {network: failing:Net}",
            "failing:Net: ZeroDivisionError: division by zero (failing.py:1, in <module>)",
        ),
    ],
)
def test_references_that_lead_nowhere_get_one_line(folder: Path, text: str, words: str) -> None:
    (folder / "broken.py").write_text("import torch\nclass Net(\n")
    (folder / "failing.py").write_text("1 / 0\n")
    (folder / "s.yaml").write_text(f"{text}\ntables: [{{factor: epochs, levels: [1]}}]\n")
    with pytest.raises(UserError) as caught:
        load_study(str(folder / "s.yaml")).config()
    assert words in " ".join(str(caught.value).split())


def test_parameters_have_bounds_choices_and_labels(tmp_path: Path) -> None:
    (tmp_path / "net.py").write_text(
        "from typing import Annotated, Literal\nfrom annotated_types import Ge, Interval\nfrom torch import nn\n"
        "def net(in_features, outputs, *, width: Annotated[int, Ge(2)] = 4, kind: Literal['a', 'b'] = 'a',\n"
        "        drop: Annotated[float, Interval(ge=0, lt=1)] = 0.0, sizes: tuple = (3, 4), deep: bool = False,\n"
        "        epochs: int = 7, rate: float | None = None, clip: Annotated[float, Ge(0)] | None = 1.0,\n"
        "        mode: Literal['a', 'b', None] = None):\n"
        "    return nn.Sequential(nn.Flatten(), nn.Linear(in_features, outputs))\n"
    )

    def load(text: str) -> Any:
        (tmp_path / "s.yaml").write_text(f"base: {{network: net:net}}\ntables:\n  - {text}\n")
        study = load_study(str(tmp_path / "s.yaml"))
        return study, [study.config(level.base, level.values).own for level in study.tables[0].levels]

    study, own = load("{factor: width, levels: [2, 8]}")
    assert [values["network.width"] for values in own] == [2, 8]
    assert own[0]["network.sizes"] == [3, 4]
    assert own[0]["network.epochs"] == 7
    assert study.tables[0].headings == ("Width",)
    assert load("{factor: network.epochs, levels: [1, 2]}")[1][1]["network.epochs"] == 2
    for name, level in (("rate", 0.5), ("clip", 0.5), ("mode", "a")):
        absent, given = load(f"{{factor: {name}, levels: [null, {level}]}}")[1]
        assert (absent[f"network.{name}"], given[f"network.{name}"]) == (None, level)
    for text, words in (
        ("{factor: width, levels: [1]}", "1 is out of bounds; give a whole number at least 2"),
        ("{factor: kind, levels: [c]}", "there is no kind 'c'; known: a, b"),
        ("{factor: drop, levels: [1]}", "1 is out of bounds; give a number at least 0 and below 1"),
        ("{factor: deep, levels: [1]}", "1 is not true or false"),
        ("{factor: width, levels: [null]}", "has no value; give a whole number at least 2"),
        ("{factor: rate, levels: [none]}", "'none' is not a number or null"),
        ("{factor: clip, levels: [-1]}", "-1 is out of bounds; give a number at least 0 or null"),
        ("{factor: mode, levels: [none]}", "there is no mode 'none'; known: a, b, null"),
    ):
        with pytest.raises(UserError) as caught:
            load(text)
        assert words in str(caught.value)
