"""The validation targets that stored predictions are compared with, kept once per dataset and split."""

from tune_jobs.trial.config import FIELDS, TrialConfig
from tune_jobs.trial.data import SCALING_FIELDS, validation_rows


def targets_name(fingerprint: str, config: TrialConfig) -> str:
    """Return the name under which the validation targets of a configuration's split are kept, as it scales them."""
    scaling = [value for name in SCALING_FIELDS if (value := getattr(config, name)) != FIELDS[name].neutral]
    return "-".join(map(str, (fingerprint, config.split_seed, validation_rows(config), *scaling)))
