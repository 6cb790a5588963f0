"""Seeds added until every level of a table is decided, at looks that are declared in advance.

The 5% of a table are spent over its looks, each look's share in proportion to the seeds that it adds, and a table is
judged at each look with its share alone. That the shares add up to 5% is all that is needed: no joint distribution of
the looks is assumed (a union bound; Lan and DeMets, 1983, call this spending linear). A level that is shown to be
better or worse, or practically equal, is settled, and gets no further seeds. Holm's procedure at a later look counts
the levels that are open, and those that were settled as practically equal, since these may be true null hypotheses.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import pairwise

import numpy as np

from analysis.statistics.comparisons import BETTER, EQUAL, UNCLEAR, WORSE, Comparison, Pairs
from analysis.statistics.intervals import SIGNIFICANCE
from analysis.statistics.table_tests import compare


@dataclass(frozen=True)
class Decision:
    """What is known of a level after some looks.

    Attributes:
        comparison: at the look that settled it, or at the last.
        n: the number of seeds at that look.
        settled: whether it needs no further seeds.
    """

    comparison: Comparison
    n: int
    settled: bool


def spent_at(looks: Sequence[int], level: float = SIGNIFICANCE) -> list[float]:
    """The share of the level that each look spends, in proportion to the seeds that it adds.

    Args:
        looks: numbers of seeds, rising.
        level: the chance that any verdict of the table is false.

    Raises:
        ValueError: the looks do not rise from at least 2.
    """
    if not looks or looks[0] < 2 or any(low >= high for low, high in pairwise(looks)):
        raise ValueError(f"looks: {list(looks)!r} do not rise from at least 2 seeds; give rising ones")
    return [level * added / looks[-1] for added in np.diff([0, *looks])]


def decide(
    table: Sequence[Pairs],
    looks: Sequence[int],
    *,
    higher_is_better: bool,
    step: float = 0.0,
    margin: float | None = None,
    overlap: float = 0.0,
    level: float = SIGNIFICANCE,
) -> list[Decision]:
    """Judge the levels of a table at each look. A level that lacks its seeds waits, and counts as a comparison.

    Args:
        table: the replicates of each level beside the default's, in the order of the seeds.
        looks: numbers of seeds at which the table is judged; with none, it is judged once, with all seeds.
        higher_is_better: the metric's direction.
        step: see `analysis.statistics.table_tests.compare`, as are `margin` and `overlap`.
        margin: levels whose difference lies within it are settled as practically equal.
        overlap: of the rows that replicates share.
        level: the chance that any verdict of the table is false, over all looks.
    """
    judge = partial(compare, higher_is_better=higher_is_better, step=step, margin=margin, overlap=overlap)
    if not looks:
        return [
            Decision(one, pairs.values.size, settled=True)
            for one, pairs in zip(judge(table, level=level), table, strict=True)
        ]
    found: dict[int, Decision] = {}
    for n, share in zip(looks, spent_at(looks, level), strict=True):
        still = [index for index in range(len(table)) if not (index in found and found[index].settled)]
        short = [index for index in still if table[index].values.size < n]
        still = [index for index in still if index not in short]
        if not still:
            break
        done = [index for index in range(len(table)) if index not in still]
        judged = judge(
            [first(table[index], n) for index in still],
            level=share,
            settled=[first(table[index], found[index].n) for index in done if index in found],
            counted=sum(index in short or found[index].comparison.verdict == EQUAL for index in done),
        )
        found |= {
            index: Decision(one, n, one.verdict in (BETTER, WORSE, EQUAL))
            for index, one in zip(still, judged, strict=True)
        }
    nothing = Decision(Comparison(None, None, UNCLEAR), 0, False)
    return [found.get(index, nothing) for index in range(len(table))]


def first(pairs: Pairs, n: int) -> Pairs:
    """The first n pairs."""
    return replace(
        pairs,
        values=pairs.values[:n],
        reference=pairs.reference[:n],
        collapsed=pairs.collapsed[:n],
        reference_collapsed=pairs.reference_collapsed[:n],
    )
