"""`init`: write a commented study file and a small network, ready to run."""

from importlib.resources import files
from pathlib import Path

from tune_jobs.errors import UserError

STARTER = ("my_study.yaml", "my_network.py")


def write_starter(folder: Path) -> list[Path]:
    """Write the starter files into a folder, which is created if needed, and return their paths.

    Raises:
        UserError: one of the files exists already, or the folder cannot be written.
    """
    targets = [folder / name for name in STARTER]
    for path in targets:
        if path.exists():
            raise UserError(f"{path}: already exists and was not changed; give another folder")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for path in targets:
            path.write_text(
                files("tune_jobs.study.starter").joinpath(path.name).read_text(encoding="utf-8"), encoding="utf-8"
            )
    except OSError as error:
        raise UserError(f"{folder}: cannot be written ({error}); give another folder") from error
    return targets
