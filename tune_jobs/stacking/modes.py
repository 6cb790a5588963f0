"""How the trials of each table of a study are trained: in stacks or singly.

Tables that have a configuration in common are compared with each other, through it, so one choice holds for all of
them; only what cannot be in a stack trains singly in any case. What a study was run with stays: else new seeds would
not fit the old ones.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from models.stacking.shape import shape_on_any_data
from models.version import SINGLE, STACKED
from tune_jobs.errors import UserError
from tune_jobs.stacking.rule import Rule
from tune_jobs.study.model import FRESH_PATH, PATH, SEARCH, SEARCH_TABLES, Study
from tune_jobs.study.resources import AUTO, OFF
from tune_jobs.study.rows import expand
from tune_jobs.study.search import Search
from tune_jobs.study.space import Parameter
from tune_jobs.trial.config import TrialConfig
from tune_jobs.trial.data import data_slot
from tune_jobs.trial.key import trajectory
from tune_jobs.trial.trial import can_be_stacked


@dataclass
class _Together:
    """Tables that are decided on together.

    Attributes:
        tables: their names.
        configs: of their rows.
        singly: whether they must be trained singly.
    """

    tables: set[str]
    configs: list[TrialConfig]
    singly: bool = False

    def join(self, other: "_Together") -> None:
        """Take in what is compared with these."""
        self.tables |= other.tables
        self.configs += other.configs
        self.singly = self.singly or other.singly


def choose_modes(
    study: Study, stack: str | int, before: Mapping[str, str] | None, rule: Callable[[], Rule]
) -> dict[str, str]:
    """Choose whether the trials of each table that can be in a stack are.

    Args:
        study: with its overrides.
        stack: "auto", "off", or how many at once, for all that can be in a stack.
        before: what was chosen before, by table; None if the study was not run. An empty one is of before there were
            stacks.
        rule: finds what stacking gains; called if that is what decides.

    Returns:
        "stacked" or "single", by the name of the table.
    """
    names = _names(study)
    if before is not None and stack == AUTO:
        # An empty one is of before there were stacks.
        before = before or dict.fromkeys(names, SINGLE)
        if before.keys() >= names:
            return {name: before[name] for name in sorted(names)}
    modes: dict[str, str] = {}
    for together in _compared(study):
        mode = _mode(together, stack, before or {}, rule)
        modes.update(dict.fromkeys(together.tables, mode))
    kept = before if before is not None and stack == AUTO else {}
    return {name: kept.get(name, mode) for name, mode in sorted(modes.items())}


def _names(study: Study) -> set[str]:
    """The names of all tables that a study has or may come to have."""
    names = {table.name for table in (*study.tables, *study.stages, *study.finals)}
    names |= {PATH, FRESH_PATH} if study.stages else set()
    return names | (set(SEARCH_TABLES) if study.search is not None else set())


def _mode(together: _Together, stack: str | int, before: Mapping[str, str], rule: Callable[[], Rule]) -> str:
    stackable = [config for config in together.configs if can_be_stacked(config)]
    if stack == OFF or together.singly or not stackable:
        return SINGLE
    if isinstance(stack, int):
        return STACKED
    known = {before[table] for table in together.tables if table in before}
    if known:
        return SINGLE if SINGLE in known else STACKED
    return STACKED if rule().pays(stackable) else SINGLE


def _compared(study: Study) -> list[_Together]:
    """Divide the tables of a study into those that have configurations in common."""
    parts = _by_table(study)
    # Of each part, one that it belongs with; the root of a chain belongs with itself.
    belongs = list(range(len(parts)))

    def root(part: int) -> int:
        while belongs[part] != part:
            belongs[part] = belongs[belongs[part]]
            part = belongs[part]
        return part

    owners: dict[str, int] = {}
    for number, part in enumerate(parts):
        for config in part.configs:
            name = json.dumps(trajectory(config))
            belongs[root(owners.setdefault(name, number))] = root(number)
    found: dict[int, _Together] = {}
    for number, part in enumerate(parts):
        whole = found.setdefault(root(number), _Together(set(), []))
        whole.join(part)
    return list(found.values())


def _by_table(study: Study) -> list[_Together]:
    """Collect what each table may train; stages count as one table, and so does all that belongs to a search."""
    rows: dict[str, list[TrialConfig]] = {}
    for row in expand(study):
        if row.config is not None:
            rows.setdefault(row.table, []).append(row.config)
    staged = {stage.name for stage in study.stages}
    found: list[_Together] = []
    stages = _Together({*staged, PATH, FRESH_PATH}, [])
    for table, configs in rows.items():
        if table in stages.tables:
            stages.configs += configs
        elif table == SEARCH:
            # A stack of one trial would be slower than that trial by itself.
            found.append(_Together(set(SEARCH_TABLES), configs, singly=not _has_one_shape(study)))
        else:
            found.append(_Together({table}, configs))
    return [*found, stages] if staged else found


def _has_one_shape(study: Study) -> bool:
    """Whether all points of a search's space can be in one stack."""
    if study.search is None:
        return False
    return all(_keeps_shape(study, study.search, parameter) for parameter in study.search.space)


def _keeps_shape(study: Study, search: Search, parameter: Parameter) -> bool:
    try:
        configs = [
            study.config(search.base, {parameter.name: value})
            for value in parameter.choices or (parameter.low, parameter.high)
        ]
    except UserError:  # such a point is never trained
        return False
    shapes = set(map(shape_on_any_data, configs))
    return len(shapes) == 1 and None not in shapes and len(set(map(data_slot, configs))) == 1
