"""Trials that an edit made stale: trained as the study asks, but with other code or other data."""

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tune_jobs.config import TrialConfig, is_code, trajectory
from tune_jobs.expansion import Trial
from tune_jobs.records import Record


@dataclass(frozen=True)
class Stale:
    """A missing trial that was trained before, and what has changed since: "network net:Net", "the data of wine"."""

    trial: Trial
    record: Record
    changed: tuple[str, ...]


def stale_trials(missing: Sequence[Trial], records: Mapping[str, Record]) -> list[Stale]:
    """Return those of the missing trials of which the ledger has an older version, the latest one of each.

    Args:
        missing: of a plan.
        records: of the ledger, by key.
    """
    older: dict[str, list[Record]] = defaultdict(list)
    for record in records.values():
        older[_identity(json.loads(record.fields))].append(record)
    found = []
    for trial in missing:
        mine = trajectory(trial.config)
        before = older.get(_identity(mine), [])
        if before:
            latest = max(before, key=lambda record: record.started_at)
            found.append(Stale(trial, latest, _changed(trial.config, mine, json.loads(latest.fields))))
    return found


def _changed(config: TrialConfig, mine: Mapping[str, Any], theirs: Mapping[str, Any]) -> tuple[str, ...]:
    names = [name for name in {**mine, **theirs} if is_code(name) and mine.get(name) != theirs.get(name)]
    kinds = [name.partition(".")[0] for name in names]
    return tuple(f"{kind} {getattr(config, kind)}" for kind in kinds) or (f"the data of {config.dataset}",)


def _identity(fields: Mapping[str, Any]) -> str:
    return json.dumps({name: value for name, value in fields.items() if not is_code(name)}, sort_keys=True)
