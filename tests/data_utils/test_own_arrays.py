"""npz files and functions of the user's own."""

import json
import sys
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from data_utils import DatasetError, DatasetInfo, Declaration, describe, fingerprint, load_test_data, load_trial_data

NUMBERS = count()
INPUTS = np.random.default_rng(0).normal(size=(100, 3))
CLASSES = np.arange(100) % 4


def described(folder: Path, *, options: dict[str, Any] | None = None, **keys: Any) -> DatasetInfo:
    return describe(Declaration.from_mapping("rings", keys), folders=[folder], options=options or {})


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], str]:
    """Return a function that writes code into a module on the path and returns the module's name."""
    monkeypatch.syspath_prepend(tmp_path)

    def write(code: str) -> str:
        name = f"own_data_{next(NUMBERS)}"
        (tmp_path / f"{name}.py").write_text(f"import numpy as np\n{code}\n")
        return name

    return write


@pytest.mark.parametrize(
    ("inputs", "shape", "offset_shape"),
    [
        (INPUTS, (3,), (3,)),
        (INPUTS[:, 0], (1,), (1,)),
        (INPUTS.astype(">f4"), (3,), (3,)),
        (np.arange(1200, dtype=np.uint8).reshape(100, 1, 3, 4), (1, 3, 4), (1, 1, 1)),
        (np.random.default_rng(0).normal(size=(100, 5, 2)), (5, 2), (1, 2)),
        (INPUTS > 0, (3,), (3,)),
    ],
)
def test_arrays_keep_their_shape(
    inputs: Any, shape: tuple[int, ...], offset_shape: tuple[int, ...], tmp_path: Path
) -> None:
    np.savez(tmp_path / "d.npz", x=inputs, y=CLASSES)
    info = described(tmp_path, file="d.npz")
    assert (info.input_shape, info.task, info.class_names) == (shape, "classification", ("0", "1", "2", "3"))
    data = load_trial_data(info, data_dir=tmp_path)
    assert data.train_inputs.shape == (len(data.train_targets), *shape)
    assert data.input_offset.shape == offset_shape
    restored = np.concatenate([data.train_inputs, data.validation_inputs]) * data.input_scale + data.input_offset
    test = load_test_data(info, data_dir=tmp_path)
    everything = np.concatenate([restored, test.inputs * data.input_scale + data.input_offset])
    np.testing.assert_allclose(np.sort(everything.ravel()), np.sort(np.asarray(inputs, dtype=float).ravel()), atol=1e-4)


def test_the_same_numbers_in_another_type_have_the_same_test_part(tmp_path: Path) -> None:
    images = np.random.default_rng(0).integers(0, 256, size=(100, 1, 2, 2))
    tests = []
    for kind in (np.uint8, np.int64, np.float64):
        np.savez(tmp_path / "d.npz", inputs=images.astype(kind), targets=CLASSES)
        tests.append(load_test_data(described(tmp_path, file="d.npz"), data_dir=tmp_path))
    assert len({test.test_fingerprint for test in tests}) == 1
    np.testing.assert_allclose(tests[0].inputs, tests[2].inputs, rtol=1e-6)


def test_arrays_are_named_and_a_test_file_is_the_whole_test_part(tmp_path: Path) -> None:
    np.savez(tmp_path / "d.npz", images=INPUTS, labels=np.array(["cat", "dog"])[CLASSES % 2], inputs=INPUTS[:5])
    np.savez_compressed(tmp_path / "t.npz", images=INPUTS[:7] + 1, labels=["dog"] * 7)
    info = described(tmp_path, file="d.npz", inputs="images", target="labels", test_file="t.npz")
    assert (info.development_rows, info.test_rows, info.validation_rows) == (100, 7, 20)
    assert (info.class_names, info.reads) == (("cat", "dog"), ())
    assert load_test_data(info, data_dir=tmp_path).targets.tolist() == [1] * 7


