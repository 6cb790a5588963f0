"""The lines of a table compared with its default: which replicates, read how, and within which margin."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analysis.frames.collapse import one_class
from analysis.statistics.collapse import Marks, find_collapsed
from analysis.statistics.comparisons import Comparison, Pairs, default_margin
from analysis.statistics.selection import flattery
from analysis.statistics.sequential import Decision, decide
from tune_jobs.study.model import READS, Table
from tune_jobs.study.rows import Row, training_overlap
from tune_jobs.trial.config import METRIC_SPECS
from tune_jobs.trial.data import validation_rows

# The metric that a table shows, and that by which its levels are compared.
COMPARED, FAIR = "validation_metric", "fair_metric"
# Metrics that are the root of a mean square.
ROOTS = ("rmse",)


# The claim where some replicates were trained elsewhere.
ELSEWHERE = "elsewhere"


@dataclass(frozen=True)
class Judging:
    """How a table's levels are judged.

    Attributes:
        collapsed: the seeds of each line that collapsed, by the line's position.
        claim: what the numbers are about, one of `tune_jobs.study.model.CLAIMS`, or ELSEWHERE.
        margin: within which a difference is none for practical purposes; None where that is not known.
        declared: whether the study declares the margin.
        rows: of the default's validation part; None without a default.
        looks: numbers of seeds at which levels are decided; none for a fixed number of seeds.
        read: "last" or "best": the epoch that the default shows.
        flattery: by how much the best of as many equal levels looks too good; None where that is not known.
    """

    collapsed: Mapping[int, frozenset[int]]
    claim: str
    margin: float | None = None
    declared: bool = False
    rows: int | None = None
    flattery: float | None = None
    looks: Sequence[int] = ()
    read: str = "last"


def judging(
    table: Table, rows: Sequence[tuple[int, Row]], shown: Mapping[int, pd.DataFrame], looks: Sequence[int] = ()
) -> Judging:
    """Work out how the levels of a table are judged.

    Args:
        table: of the study.
        rows: its rows, each with its position among all rows of the study.
        shown: the lines of the trials frame by the row's position.
        looks: numbers of seeds at which levels are decided. The margin is that of the first, and does not move.
    """
    moves = any(row.moves for _, row in rows)
    claim = table.showing.claims or ("population" if moves else "split")
    if any(shown[position]["elsewhere"].any() for position, _ in rows):
        claim = ELSEWHERE
    built = [(position, row) for position, row in rows if row.config is not None]
    collapsed = _collapsed(built, shown, table.showing.collapsed_below)
    default = next((pair for pair in built if pair[1].is_default), None)
    flattered = flattery([_learnt(shown[position], collapsed[position]) for position, _ in built])
    if default is None:
        return Judging(collapsed, claim, flattery=flattered, looks=looks)
    read = _read(shown[default[0]])
    held_out = rows_of(default[1])
    margin = table.showing.margin
    if margin is None and len(read):
        margin = _default_margin(read[: looks[0]] if looks else read, collapsed[default[0]], held_out)
    return Judging(
        collapsed,
        claim,
        margin,
        declared=table.showing.margin is not None,
        rows=held_out,
        flattery=flattered,
        looks=looks,
        read=default[1].read,
    )


def decisions(
    rows: Sequence[tuple[int, Row]],
    shown: Mapping[int, pd.DataFrame],
    known: Judging,
    compared: Sequence[int],
    looks: Sequence[int] = (),
) -> dict[int, Decision]:
    """Compare each row with the default, by the row's position; nothing where the default has no numbers.

    Args:
        rows: of the table, each with its position.
        shown: the lines of the trials frame by the row's position.
        known: of `judging`.
        compared: the positions of the rows that have numbers.
        looks: numbers of seeds at which levels are decided; none for a fixed number of seeds.
    """
    default = _default_of(rows, compared)
    if default is None:
        return {}
    paired = level_pairs(rows, shown, known, compared, looks)
    found = {
        position: Decision(Comparison(None, None, "", reason), paired[position].values.size, settled=True)
        for position, row in rows
        if position in paired and (reason := read_differently(row, default[1]))
    }
    pairs = {position: one for position, one in paired.items() if position not in found and one.values.size}
    frame = _read(shown[default[0]])
    judged = decide(
        list(pairs.values()),
        looks,
        higher_is_better=METRIC_SPECS[frame["metric"].iloc[0]].higher_is_better,
        step=step_of(rows, compared) if is_accuracy(frame) else 0.0,
        margin=known.margin,
        overlap=table_overlap(rows, known, compared),
    )
    return found | dict(zip(pairs, judged, strict=True))


def level_pairs(
    rows: Sequence[tuple[int, Row]],
    shown: Mapping[int, pd.DataFrame],
    known: Judging,
    compared: Sequence[int],
    looks: Sequence[int] = (),
) -> dict[int, Pairs]:
    """Return each level's replicates beside the default's, by the row's position; the arguments of `decisions`."""
    default = _default_of(rows, compared)
    if default is None:
        return {}
    return {
        position: _pairs(
            shown[position],
            shown[default[0]],
            known.collapsed[position],
            known.collapsed[default[0]],
            looks=bool(looks),
        )
        for position, _ in rows
        if position != default[0] and position in compared
    }


