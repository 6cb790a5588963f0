"""How long a run that is under way will still take."""

import time


class Eta:
    """Extrapolates from the pace so far: work done since `begin`, per second.

    Args:
        total: all work, in any unit.
        least_seconds: no estimate before so many seconds have passed.
        least_share: no estimate before this share of the work (0 to 1) is done.
    """

    def __init__(self, total: float, *, least_seconds: float = 0.0, least_share: float = 0.0) -> None:
        self._total = total
        self._least_seconds = least_seconds
        self._least_gain = least_share * total
        self._begun: tuple[float, float] | None = None

    def begin(self, done: float) -> None:
        """Measure the pace from now, when so much is done; later calls change nothing."""
        if self._begun is None:
            self._begun = (time.monotonic(), done)

    def seconds_left(self, done: float) -> float | None:
        """Estimate the time to the end; None while too little has been done to tell."""
        if self._begun is None:
            return None
        since, done_then = self._begun
        seconds, gained = time.monotonic() - since, done - done_then
        if seconds < self._least_seconds or gained <= 0 or gained < self._least_gain:
            return None
        return seconds * (self._total - done) / gained
