"""Outputs joined side by side and split again."""

from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from models.errors import ModelError
from models.output_form import Form

shapes = st.lists(st.lists(st.integers(1, 3), max_size=3).map(tuple), min_size=1, max_size=4)


@given(shapes=shapes, mapping=st.booleans(), rows=st.integers(1, 4))
def test_outputs_come_back_as_the_network_returned_them(
    shapes: list[tuple[int, ...]], mapping: bool, rows: int
) -> None:
    tensors = [torch.randn(rows, *shape) for shape in shapes]
    outputs: Any = {str(i): tensor for i, tensor in enumerate(tensors)} if mapping else tuple(tensors)
    form = Form.of(outputs, rows, "net")
    joined = form.join(outputs)
    assert joined.shape == (rows, form.width)
    back = form.split(joined)
    parts = list(back.values()) if mapping else list(back)
    assert all(torch.equal(part, tensor) for part, tensor in zip(parts, tensors, strict=True))


@pytest.mark.parametrize(
    ("outputs", "words"),
    [(None, "returns NoneType"), (torch.ones(3), "for 2 inputs"), ((torch.ones(2, 1), 3), "returns int for 2 inputs")],
)
def test_outputs_without_a_row_for_each_input_are_refused(outputs: Any, words: str) -> None:
    with pytest.raises(ModelError, match=words):
        Form.of(outputs, 2, "net")
