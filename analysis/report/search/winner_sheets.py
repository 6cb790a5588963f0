"""The tables of a search's winner: its settings, and what each of its changes gained."""

from collections.abc import Sequence

from analysis.frames.search_frames import Goal
from analysis.report.search.ablation_path import TakenBack
from analysis.report.summary import Fact
from analysis.statistics.waterfall import Waterfall
from analysis.statistics.words import format_difference, format_estimate
from analysis.tables.captions import OVERLAP_WORDS, judging_words
from analysis.tables.sheet import Column, Sheet
from analysis.text import NO_VALUE, format_number, format_p, percent_limits
from tune_jobs.words import counted


def steps_sheet(path: Waterfall, goal: Goal) -> Sheet:
    """The path from the default to the winner, one change after another."""
    decimals, limits = goal.decimals(path.level), percent_limits(goal.unit)
    unit_words = goal.difference_unit
    unit, of = f" ({goal.unit})" if goal.unit else "", f" ({goal.difference_unit})" if goal.difference_unit else ""
    estimates = [format_estimate(path.start, decimals, limits) if path.start else path.ended]
    estimates += [format_estimate(s.after, decimals, limits) if s.after else s.ended for s in path.steps]
    return Sheet(
        "search-steps",
        "One change after another",
        (
            Column("Change", (path.label, *(step.label for step in path.steps)), "words"),
            Column(f"Validation {goal.label}{unit}", tuple(estimates)),
            Column(f"Gain{of}", ("", *(format_difference(step.gain, decimals) for step in path.steps))),
            Column("p (Holm)", ("", *(format_p(step.adjusted_p) for step in path.steps))),
            Column(
                f"Gain when it was chosen{of}, optimistic",
                ("", *(format_difference(step.seen, decimals) for step in path.steps)),
            ),
            Column("Verdict", ("", *(s.missing or s.verdict for s in path.steps))),
            Column("Note", ("", *(s.collapse for s in path.steps)), "note"),
        ),
        (
            f"Each line keeps the changes above it; the last line is the winner. {counted(path.n, 'fresh seed')}: "
            f"mean ± 95% Student-t interval, gains paired by seed. {judging_words('changes', path.margin, unit_words)} "
            "The order follows the gains with the seeds that chose it, which look better than "
            f"they are for that reason.{OVERLAP_WORDS}",
        ),
    )


def settings_sheet(winner: Sequence[Fact], default: Sequence[Fact]) -> Sheet:
    """The winner's settings, with the default where it differs.

    Args:
        winner: of `analysis.report.summary.settings`.
        default: the same for the default configuration.
    """
    before = {fact.name: fact.value for fact in default}
    differs = [before.get(fact.name, NO_VALUE) if before.get(fact.name) != fact.value else "" for fact in winner]
    return Sheet(
        "search-settings",
        "The winner's settings",
        (
            Column("Setting", tuple(fact.name for fact in winner), "words"),
            Column("Winner", tuple(fact.value for fact in winner), "words"),
            Column("Default, where it differs", tuple(differs), "words"),
        ),
    )


def back_sheet(found: Sequence[TakenBack], goal: Goal) -> Sheet:
    """What each change is worth in the winner."""
    known = [change.without.mean for change in found if change.without is not None]
    decimals, limits = goal.decimals(known[0] if known else 0.0), percent_limits(goal.unit)
    margin = next((one.comparison.margin for one in found if one.comparison is not None), None)
    unit, of = f" ({goal.unit})" if goal.unit else "", f" ({goal.difference_unit})" if goal.difference_unit else ""
    return Sheet(
        "search-back",
        "The winner without one of its changes",
        (
            Column("Change", tuple(change.label for change in found), "words"),
            Column(
                f"{goal.label} without it{unit}",
                tuple(format_estimate(c.without, decimals, limits) if c.without else c.ended for c in found),
            ),
            Column(f"Worth in the winner{of}", tuple(format_difference(change.worth, decimals) for change in found)),
            Column("p (Holm)", tuple(format_p(change.adjusted_p) for change in found)),
            Column("Verdict", tuple(change.ended or change.verdict for change in found)),
            Column("Note", tuple(change.collapse for change in found), "note"),
        ),
        (
            "Worth: the winner minus the winner without the change, paired by seed; above 0 the change makes the "
            f"winner better. {judging_words('changes', margin, goal.difference_unit)}"
            f"{OVERLAP_WORDS}",
        ),
    )


def tried_sheet(rows: Sequence[tuple[str, str, float | None, bool]], goal: Goal, seeds: int) -> Sheet:
    """The changes that were tried to find the order: step, change, mean, and whether it was taken."""
    unit = f" ({goal.unit})" if goal.unit else ""
    means = [NO_VALUE if mean is None else format_number(mean, goal.decimals(mean)) for _, _, mean, _ in rows]
    return Sheet(
        "search-tried",
        "How the order was found",
        (
            Column("Step", tuple(step for step, _, _, _ in rows)),
            Column("Change tried", tuple(change for _, change, _, _ in rows), "words"),
            Column(f"Validation {goal.label}{unit}", tuple(means)),
            Column("Taken", tuple("yes" if taken else "" for _, _, _, taken in rows), "words"),
        ),
        (
            f"Each step tried every remaining change with {counted(seeds, 'seed')} and took the best. These runs "
            "choose the order; they are no estimates.",
        ),
    )
