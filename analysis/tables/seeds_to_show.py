"""How many seeds a difference takes in each table of a study, from the spread that the ledger knows."""

from analysis.frames.evidence import Evidence, gather
from analysis.statistics.comparisons import Pairs, seeds_words
from analysis.statistics.intervals import CONFIDENCE, SIGNIFICANCE
from analysis.statistics.power import MOST_SEEDS, POWER, seeds_needed
from analysis.statistics.spread import Spread, known_spread
from analysis.tables.building import has_numbers
from analysis.tables.comparing import is_accuracy, judging, level_pairs, read_differently, step_of, table_overlap
from analysis.tables.tables import metric_of
from analysis.text import difference_unit, format_number
from tune_jobs.standing.standing import Standing
from tune_jobs.study.model import Study, Table
from tune_jobs.study.rows import Row

# How many seeds a run should have that is to tell a spread.
_PILOT_SEEDS = 5


def seeds_to_show(standing: Standing, difference: float) -> list[str]:
    """Say for each table how many seeds show a difference, in lines.

    Args:
        standing: of a study with tables.
        difference: the true one, in the metric's unit.
    """
    heading = (
        f"seeds: how many show a difference in {POWER:.0%} of cases, at {SIGNIFICANCE:.0%} for a whole table (Holm "
        "over its comparisons), if their number is fixed before"
    )
    evidence = gather(standing) if standing.contents.records else None
    return [heading, *(f"  {_table_words(standing, evidence, table, difference)}" for table in standing.study.tables)]


def _table_words(standing: Standing, evidence: Evidence | None, table: Table, difference: float) -> str:
    rows = [(position, row) for position, row in enumerate(standing.rows) if row.table == table.name]
    default = next((row for _, row in rows if row.is_default), None)
    levels = [row for _, row in rows if default and _is_compared(row, default)]
    if not levels:
        return f"{table.title}: no level is compared with a default"
    if evidence is None:
        return f"{table.title}: {_no_spread(standing, 0)}"
    shown = {position: evidence.trials[evidence.trials["position"] == position] for position, _ in rows}
    compared = [position for position, _ in rows if has_numbers(shown[position])]
    known = judging(table, rows, shown)
    of_row = dict(rows)
    found = level_pairs(rows, shown, known, compared, standing.looks.plan if standing.looks else ())
    pairs = [one for position, one in found.items() if one.paired and of_row[position] in levels]
    trials = evidence.trials[evidence.trials["table"] == table.name]
    spread = known_spread(pairs, step=step_of(rows, compared) if is_accuracy(trials) else 0.0)
    if spread is None:
        return f"{table.title}: {_no_spread(standing, max(map(_learnt, pairs), default=0))}"
    unit = difference_unit(metric_of(trials)[1])
    needed = _needed(difference, spread, len(levels), table_overlap(rows, known, compared))
    return f"{table.title}: {_needed_words(difference, unit, spread, needed, table.showing.folds)}"


def _is_compared(row: Row, default: Row) -> bool:
    return row.config is not None and not row.is_default and not read_differently(row, default)


def _learnt(pairs: Pairs) -> int:
    return int(pairs.learnt.sum())


def _needed(difference: float, spread: Spread, comparisons: int, overlap: float) -> tuple[int, int, int]:
    """How many replicates a difference needs with the spread, and with the ends of its interval."""
    about, low, high = (
        seeds_needed(difference, value, SIGNIFICANCE / comparisons, overlap=overlap)
        for value in (spread.value, spread.low, spread.high)
    )
    return about, low, high


def _needed_words(difference: float, unit: str, spread: Spread, needed: tuple[int, int, int], folds: int) -> str:
    about, low, high = needed
    end = f"{high}" if high <= MOST_SEEDS else f"more than {MOST_SEEDS:,}"
    words = seeds_words(about)
    if folds:  # each seed has a replicate for each fold
        words = words.replace("seeds", f"replicates ({-(-about // folds)} seeds of {folds} folds)")
    size, width = (_with_unit(value, unit) for value in (difference, spread.value))
    between = f"between {low} and {end}" if low <= MOST_SEEDS else f"more than {MOST_SEEDS:,}"
    return (
        f"a difference of {size} needs {'' if about > MOST_SEEDS else 'about '}{words} (spread of the paired "
        f"differences {width}, from {spread.n} {'replicates' if folds else 'seeds'}; {between} with {CONFIDENCE:.0%} "
        "confidence)"
    )


def _with_unit(value: float, unit: str) -> str:
    decimals = 2
    while decimals < 6 and 0 < value < 10 ** (1 - decimals):
        decimals += 1
    return f"{format_number(value, decimals)} {unit}".rstrip()


def _no_spread(standing: Standing, n: int) -> str:
    """Say why no spread is known, and which run would tell it."""
    if n < 2:
        why = "the ledger has fewer than 2 seeds of its default and another level"
        return f"no spread is known: {why}; {_run_words(standing, _PILOT_SEEDS)} would tell it"
    why = f"the differences of its {n} replicates are equal, or vary by one row at most"
    return f"no spread is known: {why}; {_run_words(standing, max(_PILOT_SEEDS, 2 * n))} may tell it"


def _run_words(standing: Standing, seeds: int) -> str:
    study: Study = standing.study
    planned = len(standing.seeds)
    if planned >= seeds or standing.looks is not None:
        flags = ["--until-decided"] if standing.looks is not None else []
        return f"`{study.command('run', *flags)}`"
    if not study.given:
        return f"`run()` with replicates={seeds}"
    return f"`{study.command('run', '--seeds', str(seeds))}`"
