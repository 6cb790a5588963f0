"""The caption of a table: its data and replicates, the epoch it shows, and how levels were compared."""

from collections.abc import Collection, Sequence

from analysis.statistics.intervals import SIGNIFICANCE, Difference
from analysis.text import within_sentence
from tune_jobs.existing.as_study import ELSEWHERE
from tune_jobs.study.model import READS, SPLITS, TRAIN_METRICS, Table
from tune_jobs.study.rows import Row, row_seeds, training_overlap
from tune_jobs.trial.data import data_id, validation_rows
from tune_jobs.words import counted

DEFAULT_MARK = "*"
BETTER, WORSE, NOT_SHOWN = "better", "worse", "not shown"
# What differs between replicates besides the seed.
_MOVED = {
    SPLITS["validation"]: ", each with a different validation part",
    SPLITS["outer"]: ", each with a different test part (not read here) and validation part",
}

# What is said of intervals and tests over replicates that divide the same rows anew.
OVERLAP_WORDS = (
    " Their training parts overlap, so intervals and tests of what is validated are corrected: the variance of a mean "
    "of n replicates is s² · (1/n + validation rows / training rows), after Nadeau and Bengio (2003)."
)


def table_caption(
    table: Table,
    rows: Sequence[Row],
    seeds: Sequence[int],
    metric: str,
    compared: Collection[Difference],
    *,
    timed_alone: bool = False,
    unpaired: int = 0,
) -> tuple[str, ...]:
    """Say what a reader must know to read a table, in sentences.

    Args:
        table: of the study.
        rows: of the table.
        seeds: the replicates of every row.
        metric: what the metric that is compared is called, such as Validation Accuracy.
        compared: the differences that were tested.
        timed_alone: whether the times of levels that train in stacks are those of one replicate by itself.
        unpaired: how many of the differences are no differences of pairs.
    """
    elsewhere = any(row.config is not None and row.config.trainer == ELSEWHERE for row in rows)
    data = "; ".join(dict.fromkeys(_data_words(row) for row in rows if row.config is not None))
    sentences = [f"Data: {data}.", _replicate_sentence(rows, seeds)]
    showing = table.showing
    if any(row.config is not None and not row.config.trainer for row in rows):
        sentences.append(
            f"The table shows {READS[showing.read]}; the train {within_sentence(metric.removeprefix('Validation '))} "
            f"is {TRAIN_METRICS[showing.train_metric]}."
        )
    elif elsewhere and not showing.figures:
        sentences.append("The table shows what each run reported last.")
    else:
        sentences.append(f"The table shows {READS[showing.read]}.")
    sentences += _time_sentence(rows, timed_alone=timed_alone)
    if any(row.is_default for row in rows):
        sentences.append(f"The symbol {DEFAULT_MARK} marks the default.")
    return (*sentences, *_comparison_sentences(compared, metric, unpaired))


def seed_words(seeds: Sequence[int]) -> str:
    """List seeds: "0, 1, 2", or "0 to 9" for more than three in a row."""
    if len(seeds) > 3 and list(seeds) == list(range(seeds[0], seeds[0] + len(seeds))):
        return f"{seeds[0]} to {seeds[-1]}"
    return ", ".join(map(str, seeds))


def _replicate_sentence(rows: Sequence[Row], seeds: Sequence[int]) -> str:
    moved = next((_MOVED.get(row.moves, "") for row in rows if row.moves), "")
    of_row = next((row_seeds(row, seeds) for row in rows if row.config is not None), seeds)
    of_rows = {tuple(row_seeds(row, seeds)) for row in rows if row.config is not None}
    if len(of_rows) > 1:
        return _uneven_sentence([len(one) for one in of_rows])
    folds = next((row.config.folds for row in rows if row.config is not None), 0)
    if folds:
        moved = f"; {_fold_words(folds, len(of_row) // folds)}"
    if len(of_row) > 1:
        return (
            f"{len(of_row)} replicates of each level (seeds {seed_words(of_row)}){moved}: mean ± 95% Student-t "
            f"interval.{OVERLAP_WORDS if any(map(training_overlap, rows)) else ''}"
        )
    return (
        f"One replicate of each level (seed {of_row[0]}): there is no interval, and a difference cannot be told from "
        "chance."
    )


def _fold_words(folds: int, repeats: int) -> str:
    """Say how the replicates of a cross-validation divide the data."""
    times = "once" if repeats == 1 else f"{repeats} times"
    return (
        f"a cross-validation: the rows are divided into {folds} folds {times}, and seed s validates on fold s mod "
        f"{folds} of repeat s div {folds}"
    )


def _uneven_sentence(counts: Sequence[int]) -> str:
    least, most = min(counts), max(counts)
    number = str(least) if least == most else f"{least} to {most}"
    if most == 1:
        return "One run of each level: there is no interval, and a difference cannot be told from chance."
    return f"{number} runs of each level, which do not all have the same seeds: mean ± 95% Student-t interval."


def _time_sentence(rows: Sequence[Row], *, timed_alone: bool) -> list[str]:
    """Say what times are, where they are not those of a trial by itself."""
    built = [row for row in rows if row.config is not None]
    singly = [", ".join(row.labels) for row in built if not row.stacked]
    if len(singly) == len(built):
        return []
    if timed_alone:
        rest = f"; those of {'; '.join(singly)} are means" if singly else ""
        return [
            f"Several networks trained at once in one process: a time is that of one replicate trained by itself{rest}."
        ]
    shared = "Several networks trained at once in one process: a time is the trial's share"
    return [f"{shared}, but for {'; '.join(singly)}, which cannot share one." if singly else f"{shared}."]


def compared_words(metric: str) -> str:
    """Write the heading of the metric that is compared as it stands within a sentence: "validation RMSE"."""
    part, name = "Validation ", metric.removeprefix("Validation ")
    return within_sentence(name) if name == metric else f"{part.lower()}{within_sentence(name)}"


def _comparison_sentences(compared: Collection[Difference], metric: str, unpaired: int) -> list[str]:
    if not compared:
        return []
    how = "are paired by seed"
    if unpaired:
        how = "are tested by Welch's test, as levels do not share their seeds"
        if unpaired < len(compared):
            how = "are paired by seed where levels share their seeds, and tested by Welch's test elsewhere"
    sentences = [
        f"Differences of the {compared_words(metric)} {how}, and each has its 95% interval; "
        f"“{BETTER}” and “{WORSE}” are shown at {SIGNIFICANCE:.0%} after Holm's correction for the table's "
        f"{counted(len(compared), 'comparison')}, “{NOT_SHOWN}”: the data do not show a difference."
    ]
    if any(difference.half_width is None for difference in compared):
        sentences.append("Where every pair differs by the same amount, there is no spread to test the difference with.")
    return sentences


def _data_words(row: Row) -> str:
    config = row.config
    if config is None:
        return ""
    if config.trainer == ELSEWHERE:
        return "results from elsewhere, whose training and validation rows are not known"
    if config.trainer:
        return f"what {config.trainer} reads"
    info = config.dataset_info
    options = data_id(config).removeprefix(config.dataset)
    held_out = validation_rows(config)
    if "outer_split" in row.moves:
        options = ""
    name = f"{info.label} {options}".rstrip()
    about = "about " if info.declared is not None and info.declared.groups else ""
    return f"{name}, {about}{info.development_rows - held_out:,} training and {held_out:,} validation rows"
