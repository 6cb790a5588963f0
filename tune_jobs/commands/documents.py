"""What commands say with `--json`: one object for scripts. docs/report.md lists the fields; they keep their names."""

import json
from collections.abc import Sequence
from math import isfinite
from typing import TYPE_CHECKING, Any

from tune_jobs.ledger.runs import live_beacons, read_manifests, running_trials
from tune_jobs.standing.best import best_score, score_of
from tune_jobs.standing.next_command import next_command
from tune_jobs.standing.standing import Standing
from tune_jobs.standing.trial_states import stale_among, trial_states
from tune_jobs.standing.words import disagreement_warnings
from tune_jobs.trial.trial import Trial, differences

if TYPE_CHECKING:
    from analysis.report.findings import Findings
    from tune_jobs.commands.returned import Report
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
    beacons = [beacon for beacon in live_beacons(storage) if beacon.study == study.name]
    running = running_trials(beacons)
    states, named = trial_states(standing, running), _Named(standing)
    return {
        "study": study.name,
        "title": study.title,
        "variant": standing.variant,
        "storage": storage.uri,
        "seeds": len(standing.seeds),
        "trials": {
            "needed": len(standing.trials),
            "done": sum(states.well.values()),
            "running": states.running,
            "failed": len(states.failed),
            "timed_out": len(states.timed_out),
            "missing": len(states.waiting),
            "stale": len(stale_among(standing, states.missing)),
        },
        "outcomes": dict(sorted(states.outcomes.items())),
        "running": [{**named(key), "epochs_done": epoch} for key, epoch in running.items()],
        "failed": [_ended(standing, named, trial) for trial in states.failed],
        "timed_out": [_ended(standing, named, trial) for trial in states.timed_out],
        "missing": [named(trial.key) for trial in states.waiting],
        "best": _best(standing, named),
        "stages": [{"stage": choice.stage, "levels": list(choice.labels)} for choice in standing.choices],
        "search": _search(standing),
        "variants": [one.variant for one in read_manifests(storage, study.name).values()],
        "next": next_command(standing, missing=bool(states.missing)),
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
        "default": list(found.default),
        "to_quote": list(found.quote),
        "test_set": list(found.test),
        "published": list(found.published),
        "not_as_planned": list(found.endings),
        "cost": list(found.cost),
        "next_command": found.next,
        "next_reason": found.why,
    }


class _Named:
    """Says what a trial of a study is, by its key: what it differs in from the base, its seed, and its epochs."""

    def __init__(self, standing: Standing) -> None:
        self._trials = standing.all_trials
        self._base = standing.study.config()

    def __call__(self, key: str) -> dict[str, Any]:
        """Return the fields that every trial of a document has."""
        found = self._trials.get(key)
        if found is None:
            return {"key": key, "differs_in": "", "seed": None, "epochs": None}
        differs = differences(found.config, self._base)
        return {"key": key, "differs_in": differs, "seed": found.config.seed, "epochs": found.epochs}


def _ended(standing: Standing, named: _Named, trial: Trial) -> dict[str, Any]:
    return {**named(trial.key), "reason": standing.contents.records[trial.key].reason}


def _best(standing: Standing, named: _Named) -> dict[str, Any] | None:
    keys = {trial.key for trial in standing.trials}
    records = [record for key, record in standing.contents.records.items() if key in keys]
    if standing.search is not None:
        records += [one.record for one in standing.search.trials.values() if one.record is not None]
    best = best_score(map(score_of, records))
    if best is None:
        return None
    return {**named(best.key), "metric": best.metric, "unit": best.unit, "validation": best.value}


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
