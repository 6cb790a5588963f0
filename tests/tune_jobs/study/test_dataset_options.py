"""An option of a built-in dataset: declared in its line of the registry, it is a field of studies, tables and keys."""

import dataclasses
import sys
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from data_utils import DATASETS, DatasetError, load_trial_data
from data_utils.options import OptionSpec
from data_utils.parts import Part, PartName, Rows
from tune_jobs.errors import UserError
from tune_jobs.ledger.record import Record, encode_fields
from tune_jobs.standing.fingerprints import data_fingerprints
from tune_jobs.standing.replicates import RowReader
from tune_jobs.standing.stale import stale_trials
from tune_jobs.study.load import load_study
from tune_jobs.study.model import Study
from tune_jobs.study.rows import expand
from tune_jobs.training.data import load_data
from tune_jobs.trial.config import config_of, plain_config
from tune_jobs.trial.key import trajectory
from tune_jobs.trial.trial import differences
from tune_jobs.user_code.modules import Code

NOISE = OptionSpec(
    name="noise", default=0.0, label="Noise", help="Deviation of the points.", unit="cm", at_least=0, below=2
)


def _open_part(part: PartName, *, data_dir: Path, options: dict[str, Any], download: bool) -> Part:
    noise = options["noise"]
    inputs = np.random.default_rng(0).normal(size=(1000 if part == "development" else 500, 2)) * (1 + noise)
    content = ((f"noise {noise}".encode(),) if noise else ()) + (part.encode(),)
    return Part(1, content, lambda: Rows(inputs, np.arange(len(inputs)) % 2))


@pytest.fixture(autouse=True)
def _noisy_toy(monkeypatch: pytest.MonkeyPatch) -> None:
    module = types.ModuleType("noisy_toy")
    module.open_part = _open_part  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "noisy_toy", module)
    noisy = dataclasses.replace(DATASETS["toy"], loader="noisy_toy:open_part", option_specs=(NOISE,))
    monkeypatch.setitem(DATASETS, "toy", noisy)


def study(folder: Path, text: str, **overrides: object) -> Study:
    (folder / "s.yaml").write_text(text)
    return load_study(str(folder / "s.yaml"), overrides)


TABLE = "base: {dataset: toy}\ntables: [{factor: noise, levels: [0, 0.5, 1]}]"


def test_a_table_varies_the_option_and_its_default_is_in_no_key(tmp_path: Path) -> None:
    loaded = study(tmp_path, TABLE)
    rows = expand(loaded)
    assert [row.labels for row in rows] == [("0",), ("0.5",), ("1",)]
    assert [row.is_default for row in rows] == [True, False, False]
    configs = [row.config for row in rows if row.config is not None]
    assert [trajectory(config).get("dataset.noise") for config in configs] == [None, 0.5, 1]
    assert [loaded.own.value_of(config, "noise") for config in configs] == [0, 0.5, 1]
    assert trajectory(configs[0]) == trajectory(study(tmp_path, "base: {dataset: toy}\nfinal: {epochs: 2}").config())
    assert differences(configs[1], configs[0]) == "dataset.noise=0.5"
    assert [config_of(plain_config(config)) for config in configs] == configs


def test_each_value_reads_data_of_its_own(tmp_path: Path) -> None:
    loaded = study(tmp_path, TABLE)
    rows = expand(loaded)
    prints = data_fingerprints(loaded, [0], tmp_path, download=False)
    assert list(prints) == ["toy(xor)", "toy(noise 0.5,xor)", "toy(noise 1,xor)"]
    assert len(set(prints.values())) == 3
    assert len({trial.key for trial in RowReader(None, [0], prints).trials(rows)}) == 3
    data = load_data([row.config for row in rows if row.config is not None], tmp_path, Code())
    scales = [part.input_scale / 1000 for part in data.values()]
    np.testing.assert_allclose(scales[2], 2 * scales[0], rtol=1e-6)


def test_label_and_unit_come_from_the_declaration(tmp_path: Path) -> None:
    loaded = study(tmp_path, TABLE)
    assert loaded.tables[0].headings == ("Noise",)
    assert [loaded.own.label(name) for name in ("noise", "dataset.noise")] == ["Noise", "Noise"]
    assert loaded.own.unit("noise") == "cm"


def test_a_value_out_of_bounds_is_refused_with_the_bounds(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"\(noise\): 2 is out of bounds; give a number at least 0 and below 2"):
        study(tmp_path, TABLE.replace("1]", "2]"))
    with pytest.raises(UserError, match=r"--set noise: 'much' is not a number at least 0 and below 2"):
        study(tmp_path, TABLE, noise="much")
    for value in (-1, "much", True, None):
        with pytest.raises(DatasetError, match=f"noise must be a number at least 0 and below 2, not {value!r}"):
            load_trial_data("toy", data_dir=tmp_path, options={"noise": value})


def test_only_a_study_of_the_dataset_has_the_option(tmp_path: Path) -> None:
    assert study(tmp_path, TABLE.replace("toy", "digits"), dataset="toy").own.known_names() >= {"noise"}
    with pytest.raises(UserError, match="there is no field 'noise'"):
        study(tmp_path, TABLE.replace("toy", "digits"))


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        (TABLE.replace("tables", "stages"), "noise cannot change between stages, which are compared on the same data"),
        (
            "base: {dataset: toy}\nsearch: {space: {noise: [0, 1]}}",
            "noise changes the data, on which trials are compared; set it in `base`",
        ),
    ],
)
def test_what_is_compared_on_the_same_data_cannot_vary_it(text: str, rule: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=rule):
        study(tmp_path, text)


def test_another_value_makes_no_trial_stale(make_record: Callable[..., Record], tmp_path: Path) -> None:
    loaded = study(tmp_path, TABLE)
    prints = data_fingerprints(loaded, [0], tmp_path, download=False)
    first, *others = RowReader(None, [0], prints).trials(expand(loaded))
    record = make_record(key=first.key, fields=encode_fields(trajectory(first.config)))
    assert stale_trials(others, {first.key: record}) == []


def test_a_parameter_of_the_users_function_is_not_taken_for_the_field_of_its_name(tmp_path: Path) -> None:
    (tmp_path / "cloud.py").write_text(
        "import numpy as np\n"
        "def points(seed: int = 3, toy_problem: str = 'a'):\n"
        "    inputs = np.random.default_rng(seed).normal(size=(200, 2))\n"
        "    return inputs, (inputs[:, 0] > len(toy_problem) - 1).astype(int)\n"
    )
    text = "base: {dataset: cloud:points, batch_size: 8}\ntables: [{factor: dataset.seed, levels: [3, 4]}]"
    loaded = study(tmp_path, text, toy_problem="ab")
    assert list(data_fingerprints(loaded, [0], tmp_path, download=False)) == [
        "cloud:points(seed 3,ab)",
        "cloud:points(seed 4,ab)",
    ]
