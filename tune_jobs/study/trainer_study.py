"""`init --trainer`: write a study for a training function of the user's, with everything spelled out."""

import ast
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from models.registry import is_reference
from tune_jobs.errors import UserError, cut
from tune_jobs.study.reported_metrics import (
    GuessedMetric,
    functions_of_trials,
    guessed_metric,
    in_place_of_trial,
    metric_to_compare,
    reported_names,
)
from tune_jobs.study.script_options import parameters_of_options
from tune_jobs.study.suggested_levels import suggested_levels
from tune_jobs.study.table_study import quoted
from tune_jobs.trial.config import TrialConfig
from tune_jobs.trial.fields import FieldSpec, is_plain
from tune_jobs.user_code.components import Components
from tune_jobs.user_code.modules import freeze
from tune_jobs.user_code.parameters import EPOCHS, REQUIRED, Parameters
from tune_jobs.user_code.questions import ask_parameters

_FORM = "give --trainer FILE:FUNCTION, such as my_training.py:train"
# So many tables are run at once; the others are written as comments.
_MOST_TABLES = 2
_FILL_IN = "fill in"
_PLACEHOLDER = "validation_loss"
_COLUMN = 30


@dataclass(frozen=True)
class TrainerStudy:
    """What was written.

    Attributes:
        path: of the study.
        guessed: what was taken of the metrics by their names, in one line; "" without any.
        to_fill_in: the lines that only the user can write, as "line 9 (depth)".
    """

    path: Path
    guessed: str
    to_fill_in: tuple[str, ...]


def write_trainer_study(folder: Path | None, trainer: str) -> TrainerStudy:
    """Write a study of a training function, whose module is read, and imported by a process that ends with it.

    Args:
        folder: where to, with the function's file in it or below it; by default the folder of the file.
        trainer: the file and the function's name, as ``FILE:FUNCTION``.

    Raises:
        UserError: there is no such function, it cannot be one that trains, the study exists already, or the folder
            cannot be written.
    """
    file, text, function = _source(trainer)
    folder = _folder_of(file) if folder is None else folder
    reference = _reference(file, folder, function)
    path = folder / f"{file.stem}.yaml"
    if path.exists():
        raise UserError(f"{path}: already exists and was not changed; give another folder")
    metrics = [guessed_metric(name) for name in reported_names(text, function)]
    _check_takes_trial(trainer, text, function, reports=bool(metrics))
    parameters = ask_parameters(freeze([reference], [folder, Path()]), "trainer", reference)
    lines = _lines(path.name, reference, parameters, metrics, splits="split_seed" in text)
    try:
        path.write_text("\n".join([*lines, ""]), encoding="utf-8")
    except OSError as error:
        raise UserError(f"{folder}: cannot be written ({error}); give another folder") from error
    gaps = tuple(
        f"line {number} ({line.strip(' #').partition(':')[0]})"
        for number, line in enumerate(lines, 1)
        if f"# {_FILL_IN}: " in line
    )
    return TrainerStudy(path, _guessed(lines, metrics), gaps)


def _source(trainer: str) -> tuple[Path, str, str]:
    """The file that is named, its text, and the function's name."""
    name, colon, function = trainer.rpartition(":")
    # Without a function, or with a drive's letter alone before the colon.
    if not colon or function.endswith(".py"):
        name, function = trainer, ""
    file = Path(name if name.endswith(".py") else f"{name.replace('.', '/')}.py")
    try:
        text = file.read_text(encoding="utf-8-sig")
        ast.parse(text)
    except SyntaxError as error:
        raise UserError(f"--trainer {file}, line {error.lineno}: {error.msg}; correct the Python in it") from error
    except FileNotFoundError as error:
        raise UserError(f"--trainer {trainer}: there is no file {file}; {_FORM}") from error
    except (OSError, ValueError) as error:
        raise UserError(f"--trainer {trainer}: cannot be read as Python ({error}); {_FORM}") from error
    if not function:
        found = functions_of_trials(text)
        form = f"give --trainer {file}:{found[0]}" if found else _FORM
        raise UserError(f"--trainer {trainer}: names no function; {form}")
    return file, text, function


def _check_takes_trial(trainer: str, text: str, function: str, *, reports: bool) -> None:
    """Refuse a function that was written for something else than a trial, and say what it would need."""
    first, others = in_place_of_trial(text, function), functions_of_trials(text)
    if not first or (reports and not others):
        return
    problem = f"--trainer {trainer}: has {first} where a training function has the trial"
    if others:
        raise UserError(f"{problem}; give --trainer {trainer.rpartition(':')[0]}:{others[0]}")
    settings = ", ".join(parameters_of_options(text)) or "learning_rate: float = 0.1"
    raise UserError(
        f"{problem}; write `def {function}(trial, *, {settings}):`, loop over `trial.epochs()`, and call "
        "`trial.report(name=…)` in each epoch"
    )


def _folder_of(file: Path) -> Path:
    """The folder from which a file's module is imported: beside it, or for a part of packages beside these."""
    beside = folder = Path(os.path.abspath(file.parent))
    while (folder / "__init__.py").is_file() and folder != folder.parent:
        folder = folder.parent
    # Written as the file was given: relative if that was.
    return file.parent if folder == beside else folder if file.is_absolute() else Path(os.path.relpath(folder))


