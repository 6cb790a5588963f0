"""What a report says about the whole study: what was run, warnings, and what did not go as planned."""

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

import pandas as pd

from analysis.frames.evidence import Evidence
from analysis.frames.outcomes import OUTCOMES_WITHOUT_NUMBER, outcome_words
from analysis.statistics.intervals import SIGNIFICANCE
from analysis.tables.captions import seed_words
from analysis.tables.tables import TableView
from tune_jobs.ledger.looks import read_report_looks
from tune_jobs.ledger.record import MISSING
from tune_jobs.ledger.runs import variant_id
from tune_jobs.standing.search.follow_up import FIRST_ESTIMATING_SEED
from tune_jobs.study.data_words import data_in_words
from tune_jobs.study.model import Study
from tune_jobs.study.rows import FIRST_FRESH_SEED
from tune_jobs.trial.config import TrialConfig
from tune_jobs.trial.data import TRAINERS_OWN
from tune_jobs.trial.key import is_code, trajectory
from tune_jobs.words import counted, duration

# Up to so many datasets are listed; repeated outer splits can be many more.
_MOST_DATA = 6


@dataclass(frozen=True)
class Fact:
    """A line of a list: a name and its value."""

    name: str
    value: str


def _data_words(name: str, fingerprint: str) -> str:
    if fingerprint == TRAINERS_OWN:
        return f"read by {name}, so their content is not known here"
    return f"{name}, fingerprint {fingerprint[:16]}"


def facts(evidence: Evidence, *, variant: str) -> list[Fact]:
    """List what was run, on which data, where and with which software, from the records."""
    trials, fingerprints = evidence.trials, evidence.standing.fingerprints
    records = [record for _, record in sorted(evidence.records.items())]
    needed = len(evidence.keys)
    started = [record.started_at for record in records if not record.is_imported]
    imported = Counter(record.command for record in records if record.is_imported)
    names = list(dict.fromkeys(trials["dataset"])) or sorted(fingerprints)
    data = [_data_words(name, fingerprints[name]) for name in names[:_MOST_DATA]]
    data += [f"and {len(names) - _MOST_DATA} more outer splits"] if len(names) > _MOST_DATA else []
    versions = [json.loads(r.packages).items() if r.packages else () for r in records]
    packages = sorted({f"{name} {version}" for items in versions for name, version in items})
    found = [
        Fact("Variant", variant),
        Fact("Replicates", _replicates(evidence)),
        Fact("Trials", f"{len(records)} of {needed}, {_readings(evidence)}"),
        Fact("Data", "; ".join(data)),
        *(Fact("Data as read", line) for line in data_in_words(evidence.study, evidence.standing.rows)),
        Fact("Ledger", evidence.ledger.storage.uri),
        Fact("Trained", _times(started)),
        Fact("Imported", "; ".join(f"{counted(count, 'trial')} by `{command}`" for command, count in imported.items())),
        Fact("Time in trials", duration(sum(r.wall_seconds for r in records))),
        Fact("Hosts", _distinct(r.host for r in records)),
        Fact("Machines", _distinct(r.machine_kind for r in records)),
        Fact("Execution", _distinct(r.execution_mode for r in records)),
        Fact("Packages", ", ".join(packages)),
        Fact("Code", _distinct(r.code_version for r in records)),
    ]
    return [fact for fact in found if fact.value]


def _times(started: Sequence[datetime]) -> str:
    if not started:
        return ""
    begun, ended = min(started), max(started)
    return f"{begun:%Y-%m-%d %H:%M} to {ended:%Y-%m-%d %H:%M} UTC (first and last start of a trial)"


def _replicates(evidence: Evidence) -> str:
    study, seeds, words = evidence.study, evidence.standing.seeds, []
    if study.tables or study.stages or study.finals:
        words.append(f"{len(seeds)} ({_seeds(seeds)})")
    if study.search is not None:
        words.append(
            f"1 for each trial of the search (seed 0), {study.search.seeds} for the trials that follow it (seeds from "
            f"{FIRST_FRESH_SEED} choose, seeds from {FIRST_ESTIMATING_SEED} estimate)"
        )
    return "; ".join(words)


def _readings(evidence: Evidence) -> str:
    trials, search = evidence.trials, evidence.standing.search
    searched = 0 if search is None else sum(len(one.begun) or 1 for one in search.trials.values())
    words = [f"{searched} of them from the search"] if search is not None else []
    if len(trials):
        rows = counted(trials["position"].nunique(), "row")
        words.append(f"read as {counted(len(trials), 'replicate')} of {rows}")
    return "; ".join(words)


def warnings(evidence: Evidence) -> list[str]:
    """List what casts doubt on the report as a whole."""
    return [
        *_unfinished(evidence),
        *_missing(evidence),
        *_imported(evidence),
        *_looked(evidence),
        *_machines(evidence),
    ]


def _unfinished(evidence: Evidence) -> list[str]:
    study, found = evidence.study, []
    if study.fraction < 1:
        found.append(
            f"A quick look: every row was read at {study.fraction:.0%} of its epochs (at least one), the beginning of "
            "the full run. Nothing here is a result of the study."
            + (" In the full run, stages may choose other levels and lead to other rows." if study.stages else "")
        )
    if len(evidence.standing.choices) < len(study.stages):
        left = ", ".join(stage.title for stage in study.stages[len(evidence.standing.choices) + 1 :])
        found.append(
            f"The stage “{study.stages[len(evidence.standing.choices)].title}” has not chosen its level yet"
            + (f"; still to come: {left}." if left else ".")
        )
    follow_up = evidence.standing.follow_up
    if follow_up is not None and follow_up.waiting_for:
        found.append(
            f"The search has not finished; waiting for {follow_up.waiting_for}. Run the study again to continue; later "
            "steps are not in this report."
        )
    return found


