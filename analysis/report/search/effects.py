"""What a search says about its parameters: their importance, ranges that may end too soon, and interactions."""

from collections.abc import Mapping
from itertools import combinations
from typing import Any

import pandas as pd

from analysis.figures.effects import Bar, importance_figure
from analysis.frames.evidence import Evidence
from analysis.frames.search_frames import Goal
from analysis.report.search.ablation_path import compared_values, goal_measure
from analysis.report.search.effect_sheets import edges_sheet, importance_sheet, pairs_sheet, share_words
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
from tune_jobs.trial.fields import scalar_words
from tune_jobs.words import counted

# How many pairs are shown: those with the largest shares.
_PAIRS = 6
# Below this out-of-bag R² the report warns that the forest explains little.
_LITTLE = 0.3


def importance_section(study: Study, state: State, goal: Goal) -> Section:
    """Which parameters matter over the whole space, by a forest fitted to the trials."""
    data = coded(state)
    if data is None:
        words = "Too few trials have ended to say what matters: at least 10 with different results are needed."
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
    drawn = f", drawn from {data.known:,}," if data.known > found.n else ""
    head = (
        f"A random forest was fitted to the ranks (as normal scores) of {found.n} trials{drawn} by validation "
        f"{goal.words} after epoch {data.epoch}, the first epoch at which all of them can be compared. Its variance "
        "over the whole space was split into the effects of single parameters and of pairs (functional ANOVA). Its "
        f"out-of-bag R², on trials that a tree has not seen, is {found.r_squared:.2f}."
    ).replace("-0.00", "0.00")
    if found.r_squared <= 0:
        return [
            head,
            "That is no better than predicting the mean: the forest has learnt nothing, and the shares below say "
            "nothing about what matters.",
        ]
    effects = sorted((*found.mains, *found.pairs), key=lambda effect: -effect.share)
    shown = [f"{labels[effect.columns]} ({share_words(effect.share)})" for effect in effects if effect.shown]
    little = (
        [f"That is little: the forest does not explain {1 - found.r_squared:.0%} of the differences between trials."]
        if found.r_squared < _LITTLE
        else []
    )
    words = (
        f"Above the level of noise: {', '.join(shown)}. No other effect is shown."
        if shown
        else "No parameter and no pair is above the level of noise: this many trials do not show what matters."
    )
    return [
        head,
        *little,
        words,
        "A share is part of the variance over all settings in the space, bad ones included. What separates good "
        "settings from very good ones may be something else, and what matters late in training may not show at this "
        "epoch.",
    ]


def _importance_caption(data: Coded, goal: Goal) -> str:
    return (
        f"Shares of the variance of the validation {goal.words} after epoch {data.epoch} over the space, according to "
        "the forest. Lines are 95% intervals over resamples of the trials; a bar inside its grey band is no larger "
        "than noise can produce."
    )


def edges_section(study: Study, state: State, goal: Goal, frame: pd.DataFrame) -> Section | None:
    """The ranges whose good values lie at an end, each with a wider range; None without ranges."""
    ranges = [parameter for parameter in state.search.space if not parameter.choices]
    if not ranges:
        return None
    finished = [trial for trial in state.finished if state.search.space.holds(trial.values)]
    order = [trial.number for trial in finished]
    scores = [goal.sign * state.final_score(trial) for trial in finished]
    trials = frame.set_index("number").loc[order, [parameter.name for parameter in ranges]].astype(float)
    trials["score"] = pd.Series(scores, index=order, dtype=float).replace([float("inf"), float("-inf")], float("nan"))
    found = edge.edges([_edge_parameter(study, one) for one in ranges], trials, higher_is_better=goal.higher_is_better)
    sheets = []
    if found:
        labels = {one.name: study.own.label(one.name) for one in ranges}
        sheets.append(edges_sheet(found, {one.parameter.name: _wider_yaml(one, state) for one in found}, labels))
    return Section("search-edges", "The ends of the ranges", _edge_words(found, len(trials), study), sheets=sheets)


def _edge_words(found: list[edge.Edge], trials: int, study: Study) -> list[str]:
    if trials < edge.FEWEST_TRIALS:
        return [
            f"{counted(trials, 'trial')} at full length cannot show whether a range ends too soon; at least "
            f"{edge.FEWEST_TRIALS} are needed."
        ]
    if not found:
        return [f"Of {trials} trials at full length, the best do not crowd at an end of any range."]
    names = ", ".join(f"{study.own.label(end.parameter.name)} ({end.side})" for end in found)
    return [
        f"Of {trials} trials at full length, the best crowd at an end of {names}: the best setting may lie beyond it. "
        "With a wider range, the same command continues from the trials of this search, which all count; a larger "
        "budget lets it draw more."
    ]


