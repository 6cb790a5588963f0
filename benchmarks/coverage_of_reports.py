"""How often paths, factorials, reports, published numbers and confirmations are wrong; parts of coverage.py."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from simulated_tables import CHANCE, KINDS, ROWS, Kind, Rng, percents

from analysis.statistics.comparisons import BETTER, WORSE, Pairs
from analysis.statistics.interaction import DEPENDS, Change, interaction, judged
from analysis.statistics.intervals import SIGNIFICANCE, benjamini_hochberg, holm_of_known, paired_difference
from analysis.statistics.measure import Measure
from analysis.statistics.prediction import prediction_half_width
from analysis.statistics.proportions import binomial_variance
from analysis.statistics.table_tests import compare
from analysis.statistics.waterfall import waterfall

CHANGE_SEEDS = (3, 5, 10)


def changes(repeats: int) -> None:
    """Print how often a path of changes without effect, and two factorials without interaction, have a verdict."""
    heads = "/".join(map(str, CHANGE_SEEDS))
    print(f"False verdicts (%) outside of tables, n = {heads}; {repeats} each; plain paired t tests with Holm → now")
    print(f"{'data':36}{'a path of 4 changes':>38}{'2 factorials':>38}")
    for name, kind in KINDS.items():
        measure = Measure(True, accuracy=True, rows=kind.rows, chance=CHANCE)
        cells = []
        for wrong in (_wrong_paths, _wrong_factorials):
            shares = np.array([wrong(np.random.default_rng(n), kind, measure, n, repeats) for n in CHANGE_SEEDS])
            cells.append(" → ".join(percents(list(share), 1) for share in shares.T))
        print(f"{name:36}" + "".join(f"{cell:>38}" for cell in cells))
    print()


def _wrong_paths(rng: Rng, kind: Kind, measure: Measure, n: int, repeats: int) -> tuple[float, float]:
    """The shares of paths with a false verdict, by plain tests and now."""
    plain = now = 0
    for _ in range(repeats):
        levels, start = kind.table(rng, 4, n)
        values = np.array([start, *levels])
        plain += _plainly([paired_difference(*pair).p_value for pair in zip(values[1:], values, strict=False)])
        points, seeds = np.indices(values.shape)
        frame = pd.DataFrame({"point": points.ravel(), "seed": seeds.ravel(), "value": values.ravel()})
        found = waterfall(frame, frame, labels="sabcd", chosen="abcd", measure=measure)
        now += any(step.verdict in (BETTER, WORSE) for step in found.steps)
    return plain / repeats, now / repeats


def _wrong_factorials(rng: Rng, kind: Kind, measure: Measure, n: int, repeats: int) -> tuple[float, float]:
    """The shares of reports with a false interaction, by plain tests and now."""
    plain = now = 0
    change = Change("a change", "before", "after")
    for _ in range(repeats):
        found, p_values = [], []
        for _ in range(2):
            levels, first = kind.table(rng, 3, n)
            values = np.array([first, *levels])
            p_values.append(paired_difference(values[3] - values[2], values[1] - values[0]).p_value)
            cells, seeds = (index.ravel() for index in np.indices(values.shape))
            frame = pd.DataFrame({"first": cells % 2, "second": cells // 2, "seed": seeds, "value": values.ravel()})
            found.append(interaction(frame, change, change, measure))
        plain += _plainly(p_values)
        now += any(one.verdict == DEPENDS for one in judged(found, measure))
    return plain / repeats, now / repeats


def _plainly(p_values: Sequence[float | None]) -> bool:
    return any(p_value is not None and p_value <= SIGNIFICANCE for p_value in holm_of_known(p_values))


def reports(repeats: int) -> None:
    """Print how often a report of eight tables is wrong: by its tables, and by what its first screen names."""
    print(f"Reports of 8 tables of 4 levels, 5 seeds; {repeats} each; binomial data, 97% of {ROWS:,} rows, + 0.3")
    heads = ("a false verdict in tables", "a false first finding", "share of them that is false", "found")
    print(f"{'levels that differ by 2 points':32}" + "".join(f"{head:>30}" for head in heads))
    kind = KINDS["binomial, 97% of 1,291 rows, + 0.3"]
    for differ in (0, 1, 2):
        rng, found = np.random.default_rng(differ), np.zeros(4)
        for _ in range(repeats):
            true = np.tile(np.arange(4) < differ, 8)
            tables = [kind.table(rng, 4, 5) for _ in range(8)]
            compared = [
                one
                for (levels, default), shifted in zip(tables, np.split(true, 8), strict=True)
                for one in compare(
                    [Pairs(level - 2.0 * down, default) for level, down in zip(levels, shifted, strict=True)],
                    higher_is_better=True,
                    step=100 / ROWS,
                )
            ]
            shown = np.array([one.verdict in (BETTER, WORSE) for one in compared])
            p_values = [1.0 if one.p_value is None else one.p_value for one in compared]
            holds = shown & (benjamini_hochberg(p_values) <= SIGNIFICANCE)
            wrong = holds & ~true
            found += (
                (shown & ~true).any(),
                wrong.any(),
                wrong.sum() / max(holds.sum(), 1),
                (holds & true).sum() / max(true.sum(), 1),
            )
        cells = "".join(f"{100 * share / repeats:30.1f}" for share in found)
        print(f"{f'{differ} of 4 in each table':32}{cells}")
    print()


def published(repeats: int) -> None:
    """Print how often a published number agrees with replicates, by how far it is off, and if it was the best of 30."""
    print(f"A published number of {ROWS:,} rows agrees with n replicates (%); {repeats} each")
    heads = ("true", "1 point off", "2 points off", "best of 30")
    print(f"{'data':36}{'n':>4}" + "".join(f"{head:>14}" for head in heads))
    for name in ("binomial, 97% of 1,291 rows, + 0.3", "binomial, 99.5%"):
        kind = KINDS[name]
        for n in CHANGE_SEEDS:
            rng, agrees = np.random.default_rng(n), np.zeros(4)
            for _ in range(repeats):
                ours, others = kind.draw(rng, (1, n))[0], kind.draw(rng, (1, 30))[0]
                half = prediction_half_width(ours, binomial=binomial_variance(float(ours.mean()), ROWS))
                numbers = (others[0], others[0] - 1, others[0] - 2, others.max())
                agrees += [abs(number - ours.mean()) <= half for number in numbers]
            print(f"{name:36}{n:4}" + "".join(f"{100 * share / repeats:14.0f}" for share in agrees))
    print()


def confirmed(repeats: int) -> None:
    """Print how often the difference of a table's best level from the default is 0, as it is true, within intervals."""
    print(f"The best of nine equal levels, 5 seeds; {repeats} tables each: its interval holds the truth (%)")
    draw, holds = KINDS["binomial, 97% of 1,291 rows, + 0.3"], np.zeros(2)
    rng = np.random.default_rng(0)
    for _ in range(repeats):
        chosen, fresh = draw.draw(rng, (10, 5)), draw.draw(rng, (2, 5))
        best = int(chosen[:9].mean(axis=1).argmax())
        for place, (level, default) in enumerate(((chosen[best], chosen[9]), (fresh[0], fresh[1]))):
            (found,) = compare([Pairs(level, default)], higher_is_better=True, step=100 / ROWS)
            low, high = (found.difference.low, found.difference.high) if found.difference else (None, None)
            holds[place] += low is not None and high is not None and low <= 0.0 <= high
    print(f"  on the seeds that chose it, uncorrected: {100 * holds[0] / repeats:.1f}")
    print(f"  on fresh seeds (`--confirm`): {100 * holds[1] / repeats:.1f}\n")
