"""What identifies a search: its default configuration, the length of its trials, the id of its journal."""

import hashlib
import json
import math
from typing import Any

from tune_jobs.study.model import SEARCH, SPLITS, Study
from tune_jobs.study.rows import Row, replicate
from tune_jobs.study.search import ID_LENGTH, Search
from tune_jobs.trial.config import TrialConfig
from tune_jobs.trial.key import trajectory


def default_config(study: Study, search: Search) -> TrialConfig:
    """The configuration that the search starts from, with seed 0."""
    return study.config(search.base)


def moved_fields(study: Study) -> tuple[str, ...]:
    """The fields that a search's replicates shift by their seed: the validation part, where the study's splits move."""
    return () if study.showing.splits == "fixed" else SPLITS["validation"]


def search_replicate(study: Study, config: TrialConfig, seed: int) -> TrialConfig:
    """The configuration of a search's replicate: that of seed 0 as it is, any other with its seed and its split."""
    return replicate(Row(SEARCH, (), config, moves=moved_fields(study)), seed) if seed else config


def full_length(study: Study, search: Search) -> int:
    """How many epochs a trial of the search trains if it is never stopped."""
    return math.ceil(round(study.fraction * default_config(study, search).epochs, 6))


def search_id(study: Study, search: Search, fingerprint: str) -> str:
    """Identify a search's journal.

    The id stays the same when the space, the budget, the scheduler or the sampler changes. It changes with the base,
    the length, the data, the seed, the replicates, and the epoch or score that trials are compared by.
    """
    content: dict[str, Any] = {
        "base": trajectory(default_config(study, search)),
        "data": fingerprint,
        "epochs": full_length(study, search),
        "seed": search.seed,
        "read": search.read,
        "select": search.select,
    }
    if search.replicates > 1:
        content["replicates"] = [search.replicates, *moved_fields(study)]
    if study.metrics is not None:
        content["metric"] = study.metrics.by.compared_name
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()[:ID_LENGTH]
