"""Before the first trial: whether the user's own networks and losses fit each other and the data."""

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
    """Try each distinct network and loss of the user's own on two rows.

    What they raise themselves is left to the trials, which keep the traceback.

    Args:
        trials: to come.
        data: by `tune_jobs.trial.data.data_slot`.
        code: the user's modules.

    Raises:
        UserError: outputs that the loss cannot work with; the message has both shapes.
    """
    shapes = {_shape(trial.config): trial for trial in trials if _own(trial.config)}
    if not shapes:
        return
    from models.fit import check_fit
    from tune_jobs.trial.data import data_slot

    code.install()
    for trial in shapes.values():
        try:
            check_fit(trial.config, data[data_slot(trial.config)])
        except ModelError as error:
            raise UserError(f"{error} (on {data_id(trial.config)})") from error
        except (Exception, SystemExit):  # whatever the user's code raises ends its trials, one by one
            continue


def _own(config: TrialConfig) -> bool:
    return is_reference(config.network) or is_reference(config.objective)


def _shape(config: TrialConfig) -> str:
    parts: dict[str, Any] = {"network": config.network, "objective": config.objective, "data": data_id(config)}
    return json.dumps({**parts, **config.own}, sort_keys=True)
