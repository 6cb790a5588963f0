"""The rehearsal before the first trial: one step of training with each combination of the user's components."""

import json
import logging
from collections.abc import Mapping, Sequence
from typing import Any

from data_utils import TrialData
from models.errors import ModelError
from models.registry import is_reference
from tune_jobs.errors import UserError
from tune_jobs.study.model import Study
from tune_jobs.study.places import put_in_study
from tune_jobs.trial.config import TrialConfig
from tune_jobs.trial.data import data_id, data_slot
from tune_jobs.user_code.modules import UserCodeError
from tune_jobs.user_code.questions import check_fit, code_of

_COMPONENTS = ("network", "objective", "optimizer", "schedule")

_log = logging.getLogger(__name__)


def check_user_code(configs: Sequence[TrialConfig], data: Mapping[str, TrialData], study: Study) -> None:
    """Train one step with each distinct combination of the user's components, on two rows.

    Where the user's code raises in some of the combinations only, their trials are run, and will fail with their
    traceback, as rows beside the others. Where it does in all of them, nothing would come of the run.

    Args:
        configs: of the trials to come.
        data: by `tune_jobs.trial.data.data_slot`.
        study: that names the components.

    Raises:
        UserError: the network, the loss or the optimizer is not what training needs; the user's code ended its process,
            or hung; or all trials to come would fail.
    """
    combinations = {_combination(config): config for config in configs if _references(config)}
    failed: list[UserCodeError] = []
    for config in combinations.values():
        try:
            check_fit(config, data[data_slot(config)], study.own.code)
        except ModelError as error:
            component = str(error).partition(":")[0]
            reference = getattr(config, component) if component in _COMPONENTS else _references(config)[0]
            refused = UserError(f"{error} (on {data_id(config)})")
            put_in_study(refused, study.places, reference, study.source)
            raise refused from error
        except UserCodeError as error:
            put_in_study(error, study.places, error.reference or _references(config)[0], study.source)
            failed.append(error)
    if failed and len(failed) == len(combinations) and all(map(_references, configs)):
        raise failed[0]
    for one in failed:
        _log.warning("%s (trials with it will fail)", one)


def _references(config: TrialConfig) -> list[str]:
    return [name for name in (getattr(config, kind) for kind in _COMPONENTS) if is_reference(name)]


def _combination(config: TrialConfig) -> str:
    parts: dict[str, Any] = {"named": [getattr(config, kind) for kind in _COMPONENTS], "data": data_id(config)}
    return json.dumps({**parts, "code": code_of(config), **config.own}, sort_keys=True)
