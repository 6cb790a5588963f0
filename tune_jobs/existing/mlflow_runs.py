"""Folders that MLflow writes (`mlruns`): an experiment's runs as plain files. MLflow itself is not needed."""

from collections.abc import Mapping
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from tune_jobs.errors import UserError, cut, unknown
from tune_jobs.existing.results import Results, frame_of
from tune_jobs.storage.storage import Storage

RUN, EPOCH, SECONDS, STATUS, NAME = "run_id", "step", "seconds", "status", "run_name"
META, PARAMS, METRICS, TAGS = "meta.yaml", "params", "metrics", "tags"
PARAM, METRIC, TAG = "params.", "metrics.", "tags."
_STATUSES = {1: "RUNNING", 2: "SCHEDULED", 3: "FINISHED", 4: "FAILED", 5: "KILLED"}
_DELETED = "deleted"
# Tags of MLflow's own: who ran what, from where.
_OWN_TAG = "mlflow."
_RUN_NAME = "mlflow.runName"


def is_mlruns(storage: Storage, *parts: str) -> bool:
    """Whether a folder holds experiments of MLflow, or is one."""
    return bool(_experiment_folders(storage, parts)) or _is_experiment(storage, parts)


def read_mlruns(storage: Storage, place: str, *parts: str, experiment: str = "") -> Results:
    """Read the runs of an experiment.

    Args:
        storage: with the folder.
        place: what messages call it.
        parts: of the folder's path in the storage.
        experiment: its name or number, if the folder has several with runs.

    Raises:
        UserError: there are no runs, or several experiments and none is named.
    """
    folders = [parts] if _is_experiment(storage, parts) else _experiment_folders(storage, parts)
    named = [(_experiment_name(storage, folder), folder) for folder in folders]
    if experiment:
        named = [(name, folder) for name, folder in named if experiment in (name, folder[-1:] and folder[-1])]
        if not named:
            names = [_experiment_name(storage, folder) for folder in folders]
            raise UserError(f"{place}: {unknown('experiment', experiment, names)}")
    filled = [(name, folder) for name, folder in named if _run_folders(storage, folder)]
    if not filled:
        raise UserError(f"{place}: no experiment in this MLflow folder has a run; give another folder")
    if len(filled) > 1:
        names = [name for name, _ in filled]
        raise UserError(
            f"{place}: holds runs of {len(names)} experiments ({cut(', '.join(names), 200)}); say which one: "
            f"--experiment {names[0]}"
        )
    name, folder = filled[0]
    runs = [
        lines
        for lines in storage.each(lambda run: _run(storage, (*folder, run)), _run_folders(storage, folder))
        if lines
    ]
    # Such as one that holds a report.
    empty = [lines[0][NAME] or lines[0][RUN] for lines in runs if not _says(lines[0])]
    frame = frame_of(line for lines in runs if _says(lines[0]) or len(empty) == len(runs) for line in lines)
    columns = [str(column) for column in frame]
    return Results(
        place,
        f"the MLflow experiment {name}",
        frame,
        settings=tuple(column for column in columns if column.startswith(PARAM)),
        metrics=tuple(column for column in columns if column.startswith(METRIC)),
        run=RUN,
        epoch=EPOCH if frame[EPOCH].nunique() > 1 else "",
        seconds=SECONDS if SECONDS in frame else "",
        status=STATUS,
        remarks=(f"left out, without parameters and metrics: {cut(', '.join(empty), 200)}",) if empty else (),
    )


def _says(line: Mapping[str, Any]) -> bool:
    """Whether a run's line has a parameter or a metric."""
    return any(column.startswith((PARAM, METRIC)) for column in line)


def _is_experiment(storage: Storage, parts: tuple[str, ...]) -> bool:
    if META not in storage.names(*parts):
        return False
    meta = _yaml(storage, (*parts, META))
    return "experiment_id" in meta and "run_id" not in meta


def _experiment_folders(storage: Storage, parts: tuple[str, ...]) -> list[tuple[str, ...]]:
    folders = sorted(name for name, is_file in storage.names(*parts).items() if not is_file and name[:1] != ".")
    return [(*parts, name) for name in folders if _is_experiment(storage, (*parts, name))]


def _experiment_name(storage: Storage, folder: tuple[str, ...]) -> str:
    return str(_yaml(storage, (*folder, META)).get("name", ""))


def _run_folders(storage: Storage, folder: tuple[str, ...]) -> list[str]:
    names = sorted(name for name, is_file in storage.names(*folder).items() if not is_file)
    return [name for name in names if {META, PARAMS, METRICS} & storage.names(*folder, name).keys()]


def _run(storage: Storage, parts: tuple[str, ...]) -> list[dict[str, Any]]:
    """Read a run: a line for each step at which it logged something; none if it was deleted."""
    meta = _yaml(storage, (*parts, META)) if META in storage.names(*parts) else {}
    if meta.get("lifecycle_stage") == _DELETED:
        return []
    tags = _texts(storage, (*parts, TAGS))
    start, end = meta.get("start_time"), meta.get("end_time")
    same: dict[str, Any] = {
        RUN: str(meta.get("run_id", parts[-1])),
        NAME: str(meta.get("run_name") or tags.get(_RUN_NAME, "")),
        STATUS: _STATUSES.get(meta.get("status", 0), str(meta.get("status", ""))),
        **{PARAM + name: text for name, text in _texts(storage, (*parts, PARAMS)).items()},
        **{TAG + name: text for name, text in tags.items() if not name.startswith(_OWN_TAG)},
    }
    by_step: dict[int, dict[str, Any]] = {}
    for name, text in _texts(storage, (*parts, METRICS)).items():
        for step, value in _logged(text):
            by_step.setdefault(step, {})[METRIC + name] = value
    lines = [{**same, EPOCH: step, **by_step[step]} for step in sorted(by_step)] or [{**same, EPOCH: 0}]
    if isinstance(start, int) and isinstance(end, int):
        lines[-1][SECONDS] = (end - start) / 1000
    return lines


def _logged(text: str) -> list[tuple[int, float]]:
    """Parse a metric's file: "time value step" in each line, without the step in old ones."""
    found = []
    for index, line in enumerate(text.splitlines()):
        words = line.split()
        try:
            found.append((int(words[2]) if len(words) > 2 else index, float(words[1])))
        except (ValueError, IndexError):
            continue
    return found


def _texts(storage: Storage, parts: tuple[str, ...], within: str = "") -> dict[str, str]:
    """Read the files of a folder and of the folders in it, by name: "optimizer/lr"."""
    found: dict[str, str] = {}
    for name, is_file in sorted(storage.names(*parts).items()):
        if is_file:
            found[within + name] = storage.read(*parts, name).decode("utf-8", errors="replace").rstrip("\n")
        else:
            found |= _texts(storage, (*parts, name), f"{within}{name}/")
    return found


def _yaml(storage: Storage, parts: tuple[str, ...]) -> Mapping[str, Any]:
    try:
        value = YAML(typ="safe", pure=True).load(storage.read(*parts).decode("utf-8", errors="replace"))
    except YAMLError:
        return {}
    return value if isinstance(value, dict) else {}
