"""Trained models in a storage, and `load_model` to get one back."""

from typing import TYPE_CHECKING

from models.errors import ModelError
from tune_jobs.errors import UserError
from tune_jobs.storage import Storage

if TYPE_CHECKING:
    from models.saved import SavedModel

FOLDER = "models"


def model_name(key: str, epoch: int) -> str:
    """Return the file name of a trial's model after an epoch."""
    return f"{key}-{epoch}.safetensors"


def load_model(path: str) -> "SavedModel":
    """Return the model in a file; no code in the file is executed.

    Args:
        path: of a `.safetensors` file that `ablatune evaluate` wrote: a local path or s3://….

    Raises:
        UserError: there is no such file, or it is no model file.
    """
    folder, _, name = str(path).rpartition("/")
    return read_model(Storage.at(folder or ("/" if str(path).startswith("/") else ".")), name)


def read_model(storage: Storage, *parts: str) -> "SavedModel":
    """Return the model in a file of a storage; see `load_model`."""
    # Imported here: names of files are asked for where torch need not be loaded.
    from models.saved import from_bytes

    path = storage.address(*parts)
    try:
        return from_bytes(storage.read(*parts))
    except FileNotFoundError as error:
        raise UserError(f"{path}: there is no such model file; `ablatune evaluate STUDY` writes some") from error
    except ModelError as error:
        raise UserError(f"{path}: {error}") from error
