"""How often what is said of searches is wrong, and what replicates bring; parts of coverage.py."""

from collections.abc import Callable, Mapping

import numpy as np
from simulated_tables import CHANCE, Array, Rng

from analysis.statistics.tuning_curve import tuning_curve
from tune_jobs.study.racing import race

# Of a search: how many random trials, and the rungs up to the last epoch.
TRIALS = (10, 30, 100)
CANDIDATES, RUNGS = 40, (1, 3, 9, 27)


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
