"""The best row of each table: which it is, and what it gains with fresh seeds, which did not pick it."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import pandas as pd

from analysis.frames.evidence import Evidence, gather
from analysis.frames.outcomes import OUTCOMES_WITHOUT_NUMBER, outcome_words
from analysis.statistics.comparisons import Comparison
from analysis.statistics.intervals import Difference
from analysis.tables.building import has_numbers
from analysis.tables.comparing import COMPARED, decisions, judging, read_differently
from analysis.tables.tables import TableView, metric_of
from analysis.text import difference_unit, format_range
from tune_jobs.ledger.confirmed import Pick
from tune_jobs.ledger.record import MISSING
from tune_jobs.standing.confirmed import confirmed_table
from tune_jobs.standing.standing import Standing
from tune_jobs.study.model import Table
from tune_jobs.study.rows import Row, row_seeds
from tune_jobs.words import counted, signed


def picked(standing: Standing) -> dict[str, Pick]:
    """Pick the best row of each table by its mean validation metric, by the table's name.

    A row with a replicate that ended badly, or that is read otherwise than the default, is never picked. A table whose
    default has no numbers has no best row.

    Args:
        standing: of a study that has been run.
    """
    evidence = gather(standing)
    found = {table.name: _best(table, evidence) for table in standing.study.tables}
    return {name: pick for name, pick in found.items() if pick is not None}


def _best(table: Table, evidence: Evidence) -> Pick | None:
    rows = evidence.rows_of(table.name)
    shown = _shown(rows, evidence)
    default = next((row for position, row in rows if row.is_default and has_numbers(shown[position])), None)
    if default is None:
        return None
    sign = 1 if metric_of(evidence.trials[evidence.trials["table"] == table.name])[2] else -1
    means = {
        row: (sign * float(shown[position][COMPARED].mean()), row.is_default)
        for position, row in rows
        if row.config is not None and has_numbers(shown[position]) and not read_differently(row, default)
    }
    best = max(means, key=means.__getitem__)
    folds = best.config.folds if best.config is not None else 0
    return Pick(best.labels, len(row_seeds(best, evidence.standing.seeds)) // (folds or 1))


def confirmation_sentences(table: Table, view: TableView, evidence: Evidence) -> list[str]:
    """Say what the best row of a table gains with the seeds that picked it, and with fresh ones; nothing if none is.

    The interval over fresh seeds is that of a single comparison: nothing was chosen among them.

    Args:
        table: of the study.
        view: its numbers.
        evidence: what the ledger knows of the study.
    """
    pick = evidence.standing.picks.get(table.name)
    line = next((line for line in view.lines if pick is not None and line.labels == pick.labels), None)
    if pick is None:
        return []
    name, again = ", ".join(pick.labels), evidence.study.command("run", "--confirm")
    if line is None:
        return [f"{name} was picked best and confirmed, and the table has no such row now; `{again}` confirms anew."]
    if line.is_default:
        sentences = [f"Picked best: {name}, the default, which leaves no gain to estimate with fresh seeds."]
    else:
        seen = _gain(line.comparison, view)
        fresh = _fresh_words(table, view, evidence, pick)
        sentences = [f"Picked best: {name}, {seen} on the seeds that it was picked with; {fresh}."]
    now = _best(table, evidence)
    if now is not None and now.labels != pick.labels:
        sentences.append(f"By now {', '.join(now.labels)} is best; `{again}` trains it with fresh seeds.")
    return sentences


def _fresh_words(table: Table, view: TableView, evidence: Evidence, pick: Pick) -> str:
    rows = evidence.rows_of(confirmed_table(table.name))
    shown = _shown(rows, evidence)
    compared = [position for position, _ in rows if has_numbers(shown[position])]
    outcomes = [outcome for frame in shown.values() for outcome in frame["outcome"]]
    done = sum(outcome != MISSING for outcome in outcomes)
    ran = "" if done == len(outcomes) else f" ({done} of {len(outcomes)} replicates have been run)"
    if len(compared) < 2:
        bad = next((outcome for outcome in outcomes if outcome in OUTCOMES_WITHOUT_NUMBER), None)
        return f"fresh seeds have no numbers{ran}" if bad is None else f"a fresh seed {outcome_words(bad)}"
    # Fresh replicates have validation parts of their own, also where the table's share one.
    claims = "" if table.showing.claims == "split" else table.showing.claims
    known = judging(replace(table, showing=replace(table.showing, claims=claims)), rows, shown)
    found = next(iter(decisions(rows, shown, known, compared).values()), None)
    if found is None:
        return f"no fresh seed of both has been run{ran}"
    comparison = found.comparison
    verdict = f", {comparison.verdict}" if comparison.verdict else ""
    moved = "" if table.showing.splits != "fixed" else ", each with a validation part of its own"
    return f"on {counted(pick.seeds, 'fresh seed')}{moved}{ran}: {_gain(comparison, view)}{verdict}"


def _gain(comparison: Comparison | None, view: TableView) -> str:
    """Write a difference with the ends of its interval: "+1.20 points (0.40 to 2.00)"."""
    difference: Difference | None = comparison.difference if comparison is not None else None
    if difference is None:
        return "no difference that can be told"
    compared = next(quantity for quantity in view.measured if quantity.name == COMPARED)
    decimals = view.decimals(compared)
    text = f"{signed(difference.mean, decimals)} {difference_unit(view.unit)}".rstrip()
    if difference.low is None or difference.high is None:
        same = ", up to one row" if difference.up_to else ""
        return f"{text} in every pair{same}" if difference.n > 1 else text
    return f"{text} ({format_range(difference.low, difference.high, decimals)})"


def _shown(rows: Sequence[tuple[int, Row]], evidence: Evidence) -> Mapping[int, pd.DataFrame]:
    return {position: evidence.trials[evidence.trials["position"] == position] for position, _ in rows}