def test_numbers_may_be_missing_where_they_are_imputed(tmp_path: Path) -> None:
    inputs = INPUTS.copy()
    inputs[::7, 1] = np.nan
    np.savez(tmp_path / "d.npz", x=inputs, y=INPUTS[:, 0])
    with pytest.raises(
        DatasetError, match=r"its inputs must be finite numbers, but contain nan in row 1, at \[1\]; .*mean"
    ):
        described(tmp_path, file="d.npz")
    data = load_trial_data(described(tmp_path, file="d.npz", missing="median"), data_dir=tmp_path)
    assert data.input_fill is not None
    assert np.isfinite(data.train_inputs).all()
    assert data.input_fill[1] == pytest.approx(np.nanmedian(inputs[:, 1]), abs=0.5)


def test_an_npz_file_that_cannot_be_used_gets_one_line(tmp_path: Path) -> None:
    path = tmp_path / "d.npz"
    np.savez(path, a=INPUTS, targets=CLASSES)
    whole = path.read_bytes()

    def refuses(message: str, **keys: Any) -> None:
        with pytest.raises(DatasetError, match=message) as caught:
            described(tmp_path, file="d.npz", **keys)
        assert "\n" not in str(caught.value)

    refuses(r"rings\.inputs: .*d\.npz has no array 'inputs' or 'x'; the arrays are a, targets")
    refuses(r"rings\.target: .* has no array 'target'; did you mean targets\?", inputs="a", target="target")
    for torn in (whole[:-40], b"PK\3\4", b"anything at all"):
        path.write_bytes(torn)
        refuses(r"d\.npz: it is not an npz file \(")
    path.write_bytes(whole.replace(INPUTS.tobytes()[:64], bytes(64)))
    refuses("its array a cannot be read", inputs="a")
    np.save(tmp_path / "d.npy", INPUTS)
    path.write_bytes((tmp_path / "d.npy").read_bytes())
    refuses("it is a single array, not an npz file")
    np.savez(path, x=INPUTS.astype(object), y=CLASSES)
    refuses("its array x cannot be read .*Object arrays cannot be loaded")
    np.savez(path, x=INPUTS, y=CLASSES / 1)
    refuses(r"rings\.task: must be given, because the targets are 4 distinct whole numbers")
    np.savez(path, x=INPUTS, y=np.arange(100))
    refuses(r"rings\.task: must be given, because the targets are 100 distinct whole numbers")
    np.savez(path, x=INPUTS, y=np.zeros(100, dtype=int))
    refuses("all targets outside the test part are 0; add rows of another class")
    np.savez(path, x=INPUTS[:1], y=[0.5])
    refuses("none of its 1 rows falls into the sealed test part|the sealed test part leaves 0 rows")


def test_a_function_s_parameters_are_options(tmp_path: Path, module: Callable[[str], str]) -> None:
    name = module(
        "def rings(rows=60, *, noise: float = 0.1, data_dir):\n"
        "    generator = np.random.default_rng(0)\n"
        "    inputs = generator.normal(size=(rows, 2)) * noise\n"
        "    assert data_dir.is_dir()\n"
        "    return inputs, inputs[:, 0] > 0\n"
    )
    info = described(tmp_path, function=f"{name}:rings")
    assert info.reads == ("rows", "noise", "outer_split")
    assert (info.class_names, info.input_shape) == (("False", "True"), (2,))
    noisy = described(tmp_path, function=f"{name}:rings", options={"noise": 2, "outer_split": 3})
    assert noisy != info
    assert noisy == DatasetInfo.from_dict(json.loads(json.dumps(noisy.to_dict())))
    prints = {
        fingerprint(data, data_dir=tmp_path, options=options)
        for data in (info, noisy)
        for options in ({}, {"outer_split": 2})
    }
    assert len(prints) == 4
    given = load_trial_data(info, data_dir=tmp_path, options={"noise": 0.1})
    assert given.fingerprint == fingerprint(info, data_dir=tmp_path)
    with pytest.raises(DatasetError, match=r"with the options \{\} but read with \{'noise': 3\}; describe it"):
        load_trial_data(info, data_dir=tmp_path, options={"noise": 3})
    with pytest.raises(DatasetError, match=r"rings takes no option 'nois'; did you mean noise\?"):
        described(tmp_path, function=f"{name}:rings", options={"nois": 3})


