"""The layers of a stack."""

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from models.stacking.layers import OneByOne


@settings(max_examples=40, deadline=None)
@given(
    members=st.sampled_from([2, 4, 8, 11]),
    rows=st.sampled_from([1, 3, 10, 20, 64, 129]),
    inputs=st.integers(41, 130),
    seed=st.integers(0, 99),
)
def test_gradients_one_by_one_have_the_bits_of_those_of_all_members(
    members: int, rows: int, inputs: int, seed: int
) -> None:
    generator = torch.Generator().manual_seed(seed)
    inputs, outputs = 8 * inputs, 104
    given_inputs = torch.randn((members, rows, inputs), generator=generator)
    slope = torch.randn((members, rows, outputs), generator=generator)
    together = torch.bmm(given_inputs.transpose(1, 2), slope)
    one_by_one = OneByOne(torch.empty(inputs, outputs))
    one_by_one.hold(given_inputs, slope)
    assert all(torch.equal(one_by_one[member], together[member].flatten()) for member in range(members))
