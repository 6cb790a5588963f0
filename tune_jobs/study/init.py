"""`init`: a study file with comments and a small network beside it, ready to run."""

from importlib.resources import files
from pathlib import Path

from tune_jobs.errors import UserError

STARTER = ("my_study.yaml", "my_network.py")


def write_starter(folder: Path) -> list[Path]:
    """Write the starter files into a folder, which is made where it is not there; return them.

    Raises:
        UserError: one of them is there already, or the folder cannot be written.
    """
    targets = [folder / name for name in STARTER]
    for path in targets:
        if path.exists():
            raise UserError(f"{path}: is there already, and is left as it is; give another folder")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for path in targets:
            path.write_text(
                files("tune_jobs.study.starter").joinpath(path.name).read_text(encoding="utf-8"), encoding="utf-8"
            )
    except OSError as error:
        raise UserError(f"{folder}: cannot be written ({error}); give another folder") from error
    return targets
