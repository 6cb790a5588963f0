"""How often tables are wrong: intervals and verdicts simulated on the project's functions.

    python benchmarks/coverage.py [--repeats 2000] [--only NAME …]

Prints how often a 95% interval covers the mean and how often a table without any true difference has a verdict, by
kind of data, number of levels and number of seeds; the smallest true difference that is shown in 80% of tables; what
looking and adding seeds does; how often paths, factorials and whole reports are wrong; by how much the best of several
equal levels looks too good; what a published number that agrees says; and, of searches, how often the band of the best
of n trials holds, and what replicates bring. The seeds of all simulations are fixed: equal functions give equal tables.
"""

import argparse
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analysis.statistics.collapse import collapse_of, find_collapsed
from analysis.statistics.comparisons import BETTER, WORSE, Pairs
from analysis.statistics.interaction import DEPENDS, Change, interaction, judged
from analysis.statistics.intervals import SIGNIFICANCE, benjamini_hochberg, estimate, holm_of_known, paired_difference
from analysis.statistics.measure import Measure
from analysis.statistics.prediction import prediction_half_width
from analysis.statistics.proportions import binomial_variance
from analysis.statistics.sequential import Decision, decide
from analysis.statistics.table_tests import compare
from analysis.statistics.tuning_curve import tuning_curve
from analysis.statistics.waterfall import waterfall
from tune_jobs.study.racing import race

Array = NDArray[np.float64]
Rng = np.random.Generator
SEEDS = (2, 3, 5, 10, 20)
SIZES = (4, 8)
CHANGE_SEEDS = (3, 5, 10)
ROWS = 1291
# The accuracy of a network that predicts the most frequent class.
CHANCE = 17.0
POWER = 0.8
# Of a search: how many random trials, and the rungs up to the last epoch.
TRIALS = (10, 30, 100)
CANDIDATES, RUNGS = 40, (1, 3, 9, 27)


# In words, the looks, and the margin within which a level is practically equal.
METHODS: Sequence[tuple[str, Sequence[int], float | None]] = (
    ("fixed n = 10", (10,), None),
    ("fixed n = 20", (20,), None),
    ("looks at 5, 10, 20", (5, 10, 20), None),
    ("looks at 5, 7, 10", (5, 7, 10), None),
    ("looks at 3, 5, 7, 10, 14, 20", (3, 5, 7, 10, 14, 20), None),
    ("looks at 5, 10, 20, margin 1 point", (5, 10, 20), 1.0),
)


@dataclass(frozen=True)
class Kind:
    """A kind of data without any true difference.

    Attributes:
        mean: the true mean of every level, of the replicates that learn.
        draw: replicates of so many levels, [levels, n].
        draw_default: replicates of the default, [1, n], if they are of another kind.
        rows: of the validation part, where the values are its accuracies.
        collapses: the share of replicates that does not learn.
    """

    mean: float
    draw: Callable[[Rng, tuple[int, int]], Array]
    draw_default: Callable[[Rng, tuple[int, int]], Array] | None = None
    rows: int | None = None
    collapses: float = 0.0

    def table(self, rng: Rng, levels: int, n: int) -> tuple[Array, Array]:
        """Draw a table: its levels, [levels, n], and its default, [n]."""
        return self.draw(rng, (levels, n)), (self.draw_default or self.draw)(rng, (1, n))[0]


def _normal(rng: Rng, shape: tuple[int, int]) -> Array:
    return 97.0 + 0.3 * rng.standard_normal(shape)


def _binomial(percent: float, spread: float) -> Callable[[Rng, tuple[int, int]], Array]:
    def draw(rng: Rng, shape: tuple[int, int]) -> Array:
        shares = np.clip((percent + spread * rng.standard_normal(shape)) / 100, 0.0, 1.0)
        return 100.0 * rng.binomial(ROWS, shares) / ROWS

    return draw


def _heavy(rng: Rng, shape: tuple[int, int]) -> Array:
    return 97.0 + 0.3 * rng.standard_t(3, shape)


def _few(rng: Rng, shape: tuple[int, int]) -> Array:
    return np.round((97.1 + 0.1 * rng.standard_normal(shape)) / 0.25) * 0.25


