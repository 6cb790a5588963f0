"""What looking and adding seeds does; parts of coverage.py."""

from collections.abc import Sequence

import numpy as np
from simulated_tables import CHANCE, KINDS, Array, Kind, percents, shown

from analysis.statistics.collapse import find_collapsed
from analysis.statistics.comparisons import BETTER, WORSE, Pairs
from analysis.statistics.sequential import Decision, decide

# In words, the looks, and the margin within which a level is practically equal.
METHODS: Sequence[tuple[str, Sequence[int], float | None]] = (
    ("fixed n = 10", (10,), None),
    ("fixed n = 20", (20,), None),
    ("looks at 5, 10, 20", (5, 10, 20), None),
    ("looks at 5, 7, 10", (5, 7, 10), None),
    ("looks at 3, 5, 7, 10, 14, 20", (3, 5, 7, 10, 14, 20), None),
    ("looks at 5, 10, 20, margin 1 point", (5, 10, 20), 1.0),
)


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
        print(f"{words:34}{falses} | {percents(shares, 0)} | {'/'.join(f'{n:.1f}' for n in seeds)}")
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
