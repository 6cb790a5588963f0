"""The results of configurations on a sealed test set, and how often it was opened."""

from collections.abc import Sequence
from math import isfinite

from analysis.statistics.intervals import estimate
from analysis.statistics.words import format_estimate, format_with_unit
from analysis.tables.sheet import Column, Sheet
from analysis.text import within_sentence
from tune_jobs.ledger.test_openings import Opening, Reached
from tune_jobs.trial.config import FIELDS, METRIC_SPECS
from tune_jobs.words import counted

_NOT_FINITE = "not finite"
_ROLES = {"declared": "declared", "chosen": "chosen by validation"}


def in_words(opening: Opening) -> list[str]:
    """A line for each configuration that was tested when the test set was opened."""
    lines = []
    for tested in opening.tested:
        count = len(set(tested.data))
        where = next(iter(tested.data)) if count == 1 else f"{count} test sets of {_dataset(tested)}"
        lines.append(
            f"{tested.final}, {_roles(tested)} ({tested.label}): test {_metric(tested)} {_reached(tested)}, "
            f"n = {len(tested.seeds)}, {where}"
        )
    return lines


def tested_sheet(final: str, openings: Sequence[Opening]) -> Sheet | None:
    """The test results of a final configuration and of its rival that validation chose; None where it has none.

    Args:
        final: the configuration's name.
        openings: of the study, in order of time; the last one with numbers is shown.
    """
    tested: list[Reached] = []
    for opening in reversed(openings):
        tested = [reached for reached in opening.tested if reached.final == final] if opening.finished else []
        if tested:
            break
    else:
        return None
    unit = f" ({tested[0].unit})" if tested[0].unit else ""
    return Sheet(
        f"{final}-test",
        "On the sealed test set",
        (
            Column("Configuration", tuple(f"{row.label} ({_roles(row)})" for row in tested), "words"),
            Column(f"Test {METRIC_SPECS[tested[0].metric].label}{unit}", tuple(_reached(row) for row in tested)),
            *_loss_column(tested),
            Column("n", tuple(str(len(row.seeds)) for row in tested)),
            Column("Each replicate", tuple(", ".join(_number(v, row) for v in row.metrics) for row in tested), "words"),
        ),
        (f"Opened {opening.opened_at[:16].replace('T', ' ')} UTC.", "Mean ± 95% Student-t interval over replicates."),
    )


def _loss_column(tested: Sequence[Reached]) -> list[Column]:
    """The test loss; the `evaluate` of a user's training function gives none."""
    if all(row.fields.get("trainer") for row in tested):
        return []
    return [Column("Test Loss", tuple(_estimate(row.losses, 4) for row in tested))]


def openings_in_words(study: str, openings: Sequence[Opening], *, evaluate: str = "ablatune evaluate") -> list[str]:
    """Say how often the test sets of a study were opened: by the study, and by all studies in the ledger.

    Args:
        study: its name.
        openings: of all studies in the ledger.
        evaluate: the command that opens the study's.
    """
    of_study = [opening for opening in openings if opening.study == study]
    if not of_study:
        return [f"This study has not opened its test set; `{evaluate}` opens it, once."]
    names = sorted({tested.fields["dataset"] for opening in of_study for tested in opening.tested})
    by_all = sum(opening in of_study or _same_test_set(opening, of_study) for opening in openings)
    words = (
        f"Test sets of {', '.join(names)} were opened {_times(len(of_study))} by this study, {_times(by_all)} by all "
        "studies in this ledger."
    )
    if len(of_study) > 1:
        words += " Each opening after the first makes these numbers less of a test."
    if any(len(set(tested.data)) > 1 for opening in of_study for tested in opening.tested):
        words += (
            " Each replicate has its own test split here, and its test rows are development rows of the others: a "
            "configuration chosen by validation over all replicates was chosen with knowledge of them; a configuration "
            "declared beforehand was not."
        )
    unfinished = sum(not opening.finished for opening in of_study)
    return [words, f"{counted(unfinished, 'opening')} ended without numbers."] if unfinished else [words]


def openings_count(study: str, openings: Sequence[Opening]) -> str | None:
    """Say how often a study opened its test set: "The test set was opened once"; None where it never did.

    Args:
        study: its name.
        openings: of all studies in the ledger.
    """
    of_study = [opening for opening in openings if opening.study == study]
    if not of_study:
        return None
    by_all = sum(opening in of_study or _same_test_set(opening, of_study) for opening in openings)
    others = f" ({_times(by_all)} by all studies of this ledger)" if by_all > len(of_study) else ""
    return f"The test set was opened {_times(len(of_study))}{others}"


def reached_words(reached: Reached) -> str:
    """What a configuration reached: "Final configuration has a test accuracy of 97.13 ± 1.05% (n = 3)"."""
    return f"{reached.label} has a test {_metric(reached)} of {_reached(reached)} (n = {len(reached.seeds)})"


def _same_test_set(opening: Opening, others: Sequence[Opening]) -> bool:
    """Whether an opening shares a test set with others: by fingerprints, or by names where it ended without any."""
    if opening.test_sets:
        return bool({mark for other in others for mark in other.test_sets.values()} & set(opening.test_sets.values()))
    return bool({name for other in others for name in other.data} & opening.data)


def _roles(reached: Reached) -> str:
    return " and ".join(_ROLES.get(role, role) for role in reached.roles)


def _metric(reached: Reached) -> str:
    label = METRIC_SPECS[reached.metric].label
    if reached.fields.get("trainer"):
        return within_sentence(label)
    return label if label.isupper() else reached.metric


def _decimals(reached: Reached) -> int:
    size = max((abs(value) for value in reached.metrics if isfinite(value)), default=0.0)
    return 2 if reached.unit == "%" else 0 if size >= 1000 else 3


def _reached(reached: Reached) -> str:
    return _lost(reached.metrics) or format_with_unit(estimate(reached.metrics), _decimals(reached), reached.unit)


def _estimate(values: Sequence[float], decimals: int) -> str:
    return _lost(values) or format_estimate(estimate(values), decimals)


def _lost(values: Sequence[float]) -> str:
    """Say how many values are not finite: there is no mean then, the mean of the others would look too good."""
    lost = sum(not isfinite(value) for value in values)
    if not lost:
        return ""
    return _NOT_FINITE + (f" in {lost} of {len(values)}" if len(values) > 1 else "")


def _number(value: float, reached: Reached) -> str:
    return f"{value:,.{_decimals(reached)}f}" if isfinite(value) else _NOT_FINITE


def _dataset(reached: Reached) -> str:
    return FIELDS["dataset"].describe(str(reached.fields["dataset"]))


def _times(count: int) -> str:
    return "once" if count == 1 else "twice" if count == 2 else f"{count} times"
