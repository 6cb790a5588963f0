"""Which tables results make: what differs from the default by one factor, what is crossed, and what fits nowhere."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

from models.history import PRUNED
from tune_jobs.existing.looking import Found
from tune_jobs.existing.runs import Run, Value, sort_key
from tune_jobs.ledger.record import MISSING
from tune_jobs.words import counted

Levels = tuple[Value, ...]
# A pair of factors that is varied together, but not crossed, is still read as a table.
_TOGETHER = 2


@dataclass(frozen=True, eq=False)
class Configuration:
    """The replicates of one combination of levels.

    Attributes:
        levels: of all factors.
        runs: in the order of their seeds.
        seeds: a whole number for each run: its seed where there are seeds, else a number that no other run has.
    """

    levels: Levels
    runs: tuple[Run, ...]
    seeds: tuple[int, ...]


@dataclass(frozen=True, eq=False)
class LaidOutTable:
    """A table: the factors that it varies, and its configurations in the order of their levels.

    Attributes:
        crossed: whether some of its levels are crossed; else they are varied one by one, or together.
    """

    factors: tuple[str, ...]
    configurations: tuple[Configuration, ...]
    crossed: bool = False


@dataclass(frozen=True, eq=False)
class Layout:
    """All tables of results.

    Attributes:
        configurations: all that can be in a table, in the order of their levels.
        left: runs that are in no table, with the reason.
        paired: whether seeds are those of a column, so that equal ones make pairs.
    """

    found: Found
    tables: tuple[LaidOutTable, ...]
    configurations: tuple[Configuration, ...]
    left: tuple[tuple[Run, str], ...]
    paired: bool


def lay_out(found: Found) -> Layout:
    """Work out which tables results make."""
    configurations, left = _configurations(found)
    default = next((one for one in configurations if one.levels == found.default), None)
    tables = () if default is None else tuple(_tables(found, configurations, default))
    inside = {one.levels for table in tables for one in table.configurations}
    for one in configurations:
        if one.levels not in inside:
            left += [(run, _why_outside(found, one.levels)) for run in one.runs]
    return Layout(found, tables, tuple(configurations), tuple(left), bool(found.columns.seeds))


def _configurations(found: Found) -> tuple[list[Configuration], list[tuple[Run, str]]]:
    groups: dict[Levels, list[Run]] = {}
    left: list[tuple[Run, str]] = []
    for run in found.runs:
        if run.outcome == PRUNED:
            left.append((run, "was stopped before its end by its search"))
        else:
            groups.setdefault(found.levels(run), []).append(run)
    ordered = sorted(groups, key=lambda levels: tuple(map(sort_key, levels)))
    places = _seed_numbers(found)
    made, count = [], 0
    for levels in ordered:
        runs = groups[levels]
        if places is None:
            runs = sorted(runs, key=lambda run: (run.name, *map(str, run.metrics[found.metric])))
            made.append(Configuration(levels, tuple(runs), tuple(range(count, count + len(runs)))))
            count += len(runs)
            continue
        by_seed: dict[int, Run] = {}
        for run in sorted(
            runs, key=lambda run: (run.outcome == MISSING, run.name, *map(str, run.metrics[found.metric]))
        ):
            seed = places[run.seed]
            if seed in by_seed:
                left.append((run, "repeats the configuration and the seed of another run, which is shown"))
            else:
                by_seed[seed] = run
        made.append(Configuration(levels, tuple(by_seed[seed] for seed in sorted(by_seed)), tuple(sorted(by_seed))))
    return made, left


def _seed_numbers(found: Found) -> Mapping[tuple[Value, ...], int] | None:
    """A whole number for each seed: itself where seeds are one column of whole numbers, else its place in order."""
    if not found.columns.seeds:
        return None
    seeds = sorted({run.seed for run in found.runs}, key=lambda seed: tuple(map(sort_key, seed)))
    if all(len(seed) == 1 and isinstance(seed[0], int) and seed[0] >= 0 for seed in seeds):
        return {seed: int(str(seed[0])) for seed in seeds}
    return {seed: place for place, seed in enumerate(seeds)}


def _tables(found: Found, configurations: Sequence[Configuration], default: Configuration) -> Iterable[LaidOutTable]:
    moved = {one.levels: _moved(found, one.levels) for one in configurations}
    for name in found.factors:
        chosen = [one for one in configurations if moved[one.levels] <= {name}]
        if len(chosen) > 1:
            yield LaidOutTable((name,), tuple(chosen))
    single = any(len(factors) == 1 for factors in moved.values())
    covered: list[frozenset[str]] = []
    together = {factors for factors in moved.values() if len(factors) > 1}
    for factors in sorted(together, key=lambda one: (-len(one), sorted(one))):
        if any(factors <= other for other in covered):
            continue
        names = tuple(name for name in found.factors if name in factors)
        within = [one for one in configurations if moved[one.levels] <= factors]
        if _has_square(found, names, within):
            covered.append(factors)
            yield LaidOutTable(names, tuple(within), crossed=True)
        elif single and len(factors) == _TOGETHER:
            yield LaidOutTable(names, tuple(one for one in within if moved[one.levels] in (frozenset(), factors)))


def _moved(found: Found, levels: Levels) -> frozenset[str]:
    return frozenset(
        name for name, one, other in zip(found.factors, levels, found.default, strict=True) if one != other
    )


def _has_square(found: Found, names: Sequence[str], configurations: Sequence[Configuration]) -> bool:
    """Whether each two of the factors have two levels each in all four combinations, the rest being equal."""
    places = [found.factors.index(name) for name in names]
    there = {one.levels for one in configurations}
    return all(any(_square(one, first, second, there) for one in there) for first, second in combinations(places, 2))


def _square(corner: Levels, first: int, second: int, there: set[Levels]) -> bool:
    def other(place: int, value: Value, levels: Levels) -> Levels:
        return (*levels[:place], value, *levels[place + 1 :])

    along = {one[first] for one in there if one != corner and other(first, corner[first], one) == corner}
    across = {one[second] for one in there if one != corner and other(second, corner[second], one) == corner}
    return any(other(second, b, other(first, a, corner)) in there for a in along for b in across)


def _why_outside(found: Found, levels: Levels) -> str:
    moved = _moved(found, levels)
    if not moved:
        return "is the default, and no other run differs from it by one factor"
    names = ", ".join(name for name in found.factors if name in moved)
    return f"differs from the default in {counted(len(moved), 'factor')} that are not crossed ({names})"
