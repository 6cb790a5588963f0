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

import numpy as np
from coverage_of_looks import looking, until_decided
from coverage_of_reports import changes, confirmed, published, reports
from coverage_of_searches import replicates, tuning_curve_band
from simulated_tables import CHANCE, KINDS, Array, Kind, percents, shown

from analysis.statistics.collapse import collapse_of, find_collapsed
from analysis.statistics.comparisons import BETTER, WORSE, Pairs
from analysis.statistics.intervals import estimate
from analysis.statistics.table_tests import compare

SEEDS = (2, 3, 5, 10, 20)
SIZES = (4, 8)
POWER = 0.8


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
        print(f"{name:36}{percents(covered, 0):>24}" + "".join(f"{percents(wrong[size], 1):>26}" for size in SIZES))
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
