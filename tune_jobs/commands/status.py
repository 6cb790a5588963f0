"""`status`: what of a study is done, running, failed and missing."""

from collections import Counter
from collections.abc import Mapping

from models.history import TIMED_OUT
from tune_jobs.commands.run import Plan, make_plan, stages_in_words, warn_disagreements
from tune_jobs.ledger.lost_workers import Incident, incident_lines, read_incidents
from tune_jobs.ledger.record import FAILED
from tune_jobs.ledger.runs import live_beacons, read_manifests
from tune_jobs.standing.search.state import BROKEN
from tune_jobs.standing.search.words import search_in_words
from tune_jobs.standing.stale import stale_trials
from tune_jobs.standing.variants import Selection
from tune_jobs.study.model import PATH, SEARCH_TABLES
from tune_jobs.trial.trial import Trial, differences

_MOST_NAMED = 20


def status_lines(selected: Selection) -> list[str]:
    """Return the state of a study's trials in lines."""
    plan = make_plan(selected.study, selected.ledger, seeds=selected.seeds, fingerprints=selected.fingerprints)
    lines = _lines(selected, plan)
    warn_disagreements(plan.contents, lines.append)
    return lines


def _lines(selected: Selection, plan: Plan) -> list[str]:
    study = selected.study
    variant = f" ({selected.variant})" if selected.variant else ""
    missing = {trial.key for trial in plan.missing}
    done = Counter(plan.contents.records[trial.key].outcome for trial in plan.trials if trial.key not in missing)
    failed = [t for t in plan.trials if _outcome(plan, t) == FAILED]
    timed_out = [t for t in plan.trials if _outcome(plan, t) == TIMED_OUT]
    running = {key: epoch for beacon in live_beacons(selected.ledger.storage) for key, epoch in beacon.running.items()}
    waiting = [t for t in plan.missing if t.key not in running and t not in failed and t not in timed_out]
    shown = [row for row in plan.rows if row.table != PATH]
    replicates = f"{len(plan.seeds)} seed{'s' * (len(plan.seeds) != 1)}"
    needs = f"{len(plan.trials)} trials for {len(shown)} rows × {replicates}"
    if plan.search is not None:
        drawn = len(plan.search.trials)
        tables = any(row.table not in SEARCH_TABLES for row in shown)
        after = f"{len(plan.trials)} {'of its tables and of ' if tables else 'of '}what follows it"
        needs = f"a search of {drawn} trial{'s' * (drawn != 1)} so far, and {after}"
    lines = [
        f"{study.name}{variant}: {needs} in {selected.ledger.storage.uri}",
        *_search_lines(plan, running),
        f"  done: {sum(n for outcome, n in done.items() if outcome != FAILED)}"
        + "".join(f", {n} {outcome.replace('_', ' ')}" for outcome, n in sorted(done.items()) if outcome != FAILED),
        f"  running: {sum(t.key in running for t in plan.missing)}",
        f"  failed: {len(failed)}",
        f"  missing: {len(waiting)}",
        *([f"  {stages_in_words(study, plan)}"] if study.stages else []),
    ]
    lines += _stale(plan, selected)
    lines += _named("failed", failed, plan, selected)
    lines += _named("timed out", timed_out, plan, selected)
    lines += _named("missing", waiting, plan, selected)
    lines += incident_lines(_incidents(selected, plan), _MOST_NAMED)
    others = [m.variant or "as it stands" for m in read_manifests(selected.ledger.storage, study.name).values()]
    if len(others) > 1:
        lines.append(f"  variants that were run: {'; '.join(others)}")
    return lines


def _incidents(selected: Selection, plan: Plan) -> list[Incident]:
    """Return the workers that this variant of the study lost."""
    keys = {trial.key for trial in plan.trials} | {""}
    if plan.search is not None:
        keys |= {one.trial.key for one in plan.search.trials.values() if one.trial is not None}
    return [one for one in read_incidents(selected.ledger.storage, selected.study.name) if one.key in keys]


def _search_lines(plan: Plan, running: Mapping[str, int]) -> list[str]:
    """Return how the search stands: its trials are none of the study's rows."""
    state, after = plan.search, plan.follow_up
    if state is None or after is None:
        return []
    lines = [f"  {line}" for line in search_in_words(state, after)]
    training = [one for one in state.trials.values() if one.trial is not None and one.trial.key in running]
    waiting = [one for one in state.open if one not in training]
    broken = [one for one in state.trials.values() if one.standing(state.search.read) == BROKEN]
    lines += [
        f"    training trial {one.number}: epoch {running[one.trial.key]} of {state.epochs}"
        for one in training
        if one.trial is not None
    ]
    if waiting:
        lines.append(f"    begun and not ended: {len(waiting)}; `ablatune run` goes on with them")
    for one in broken[:_MOST_NAMED]:
        reason = one.record.reason if one.record is not None else "the study can no longer build it"
        lines.append(
            f"    failed in the search: trial {one.number}: {reason}; `ablatune run --retry-failed` tries again"
        )
    if len(broken) > _MOST_NAMED:
        lines.append(f"    … and {len(broken) - _MOST_NAMED} more failed in the search")
    return [*lines, "  tables and what follows the search:"]


def _stale(plan: Plan, selected: Selection) -> list[str]:
    """Return a line for each edit that made trials stale, then the trials."""
    own = [trial for trial in plan.missing if trial.config.own or trial.config.info is not None]
    if not own:
        return []
    found = stale_trials(own, selected.ledger.read().records)
    counts = Counter(stale.changed for stale in found)
    base = selected.study.config()
    names = [
        f"    stale {stale.record.key[:8]}  {differences(stale.trial.config, base)}, seed {stale.trial.config.seed}"
        for stale in found[:_MOST_NAMED]
    ]
    if len(found) > _MOST_NAMED:
        names.append(f"    … and {len(found) - _MOST_NAMED} more stale")
    lines = [
        f"  stale: {count} trial{'s' * (count != 1)} trained before {' and '.join(changed)} changed; `ablatune run` "
        "trains them anew, the old ones stay in the ledger"
        for changed, count in sorted(counts.items())
    ]
    return [*lines, *names]


def _outcome(plan: Plan, trial: Trial) -> str:
    record = plan.contents.records.get(trial.key)
    return record.outcome if record is not None else ""


def _named(heading: str, trials: list[Trial], plan: Plan, selected: Selection) -> list[str]:
    base = selected.study.config()
    lines = []
    for trial in trials[:_MOST_NAMED]:
        record = plan.contents.records.get(trial.key)
        reason = f": {record.reason}" if record is not None and record.reason else ""
        words = f"{differences(trial.config, base)}, seed {trial.config.seed}"
        lines.append(f"    {heading} {trial.key[:8]}  {words}{reason}")
    if len(trials) > _MOST_NAMED:
        lines.append(f"    … and {len(trials) - _MOST_NAMED} more {heading}")
    return lines
