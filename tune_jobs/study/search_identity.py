"""What names a search: the configuration that it starts from, the length of its trials, the id of its journal."""

import hashlib
import json
import math
from typing import TYPE_CHECKING

from tune_jobs.study.search import _ID_LENGTH, Search
from tune_jobs.trial.config import TrialConfig
from tune_jobs.trial.key import trajectory

if TYPE_CHECKING:
    from tune_jobs.study.model import Study


def default_config(study: "Study", search: Search) -> TrialConfig:
    """Return the configuration that the search starts from, its seed 0."""
    return study.config(search.base)


def full_length(study: "Study", search: Search) -> int:
    """Return how many epochs a trial of the search has that is never stopped."""
    return math.ceil(round(study.fraction * default_config(study, search).epochs, 6))


def search_id(study: "Study", search: Search, fingerprint: str) -> str:
    """Return what names a search's journal: it stays the same when the space, the budget or the rule change.

    Another base, another length, other data or another seed are another search.
    """
    content = {
        "base": trajectory(default_config(study, search)),
        "data": fingerprint,
        "epochs": full_length(study, search),
        "seed": search.seed,
        "read": search.read,
        "select": search.select,
    }
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()[:_ID_LENGTH]
