"""Optimizers against steps by hand, schedules against their formulas."""

from math import cos, pi

import pytest
import torch

from models.optimizers import build_optimizer
from models.registry import OPTIMIZERS, SCHEDULES
from models.schedules import build_schedule
from tune_jobs.trial.config import TrialConfig

BATCHES = 3


def stepped(name: str, steps: int = 2, **fields: object) -> float:
    """Update a parameter from 1 by steps with gradient 0.5."""
    parameter = torch.nn.Parameter(torch.tensor([1.0]))
    optimizer = build_optimizer(TrialConfig(optimizer=name, learning_rate=0.1, **fields), [parameter])
    for _ in range(steps):
        parameter.grad = torch.tensor([0.5])
        optimizer.step()
    return float(parameter.detach())


def test_no_name_is_missing() -> None:
    assert set(OPTIMIZERS) >= {"sgd", "momentum", "nesterov", "adam", "adamw", "rmsprop"}
    assert set(SCHEDULES) >= {"constant", "step", "plateau", "cosine", "one_cycle"}


def test_two_steps_by_hand() -> None:
    assert stepped("sgd") == pytest.approx(1 - 0.1 * 0.5 * 2)
    assert stepped("momentum", momentum=0.9) == pytest.approx(1 - 0.1 * (0.5 + 0.95))
    assert stepped("nesterov", momentum=0.9) == pytest.approx(1 - 0.1 * ((0.5 + 0.9 * 0.5) + (0.5 + 0.9 * 0.95)))
    assert stepped("adam") == pytest.approx(1 - 0.1 * 2, rel=1e-5)
    rms = [(0.01 * 0.25) ** 0.5, (0.01 * 0.25 * (1 + 0.99)) ** 0.5]
    assert stepped("rmsprop") == pytest.approx(1 - 0.1 * (0.5 / rms[0] + 0.5 / rms[1]), rel=1e-5)


def test_weight_decay_is_a_penalty_and_decoupled_in_adamw() -> None:
    assert stepped("sgd", steps=1, weight_decay=0.2) == pytest.approx(1 - 0.1 * (0.5 + 0.2))
    assert stepped("adam", steps=1, weight_decay=0.2) == pytest.approx(0.9, rel=1e-5)
    assert stepped("adamw", steps=1, weight_decay=0.2) == pytest.approx(1 - 0.1 * 0.2 * 1 - 0.1, rel=1e-5)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_every_optimizer_goes_downhill(name: str) -> None:
    assert stepped(name, steps=1) < 1


@pytest.mark.parametrize("weight_decay", [0.0, 0.1])
@pytest.mark.parametrize(
    ("name", "plain", "options"),
    [
        ("sgd", torch.optim.SGD, {}),
        ("momentum", torch.optim.SGD, {"momentum": 0.8}),
        ("nesterov", torch.optim.SGD, {"momentum": 0.8, "nesterov": True}),
        ("adam", torch.optim.Adam, {}),
        ("adamw", torch.optim.AdamW, {}),
        ("rmsprop", torch.optim.RMSprop, {}),
    ],
)
def test_many_steps_equal_those_of_pytorchs_plain_optimizers(
    name: str, plain: type[torch.optim.Optimizer], options: dict[str, object], weight_decay: float
) -> None:
    ours, theirs = (torch.nn.Parameter(torch.linspace(-1, 1, 20).reshape(4, 5)) for _ in range(2))
    config = TrialConfig(optimizer=name, learning_rate=0.03, momentum=0.8, weight_decay=weight_decay)
    pairs = [
        (ours, build_optimizer(config, [ours])),
        (theirs, plain([theirs], lr=0.03, weight_decay=weight_decay, foreach=False, **options)),
    ]
    generator = torch.Generator().manual_seed(0)
    for _ in range(30):
        gradient = torch.randn(4, 5, generator=generator)
        for parameter, optimizer in pairs:
            parameter.grad = gradient.clone()
            optimizer.step()
    torch.testing.assert_close(ours, theirs)


def rates(epochs: int = 6, losses: list[float] | None = None, **fields: object) -> list[list[float]]:
    """List the learning rate of every batch, by epoch."""
    config = TrialConfig(learning_rate=0.8, epochs=epochs, optimizer="sgd", **fields)
    optimizer = build_optimizer(config, [torch.nn.Parameter(torch.zeros(1))])
    schedule = build_schedule(config, optimizer, BATCHES)
    seen = []
    for epoch in range(epochs):
        seen.append([])
        for _ in range(BATCHES):
            optimizer.step()
            seen[-1].append(float(optimizer.param_groups[0]["lr"]))
            schedule.after_batch()
        schedule.after_epoch(losses[epoch] if losses else 1.0)
    return seen


def test_constant_and_step() -> None:
    assert rates(schedule="constant") == [[0.8] * 3] * 6
    first = [epoch[0] for epoch in rates(schedule="step", decay_every=2, decay_factor=0.5)]
    assert first == pytest.approx([0.8, 0.8, 0.4, 0.4, 0.2, 0.2])


def test_plateau_waits_for_its_patience() -> None:
    losses = [1.0, 0.5, 0.6, 0.6, 0.4, 0.4]
    first = [e[0] for e in rates(losses=losses, schedule="plateau", plateau_patience=1, decay_factor=0.5)]
    assert first == pytest.approx([0.8, 0.8, 0.8, 0.8, 0.4, 0.4])


def test_plateau_takes_any_lower_loss_for_better_as_early_stopping_does() -> None:
    """Losses below zero are no special case, and a loss that is barely lower is lower."""
    worse = [-2.0 + 1e-5 * n for n in range(4)]
    better = [-2.0 - 1e-6 * n for n in range(4)]
    for losses, expected in ((worse, [0.8, 0.8, 0.4, 0.2]), (better, [0.8] * 4)):
        rate = [e[0] for e in rates(4, losses, schedule="plateau", plateau_patience=0, decay_factor=0.5)]
        assert rate == pytest.approx(expected)


def test_cosine_falls_to_nearly_zero() -> None:
    first = [epoch[0] for epoch in rates(schedule="cosine")]
    assert first == pytest.approx([0.4 * (1 + cos(pi * n / 6)) for n in range(6)])


def test_one_cycle_peaks_at_the_learning_rate_after_three_tenths() -> None:
    flat = [rate for epoch in rates(epochs=10, schedule="one_cycle") for rate in epoch]
    assert len(flat) == 30
    assert max(flat) == pytest.approx(0.8)
    assert flat.index(max(flat)) == pytest.approx(0.3 * 30 - 1)
    assert flat[0] == pytest.approx(0.8 / 25)
    assert flat[-1] < flat[0] / 100
