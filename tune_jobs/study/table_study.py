"""`init --data`: write a study for a table of the user's, with everything spelled out that was seen in it."""

import json
import math
import os
import re
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from data_utils.declared import DEFAULT_TEST_SHARE, Declaration
from data_utils.errors import DatasetError
from data_utils.registry import DATASETS, DatasetInfo
from tune_jobs.errors import UserError
from tune_jobs.trial.config import DEFAULT_OBJECTIVES

_WIDTH = 110
_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_NOT_TEXT = frozenset({"true", "false", "null"})
# A network sees the rows as often as gives about this many steps, within bounds.
_STEPS = 2000
_FEWEST_EPOCHS, _MOST_EPOCHS = 10, 50
_SMALLEST_BATCH, _LARGEST_BATCH = 8, 512
# Of targets, from where a logarithm is worth a try.
_SKEWED = 1.0


@dataclass(frozen=True)
class TableStudy:
    """What was written, and what was guessed on the way, in lines."""

    path: Path
    taken: tuple[str, ...]


def write_table_study(folder: Path, data: Path, target: str) -> TableStudy:
    """Write a study of a table into a folder, which is created if needed.

    Args:
        folder: where to; the file is named for the table.
        data: the table, a CSV or Parquet file.
        target: its column to predict.

    Raises:
        UserError: the table cannot be used, the study exists already, or the folder cannot be written.
    """
    name = _name_of(data)
    path = folder / f"{name}.yaml"
    if path.exists():
        raise UserError(f"{path}: already exists and was not changed; give another folder")
    if data.suffix.lower() not in (".csv", ".parquet"):
        raise UserError(f"--data {data}: is not a table; give a .csv or .parquet file")
    try:
        info, skewed = _look_at(name, data, target)
    except DatasetError as error:
        raise UserError(str(error).replace(f"datasets.{name}.target", "--target", 1)) from error
    try:
        folder.mkdir(parents=True, exist_ok=True)
        path.write_text(_text(info, _written_path(folder, data), skewed=skewed), encoding="utf-8")
    except OSError as error:
        raise UserError(f"{folder}: cannot be written ({error}); give another folder") from error
    return TableStudy(path, tuple(one.in_words() for one in info.taken))


def _name_of(data: Path) -> str:
    name = re.sub(r"\W+", "_", data.stem, flags=re.ASCII).strip("_")
    return name if name and not name[0].isdigit() and name not in DATASETS else f"my_{name}".rstrip("_")


def _written_path(folder: Path, data: Path) -> str:
    """The path as the study has it: from its folder if both move together, else absolute."""
    relative = os.path.relpath(data.absolute(), folder.absolute())
    return str(data.absolute()) if relative.startswith(os.pardir) else Path(relative).as_posix()


def _look_at(name: str, data: Path, target: str) -> tuple[DatasetInfo, bool]:
    """Describe the table; also whether its targets are positive and so skewed that their logarithms may be better."""
    # Imported here: only this command needs the arrays.
    import numpy as np

    from data_utils import describe, load_trial_data

    declaration = Declaration.from_mapping(name, {"file": str(data.absolute()), "target": target})
    info = describe(declaration, folders=[Path()])
    part = load_trial_data(info, data_dir=Path())
    if info.task != "regression":
        return info, False
    standard = np.concatenate([part.train_targets, part.validation_targets]).astype(np.float64)
    positive = standard.min() * part.target_std + part.target_mean > 0
    return info, bool(positive and np.mean(part.train_targets.astype(np.float64) ** 3) > _SKEWED)


