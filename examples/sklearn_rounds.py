"""A scikit-learn model, trained in rounds by `partial_fit`: a training function need not use PyTorch."""

from typing import Literal

import numpy as np
from sklearn.datasets import load_digits
from sklearn.linear_model import SGDClassifier
from sklearn.metrics import log_loss
from sklearn.model_selection import train_test_split

CLASSES = np.arange(10)


def parts(split_seed):
    images, labels = load_digits(return_X_y=True)
    return train_test_split(images / 16, labels, test_size=0.2, random_state=split_seed, stratify=labels)


def train(
    trial,
    *,
    alpha: float = 0.0001,
    penalty: Literal["l1", "l2", "elasticnet"] = "l2",
    batch_size: int = 64,
    average: bool = False,
):
    images, validation_images, labels, validation_labels = parts(trial.split_seed)
    random = np.random.default_rng(trial.seed)
    model = SGDClassifier(loss="log_loss", alpha=alpha, penalty=penalty, average=average, random_state=trial.seed)
    if (state := trial.load()) is not None:
        model, random = state["model"], state["random"]
    for _ in trial.epochs():
        order = random.permutation(len(images))
        for start in range(0, len(order), batch_size):
            rows = order[start : start + batch_size]
            model.partial_fit(images[rows], labels[rows], classes=CLASSES)
        probabilities = model.predict_proba(validation_images)
        trial.predictions(probabilities)
        trial.report(
            validation_accuracy=100 * model.score(validation_images, validation_labels),
            validation_loss=log_loss(validation_labels, probabilities, labels=CLASSES),
        )
        trial.save({"model": model, "random": random})
