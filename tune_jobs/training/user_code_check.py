"""Checks before the first trial that the user's networks and losses fit each other and the data."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from data_utils import TrialData
from models.errors import ModelError
from models.registry import is_reference
from tune_jobs.errors import UserError
from tune_jobs.trial.config import TrialConfig
from tune_jobs.trial.data import data_id
from tune_jobs.trial.trial import Trial
from tune_jobs.user_code.modules import Code


def check_user_code(trials: Sequence[Trial], data: Mapping[str, TrialData], code: Code) -> None:
    """Try each distinct network and loss of the user on two rows.

    Exceptions from the user's code are ignored here: its trials will raise them too, and keep the traceback.

    Args:
        trials: to come.
        data: by `tune_jobs.trial.data.data_slot`.
        code: the user's modules.

    Raises:
        UserError: the loss cannot take the network's outputs; the message has both shapes.
    """
    shapes = {_shape(trial.config): trial for trial in trials if _is_users(trial.config)}
    if not shapes:
        return
    from models.output_check import check_outputs
    from tune_jobs.trial.data import data_slot

    code.install()
    for trial in shapes.values():
        try:
            check_outputs(trial.config, data[data_slot(trial.config)])
        except ModelError as error:
            raise UserError(f"{error} (on {data_id(trial.config)})") from error
        except (Exception, SystemExit):  # the user's code; its trials will fail one by one
            continue


def _is_users(config: TrialConfig) -> bool:
    return is_reference(config.network) or is_reference(config.objective)


def _shape(config: TrialConfig) -> str:
    parts: dict[str, Any] = {"network": config.network, "objective": config.objective, "data": data_id(config)}
    return json.dumps({**parts, **config.own}, sort_keys=True)
