"""Where a study stands, in words."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from models.history import PRUNED
from tune_jobs.ledger.ledger import Contents
from tune_jobs.standing.standing import Standing
from tune_jobs.study.rows import Row
from tune_jobs.words import counted


def stages_in_words(standing: Standing) -> str:
    """Say what each stage has settled on, and which stages come next."""
    settled = [f"{choice.stage} → {', '.join(choice.labels) or 'as before'}" for choice in standing.choices]
    left = [stage.name for stage in standing.study.stages[len(settled) :]]
    words = "; ".join([*settled, *([f"{left[0]} is next"] if left else [])])
    return f"stages: {words}" + (f", then {', '.join(left[1:])}" if left[1:] else "")


def rows_in_words(rows: Sequence[Row], standing: Standing) -> str:
    """Say how many rows there are, each with how many seeds: "5 rows × 3 seeds".

    Where looks decide, each row has as many seeds as it needs: "5 rows, each with 5 to 10 seeds".
    """
    built = [row for row in rows if row.config is not None]
    if standing.looks is None or not built:
        return f"{counted(len(rows), 'row')} × {replicates_in_words(built, len(standing.seeds))}"
    counts = [len(standing.of(row)) for row in built]
    least, most = min(counts), max(counts)
    if least == most:
        return f"{counted(len(rows), 'row')} × {replicates_in_words(built, most)}"
    return f"{counted(len(rows), 'row')}, each with {least} to {most} seeds"


def replicates_in_words(rows: Iterable[Row], seeds: int) -> str:
    """Say what makes the replicates of rows: the seeds, each with the folds of a cross-validation if there are any."""
    folds = sorted({row.config.folds for row in rows if row.config is not None} - {0})
    return counted(seeds, "seed") + (f" × {' or '.join(map(str, folds))} folds" if folds else "")


def outcomes_in_words(outcomes: Mapping[str, int]) -> str:
    """Say how many trials ended how: "40 completed, 2 diverged"."""
    counts: Counter[str] = Counter()
    for name, count in sorted(outcomes.items()):
        counts["stopped early" if name == PRUNED else name.replace("_", " ")] += count
    return ", ".join(f"{count:,} {name}" for name, count in counts.items()) or "none"


def disagreement_warnings(contents: Contents) -> list[str]:
    """Name the trials that were trained more than once with different results, which must never happen."""
    return [
        f"warning: trial {key} was trained more than once on machines of the same kind, with different numbers; "
        f"`ablatune ledger remove {key}` and run the study again"
        for key in contents.disagreements
    ]
