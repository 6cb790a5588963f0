"""The test of each kind of claim over the replicates."""

from collections.abc import Callable, Mapping
from itertools import combinations
from math import log

import numpy as np

from analysis.published.claims import RISES_WITH, Check
from analysis.published.quantities import Replicates, UntestableError
from analysis.statistics.claim_inference import Finding, all_of, directed, more_varied, ordered, within_margin
from analysis.statistics.intervals import estimate
from analysis.statistics.proportions import half_p_values, share_interval


def finding_of(check: Check, data: Replicates) -> Finding:
    """Test a claim, or say why it cannot be tested."""
    try:
        return _TESTS[check.kind](check, data)
    except UntestableError as error:
        return Finding(reason=str(error))


def _compared(check: Check, data: Replicates) -> Finding:
    """Test that a level lies above, or below, each of the levels under `than`."""
    sign = -1.0 if check.kind == "lower" else 1.0
    parts, overlap, step = [], data.overlap(check), data.step(check)
    for other in check.than:
        values, against = data.arrays(check.quantity, [check.subjects[0], other])
        what = f"against {other.level}"
        parts.append(directed(values, against, sign, data.unit(check), what, overlap=overlap, step=step))
    return all_of(parts)


def _more_varied(check: Check, data: Replicates) -> Finding:
    parts, overlap, step = [], data.overlap(check), data.step(check)
    for other in check.than:
        values, against = data.arrays(check.quantity, [check.subjects[0], other], finite=True)
        what = f"against {other.level}"
        parts.append(more_varied(values, against, data.unit(check), what, overlap, step))
    return all_of(parts)


def _ordered(check: Check, data: Replicates) -> Finding:
    sign = 1.0 if check.kind == "increasing" else -1.0
    values = np.stack(data.arrays(check.quantity, check.subjects))
    names = [place.level for place in check.subjects]
    return ordered(values, sign, data.unit(check), names, data.overlap(check), data.step(check))


def _equivalent(check: Check, data: Replicates) -> Finding:
    """Test by two one-sided tests (Schuirmann, 1987) that the 95% interval of every pair lies inside the margin."""
    parts = []
    for place, other in combinations(check.subjects, 2):
        values, against = data.arrays(check.quantity, [place, other], finite=True)
        if "relative_margin" in check.numbers:
            reference = float(against.mean())
            values, against = 100 * values / reference, 100 * against / reference
            margin, unit, step = 100 * check.numbers["relative_margin"], "%", 100 * data.step(check) / abs(reference)
        else:
            margin, unit, step = check.numbers["margin"], data.unit(check), data.step(check)
        what = f"from {other.level} to {place.level}"
        size = np.abs(values).max()
        parts.append(within_margin(values - against, margin, unit, what, size, data.overlap(check), step))
    return all_of(parts)


def _ratio(check: Check, data: Replicates) -> Finding:
    """Test that the 95% interval of the geometric mean ratio lies within a factor of the claimed ratio."""
    values, against = data.arrays(check.quantity, check.subjects, finite=True)
    if min(values.min(), against.min()) <= 0:
        raise UntestableError("a ratio needs values above 0")
    logs = np.log(values / against)
    about, within = log(check.numbers["about"]), log(check.numbers["within"])
    found = within_margin(logs - about, within, "", "", 1.0, data.overlap(check))
    ratio = estimate(logs, overlap=data.overlap(check))
    words = f"{np.exp(ratio.mean):.3g} times"
    if ratio.half_width:
        low, high = np.exp(ratio.mean - ratio.half_width), np.exp(ratio.mean + ratio.half_width)
        words += f" ({low:.3g} to {high:.3g})"
    return Finding((f"{words}, n = {ratio.n}",), found.n, found.p_claim, found.p_contrary, found.reason)


def _threshold(check: Check, data: Replicates) -> Finding:
    sign = 1.0 if check.kind == "above" else -1.0
    (values,) = data.arrays(check.quantity, check.subjects)
    value = check.numbers["value"]
    level = np.full_like(values, value)
    return directed(
        values, level, sign, data.unit(check), f"against {value:g}", overlap=data.overlap(check), step=data.step(check)
    )


def _gain(check: Check, data: Replicates) -> Finding:
    """Test that subjects[0] - subjects[1] is larger than than[0] - than[1]: an interaction."""
    one, two, three, four = data.arrays(check.quantity, check.places, finite=True)
    return directed(
        one - two, three - four, 1.0, data.unit(check), "", overlap=data.overlap(check), step=data.step(check)
    )


def _reached(check: Check, data: Replicates) -> Finding:
    """Test exactly, by the binomial, that more (or fewer) than half of all runs reach the target."""
    (hits,) = data.arrays("reached", check.subjects)
    reached, n = int((hits == 1).sum()), hits.size
    low, high = share_interval(reached, n)
    words = f"reached by {reached} of {n} (of all runs, {low:.0%} to {high:.0%})"
    often, seldom = half_p_values(reached, n)
    claim, contrary = (often, seldom) if check.kind == "reaches" else (seldom, often)
    return Finding((words,), n, claim, contrary)


def _uncertainty(check: Check, data: Replicates) -> Finding:
    """Test that the correlations of the replicates are above 0 on average."""
    frame, (place,) = data.correlations, check.subjects
    if frame is None or frame.empty:
        raise UntestableError("no predictions were kept")
    levels = place.cells(data.labels.get(place.table, ())).values()
    named = (frame["table"] == place.table) & frame["level"].isin(levels) & (frame["feature"] == check.feature)
    values = frame[named].groupby("seed")["correlation"].mean().dropna().to_numpy(dtype=np.float64)
    if not len(values):
        raise UntestableError("not run yet")
    return directed(values, np.zeros_like(values), 1.0, "", "correlation")


_TESTS: Mapping[str, Callable[[Check, Replicates], Finding]] = {
    "higher": _compared,
    "lower": _compared,
    "more_varied": _more_varied,
    "increasing": _ordered,
    "decreasing": _ordered,
    "equivalent": _equivalent,
    "ratio": _ratio,
    "above": _threshold,
    "below": _threshold,
    "gain": _gain,
    "reaches": _reached,
    "never_reaches": _reached,
    RISES_WITH: _uncertainty,
}
