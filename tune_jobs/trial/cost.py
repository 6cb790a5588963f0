"""How long a trial takes relative to others, roughly, from its configuration alone."""

from collections.abc import Sequence

from models.networks import multiplications
from tune_jobs.trial.config import TrialConfig
from tune_jobs.trial.data import validation_rows
from tune_jobs.trial.trial import Trial

# Rough costs on one CPU core. Only their ratio matters: estimates are scaled by measured times.
_SECONDS_PER_BATCH = 4e-4
_SECONDS_PER_MULTIPLICATION = 3e-10
# How much longer an epoch takes with batch normalisation, and with dropout: of the shipped convolutional networks.
_NORMALISED, _DROPPED = 1.4, 1.4
# Nothing is known of a training function of the user.
_SECONDS_PER_TRAINER_EPOCH = 1.0


def epoch_weight(config: TrialConfig) -> float:
    """Rough duration of an epoch relative to other configurations, in seconds on one CPU core."""
    if config.trainer:
        return _SECONDS_PER_TRAINER_EPOCH
    info = config.dataset_info
    rows = info.development_rows - validation_rows(config)
    batches = -(-rows // config.batch_size)
    work = multiplications(config, info.input_shape, info.classes or 1)
    layers = (_NORMALISED if config.batch_norm else 1.0) * (_DROPPED if config.dropout else 1.0)
    return layers * (batches * _SECONDS_PER_BATCH + rows * work * _SECONDS_PER_MULTIPLICATION)


def longest_first(trials: Sequence[Trial]) -> list[Trial]:
    """Sort trials into the order to start them: a long one that starts last would leave other workers idle."""
    return sorted(trials, key=lambda trial: -trial.epochs * epoch_weight(trial.config))
