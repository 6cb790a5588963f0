"""How the trials of each table of a study are trained: in stacks or singly.

Tables that have a configuration in common are compared with each other, through it, so one choice holds for all of
them; only what cannot be in a stack trains singly in any case. What a study was run with stays: else new seeds would
not fit the old ones.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from models.stacking.shape import can_stack, shape_on_any_data
from models.version import SINGLE, STACKED
from tune_jobs.errors import UserError
from tune_jobs.stacking.rule import Rule
from tune_jobs.study.model import FRESH_PATH, PATH, SEARCH, SEARCH_TABLES, Study
from tune_jobs.study.resources import OFF
from tune_jobs.study.rows import expand
from tune_jobs.study.search import Search
from tune_jobs.study.space import Parameter
from tune_jobs.trial.config import TrialConfig
from tune_jobs.trial.key import trajectory


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
    modes = {}
    for together in _compared(study):
        mode = _mode(together, stack, before, rule)
        modes.update(dict.fromkeys(sorted(together.tables), mode))
    return modes


def _mode(together: _Together, stack: str | int, before: Mapping[str, str] | None, rule: Callable[[], Rule]) -> str:
    stackable = [config for config in together.configs if can_stack(config)]
    if stack == OFF or together.singly or not stackable:
        return SINGLE
    if isinstance(stack, int):
        return STACKED
    if before is not None:
        known = {before[table] for table in together.tables if table in before} if before else {SINGLE}
        if known:
            return SINGLE if SINGLE in known else STACKED
    return STACKED if rule().pays(stackable) else SINGLE


def _compared(study: Study) -> list[_Together]:
    """Divide the tables of a study into those that have configurations in common."""
    found: list[_Together] = []
    owners: dict[str, _Together] = {}
    for one in _by_table(study):
        names = {json.dumps(trajectory(config)) for config in one.configs}
        for other in {id(owners[name]): owners[name] for name in names if name in owners}.values():
            one.join(other)
            found.remove(other)
        found.append(one)
        owners.update(dict.fromkeys((json.dumps(trajectory(config)) for config in one.configs), one))
    return found


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
    return len(shapes) == 1 and None not in shapes
