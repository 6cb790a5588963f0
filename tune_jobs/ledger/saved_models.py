"""Trained models in a storage, and `load_model` to get one back."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from data_utils import TestData
from models.errors import ModelError
from tune_jobs.errors import UserError
from tune_jobs.storage.storage import Storage
from tune_jobs.user_code.modules import Code, freeze
from tune_jobs.user_code.questions import foreign, score_model

if TYPE_CHECKING:
    from models.saved import SavedModel

FOLDER = "models"
# Losses and layers of PyTorch are named by module and class, as the user's components are.
_TRUSTED_LIBRARY = "torch.nn"


def model_name(key: str, epoch: int) -> str:
    """The file name of a trial's model after an epoch."""
    return f"{key}-{epoch}.safetensors"


def load_model(path: str, *, code: str | Path | None = None, changed_code: bool = False) -> "SavedModel":
    """Load a trained model; no code in the file is executed.

    Args:
        path: of a `.safetensors` file that `ablatune evaluate` wrote: a local path or s3://….
        code: the folder with your network, if the model needs it; nothing else is imported.
        changed_code: whether that code may have changed since the model was trained.

    Raises:
        UserError: there is no such file, it is not a model file, or it needs code that is not given or has changed.
    """
    # The options of a URI, such as the endpoint, apply to its folder.
    address, question, options = str(path).partition("?") if "://" in str(path) else (str(path), "", "")
    folder, _, name = address.rpartition("/")
    place = Storage.at((folder or ("/" if address.startswith("/") else ".")) + question + options)
    return read_model(place, name, code=code, changed_code=changed_code)


def read_model(
    storage: Storage, *parts: str, code: str | Path | None = None, changed_code: bool = False
) -> "SavedModel":
    """Load a model from a storage into this process; see `load_model`."""
    from models.saved import from_bytes

    with _named(storage, *parts) as path:
        content = storage.read(*parts)
        frozen, trusted = _trusted(path, content, code, changed_code)
        frozen.install()
        return from_bytes(content, trusted)


def score_kept_model(
    storage: Storage, name: str, *, data: Callable[[Mapping[str, Any]], TestData], code: Code
) -> tuple[float, float]:
    """Score a model of the storage on a test part; the user's code that it needs stays out of this process.

    Args:
        storage: of the ledger.
        name: of the model's file.
        data: gives the test part for the fields that the model was trained with.
        code: the user's modules.

    Returns:
        Metric and loss.

    Raises:
        UserError: there is no such file, it is not a model file, or its code is missing, has changed or fails.
    """
    from models.saved import from_bytes, trained_with

    with _named(storage, FOLDER, name) as path:
        content = storage.read(FOLDER, name)
        _, trusted = _trusted(path, content, code, changed_code=False)
        fields = trained_with(content)
        part = data(fields)
        references = foreign(trusted)
        if references:
            return score_model(content, references, sorted(trusted), part, code)
        return from_bytes(content, trusted).score(part, part.inputs, part.targets)


@contextmanager
def _named(storage: Storage, *parts: str) -> Iterator[str]:
    """Give the address of a model's file, and name it in errors."""
    path = storage.address(*parts)
    try:
        yield path
    except FileNotFoundError as error:
        raise UserError(f"{path}: there is no such model file; `ablatune evaluate STUDY` writes them") from error
    except ModelError as error:
        raise UserError(f"{path}: {error}") from error


def _trusted(path: str, content: bytes, code: str | Path | Code | None, changed_code: bool) -> tuple[Code, set[str]]:
    """The user's modules that a model needs, and the references that may be imported."""
    from models.saved import user_references

    needed = user_references(content)
    references = {reference for reference, _ in needed.values()}
    library = {name for name in references if name.startswith((f"{_TRUSTED_LIBRARY}:", f"{_TRUSTED_LIBRARY}."))}
    if references == library:
        return Code(), library
    if code is None:
        raise UserError(
            f"{path}: was trained with your {', '.join(sorted(references - library))}; give the folder that holds it, "
            'load_model(path, code=".")'
        )
    frozen = code if isinstance(code, Code) else freeze(sorted(references - library), [Path(code)])
    for kind, (reference, fingerprint) in needed.items():
        if reference in library:
            continue
        if not frozen.fingerprint(reference):
            raise UserError(f"{path}: {kind} {reference} is not in {code}; give the folder that holds its module")
        if frozen.fingerprint(reference) != fingerprint and not changed_code:
            raise UserError(
                f"{path}: {kind} {reference} has changed since the model was trained; give the code as it was, or "
                "changed_code=True if the change does not affect the model"
            )
    return frozen, references
