"""New numbers need a new version of the engine: otherwise the ledger would mix trials that cannot be compared."""

import importlib.util
import json
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from models.version import ENGINE_VERSIONS

ADVICE = (
    "the engine's numbers changed: raise models.version.ENGINE_VERSIONS and run `python tests/models/golden.py`, "
    "or undo the change"
)


@pytest.fixture(scope="module")
def golden() -> ModuleType:
    spec = importlib.util.spec_from_file_location("golden", Path(__file__).with_name("golden.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_numbers_are_those_of_this_engine_version(golden: ModuleType) -> None:
    stored = json.loads(golden.PATH.read_text())
    assert stored["engine_versions"] == ENGINE_VERSIONS, "run `python tests/models/golden.py` after raising the version"
    found = golden.histories()
    assert set(found) == set(stored["histories"])
    assert len(found) >= 6
    for name, curves in found.items():
        for curve, values in curves.items():
            # Another instruction set or torch version rounds differently, which may flip a few of the 30 predictions.
            tolerance = {"atol": 10.0} if curve.endswith("metric") else {"rtol": 5e-3, "atol": 1e-6}
            np.testing.assert_allclose(
                values, stored["histories"][name][curve], err_msg=f"{name} {curve}: {ADVICE}", **tolerance
            )
        known = stored["bits"].get(golden.machine(), {})
        if name in known:
            assert golden.bits(curves) == known[name], f"{name}: {ADVICE}"
