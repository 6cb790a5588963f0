"""A trial as a tracker shows it."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from models.history import TIMED_OUT
from tune_jobs.ledger.record import FAILED, Record
from tune_jobs.standing.standing import Standing
from tune_jobs.study.model import SEARCH
from tune_jobs.study.search_identity import default_config
from tune_jobs.trial.key import is_code
from tune_jobs.trial.trial import differences

# The levels of a trial, by table. Rows of one table may read one trial.
Levels = Mapping[str, Sequence[str]]
_NO_TABLE = "trial"


@dataclass(frozen=True)
class TrackedRun:
    """A trial of a study, with its record. A trial of several tables is one run.

    Attributes:
        study: its name.
        levels: of the trial, by table.
        record: of the ledger, without predictions.
    """

    study: str
    levels: Levels
    record: Record

    @property
    def key(self) -> str:
        """The trial's key."""
        return self.record.key

    @property
    def table(self) -> str:
        """The first table that reads the trial."""
        return next(iter(self.levels), _NO_TABLE)

    @property
    def level(self) -> str:
        """The trial's level in that table."""
        return next(iter(self.levels.get(self.table, ())), "")

    @property
    def name(self) -> str:
        """Table, level and seed."""
        return f"{self.table}: {self.level}, seed {self.record.seed}"

    @property
    def failed(self) -> bool:
        """Whether the trial has no result."""
        return self.record.outcome == FAILED

    @property
    def cut_off(self) -> bool:
        """Whether the trial reached its time limit."""
        return self.record.outcome == TIMED_OUT

    @cached_property
    def parameters(self) -> dict[str, Any]:
        """The configuration, as far as it decides the trial's numbers."""
        return {name: value for name, value in json.loads(self.record.fields).items() if not is_code(name)}

    @cached_property
    def metrics(self) -> dict[str, tuple[float, ...]]:
        """The values of each epoch, by what they measure."""
        record = self.record
        if record.is_reported:
            return record.reported
        curves = {
            "train_loss": record.train_loss,
            f"train_{record.metric}": record.train_metric,
            "validation_loss": record.validation_loss,
            f"validation_{record.metric}": record.validation_metric,
            "learning_rate": record.learning_rate,
            "train_seconds": record.train_seconds,
        }
        return {name: tuple(values) for name, values in curves.items() if values}

    @property
    def facts(self) -> dict[str, str]:
        """What is known of the trial beside its configuration and its metrics."""
        record = self.record
        known = {
            "study": self.study,
            "key": self.key,
            "seed": str(record.seed),
            "outcome": record.outcome,
            "reason": record.reason,
            "epochs": str(record.epochs),
            "dataset": record.dataset,
            "code_version": record.code_version,
            "machine_kind": record.machine_kind,
        }
        return {name: value for name, value in known.items() if value}

    @property
    def signature(self) -> str:
        """Changes with whatever is sent."""
        record = self.record
        content = [self.levels, record.outcome, record.epochs, record.started_at.isoformat()]
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:12]


def levels_of(standing: Standing) -> dict[str, dict[str, list[str]]]:
    """Return the levels of all trials of a study that are known, by the trials' keys."""
    found: dict[str, dict[str, list[str]]] = {}
    for replicates in standing.replicates:
        for one in replicates:
            labels = found.setdefault(one.key, {}).setdefault(one.row.table, [])
            label = " × ".join(one.row.labels)
            if label not in labels:
                labels.append(label)
    search = standing.search
    if search is not None:
        default = default_config(standing.study, search.search)
        for drawn in search.trials.values():
            for trial in drawn.trials:
                label = search_label(drawn.number, differences(drawn.trials[0].config, default))
                found.setdefault(trial.key, {}).setdefault(SEARCH, [label])
    return found


def search_label(number: int, words: str) -> str:
    """Name a trial of a search by its number and by what it changes."""
    return f"trial {number} ({words})"
