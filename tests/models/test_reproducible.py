"""Tensors that are new are not filled before they are written, which changes no number; the user's code may need it."""

import pytest
import torch

from models.reproducible import reproducible
from tests.models import golden

CPU = torch.device("cpu")


def filled() -> bool:
    memory = torch.utils.deterministic
    return bool(memory.fill_uninitialized_memory)  # type: ignore[attr-defined]


def test_new_tensors_are_filled_only_where_they_must_be_and_as_before_afterwards() -> None:
    assert filled(), "torch's default"
    with reproducible(1, CPU):
        assert not filled()
        with reproducible(1, CPU, filled=True):
            assert filled()
            assert torch.empty(3).isnan().all()
        assert not filled()
    assert filled()


def test_the_numbers_are_the_same_with_and_without(monkeypatch: pytest.MonkeyPatch) -> None:
    def always(*arguments: object, **more: object) -> object:
        return reproducible(*arguments, **{**more, "filled": True})  # type: ignore[arg-type]

    without = golden.histories()
    monkeypatch.setattr("models.engine.reproducible", always)
    assert golden.histories() == without