@pytest.mark.parametrize(
    ("code", "inputs", "task", "classes"),
    [
        ("import torch\nx, y = torch.arange(300.).reshape(100, 3), torch.arange(100) % 2", (3,), "classification", 2),
        ("x, y = [[i, 2 * i] for i in range(100)], ['a', 'b'] * 50", (2,), "classification", 2),
        ("import pandas as pd\nx = pd.DataFrame({'p': range(100), 'q': 0.5})\ny = x['p'] / 8", (2,), "regression", 0),
        ("import pandas as pd\nx, y = pd.Series(range(100)), pd.Series(['u', 'v'] * 50)", (1,), "classification", 2),
        ("x, y = np.zeros((100, 1, 2, 2), dtype='uint8'), np.arange(100.)[:, None] / 3", (1, 2, 2), "regression", 0),
        ("x, y = np.arange(100), np.array([b'a', b'b'] * 50)", (1,), "classification", 2),
    ],
)
def test_a_function_returns_anything_that_numpy_understands(
    code: str, inputs: tuple[int, ...], task: str, classes: int, tmp_path: Path, module: Callable[[str], str]
) -> None:
    info = described(tmp_path, function=f"{module(f'{code}{chr(10)}def f(): return x, y')}:f")
    assert (info.input_shape, info.task, info.classes) == (inputs, task, classes)
    assert info.features == (("p", "q") if "DataFrame" in code else ())
    assert len(load_trial_data(info, data_dir=tmp_path).train_targets) > 30


@pytest.mark.parametrize(
    "returns", ["x, y, x[:9], y[:9]", "dict(inputs=x, targets=y, test_inputs=x[:9], test_targets=y[:9])"]
)
def test_a_function_may_give_the_test_part(returns: str, tmp_path: Path, module: Callable[[str], str]) -> None:
    name = module(f"x = np.arange(50.).reshape(25, 2)\ny = np.arange(25) % 2\ndef f(): return {returns}")
    info = described(tmp_path, function=f"{name}:f")
    assert (info.development_rows, info.test_rows, info.reads) == (25, 9, ())
    assert len(load_test_data(info, data_dir=tmp_path).targets) == 9
    with pytest.raises(DatasetError, match=r"rings\.test_share: does not go with a function that returns a test part"):
        described(tmp_path, function=f"{name}:f", test_share=0.1)


