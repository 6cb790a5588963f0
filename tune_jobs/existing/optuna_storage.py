"""Studies that Optuna keeps: in a database or a journal file. They are read through Optuna, and never written."""

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tune_jobs.errors import UserError, cut, first_line, redacted, unknown
from tune_jobs.existing.results import MAX, MIN, Results, flat, frame_of

if TYPE_CHECKING:
    from optuna import Study
    from optuna.trial import FrozenTrial

RUN, EPOCH, SECONDS, STATUS = "trial", "step", "seconds", "state"
PARAMS, ATTRIBUTES = "params_", "user_attrs_"
# The metric of an Optuna study that does not name its own.
VALUE, INTERMEDIATE = "value", "intermediate_value"


def read_database(url: str, place: str, experiment: str = "") -> Results:
    """Read a study of a database that Optuna wrote.

    Args:
        url: of the database, such as "sqlite:///study.db".
        place: what messages call it.
        experiment: the study's name, if the database has several.

    Raises:
        UserError: there is no such database, it holds no study, or several and none is named.
    """
    import optuna
    from sqlalchemy.exc import SQLAlchemyError

    try:
        # The tables are there already: this creates none.
        storage = optuna.storages.RDBStorage(_read_only(url), skip_table_creation=True)
        return _read(storage, place, experiment)
    except UserError:
        raise
    except (SQLAlchemyError, ImportError, RuntimeError, ValueError, KeyError) as error:
        why = cut(redacted(first_line(error)), 160)
        raise UserError(
            f"{place}: cannot be read as a database of Optuna ({why}); give one that Optuna wrote"
        ) from error


def read_journal(path: Path, place: str, experiment: str = "") -> Results:
    """Read a study of a journal file that Optuna wrote; see `read_database`."""
    import optuna
    from optuna.storages.journal import JournalFileBackend

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            storage = optuna.storages.JournalStorage(JournalFileBackend(str(path)))
        return _read(storage, place, experiment)
    except UserError:
        raise
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UserError(f"{place}: is not an intact journal of Optuna ({first_line(error)}); write it anew") from error


def _read_only(url: str) -> str:
    """Have SQLite open its file for reading only, so that a wrong path creates no file."""
    scheme, _, path = url.partition(":///")
    if scheme != "sqlite" or path.startswith("file:"):
        return url
    return f"sqlite:///file:{path}?mode=ro&uri=true"


def _read(storage: Any, place: str, experiment: str) -> Results:
    import optuna

    names = sorted(summary.study_name for summary in optuna.get_all_study_summaries(storage, include_best_trial=False))
    if not names:
        raise UserError(f"{place}: holds no Optuna study; give another")
    if experiment and experiment not in names:
        raise UserError(f"{place}: {unknown('Optuna study', experiment, names)}")
    if not experiment and len(names) > 1:
        raise UserError(
            f"{place}: holds {len(names)} Optuna studies ({cut(', '.join(names), 200)}); say which one: "
            f"--experiment {names[0]}"
        )
    study = optuna.load_study(study_name=experiment or names[0], storage=storage)
    return _results(study, place)


def _results(study: "Study", place: str) -> Results:
    trials = study.get_trials(deepcopy=False)
    if not trials:
        raise UserError(f"{place}: the Optuna study {study.study_name} has no trials; run it first")
    metrics = _metric_names(study)
    intermediate = _column_of_intermediate_values(trials, metrics)
    lines = [line for trial in trials for line in _lines(trial, metrics, intermediate)]
    frame = frame_of(lines)
    goals = {name: MAX if direction.name == "MAXIMIZE" else MIN for name, direction in _directions(study, metrics)}
    if len(metrics) == 1:
        goals[INTERMEDIATE] = goals[metrics[0]]
    return Results(
        place,
        f"the Optuna study {study.study_name}",
        frame,
        settings=tuple(str(name) for name in frame if str(name).startswith(PARAMS)),
        metrics=tuple(name for name in (*metrics, INTERMEDIATE) if name in frame),
        run=RUN,
        epoch=EPOCH if EPOCH in frame and frame[EPOCH].notna().any() else "",
        seconds=SECONDS,
        status=STATUS,
        goals=goals,
    )


def _metric_names(study: "Study") -> list[str]:
    if study.metric_names:
        return list(study.metric_names)
    count = len(study.directions)
    return [VALUE] if count == 1 else [f"{VALUE}_{index}" for index in range(count)]


def _directions(study: "Study", metrics: Sequence[str]) -> list[tuple[str, Any]]:
    return list(zip(metrics, study.directions, strict=True))


def _column_of_intermediate_values(trials: "Sequence[FrozenTrial]", metrics: Sequence[str]) -> str:
    """The values that trials report on the way are the metric's curve where each ends with the trial's value."""
    ended = [trial for trial in trials if trial.intermediate_values and trial.values]
    last_is_value = all(trial.intermediate_values[max(trial.intermediate_values)] == trial.values[0] for trial in ended)
    return metrics[0] if len(metrics) == 1 and last_is_value else INTERMEDIATE


def _lines(trial: "FrozenTrial", metrics: Sequence[str], intermediate: str) -> list[dict[str, Any]]:
    """A line for each value that a trial reported on the way; the last has the trial's value, and all that it kept."""
    same = {
        RUN: trial.number,
        STATUS: trial.state.name,
        **{f"{PARAMS}{name}": value for name, value in flat(trial.params).items()},
        **{f"{ATTRIBUTES}{name}": value for name, value in flat(trial.user_attrs).items()},
    }
    steps = sorted(trial.intermediate_values)
    lines = [{**same, EPOCH: step, intermediate: trial.intermediate_values[step]} for step in steps] or [dict(same)]
    lines[-1] |= dict(zip(metrics, trial.values or (), strict=False))
    if trial.duration is not None:
        lines[-1][SECONDS] = trial.duration.total_seconds()
    return lines
