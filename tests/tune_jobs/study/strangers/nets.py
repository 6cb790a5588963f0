"""Ten networks as strangers would write them."""

import torch
import torch.nn.functional as F
from blocks import Residual
from torch import nn


class BatchNormed(nn.Module):
    def __init__(self, in_channels=1, num_classes=10, width: int = 8):
        super().__init__()
        self.conv = nn.Conv2d(in_channels, width, 3, padding=1)
        self.norm = nn.BatchNorm2d(width)
        self.head = nn.Linear(width * 16, num_classes)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.norm(self.conv(x))), 2)
        return self.head(x.view(x.size(0), -1))


class Dropped(nn.Module):
    def __init__(self, p=0.3):
        super().__init__()
        self.p = p
        self.a, self.b = nn.Linear(64, 32), nn.Linear(32, 10)

    def forward(self, x):
        x = F.relu(self.a(x.flatten(1)))
        return self.b(F.dropout(x, self.p, training=self.training))


class ResNet(nn.Module):
    def __init__(self, depth: int = 2, width: int = 8):
        super().__init__()
        self.stem = nn.Conv2d(1, width, 3, padding=1)
        self.blocks = nn.Sequential(*[Residual(width) for _ in range(depth)])
        self.head = nn.Linear(width, 10)

    def forward(self, x):
        return self.head(self.blocks(self.stem(x)).mean(dim=(2, 3)))


class RowAttention(nn.Module):
    """Attends over the rows of the image."""

    def __init__(self, dim=16, heads=2):
        super().__init__()
        self.embed = nn.Linear(8, dim)
        self.attention = nn.MultiheadAttention(dim, heads, batch_first=True)
        self.head = nn.Linear(dim, 10)

    def forward(self, x):
        rows = self.embed(x.squeeze(1))
        mixed, _ = self.attention(rows, rows, rows, need_weights=False)
        return self.head(mixed.mean(1))


class Recurrent(nn.Module):
    def __init__(self, hidden: int = 16, cell: str = "gru"):
        super().__init__()
        self.rnn = {"gru": nn.GRU, "lstm": nn.LSTM}[cell](8, hidden, batch_first=True)
        self.head = nn.Linear(hidden, 10)

    def forward(self, x):
        out, _ = self.rnn(x[:, 0])
        return self.head(out[:, -1])


def lazy(width=16):
    return nn.Sequential(nn.LazyConv2d(width, 3), nn.LazyBatchNorm2d(), nn.ReLU(), nn.Flatten(), nn.LazyLinear(10))


class Buffered(nn.Module):
    """Random features that are not trained."""

    def __init__(self, features: int = 64):
        super().__init__()
        self.register_buffer("projection", torch.randn(64, features) / 8)
        self.register_buffer("seen", torch.zeros((), dtype=torch.long))
        self.head = nn.Linear(features, 10)

    def forward(self, x):
        if self.training:
            self.seen += len(x)
        return self.head(torch.cos(x.flatten(1) @ self.projection))


class TwoHeads(nn.Module):
    """Predicts the class, and rebuilds its input."""

    def __init__(self):
        super().__init__()
        self.body = nn.Linear(64, 32)
        self.classes, self.picture = nn.Linear(32, 10), nn.Linear(32, 64)

    def forward(self, x):
        h = torch.tanh(self.body(x.flatten(1)))
        return {"logits": self.classes(h), "rebuilt": self.picture(h)}


class WrongShape(nn.Module):
    def __init__(self, outputs: int, extra: int = 3):
        super().__init__()
        self.layer = nn.Linear(64, outputs + extra)

    def forward(self, x):
        return self.layer(x.flatten(1))


class InPlace(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(64, 10)

    def forward(self, x):
        return self.layer(F.relu_(x).add_(0.5).flatten(1))


class Exits(nn.Module):
    def __init__(self, code: int = 3, epochs: int = 1):
        super().__init__()
        self.layer = nn.Linear(64, 10)
        self.code = code

    def forward(self, x):
        raise SystemExit(self.code)


class RaisesInEpoch3(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(64, 10)
        self.epochs = 0

    def train(self, mode=True):
        self.epochs += bool(mode)
        return super().train(mode)

    def forward(self, x):
        if self.epochs >= 4:  # once when it is made
            raise ValueError("three epochs are\nenough")
        return self.layer(x.flatten(1))
