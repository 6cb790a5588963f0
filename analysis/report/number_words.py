"""Gains, estimates and p values as a report writes them."""

from analysis.statistics.intervals import Difference, Estimate
from analysis.statistics.words import format_estimate
from analysis.text import NO_VALUE, format_number, percent_limits
from tune_jobs.words import signed


def gain_words(gain: Difference | None, decimals: int) -> str:
    """Write a gain with its sign and interval: "+1.20 ± 0.35"; a dash where it is not known."""
    if gain is None:
        return NO_VALUE
    number = signed(gain.mean, decimals)
    if gain.half_width is None:
        return f"{number} in every pair" if gain.n > 1 else number
    return f"{number} ± {format_number(gain.half_width, decimals)}"


def estimate_words(value: Estimate, decimals: int, unit: str) -> str:
    """Write an estimate with its unit: "97.13 ± 1.05%", "99.26% (98.21 to 100.00)", "31,000 ± 2,000 dollars"."""
    text = format_estimate(value, decimals, percent_limits(unit))
    if unit != "%":
        return f"{text} {unit}".rstrip()
    mean, bracket, ends = text.partition(" (")
    return f"{mean}%{bracket}{ends}"


def p_words(p_value: float | None) -> str:
    """Write a p value: "0.031", "< 0.001"; a dash where there is no test."""
    if p_value is None:
        return NO_VALUE
    return "< 0.001" if p_value < 0.001 else f"{p_value:.3f}"
