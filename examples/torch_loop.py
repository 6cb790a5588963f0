"""A plain PyTorch loop with a DataLoader: what had to be added to it are the four lines with `trial`."""

from typing import Literal

import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset, random_split

OPTIMIZERS = {"adam": torch.optim.Adam, "sgd": torch.optim.SGD}


def parts(split_seed):
    digits = load_digits()
    images = torch.tensor(digits.data, dtype=torch.float32) / 16
    whole = TensorDataset(images, torch.tensor(digits.target))
    return random_split(whole, [0.8, 0.2], torch.Generator().manual_seed(split_seed))


def score(model, loader):
    model.eval()
    with torch.no_grad():
        logits, labels = zip(*((model(images), labels) for images, labels in loader), strict=True)
    logits, labels = torch.cat(logits), torch.cat(labels)
    loss = nn.functional.cross_entropy(logits, labels)
    return {
        "validation_loss": loss.item(),
        "validation_accuracy": 100 * (logits.argmax(1) == labels).float().mean().item(),
    }


def train(
    trial,
    *,
    learning_rate: float = 0.003,
    width: int = 32,
    batch_size: int = 64,
    dropout: float = 0.0,
    optimizer: Literal["adam", "sgd"] = "adam",
):
    training, validation = parts(trial.split_seed)
    model = nn.Sequential(nn.Linear(64, width), nn.ReLU(), nn.Dropout(dropout), nn.Linear(width, 10)).to(trial.device)
    steps = OPTIMIZERS[optimizer](model.parameters(), lr=learning_rate)
    if (state := trial.load()) is not None:
        model.load_state_dict(state["model"])
        steps.load_state_dict(state["steps"])
    for epoch in trial.epochs():
        torch.manual_seed(1000 * trial.seed + epoch)  # an epoch is the same after a checkpoint as without one
        model.train()
        for images, labels in DataLoader(training, batch_size, shuffle=True):
            steps.zero_grad()
            loss = nn.functional.cross_entropy(model(images.to(trial.device)), labels.to(trial.device))
            loss.backward()
            steps.step()
        trial.report(**score(model.cpu(), DataLoader(validation, 256)))
        model.to(trial.device)
        trial.save({"model": model.state_dict(), "steps": steps.state_dict()})
