"""The path of a storage that is a local folder."""

import errno
from contextlib import suppress
from pathlib import Path

from tune_jobs.errors import UserError, first_line
from tune_jobs.storage import local_errors

_SHOWN_OF_A_PATH = 80


def absolute_folder(path: str) -> str:
    """Return the absolute path of a folder, which need not exist.

    Raises:
        UserError: no folder can have such a path.
    """
    shown = f"--storage {ascii(path) if not path.isprintable() else path[:_SHOWN_OF_A_PATH]}"
    try:
        path.encode()
        expanded = Path(path).expanduser()
    except UnicodeEncodeError as error:
        raise UserError(f"{shown}: is not UTF-8; rename the folder, or give another one") from error
    except RuntimeError as error:
        raise UserError(f"{shown}: there is no such user, or no home folder; give the path of a folder") from error
    try:
        folder = expanded.resolve()
        # Python is content with a name that is too long, the system is not.
        with suppress(FileNotFoundError, NotADirectoryError, PermissionError):
            folder.stat()
    except ValueError as error:
        raise UserError(f"{shown}: {first_line(error)}; give the path of a folder") from error
    except RuntimeError as error:
        raise UserError(f"{shown}: {local_errors.MEANINGS[errno.ELOOP]}, or give another --storage") from error
    except OSError as error:
        why = local_errors.meaning(error) or first_line(error)
        raise UserError(f"{shown}: {why}, or give another --storage") from error
    return str(folder)
