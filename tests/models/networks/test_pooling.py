"""Pooling without a gradient gives the numbers of pooling with one."""

import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from models.networks.pooling import MaxPool2x2


@given(
    count=st.integers(1, 3),
    channels=st.integers(1, 33),
    height=st.integers(2, 9),
    width=st.integers(2, 9),
    last=st.booleans(),
    values=st.lists(st.sampled_from([0.0, -0.0, 1.0, -2.5, float("inf")]), min_size=1, max_size=7),
)
def test_the_numbers_are_those_of_pytorch(
    count: int, channels: int, height: int, width: int, last: bool, values: list[float]
) -> None:
    size = count * channels * height * width
    images = torch.tensor((values * size)[:size]).view(count, channels, height, width)
    if last:
        images = images.contiguous(memory_format=torch.channels_last)
    expected = nn.MaxPool2d(2)(images)
    with torch.no_grad():
        found = MaxPool2x2()(images)
    assert found.shape == expected.shape
    assert torch.equal(found, expected)
    assert found.is_contiguous(memory_format=torch.channels_last) >= last


def test_what_is_no_number_stays_so() -> None:
    images = torch.zeros(1, 1, 4, 4)
    images[0, 0, 1, 2] = float("nan")
    with torch.no_grad():
        found = MaxPool2x2()(images)
    assert found.isnan().tolist() == [[[[False, True], [False, False]]]]


def test_with_a_gradient_it_is_pytorchs_own() -> None:
    images = torch.randn(2, 3, 6, 6)
    one, other = (images.clone().requires_grad_() for _ in range(2))
    MaxPool2x2()(one).square().sum().backward()
    nn.MaxPool2d(2)(other).square().sum().backward()
    assert one.grad is not None
    assert other.grad is not None
    assert torch.equal(one.grad, other.grad)
