"""The default configuration in words: of one table, and of the whole study."""

from collections import Counter
from collections.abc import Sequence

from analysis.frames.evidence import Evidence
from analysis.text import heading_within
from tune_jobs.study.model import Study
from tune_jobs.study.rows import Row
from tune_jobs.study.search_identity import default_config, moved_fields
from tune_jobs.trial.config import TrialConfig
from tune_jobs.trial.key import is_code, trajectory
from tune_jobs.words import counted

# So many defaults of a study are said; tables with another one say it themselves.
_MOST_DEFAULTS = 3
# A default that differs from the one before in at most so many settings is said by these.
_MOST_CHANGES = 3
_OF_TRAINING = {"seed", "split_seed"}


def base_words(rows: Sequence[tuple[int, Row]], study: Study) -> str:
    """Say in a line which configuration a table's levels change; "" where the table has no default.

    Args:
        rows: of the table, each with its position.
        study: with the labels of its fields.
    """
    default = _default([row for _, row in rows])
    if default is None or default.config is None:
        return ""
    words = _settings(default.config, study, {"dataset", *default.moves})
    return f"Default ({', '.join(default.labels)}): {', '.join(words.values())}."


def default_sentences(evidence: Evidence) -> list[str]:
    """Say in one sentence what the defaults of a study's tables are, or that of its search; none without a default."""
    study = evidence.study
    found = Counter(_of_tables(evidence)) or Counter(_of_search(evidence))
    if not found:
        return []
    several = len({config.dataset for config, _ in found}) > 1
    left = set() if several else {"dataset"}
    all_words = [_settings(config, study, left | set(moves)) for config, moves in found]
    if len(all_words) == 1:
        return [f"Default: {', '.join(all_words[0].values())}."]
    counts = [f"of {counted(count, 'table')}" for count in found.values()][:_MOST_DEFAULTS]
    shown = [_after(words, before) for words, before in zip(all_words, [{}, *all_words[:-1]], strict=True)]
    text = "; ".join(f"{count}: {words}" for count, words in zip(counts, shown, strict=False))
    more = len(all_words) - len(counts)
    return [f"Default {text}" + ("; other tables name theirs." if more else ".")]


def _of_tables(evidence: Evidence) -> list[tuple[TrialConfig, tuple[str, ...]]]:
    tables = [*evidence.study.tables, *evidence.study.stages[:1]]
    defaults = [_default([row for _, row in evidence.rows_of(table.name)]) for table in tables]
    return [(row.config, tuple(row.moves)) for row in defaults if row is not None and row.config is not None]


def _of_search(evidence: Evidence) -> list[tuple[TrialConfig, tuple[str, ...]]]:
    study = evidence.study
    return [] if study.search is None else [(default_config(study, study.search), moved_fields(study))]


def _default(rows: Sequence[Row]) -> Row | None:
    return next((row for row in rows if row.is_default and row.config is not None), None)


def _settings(config: TrialConfig, study: Study, left: set[str]) -> dict[str, str]:
    """What a configuration sets that is not neutral, in words by the field's name."""
    values = {**trajectory(config), "epochs": config.epochs}
    return {
        name: f"{heading_within(study.own.label(name))} {study.own.describe(name, value)}"
        for name, value in values.items()
        if name not in left | _OF_TRAINING and not is_code(name)
    }


def _after(words: dict[str, str], before: dict[str, str]) -> str:
    """A default after another one: what it changes, where that is little."""
    changed = [text for name, text in words.items() if before.get(name) != text]
    if before and before.keys() <= words.keys() and len(changed) <= _MOST_CHANGES:
        return f"the same with {' and '.join(changed)}"
    return ", ".join(words.values())
