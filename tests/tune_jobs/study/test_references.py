"""Classes of one name in several modules can be told apart wherever they are shown."""

from pathlib import Path

from tune_jobs.study.load import load_study
from tune_jobs.study.rows import expand
from tune_jobs.trial.key import trial_key
from tune_jobs.trial.trial import differences

NET = """
from torch import nn

class Net(nn.Sequential):
    def __init__(self, outputs):
        super().__init__(nn.Flatten(), nn.Linear(64, outputs))

class Other(Net):
    pass

class MLP(Net):
    pass
"""


def labels(folder: Path, *levels: str, more: str = "") -> list[str]:
    path = folder / "s.yaml"
    path.write_text(f"base: {{epochs: 1}}\ntables:\n  - {{factor: network, levels: {list(levels)}}}\n{more}")
    return [level.labels[0] for level in load_study(str(path)).tables[0].levels]


def test_labels_carry_their_module_where_they_collide(tmp_path: Path) -> None:
    for name in ("same_a", "same_b"):
        (tmp_path / f"{name}.py").write_text(NET)
    assert labels(tmp_path, "same_a:Net", "same_b:Net", "same_b:Other", "same_b:MLP", "mlp") == [
        "same_a:Net",
        "same_b:Net",
        "Other",
        "same_b:MLP",
        "MLP",
    ]
    assert labels(tmp_path, "same_a:Net", "same_b:Other") == ["Net", "Other"]
    mine = 'labels: {"same_a:Net": Net}\n'
    assert labels(tmp_path, "same_a:Net", "same_b:Net", more=mine) == ["Net", "same_b:Net"]
    mine = 'labels: {"same_a:Net": Mine}\n'
    assert labels(tmp_path, "same_a:Net", "same_b:Net", more=mine) == ["Mine", "Net"]


def test_labels_are_no_part_of_a_key(tmp_path: Path) -> None:
    for name in ("same_a", "same_b"):
        (tmp_path / f"{name}.py").write_text(NET)
    labels(tmp_path, "same_a:Net", "same_b:Net")
    both = [row.config for row in expand(load_study(str(tmp_path / "s.yaml")))]
    labels(tmp_path, "same_a:Net")
    (alone,) = (row.config for row in expand(load_study(str(tmp_path / "s.yaml"))))
    assert both[0] is not None
    assert alone is not None
    assert trial_key(both[0], "data") == trial_key(alone, "data")
    assert both[1] is not None
    assert differences(both[1], both[0]).startswith("network=same_b:Net")
