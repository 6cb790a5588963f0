"""What a search says of its parameters: their importance, ranges that end too soon, and factors that act together."""

from collections.abc import Mapping
from itertools import combinations
from typing import Any

import pandas as pd

from analysis.figures.effects import Bar, importance_figure
from analysis.frames.evidence import Evidence
from analysis.frames.search_frames import Goal
from analysis.report.search.path import replicate_values
from analysis.report.search.sheets import edges_sheet, importance_sheet, pairs_sheet, share_words
from analysis.report.section import Picture, Section
from analysis.statistics import edges as edge
from analysis.statistics.interaction import DEPENDS, Change, Interaction, interaction, interaction_words, judged
from tune_jobs.standing.search.follow_up import FollowUp, Pair
from tune_jobs.standing.search.importance import Importance, functional_anova
from tune_jobs.standing.search.points import Coded, coded
from tune_jobs.standing.search.state import State
from tune_jobs.study.model import PAIRS, Study, Table
from tune_jobs.study.space import Parameter
from tune_jobs.trial.config import FIELDS

# Of the pairs so many are shown, those with the largest shares.
_PAIRS = 6
# An out-of-bag R² below this is called little.
_LITTLE = 0.3


def importance_section(study: Study, state: State, goal: Goal) -> Section:
    """Return which parameters matter over the whole space, by a forest that is fitted to the trials."""
    data = coded(state)
    if data is None:
        words = "Too few trials have ended to say what matters: at least 10 are needed, with different results."
        return Section("search-importance", "What matters", [words])
    found = functional_anova(data.points, data.levels, data.values, seed=state.search.seed)
    by_share = sorted(found.mains, key=lambda effect: -effect.share)
    pairs = sorted(found.pairs, key=lambda effect: (not effect.shown, -effect.share))[:_PAIRS]
    pairs.sort(key=lambda effect: -effect.share)
    labels = _labels(study, state.search.space.names)
    bars = [
        Bar(labels[e.columns], e.share, e.low, e.high, e.null_high, len(e.columns) > 1) for e in (*by_share, *pairs)
    ]
    return Section(
        "search-importance",
        "What matters",
        _importance_words(found, data, labels, goal),
        sheets=[importance_sheet(found, [*by_share, *pairs], labels)],
        pictures=[Picture("search-importance", importance_figure(bars), _importance_caption(data, goal))],
    )


def _labels(study: Study, names: tuple[str, ...]) -> dict[tuple[int, ...], str]:
    single = [study.own.label(name) for name in names]
    labels: dict[tuple[int, ...], str] = {(column,): label for column, label in enumerate(single)}
    for first, second in combinations(range(len(names)), 2):
        labels[first, second] = f"{single[first]} × {single[second]}"
    return labels


def _importance_words(found: Importance, data: Coded, labels: Mapping[tuple[int, ...], str], goal: Goal) -> list[str]:
    head = (
        f"A forest was fitted to the ranks (as normal scores) of {found.n} trials by validation {goal.words} after "
        f"epoch {data.epoch}, the first at which all can be compared, and its variance over the whole space was split "
        "into what each parameter does alone and what two do together (functional ANOVA). Its out-of-bag R², on trials "
        "that a tree has not seen, is "
        f"{found.r_squared:.2f}."
    ).replace("-0.00", "0.00")
    if found.r_squared <= 0:
        return [
            head,
            "That is no better than predicting the mean: the forest has found nothing, and the shares below say "
            "nothing about what matters.",
        ]
    effects = sorted((*found.mains, *found.pairs), key=lambda effect: -effect.share)
    shown = [f"{labels[one.columns]} ({share_words(one.share)})" for one in effects if one.shown]
    little = (
        [f"That is little: {1 - found.r_squared:.0%} of what sets trials apart, the forest does not explain."]
        if found.r_squared < _LITTLE
        else []
    )
    words = (
        f"Above what noise reaches: {', '.join(shown)}. Of the rest nothing is shown."
        if shown
        else "No parameter and no pair is above what noise reaches: so many trials do not show what matters."
    )
    return [
        head,
        *little,
        words,
        "A share is one of the variance over all settings of the space, bad ones included: what separates good from "
        "very good may be something else, and what matters late in training may not show so early.",
    ]


