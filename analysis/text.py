"""Numbers and ranges as text."""

NO_VALUE = "–"


Limits = tuple[float, float] | None


def format_range(low: float, high: float, decimals: int, limits: Limits = None) -> str:
    """Return an interval by its ends, cut at the limits of what is possible."""
    low, high = cut_range(low, high, limits)
    return f"{format_number(low, decimals)} to {format_number(high, decimals)}"


def cut_range(low: float, high: float, limits: Limits) -> tuple[float, float]:
    """Return an interval's ends, cut at the limits of what is possible."""
    return (low, high) if limits is None else (max(low, limits[0]), min(high, limits[1]))


def percent_limits(unit: str) -> Limits:
    """Return between which values a metric of a unit lies; None where that is not known."""
    return (0.0, 100.0) if unit == "%" else None


def format_number(value: float, decimals: int) -> str:
    """Return a number with thousands separated and a true minus sign; never a negative zero."""
    text = f"{value:,.{decimals}f}"
    return text.replace("-", "−") if text.strip("-0.,") else text.lstrip("-")
