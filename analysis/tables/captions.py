"""The caption of a table: its data and replicates, the epoch it shows, and how levels were compared."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from analysis.statistics.comparisons import BETTER, EQUAL, UNCLEAR, WORSE, Comparison
from analysis.statistics.intervals import SIGNIFICANCE
from analysis.statistics.power import MOST_SEEDS, POWER
from analysis.tables.comparing import Judging
from analysis.text import difference_unit, format_number, within_sentence
from tune_jobs.existing.as_study import ELSEWHERE
from tune_jobs.study.model import READS, SPLITS, TRAIN_METRICS, Table
from tune_jobs.study.rows import Row, row_seeds, training_overlap
from tune_jobs.trial.data import data_id, validation_rows

DEFAULT_MARK = "*"
# What a table's numbers are about.
_CLAIMS = {
    "split": "All replicates share one split of the data, and only seeds varied: what is shown holds for this split.",
    "dataset": "What is shown holds for these data, over splits drawn anew; it says nothing of new data.",
    "population": "What is shown holds for new data from the same source.",
    "elsewhere": "Replicates were trained elsewhere, and nobody knows how their data were split.",
}
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


@dataclass(frozen=True)
class Said:
    """A sentence of a caption, and what it is about; several tables may say the same of a kind, and none of "".

    A kind is "data", "replicates", "reading", "claim" and so on.
    """

    kind: str
    words: str


def table_caption(
    table: Table,
    rows: Sequence[Row],
    seeds: Sequence[int],
    metric: tuple[str, str],
    known: Judging,
    compared: Sequence[Comparison],
    *,
    timed_alone: bool = False,
) -> list[Said]:
    """Say what a reader must know to read a table, in sentences.

    Args:
        table: of the study.
        rows: of the table.
        seeds: the replicates of every row.
        metric: what the metric that is compared is called, such as Validation Accuracy, and its unit.
        known: how the levels were judged.
        compared: the levels that were compared with the default.
        timed_alone: whether the times of levels that train in stacks are those of one replicate by itself.
    """
    data = "; ".join(dict.fromkeys(_data_words(row) for row in rows if row.config is not None))
    said = [Said("data", f"Data: {data}."), *_look_sentences(known.looks)]
    said += [Said("replicates", _replicate_sentence(rows, seeds, known)), *_overlap_sentence(rows, seeds, known)]
    said.append(_reading_sentence(table, rows, metric))
    said += _time_sentence(rows, timed_alone=timed_alone)
    if any(row.is_default for row in rows):
        said.append(Said("mark", f"The symbol {DEFAULT_MARK} marks the default."))
    if len(next((row_seeds(row, seeds) for row in rows), seeds)) > 1:
        said.append(Said("claim", _CLAIMS[known.claim]))
        said += _flattery_sentence(known, metric)
    return [*said, *_comparison_sentences([one for one in compared if not one.reason], metric, known)]


def shared_sentences(captions: Sequence[Sequence[Said]]) -> list[Said]:
    """What the captions of several tables share: of each kind, the sentence that most of those that have one say.

    A single table shares nothing. A sentence without a kind is about its table alone.
    """
    shared = []
    for kind in dict.fromkeys(one.kind for caption in captions for one in caption if one.kind):
        of_kind = Counter(one for caption in captions for one in caption if one.kind == kind)
        said, count = of_kind.most_common(1)[0]
        if count > 1 and 2 * count > sum(of_kind.values()):
            shared.append(said)
    return shared


def _reading_sentence(table: Table, rows: Sequence[Row], metric: tuple[str, str]) -> Said:
    showing = table.showing
    elsewhere = any(row.config is not None and row.config.trainer == ELSEWHERE for row in rows)
    if any(row.config is not None and not row.config.trainer for row in rows):
        plain = within_sentence(metric[0].removeprefix("Validation "))
        words = f"The table shows {READS[showing.read]}; the train {plain} is {TRAIN_METRICS[showing.train_metric]}."
    elif elsewhere and not showing.figures:
        words = "The table shows what each run reported last."
    else:
        words = f"The table shows {READS[showing.read]}."
    return Said("reading", words)


def seed_words(seeds: Sequence[int]) -> str:
    """List seeds: "0, 1, 2", or "0 to 9" for more than three in a row."""
    if len(seeds) > 3 and list(seeds) == list(range(seeds[0], seeds[0] + len(seeds))):
        return f"{seeds[0]} to {seeds[-1]}"
    return ", ".join(map(str, seeds))


def _look_sentences(looks: Sequence[int]) -> list[Said]:
    if not looks:
        return []
    words = (
        f"Seeds are added until a level is decided, at looks that were declared before: {', '.join(map(str, looks))} "
        f"seeds. The table's {SIGNIFICANCE:.0%} are spent over the looks, in proportion to the seeds that each adds."
    )
    return [Said("looks", words)]


def _replicate_sentence(rows: Sequence[Row], seeds: Sequence[int], known: Judging) -> str:
    looks = known.looks
    moved = next((_MOVED.get(row.moves, "") for row in rows if row.moves), "")
    built = [row for row in rows if row.config is not None]
    of_rows = {tuple(row_seeds(row, seeds)) for row in built}
    of_row = max(of_rows, key=len, default=tuple(seeds))
    if len(of_rows) > 1 and not looks:
        return _uneven_sentence([len(one) for one in of_rows])
    folds = next((row.config.folds for row in built if row.config is not None), 0)
    if folds:
        moved = f"; {_fold_words(folds, len(of_row) // folds)}"
    if len(of_rows) > 1:
        return (
            f"Up to {len(of_row)} replicates of a level (seeds {seed_words(of_row)}; n says how many){moved}: mean ± "
            "95% Student-t interval."
        )
    if len(of_row) > 1:
        return (
            f"{len(of_row)} replicates of each level (seeds {seed_words(of_row)}){moved}: mean ± 95% Student-t "
            f"interval."
        )
    return (
        f"One replicate of each level (seed {of_row[0]}): there is no interval, and a difference cannot be told from "
        "chance."
    )


def _overlap_sentence(rows: Sequence[Row], seeds: Sequence[int], known: Judging) -> list[Said]:
    """Say how intervals are corrected, where all rows have the same replicates and their training parts overlap."""
    of_rows = {tuple(row_seeds(row, seeds)) for row in rows if row.config is not None}
    corrected = known.claim == "population" and any(map(training_overlap, rows))
    several = len(of_rows) == 1 and len(next(iter(of_rows))) > 1
    return [Said("overlap", OVERLAP_WORDS.strip())] if corrected and several else []


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


def _time_sentence(rows: Sequence[Row], *, timed_alone: bool) -> list[Said]:
    """Say what times are, where they are not those of a trial by itself."""
    built = [row for row in rows if row.config is not None]
    singly = [", ".join(row.labels) for row in built if not row.stacked]
    if len(singly) == len(built):
        return []
    if timed_alone:
        rest = f"; those of {'; '.join(singly)} are means" if singly else ""
        words = f"a time is that of one replicate trained by itself{rest}."
    else:
        words = "a time is the trial's share"
        words += f", but for {'; '.join(singly)}, which cannot share one." if singly else "."
    return [Said("times", f"Several networks trained at once in one process: {words}")]


def compared_words(metric: str) -> str:
    """Write the heading of the metric that is compared as it stands within a sentence: "validation RMSE"."""
    part, name = "Validation ", metric.removeprefix("Validation ")
    return within_sentence(name) if name == metric else f"{part.lower()}{within_sentence(name)}"


def _comparison_sentences(compared: Sequence[Comparison], metric: tuple[str, str], known: Judging) -> list[Said]:
    tested = [one for one in compared if one.adjusted_p is not None]
    if not tested:
        return []
    name, unit = metric
    said = [
        Said(
            "compared",
            f"Differences of the {compared_words(name)} {_pairing_words(tested)}; “{BETTER}” and “{WORSE}” are shown "
            f"at {SIGNIFICANCE:.0%} after Holm's correction for the comparisons of a table, and the intervals of "
            "differences are corrected for them as well.",
        )
    ]
    if known.read == "best":
        words = (
            "Differences are taken at the epoch that is best for the other half of the seeds: a seed's best epoch "
            "flatters it, and the more so the noisier its curve is."
        )
        said.append(Said("best", words))
    if known.margin is not None:
        said.append(Said("margin", _margin_sentence(known, difference_unit(unit))))
    if any(one.smallest is not None and one.verdict == UNCLEAR for one in tested):
        words = (
            f"“{UNCLEAR}”: beside it stand the smallest difference that so many seeds would have shown in {POWER:.0%} "
            "of cases, and how many seeds would settle what was seen."
        )
        said.append(Said("unclear", words))
        seeds = [one.seeds for one in tested if one.seeds is not None and one.seeds <= MOST_SEEDS]
        said += [Said("", f"`--seeds {max(seeds)}` runs as many as any of them needs.")] if seeds else []
    if any(one.difference and one.difference.n > 1 and one.difference.half_width is None for one in tested):
        words = (
            "Where every pair differs by the same amount, there is no spread to test the difference with, and an exact "
            "sign test takes its place."
        )
        said.append(Said("in every pair", words))
    if any(one.shares for one in tested):
        words = "The shares of seeds that collapsed are compared by an exact test (Barnard, 1945)."
        said.append(Said("shares", words))
    return said


def judging_words(family: str, margin: float | None, unit: str) -> str:
    """Say how changes outside of tables were judged.

    Args:
        family: what shares one chance of error, in words: "stages".
        margin: within which a change is none for practical purposes.
        unit: of a difference.
    """
    inside = f" “{EQUAL}”: the whole interval lies within ±{with_unit(margin, unit)}." if margin is not None else ""
    return (
        f"Verdicts are at {SIGNIFICANCE:.0%} after Holm's correction over the {family}, and the intervals of these "
        f"differences are corrected as well.{inside}"
    )


def _pairing_words(tested: Sequence[Comparison]) -> str:
    unpaired = sum(not one.paired for one in tested)
    if not unpaired:
        return "are paired by seed"
    if unpaired < len(tested):
        return "are paired by seed where levels share their seeds, and tested by Welch's test elsewhere"
    return "are tested by Welch's test, as levels do not share their seeds"


def _flattery_sentence(known: Judging, metric: tuple[str, str]) -> list[Said]:
    if not known.flattery:
        return []
    name, unit = metric
    size = with_unit(known.flattery, difference_unit(unit))
    words = f"Picking the best of as many equal levels flatters it by {size} of {compared_words(name)}, on average."
    return [Said("", words)]


def with_unit(value: float, unit: str) -> str:
    """Write a size with its unit, such as a margin: "2.38 points", "2,950 dollars"."""
    return f"{format_number(value, 2 if value < 100 else 0)} {unit}".rstrip()


def _margin_sentence(known: Judging, unit: str) -> str:
    number = with_unit(known.margin or 0.0, unit)
    source = "as the study declares" if known.declared else f"what {known.rows:,} validation rows leave open"
    return f"“{EQUAL}”: the whole interval lies within the margin of ±{number} ({source})."


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
