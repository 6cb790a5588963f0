"""What must be known of the user's code outside a trial, asked of a process that ends with the answer.

Data that is not made by a function of the user is read here, in this process.
"""

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from data_utils import TestData, TrialData, describe, fingerprint, load_test_data, load_trial_data
from data_utils.declared import Declaration
from data_utils.registry import DatasetInfo
from models.registry import is_reference
from tune_jobs.trial.config import TrialConfig
from tune_jobs.trial.data import TRAINERS_OWN, dataset_options, preparation
from tune_jobs.user_code.code_process import CodeProcess, log_changes
from tune_jobs.user_code.modules import Code, UserCodeError
from tune_jobs.user_code.parameters import Parameters
from tune_jobs.user_code.processes import process_with

if TYPE_CHECKING:
    from tune_jobs.user_code.answers import Rehearsed

_log = logging.getLogger(__name__)

# Functions that return data may download or compute it.
DATA_SECONDS = 3600.0
# That a network and a loss are tried on.
CHECKED_ROWS = 2
# The classes of these modules run in the worker's own process. Other parts of PyTorch can run anything, as
# `torch.hub` does, or change the whole process.
TRUSTED = frozenset({"torch.nn", "torch.optim", "torch.optim.lr_scheduler"})
_ANSWERS = "tune_jobs.user_code.answers"


def ask_parameters(code: Code, kind: str, reference: str) -> Parameters:
    """Read the parameters of a component, and warn of annotations that cannot be resolved.

    Raises:
        UserError: there is no such component, its module cannot be imported, or its parameters cannot be used.
    """
    with process_with(code, [reference], what=reference) as process:
        found: Parameters = process.call(f"{_ANSWERS}:parameters", code, kind, reference, what=reference)
    for name, why in found.unresolved.items():
        _log.warning(
            "%s: the annotation of %s cannot be resolved: %s; its type and bounds are not checked; import what it "
            "names at run time too, not under `if TYPE_CHECKING:` alone",
            reference,
            name,
            why,
        )
    return found


def describe_dataset(
    declaration: Declaration, folders: Sequence[Path], options: Mapping[str, Any], code: Code
) -> DatasetInfo:
    """Describe a dataset that a study declares; see `data_utils.describe`.

    Raises:
        DatasetError: the dataset cannot be used.
        UserError: a function of the user raised, ended its process or hung.
    """
    if not declaration.function:
        return describe(declaration, folders=folders, options=options)
    what = f"datasets.{declaration.name}"
    with process_with(code, [declaration.function], what=what) as process:
        arguments = (declaration, list(folders), dict(options))
        found: DatasetInfo = process.call(f"{_ANSWERS}:described", *arguments, what=what, seconds=DATA_SECONDS)
    return found


def find_fingerprint(config: TrialConfig, data_dir: Path, code: Code, *, download: bool = True) -> str:
    """Hash the development data of a configuration; see `data_utils.fingerprint`.

    Raises:
        DatasetError: a file is missing or damaged.
        UserError: a function of the user raised, ended its process or hung.
    """
    if config.trainer:
        return TRAINERS_OWN
    return str(_asked("hash_data", config, data_dir, code, download))


def find_trial_data(config: TrialConfig, data_dir: Path, code: Code) -> TrialData:
    """Load what a configuration trains on; see `data_utils.load_trial_data` and `find_fingerprint`."""
    found: TrialData = _asked("read_trial_data", config, data_dir, code)
    return found


def find_test_data(config: TrialConfig, data_dir: Path, code: Code) -> TestData:
    """Open the sealed test part of a configuration; see `data_utils.load_test_data` and `find_fingerprint`."""
    found: TestData = _asked("read_test_data", config, data_dir, code)
    return found


def _asked(name: str, config: TrialConfig, data_dir: Path, code: Code, *more: Any) -> Any:
    """Call one of the functions below: here, or with the user's function that makes the data in its process."""
    if config.trainer:
        raise ValueError(f"{config.trainer} reads its data itself")
    declared = config.info.declared if config.info is not None else None
    if declared is None or not declared.function:
        return globals()[name](config, data_dir, *more)
    what = f"datasets.{declared.name}"
    with process_with(code, [declared.function], what=what) as process:
        return process.call(f"{__name__}:{name}", config, data_dir, *more, what=what, seconds=DATA_SECONDS)


def hash_data(config: TrialConfig, data_dir: Path, download: bool) -> str:
    """In the process that reads the data: see `find_fingerprint`."""
    return fingerprint(_name(config), data_dir=data_dir, options=dataset_options(config), download=download)


def read_trial_data(config: TrialConfig, data_dir: Path) -> TrialData:
    """In the process that reads the data: see `find_trial_data`."""
    return load_trial_data(_name(config), preparation(config), data_dir=data_dir, options=dataset_options(config))