def _importance_caption(data: Coded, goal: Goal) -> str:
    return (
        f"Shares of the variance of the validation {goal.words} after epoch {data.epoch} over the space, as a forest "
        "has it. Lines are 95% intervals over resamples of the trials; a bar within its grey band is what noise "
        "reaches too."
    )


def edges_section(study: Study, state: State, goal: Goal, frame: pd.DataFrame) -> Section | None:
    """Return the ranges whose good values lie at an end, with wider ones; None without ranges."""
    ranges = [parameter for parameter in state.search.space if not parameter.choices]
    if not ranges:
        return None
    finished = {one.number for one in state.finished if state.search.space.holds(one.values)}
    ended = frame[frame["number"].isin(finished)]
    scores = [goal.sign * state.final_score(one) for one in state.finished if one.number in finished]
    order = [one.number for one in state.finished if one.number in finished]
    trials = ended.set_index("number").loc[order, [one.name for one in ranges]].astype(float)
    trials["score"] = pd.Series(scores, index=order, dtype=float).replace([float("inf"), float("-inf")], float("nan"))
    found = edge.edges([_edge_parameter(study, one) for one in ranges], trials, higher_is_better=goal.higher_is_better)
    sheets = []
    if found:
        labels = {one.name: study.own.label(one.name) for one in ranges}
        sheets.append(edges_sheet(found, {one.parameter.name: _wider_yaml(one, state) for one in found}, labels))
    return Section("search-edges", "The edges of the space", _edge_words(found, len(trials), study), sheets=sheets)


def _edge_words(found: list[edge.Edge], trials: int, study: Study) -> list[str]:
    if trials < edge.FEWEST_TRIALS:
        return [
            f"{trials} trial{'s' * (trials != 1)} with a known end are too few to say whether a range ends too soon; "
            f"at least {edge.FEWEST_TRIALS} are needed."
        ]
    if not found:
        return [f"Of {trials} trials that reached their end, the best do not crowd at an end of any range."]
    names = ", ".join(f"{study.own.label(one.parameter.name)} ({one.side})" for one in found)
    return [
        f"Of {trials} trials that reached their end, the best crowd at an end of {names}: the best setting may lie "
        "beyond it. With a wider range the same command goes on from the trials of this search, all of which count; "
        "a larger budget lets it draw more."
    ]


def _wider_yaml(found: edge.Edge, state: State) -> str:
    """Return the wider range ready to paste, with the condition on which the parameter is read."""
    when = next(one.when for one in state.search.space if one.name == found.parameter.name)
    if not found.yaml or not when:
        return found.yaml
    conditions = ", ".join(f"{name}: {_choices(values)}" for name, values in when.items())
    return f"{found.yaml.removesuffix('}')}, when: {{{conditions}}}}}"


def _choices(values: tuple[Any, ...]) -> str:
    plain = [str(value).lower() if isinstance(value, bool) else str(value) for value in values]
    return plain[0] if len(plain) == 1 else f"[{', '.join(plain)}]"


def _edge_parameter(study: Study, one: Parameter) -> edge.Parameter:
    """Return a range with its field's own bounds; halfway to a bound that the field itself may not reach."""
    specs = study.own.specs(one.name) or ([FIELDS[one.name]] if one.name in FIELDS else [])
    lows = [(spec.at_least, spec.above) for spec in specs]
    highs = [(spec.at_most, spec.below) for spec in specs]
    return edge.Parameter(
        one.name,
        "range",
        one.low,
        one.high,
        log=one.log,
        integer=one.integer,
        hard_low=max((_bound(at, open_, one.low, one.integer) for at, open_ in lows), default=None, key=_low_first),
        hard_high=min((_bound(at, open_, one.high, one.integer) for at, open_ in highs), default=None, key=_high_last),
    )


