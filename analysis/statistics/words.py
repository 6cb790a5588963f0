"""Means and differences in words, with their intervals."""

from collections.abc import Sequence

import pandas as pd

from analysis.statistics.intervals import Difference, Estimate
from analysis.text import NO_VALUE, Limits, format_number, format_range, percent_limits
from tune_jobs.words import signed


def format_estimate(value: Estimate | None, decimals: int, limits: Limits = None, *, ends: bool = False) -> str:
    """Write mean ± half-width, the mean alone where there is no interval, a dash where there is no estimate.

    An interval that goes beyond the limits is cut there and written by its ends: "99.2 (97.1 to 100.0)". With `ends`
    every interval is.
    """
    if value is None:
        return NO_VALUE
    mean = format_number(value.mean, decimals)
    if value.half_width is None:
        return mean
    if ends or _leaves(value, limits):
        low, high = value.mean - value.half_width, value.mean + value.half_width
        return f"{mean} ({format_range(low, high, decimals, limits)})"
    return f"{mean} ± {format_number(value.half_width, decimals)}"


def format_estimates(values: Sequence[Estimate | None], decimals: int, limits: Limits = None) -> list[str]:
    """Write the estimates of a column in one form: by the ends of all intervals where one must be cut at a limit."""
    ends = any(value is not None and _leaves(value, limits) for value in values)
    return [format_estimate(value, decimals, limits, ends=ends) for value in values]


def _leaves(value: Estimate, limits: Limits) -> bool:
    """Whether an interval goes beyond the limits."""
    if limits is None or value.half_width is None:
        return False
    return not (limits[0] <= value.mean - value.half_width and value.mean + value.half_width <= limits[1])


def format_with_unit(value: Estimate, decimals: int, unit: str) -> str:
    """Write an estimate with its unit: "97.13 ± 1.05%", "99.26% (98.21 to 100.00)", "31,000 ± 2,000 dollars"."""
    text = format_estimate(value, decimals, percent_limits(unit))
    if unit != "%":
        return f"{text} {unit}".rstrip()
    mean, bracket, ends = text.partition(" (")
    return f"{mean}%{bracket}{ends}"


def format_difference(
    difference: Difference | None, decimals: int, *, ends: bool = False, limits: Limits = None
) -> str:
    """Write a difference with its sign and half-width, or that it is the same in every pair; a dash for None.

    An interval that is cut, at 0 or at the limits, is written by its ends: "+0.50 (0.00 to 1.10)". With `ends` every
    interval is.
    """
    if difference is None:
        return NO_VALUE
    number, low, high = signed(difference.mean, decimals), difference.low, difference.high
    if low is not None and high is not None and difference.half_width is not None:
        if ends or is_cut(difference, limits):
            return f"{number} ({format_range(low, high, decimals, limits)})"
        return f"{number} ± {format_number(difference.half_width, decimals)}"
    if difference.n == 1:
        return number
    return f"{number} in every pair" + (", up to one row" if difference.up_to else "")


def is_cut(difference: Difference | None, limits: Limits = None) -> bool:
    """Whether the interval of a difference is cut: at 0 where its sign is shown, or at the limits."""
    if difference is None or difference.half_width is None or difference.low is None or difference.high is None:
        return False
    if limits is not None and not (limits[0] <= difference.low and difference.high <= limits[1]):
        return True
    return difference.sign != 0 and difference.half_width > abs(difference.mean)


def ended_words(endings: "pd.Series[str]") -> str:
    """Say how many seeds ended badly, and how: "diverged in 1 of 4"; an ending is "" where a seed ended well."""
    counts = endings[endings != ""].value_counts(sort=False)
    return ", ".join(f"{word} in {count} of {len(endings)}" for word, count in counts.items())