def _wider_yaml(found: edge.Edge, state: State) -> str:
    """The wider range, ready to paste, with the condition under which the parameter is used."""
    when = next(one.when for one in state.search.space if one.name == found.parameter.name)
    if not found.yaml or not when:
        return found.yaml
    conditions = ", ".join(f"{name}: {_choices(values)}" for name, values in when.items())
    return f"{found.yaml.removesuffix('}')}, when: {{{conditions}}}}}"


def _choices(values: tuple[Any, ...]) -> str:
    plain = [scalar_words(value) for value in values]
    return plain[0] if len(plain) == 1 else f"[{', '.join(plain)}]"


def _edge_parameter(study: Study, one: Parameter) -> edge.Parameter:
    """A range with the bounds of its field; halfway to a bound that the field itself must not reach."""
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
        step=one.step,
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
    """The factorials that have a seed in all four cells, each with its pair."""
    found, measure = [], goal_measure(evidence, PAIRS, goal)
    for pair in after.pairs:
        lines = _cells(evidence, pair, goal)
        there = lines[lines["value"].notna() | (lines["ended"] != "")]
        counts = there.groupby("seed")["cell"].nunique()
        if len(counts) and (counts == 4).any():
            changes = [_change(evidence.study, after, pair, place) for place in (0, 1)]
            found.append((pair, interaction(lines, changes[0], changes[1], measure)))
    corrected = judged([tested for _, tested in found], measure)
    return [(pair, tested) for (pair, _), tested in zip(found, corrected, strict=True)]


def _cells(evidence: Evidence, pair: Pair, goal: Goal) -> pd.DataFrame:
    parts = []
    for position, row in evidence.rows_of(PAIRS):
        if row.labels[:2] == pair.factors:
            first, second = (int(label == "winner") for label in row.labels[2:])
            lines = compared_values(evidence, position, goal)
            parts.append(lines.assign(first=first, second=second, cell=first + 2 * second))
    if not parts:
        return pd.DataFrame(columns=["seed", "value", "ended", "one_class", "first", "second", "cell"])
    return pd.concat(parts, ignore_index=True)


def _change(study: Study, after: FollowUp, pair: Pair, place: int) -> Change:
    name = pair.factors[place]
    return Change(
        study.own.label(name),
        ", ".join(study.own.describe(field, value) for field, value in pair.other[place].items()),
        study.own.describe(name, after.winner_sets[name]),
    )


def pairs_section(evidence: Evidence, after: FollowUp, goal: Goal) -> Section | None:
    """The factorials of the pairs that seemed to interact; None where the study runs none."""
    if not after.pairs:
        return None
    found = pairs_of(evidence, after, goal)
    words = [
        "The pairs with the largest shares in the forest are crossed: the winner's level of each factor and another "
        "level, with all other settings from the winner and with fresh seeds."
    ]
    left = len(after.pairs) - len(found)
    if left:
        words.append(f"{left} of {len(after.pairs)} pairs have not been run in all four cells yet.")
    for _, one in found:
        decimals = goal.decimals(next((cell.mean for cell in one.cells.values() if cell is not None), 0.0))
        sentence = interaction_words(one, decimals=decimals).replace("`", "")
        words.append(f"{sentence[0].upper()}{sentence[1:]}.")
    sheets = [pairs_sheet([one for _, one in found], goal)] if found else []
    return Section("search-pairs", "Interactions", words, sheets=sheets)


def dependence_words(table: Table, evidence: Evidence, goal: Goal) -> list[str]:
    """A warning for each factor on which the conclusion of a one-factor table was shown to depend."""
    after, study = evidence.standing.follow_up, evidence.study
    if after is None or table.crossed:
        return []
    varied = {name for level in table.levels for name in level.values}
    words = []
    for pair, tested in pairs_of(evidence, after, goal):
        for factor, other in (pair.factors, pair.factors[::-1]):
            if tested.verdict == DEPENDS and factor in varied and other not in varied:
                words.append(
                    f"What this table says about {study.own.label(factor)} depends on {study.own.label(other)}, which "
                    "it keeps fixed: the factorial after the search shows that the two interact (see “Interactions”)."
                )
    return words