def _collapsing(rng: Rng, shape: tuple[int, int]) -> Array:
    return np.where(rng.random(shape) < 0.2, 17.0, _normal(rng, shape))


def _skewed(rng: Rng, shape: tuple[int, int]) -> Array:
    return 97.5 - rng.exponential(0.5, shape)


def _tight(rng: Rng, shape: tuple[int, int]) -> Array:
    return 97.0 + 0.1 * rng.standard_normal(shape)


# The mean of numbers on a lattice of 0.25 around 97.1, of which 40% lie at 97.25.
_FEW_MEAN = float(_few(np.random.default_rng(0), (1, 1_000_000)).mean())
KINDS: Mapping[str, Kind] = {
    "normal, spread 0.3": Kind(97.0, _normal),
    "binomial, 97% of 1,291 rows, + 0.3": Kind(97.0, _binomial(97.0, 0.3), rows=ROWS),
    "binomial, 99.5%": Kind(99.5, _binomial(99.5, 0.0), rows=ROWS),
    "heavy tails (t, 3 df)": Kind(97.0, _heavy),
    "few distinct values": Kind(_FEW_MEAN, _few, rows=400),
    "collapse in 1 of 5 seeds": Kind(97.0, _collapsing, rows=ROWS, collapses=0.2),
    "left-skewed, tight default": Kind(97.0, _skewed, _tight),
}


def shown(levels: Array, default: Array, rows: int | None, level: float = SIGNIFICANCE) -> NDArray[np.bool_]:
    """Whether a table shows a difference of each level [levels, n] from the default [n]."""
    marks = find_collapsed([*levels, default], chance=CHANCE, rows=rows)
    table = [Pairs(values, default, mark, marks[-1]) for values, mark in zip(levels, marks, strict=False)]
    found = compare(table, higher_is_better=True, step=100 / rows if rows else 0.0, level=level)
    return np.array([one.verdict in (BETTER, WORSE) for one in found])


def covers(values: Array, kind: Kind) -> bool:
    """Whether what is shown of a level is true: its mean, or the share that collapses and the mean of the rest."""
    found = collapse_of(values, find_collapsed([values], chance=CHANCE, rows=kind.rows)[0], rows=kind.rows)
    if found is None:
        known = estimate(values, rows=kind.rows)
        return abs(known.mean - kind.mean) <= (known.half_width or 0.0)
    rest = found.rest is None or found.rest.n < 2 or abs(found.rest.mean - kind.mean) <= (found.rest.half_width or 0.0)
    return rest and found.low <= kind.collapses <= found.high


def false_verdicts(repeats: int) -> None:
    """Print coverage and false verdicts by kind of data."""
    heads = "/".join(map(str, SEEDS))
    print(f"False verdicts (%), n = {heads}; {repeats} tables each")
    print(f"{'data':36}{'interval covers':>24}{'4 levels':>26}{'8 levels':>26}")
    for name, kind in KINDS.items():
        covered: list[np.floating] = []
        wrong: dict[int, list[np.floating]] = {size: [] for size in SIZES}
        for n in SEEDS:
            rng = np.random.default_rng(n)
            tables = [kind.table(rng, max(SIZES), n) for _ in range(repeats)]
            covered.append(np.mean([covers(levels[0], kind) for levels, _ in tables]))
            for size in SIZES:
                found = [shown(levels[:size], default, kind.rows).any() for levels, default in tables]
                wrong[size].append(np.mean(found))
        print(f"{name:36}{_percents(covered, 0):>24}" + "".join(f"{_percents(wrong[size], 1):>26}" for size in SIZES))
    print()


def power(repeats: int) -> None:
    """Print the smallest true difference of one level that is shown in 80% of tables."""
    print(f"Smallest true difference shown in {POWER:.0%} of tables, in points; 1/4/8 levels; {repeats} tables each")
    print(f"{'data':36}" + "".join(f"{f'n={n}':>18}" for n in SEEDS))
    for name in ("normal, spread 0.3", "binomial, 97% of 1,291 rows, + 0.3"):
        kind, cells = KINDS[name], []
        for n in SEEDS:
            rng = np.random.default_rng(n)
            tables = [kind.table(rng, max(SIZES), n) for _ in range(repeats)]
            cells.append("/".join(f"{_smallest(tables, size, kind.rows):.2f}" for size in (1, *SIZES)))
        print(f"{name:36}" + "".join(f"{cell:>18}" for cell in cells))
    print()


