"""Folders that Ray Tune writes: an experiment with a folder for each trial. Ray itself is not needed, and its pickles
are not opened."""

import csv
import io
import json
from collections.abc import Iterator, Mapping
from typing import Any

from tune_jobs.errors import UserError
from tune_jobs.existing.results import Results, flat, frame_of
from tune_jobs.storage.storage import Storage
from tune_jobs.words import counted

RESULT, PROGRESS, PARAMS, ERROR = "result.json", "progress.csv", "params.json", "error.txt"
RUN, EPOCH, SECONDS, STATUS = "trial_id", "training_iteration", "time_total_s", "status"
# What Tune adds to each result: neither configuration nor measured.
BOOKKEEPING = frozenset(
    {
        "checkpoint_dir_name",
        "date",
        "done",
        "episodes_total",
        "experiment_id",
        "experiment_tag",
        "hostname",
        "iterations_since_restore",
        "logdir",
        "node_ip",
        "pid",
        "should_checkpoint",
        "time_since_restore",
        "time_this_iter_s",
        "timestamp",
        "timesteps_since_restore",
        "timesteps_total",
    }
)
_STATE = "experiment_state-"


def is_experiment(storage: Storage, *parts: str) -> bool:
    """Whether a folder is an experiment: some folder in it is a trial's."""
    names = storage.names(*parts)
    if any(is_file and name.startswith(_STATE) for name, is_file in names.items()):
        return True
    folders = [name for name, is_file in names.items() if not is_file]
    return any({RESULT, PARAMS} & storage.names(*parts, name).keys() for name in folders[:20])


def read_experiment(storage: Storage, place: str, *parts: str) -> Results:
    """Read an experiment, local or not.

    Raises:
        UserError: no trial in it has reported anything.
    """
    names = storage.names(*parts)
    statuses = _statuses(storage, parts, [name for name, is_file in names.items() if is_file])
    folders = sorted(name for name, is_file in names.items() if not is_file)
    lines: list[dict[str, Any]] = []
    settings: dict[str, None] = {}
    silent = 0
    for config, reports, failed in storage.each(lambda name: _trial(storage, (*parts, name)), folders):
        if not reports and not config:
            continue
        shown = {f"config/{name}": value for name, value in flat(config).items()}
        settings |= dict.fromkeys(shown)
        trial = str(next((one[RUN] for one in reports if RUN in one), f"trial {len(lines)}"))
        status = statuses.get(trial) or ("ERROR" if failed else "TERMINATED")
        silent += not reports
        by_epoch = {one.get(EPOCH, index): one for index, one in enumerate(reports or [{}], start=1)}
        lines += [{RUN: trial, STATUS: status, **shown, **_measured(one)} for one in by_epoch.values()]
    if silent == len({line[RUN] for line in lines}):
        raise UserError(f"{place}: no trial of this experiment has reported a result; run it first")
    remarks = (f"{counted(silent, 'trial')} reported nothing.",) if silent else ()
    frame = frame_of(lines)
    known = {RUN, STATUS, EPOCH, SECONDS, *settings}
    return Results(
        place,
        "a Ray Tune experiment",
        frame,
        settings=tuple(name for name in frame if name in settings),
        metrics=tuple(str(name) for name in frame if name not in known),
        run=RUN,
        epoch=EPOCH if EPOCH in frame else "",
        seconds=SECONDS if SECONDS in frame else "",
        status=STATUS,
        remarks=remarks,
    )


def _trial(storage: Storage, parts: tuple[str, ...]) -> tuple[dict[str, Any], list[dict[str, Any]], bool]:
    """Read a trial's configuration, what it reported, and whether it failed."""
    names = storage.names(*parts)
    config: dict[str, Any] = {}
    if PARAMS in names:
        config = _json_object(storage.read(*parts, PARAMS))
    reports: list[dict[str, Any]] = []
    if RESULT in names:
        reports = [one for one in map(_json_object, storage.read(*parts, RESULT).splitlines()) if one]
    if not reports and PROGRESS in names:
        text = storage.read(*parts, PROGRESS).decode("utf-8", errors="replace")
        reports = [dict(one) for one in csv.DictReader(io.StringIO(text))]
    if not config and reports:
        inside = reports[-1].get("config")
        config = dict(inside) if isinstance(inside, Mapping) else _under("config/", reports[-1])
    return config, reports, ERROR in names


def _json_object(content: bytes) -> dict[str, Any]:
    """Parse a JSON object; empty where a killed trial left half a line."""
    try:
        value = json.loads(content)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def _under(prefix: str, values: Mapping[str, Any]) -> dict[str, Any]:
    return {name.removeprefix(prefix): value for name, value in values.items() if name.startswith(prefix)}


def _measured(report: Mapping[str, Any]) -> dict[str, Any]:
    kept = {name: value for name, value in report.items() if name not in BOOKKEEPING and name != "config"}
    return {name: value for name, value in flat(kept).items() if name != RUN and not name.startswith("config/")}


def _statuses(storage: Storage, parts: tuple[str, ...], files: list[str]) -> dict[str, str]:
    """Read how each trial ended, by its id; the last state that Tune has written wins."""
    found: dict[str, str] = {}
    for name in sorted(name for name in files if name.startswith(_STATE) and name.endswith(".json")):
        state = _json_object(storage.read(*parts, name))
        found |= {one[RUN]: one["status"] for one in _trial_states(state) if {RUN, "status"} <= one.keys()}
    return found


def _trial_states(state: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    entries = state.get("trial_data")
    for entry in entries if isinstance(entries, list) else ():
        text = entry[0] if isinstance(entry, list) and entry else entry
        one = _json_object(text.encode()) if isinstance(text, str) else text
        if isinstance(one, dict):
            yield one
