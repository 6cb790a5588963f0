"""How the trials of each table of a study are trained: in stacks or singly.

Tables that have a configuration in common are compared with each other, through it; so they are all trained alike.
What a study was run with stays: else new seeds would not fit the old ones.
"""

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

from models.stacking.shape import can_stack
from models.version import SINGLE, STACKED
from tune_jobs.errors import UserError
from tune_jobs.stacking.rule import Rule
from tune_jobs.study.model import FRESH_PATH, PATH, SEARCH, SEARCH_TABLES, Study
from tune_jobs.study.resources import OFF
from tune_jobs.study.rows import expand
from tune_jobs.trial.config import TrialConfig
from tune_jobs.trial.key import trajectory


@dataclass
class _Together:
    """Tables that are trained alike.

    Attributes:
        tables: their names.
        configs: of their rows.
        can_stack: whether all that they may train can be in a stack.
    """

    tables: set[str]
    configs: list[TrialConfig]
    can_stack: bool

    def join(self, other: "_Together") -> None:
        self.tables |= other.tables
        self.configs += other.configs
        self.can_stack = self.can_stack and other.can_stack


def choose_modes(
    study: Study, stack: str | int, before: Mapping[str, str] | None, rule: Callable[[], Rule]
) -> dict[str, str]:
    """Choose how the trials of each table are trained.

    Args:
        study: with its overrides.
        stack: "auto", "off", or how many at once, for all that can be in a stack.
        before: what was chosen before, by table; None if the study was not run. Other tables of a study that was run
            before there were stacks are trained singly, as the rest.
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
    if stack == OFF or not together.can_stack:
        return SINGLE
    if isinstance(stack, int):
        return STACKED
    if before is not None:
        # An empty one was written before there were stacks.
        known = {before[table] for table in together.tables if table in before} if before else {SINGLE}
        if known:
            return SINGLE if SINGLE in known else STACKED
    return STACKED if rule().pays(together.configs) else SINGLE


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
    staged = [stage.name for stage in study.stages]
    together = [_made({table}, configs) for table, configs in rows.items() if table not in {*staged, PATH, FRESH_PATH}]
    if staged:
        # What a later stage starts from is not known yet; each of its levels says what it may bring in.
        configs = [config for table in (*staged, PATH) for config in rows.get(table, [])]
        later = [
            _level_config(study, stage.base, level.base, level.values)
            for stage in study.stages[1:]
            for level in stage.levels
        ]
        stages = _made({*staged, PATH, FRESH_PATH}, [*configs, *(config for config in later if config is not None)])
        stages.can_stack = stages.can_stack and None not in later
        together.append(stages)
    for one in together:
        if SEARCH in one.tables:
            # Its workers ask for one trial at a time.
            one.tables |= set(SEARCH_TABLES)
            one.can_stack = False
    return together


def _made(tables: Collection[str], configs: Sequence[TrialConfig]) -> _Together:
    return _Together(set(tables), list(configs), all(map(can_stack, configs)))


def _level_config(study: Study, *layers: Mapping[str, object]) -> TrialConfig | None:
    try:
        return study.config(*layers)
    except UserError:
        return None
