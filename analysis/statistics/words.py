"""Means and differences in words, with their intervals."""

import pandas as pd

from analysis.statistics.intervals import Difference, Estimate
from analysis.text import NO_VALUE, Limits, format_number, format_range, percent_limits
from tune_jobs.words import signed


def format_estimate(value: Estimate | None, decimals: int, limits: Limits = None) -> str:
    """Write mean ± half-width, the mean alone where there is no interval, a dash where there is no estimate.

    An interval that goes beyond the limits is cut there and written by its ends: "99.2 (97.1 to 100.0)".
    """
    if value is None:
        return NO_VALUE
    mean = format_number(value.mean, decimals)
    if value.half_width is None:
        return mean
    low, high = value.mean - value.half_width, value.mean + value.half_width
    if limits is not None and not (limits[0] <= low and high <= limits[1]):
        return f"{mean} ({format_range(low, high, decimals, limits)})"
    return f"{mean} ± {format_number(value.half_width, decimals)}"


def format_with_unit(value: Estimate, decimals: int, unit: str) -> str:
    """Write an estimate with its unit: "97.13 ± 1.05%", "99.26% (98.21 to 100.00)", "31,000 ± 2,000 dollars"."""
    text = format_estimate(value, decimals, percent_limits(unit))
    if unit != "%":
        return f"{text} {unit}".rstrip()
    mean, bracket, ends = text.partition(" (")
    return f"{mean}%{bracket}{ends}"


def format_difference(difference: Difference | None, decimals: int) -> str:
    """Write a difference with its sign and half-width, or that it is the same in every pair; a dash for None.

    An interval that is cut at 0 is written by its ends: "+0.50 (0.00 to 1.10)".
    """
    if difference is None:
        return NO_VALUE
    number, low, high = signed(difference.mean, decimals), difference.low, difference.high
    if low is not None and high is not None and difference.half_width is not None:
        if difference.half_width > abs(difference.mean) and difference.sign:
            return f"{number} ({format_range(low, high, decimals)})"
        return f"{number} ± {format_number(difference.half_width, decimals)}"
    if difference.n == 1:
        return number
    return f"{number} in every pair" + (", up to one row" if difference.up_to else "")


def ended_words(endings: "pd.Series[str]") -> str:
    """Say how many seeds ended badly, and how: "diverged in 1 of 4"; an ending is "" where a seed ended well."""
    counts = endings[endings != ""].value_counts(sort=False)
    return ", ".join(f"{word} in {count} of {len(endings)}" for word, count in counts.items())
