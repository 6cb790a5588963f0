"""Checks before the first trial that the user's networks and losses fit each other and the data."""

import json
import logging
from collections.abc import Mapping, Sequence
from typing import Any

from data_utils import TrialData
from models.errors import ModelError
from models.registry import is_reference
from tune_jobs.errors import UserError
from tune_jobs.trial.config import TrialConfig
from tune_jobs.trial.data import data_id, data_slot
from tune_jobs.trial.trial import Trial
from tune_jobs.user_code.modules import Code, UserCodeError
from tune_jobs.user_code.questions import check_fit, code_of

_log = logging.getLogger(__name__)


def check_user_code(trials: Sequence[Trial], data: Mapping[str, TrialData], code: Code) -> None:
    """Try each distinct combination of the user's components on two rows.

    Exceptions of the user's code are ignored here: its trials will raise them too, and keep the traceback.

    Args:
        trials: to come.
        data: by `tune_jobs.trial.data.data_slot`.
        code: the user's modules.

    Raises:
        UserError: the loss cannot take the network's outputs, with both shapes in the message; or the user's code ended
            its process, or hung.
    """
    shapes = {_shape(trial.config): trial for trial in trials if _has_references(trial.config)}
    for trial in shapes.values():
        config = trial.config
        try:
            check_fit(config, data[data_slot(config)], code)
        except ModelError as error:
            raise UserError(f"{error} (on {data_id(config)})") from error
        except UserCodeError as error:  # its trials will fail one by one
            _log.info("%s was tried on two rows: %s", data_id(config), error)


def _has_references(config: TrialConfig) -> bool:
    return any(map(is_reference, (config.network, config.objective, config.optimizer, config.schedule)))


def _shape(config: TrialConfig) -> str:
    parts: dict[str, Any] = {"code": [config.network, config.objective, *code_of(config)], "data": data_id(config)}
    return json.dumps({**parts, **config.own}, sort_keys=True)
