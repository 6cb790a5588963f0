"""What is looked for in results: the metric and its goal, the factors, the replicates, the default; and the options
that would say the same."""

import shlex
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from models.history import PRUNED
from tune_jobs.errors import UserError, cut, shown, unknown
from tune_jobs.existing import names
from tune_jobs.existing.columns import Columns, Told, find_columns
from tune_jobs.existing.results import GOALS, MAX, MIN, Results
from tune_jobs.existing.runs import Run, Value, runs_of, sort_key
from tune_jobs.ledger.record import MISSING

# More metrics than these beside the compared one make tables too wide.
_MOST_OTHERS = 4


@dataclass(frozen=True, eq=False)
class Found:
    """What was found in results.

    Attributes:
        results: as they were read.
        columns: what each column is.
        runs: all of them.
        metric: that is compared; `goal` says whether "max" or "min" is better.
        others: further metrics that tables show.
        factors: the settings that vary.
        default: the level of each factor in the default row.
        read: "last" or "best" epoch.
    """

    results: Results
    columns: Columns
    runs: Sequence[Run]
    metric: str
    goal: str
    others: tuple[str, ...]
    factors: tuple[str, ...]
    default: tuple[Value, ...]
    read: str

    @property
    def constants(self) -> dict[str, Value]:
        """The settings that are the same in all runs."""
        first = self.runs[0].settings
        return {
            name: value
            for place, (name, value) in enumerate(zip(self.columns.settings, first, strict=True))
            if name not in self.factors and all(run.settings[place] == value for run in self.runs)
        }

    def levels(self, run: Run) -> tuple[Value, ...]:
        """The level of each factor in a run."""
        return levels_of(run, self.columns, self.factors)


def look(results: Results, told: Told) -> Found:
    """Find out what results are of.

    Raises:
        UserError: it cannot be told what is meant; the message names the option that says it.
    """
    columns = find_columns(results, told)
    metric = _metric(results, columns, told)
    goal = told.goal or _goal(results, metric)
    runs = runs_of(columns, metric)
    factors = _factors(results, columns, runs, told)
    default = _default(results, columns, runs, factors, told)
    read = told.read if columns.epoch else "last"
    return Found(results, columns, runs, metric, goal, _others(columns, metric), factors, default, read)


def levels_of(run: Run, columns: Columns, factors: Sequence[str]) -> tuple[Value, ...]:
    """The level of each of the factors in a run."""
    return tuple(run.settings[columns.settings.index(name)] for name in factors)


def as_options(found: Found) -> str:
    """Write what was found as the options that would say the same."""
    columns = found.columns
    words = ["--metric", found.metric, "--goal", found.goal]
    if found.factors:
        words += ["--factors", ",".join(found.factors)]
    if columns.seeds:
        words += ["--seed-column", ",".join(columns.seeds)]
    if found.factors:
        levels = zip(found.factors, found.default, strict=True)
        words += ["--default", ",".join(f"{name}={level_text(value)}" for name, value in levels)]
    for flag, name in (("--epoch-column", columns.epoch), ("--time-column", columns.seconds)):
        words += [flag, name] if name else []
    if columns.epoch:
        words += ["--read", found.read]
    return shlex.join(words)


def level_text(value: Value) -> str:
    """Write a level as `--default` takes it."""
    return "" if value is None else str(value)


def _metric(results: Results, columns: Columns, told: Told) -> str:
    if told.metric:
        return columns.metrics[0]
    if not columns.metrics:
        there = ", ".join(map(str, columns.frame.columns))
        raise UserError(
            f"{results.place}: no column has the name of a metric; say which one is compared with --metric (there are "
            f"{cut(there, 300)})"
        )
    ranked = sorted((_rank(results, name), name) for name in columns.metrics)
    best = [name for rank, name in ranked if rank == ranked[0][0]]
    if len(best) > 1:
        said = " or ".join(f"--metric {shlex.quote(name)}" for name in best[:4])
        raise UserError(f"{results.place}: {' and '.join(best[:4])} could be what is compared; say which: {said}")
    return best[0]


def _rank(results: Results, name: str) -> tuple[int, int]:
    """How likely a metric is the one that is compared; less is likelier: validation, then scores before losses."""
    part = names.part_of(name)
    by_part = (names.VALIDATION, names.ANY, names.TEST, names.TRAINING).index(part)
    goal = names.goal_of(name) or results.goals.get(name, "")
    words = set(names.words_of(name))
    if not goal:
        return by_part, 3
    if goal == MAX:
        return by_part, 0
    return by_part, 2 if "loss" in words else 1


