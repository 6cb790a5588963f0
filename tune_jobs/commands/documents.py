"""What commands say with `--json`: one object for scripts. docs/report.md lists the fields; they keep their names."""

import json
from collections import Counter
from collections.abc import Sequence
from math import isfinite
from typing import TYPE_CHECKING, Any

from models.history import TIMED_OUT
from tune_jobs.ledger.record import FAILED
from tune_jobs.ledger.runs import live_beacons, read_manifests
from tune_jobs.standing.best import best_score, score_of
from tune_jobs.standing.stale import stale_trials
from tune_jobs.standing.standing import Standing
from tune_jobs.standing.words import disagreement_warnings
from tune_jobs.trial.trial import Trial, differences

if TYPE_CHECKING:
    from analysis.report.findings import Findings
    from tune_jobs.commands.interface import Report
    from tune_jobs.forecast.estimate import Span
    from tune_jobs.forecast.forecast import Forecast
    from tune_jobs.study.model import Study


def print_document(document: dict[str, Any]) -> None:
    """Print one JSON object; what is no finite number becomes null."""
    print(json.dumps(_plain(document), indent=2, ensure_ascii=False, allow_nan=False))


def studies_document(studies: "Sequence[Study]") -> dict[str, Any]:
    """List studies."""
    return {
        "studies": [
            {
                "name": study.name,
                "title": study.title,
                "description": study.description,
                "reproduces": study.reproduces,
                "tables": [table.name for table in study.tables],
                "stages": [stage.name for stage in study.stages],
                "search_fields": [] if study.search is None else [one.name for one in study.search.space],
                "seeds": study.seeds,
            }
            for study in studies
        ]
    }


def status_document(standing: Standing) -> dict[str, Any]:
    """Say where a study stands; it has a ledger."""
    study, storage = standing.study, standing.existing_ledger.storage
    records = standing.contents.records
    missing = standing.missing()
    missing_keys = {trial.key for trial in missing}
    beacons = [beacon for beacon in live_beacons(storage) if beacon.study == study.name]
    running = {key: epoch for beacon in beacons for key, epoch in beacon.running.items()}
    outcomes = Counter(
        records[trial.key].outcome
        for trial in standing.trials
        if trial.key in records and trial.key not in missing_keys
    )
    failed = [trial for trial in standing.trials if _outcome(standing, trial) == FAILED]
    timed_out = [trial for trial in standing.trials if _outcome(standing, trial) == TIMED_OUT]
    ended_badly = {trial.key for trial in (*failed, *timed_out)}
    waiting = [trial for trial in missing if trial.key not in running and trial.key not in ended_badly]
    edited = [trial for trial in missing if trial.config.own or trial.config.info is not None]
    stale = stale_trials(edited, standing.existing_ledger.read().records) if edited else []
    return {
        "study": study.name,
        "title": study.title,
        "variant": standing.variant,
        "storage": storage.uri,
        "seeds": len(standing.seeds),
        "trials": {
            "needed": len(standing.trials),
            "done": sum(count for outcome, count in outcomes.items() if outcome != FAILED),
            "running": sum(trial.key in running for trial in missing),
            "failed": len(failed),
            "timed_out": len(timed_out),
            "missing": len(waiting),
            "stale": len(stale),
        },
        "outcomes": dict(sorted(outcomes.items())),
        "running": [{"key": key, **_named(standing, key), "epochs_done": epoch} for key, epoch in running.items()],
        "failed": [_ended(standing, trial) for trial in failed],
        "timed_out": [_ended(standing, trial) for trial in timed_out],
        "missing": [{"key": trial.key, **_named(standing, trial.key)} for trial in waiting],
        "best": _best(standing),
        "stages": [{"stage": choice.stage, "levels": list(choice.labels)} for choice in standing.choices],
        "search": _search(standing),
        "variants": [one.variant for one in read_manifests(storage, study.name).values()],
        "next": study.command("run") if missing else study.command("report"),
        "warnings": disagreement_warnings(standing.contents),
    }


