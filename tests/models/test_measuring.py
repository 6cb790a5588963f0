"""Inputs are measured in parts; how they are divided changes no bit."""

from types import SimpleNamespace
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from models.measuring import evaluate, in_cache
from models.networks import build_network
from tune_jobs.trial.config import TrialConfig

SHIPPED: Any = SimpleNamespace(user_network=False)


@given(count=st.integers(0, 3000))
def test_parts_are_in_order_and_none_is_small(count: int) -> None:
    parts = in_cache(torch.arange(count))
    assert torch.equal(torch.cat(parts), torch.arange(count))
    assert all(64 <= len(part) < 128 for part in parts) or (len(parts) == 1 and count < 128)


@settings(deadline=None, max_examples=25)
@given(
    count=st.one_of(st.integers(1, 1500), st.sampled_from([1024, 1025, 1088, 1089, 1291])),
    side=st.sampled_from([8, 16]),
    layers=st.integers(1, 3),
    units=st.sampled_from([2, 5, 16, 20]),
    kernel=st.sampled_from([1, 3, 5]),
    activation=st.sampled_from(["relu", "tanh", "gelu"]),
    batch_norm=st.booleans(),
    seed=st.integers(0, 99),
)
def test_a_convolutional_network_gives_the_same_bits_in_small_parts(
    count: int, side: int, layers: int, units: int, kernel: int, activation: str, batch_norm: bool, seed: int
) -> None:
    config = TrialConfig(
        network="cnn",
        hidden_layers=layers,
        hidden_units=units,
        kernel_size=kernel,
        activation=activation,
        batch_norm=batch_norm,
    )
    torch.manual_seed(seed)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        network = build_network(config, (1, side, side), 10)
        inputs = torch.rand(count, 1, side, side)
        with torch.no_grad():
            whole = torch.cat([network.eval()(part) for part in torch.split(inputs, 1024)])
        assert torch.equal(evaluate(network, inputs, SHIPPED), whole)
    finally:
        torch.set_num_threads(threads)


class Sizes(nn.Module):
    """Notes how many inputs it is given at once."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Conv2d(1, 1, 1)
        self.seen: list[int] = []

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        self.seen.append(len(inputs))
        return self.layer(inputs).flatten(1)


@pytest.mark.parametrize(
    ("user_network", "threads", "seen"), [(False, 1, [*([64] * 3), 108]), (True, 1, [300]), (False, 2, [300])]
)
def test_only_networks_of_this_project_on_one_core_are_given_small_parts(
    user_network: bool, threads: int, seen: list[int]
) -> None:
    before, network = torch.get_num_threads(), Sizes()
    torch.set_num_threads(threads)
    try:
        evaluate(network, torch.rand(300, 1, 4, 4), SimpleNamespace(user_network=user_network))  # type: ignore[arg-type]
    finally:
        torch.set_num_threads(before)
    assert network.seen == seen
