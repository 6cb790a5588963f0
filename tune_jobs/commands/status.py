"""`status`: what of a study is done, running, failed, missing and stale."""

from collections import Counter
from collections.abc import Mapping, Sequence

from tune_jobs.ledger.lost_workers import Incident, incident_lines, read_incidents
from tune_jobs.ledger.record import FAILED
from tune_jobs.ledger.runs import live_beacons, read_manifests, running_trials
from tune_jobs.standing.confirmed import unreadable_picks
from tune_jobs.standing.next_command import is_complete, next_command
from tune_jobs.standing.search.search_trial import BROKEN
from tune_jobs.standing.search.words import search_in_words
from tune_jobs.standing.standing import Standing
from tune_jobs.standing.trial_states import TrialStates, stale_among, trial_states
from tune_jobs.standing.words import disagreement_warnings, outcomes_in_words, rows_in_words, stages_in_words
from tune_jobs.study.model import PATH, SEARCH_TABLES
from tune_jobs.trial.trial import Trial, label_of
from tune_jobs.words import counted

_MOST_NAMED = 20


def status_lines(standing: Standing) -> list[str]:
    """Say in lines where a study stands; it has a ledger."""
    storage = standing.existing_ledger.storage
    running = running_trials(live_beacons(storage))
    states = trial_states(standing, running)
    well = states.well
    lines = [
        _heading(standing),
        *_search_lines(standing, running),
        f"  done: {sum(well.values())}" + (f", {outcomes_in_words(well)}" if well else ""),
        f"  running: {states.running}",
        f"  failed: {len(states.failed)}",
        f"  missing: {len(states.waiting)}",
        *([f"  {stages_in_words(standing)}"] if standing.study.stages else []),
        *_stale_lines(standing, states.missing),
        *_named("failed", states.failed, standing),
        *_named("timed out", states.timed_out, standing),
        *_named("missing", states.waiting, standing),
        *incident_lines(_incidents(standing), _MOST_NAMED),
    ]
    variants = [one.variant or "as declared" for one in read_manifests(storage, standing.study.name).values()]
    if len(variants) > 1:
        lines.append(f"  variants that were run: {'; '.join(variants)}")
    lines += (f"  {line}" for line in unreadable_picks(standing.study, standing.rows, standing.picks))
    return [*lines, *_next_lines(standing, states), *disagreement_warnings(standing.contents)]


def _next_lines(standing: Standing, states: TrialStates) -> list[str]:
    """Name the command that continues, or writes the report; none while trials are running."""
    if states.running:
        return []
    missing = bool(states.missing)
    does = "writes the tables and figures" if is_complete(standing, missing=missing) else "trains what is missing"
    return [f"  next: `{next_command(standing, missing=missing)}` {does}"]


def _heading(standing: Standing) -> str:
    """Say what the study needs, and where its results are."""
    shown = [row for row in standing.rows if row.table != PATH]
    needs = f"{counted(len(standing.trials), 'trial')} for {rows_in_words(shown, standing)}"
    if standing.search is not None:
        tables = "its tables and for " if any(row.table not in SEARCH_TABLES for row in shown) else ""
        drawn = counted(len(standing.search.trials), "trial")
        needs = f"a search of {drawn} so far, and {len(standing.trials)} for {tables}what follows it"
    variant = f" ({standing.variant})" if standing.variant else ""
    return f"{standing.study.name}{variant}: {needs} in {standing.existing_ledger.storage.uri}"


def _incidents(standing: Standing) -> list[Incident]:
    """Return the workers that this variant of the study lost."""
    keys = standing.all_trials.keys() | {""}
    incidents = read_incidents(standing.existing_ledger.storage, standing.study.name)
    return [one for one in incidents if one.key in keys]


def _search_lines(standing: Standing, running: Mapping[str, int]) -> list[str]:
    """Say how far the search has got: its trials belong to no row of the study."""
    state, after, run = standing.search, standing.follow_up, standing.study.command("run")
    if state is None or after is None:
        return []
    lines = [f"  {line}" for line in search_in_words(state, after)]
    training = [(one, trial) for one in state.trials.values() for trial in one.trials if trial.key in running]
    busy = {one.number for one, _ in training}
    waiting = [one for one in state.open if one.number not in busy]
    again = standing.study.command("run", "--retry-failed")
    broken = [one for one in state.trials.values() if one.standing(state.search.read) == BROKEN]
    lines += [
        f"    training trial {one.number}{f', seed {trial.config.seed}' if one.more else ''}: epoch "
        f"{running[trial.key]} of {state.epochs}"
        for one, trial in training
    ]
    if waiting:
        lines.append(f"    begun and not ended: {len(waiting)}; `{run}` continues them")
    for one in broken[:_MOST_NAMED]:
        failed = (record.reason for record in one.records if record is not None and record.outcome == FAILED)
        reason = next(failed, "the study can no longer build it")
        lines.append(f"    failed in the search: trial {one.number}: {reason}; `{again}` tries again")
    lines += _more(len(broken), "failed in the search")
    return [*lines, "  tables and what follows the search:"]


def _stale_lines(standing: Standing, missing: Sequence[Trial]) -> list[str]:
    """Write a line for each edit that made trials stale, then name the trials."""
    found = stale_among(standing, missing)
    counts = Counter((stale.changed, stale.record.is_imported) for stale in found)
    base, run = standing.study.config(), standing.study.command("run")
    lines = [
        f"  stale: {counted(count, 'trial')} {'imported' if imported else 'trained'} before {' and '.join(changed)} "
        f"changed; `{run}` trains {'it' if count == 1 else 'them'} again, the old results stay in the ledger"
        for (changed, imported), count in sorted(counts.items())
    ]
    lines += [f"    stale {stale.record.key[:8]}  {label_of(stale.trial, base)}" for stale in found[:_MOST_NAMED]]
    return [*lines, *_more(len(found), "stale")]


def _named(heading: str, trials: Sequence[Trial], standing: Standing) -> list[str]:
    """Name the first of some trials: key, what they change, seed, and why they ended."""
    base = standing.study.config()
    lines = []
    for trial in trials[:_MOST_NAMED]:
        record = standing.contents.records.get(trial.key)
        reason = f": {record.reason}" if record is not None and record.reason else ""
        lines.append(f"    {heading} {trial.key[:8]}  {label_of(trial, base)}{reason}")
    return [*lines, *_more(len(trials), heading)]


def _more(count: int, what: str) -> list[str]:
    return [f"    … and {count - _MOST_NAMED} more {what}"] if count > _MOST_NAMED else []
