"""Where a study stands, as the page of `view` shows it: one JSON object."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from tune_jobs.ledger.record import Record
from tune_jobs.ledger.runs import Beacon, live_beacons, running_trials
from tune_jobs.standing.best import BestSoFar, Score, score_of
from tune_jobs.standing.next_command import is_complete, next_command
from tune_jobs.standing.standing import Standing
from tune_jobs.standing.trial_states import trial_states
from tune_jobs.trial.config import METRIC_SPECS, TrialConfig
from tune_jobs.trial.trial import Trial, label_of

# The page names no more trials in training.
_MOST_TRAINING = 24
# Steps of the best so far that a figure shows.
_MOST_STEPS = 400


def study_state(standing: Standing) -> dict[str, Any]:
    """Say where a study stands; it has a ledger."""
    study, search = standing.study, standing.search
    beacons = [beacon for beacon in live_beacons(standing.existing_ledger.storage) if beacon.study == study.name]
    running = running_trials(beacons)
    states, ended, base = trial_states(standing, running), standing.ended, study.config()
    searching = search is not None and not search.over
    return {
        "name": study.name,
        "title": study.title,
        "variant": standing.variant,
        "needed": len(standing.trials) + (0 if search is None else len(search.trials)),
        "done": sum(states.well.values()) + (0 if search is None else len(search.ended)),
        "failed": len(states.failed) + len(states.timed_out),
        "running": len(running),
        "run": _run(beacons),
        "best": [list(one) for one in BestSoFar.of(ended, base).found],
        "steps": _steps([record for _, record in ended]),
        "training": _training(running, standing.all_trials, base, beacons),
        "stages": [f"{choice.stage}: {', '.join(choice.labels)}" for choice in standing.choices],
        "searching": searching,
        "complete": is_complete(standing, missing=bool(states.missing)),
        "next": next_command(standing, missing=bool(states.missing)),
    }


def _run(beacons: Sequence[Beacon]) -> dict[str, Any] | None:
    """Where a run of the study is going on: the last seen, if there are several; None if there is none."""
    if not beacons:
        return None
    last = max(beacons, key=lambda beacon: beacon.seen_at)
    return {
        "host": last.host,
        "process": last.process,
        "seen_at": last.seen_at,
        "share": last.share,
        "seconds_left": last.seconds_left,
    }


def _steps(ended: Sequence[Record]) -> dict[str, Any] | None:
    """The best so far over time, of the metric and dataset that most trials have; None before any has ended.

    Returns:
        The metric's label and unit, and pairs of the seconds since the first trial began and the best value by then.
    """
    scored = [(record, score) for record in ended if (score := score_of(record)) is not None]
    if not scored:
        return None
    counts = Counter((record.dataset, score.metric, score.unit) for record, score in scored)
    usual = counts.most_common(1)[0][0]
    mine = [(record, score) for record, score in scored if (record.dataset, score.metric, score.unit) == usual]
    began = min(record.started_at for record, _ in mine)
    ends = [((record.started_at - began).total_seconds() + record.wall_seconds, score) for record, score in mine]
    points: list[tuple[float, float]] = []
    best: Score | None = None
    for seconds, score in sorted(ends, key=lambda one: one[0]):
        if best is None or score.is_better(best):
            best = score
            points.append((seconds, score.value))
    last = max(seconds for seconds, _ in ends)
    _, metric, unit = usual
    return {
        "label": METRIC_SPECS[metric].label,
        "unit": unit,
        "points": [*points[-_MOST_STEPS:], (last, points[-1][1])],
    }


def _training(
    running: Mapping[str, int], trials: Mapping[str, Trial], base: TrialConfig, beacons: Sequence[Beacon]
) -> list[dict[str, Any]]:
    """The trials in training, with the points of their learning curves that the run has told."""
    curves = {key: points for beacon in beacons for key, points in beacon.curves.items()}
    found = []
    for key, epoch in list(running.items())[:_MOST_TRAINING]:
        trial = trials.get(key)
        found.append(
            {
                "key": key,
                # Of a stage or a search that the run has reached and this study's file has not.
                "label": "a trial that this study file does not have" if trial is None else label_of(trial, base),
                "epoch": epoch,
                "epochs": None if trial is None else trial.epochs,
                "curve": curves.get(key, ()),
            }
        )
    return found
