"""An annotation that cannot be resolved costs its parameter the type, says so, and leaves the others theirs."""

from pathlib import Path
from typing import Any

import pytest

from tune_jobs.errors import UserError
from tune_jobs.study.load import load_study

NET = """
from __future__ import annotations

from functools import partial, wraps
from typing import TYPE_CHECKING, Annotated, Literal

from annotated_types import Ge
from torch import nn

if TYPE_CHECKING:
    from somewhere import Norm


class Net(nn.Sequential):
    def __init__(
        self,
        in_features: int,
        outputs: Outputs,
        width: Annotated[int, Ge(2)] = 4,
        kind: Literal["a", "b"] = "a",
        rate: float | None = None,
        norm: Norm | None = None,
        name: Norm = "batch",
    ):
        super().__init__(nn.Flatten(), nn.Linear(in_features, outputs))


@wraps(Net.__init__)
def wrapped(*arguments, **keywords):
    return Net(*arguments, **keywords)


narrow = partial(Net, width=2)
"""


def study(folder: Path, level: str, reference: str = "net:Net") -> Any:
    (folder / "net.py").write_text(NET)
    (folder / "s.yaml").write_text(f"base: {{network: '{reference}'}}\ntables: [{level}]\n")
    return load_study(str(folder / "s.yaml"))


@pytest.mark.parametrize("reference", ["net:Net", "net:narrow"])
def test_the_other_parameters_keep_their_types_bounds_and_choices(
    tmp_path: Path, reference: str, caplog: pytest.LogCaptureFixture
) -> None:
    for level, words in (
        ("{factor: width, levels: [1]}", "1 is out of bounds; give a whole number at least 2"),
        ("{factor: kind, levels: [c]}", "there is no kind 'c'; known: a, b"),
        ("{factor: rate, levels: [fast]}", "'fast' is not a number"),
    ):
        with pytest.raises(UserError, match=words):
            study(tmp_path, level, reference)
    norms = study(tmp_path, "{factor: norm, levels: [3, batch, null]}", reference).tables[0].levels
    assert [level.values["norm"] for level in norms] == [3, "batch", None]
    lines = set(caplog.messages)
    assert {line.partition(" cannot be resolved")[0] for line in lines} == {
        f"{reference}: the annotation of {name}" for name in ("norm", "name")
    }
    assert all("(name 'Norm' is not defined)" in line and "TYPE_CHECKING" in line for line in lines)


def test_annotations_are_resolved_where_a_wrapped_function_was_written(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="whole number at least 2"):
        study(tmp_path, "{factor: width, levels: [1]}", "net:wrapped")


def test_nothing_is_said_where_all_is_resolved(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "net.py").write_text(NET.replace("if TYPE_CHECKING:\n    from somewhere import Norm", "Norm = str"))
    (tmp_path / "s.yaml").write_text("base: {network: 'net:Net'}\ntables: [{factor: width, levels: [2]}]\n")
    load_study(str(tmp_path / "s.yaml"))
    assert caplog.messages == []
