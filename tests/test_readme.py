"""The README is true."""

import dataclasses
import re
from pathlib import Path
from typing import Any

import pytest

from data_utils import load_trial_data
from models.engine import train
from models.saved import to_bytes
from tune_jobs.study.load import load_study, shipped_studies
from tune_jobs.trial.config import TrialConfig

README = (Path(__file__).parent.parent / "README.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    """The README's fenced blocks of a language."""
    return re.findall(rf"^```{language}\n(.*?)^```", README, flags=re.MULTILINE | re.DOTALL)


def test_the_study_that_the_readme_shows_is_one(tmp_path: Path) -> None:
    text = blocks("yaml")[0]
    (tmp_path / "shown.yaml").write_text(text)
    study = load_study(str(tmp_path / "shown.yaml"))
    assert [table.name for table in study.stages] == ["depth", "rate"]
    assert study.fresh_seeds == 10


def test_three_lines_load_a_model_and_predict(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    code = blocks("python")[-1]
    assert len([line for line in code.splitlines() if line]) == 3
    config = TrialConfig(epochs=1)
    data = load_trial_data("digits", data_dir=tmp_path)
    training = train(config, [0], data)[0]
    folder = tmp_path / "results" / "models" / "digits_demo"
    folder.mkdir(parents=True)
    (folder / "final.safetensors").write_bytes(to_bytes(training.network, dataclasses.asdict(config), data))
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {"images": data.validation_inputs * data.input_scale + data.input_offset}
    exec(code, names)
    accuracy = 100 * (names["digits"] == data.validation_targets).mean()
    assert accuracy == pytest.approx(training.history.validation_metric[-1])


def test_every_shipped_study_is_in_the_readme() -> None:
    named = set(re.findall(r"`([a-z0-9_]+)`", README))
    assert set(shipped_studies()) <= named
