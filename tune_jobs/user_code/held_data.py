"""The data that a process with a set of the user's modules holds: its forks share the memory.

It is sent once for each set of modules, as long as no other set holds data.
"""

from data_utils import TrialData

_HELD: dict[str, TrialData] = {}


def hold(name: str, data: TrialData) -> None:
    """Hold data in place of what was held."""
    _HELD.clear()
    _HELD[name] = data


def drop() -> None:
    """Hold nothing."""
    _HELD.clear()


def held(name: str) -> TrialData:
    """Return the data that is held."""
    return _HELD[name]
