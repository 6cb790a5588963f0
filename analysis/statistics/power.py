"""What a number of seeds can show: the smallest difference, and how many seeds a difference needs.

The power of a t test is read off the noncentral t distribution (Johnson and Welch, 1940; Lehmann and Romano, Testing
Statistical Hypotheses, section 5.2). The level of a single test is that of the first step of Holm's correction: the
table's 5% divided by the number of its comparisons.
"""

from scipy.special import nctdtr, nctdtrinc, stdtrit

from analysis.statistics.intervals import error_factor

POWER = 0.8
MOST_SEEDS = 1000
_FAR = 5.0


def critical_value(level: float, n: int) -> float:
    """The absolute value that a t statistic of n pairs must reach to be shown at a two-sided level."""
    return float(stdtrit(n - 1, 1 - level / 2))


def smallest_shown(spread: float, n: int, level: float, *, overlap: float = 0.0) -> float:
    """The smallest true difference that n pairs show in 80% of cases.

    Args:
        spread: standard deviation of the differences.
        n: number of pairs, at least 2.
        level: of the two-sided test.
        overlap: see `analysis.statistics.intervals.error_factor`.
    """
    return float(nctdtrinc(n - 1, 1 - POWER, critical_value(level, n))) * spread * error_factor(n, overlap)


def seeds_needed(
    difference: float, spread: float, level: float, *, margin: float | None = None, overlap: float = 0.0, above: int = 1
) -> int:
    """The fewest pairs that settle a true difference in 80% of cases: show it, or show that it lies within the margin.

    Args:
        difference: the true one.
        spread: standard deviation of the differences.
        level: of the two-sided test, and of the interval that must lie within the margin.
        margin: within which a difference is none for practical purposes; None for no margin.
        overlap: see `analysis.statistics.intervals.error_factor`.
        above: the answer is larger than this.

    Returns:
        `MOST_SEEDS` + 1 where more are needed than that.
    """
    size = abs(difference)
    room = 0.0 if margin is None else max(margin - size, 0.0)

    def settled(n: int) -> bool:
        critical, error = critical_value(level, n), spread * error_factor(n, overlap)
        missed = _missed(size / error, critical, n)
        if room > 0:
            # The interval must clear both ends of the margin.
            ends = (room / error, (room + 2 * size) / error)
            missed = min(missed, sum(_missed(end, critical, n) for end in ends))
        return missed <= 1 - POWER

    low, high = max(above, 1), MOST_SEEDS + 1
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if settled(middle) else (middle, high)
    return high


def _missed(distance: float, critical: float, n: int) -> float:
    """The chance that a true distance from a limit, in standard errors, is not shown."""
    if distance > _FAR * (critical + 1):
        # Less than rounding, where the library's series fails.
        return 0.0
    return float(nctdtr(n - 1, distance, critical))
