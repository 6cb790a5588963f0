"""Levels that are suggested lie within the bounds, have the default among them, and are those that a person tries."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tune_jobs.study.suggested_levels import suggested_levels
from tune_jobs.trial.fields import FieldSpec
from tune_jobs.user_code.parameters import REQUIRED, Parameters


def levels(name: str, default: Any, kind: type = float, **more: Any) -> list[Any]:
    parameters = Parameters({name: FieldSpec(name, "", kind, **more)}, {name: default}, ())
    return suggested_levels(parameters).get(name, [])


@pytest.mark.parametrize(
    ("name", "default", "more", "expected"),
    [
        ("learning_rate", 0.003, {}, [0.001, 0.003, 0.01]),
        ("learning_rate", 0.0001, {}, [0.00003, 0.0001, 0.0003]),
        ("dropout", 0.0, {}, [0.0, 0.2, 0.5]),
        ("dropout", 0.1, {}, [0.0, 0.1, 0.3]),
        ("gamma", 0.1, {}, [0.03, 0.1, 0.3]),
        ("momentum", 0.9, {}, [0.45, 0.9, 0.95]),
        ("temperature", 0.0, {}, []),
        ("scale", -2.0, {}, []),
        ("width", 32, {"kind": int}, [16, 32, 64]),
        ("width", 32, {"kind": int, "at_least": 20}, [32, 64]),
        ("layers", 1, {"kind": int}, [1, 2, 4]),
        ("depth", REQUIRED, {"kind": int}, []),
        ("depth", None, {"kind": int, "optional": True}, []),
        ("num_workers", 4, {"kind": int}, []),
        ("average", True, {"kind": bool}, [False, True]),
        ("mode", "up", {"kind": str, "choices": {"up": "up", "down": "down"}}, ["up", "down"]),
        ("mode", "up", {"kind": str, "choices": {"up": "up"}}, []),
        ("mode", "up", {"kind": str}, []),
    ],
)
def test_levels_are_what_a_person_would_try(name: str, default: Any, more: dict[str, Any], expected: list[Any]) -> None:
    assert levels(name, default, **more) == expected


def test_what_is_varied_most_comes_first() -> None:
    fields = {name: FieldSpec(name, "", float) for name in ("alpha", "dropout", "learning_rate")}
    assert list(suggested_levels(Parameters(fields, dict.fromkeys(fields, 0.1), ()))) == [
        "learning_rate",
        "dropout",
        "alpha",
    ]


@given(
    st.one_of(st.floats(1e-8, 1e8), st.integers(1, 10**6)),
    st.floats(1e-8, 1) | st.none(),
    st.floats(1, 1e8) | st.none(),
)
def test_levels_keep_to_the_bounds(default: float, low: float | None, high: float | None) -> None:
    kind = type(default)
    found = levels("size", default, kind, at_least=low, at_most=high)
    assert found == sorted(set(found))
    assert not found or default in found
    assert all((low is None or level >= low) and (high is None or level <= high) for level in found)
