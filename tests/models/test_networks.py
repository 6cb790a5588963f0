"""Networks are built as configured, and their shapes are known before they are built."""

import subprocess
import sys

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from models.errors import ModelError
from models.network_check import check_network
from models.networks import NETWORKS, build_network, multiplications
from models.networks.cnn import convolution_layers
from models.networks.network import Network
from models.networks.users import USUAL_MULTIPLICATIONS
from models.registry import ACTIVATIONS
from tune_jobs.trial.config import TrialConfig


def cnn(**fields: object) -> TrialConfig:
    return TrialConfig(**{"network": "cnn", "hidden_units": 3, **fields})


def test_no_network_is_missing() -> None:
    assert set(NETWORKS) >= {"linear", "mlp", "cnn"}
    assert set(ACTIVATIONS) >= {"relu", "leaky_relu", "sigmoid", "tanh", "gelu", "silu"}


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("network", NETWORKS)
def test_every_network_with_every_activation(network: str, activation: str) -> None:
    config = TrialConfig(network=network, activation=activation, hidden_layers=2, batch_norm=True, dropout=0.1)
    built = build_network(config, (1, 8, 8), 5)
    assert built(torch.zeros(3, 1, 8, 8)).shape == (3, 5)
    kinds = {type(module) for module in built}
    assert (type(ACTIVATIONS[activation].load()()) in kinds) == (network != "linear")
    assert (nn.Dropout in kinds) == (network != "linear")


@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel lengths")
@settings(deadline=None)
@given(
    layers=st.integers(1, 5),
    kernel=st.integers(1, 6),
    padding=st.one_of(st.integers(0, 3), st.just("same")),
    pooling=st.booleans(),
    growth=st.sampled_from(["constant", "doubling"]),
    height=st.integers(1, 17),
    width=st.integers(1, 17),
)
def test_predicted_shapes_are_the_built_ones_or_both_refuse(
    layers: int, kernel: int, padding: int | str, pooling: bool, growth: str, height: int, width: int
) -> None:
    config = cnn(hidden_layers=layers, kernel_size=kernel, padding=padding, pooling=pooling, channel_growth=growth)
    try:
        plan = convolution_layers(config, (2, height, width))
    except ModelError:
        with pytest.raises(RuntimeError):
            _unchecked(config, height, width)
        return
    built = build_network(config, (2, height, width), 4).eval()
    x = torch.zeros(1, 2, height, width)
    for module in built:
        if isinstance(module, nn.Flatten):
            break
        x = module(x)
    assert x.shape[1:] == (plan[-1].out_channels, plan[-1].height, plan[-1].width)
    assert built(torch.zeros(2, 2, height, width)).shape == (2, 4)
    assert multiplications(config, (2, height, width), 4) > 0


def _unchecked(config: TrialConfig, height: int, width: int) -> torch.Tensor:
    """Run the configured convolutions without checking their shapes first."""
    x, channels = torch.zeros(1, 2, height, width), 2
    for index in range(config.hidden_layers):
        out = config.hidden_units * (2**index if config.channel_growth == "doubling" else 1)
        x = nn.Conv2d(channels, out, config.kernel_size, padding=config.padding)(x)
        channels = out
        if config.pooling and min(x.shape[2:]) >= 2:
            x = nn.MaxPool2d(2)(x)
    return x


def test_pooling_ends_where_a_side_would_fall_below_one_pixel() -> None:
    plan = convolution_layers(cnn(hidden_layers=5), (1, 16, 16))
    assert [(layer.height, layer.pooled) for layer in plan] == [(8, True), (4, True), (2, True), (1, True), (1, False)]


def test_doubling_widths() -> None:
    plan = convolution_layers(cnn(hidden_layers=4, hidden_units=2, channel_growth="doubling"), (1, 16, 16))
    assert [layer.out_channels for layer in plan] == [2, 4, 8, 16]


def test_errors_name_the_layer_and_the_sizes() -> None:
    config = cnn(hidden_layers=4, padding=0, pooling=False, kernel_size=5)
    with pytest.raises(ModelError, match="layer 2 of 4 gets images of 4x4 pixels, too small for kernel_size 5"):
        convolution_layers(config, (1, 8, 8))
    with pytest.raises(ModelError, match=r"cnn needs images .* the data has \(4,\)"):
        convolution_layers(cnn(), (4,))


@pytest.mark.parametrize("activation", [name for name, entry in ACTIVATIONS.items() if entry.monotone])
def test_pooling_before_a_monotone_activation_is_the_same_function(activation: str) -> None:
    torch.manual_seed(0)
    x = torch.randn(8, 3, 6, 6, requires_grad=True)
    layer = ACTIVATIONS[activation].load()()
    before, after = layer(nn.functional.max_pool2d(x, 2)), nn.functional.max_pool2d(layer(x), 2)
    torch.testing.assert_close(before, after)
    weights = torch.randn_like(before)
    (gradient,) = torch.autograd.grad((before * weights).sum(), x, retain_graph=True)
    (expected,) = torch.autograd.grad((after * weights).sum(), x)
    torch.testing.assert_close(gradient, expected)