def _smallest(tables: Sequence[tuple[Array, Array]], size: int, rows: int | None) -> float:
    """The shift of the first level at which it is shown in 80% of tables, by bisection; at most 97 points."""

    def share(shift: float) -> float:
        down = np.zeros((size, 1))
        down[0] = shift
        return float(np.mean([shown(levels[:size] - down, default, rows)[0] for levels, default in tables]))

    low, high = 0.01, 97.0
    for _ in range(10):
        middle = (low * high) ** 0.5
        low, high = (low, middle) if share(middle) >= POWER else (middle, high)
    return high


def looking(repeats: int) -> None:
    """Print what adding seeds after a look does to a table of four levels without a difference."""
    print(f"Seeds added after looking, without a correction: false verdicts (%); {repeats} tables each")
    for words, looks in (("at 3, 5, 10 seeds", (3, 5, 10)), ("at every n from 3 to 20", range(3, 21))):
        kind, rng, wrong = KINDS["normal, spread 0.3"], np.random.default_rng(0), 0
        for _ in range(repeats):
            levels, default = kind.table(rng, 4, max(looks))
            wrong += any(shown(levels[:, :n], default[:n], None).any() for n in looks)
        print(f"  {words:28}{100 * wrong / repeats:6.1f}")
    print()


def until_decided(repeats: int) -> None:
    """Print what seeds that are added at declared looks show, beside fixed numbers of seeds."""
    print(f"Seeds added until decided, 4 levels; {repeats} tables each; false verdicts (%) without a difference:")
    print("Shown (%) and mean seeds: binomial data, true differences 0, 0, 0.5 and 1 point.")
    kinds = list(KINDS)
    print(
        "method".ljust(34)
        + "false, "
        + ", ".join(f"({number})" for number in range(1, len(kinds) + 1))
        + " | shown | seeds"
    )
    for words, looks, margin in METHODS:
        wrong = [_any_false(kind, looks, margin, repeats) for kind in KINDS.values()]
        shares, seeds = _shown_and_seeds(looks, margin, repeats)
        falses = " ".join(f"{100 * share:4.1f}" for share in wrong)
        print(f"{words:34}{falses} | {_percents(shares, 0)} | {'/'.join(f'{n:.1f}' for n in seeds)}")
    print("; ".join(f"({number}) {name}" for number, name in enumerate(kinds, start=1)) + "\n")


def _decided(levels: Array, default: Array, kind: Kind, looks: Sequence[int], margin: float | None) -> list[Decision]:
    marks = find_collapsed([*levels, default], chance=CHANCE, rows=kind.rows)
    table = [Pairs(values, default, mark, marks[-1]) for values, mark in zip(levels, marks, strict=False)]
    step = 100 / kind.rows if kind.rows else 0.0
    return decide(table, looks, higher_is_better=True, step=step, margin=margin)


def _any_false(kind: Kind, looks: Sequence[int], margin: float | None, repeats: int) -> float:
    rng, wrong = np.random.default_rng(0), 0
    for _ in range(repeats):
        levels, default = kind.table(rng, 4, max(looks))
        found = _decided(levels, default, kind, looks, margin)
        wrong += any(one.comparison.verdict in (BETTER, WORSE) for one in found)
    return wrong / repeats


def _shown_and_seeds(looks: Sequence[int], margin: float | None, repeats: int) -> tuple[list[float], list[float]]:
    """The shares of tables that show a difference of 0.5 and 1, and the mean seeds of levels with 0, 0.5 and 1."""
    kind, rng = KINDS["binomial, 97% of 1,291 rows, + 0.3"], np.random.default_rng(1)
    away = np.array([[0.0], [0.0], [0.5], [1.0]])
    shown, seeds = np.zeros((repeats, 4)), np.zeros((repeats, 4))
    for index in range(repeats):
        levels, default = kind.table(rng, 4, max(looks))
        found = _decided(levels - away, default, kind, looks, margin)
        shown[index] = [one.comparison.verdict == WORSE for one in found]
        seeds[index] = [one.n for one in found]
    mean = seeds.mean(axis=0)
    return list(shown.mean(axis=0)[2:]), [float(mean[:2].mean()), *mean[2:]]


