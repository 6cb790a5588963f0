"""Your network: any torch.nn.Module. It needs nothing from Ablatune."""

from typing import Annotated, Literal

import torch
from annotated_types import Ge, Interval
from torch import nn


class SmallNet(nn.Module):
    """Two blocks with a skip connection around the second.

    `in_features` and `outputs` come from the data and the loss. Every other keyword parameter is a field of the
    study: set it in `base`, vary it in a table, or cross it with others.
    """

    def __init__(
        self,
        in_features: int,
        outputs: int,
        width: Annotated[int, Ge(1)] = 32,
        drop: Annotated[float, Interval(ge=0, lt=1)] = 0.0,
        nonlinearity: Literal["relu", "tanh"] = "relu",
        skip: bool = True,
    ):
        super().__init__()
        act = {"relu": nn.ReLU, "tanh": nn.Tanh}[nonlinearity]
        self.first = nn.Sequential(nn.Flatten(), nn.Linear(in_features, width), act())
        self.second = nn.Sequential(nn.Dropout(drop), nn.Linear(width, width), act())
        self.head = nn.Linear(width, outputs)
        self.skip = skip

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        h = self.first(x)
        h = h + self.second(h) if self.skip else self.second(h)
        out: torch.Tensor = self.head(h)
        return out
