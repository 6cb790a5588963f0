"""The data that a process with the user's code holds: its forks share the memory, so it is sent once."""

from data_utils import TrialData

_HELD: dict[str, TrialData] = {}


def hold(name: str, data: TrialData) -> None:
    """Hold data in place of what was held."""
    _HELD.clear()
    _HELD[name] = data


def held(name: str) -> TrialData:
    """Return the data that is held."""
    return _HELD[name]
