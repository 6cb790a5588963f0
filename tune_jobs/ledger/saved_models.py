"""Trained models in a storage, and `load_model` to get one back."""

from pathlib import Path
from typing import TYPE_CHECKING

from models.errors import ModelError
from tune_jobs.errors import UserError
from tune_jobs.storage.storage import Storage
from tune_jobs.user_code.modules import Code, freeze

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
    storage: Storage, *parts: str, code: str | Path | Code | None = None, changed_code: bool = False
) -> "SavedModel":
    """Load a model from a storage; see `load_model`."""
    # Imported here: `model_name` is used where torch need not be loaded.
    from models.saved import from_bytes, user_references

    path = storage.address(*parts)
    try:
        content = storage.read(*parts)
        needed = user_references(content)
        trusted = _trusted(path, needed, code, changed_code) if needed else set()
        return from_bytes(content, trusted)
    except FileNotFoundError as error:
        raise UserError(f"{path}: there is no such model file; `ablatune evaluate STUDY` writes them") from error
    except ModelError as error:
        raise UserError(f"{path}: {error}") from error


def _trusted(
    path: str, needed: dict[str, tuple[str, str]], code: str | Path | Code | None, changed_code: bool
) -> set[str]:
    references = {reference for reference, _ in needed.values()}
    library = {name for name in references if name.startswith((f"{_TRUSTED_LIBRARY}:", f"{_TRUSTED_LIBRARY}."))}
    if references == library:
        return library
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
    frozen.install()
    return references
