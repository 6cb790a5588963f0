"""Validation images that the ledger keeps: of each dataset of a study, and those that a row classifies worst."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analysis.frames.collapse import predicted_classes
from analysis.frames.evidence import Evidence
from tune_jobs.ledger.images import KeptImages, read_images
from tune_jobs.study.figures import CLASSES
from tune_jobs.study.rows import Row
from tune_jobs.trial.config import TrialConfig
from tune_jobs.trial.data import data_id


@dataclass(frozen=True, eq=False)
class DatasetImages:
    """The kept images of a dataset, and a configuration that reads it."""

    config: TrialConfig
    kept: KeptImages


@dataclass(frozen=True, eq=False)
class Misjudged:
    """An image with its class, the class predicted for it, and the probabilities of both; None where there are none."""

    image: NDArray[np.uint8]
    own: int
    predicted: int
    own_probability: float | None = None
    predicted_probability: float | None = None


@dataclass(frozen=True, eq=False)
class Worst:
    """The images that one replicate of a row classifies worst, the worst first.

    Attributes:
        wrong: how many of the kept images are classified wrongly, of `kept`.
    """

    position: int
    seed: int
    epoch: int
    images: Sequence[Misjudged]
    wrong: int
    kept: KeptImages


def dataset_images(evidence: Evidence) -> list[DatasetImages]:
    """Find the kept images of each dataset that the study's rows read, in the order of the rows."""
    found: dict[str, DatasetImages] = {}
    tried: set[tuple[object, ...]] = set()
    for replicates in evidence.standing.replicates:
        for one in replicates[:1]:
            config = one.config
            choice = (name := data_id(config), config.validation_rows, config.folds)
            if config.trainer or name in found or choice in tried or not CLASSES.is_met(config):
                continue
            tried.add(choice)
            kept = read_images(evidence.ledger.storage, evidence.standing.fingerprints[name], config)
            if kept is not None:
                found[name] = DatasetImages(config, kept)
    return list(found.values())


def worst_of(positions: Sequence[int], images: DatasetImages, evidence: Evidence, *, most: int) -> Worst | None:
    """Find what the first of some rows classifies worst that has a replicate with these validation images.

    Args:
        positions: of the rows among all rows, the preferred first.
        images: of a dataset; rows on others are passed over.
        evidence: what the ledger knows of the study.
        most: how many images to find.
    """
    for position in positions:
        row = evidence.standing.rows[position]
        for key, seed, epoch in _replicates(position, row, images, evidence):
            record = evidence.ledger.read(predictions=True, keys={key}).records.get(key)
            if record is None or not record.keeps_predictions(epoch):
                continue
            outputs, kept = record.predictions(epoch), images.kept
            if row.config is None or len(outputs) != kept.of_rows:
                continue
            shown, wrong = misjudged(outputs[kept.rows], kept, objective=row.config.objective, most=most)
            return Worst(position, seed, epoch, shown, wrong, kept)
    return None


def misjudged(
    outputs: NDArray[np.float32], kept: KeptImages, *, objective: str, most: int
) -> tuple[list[Misjudged], int]:
    """Find the images that a network classifies worst, and count those that it classifies wrongly.

    The worst have the lowest probability of their own class or, for objectives without probabilities, the largest loss.

    Args:
        outputs: of the network for the kept images, [k, outputs].
        kept: the images.
        objective: what the outputs stand for, a loss of Ablatune's.
        most: how many images to find.
    """
    predicted = predicted_classes(outputs, objective=objective)
    probabilities = class_probabilities(outputs, objective=objective)
    own = kept.targets
    each = np.arange(len(own))
    badness = _losses(outputs, own, objective) if probabilities is None else -probabilities[each, own]
    found = [
        Misjudged(
            kept.images[place],
            int(own[place]),
            int(predicted[place]),
            None if probabilities is None else float(probabilities[place, own[place]]),
            None if probabilities is None else float(probabilities[place, predicted[place]]),
        )
        for place in np.argsort(-badness, kind="stable")[:most].tolist()
        if np.isfinite(badness[place])
    ]
    return found, int((predicted != own).sum())


def class_probabilities(outputs: NDArray[np.float32], *, objective: str) -> NDArray[np.float64] | None:
    """Read probabilities of the classes, [n, classes], off outputs; None for a loss that has none."""
    values = np.asarray(outputs, dtype=np.float64)
    if objective == "bce_with_logits" and values.shape[1] == 1:
        values = np.concatenate([np.zeros_like(values), values], axis=1)
    elif objective not in ("cross_entropy", "mse_softmax"):
        return None
    powers = np.exp(values - values.max(axis=1, keepdims=True))
    shares: NDArray[np.float64] = powers / powers.sum(axis=1, keepdims=True)
    return shares


def _losses(outputs: NDArray[np.float32], own: NDArray[np.int64], objective: str) -> NDArray[np.float64]:
    """The loss of each row, [n], for a loss that is no function of class probabilities."""
    values = np.asarray(outputs, dtype=np.float64)
    wanted = own[:, np.newaxis].astype(float) if values.shape[1] == 1 else np.eye(values.shape[1])[own]
    each = np.logaddexp(0.0, values) - values * wanted if objective == "bce_with_logits" else (values - wanted) ** 2
    losses: NDArray[np.float64] = each.mean(axis=1)
    return losses


def _replicates(position: int, row: Row, images: DatasetImages, evidence: Evidence) -> Iterator[tuple[str, int, int]]:
    """Key, seed and epoch of each replicate of a row that is validated on these images."""
    if row.config is None or not CLASSES.is_met(row.config) or data_id(row.config) != data_id(images.config):
        return
    for replicate, key, epoch in evidence.readings(position):
        if images.kept.show(replicate.config):
            yield key, replicate.seed, epoch
