"""Fields that look like secrets: what is set is recorded with every trial, and shown."""

import re
from collections.abc import Mapping
from typing import Any

from tune_jobs.errors import UserError, cut, redacted

_SECRET = re.compile(
    r"(^|[_.])(password|passwd|secret|token|credentials?|(api|access|secret|private)_?key)$", re.IGNORECASE
)
# Numbers below are the tokens of a vocabulary, as in pad_token=0.
_MOST_TOKENS = 1_000_000


def refuse_secrets(overrides: Mapping[str, Any]) -> None:
    """Refuse overrides of which a name or a value looks like a secret.

    Raises:
        UserError: one does; the message has its name, not its value.
    """
    for name, value in overrides.items():
        if _is_secret(name, value):
            raise UserError(
                f"--set {cut(name)}=…: looks like a secret, and fields are recorded with every trial; have your code "
                "read secrets from the environment"
            )


def _is_secret(name: str, value: Any) -> bool:
    if isinstance(value, Mapping):
        return any(_is_secret(f"{name}.{key}", child) for key, child in value.items())
    if isinstance(value, list):
        return any(_is_secret(name, child) for child in value)
    if value is None or isinstance(value, bool):
        return False
    if isinstance(value, str) and redacted(value) != value:
        return True
    if isinstance(value, int | float) and name.lower().endswith("token") and abs(value) < _MOST_TOKENS:
        return False
    return _SECRET.search(name) is not None
