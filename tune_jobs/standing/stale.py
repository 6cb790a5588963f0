"""Trials that an edit made stale: trained as the study asks, but with other code, other data or another engine."""

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from data_utils.registry import DATASETS
from models.version import ENGINE_VERSIONS, SINGLE
from tune_jobs.ledger.record import Record
from tune_jobs.trial.config import FIELDS
from tune_jobs.trial.key import code_name, is_code, trajectory
from tune_jobs.trial.trial import Trial
from tune_jobs.user_code.parameters import KINDS


@dataclass(frozen=True)
class Stale:
    """A missing trial that was trained before, and what has changed since: "network net:Net", "the data of wine"."""

    trial: Trial
    record: Record
    changed: tuple[str, ...]


def stale_trials(missing: Sequence[Trial], records: Mapping[str, Record]) -> list[Stale]:
    """Find the missing trials of which the ledger has an older version, with the latest version of each.

    Args:
        missing: of a plan.
        records: of the ledger, by key.
    """
    older: dict[str, list[Record]] = defaultdict(list)
    for record in records.values():
        older[_registered(json.loads(record.fields))].append(record)
    found = []
    for trial in missing:
        mine = trajectory(trial.config)
        before = [
            record
            for record in older.get(_registered(mine), [])
            if (record.execution_mode or SINGLE) == trial.mode and _agree(mine, json.loads(record.fields))
        ]
        if before:
            latest = max(before, key=lambda record: record.started_at)
            found.append(Stale(trial, latest, _changed(trial, mine, latest)))
    return found


def may_be_stale(trial: Trial) -> bool:
    """Whether a trial can have been trained before and be missing all the same."""
    config = trial.config
    return bool(config.own) or config.info is not None or ENGINE_VERSIONS[trial.mode] > 1


def _changed(trial: Trial, mine: Mapping[str, Any], latest: Record) -> tuple[str, ...]:
    config, theirs = trial.config, json.loads(latest.fields)
    kinds = [kind for kind in KINDS if mine.get(code_name(kind)) != theirs.get(code_name(kind))]
    changed = [f"{kind} {getattr(config, kind)}" for kind in kinds]
    if not config.trainer and latest.engine_version != ENGINE_VERSIONS[trial.mode]:
        changed.append("the training engine")
    return tuple(changed) or (f"the data of {config.trainer or config.dataset}",)


def _registered(fields: Mapping[str, Any]) -> str:
    # An option of a built-in dataset that is absent has its default: no edit adds or removes it.
    option = "dataset." if fields.get("dataset") in DATASETS else None
    kept = {name: value for name, value in fields.items() if name in FIELDS or (option and name.startswith(option))}
    return json.dumps(kept, sort_keys=True)


def _agree(mine: Mapping[str, Any], theirs: Mapping[str, Any]) -> bool:
    """Whether the parameters that both versions of the user's code take have the same values."""
    return all(mine[name] == theirs[name] for name in set(mine) & set(theirs) if not is_code(name))