def plan_document(forecast: "Forecast") -> dict[str, Any]:
    """Say what a run would take; what is not known is null."""
    standing, disk = forecast.counts.standing, forecast.disk
    return {
        "study": standing.study.name,
        "variant": standing.variant,
        "seeds": len(standing.seeds),
        "trials": {"needed": len(forecast.trials), "to_run": len(forecast.missing)},
        "epochs_by_hand": forecast.counts.epochs_by_hand,
        "nodes": len(forecast.packed),
        "nodes_to_come": forecast.to_come,
        "trials_at_once": forecast.at_once,
        "wall_seconds": _span(forecast.wall_seconds),
        "cpu_hours": _span(forecast.cpu_hours),
        "gpu_hours": _span(forecast.gpu_hours),
        "price": _span(forecast.price),
        "price_per_node_hour": forecast.rate,
        "ledger_bytes": _span(None if disk is None else disk.records),
        "tensorboard_bytes": _span(None if disk is None else disk.logs),
        "largest_model_bytes": None if disk is None else disk.model,
        "later_stages": [
            {
                "stage": later.stage,
                "trials": later.trials,
                "wall_seconds": _span(None if later.estimate is None else later.estimate.wall),
            }
            for later in forecast.later
        ],
        "storage": list(forecast.storage),
        "data": list(forecast.data),
        "seeds_to_show": list(forecast.seeds),
        "pilot_seconds": forecast.pilot_seconds,
    }


def report_document(study: "Study", report: "Report") -> dict[str, Any]:
    """Say what a report found, and where its files are."""
    folder = report.html.parent
    return {
        "study": study.name,
        "title": study.title,
        "folder": str(folder),
        "html": str(report.html),
        "markdown": str(folder / "report.md"),
        "latex": str(folder / "report.tex"),
        "latex_tables": str(folder / "tables.tex"),
        "trials_csv": str(folder / "trials.csv"),
        "tables": list(report.tables),
        "figures": list(report.figures),
        "replicates": report.replicates,
        "replicates_missing": report.missing,
        "findings": findings_document(report.findings),
        "published": list(report.published),
    }


def findings_document(found: "Findings | None") -> dict[str, Any]:
    """Return findings by the question that they answer."""
    if found is None:
        return {}
    return {
        "sentences": list(found.sentences),
        "what_matters": list(found.matters),
        "what_to_use": list(found.use),
        "test_set": list(found.test),
        "published": list(found.published),
        "not_as_planned": list(found.endings),
        "cost": list(found.cost),
        "next_command": found.next,
        "next_reason": found.why,
    }


def _outcome(standing: Standing, trial: Trial) -> str:
    record = standing.contents.records.get(trial.key)
    return record.outcome if record is not None else ""


def _named(standing: Standing, key: str) -> dict[str, Any]:
    """What a trial differs in from the base, its seed, and its epochs; of a search's trial its name."""
    base = standing.study.config()
    found = next((trial for trial in standing.trials if trial.key == key), None)
    if found is None and standing.search is not None:
        trials = (one.trial for one in standing.search.trials.values())
        found = next((trial for trial in trials if trial is not None and trial.key == key), None)
    if found is None:
        return {"differs_in": "", "seed": None, "epochs": None}
    return {"differs_in": differences(found.config, base), "seed": found.config.seed, "epochs": found.epochs}


def _ended(standing: Standing, trial: Trial) -> dict[str, Any]:
    return {
        "key": trial.key,
        **_named(standing, trial.key),
        "reason": standing.contents.records[trial.key].reason,
    }


def _best(standing: Standing) -> dict[str, Any] | None:
    keys = {trial.key for trial in standing.trials}
    records = [record for key, record in standing.contents.records.items() if key in keys]
    if standing.search is not None:
        records += [one.record for one in standing.search.trials.values() if one.record is not None]
    best = best_score(map(score_of, records))
    if best is None:
        return None
    named = _named(standing, best.key)
    return {"key": best.key, **named, "metric": best.metric, "unit": best.unit, "validation": best.value}


def _search(standing: Standing) -> dict[str, Any] | None:
    state = standing.search
    if state is None:
        return None
    return {
        "drawn": len(state.trials),
        "ended": len(state.ended),
        "stopped_early": len(state.stopped),
        "failed": len(state.failed),
        "budget_used": state.share_used(state.seconds),
        "over": state.over,
        "epochs_trained": state.epochs_trained,
    }


def _span(span: "Span | None") -> dict[str, float] | None:
    return None if span is None else {"low": span.low, "expected": span.expected, "high": span.high}


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if hasattr(value, "item") and getattr(value, "shape", None) == ():
        value = value.item()
    if isinstance(value, float) and not isfinite(value):
        return None
    return value
