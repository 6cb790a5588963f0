"""Numbers, ranges, units and labels as text. Counts, durations and signs are in `tune_jobs.words`."""

NO_VALUE = "–"

# Between which values a metric lies; None where that is not known.
Limits = tuple[float, float] | None

# Words up to this length are not written with a capital in titles.
_SHORT_WORD = 3


def format_number(value: float, decimals: int) -> str:
    """Write a number with its thousands separated and a true minus sign; zero has no sign."""
    text = f"{value:,.{decimals}f}"
    return text.replace("-", "−") if text.strip("-0.,") else text.lstrip("-")


def format_range(low: float, high: float, decimals: int, limits: Limits = None) -> str:
    """Write an interval by its ends, cut at the limits: "97.1 to 100.0"."""
    low, high = cut_range(low, high, limits)
    return f"{format_number(low, decimals)} to {format_number(high, decimals)}"


def cut_range(low: float, high: float, limits: Limits) -> tuple[float, float]:
    """Cut the ends of an interval at the limits."""
    return (low, high) if limits is None else (max(low, limits[0]), min(high, limits[1]))


def percent_limits(unit: str) -> Limits:
    """The values between which a metric with this unit lies; None where that is not known."""
    return (0.0, 100.0) if unit == "%" else None


def difference_limits(unit: str) -> Limits:
    """The values between which a difference of metrics with this unit lies; None where that is not known."""
    return (-100.0, 100.0) if unit == "%" else None


def difference_unit(unit: str) -> str:
    """The unit of a difference: percentages differ by points."""
    return "points" if unit == "%" else unit


def within_sentence(label: str) -> str:
    """Write a label as it stands within a sentence: "Accuracy" becomes "accuracy", "RMSE" stays."""
    return label.lower() if label.istitle() else label


def heading_within(heading: str) -> str:
    """Write a heading as it stands within a sentence: "Number of Layers" becomes "number of layers", "L2" stays."""
    words = heading.split()
    titled = all(word[:1].isupper() for word in words if len(word) > _SHORT_WORD and word.isalpha())
    return " ".join(
        word.lower() if (titled or not place) and word.isalpha() and word.istitle() and len(word) > 1 else word
        for place, word in enumerate(words)
    )


def format_p(p_value: float | None) -> str:
    """Write a p value: "0.031", "< 0.001"; a dash where there is no test."""
    if p_value is None:
        return NO_VALUE
    return "< 0.001" if p_value < 0.001 else f"{p_value:.3f}"


def p_text(p_value: float) -> str:
    """Write a p value in a sentence: "p = 0.031", or "p < 0.001"."""
    text = format_p(p_value)
    return f"p {text}" if text.startswith("<") else f"p = {text}"
