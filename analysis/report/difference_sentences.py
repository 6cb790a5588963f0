"""What the tables of a report show together, in sentences: the largest difference first, each with its size.

A level without a clear difference has its difference and interval too: a reader wants to know how large it can be.
"""

from collections.abc import Sequence

from analysis.report.differences import FactorFound, LevelFound, share_of
from analysis.statistics.comparisons import EQUAL, UNCLEAR, seeds_words
from analysis.statistics.intervals import SIGNIFICANCE
from analysis.statistics.power import MOST_SEEDS
from analysis.tables.captions import with_unit
from analysis.text import difference_unit
from tune_jobs.words import counted

# So many factors with a difference get a sentence each, and so many without one.
_MOST_HELD, _MOST_UNCLEAR = 6, 3
# So many levels of a factor are named, and so many factors in a list.
_MOST_LEVELS, _MOST_NAMES = 3, 8


def difference_sentences(factors: Sequence[FactorFound]) -> list[str]:
    """Say what all tables show together, the largest difference first.

    Args:
        factors: of `differences`.
    """
    if not factors:
        return []
    held = [one for one in factors if one.held]
    left = [one for one in factors if not one.held]
    sentences = [_held_sentence(one, _leads(one, factors)) for one in held[:_MOST_HELD]]
    if held[_MOST_HELD:]:
        sentences.append(f"Smaller differences hold in {counted(len(held) - _MOST_HELD, 'more table')}.")
    if not held:
        tests = counted(sum(len(one.levels) for one in factors), "comparison")
        sentences.append(f"No difference holds over the {tests} of this report.")
    sentences += _left_sentences(left)
    if held:
        sentences.append(_chance_sentence(factors))
    return sentences + _margin_sentences(factors)


def _leads(one: FactorFound, factors: Sequence[FactorFound]) -> str:
    """How a factor's sentence begins: that it matters most is said only where no other may matter as much."""
    scales = {(factor.view.metric, factor.view.unit) for factor in factors}
    if one is not factors[0] or len(factors) == 1 or len(scales) > 1:
        return _name(one)
    others = [level for other in factors[1:] for level in other.levels]
    first = one.held[0].comparison.difference
    if first is None or first.low is None or first.high is None or one.held[0].comparison.by_share:
        return f"{_name(one)} shows the largest difference"
    least = min(abs(first.low), abs(first.high))
    most = max((_farthest(level) for level in others), default=0.0)
    return f"{_name(one)} matters most" if least > most else f"{_name(one)} shows the largest difference"


def _farthest(level: LevelFound) -> float:
    found = level.comparison.difference
    if found is None or found.low is None or found.high is None:
        return float("inf") if found is None else abs(found.mean)
    return max(abs(found.low), abs(found.high))


def _held_sentence(one: FactorFound, lead: str) -> str:
    named = [level.words for level in one.held[:_MOST_LEVELS]]
    if len(one.held) > _MOST_LEVELS:
        named.append(f"{len(one.held) - _MOST_LEVELS} more levels differ by less")
    return f"{lead}: {'; '.join([_listed(named), *_rest(one)])}."


def _rest(one: FactorFound) -> list[str]:
    """Clauses on the levels of a factor whose difference does not hold over the report."""
    clauses = []
    if one.alone:
        clauses.append(f"{_listed([level.words for level in one.alone])} in this table alone")
    if equal := one.of(EQUAL):
        clauses.append(_equal_clause(one, equal))
    if unclear := one.of(UNCLEAR):
        clauses.append(f"no clear difference for {_amounts(unclear)}")
    return clauses


def _left_sentences(left: Sequence[FactorFound]) -> list[str]:
    """Sentences on factors without a difference that holds over the report."""
    sentences = []
    if alone := [one for one in left if one.alone]:
        words = "; ".join(f"{one.name}: {_listed([level.words for level in one.alone])}" for one in alone)
        sentences.append(f"Shown in its own table, but not over the whole report: {words}.")
    unclear = [one for one in left if not one.alone and one.of(UNCLEAR)]
    if len(unclear) <= _MOST_UNCLEAR:
        sentences += [f"{_name(one)}: {'; '.join(_unclear_clauses(one))}." for one in unclear]
    else:
        counts = _range(sorted({one.replicates for one in unclear}))
        largest = sorted((_largest(one) for one in unclear), key=share_of, reverse=True)
        if len(largest) <= _MOST_NAMES:
            named = f"with {counts} seeds: {_listed([_named(level, unclear) for level in largest])}"
        else:
            seen = _listed([_named(level, unclear) for level in largest[:_MOST_LEVELS]])
            named = f"with {counts} seeds in {len(unclear)} tables, the largest seen: {seen}"
        sentences.append(f"No clear difference {named}.")
        sentences += _needed_sentence(unclear)
    equal = [one for one in left if not one.alone and not one.of(UNCLEAR) and one.of(EQUAL)]
    if equal:
        names = [one.name for one in equal]
        where = _listed(names) if len(names) <= _MOST_NAMES else f"{len(names)} tables"
        sentences.append(f"All levels practically equal to the default: {where}.")
    return sentences