def _goal(results: Results, metric: str) -> str:
    goal = results.goals.get(metric, "") or names.goal_of(metric)
    if not goal:
        raise UserError(
            f"{results.place}: is more or less of {metric} better? say --goal {MAX} or --goal {MIN} (metric: {metric})"
        )
    assert goal in GOALS
    return goal


def _others(columns: Columns, metric: str) -> tuple[str, ...]:
    """Metrics to show beside the compared one: never those of a test set, and only the train one if there are many."""
    rest = [name for name in columns.metrics if name != metric and names.part_of(name) != names.TEST]
    same = names.measured_words(metric)
    if len(rest) > _MOST_OTHERS:
        rest = [name for name in rest if names.measured_words(name) == same]
    return tuple(sorted(rest, key=lambda name: (names.measured_words(name) != same, name.casefold()))[:_MOST_OTHERS])


def _factors(results: Results, columns: Columns, runs: Sequence[Run], told: Told) -> tuple[str, ...]:
    if told.factors:
        short = [columns.settings[_place(columns, name)] for name in told.factors]
        return tuple(dict.fromkeys(short))
    varied = [
        name for place, name in enumerate(columns.settings) if len({sort_key(run.settings[place]) for run in runs}) > 1
    ]
    if not varied:
        raise UserError(
            f"{results.place}: nothing was varied: every column of settings has one value; say what was with --factors"
        )
    return tuple(varied)


def _place(columns: Columns, name: str) -> int:
    plain = name if name in columns.settings else names.plain_name(name)
    return columns.settings.index(plain)


def _default(
    results: Results, columns: Columns, runs: Sequence[Run], factors: Sequence[str], told: Told
) -> tuple[Value, ...]:
    """The default: as told, and else the configuration whose levels are the most frequent.

    Of several, it is the one from which most others differ by one factor, then the one that comes first in order.
    """
    ended = [run for run in runs if run.outcome not in (MISSING, PRUNED)] or list(runs)
    levels = [levels_of(run, columns, factors) for run in ended]
    asked = {names.plain_name(name): text for name, text in told.default.items()}
    wanted = {place: str(asked[name]) for place, name in enumerate(factors) if name in asked}
    for place, text in wanted.items():
        there = {one[place] for one in levels}
        if not any(_is_level(value, text) for value in there):
            known = [level_text(value) for value in sorted(there, key=sort_key)]
            raise UserError(f"{results.place}: --default {factors[place]}: {unknown('level', text, known)}")
    fitting = [one for one in levels if all(_is_level(one[place], text) for place, text in wanted.items())]
    if not fitting:
        said = ", ".join(f"{factors[place]}={text}" for place, text in wanted.items())
        raise UserError(f"{results.place}: --default {said}: no run has all of these; give those of a run")
    counts = [Counter(one[place] for one in levels) for place in range(len(factors))]
    distinct = set(levels)

    def frequency(one: tuple[Value, ...]) -> int:
        return sum(count[value] for count, value in zip(counts, one, strict=True))

    most = max(map(frequency, fitting))
    candidates = {one for one in fitting if frequency(one) == most}
    return min(candidates, key=lambda one: (-_neighbours(one, distinct), tuple(map(sort_key, one))))


def _neighbours(one: tuple[Value, ...], others: set[tuple[Value, ...]]) -> int:
    return sum(sum(a != b for a, b in zip(one, other, strict=True)) == 1 for other in others)


def _is_level(value: Value, text: str) -> bool:
    """Whether a level is what a text says: 0.10 is 0.1, and nothing is an empty cell."""
    if value is None or isinstance(value, bool) or not isinstance(value, int | float):
        return level_text(value) == text
    try:
        return float(text) == float(value)
    except ValueError:
        return False


def check_told(told: Told) -> None:
    """Check what the user says, as far as that needs no results.

    Raises:
        UserError: a goal or a reading that there is not.
    """
    if told.goal and told.goal not in GOALS:
        raise UserError(f"--goal: {shown(told.goal)} is neither max nor min; give one of them")
    if told.read not in ("last", "best"):
        raise UserError(f"--read: {shown(told.read)} is neither last nor best; give one of them")


def parse_levels(text: str) -> Mapping[str, str]:
    """Read "lr=0.1,width=32".

    Raises:
        UserError: a part is not of this form.
    """
    found = {}
    for part in text.split(","):
        name, equals, value = part.partition("=")
        if not equals or not name.strip():
            raise UserError(f"--default {cut(text)}: give NAME=LEVEL, such as --default lr=0.1,width=32")
        found[name.strip()] = value.strip()
    return found