def flattery(repeats: int) -> None:
    """Print by how much the best of nine equal levels looks too good."""
    rng = np.random.default_rng(0)
    print("The best of nine equal levels (binomial, 97%) looks too good by, in points:")
    draw = KINDS["binomial, 97% of 1,291 rows, + 0.3"].draw
    for n in (3, 5, 10):
        best = [draw(rng, (9, n)).mean(axis=1).max() for _ in range(repeats)]
        print(f"  n = {n:<4}{np.mean(best) - 97.0:6.2f}")
    print()


def best_epochs(repeats: int) -> None:
    """Print what comparing best epochs with last ones would show where there is no difference, and what is compared."""
    print(f"Levels read at their best epoch, the default at its last, 10 seeds; {repeats} tables of 4 levels each")
    print(f"{'epochs':10}{'looks better by':>18}{'would be shown (%)':>22}{'best against best (%)':>24}")
    for epochs in (10, 50):
        rng, gains, unlike, alike = np.random.default_rng(epochs), [], 0, 0
        for _ in range(repeats):
            # Epochs of one training share half of the spread of its seed.
            courses = 97.0 + 0.2 * rng.standard_normal((5, 10, 1)) + 0.2 * rng.standard_normal((5, 10, epochs))
            best, last = courses.max(axis=2), courses[:, :, -1]
            gains.append(float((best[:4] - last[4]).mean()))
            unlike += bool(shown(best[:4], last[4], None).any())
            alike += bool(shown(best[:4], best[4], None).any())
        cells = (np.mean(gains), 100 * unlike / repeats, 100 * alike / repeats)
        print(f"{epochs:<10}{cells[0]:18.2f}{cells[1]:22.1f}{cells[2]:24.1f}")
    print("Rows that are read differently get no verdict (`analysis.tables.comparing.read_differently`).\n")


def shared_rows(repeats: int) -> None:
    """Print how often a claim about new data is false where replicates share rows, with and without the correction."""
    print(f"A claim about new data, splits of one data set, 4 levels: false verdicts (%); {repeats} tables each")
    print(f"{'validation share':20}{'n':>6}{'uncorrected':>16}{'corrected':>14}")
    for share in (0.1, 0.2):
        # How far results on two splits go together (Nadeau and Bengio, 2003).
        for n in (5, 10, 20):
            rng, wrong = np.random.default_rng(n), np.zeros(2)
            for _ in range(repeats):
                common = np.sqrt(share) * rng.standard_normal((5, 1))
                values = 97.0 + 0.3 * (common + np.sqrt(1 - share) * rng.standard_normal((5, n)))
                table = [Pairs(level, values[4]) for level in values[:4]]
                for place, overlap in enumerate((0.0, share / (1 - share))):
                    found = compare(table, higher_is_better=True, overlap=overlap)
                    wrong[place] += any(one.verdict in (BETTER, WORSE) for one in found)
            cells = 100 * wrong / repeats
            print(f"{f'{share:.0%}':20}{n:6}{cells[0]:16.1f}{cells[1]:14.1f}")
    print()


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
            cells.append(" → ".join(_percents(list(share), 1) for share in shares.T))
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


def tuning_curve_band(repeats: int) -> None:
    """Print how often the band of the best of n random trials holds for all n from 1 to twice the trials."""
    print(f"The 95% band of the best of n random trials holds for all n (%); {repeats} searches each")
    draws: Mapping[str, Callable[[Rng, int], Array]] = {
        "normal": lambda rng, n: 90 + 3 * rng.standard_normal(n),
        "few distinct values": lambda rng, n: np.round(90 + 3 * rng.standard_normal(n)),
        "left-skewed": lambda rng, n: 97.5 - 5 * rng.exponential(size=n),
        "half at the chance level": lambda rng, n: np.where(rng.random(n) < 0.5, CHANCE, 90 + rng.standard_normal(n)),
    }
    print(f"{'trials':28}" + "".join(f"{n:>8}" for n in TRIALS))
    for name, draw in draws.items():
        cells = []
        for count in TRIALS:
            rng, n = np.random.default_rng(count), np.arange(1, 2 * count + 1)
            true = np.quantile(draw(rng, 1_000_000), 0.5 ** (1 / n), method="inverted_cdf")
            curves = [tuning_curve(draw(rng, count), n) for _ in range(repeats)]
            cells.append(np.mean([((curve.low <= true) & (true <= curve.high)).all() for curve in curves]))
        print(f"{name:28}" + "".join(f"{100 * share:8.1f}" for share in cells))
    print()


