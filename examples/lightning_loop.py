"""A LightningModule: a callback reports what it logs, keeps checkpoints, and ends the fit where a study does."""

import lightning
import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset, random_split

import ablatune


class Classifier(lightning.LightningModule):
    def __init__(self, learning_rate, width):
        super().__init__()
        self.learning_rate = learning_rate
        self.layers = nn.Sequential(nn.Linear(64, width), nn.ReLU(), nn.Linear(width, 10))

    def training_step(self, batch, index):
        images, labels = batch
        return nn.functional.cross_entropy(self.layers(images), labels)

    def validation_step(self, batch, index):
        images, labels = batch
        logits = self.layers(images)
        self.log("validation_loss", nn.functional.cross_entropy(logits, labels))
        self.log("validation_accuracy", 100 * (logits.argmax(1) == labels).float().mean())

    def configure_optimizers(self):
        return torch.optim.Adam(self.parameters(), lr=self.learning_rate)


def train(trial, *, learning_rate: float = 0.003, width: int = 32, batch_size: int = 64):
    digits = load_digits()
    whole = TensorDataset(torch.tensor(digits.data, dtype=torch.float32) / 16, torch.tensor(digits.target))
    training, validation = random_split(whole, [0.8, 0.2], torch.Generator().manual_seed(trial.split_seed))
    trainer = lightning.Trainer(
        max_epochs=trial.total,
        callbacks=[ablatune.lightning.TrialCallback(trial)],
        accelerator="cpu" if trial.device == "cpu" else "gpu",
        devices=len(trial.devices),
        default_root_dir=trial.folder,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    loaders = DataLoader(training, batch_size, shuffle=True), DataLoader(validation, 256)
    trainer.fit(Classifier(learning_rate, width), *loaders, ckpt_path=trial.load())
