"""`status`: what of a study is done, running, failed and missing."""

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from models.history import TIMED_OUT
from tune_jobs.expansion import Trial, differences
from tune_jobs.manifest import live_beacons, read_manifests
from tune_jobs.records import FAILED
from tune_jobs.run import Plan, make_plan, stages_in_words, warn_disagreements
from tune_jobs.select import Selection, select_variant
from tune_jobs.study import PATH

_MOST_NAMED = 20


def print_status(
    name: str,
    overrides: Mapping[str, Any],
    *,
    fraction: float,
    seeds: int | None,
    storage_uri: str,
    data_dir: Path,
) -> int:
    """Print the state of a study's trials and return 0.

    Raises:
        UserError: there is no ledger, or the study is ambiguous.
    """
    selected = select_variant(
        name, overrides, fraction=fraction, seeds=seeds, storage_uri=storage_uri, data_dir=data_dir
    )
    plan = make_plan(selected.study, selected.ledger, seeds=selected.seeds, fingerprints=selected.fingerprints)
    for line in _lines(selected, plan):
        print(line)
    warn_disagreements(plan.contents, print)
    return 0


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
    lines = [
        f"{study.name}{variant}: {len(plan.trials)} trials for {len(shown)} rows × {replicates} "
        f"in {selected.ledger.storage.uri}",
        f"  done: {sum(n for outcome, n in done.items() if outcome != FAILED)}"
        + "".join(f", {n} {outcome.replace('_', ' ')}" for outcome, n in sorted(done.items()) if outcome != FAILED),
        f"  running: {sum(t.key in running for t in plan.missing)}",
        f"  failed: {len(failed)}",
        f"  missing: {len(waiting)}",
        *([f"  {stages_in_words(study, plan)}"] if study.stages else []),
    ]
    lines += _named("failed", failed, plan, selected)
    lines += _named("timed out", timed_out, plan, selected)
    lines += _named("missing", waiting, plan, selected)
    others = [m.variant or "as it stands" for m in read_manifests(selected.ledger.storage, study.name).values()]
    if len(others) > 1:
        lines.append(f"  variants that were run: {'; '.join(others)}")
    return lines


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
