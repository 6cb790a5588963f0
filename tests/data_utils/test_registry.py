"""The registry, and what loads when it does."""

import subprocess
import sys
import types
from pathlib import Path

import numpy as np
import pytest

from data_utils import DATASETS, TOY_PROBLEMS, DatasetError, DatasetInfo, dataset_info, load_test_data, load_trial_data
from data_utils.parts import Part, PartName, Rows

ROOT = Path(__file__).resolve().parents[2]


def test_every_name_finds_its_own_info() -> None:
    assert set(DATASETS) >= {"digits", "usps", "mnist", "house_prices", "diabetes", "toy"}
    for name, info in DATASETS.items():
        assert dataset_info(name) is info
        assert info.name == name
        assert info.label
        assert info.source
        assert (info.task, info.classes >= 2, bool(info.target_unit)) in {
            ("classification", True, False),
            ("regression", False, True),
        }
        assert 0 < info.validation_rows < info.development_rows
    assert TOY_PROBLEMS


def test_an_unknown_name_gets_the_nearest_one_and_all_of_them() -> None:
    with pytest.raises(DatasetError, match=r"'house_price' \(did you mean 'house_prices'\?\).*digits, usps, mnist"):
        dataset_info("house_price")
    with pytest.raises(DatasetError, match="no dataset is named 'qqq': the names are"):
        dataset_info("qqq")


def _line(part: PartName, *, data_dir: Path, options: object, download: bool) -> Part:
    rows = 10 if part == "development" else 5
    return Part(1, (b"line",), lambda: Rows(np.arange(rows, dtype=float)[:, None], np.arange(rows) * 2.0))


@pytest.fixture
def own_module(monkeypatch: pytest.MonkeyPatch) -> types.ModuleType:
    module = types.ModuleType("my_data")
    module.open_line = _line  # type: ignore[attr-defined]
    module.LINE = DatasetInfo(  # type: ignore[attr-defined]
        "line", "A line", "regression", (1,), 0, 10, 5, 3, "metres", "mine", "my_data:open_line"
    )
    monkeypatch.setitem(sys.modules, "my_data", module)
    return module


def test_a_dataset_of_ones_own_is_named_by_module_and_attribute(own_module: types.ModuleType, tmp_path: Path) -> None:
    data = load_trial_data("my_data:LINE", data_dir=tmp_path)
    assert data.dataset == "my_data:LINE"
    assert data.target_unit == "metres"
    assert (len(data.train_targets), len(data.validation_targets)) == (7, 3)
    np.testing.assert_allclose(data.train_targets, data.train_inputs[:, 0], rtol=1e-6)
    assert len(load_test_data("my_data:LINE", data_dir=tmp_path).targets) == 5


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("no_such_module:LINE", "No module named 'no_such_module'"),
        ("my_data:CIRCLE", "no attribute 'CIRCLE'"),
        ("my_data:open_line", "must be a data_utils.DatasetInfo, not a function"),
        (":LINE", "write package.module:NAME"),
    ],
)
def test_a_wrong_name_of_ones_own_says_what_is_wrong(own_module: types.ModuleType, name: str, message: str) -> None:
    with pytest.raises(DatasetError, match=message):
        dataset_info(name)


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (Rows(np.zeros((9, 1)), np.zeros(9)), r"inputs \(10, 1\) and targets \(10,\), not \(9, 1\) and \(9,\)"),
        (Rows(np.full((10, 1), np.nan), np.zeros(10)), "finite numbers"),
        (Rows(np.zeros((10, 1)), np.full(10, np.inf)), "finite numbers"),
    ],
)
def test_a_loader_of_ones_own_is_held_to_its_info(
    own_module: types.ModuleType, tmp_path: Path, rows: Rows, message: str
) -> None:
    own_module.open_line = lambda part, **_: Part(1, (b"",), lambda: rows)  # type: ignore[attr-defined]
    with pytest.raises(DatasetError, match=message):
        load_trial_data("my_data:LINE", data_dir=tmp_path)


def _loaded_after(code: str) -> set[str]:
    code += "\nimport sys; print(*{name.partition('.')[0] for name in sys.modules})"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def test_the_registry_loads_without_numpy() -> None:
    loaded = _loaded_after("import data_utils; data_utils.dataset_info('usps')")
    assert "data_utils" in loaded
    assert not loaded & {"numpy", "torch", "torchvision", "sklearn", "pandas", "ray", "scipy"}


def test_fingerprints_and_loading_need_no_heavy_import(usps_folder: Path) -> None:
    loaded = _loaded_after(
        "from pathlib import Path; from data_utils import fingerprint, load_trial_data\n"
        f"for name in ('digits', 'diabetes', 'toy', 'usps'): fingerprint(name, data_dir=Path({str(usps_folder)!r}))\n"
        f"load_trial_data('digits', data_dir=Path({str(usps_folder)!r}))"
    )
    assert "numpy" in loaded
    assert not loaded & {"torch", "torchvision", "sklearn", "pandas", "ray", "scipy"}


def test_describing_a_csv_file_needs_no_heavy_import(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("a,y\n" + "".join(f"{row},{row}.5\n" for row in range(30)))
    loaded = _loaded_after(
        "from pathlib import Path; from data_utils import Declaration, describe, load_trial_data\n"
        f"folder = Path({str(tmp_path)!r})\n"
        "declaration = Declaration.from_mapping('t', {'file': 't.csv', 'target': 'y'})\n"
        "load_trial_data(describe(declaration, folders=[folder]), data_dir=folder)"
    )
    assert "numpy" in loaded
    assert not loaded & {"torch", "torchvision", "sklearn", "pandas", "pyarrow", "PIL", "ray", "scipy"}