@pytest.mark.parametrize("kernel_size", [1, 2, 3, 4, 6])
@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel")
def test_same_padding_is_pytorchs_for_even_kernels_too(kernel_size: int) -> None:
    built = build_network(cnn(kernel_size=kernel_size, pooling=False), (2, 7, 6), 4)
    convolution = next(module for module in built if isinstance(module, nn.Conv2d))
    x = torch.randn(3, 2, 7, 6)
    expected = nn.functional.conv2d(x, convolution.weight, convolution.bias, padding="same")
    ours = nn.Sequential(*[module for module in built if isinstance(module, nn.Conv2d | nn.ZeroPad2d)])(x)
    torch.testing.assert_close(ours, expected)


def test_multiplications_are_counted_wherever_the_kernel_is_applied() -> None:
    unpadded = cnn(hidden_layers=1, padding=0, pooling=True)
    assert multiplications(unpadded, (1, 8, 8), 10) == 9 * 3 * 6 * 6 + 3 * 3 * 3 * 10
    assert multiplications(TrialConfig(hidden_layers=2, hidden_units=5), (1, 2, 2), 3) == 4 * 5 + 5 * 5 + 5 * 3
    assert multiplications(TrialConfig(network="linear"), (1, 2, 2), 3) == 12


def counted_multiplications(network: nn.Module, input_shape: tuple[int, ...]) -> int:
    """Count a multiplication for each weight that one sample's forward pass uses, wherever it uses it."""
    counts = []

    def count(module: nn.Module, _: object, output: torch.Tensor) -> None:
        weight = module.weight
        assert isinstance(weight, torch.Tensor)
        counts.append(weight[0].numel() * output[0].numel())

    for module in network.modules():
        if isinstance(module, nn.Linear | nn.Conv2d):
            module.register_forward_hook(count)
    network.eval()(torch.zeros(1, *input_shape))
    return sum(counts)


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize(
    "fields",
    [
        {"hidden_units": 5},
        {"hidden_units": 3, "hidden_layers": 3, "batch_norm": True, "dropout": 0.1},
        {"hidden_units": 2, "hidden_layers": 2, "channel_growth": "doubling", "kernel_size": 4},
        {"hidden_units": 4, "hidden_layers": 2, "kernel_size": 5, "padding": 1, "pooling": False},
        {"hidden_units": 4, "hidden_layers": 2, "kernel_size": 3, "padding": 0},
    ],
)
def test_every_networks_cost_is_what_its_layers_multiply(name: str, fields: dict[str, object]) -> None:
    shape, outputs = (2, 11, 8), 3
    config = TrialConfig(network=name, **fields)
    NETWORKS[name].check(config, shape)
    cost = NETWORKS[name].multiplications(config, shape, outputs)
    assert cost > 0
    assert cost == counted_multiplications(build_network(config, shape, outputs), shape)


@pytest.mark.parametrize("missing", ["build", "check", "multiplications"])
def test_a_network_cannot_be_declared_without_its_cost_its_check_and_its_code(missing: str) -> None:
    linear = NETWORKS["linear"]
    declared = {"build": linear.build, "check": linear.check, "multiplications": linear.multiplications}
    Network("New", **declared)
    del declared[missing]
    with pytest.raises(TypeError, match=missing):
        Network("New", **declared)


def test_a_users_network_costs_the_usual_number_and_takes_any_shape() -> None:
    config = TrialConfig(network="theirs:Net")
    assert multiplications(config, (7,), 2) == USUAL_MULTIPLICATIONS
    check_network(config, (7,))


def test_batch_norm_over_batches_of_one_is_refused_unless_the_network_ignores_it() -> None:
    with pytest.raises(ModelError, match="batch_norm: needs batches of two or more, batch_size is 1"):
        check_network(TrialConfig(batch_norm=True, batch_size=1), (4,))
    check_network(TrialConfig(network="linear", batch_norm=True, batch_size=1), (4,))


def test_what_is_declared_and_what_is_recorded_need_no_torch() -> None:
    code = (
        "import sys, models.trajectory, models.grid, models.version\n"
        "from models.network_check import check_network\n"
        "from models.networks import NETWORKS, multiplications\n"
        "from tune_jobs.trial.config import TrialConfig\n"
        "for config in [TrialConfig(network=name) for name in NETWORKS]:\n"
        "    check_network(config, (1, 8, 8))\n"
        "    assert multiplications(config, (1, 8, 8), 2) > 0\n"
        "print({'torch', 'ray'} & set(sys.modules))"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "set()"