def step_of(rows: Sequence[tuple[int, Row]], compared: Sequence[int]) -> float:
    """Between neighbouring values of an accuracy in a table; 0 where the number of rows is not known."""
    fewest = min((rows_of(row) for position, row in rows if position in compared), default=0)
    return 100 / fewest if fewest else 0.0


def table_overlap(rows: Sequence[tuple[int, Row]], known: Judging, compared: Sequence[int]) -> float:
    """What shared rows add to the variance of a mean of any level of a table; see `error_factor`."""
    return max((overlap_of(row, known.claim) for position, row in rows if position in compared), default=0.0)


def _default_of(rows: Sequence[tuple[int, Row]], compared: Sequence[int]) -> tuple[int, Row] | None:
    return next(((position, row) for position, row in rows if row.is_default and position in compared), None)


def read_differently(row: Row, default: Row) -> str:
    """Say why a row cannot be compared with the default, which is read at another kind of epoch; "" where it can.

    The best of several epochs looks better than an epoch that nobody chose, and better the more there are.
    """
    if row.read != default.read:
        return f"not compared: it shows {READS[row.read]}, and the default {READS[default.read]}"
    if row.read == "best" and row.epochs != default.epochs:
        return f"not compared: it shows the best of {row.epochs} epochs, and the default that of {default.epochs}"
    return ""


def rows_of(row: Row) -> int:
    """The size of a row's validation part; 0 for a row that cannot be built."""
    return validation_rows(row.config) if row.config is not None else 0


def overlap_of(row: Row, claim: str) -> float:
    """What the rows that replicates share add to the variance of a mean; see `error_factor`."""
    return training_overlap(row) if claim == "population" else 0.0


def is_accuracy(replicates: pd.DataFrame) -> bool:
    """Whether the validation metric is a share of rows."""
    return bool((replicates["metric"] == "accuracy").any())


def _read(replicates: pd.DataFrame) -> pd.DataFrame:
    return replicates[replicates["epoch"].notna()]


def _learnt(replicates: pd.DataFrame, collapsed: frozenset[int]) -> NDArray[np.float64]:
    read = _read(replicates)
    return read[~read["seed"].isin(collapsed)][COMPARED].to_numpy(dtype=np.float64)


def _default_margin(read: pd.DataFrame, collapsed: frozenset[int], held_out: int) -> float | None:
    learnt = read[~read["seed"].isin(collapsed)]
    if learnt.empty or not (is_accuracy(read) or read["metric"].iloc[0] in ROOTS):
        return None
    return default_margin(float(learnt[COMPARED].mean()), rows=held_out, proportion=is_accuracy(read))


def _collapsed(
    rows: Sequence[tuple[int, Row]], shown: Mapping[int, pd.DataFrame], below: float | None
) -> dict[int, frozenset[int]]:
    """The seeds of each row that collapsed: they predict one class only, or their accuracy says so."""
    reads = {position: _read(shown[position]) for position, _ in rows}
    known = [(position, row) for position, row in rows if is_accuracy(reads[position])]
    if not known:
        return dict.fromkeys(reads, frozenset())
    sizes = [rows_of(row) for _, row in known]
    classes = [row.config.dataset_info.classes for _, row in known if row.config is not None]
    marks = find_collapsed(
        [reads[position][COMPARED].to_numpy(dtype=np.float64) for position, _ in known],
        chance=100 / max(min(classes), 1),
        rows=min(sizes) or None,
        below=below,
    )
    found: dict[int, frozenset[int]] = dict.fromkeys(reads, frozenset())
    for (position, _), mark in zip(known, marks, strict=True):
        found[position] = frozenset(reads[position]["seed"][mark | one_class(reads[position]).to_numpy()])
    return found


def _pairs(
    replicates: pd.DataFrame,
    reference: pd.DataFrame,
    collapsed: frozenset[int],
    default_collapsed: frozenset[int],
    *,
    looks: bool,
) -> Pairs:
    values, against = (_read(frame).set_index("seed")[FAIR] for frame in (replicates, reference))
    seeds, others = set(replicates["seed"]), set(reference["seed"])
    # At looks, a level that is decided has fewer seeds than the default.
    paired = seeds == others or (looks and seeds <= others)
    if paired:
        values, against = (found[values.index.intersection(against.index)] for found in (values, against))
    return Pairs(
        values.to_numpy(dtype=np.float64),
        against.to_numpy(dtype=np.float64),
        _marks(values.index, collapsed),
        _marks(against.index, default_collapsed),
        paired,
    )


def _marks(seeds: "pd.Index[int]", collapsed: frozenset[int]) -> Marks:
    return np.array([seed in collapsed for seed in seeds], dtype=bool)
