"""What configurations reached on a sealed test set, and how often it was opened."""

from collections.abc import Sequence
from math import isfinite

from analysis.statistics.intervals import estimate
from analysis.statistics.words import format_estimate
from analysis.tables.sheet import Column, Sheet
from analysis.text import percent_limits
from tune_jobs.ledger.test_openings import Opening, Reached
from tune_jobs.trial.config import FIELDS, METRIC_SPECS

_NOT_FINITE = "not finite"
_ROLES = {"declared": "declared", "chosen": "chosen by validation"}


def in_words(opening: Opening) -> list[str]:
    """Return a line for each configuration that an opening tested."""
    lines = []
    for one in opening.tested:
        rows = len(set(one.data))
        where = next(iter(one.data)) if rows == 1 else f"{rows} test sets of {_dataset(one)}"
        lines.append(
            f"{one.final}, {_roles(one)} ({one.label}): test {_metric(one)} {_reached(one)}, "
            f"n = {len(one.seeds)}, {where}"
        )
    return lines


def tested_sheet(final: str, openings: Sequence[Opening]) -> Sheet | None:
    """Return what a final configuration, and the one that validation chose against it, reached when tested.

    Args:
        final: its name.
        openings: of the study, in the order of time; the last that has numbers is shown.
    """
    opening = next((one for one in reversed(openings) if one.finished and _of(one, final)), None)
    if opening is None:
        return None
    tested = _of(opening, final)
    unit = f" ({tested[0].unit})" if tested[0].unit else ""
    return Sheet(
        f"{final}-test",
        "On the sealed test set",
        (
            Column("Configuration", tuple(f"{one.label} ({_roles(one)})" for one in tested), "words"),
            Column(f"Test {METRIC_SPECS[tested[0].metric].label}{unit}", tuple(_reached(one) for one in tested)),
            Column("Test Loss", tuple(_estimate(one.losses, 4) for one in tested)),
            Column("n", tuple(str(len(one.seeds)) for one in tested)),
            Column("Each replicate", tuple(", ".join(_number(v, one) for v in one.metrics) for one in tested), "words"),
        ),
        (f"Opened {opening.opened_at[:16].replace('T', ' ')} UTC.", "Mean ± 95% Student-t interval over replicates."),
    )


def openings_in_words(study: str, openings: Sequence[Opening]) -> list[str]:
    """Return how often the test sets of a study were opened: by the study, and by all in the ledger."""
    own = [one for one in openings if one.study == study]
    if not own:
        return ["The test set has not been opened by this study; `ablatune evaluate` opens it once."]
    sets = {fingerprint for one in own for fingerprint in one.test_sets.values()}
    names = sorted({tested.fields["dataset"] for one in own for tested in one.tested})
    # One that ended before it was through has no fingerprints yet; then the names must do.
    data = {name for one in own for name in one.data}
    everyone = [
        one
        for one in openings
        if one in own or (sets & set(one.test_sets.values()) if one.test_sets else data & one.data)
    ]
    unfinished = sum(not one.finished for one in own)
    words = (
        f"Test sets of {', '.join(names)} were opened {_times(len(own))} by this study, {_times(len(everyone))} by all "
        "studies in this ledger."
    )
    if len(own) > 1:
        words += " Each opening after the first makes its numbers less of a test."
    if any(len(set(tested.data)) > 1 for one in own for tested in one.tested):
        words += (
            " Where each replicate has a test part of its own, the others' development parts hold its rows: what "
            "validation chose over all replicates was chosen with a view of them; what was declared beforehand was not."
        )
    ended = f"{unfinished} opening{'s' * (unfinished != 1)} ended before the numbers were in."
    return [words, ended] if unfinished else [words]


def _of(opening: Opening, final: str) -> list[Reached]:
    return [one for one in opening.tested if one.final == final]


def _roles(one: Reached) -> str:
    return " and ".join(_ROLES.get(role, role) for role in one.roles)


def _metric(one: Reached) -> str:
    return METRIC_SPECS[one.metric].label if METRIC_SPECS[one.metric].label.isupper() else one.metric


def _decimals(one: Reached) -> int:
    size = max((abs(value) for value in one.metrics if isfinite(value)), default=0.0)
    return 2 if one.unit == "%" else 0 if size >= 1000 else 3


def _reached(one: Reached) -> str:
    text = _estimate(one.metrics, _decimals(one), one.unit)
    if one.unit != "%":
        return text if _NOT_FINITE in text else f"{text} {one.unit}"
    mean, bracket, ends = text.partition(" (")
    return text if _NOT_FINITE in text else f"{mean}%{bracket}{ends}"


def _estimate(values: Sequence[float], decimals: int, unit: str = "") -> str:
    """Return a mean with its interval; where one is not finite no mean, since that of the others would flatter."""
    lost = sum(not isfinite(value) for value in values)
    if lost:
        return _NOT_FINITE + (f" in {lost} of {len(values)}" if len(values) > 1 else "")
    return format_estimate(estimate(values), decimals, percent_limits(unit))


def _number(value: float, one: Reached) -> str:
    return f"{value:,.{_decimals(one)}f}" if isfinite(value) else _NOT_FINITE


def _dataset(one: Reached) -> str:
    name = str(one.fields["dataset"])
    return FIELDS["dataset"].describe(name)


def _times(count: int) -> str:
    return "once" if count == 1 else "twice" if count == 2 else f"{count} times"