def _missing(evidence: Evidence) -> list[str]:
    trials = evidence.trials
    missing = trials.loc[trials["outcome"] == MISSING, "key"].nunique()
    if not missing:
        return []
    return [
        f"{missing} of {counted(trials['key'].nunique(), 'trial')} have not been run to the end; the tables show "
        "which. Run the study again to complete them."
    ]


def _imported(evidence: Evidence) -> list[str]:
    """Say what cannot be known of results from elsewhere, and what it costs to compare them with others."""
    records = evidence.records.values()
    imported = sum(record.is_imported for record in records)
    if not imported:
        return []
    words = (
        f"{imported} of {counted(len(records), 'trial')} {'was' if imported == 1 else 'were'} imported: trained "
        "elsewhere, with code that nobody knows. Nor is it known how the data were split, whether equal seeds mean "
        "equal splits, whether the test set was looked at, and whether the same numbers would come again."
    )
    if imported < len(records):
        words += (
            " The others were trained here: a difference between the two may be one of code, data or machine. To find "
            "out, take an imported trial out with `ablatune ledger remove`, and train it here."
        )
    return [words]


def _looked(evidence: Evidence) -> list[str]:
    """Say what it costs that seeds were added after a report was written, without a look that was declared."""
    study = evidence.study
    if study.looks or not study.tables:
        return []
    variant = variant_id(study.overrides, study.fraction)
    known = read_report_looks(evidence.ledger.storage, study.name, variant)
    before = [n for n in known if n < len(evidence.standing.seeds)]
    if not before:
        return []
    chance = min((len(before) + 1) * SIGNIFICANCE, 1.0)
    return [
        f"A report was written before, with {' and '.join(map(str, before))} seeds. Seeds that are added after a look "
        f"make false verdicts more frequent: their chance is up to {chance:.0%} in a table, in place of "
        f"{SIGNIFICANCE:.0%}. `until_decided` declares the looks beforehand, and keeps it."
    ]


def _machines(evidence: Evidence) -> list[str]:
    trials, found = evidence.trials, []
    for key in sorted(set(evidence.standing.contents.disagreements) & set(trials["key"])):
        line = trials[trials["key"] == key].iloc[0]
        found.append(
            f"Two records of the same trial disagree ({line['table']}, {line['level']}, seed {line['seed']}; key {key})"
            " although they come from the same kind of machine; the longer record is shown."
        )
    kinds = sorted({record.machine_kind for record in evidence.records.values() if record.machine_kind})
    if len(kinds) > 1:
        found.append(
            f"The trials ran on {len(kinds)} kinds of machine ({'; '.join(kinds)}): train times cannot be compared "
            "between them, and other numbers may differ in their last digits."
        )
    return found


def not_as_planned(views: Sequence[TableView], trials: pd.DataFrame) -> list[tuple[str, str, str]]:
    """List each level that cannot be built and each replicate without a number: table, level, and what happened."""
    found = []
    for view in views:
        for line in view.lines:
            level = ", ".join(line.labels)
            if not line.outcomes:
                found.append((view.title, level, f"cannot be built: {line.reason}"))
            replicates = trials[trials["position"] == line.position]
            for outcome in (*OUTCOMES_WITHOUT_NUMBER, MISSING):
                ended = replicates[replicates["outcome"] == outcome]
                found += [(view.title, level, words) for words in _endings(ended, outcome)]
    return found


def settings(config: TrialConfig, study: Study, moves: Sequence[str] = ()) -> list[Fact]:
    """List the fields that a configuration trains with, as a person reads them.

    Args:
        config: of a row.
        study: with the labels of its fields, the user's included.
        moves: fields that the replicates change with their seed; left out, as is the seed.
    """
    values = {**trajectory(config), "epochs": config.epochs, "early_stopping_patience": config.early_stopping_patience}
    read = [name for name in trajectory(config) if name != "seed" and name not in moves and not is_code(name)]
    shown = [*read, *(["epochs"] if "epochs" not in read else [])]
    if config.early_stopping_patience:
        shown.append("early_stopping_patience")
    return [Fact(study.own.label(name), _value(study, name, values[name])) for name in shown]


def _value(study: Study, name: str, value: object) -> str:
    unit = "" if isinstance(value, str) else study.own.unit(name)
    return f"{study.own.describe(name, value)} {unit}".strip()


def _endings(replicates: pd.DataFrame, outcome: str) -> list[str]:
    """Say how replicates ended, those with the same reason together."""
    words = "not run yet" if outcome == MISSING else outcome_words(outcome)
    return [
        f"{words}, {_seeds(list(those['seed']))}" + (f": {reason}" if reason else "")
        for reason in replicates["reason"].unique().tolist()
        for those in [replicates[replicates["reason"] == reason]]
    ]


def _seeds(seeds: Sequence[int]) -> str:
    return f"{'seed' if len(seeds) == 1 else 'seeds'} {seed_words(seeds)}"


def _distinct(values: Iterable[str]) -> str:
    return "; ".join(sorted({value for value in values if value}))
