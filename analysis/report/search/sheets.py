"""The tables of a search's report: its space, its best trials, what the rungs cost, and what each change is worth."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from analysis.frames.search_frames import Goal
from analysis.report.search.path import TakenBack
from analysis.report.summary import Fact
from analysis.statistics.audit import Audit, Interval
from analysis.statistics.edges import LOW, Edge
from analysis.statistics.interaction import Change, Interaction
from analysis.statistics.intervals import SIGNIFICANCE, Difference
from analysis.statistics.waterfall import Waterfall
from analysis.statistics.words import format_estimate
from analysis.tables.sheet import Column, Sheet
from analysis.text import NO_VALUE, format_number, percent_limits
from tune_jobs.standing.search.importance import Effect, Importance
from tune_jobs.standing.search.state import State
from tune_jobs.study.model import Study
from tune_jobs.study.space import Parameter

_BEST = 10
_DIGITS = 3


def value_words(study: Study, name: str, value: Any) -> str:
    """Return a value of a field in three digits, as a person reads it."""
    return f"{value:.{_DIGITS}g}" if isinstance(value, float) else study.own.describe(name, value)


def changes_words(study: Study, values: Mapping[str, Any], default: Mapping[str, Any]) -> str:
    """Return what values change of the default, in words; "the default" where they change nothing."""
    words = [
        f"{study.own.label(name)} {value_words(study, name, value)}"
        for name, value in values.items()
        if default.get(name) != value
    ]
    return ", ".join(words) or "the default"


def space_sheet(study: Study, state: State, default: Mapping[str, Any]) -> Sheet:
    """Return what was searched: each parameter with its range or choices."""
    space = list(state.search.space)
    own = study.own
    return Sheet(
        "search-space",
        "The space",
        (
            Column("Parameter", tuple(own.label(one.name) for one in space), "words"),
            Column("Range or choices", tuple(_range_words(study, one) for one in space), "words"),
            Column("Scale", tuple(_scale_words(one) for one in space), "words"),
            Column("Read only with", tuple(_when_words(study, one) for one in space), "words"),
            Column(
                "Default",
                tuple(
                    value_words(study, one.name, default[one.name]) if default.get(one.name) is not None else NO_VALUE
                    for one in space
                ),
                "words",
            ),
        ),
    )


def _range_words(study: Study, one: Parameter) -> str:
    if one.choices:
        return ", ".join(study.own.describe(one.name, choice) for choice in one.choices)
    unit = study.own.unit(one.name)
    return f"{one.low:g} to {one.high:g} {unit}".rstrip()


def _scale_words(one: Parameter) -> str:
    if one.choices:
        return "choice"
    return ("logarithmic" if one.log else "linear") + (", whole numbers" if one.integer else "")


def _when_words(study: Study, one: Parameter) -> str:
    return "; ".join(
        f"{study.own.label(parent)} {' or '.join(study.own.describe(parent, value) for value in values)}"
        for parent, values in one.when.items()
    )


def best_sheet(study: Study, state: State, frame: pd.DataFrame, goal: Goal, default: Mapping[str, Any]) -> Sheet:
    """Return the best trials of which the full length is known, the best first; all are read there."""
    best = state.best(_BEST)
    lines = [frame[frame["number"] == one.number].iloc[0] for one in best]
    scores = [goal.sign * state.final_score(one) for one in best]
    unit = f" ({goal.unit})" if goal.unit else ""
    return Sheet(
        "search-best",
        "The best trials" if len(best) > 1 else "The best trial",
        (
            Column("Trial", tuple(str(line["name"]).removeprefix("Trial ") for line in lines)),
            Column("Changes of the default", tuple(changes_words(study, one.values, default) for one in best), "words"),
            Column(
                f"Validation {goal.label}{unit}",
                tuple(format_number(score, goal.decimals(score)) for score in scores),
            ),
            Column("Epoch", tuple(str(one.ending(state.search.read)[1]) for one in best)),
            Column("How it ended", tuple(_ended_words(line) for line in lines), "words"),
        ),
        (
            "One run of each, with weights of seed 0, read at "
            f"{'its last epoch' if state.search.read == 'last' else 'its best epoch'}; the best of many single runs "
            "flatters. All trials, with all digits, are in search.csv.",
        ),
    )


def _ended_words(line: "pd.Series[Any]") -> str:
    return f"{line['ended']}; let finish by the audit" if line["audited"] else str(line["ended"])


def trials_csv(frame: pd.DataFrame) -> pd.DataFrame:
    """Return all trials as numbers, in the order of drawing: how far each got, and why it stopped."""
    ordered = frame.sort_values("number").drop(columns=["name", "fate"])
    return ordered.rename(
        columns={
            "number": "trial",
            "source": "drawn_by",
            "ended": "how_it_ended",
            "stopped_at": "stopped_at_epoch",
            "rank": "rank_at_rung",
            "rank_of": "reached_rung",
            "value": "validation_after_epochs",
            "final": "validation_at_full_length",
            "train_seconds": "train_seconds_of_epochs",
            "search_seconds": "ended_after_search_seconds",
        }
    )


def audit_sheet(found: Audit, goal: Goal) -> Sheet:
    """Return the audit by rung, and in all."""
    rungs = [*found.rungs, *([found.total] if len(found.rungs) > 1 else [])]
    return Sheet(
        "search-audit",
        "What the rungs stopped",
        (
            Column("After epoch", tuple("all" if r.epoch is None else str(r.epoch) for r in rungs), "words"),
            Column("Arrived", tuple(str(r.arrived) for r in rungs)),
            Column("Stopped", tuple(str(r.stopped) for r in rungs)),
            Column("Audited", tuple(str(r.audited) for r in rungs)),
            Column("of these better", tuple(str(r.beating) if r.audited else NO_VALUE for r in rungs)),
            Column("of all stopped", tuple(_span(r.would_beat, 0) for r in rungs)),
            Column("Rank correlation", tuple(_span(r.correlation, 2) for r in rungs)),
            Column(
                f"Loss seen ({goal.difference_unit})" if goal.difference_unit else "Loss seen",
                tuple(NO_VALUE if r.loss is None else format_number(r.loss, goal.decimals(r.loss)) for r in rungs),
            ),
            Column("Saved epochs", tuple(format_number(r.saved_epochs, 0) for r in rungs)),
            Column("Saved time (s)", tuple(format_number(r.saved_seconds, 0) for r in rungs)),
        ),
        (
            "Better: than the best survivor at full length; of all stopped, it is an estimate with the 95% interval of "
            "this number in this search. Rank correlation: of the value at the rung with the one at full length, with "
            "its 95% interval. Loss seen: by how much the best audited trial was better than the best survivor. Saved "
            "is before the audit; time is estimated from each trial's own epochs.",
        ),
    )


def _span(value: Interval | None, decimals: int) -> str:
    if value is None:
        return NO_VALUE
    mean = format_number(value.value, decimals if decimals else int(value.value != round(value.value)))
    return f"{mean} ({format_number(value.low, decimals)} to {format_number(value.high, decimals)})"


def importance_sheet(found: Importance, effects: Sequence[Effect], labels: Mapping[tuple[int, ...], str]) -> Sheet:
    """Return the shares of the variance, in the order given.

    Args:
        found: of `functional_anova`.
        effects: those that are shown.
        labels: of each effect, by its columns.
    """
    left = len(found.mains) + len(found.pairs) - len(effects)
    rest = f" {left} further pair{'s' * (left != 1)} with smaller shares are left out." if left else ""
    return Sheet(
        "search-importance",
        "Shares of the forest's variance",
        (
            Column("Parameter", tuple(labels[effect.columns] for effect in effects), "words"),
            Column("Share (%)", tuple(_percent(effect.share) for effect in effects)),
            Column("95% interval", tuple(f"{_percent(e.low)} to {_percent(e.high)}" for e in effects)),
            Column("Null band up to", tuple(_percent(effect.null_high) for effect in effects)),
            Column("p", tuple(p_words(effect.p_value) for effect in effects)),
            Column(
                "Verdict",
                tuple("above the null band" if effect.shown else "not shown" for effect in effects),
                "words",
            ),
        ),
        (
            f"Effects of three or more together: {_percent(found.rest)}%.{rest} Intervals: {found.resamples} "
            f"resamples of the trials; null bands and p values, corrected over all effects of a kind: "
            f"{found.permutations} permutations. A pair counts beyond what either does alone.",
        ),
    )


def _percent(share: float) -> str:
    return format_number(100 * share, 1)


def share_words(share: float) -> str:
    """Return a share in percent, never one above nothing as nothing."""
    return "< 0.1%" if 0 < share < 0.0005 else f"{_percent(share)}%"


def p_words(p_value: float | None) -> str:
    """Return a p value, or a dash."""
    if p_value is None:
        return NO_VALUE
    return "< 0.001" if p_value < 0.001 else f"{p_value:.3f}"


def gain_words(gain: Difference | None, decimals: int) -> str:
    """Return a gain with its sign and interval, or a dash."""
    if gain is None:
        return NO_VALUE
    number = ("+" if gain.mean > 0 else "") + format_number(gain.mean, decimals)
    if gain.half_width is None:
        return f"{number} in every pair" if gain.n > 1 else number
    return f"{number} ± {format_number(gain.half_width, decimals)}"


def steps_sheet(path: Waterfall, goal: Goal) -> Sheet:
    """Return the way from the default to the winner, one change after another."""
    decimals, limits = goal.decimals(path.level), percent_limits(goal.unit)
    unit, of = f" ({goal.unit})" if goal.unit else "", f" ({goal.difference_unit})" if goal.difference_unit else ""
    estimates = [format_estimate(path.start, decimals, limits) if path.start else path.ended]
    estimates += [format_estimate(s.after, decimals, limits) if s.after else s.ended for s in path.steps]
    return Sheet(
        "search-steps",
        "One change after another",
        (
            Column("Change", (path.label, *(step.label for step in path.steps)), "words"),
            Column(f"Validation {goal.label}{unit}", tuple(estimates)),
            Column(f"Gain{of}", ("", *(gain_words(step.gain, decimals) for step in path.steps))),
            Column("p (Holm)", ("", *(p_words(step.adjusted_p) for step in path.steps))),
            Column(f"Gain that ordered it{of}", ("", *(gain_words(step.seen, decimals) for step in path.steps))),
            Column("Verdict", ("", *(s.ended or s.verdict for s in path.steps))),
            Column("Note", ("", *(s.scatter for s in path.steps)), "note"),
        ),
        (
            f"Each line keeps the changes above it; the last is the winner. {_seeds(path.n)} that chose nothing: mean "
            f"± 95% Student-t interval, gains paired by seed. Verdicts hold at {SIGNIFICANCE:.0%} after Holm's "
            "correction over the changes; “not shown”: the data can show neither gain nor loss. The order follows the "
            "gains that the choosing seeds showed, which are therefore flattered.",
        ),
    )


def settings_sheet(winner: Sequence[Fact], default: Sequence[Fact]) -> Sheet:
    """Return what the winner sets, beside the default where that is other.

    Args:
        winner: of `analysis.report.summary.settings`.
        default: the same, of the default configuration.
    """
    other = {fact.name: fact.value for fact in default}
    differs = [other.get(fact.name, NO_VALUE) if other.get(fact.name) != fact.value else "" for fact in winner]
    return Sheet(
        "search-settings",
        "The winner's settings",
        (
            Column("Setting", tuple(fact.name for fact in winner), "words"),
            Column("Winner", tuple(fact.value for fact in winner), "words"),
            Column("Default, where it differs", tuple(differs), "words"),
        ),
    )


def edges_sheet(found: Sequence[Edge], ranges: Mapping[str, str], labels: Mapping[str, str]) -> Sheet:
    """Return the ranges at an edge, each with a wider one to paste into the study.

    Args:
        found: of `analysis.statistics.edges.edges`.
        ranges: by parameter, the wider range as YAML.
        labels: of the parameters.
    """
    return Sheet(
        "search-edges",
        "Ranges that may end too soon",
        (
            Column("Parameter", tuple(labels[one.parameter.name] for one in found), "words"),
            Column("End", tuple(f"{one.side}, {_end(one):g}" for one in found)),
            Column("Best trial", tuple(f"{one.best:.{_DIGITS}g}" for one in found)),
            Column("Median of the top", tuple(f"{one.top_median:.{_DIGITS}g} of {one.top}" for one in found)),
            Column("p (Holm)", tuple(p_words(one.adjusted_p) for one in found)),
            Column(
                "In the study's space, write",
                tuple(ranges[one.parameter.name] or "the field's own bound: nothing to widen" for one in found),
                "words",
            ),
        ),
        (
            "p: of the top trials lying no nearer to this end than the others do, corrected over both ends of all "
            "ranges.",
        ),
    )


def _end(one: Edge) -> float:
    return one.parameter.low if one.side == LOW else one.parameter.high


def back_sheet(found: Sequence[TakenBack], goal: Goal) -> Sheet:
    """Return what each change is worth in the winner."""
    known = [one.without.mean for one in found if one.without is not None]
    decimals, limits = goal.decimals(known[0] if known else 0.0), percent_limits(goal.unit)
    unit, of = f" ({goal.unit})" if goal.unit else "", f" ({goal.difference_unit})" if goal.difference_unit else ""
    return Sheet(
        "search-back",
        "The winner with one change taken back",
        (
            Column("Change", tuple(one.label for one in found), "words"),
            Column(
                f"{goal.label} without it{unit}",
                tuple(format_estimate(o.without, decimals, limits) if o.without else o.ended for o in found),
            ),
            Column(f"Worth in the winner{of}", tuple(gain_words(one.worth, decimals) for one in found)),
            Column("p (Holm)", tuple(p_words(one.adjusted_p) for one in found)),
            Column("Verdict", tuple(one.ended or one.verdict for one in found)),
        ),
        (
            "Worth: the winner less the winner without the change, paired by seed, above 0 where the change makes it "
            f"better. Verdicts hold at {SIGNIFICANCE:.0%} after Holm's correction over the changes.",
        ),
    )


def tried_sheet(rows: Sequence[tuple[str, str, float | None, bool]], goal: Goal, seeds: int) -> Sheet:
    """Return what was tried to find the order: step, change, mean, and whether it was taken."""
    unit = f" ({goal.unit})" if goal.unit else ""
    means = [NO_VALUE if mean is None else format_number(mean, goal.decimals(mean)) for _, _, mean, _ in rows]
    return Sheet(
        "search-tried",
        "How the order was found",
        (
            Column("Step", tuple(step for step, _, _, _ in rows)),
            Column("Change that was tried", tuple(change for _, change, _, _ in rows), "words"),
            Column(f"Validation {goal.label}{unit}", tuple(means)),
            Column("Taken", tuple("yes" if taken else "" for _, _, _, taken in rows), "words"),
        ),
        (
            f"At each step every change that was left was tried with {seeds} seed{'s' * (seeds != 1)}, and the best "
            "was taken. These runs order the steps; they estimate nothing.",
        ),
    )


def pairs_sheet(found: Sequence[Interaction], goal: Goal) -> Sheet:
    """Return the factorials: the gain of the first change with and without the second."""
    cells = [own.mean for one in found for own in one.cells.values() if own is not None]
    decimals = goal.decimals(cells[0] if cells else 0.0)
    of = f" ({goal.difference_unit})" if goal.difference_unit else ""
    return Sheet(
        "search-pairs",
        "Does a gain depend on another factor?",
        (
            Column("First change", tuple(_change(one.first) for one in found), "words"),
            Column("Second change", tuple(_change(one.second) for one in found), "words"),
            Column(f"Gain with second{of}", tuple(gain_words(one.beside, decimals) for one in found)),
            Column(f"Gain without{of}", tuple(gain_words(one.without, decimals) for one in found)),
            Column(f"They differ by{of}", tuple(gain_words(one.contrast, decimals) for one in found)),
            Column("p (Holm)", tuple(p_words(one.adjusted_p) for one in found)),
            Column("Verdict", tuple(one.verdict for one in found), "words"),
            Column("Note", tuple(_joined(one.ended, one.scatter).replace("`", "") for one in found), "note"),
        ),
        (
            "All else is the winner's; gains are those of the first change, with the second made and without it. They "
            "are paired by seed, with 95% Student-t intervals; verdicts hold at "
            f"{SIGNIFICANCE:.0%} after Holm's correction over the pairs.",
        ),
    )


def _change(change: Change) -> str:
    return f"{change.name}: {change.before} → {change.after}"


def _joined(*words: str) -> str:
    return "; ".join(word for word in words if word)


def _seeds(n: int) -> str:
    return f"{n} seed{'s' * (n != 1)}"