def read_test_data(config: TrialConfig, data_dir: Path) -> TestData:
    """In the process that reads the data: see `find_test_data`."""
    return load_test_data(_name(config), preparation(config), data_dir=data_dir, options=dataset_options(config))


def _name(config: TrialConfig) -> str | DatasetInfo:
    return config.info or config.dataset


def check_fit(config: TrialConfig, data: TrialData, code: Code) -> None:
    """Train one step of a configuration on two rows, and warn of what that changes in its process.

    What raises on two rows is tried on a whole batch: a loss may need more of them.

    Raises:
        ModelError: the network, the loss or the optimizer is not what training needs.
        UserCodeError: the user's code raises, on these rows or when it is imported.
        UserError: its process ended or hung.
    """
    references = code_of(config) or tuple(filter(is_reference, _named(config)))
    what = " and ".join(references)
    steps = is_reference(config.optimizer) or is_reference(config.schedule)
    with process_with(code, code_of(config), what=what, trains=steps) as process:
        found = _rehearsed(process, config, data, CHECKED_ROWS, what)
    if found.failure is not None and config.batch_size > CHECKED_ROWS:
        with process_with(code, code_of(config), what=what, trains=steps) as process:
            found = _rehearsed(process, config, data, config.batch_size, what)
    log_changes(references, found.changes)
    if found.failure is not None:
        raise _failed(found, config, data, code)


def _rehearsed(process: CodeProcess, config: TrialConfig, data: TrialData, rows: int, what: str) -> "Rehearsed":
    first = slice(0, rows)
    beginning = replace(
        data,
        train_inputs=data.train_inputs[first],
        train_targets=data.train_targets[first],
        validation_inputs=data.validation_inputs[first],
        validation_targets=data.validation_targets[first],
    )
    answer: Rehearsed = process.call(f"{_ANSWERS}:check_fit", config, beginning, len(data.train_inputs), what=what)
    return answer


# What a component must do, and what to do if it cannot.
_RULES = {
    "network": "a network takes these inputs and returns a row of outputs for each; wrap it in one that does",
    "objective": "a loss makes one number of the outputs and the targets; let it take what the network returns",
    "optimizer": "an optimizer takes a network's parameters first, and has a step; let it take those of this network",
    "schedule": "a schedule takes the optimizer first, and has a step; let it take this one",
}


def _failed(found: "Rehearsed", config: TrialConfig, data: TrialData, code: Code) -> UserCodeError:
    """The error of a configuration that cannot be trained."""
    component = found.component
    if not is_reference(getattr(config, component)):
        component = next(kind for kind in _RULES if is_reference(getattr(config, kind)))
    failure = found.failure
    assert failure is not None
    reference, own_place = getattr(config, component), failure.place(code.files)
    shape = [min(config.batch_size, len(data.train_inputs)), *data.train_inputs.shape[1:]]
    trace = failure.traceback if own_place else ""
    return UserCodeError(
        f"{component}: {reference} raises {found.where}, tried on inputs {shape}: {failure.at(code.files)}; "
        f"{_RULES[component]}",
        trace,
        reference,
    )


def score_model(
    content: bytes, references: Sequence[str], trusted: Sequence[str], data: TestData, code: Code
) -> tuple[float, float]:
    """Score a kept model that needs the user's code on a test part.

    Args:
        content: of the model's file.
        references: to the user's code.
        trusted: all references that may be imported.
        data: the test part.
        code: the user's modules.

    Returns:
        Metric and loss.

    Raises:
        ModelError: the content is no model.
        UserError: the user's code raised, ended its process or hung.
    """
    what = " and ".join(references)
    with process_with(code, references, what=what) as process:
        arguments = (content, list(trusted), data)
        found: tuple[float, float] = process.call(f"{_ANSWERS}:score", *arguments, what=what, seconds=DATA_SECONDS)
    return found


def code_of(config: TrialConfig) -> tuple[str, ...]:
    """The references of a configuration to the user's code, sorted.

    A trial without any trains in the worker's own process, which never imports code of the user.
    """
    if config.trainer:
        return (config.trainer,)
    return foreign(_named(config))


def _named(config: TrialConfig) -> tuple[str, ...]:
    return config.network, config.objective, config.optimizer, config.schedule


def foreign(names: Iterable[str]) -> tuple[str, ...]:
    """The names that refer to code that is neither this project's nor a class of PyTorch's (see `TRUSTED`), sorted."""
    references = filter(is_reference, set(names))
    return tuple(sorted(name for name in references if not _is_trusted(*name.split(":"))))


def _is_trusted(module: str, name: str) -> bool:
    # By PyTorch's own habit only classes begin with a capital.
    return module in TRUSTED and name[:1].isupper() and "." not in name