def _reference(file: Path, folder: Path, function: str) -> str:
    # As they are named: a link in the folder is a module of it, wherever it leads.
    named, inside = Path(os.path.abspath(file)), Path(os.path.abspath(folder))
    if not named.is_relative_to(inside):
        named, inside = file.absolute().resolve(), folder.absolute().resolve()
    if not named.is_relative_to(inside):
        raise UserError(
            f"--trainer {file}: is not in {folder}, and a study finds modules beside it; leave the folder out, or copy "
            "the file there"
        )
    relative = named.relative_to(inside)
    reference = f"{'.'.join(relative.with_suffix('').parts)}:{function}"
    if not is_reference(reference):
        raise UserError(
            f"--trainer {reference}: Python cannot import a name with other than letters, digits and _; rename it"
        )
    return reference


def _lines(
    name: str, reference: str, parameters: Parameters, metrics: list[GuessedMetric], *, splits: bool
) -> list[str]:
    whose = reference.replace(":", ".")
    return [
        f"# What matters for {whose}: all that was seen in it is written out below.",
        f"#   ablatune check {name}     tells whether a seed fixes its numbers",
        f"#   ablatune run {name}       trains what is missing; after Ctrl-C the same command continues",
        f"#   ablatune report {name}    writes the tables and figures",
        f"title: {json.dumps(f'What matters for {whose}', ensure_ascii=False)}",
        _said("seeds: 5", "replicates: the same seeds at every level"),
        *([_said("splits: validation", "it asks for split_seed, which differs between replicates")] if splits else []),
        "",
        _said("base:", "the default configuration, marked * in the tables"),
        f"  trainer: {reference}",
        *_fields(reference, parameters),
        _epochs(parameters),
        "",
        *_metrics(metrics),
        "",
        *_tables(parameters),
        "",
        "# The configuration that you settle on; a function `evaluate` beside the training function scores it, once.",
        "# final:",
        f"#   epochs: {_total(parameters)}",
    ]


def _said(line: str, comment: str) -> str:
    return f"{line:<{_COLUMN - 1}} # {comment}" if comment else line


def _fields(reference: str, parameters: Parameters) -> Iterator[str]:
    components = Components(parameters={("trainer", reference): parameters})
    for parameter, spec in parameters.fields.items():
        name, default = components.name_of("trainer", parameter), parameters.defaults[parameter]
        if default is REQUIRED and spec.choices:
            default = next(iter(spec.choices))
        if default is REQUIRED:
            yield _said(f"  {quoted(name)}:", f"{_FILL_IN}: {_rule(spec) or 'a value'}")
        elif is_plain(default):
            yield _said(f"  {quoted(name)}: {_written(default)}", _rule(spec))
        else:
            yield f"  # {name} keeps its default, which cannot be written here"


def _rule(spec: FieldSpec) -> str:
    if spec.kind is object:
        return ""
    return cut(spec.rule)


def _written(value: Any) -> str:
    """A plain value as YAML has it."""
    return quoted(value) if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _epochs(parameters: Parameters) -> str:
    asks = EPOCHS in parameters.supplied
    comment = "the function is told, so another total is another trial" if asks else "a longer run continues a shorter"
    return _said(f"  epochs: {_total(parameters)}", comment)


def _total(parameters: Parameters) -> int:
    total = int(parameters.defaults.get(EPOCHS, TrialConfig.epochs))
    return total if total > 0 else TrialConfig.epochs


def _metrics(metrics: list[GuessedMetric]) -> Iterator[str]:
    yield _said("metrics:", 'what it reports in every epoch; each may have a unit ("%") and a label')
    if not metrics:
        yield _said(f"  {_PLACEHOLDER}: {{goal: min}}", f"{_FILL_IN}: the names that trial.report(name=…) uses")
        yield _said(f"metric: {_PLACEHOLDER}", f"{_FILL_IN}: the one of them that tables compare")
        return
    for metric in metrics:
        unit = f", unit: {metric.unit}" if metric.unit else ""
        yield f"  {metric.name}: {{goal: {metric.goal}{unit}}}"
    compared = metric_to_compare(metrics)
    yield _said(f"metric: {compared}", "what tables compare, stages choose by and rungs judge")


def _tables(parameters: Parameters) -> Iterator[str]:
    yield _said("tables:", "one factor each; everything else as in the base")
    suggested = suggested_levels(parameters)
    total = _total(parameters)
    if not suggested:
        suggested = {EPOCHS: sorted({max(1, total // 2), max(2, total)})}
    for number, (factor, levels) in enumerate(suggested.items()):
        mark = "  # " if number >= _MOST_TABLES else "  "
        yield f"{mark}- factor: {quoted(factor)}"
        yield f"{mark}  levels: [{', '.join(map(_written, levels))}]"


def _guessed(lines: list[str], metrics: list[GuessedMetric]) -> str:
    """Say which way each metric was taken, and on which lines."""
    if not metrics:
        return ""
    first = next(number for number, line in enumerate(lines, 1) if line.startswith("metrics:")) + 1
    found = [f"{metric.name} {metric.goal}" for metric in metrics]
    unknown = [metric.name for metric in metrics if not metric.known]
    doubt = f"; the name does not say which way for {', '.join(unknown)}" if unknown else ""
    last = first + len(metrics)
    said = f"by their names, the goals are {', '.join(found)}{doubt}; tables compare {metric_to_compare(metrics)}"
    return f"{said}; to change this, edit lines {first} to {last}"
