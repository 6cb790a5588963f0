"""Python's builtins as they were before the user's code, for code of this project that runs after it.

All modules share them, so a user's `isinstance` would be ours too.
"""

import builtins
from collections.abc import Mapping
from typing import Any

_NOW = vars(builtins)
_OWN = _NOW.copy()
# What the user's code has there while it is out of place.
_theirs: dict[str, Any] | None = None


class OwnBuiltins:
    """A context with Python's own builtins; what the user's code put in their place comes back at its end.

    It gives what the user's code has there. It calls nothing that could be replaced.
    """

    def __enter__(self) -> Mapping[str, Any]:
        global _theirs
        self._outermost = _theirs is None
        if _theirs is None:
            _theirs = _NOW.copy()
            _NOW.update(_OWN)
        return _theirs

    def __exit__(self, *raised: object) -> None:
        global _theirs
        if self._outermost and _theirs is not None:
            _NOW.update(_theirs)
            _theirs = None
