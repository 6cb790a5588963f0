"""Trained models in a storage, and `load_model` to get one back."""

from pathlib import PurePosixPath
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


def load_model(path: str, storage: Storage | None = None) -> "SavedModel":
    """Return the model in a file; no code in the file is executed.

    Args:
        path: of a `.safetensors` file that `ablatune evaluate` wrote: a local path or s3://….
        storage: that the path lies in; its own folder unless told.

    Raises:
        UserError: there is no such file, or it is no model file.
    """
    # Imported here: names of files are asked for where torch need not be loaded.
    from models.saved import from_bytes

    place = PurePosixPath(path)
    where = storage or Storage.at(str(path).removesuffix(place.name).rstrip("/") or ".")
    try:
        return from_bytes(where.read(path if storage else place.name))
    except FileNotFoundError as error:
        raise UserError(f"{path}: there is no such model file; `ablatune evaluate STUDY` writes some") from error
    except ModelError as error:
        raise UserError(f"{path}: {error}") from error
