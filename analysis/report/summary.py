"""What a report says beside its tables: what was run, warnings, and what did not go as planned."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import pandas as pd

from analysis.frames.evidence import Evidence
from analysis.frames.outcomes import OUTCOMES_WITHOUT_NUMBER
from analysis.tables.captions import seed_words
from analysis.tables.tables import TableView
from tune_jobs.ledger.record import MISSING
from tune_jobs.standing.search.follow_up import FIRST_ESTIMATING_SEED
from tune_jobs.study.rows import FIRST_FRESH_SEED
from tune_jobs.trial.config import TrialConfig
from tune_jobs.trial.key import is_code, trajectory
from tune_jobs.user_code.components import Components

# Data sets named one by one; repeated outer splits are many.
_MOST_DATA = 6


@dataclass(frozen=True)
class Fact:
    """One line of what was run."""

    name: str
    value: str


def facts(evidence: Evidence, *, variant: str) -> list[Fact]:
    """Return what was run, on which data, where and with what, as the records tell it."""
    trials, fingerprints = evidence.trials, evidence.standing.fingerprints
    records = [record for _, record in sorted(evidence.records.items())]
    needed = len(evidence.keys)
    begun, ended = min(r.started_at for r in records), max(r.started_at for r in records)
    names = list(dict.fromkeys(trials["dataset"])) or sorted(fingerprints)
    data = [f"{name}, fingerprint {fingerprints[name][:16]}" for name in names[:_MOST_DATA]]
    data += [f"and {len(names) - _MOST_DATA} more outer splits"] if len(names) > _MOST_DATA else []
    versions = [json.loads(r.packages).items() if r.packages else () for r in records]
    packages = sorted({f"{name} {version}" for items in versions for name, version in items})
    found = [
        Fact("Variant", variant),
        Fact("Replicates", _replicates(evidence)),
        Fact("Trials", f"{len(records)} of {needed}, {_readings(evidence)}"),
        Fact("Data", "; ".join(data)),
        Fact("Ledger", evidence.ledger.storage.uri),
        Fact("Trained", f"{begun:%Y-%m-%d %H:%M} to {ended:%Y-%m-%d %H:%M} UTC (starts of the first and last trial)"),
        Fact("Time in trials", f"{sum(r.wall_seconds for r in records):,.0f} s"),
        Fact("Hosts", _distinct(r.host for r in records)),
        Fact("Machines", _distinct(r.machine_kind for r in records)),
        Fact("Execution", _distinct(r.execution_mode for r in records)),
        Fact("Packages", ", ".join(packages)),
        Fact("Code", _distinct(r.code_version for r in records)),
    ]
    return [fact for fact in found if fact.value]


def _replicates(evidence: Evidence) -> str:
    study, seeds, words = evidence.study, evidence.standing.seeds, []
    if study.tables or study.stages or study.finals:
        words.append(f"{len(seeds)} (seed{'s' * (len(seeds) != 1)} {seed_words(seeds)})")
    if study.search is not None:
        words.append(
            f"one of each trial of the search (seed 0), {study.search.seeds} of what follows it (seeds from "
            f"{FIRST_FRESH_SEED} on choose, from {FIRST_ESTIMATING_SEED} on estimate)"
        )
    return "; ".join(words)


def _readings(evidence: Evidence) -> str:
    trials, search = evidence.trials, evidence.standing.search
    words = [f"{len(search.trials)} of them drawn by the search"] if search is not None else []
    if len(trials):
        words.append(f"read as {len(trials)} replicates of {trials['position'].nunique()} rows")
    return "; ".join(words)


def warnings(evidence: Evidence) -> list[str]:
    """Return what casts doubt on the report as a whole."""
    study, trials, contents = evidence.study, evidence.trials, evidence.standing.contents
    found = []
    if study.fraction < 1:
        found.append(
            f"A quick look: every row is read at {study.fraction:.0%} of its epochs (at least one), the beginning of "
            "the full run. Nothing here is the study's result."
            + (" Stages that settle otherwise in the full run lead to other rows there." if study.stages else "")
        )
    if len(evidence.standing.choices) < len(study.stages):
        left = ", ".join(stage.title for stage in study.stages[len(evidence.standing.choices) + 1 :])
        found.append(
            f"The stage “{study.stages[len(evidence.standing.choices)].title}” has not settled yet"
            + (f"; still to come: {left}." if left else ".")
        )
    if evidence.standing.follow_up is not None and evidence.standing.follow_up.waiting_for:
        found.append(
            f"The search, or what follows it, is not through: it waits for {evidence.standing.follow_up.waiting_for}. Run the study "
            "again to go on; what comes after that is not in this report yet."
        )
    missing = trials.loc[trials["outcome"] == MISSING, "key"].nunique()
    if missing:
        found.append(
            f"{missing} of {trials['key'].nunique()} trials have not (wholly) been run yet: the tables say where. "
            "Run the study again to fill them in."
        )
    for key in sorted(set(contents.disagreements) & set(trials["key"])):
        line = trials[trials["key"] == key].iloc[0]
        found.append(
            f"Two records of one trial do not agree ({line['table']}, {line['level']}, seed {line['seed']}; "
            f"key {key}), although they were trained on machines of one kind: the longer is shown."
        )
    kinds = sorted({record.machine_kind for record in evidence.records.values() if record.machine_kind})
    if len(kinds) > 1:
        found.append(
            f"The trials ran on {len(kinds)} kinds of machine ({'; '.join(kinds)}): train times do not compare "
            "between them, and other numbers may differ in their last bits."
        )
    return found


def not_as_planned(views: Sequence[TableView], trials: pd.DataFrame) -> list[tuple[str, str, str]]:
    """Return table, level and what happened, of each level that cannot be built and each replicate without a number."""
    found = []
    for view in views:
        for line in view.lines:
            level = ", ".join(line.labels)
            if not line.outcomes:
                found.append((view.title, level, f"cannot be built: {line.reason}"))
            own = trials[trials["position"] == line.position]
            for outcome in (*OUTCOMES_WITHOUT_NUMBER, MISSING):
                found += [(view.title, level, words) for words in _endings(own[own["outcome"] == outcome], outcome)]
    return found


def settings(config: TrialConfig, own: Components, moves: Sequence[str] = ()) -> list[Fact]:
    """Return what a configuration sets, as a person reads it: the fields that it trains with.

    Args:
        config: of a row.
        own: the user's own components, with their fields' labels.
        moves: fields that replicates move by their seed.

    The seed is left out, and so are the fields that replicates move by it.
    """
    values = {**trajectory(config), "epochs": config.epochs, "early_stopping_patience": config.early_stopping_patience}
    read = [name for name in trajectory(config) if name != "seed" and name not in moves and not is_code(name)]
    shown = [*read, *(["epochs"] if "epochs" not in read else [])]
    if config.early_stopping_patience:
        shown.append("early_stopping_patience")
    return [
        Fact(own.label(name), f"{own.describe(name, values[name])} {_unit(own, name, values[name])}".strip())
        for name in shown
    ]


def _unit(own: Components, name: str, value: object) -> str:
    return "" if isinstance(value, str) else own.unit(name)


def _endings(replicates: pd.DataFrame, outcome: str) -> list[str]:
    """Return the endings in words, those of one reason together."""
    words = "not run yet" if outcome == MISSING else outcome.replace("_", " ")
    return [
        f"{words}, seed{'s' * (len(own) != 1)} {seed_words(list(own['seed']))}" + (f": {reason}" if reason else "")
        for reason in replicates["reason"].unique().tolist()
        for own in [replicates[replicates["reason"] == reason]]
    ]


def _distinct(values: Iterable[str]) -> str:
    return "; ".join(sorted({value for value in values if value}))