def _text(info: DatasetInfo, file: str, *, skewed: bool) -> str:
    rows = info.development_rows - info.validation_rows
    batch = 2 ** math.floor(math.log2(max(1, rows / 16)))
    batch = min(max(_SMALLEST_BATCH, batch), _LARGEST_BATCH if rows > 100 * _LARGEST_BATCH else 64, rows)
    epochs = min(max(_FEWEST_EPOCHS, round(_STEPS * batch / rows)), _MOST_EPOCHS)
    regression = info.task == "regression"
    tables = [("network", "[mlp, linear]", "is a network better than a linear model?")]
    tables += [("hidden_units", "[16, 64, 256]", ""), ("learning_rate", "[0.0003, 0.001, 0.003, 0.01]", "")]
    tables += [("dropout", "[0.0, 0.2, 0.5]", ""), ("weight_decay", "[0.0, 0.001]", "")]
    tables.append(("epochs", f"[{epochs // 5}, {epochs // 2}, {epochs}]", "free: a short run begins a long one"))
    if skewed:
        tables.append(("target_transform", "[none, log]", "the targets are positive and skewed"))
    return "\n".join(
        [
            f"# What matters for {info.name}: everything that was seen in the table is written out below.",
            f"#   ablatune run {info.name}.yaml       trains what is missing; after Ctrl-C the same command continues",
            f"#   ablatune report {info.name}.yaml    writes report/{info.name}/index.html",
            f"title: {json.dumps(f'What matters for {info.label}', ensure_ascii=False)}",
            "seeds: 5                      # replicates: random weights and shuffling; the same seeds at every level",
            "splits: validation            # each replicate also splits training and validation rows anew",
            "",
            *_dataset(info, file),
            "",
            "base:                         # the default configuration, marked * in the tables",
            f"  dataset: {info.name}",
            "  network: mlp                # or linear, or your own: my_network:SmallNet (see `ablatune init`)",
            "  hidden_layers: 2",
            "  hidden_units: 64",
            f"  objective: {DEFAULT_OBJECTIVES[info.task]}" + ("              # or gaussian_nll" if regression else ""),
            "  optimizer: adam",
            "  learning_rate: 0.003",
            f"  batch_size: {batch}",
            f"  epochs: {epochs}",
            "",
            "tables:                       # one factor each; everything else as in the base",
            *(
                line
                for factor, levels, why in tables
                for line in (f"  - factor: {factor}" + (f"  # {why}" if why else ""), f"    levels: {levels}")
            ),
            "",
            "# The configuration that you settle on.",
            f"# `ablatune evaluate {info.name}.yaml` scores it on the sealed test set, once.",
            "# final:",
            "#   hidden_units: 256",
            "",
        ]
    )


def _dataset(info: DatasetInfo, file: str) -> list[str]:
    declared = info.declared or Declaration(name=info.name)
    numbers = [name for name in info.features if "=" not in name and name not in (declared.dates or ())]
    return [
        f"datasets:                     # {info.development_rows + info.test_rows:,} rows",
        f"  {info.name}:",
        f"    file: {quoted(file)}",
        f"    target: {quoted(declared.target)}",
        f"    task: {info.task}" + _classes(info),
        *_names("ignore", declared.ignore or (), "no inputs"),
        *_names("categorical", declared.categorical or (), "words: an input of 0 or 1 for each"),
        *_names("dates", declared.dates or (), "days since 1970"),
        *([f"    day_first: {str(declared.day_first).lower()}"] if declared.day_first is not None else []),
        *textwrap.wrap(
            f"numbers: {', '.join(numbers) or 'none'}", _WIDTH, initial_indent="    # ", subsequent_indent="    #   "
        ),
        f"    missing: {declared.missing if declared.fills_missing else 'error'}"
        "           # or mean, median, most_frequent: what replaces a missing number",
        f"    missing_target: {declared.missing_target if declared.missing_target != 'auto' else 'error'}"
        "      # or leave_out: rows without a target",
        *_names("missing_marks", declared.missing_marks or (), "cells that are missing values, beside NA and empty"),
        f"    test_share: {DEFAULT_TEST_SHARE}           # of the rows: sealed, and opened once by `ablatune evaluate`",
        *(["    # target_unit: …          # as tables and figures show it"] if info.task == "regression" else []),
    ]


def _classes(info: DatasetInfo) -> str:
    return f"      # {info.classes} classes" if info.classes else "          # numbers"


def _names(key: str, names: Sequence[str], comment: str) -> list[str]:
    """A key with a list of names, over several lines if it is long."""
    held = ", ".join(quoted(name).replace(" ", _HELD) for name in names)
    first, *rest = textwrap.wrap(held, _WIDTH - len(key), break_long_words=False) or [""]
    lines = [line.replace(_HELD, " ") for line in (f"    {key}: [{first}", *(f"      {line}" for line in rest))]
    lines[-1] += "]"
    if len(lines) > 1:
        return [f"    # {comment}", *lines]
    return [f"{lines[0]:<29} # {comment}"]


# Stands for a blank within a name, so that no line breaks there.
_HELD = "\x00"


def quoted(text: str) -> str:
    """A text as YAML has it, on one line."""
    plain = _WORD.fullmatch(text) and text.lower() not in _NOT_TEXT
    return text if plain else json.dumps(text, ensure_ascii=False)
