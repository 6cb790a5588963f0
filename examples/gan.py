"""A generative adversarial network: two networks and two optimizers, which no single loss describes.

It learns points on a ring; the study compares how far the generated points are from it, by radius and by angle.
"""

import math

import torch
from torch import nn

BATCH, BATCHES = 256, 20


def ring(count, random):
    angles = 2 * math.pi * torch.rand(count, generator=random)
    radii = 1 + 0.05 * torch.randn(count, generator=random)
    return torch.stack([radii * angles.cos(), radii * angles.sin()], dim=1)


def layers(inputs, width, outputs):
    return nn.Sequential(nn.Linear(inputs, width), nn.LeakyReLU(0.2), nn.Linear(width, outputs))


def distance(points):
    """Measure how far points are from the ring: of their radii from 1, and of their angles from uniform."""
    angles = torch.atan2(points[:, 1], points[:, 0])
    lopsided = torch.stack([angles.cos().mean(), angles.sin().mean()]).norm()
    return (points.norm(dim=1) - 1).abs().mean().item(), lopsided.item()


def train(trial, *, learning_rate: float = 0.002, width: int = 64, noise: int = 4, critic_steps: int = 1):
    random = torch.Generator().manual_seed(trial.seed)
    generator, critic = layers(noise, width, 2), layers(2, width, 1)
    makes, judges = (torch.optim.Adam(one.parameters(), learning_rate, (0.5, 0.99)) for one in (generator, critic))
    parts = {"generator": generator, "critic": critic, "makes": makes, "judges": judges}
    if (state := trial.load()) is not None:
        random.set_state(state.pop("random"))
        for name, kept in state.items():
            parts[name].load_state_dict(kept)
    softplus = nn.functional.softplus
    for _ in trial.epochs():
        for _ in range(BATCHES):
            for _ in range(critic_steps):
                made = generator(torch.randn(BATCH, noise, generator=random)).detach()
                judges.zero_grad()
                (softplus(-critic(ring(BATCH, random))) + softplus(critic(made))).mean().backward()
                judges.step()
            makes.zero_grad()
            softplus(-critic(generator(torch.randn(BATCH, noise, generator=random)))).mean().backward()
            makes.step()
        with torch.no_grad():
            off, lopsided = distance(generator(torch.randn(2000, noise, generator=random)))
        trial.report(radius_error=off, angle_error=lopsided)
        trial.save({"random": random.get_state(), **{name: part.state_dict() for name, part in parts.items()}})
