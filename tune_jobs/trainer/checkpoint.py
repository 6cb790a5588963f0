"""What a training function saves, as bytes: any value that can be pickled, or a file or folder that it has written.

Only the process with the user's code reads it back.
"""

import io
import os
import pickle
import tarfile
from pathlib import Path
from typing import Any

_VALUE, _FILES = b"v", b"f"


def packed(state: Any) -> bytes:
    """Turn a state into bytes; `unpacked` turns it back.

    Args:
        state: a path, for the file or folder there; anything else is the state itself.

    Raises:
        OSError: there is no such file.
    """
    stream = io.BytesIO()
    if isinstance(state, os.PathLike):
        path = Path(state)
        with tarfile.open(fileobj=stream, mode="w") as archive:
            archive.add(path, arcname=path.name)
        return _FILES + stream.getvalue()
    try:
        import torch
    except ImportError:
        return _VALUE + pickle.dumps(state)
    torch.save(state, stream)
    return _VALUE + stream.getvalue()


def unpacked(content: bytes, folder: Path) -> Any:
    """Return the state; of a file or folder, its path within a folder, where it is put."""
    kind, rest = content[:1], io.BytesIO(content[1:])
    if kind == _FILES:
        with tarfile.open(fileobj=rest) as archive:
            archive.extractall(folder, filter="data")
            return folder / archive.getnames()[0].partition("/")[0]
    try:
        import torch
    except ImportError:
        return pickle.load(rest)  # in the process that has the code
    return torch.load(rest, weights_only=False)
