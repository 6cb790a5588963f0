"""Built-in datasets, and those that users declare: standardised arrays, fixed test parts, splits and fingerprints.

The registry loads without numpy; the loading functions, which need it, are imported on first use.
"""

from importlib import import_module
from typing import TYPE_CHECKING

from data_utils.declared import Declaration
from data_utils.errors import DatasetError
from data_utils.preparation import Preparation
from data_utils.registry import DATASETS, TOY_PROBLEMS, DatasetInfo, dataset_info

if TYPE_CHECKING:
    from data_utils.describing import describe
    from data_utils.loading import TestData, TrialData, fingerprint, load_test_data, load_trial_data

__all__ = [
    "DATASETS",
    "TOY_PROBLEMS",
    "DatasetError",
    "DatasetInfo",
    "Declaration",
    "Preparation",
    "TestData",
    "TrialData",
    "dataset_info",
    "describe",
    "fingerprint",
    "load_test_data",
    "load_trial_data",
]


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module("data_utils.describing" if name == "describe" else "data_utils.loading"), name)