def _bound(closed: float | None, opened: float | None, end: float, integer: bool) -> float | None:
    if closed is not None or opened is None:
        return closed
    return opened + (1 if opened < end else -1) if integer else (opened + end) / 2


def _low_first(bound: float | None) -> float:
    return float("-inf") if bound is None else bound


def _high_last(bound: float | None) -> float:
    return float("inf") if bound is None else bound


def pairs_of(evidence: Evidence, after: FollowUp, goal: Goal) -> list[tuple[Pair, Interaction]]:
    """Return the factorials that have a seed in all four cells, each with its pair."""
    found = []
    for pair in after.pairs:
        lines = _cells(evidence, pair, goal)
        there = lines[lines["value"].notna() | (lines["ended"] != "")]
        counts = there.groupby("seed")["cell"].nunique()
        if len(counts) and (counts == 4).any():
            changes = [_change(evidence.study, after, pair, place) for place in (0, 1)]
            own = interaction(lines, *changes, higher_is_better=goal.higher_is_better, unit=goal.unit)
            found.append((pair, own))
    done = judged([own for _, own in found])
    return [(pair, own) for (pair, _), own in zip(found, done, strict=True)]


def _cells(evidence: Evidence, pair: Pair, goal: Goal) -> pd.DataFrame:
    parts = []
    for position, row in evidence.rows_of(PAIRS):
        if row.labels[:2] == pair.factors:
            first, second = (int(label == "winner") for label in row.labels[2:])
            lines = replicate_values(evidence, position, goal)
            parts.append(lines.assign(first=first, second=second, cell=first + 2 * second))
    if not parts:
        return pd.DataFrame(columns=["seed", "value", "ended", "first", "second", "cell"])
    return pd.concat(parts, ignore_index=True)


def _change(study: Study, after: FollowUp, pair: Pair, place: int) -> Change:
    name = pair.factors[place]
    other, own = pair.other[place], study.own
    return Change(
        own.label(name),
        ", ".join(own.describe(field, value) for field, value in other.items()),
        own.describe(name, after.winner_sets[name]),
    )


def pairs_section(evidence: Evidence, after: FollowUp, goal: Goal) -> Section | None:
    """Return the factorials of the pairs that seemed to act together; None where none is run."""
    if not after.pairs:
        return None
    found = pairs_of(evidence, after, goal)
    words = [
        "The pairs to which the forest gives the largest shares are crossed: the winner's level of each factor and "
        "another one, all else being the winner's, with seeds that chose nothing."
    ]
    left = len(after.pairs) - len(found)
    if left:
        words.append(f"{left} of {len(after.pairs)} pairs have not been run in all four cells yet.")
    for _, one in found:
        decimals = goal.decimals(next((cell.mean for cell in one.cells.values() if cell is not None), 0.0))
        sentence = interaction_words(one, decimals=decimals).replace("`", "")
        words.append(f"{sentence[0].upper()}{sentence[1:]}.")
    sheets = [pairs_sheet([one for _, one in found], goal)] if found else []
    return Section("search-pairs", "Factors that act together", words, sheets=sheets)


def dependence_words(table: Table, evidence: Evidence, goal: Goal) -> list[str]:
    """Return a warning for each factor that a one-factor table's conclusion was shown to depend on."""
    after, own = evidence.standing.follow_up, evidence.study.own
    if after is None or table.crossed:
        return []
    varied = {name for level in table.levels for name in level.values}
    words = []
    for pair, one in pairs_of(evidence, after, goal):
        for factor, other in (pair.factors, pair.factors[::-1]):
            if one.verdict == DEPENDS and factor in varied and other not in varied:
                words.append(
                    f"What this table says of {own.label(factor)} depends on {own.label(other)}, which it holds fixed: "
                    "the factorial after the search shows that the two act together (see “Factors that act together”)."
                )
    return words