@pytest.mark.parametrize(
    ("returns", "message"),
    [
        ("None", r"it must return \(inputs, targets\), .*, not a NoneType"),
        ("x", "must return .*, not a ndarray"),
        ("x, y, x", "not 3 values"),
        ("dict(inputs=x)", "targets is missing"),
        ("dict(inputs=x, target=y)", "not one with the key target"),
        ("dict(inputs=x, targets=y, test_inputs=x)", "test_targets is missing"),
        ("x, y[:3]", "its inputs and targets must have the same number of rows, not 20 and 3"),
        ("x, y, x, y[:3]", "its test_inputs and test_targets must have the same number of rows, not 20 and 3"),
        ("None, y", "its inputs are None"),
        ("x, None", "its targets are None"),
        ("x, 3", "its targets must be an array, not 3"),
        ("x.astype(str), y", "its inputs must be numbers, not <U"),
        ("x.astype(str).astype(object), y", "its inputs must be numbers, but contain text"),
        ("[[1, 2], [3]], y", "its inputs cannot be read as an array"),
        ("x * 1j, y", "its inputs must be numbers, not complex128"),
        ("x[:0], y[:0]", r"its inputs are empty \(shape \(0, 2\)\)"),
        ("x, np.eye(20)", r"its targets must be \[n\] or \[n, 1\], not \[20, 20\]; turn one-hot classes into indices"),
        ("x, [object()] * 20", "its targets must be numbers, booleans or text"),
        ("x, [None, *y[1:]]", "in row 1, the target has no value"),
        ("x, np.where(y == 1, np.nan, 0.5)", "in row 2, the target has no value"),
        (
            "x / np.where(x == 6, 0, 1), y",
            r"its inputs must be finite numbers, but contain inf in row 4, at \[0\]; fix",
        ),
        ("x, y, x[:, :1], y", r"inputs of the test part have the shape \[1\], all others \[2\]"),
        ("x, y, x, y + 1", r"in row 2, the target \(2\) is a class that .* does not have"),
    ],
)
@pytest.mark.filterwarnings("ignore:divide by zero")
def test_a_function_that_returns_nonsense_is_told_so(
    returns: str, message: str, tmp_path: Path, module: Callable[[str], str]
) -> None:
    name = module(f"x = np.arange(40.).reshape(20, 2)\ny = np.arange(20) % 2\ndef f(): return {returns}")
    with pytest.raises(DatasetError, match=message) as caught:
        described(tmp_path, function=f"{name}:f")
    assert f"{name}:f" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_function_that_gives_other_rows_each_time_is_refused(tmp_path: Path, module: Callable[[str], str]) -> None:
    name = module(
        "calls = []\n"
        "def never(): return np.random.default_rng().normal(size=(50, 2)), np.arange(50) % 2\n"
        "def later():\n"
        "    calls.append(1)\n"
        "    return np.arange(50.) + (len(calls) > 2), np.arange(50) % 2\n"
        "def shuffled():\n"
        "    order = np.random.default_rng().permutation(50)\n"
        "    return np.arange(50.)[order], order % 2\n"
    )
    with pytest.raises(DatasetError, match="it returns different rows each time it is called; seed its generator"):
        described(tmp_path, function=f"{name}:never")
    info = described(tmp_path, function=f"{name}:later")
    with pytest.raises(DatasetError, match="it returns different rows each time; seed its generator"):
        load_trial_data(info, data_dir=tmp_path)
    info = described(tmp_path, function=f"{name}:shuffled")
    one, two = (load_trial_data(info, data_dir=tmp_path) for _ in range(2))
    np.testing.assert_array_equal(one.train_inputs, two.train_inputs)


def test_a_function_that_cannot_be_called_is_named(tmp_path: Path, module: Callable[[str], str]) -> None:
    name = module(
        "rings = 3\ndef circles(rows): return 1 / 0\ndef positional(rows, /): pass\ndef reserved(outer_split=0): pass\n"
    )
    for function, message in (
        ("no_such_module:f", r"rings\.function: there is no module 'no_such_module'; put it beside the study file"),
        (f"{name}:circle", r"rings\.function: .* has no 'circle'; did you mean circles\?"),
        (f"{name}:rings", "must be a function, not a int"),
        (f"{name}:circles", "needs the option 'rows'"),
        (f"{name}:positional", "has a parameter rows, which cannot be passed by name"),
        (f"{name}:reserved", "has a parameter outer_split, which is reserved for the test split"),
    ):
        with pytest.raises(DatasetError, match=message):
            described(tmp_path, function=function)
    with pytest.raises(ZeroDivisionError):
        described(tmp_path, function=f"{name}:circles", options={"rows": 3})
    with pytest.raises(ModuleNotFoundError, match="no_such_thing"):
        described(tmp_path, function=f"{module('import no_such_thing')}:f")


def test_a_function_s_numbers_may_be_missing(tmp_path: Path, module: Callable[[str], str]) -> None:
    name = module("def f(): return np.where(np.arange(50) % 9, np.arange(50.), np.nan), np.arange(50) % 2")
    data = load_trial_data(described(tmp_path, function=f"{name}:f", missing="most_frequent"), data_dir=tmp_path)
    assert np.isfinite(data.train_inputs).all()
    assert name in sys.modules
