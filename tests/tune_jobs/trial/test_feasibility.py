"""Configurations whose fields do not fit each other or the dataset."""

import pytest

from tune_jobs.errors import ConfigError
from tune_jobs.trial.config import TrialConfig
from tune_jobs.trial.feasibility import check_feasible


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"batch_size": 1078}, "batch_size: 1078 is more than the 1077 training rows of digits"),
        ({"validation_rows": 1437}, "validation_rows: 1437 leaves no training rows"),
        ({"objective": "gaussian_nll"}, "objective: gaussian_nll is not for classification"),
        ({"dataset": "diabetes"}, "objective: cross_entropy is not for regression"),
        (
            {"network": "cnn", "padding": 0, "kernel_size": 5, "hidden_layers": 3, "pooling": False},
            "hidden_layers: layer 2 of 3 gets images of 4x4 pixels, too small for kernel_size 5",
        ),
        ({"network": "cnn", "dataset": "toy"}, "network: cnn needs images"),
        ({"target_transform": "log"}, "target_transform: log is for regression, and digits has classes; use none"),
        (
            {"input_transform": "log1p"},
            "input_transform: log1p is for tables of numbers, and digits has images; use none",
        ),
        (
            {"dataset": "toy", "rotation": 5},
            "rotation: changes images of shape (channels, height, width), the data has (2,); leave shift, rotation, "
            "zoom at 0",
        ),
    ],
)
def test_fields_that_do_not_fit_each_other(values: dict[str, object], words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        check_feasible(TrialConfig(**values))
    assert words in str(caught.value)