def replicates(repeats: int) -> None:
    """Print what judging the trials of a search by several seeds brings and costs."""
    print(f"Replicates in a search of {CANDIDATES} trials of {RUNGS[-1]} epochs; {repeats} searches each")
    heads = ("luck of a seed", "below the best point", "flattered by", "epochs", "again")
    print("seeds" + "".join(f"{head:>22}" for head in heads))
    for luck in (0.5, 1.5, 3.0):
        for seeds in (1, 2, 3, 5):
            rng = np.random.default_rng(0)
            found = np.array([raced_search(rng, seeds, luck) for _ in range(repeats)]).mean(axis=0)
            print(f"{seeds:5}{luck:22.1f}" + "".join(f"{mean:22.2f}" for mean in found))
    print()


def raced_search(rng: Rng, seeds: int, luck: float) -> tuple[float, float, float, float]:
    """A search of random trials worth 80 to 92: regret, flattery, epochs, and epochs of trials that began anew."""
    worth = rng.uniform(80, 92, CANDIDATES)
    value = worth[:, None] + luck * rng.standard_normal((CANDIDATES, seeds))
    arrived: dict[int, list[dict[int, float]]] = {rung: [] for rung in RUNGS}
    best, winner, epochs, again = -np.inf, 0, 0, 0
    for one in range(CANDIDATES):
        for before, rung in zip((0, *RUNGS), RUNGS, strict=False):
            mine: dict[int, float] = {}
            for seed in range(seeds):
                # Early epochs are noisier than late ones.
                mine[seed] = float(value[one, seed] + luck * rng.standard_normal() / rung)
                epochs, again = epochs + rung - before, again + before * (seed < seeds - 1)
                decision = race(mine, arrived[rung], replicates=seeds, reduction_factor=3)
                if rung < RUNGS[-1] and not decision.more:
                    break
            arrived[rung].append(mine)
            if rung == RUNGS[-1] and np.mean(list(mine.values())) > best:
                best, winner = float(np.mean(list(mine.values()))), one
            if rung < RUNGS[-1] and decision.stop:
                break
    return worth.max() - worth[winner], best - worth[winner], epochs, again


def _percents(shares: Sequence[float | np.floating], decimals: int) -> str:
    return "/".join(f"{100 * share:.{decimals}f}" for share in shares)


PARTS: Mapping[str, Callable[[int], None]] = {
    "false_verdicts": false_verdicts,
    "power": lambda repeats: power(max(repeats // 5, 1)),
    "looking": lambda repeats: looking(max(repeats // 2, 1)),
    "until_decided": lambda repeats: until_decided(max(repeats * 3 // 10, 1)),
    "flattery": flattery,
    "best_epochs": lambda repeats: best_epochs(max(repeats // 4, 1)),
    "shared_rows": lambda repeats: shared_rows(max(repeats // 2, 1)),
    "changes": lambda repeats: changes(max(repeats // 5, 1)),
    "reports": lambda repeats: reports(max(repeats // 5, 1)),
    "published": published,
    "confirmed": confirmed,
    "tuning_curve": lambda repeats: tuning_curve_band(max(repeats // 2, 1)),
    "replicates": lambda repeats: replicates(max(repeats // 10, 1)),
}


def main() -> None:
    """Run the simulations and print their tables."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--repeats", type=int, default=2000, help="tables of each kind (default: 2000)")
    parser.add_argument("--only", nargs="+", choices=PARTS, default=list(PARTS), help="parts to run (default: all)")
    options = parser.parse_args()
    for name in options.only:
        start = time.perf_counter()
        PARTS[name](options.repeats)
        print(f"({name}: {time.perf_counter() - start:.0f} s)\n", flush=True)


if __name__ == "__main__":
    main()
