"""How often the verdicts of a few seeds contradict those of many, on trials that were really trained.

    python benchmarks/resampled.py [--study digits_demo] [--seeds 60] [--resamples 200] [--storage FOLDER]

Runs a study with many seeds, whose means are taken for the truth, and draws studies of fewer seeds from it, without
replacement. Each is judged by the code of the report: with 5 and with 10 seeds, and by looks at 5, 10 and 20 seeds
until every level is decided. Prints for each way in how many tables a verdict contradicts the truth, in how many it
claims what even all seeds do not show, how many of the differences that all seeds show are found, and the seeds used.

A verdict contradicts the truth if it says *better* or *worse* and the mean of all seeds lies on the other side, or if
it says *practically equal* and that mean lies outside the margin.
"""

import argparse
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from analysis.frames.evidence import Evidence, gather
from analysis.statistics.comparisons import BETTER, EQUAL, WORSE, Comparison
from analysis.statistics.sequential import Decision
from analysis.tables.comparing import COMPARED, decisions, judging
from tune_jobs.standing.variants import stand_as_run
from tune_jobs.study.load import load_study
from tune_jobs.study.model import Table
from tune_jobs.study.rows import Row

# In words, how many seeds are drawn, and the looks.
WAYS: Sequence[tuple[str, int, Sequence[int]]] = (
    ("5 seeds", 5, ()),
    ("10 seeds", 10, ()),
    ("until decided, looks at 5, 10, 20", 20, (5, 10, 20)),
)
HEADS = ("way", "contradicted (%)", "unshown (%)", "found (%)", "seeds a level")


@dataclass(frozen=True)
class Sampled:
    """A table of the study, with all its replicates.

    Attributes:
        rows: each with its position in the study.
        shown: the lines of the trials frame by the row's position.
    """

    table: Table
    rows: Sequence[tuple[int, Row]]
    shown: Mapping[int, pd.DataFrame]

    def with_seeds(self, seeds: Sequence[int]) -> "Sampled":
        """Return the table as if it had been run with these seeds, in this order."""
        names = {seed: place for place, seed in enumerate(seeds)}
        shown = {}
        for position, frame in self.shown.items():
            kept = frame[frame["seed"].isin(names)]
            shown[position] = kept.assign(seed=kept["seed"].map(names)).sort_values("seed")
        return Sampled(self.table, self.rows, shown)

    def judged(self, looks: Sequence[int] = ()) -> dict[int, Decision]:
        """Judge the levels as the report does."""
        known = judging(self.table, self.rows, self.shown, looks)
        compared = [position for position, frame in self.shown.items() if frame[COMPARED].notna().any()]
        return decisions(self.rows, self.shown, known, compared, looks)


def contradicts(verdict: Comparison, truth: Comparison) -> bool:
    """Whether a verdict says what the mean of all seeds denies."""
    if truth.difference is None:
        return False
    mean, found = truth.difference.mean, verdict.difference
    if verdict.verdict in (BETTER, WORSE) and not verdict.by_share:
        return found is not None and bool(np.sign(found.mean) != np.sign(mean))
    return verdict.verdict == EQUAL and verdict.margin is not None and abs(mean) > verdict.margin


def tables_of(evidence: Evidence) -> list[Sampled]:
    """Return the study's tables."""
    found = []
    for table in evidence.study.tables:
        rows = evidence.rows_of(table.name)
        frame = evidence.trials
        found.append(Sampled(table, rows, {position: frame[frame["position"] == position] for position, _ in rows}))
    return found


def measure(tables: Sequence[Sampled], seeds: int, resamples: int) -> list[tuple[str, float, float, float, float]]:
    """Judge resampled tables in each way; return the lines to print."""
    truth = [table.judged() for table in tables]
    shown = [{level for level, one in known.items() if one.comparison.verdict in (BETTER, WORSE)} for known in truth]
    lines = []
    for name, drawn, looks in WAYS:
        rng, counts, used = np.random.default_rng(drawn), Counter[str](), []
        for _ in range(resamples):
            order = [int(seed) for seed in rng.permutation(seeds)[:drawn]]
            for table, known, true_levels in zip(tables, truth, shown, strict=True):
                judged = table.with_seeds(order).judged(looks)
                claimed = {level for level, one in judged.items() if one.comparison.verdict in (BETTER, WORSE)}
                counts["contradicted"] += any(
                    contradicts(one.comparison, known[level].comparison) for level, one in judged.items()
                )
                counts["unshown"] += bool(claimed - true_levels)
                counts["found"] += len(claimed & true_levels)
                used += [one.n for one in judged.values()]
        of = resamples * len(tables)
        there = resamples * sum(map(len, shown))
        lines.append(
            (
                name,
                100 * counts["contradicted"] / of,
                100 * counts["unshown"] / of,
                100 * counts["found"] / max(there, 1),
                float(np.mean(used)),
            )
        )
    return lines


def run_and_gather(study: str, seeds: int, storage: str) -> Evidence:
    """Train what the storage lacks, and read it."""
    command = [sys.executable, "-m", "tune_jobs", "run", study, "--seeds", str(seeds), "--storage", storage]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    loaded = load_study(study)
    known = stand_as_run(loaded, lambda *_: loaded, seeds=seeds, storage_uri=storage, data_dir=Path("data"))
    return gather(known)


def main() -> None:
    """Run what is asked for, and print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--study", default="digits_demo")
    parser.add_argument("--seeds", type=int, default=60)
    parser.add_argument("--resamples", type=int, default=200)
    parser.add_argument("--storage", type=Path, help="keep the trials here, or use those kept before")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        evidence = run_and_gather(given.study, given.seeds, str(given.storage or temporary))
        tables = tables_of(evidence)
    levels = sum(len(table.rows) - 1 for table in tables)
    print(f"{given.study}: {len(tables)} tables, {levels} levels, {given.seeds} seeds; {given.resamples} resamples")
    print(f"{HEADS[0]:36}" + "".join(f"{head:>18}" for head in HEADS[1:]))
    for name, *numbers in measure(tables, given.seeds, given.resamples):
        print(f"{name:36}" + "".join(f"{number:18.1f}" for number in numbers))


if __name__ == "__main__":
    main()