def _unclear_clauses(one: FactorFound) -> list[str]:
    unclear, needed = one.of(UNCLEAR), one.needed()
    seeds = f" with {counted(one.replicates, 'seed')}" if one.replicates else ""
    clauses = [f"no clear difference for {_amounts(unclear)} against {one.default}{seeds}"]
    if needed is not None:
        words, count = needed
        told = "would have shown" if count <= one.replicates else f"would have needed about {seeds_words(count)}"
        if count > MOST_SEEDS:
            told = told.replace("about ", "")
        clauses.append(f"a difference of {words} {told}")
    if equal := one.of(EQUAL):
        clauses.append(_equal_clause(one, equal))
    return clauses


def _equal_clause(one: FactorFound, equal: Sequence[LevelFound]) -> str:
    return f"{_amounts(equal)} practically equal to {one.default}"


def _needed_sentence(unclear: Sequence[FactorFound]) -> list[str]:
    known = [needed for one in unclear if (needed := one.needed()) is not None]
    if not known or len({words for words, _ in known}) > 1:
        return []
    counts = sorted(count for _, count in known)
    end = f"more than {MOST_SEEDS:,}" if counts[-1] > MOST_SEEDS else str(counts[-1])
    between = end if len(set(counts)) == 1 else f"{counts[0]} to {end}"
    return [f"There a difference of {known[0][0]} needs {between} seeds."]


def _chance_sentence(factors: Sequence[FactorFound]) -> str:
    tests = sum(len(one.levels) for one in factors)
    tables = counted(len(factors), "table")
    aside = ", those of one table alone aside," if any(one.alone for one in factors) else ""
    return (
        f"Over {counted(tests, 'comparison')} in {tables}, on average at most {SIGNIFICANCE:.0%} of the differences "
        f"shown{aside} are false (Benjamini and Hochberg, 1995). Intervals are {1 - SIGNIFICANCE:.0%}, each corrected "
        "for the comparisons of its table."
    )


def _margin_sentences(factors: Sequence[FactorFound]) -> list[str]:
    """Say what practically equal means, where a sentence has the words and all tables with a unit mean the same."""
    margins: dict[str, set[float]] = {}
    for one in factors:
        for level in one.of(EQUAL):
            margins.setdefault(difference_unit(one.view.unit), set()).add(level.comparison.margin or 0.0)
    if not margins or any(len(found) > 1 for found in margins.values()):
        return []
    sizes = [f"±{with_unit(value, unit)}" for unit, (value,) in margins.items()]
    return [f"“{EQUAL.capitalize()}”: the whole interval lies within {' or '.join(sizes)}."]


def _name(one: FactorFound) -> str:
    return one.name[:1].upper() + one.name[1:]


def _amounts(levels: Sequence[LevelFound]) -> str:
    """The levels with their differences, the first ones where they are many."""
    names = [level.amount for level in levels]
    more = len(names) - _MOST_LEVELS
    return _listed(names) if more < 2 else _listed([*names[:_MOST_LEVELS], f"{more} more levels"])


def _largest(one: FactorFound) -> LevelFound:
    """The level without a clear difference that differs the most from the default, by what was seen."""
    return max(one.of(UNCLEAR), key=share_of)


def _named(level: LevelFound, factors: Sequence[FactorFound]) -> str:
    name = next(one.name for one in factors if one.view is level.view)
    words = level.collapse or level.signed_words
    return f"{name} ({level.label}{f': {words}' if words else ''})"


def _listed(words: Sequence[str]) -> str:
    return ", ".join(words[:-1]) + f" and {words[-1]}" if len(words) > 1 else "".join(words)


def _range(counts: Sequence[int]) -> str:
    return str(counts[0]) if len(counts) == 1 else f"{counts[0]} to {counts[-1]}"
