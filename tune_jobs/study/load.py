"""Find and read studies: shipped ones by name, others by file."""

import os
from collections.abc import Mapping
from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from typing import Any

from tune_jobs.errors import UserError, unknown
from tune_jobs.study.model import Study
from tune_jobs.study.parser import parse_study


def shipped_studies() -> dict[str, Path]:
    """The files of the studies that ship with the project, by name."""
    folder = Path(str(files("tune_jobs.study.shipped")))
    return {path.stem: path for path in sorted(folder.glob("*.yaml"))}


def load_study(
    name_or_path: str,
    overrides: Mapping[str, Any] | None = None,
    fraction: float = 1.0,
    data_dir: Path | None = None,
) -> Study:
    """Read and check a shipped study by its name, or any study by its file.

    Args:
        name_or_path: of the study.
        overrides: fields of the base, as `--set` gives them.
        fraction: share of the epochs at which rows are read.
        data_dir: folder to search for files of declared datasets, after the folder of the study.

    Raises:
        UserError: there is no such study, or it has a mistake; the message names the file, the line and the rule.
    """
    from tune_jobs.study.yaml_reader import read_yaml

    shipped = shipped_studies()
    if name_or_path in shipped:
        path = shipped[name_or_path]
    elif name_or_path.endswith((".yaml", ".yml")) or os.path.isfile(name_or_path):
        path = Path(name_or_path)
    else:
        raise UserError(f"{unknown('study', name_or_path, shipped)}; or give the path of a study file (.yaml)")
    study = parse_study(
        read_yaml(path), name=path.stem, overrides=overrides or {}, fraction=fraction, data_dir=data_dir
    )
    return replace(study, given=(name_or_path,))
