"""Ray's folder belongs to the user alone, and its path is short enough for sockets."""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tune_jobs.errors import UserError
from tune_jobs.training import ray_folder
from tune_jobs.training.ray_folder import private_folder

NAME = f"ablatune-{os.getuid()}"


@pytest.fixture
def place(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder with a short path, which is the one for temporary files."""
    with tempfile.TemporaryDirectory(prefix="p", dir="/tmp") as folder:
        monkeypatch.delenv("RAY_TMPDIR", raising=False)
        monkeypatch.setattr(tempfile, "tempdir", folder)
        yield Path(folder)


def test_nobody_else_can_enter_it(place: Path) -> None:
    assert private_folder() == private_folder() == place / NAME / "r"
    assert (place / NAME).stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("foreign", ["open", "link", "file"])
def test_what_another_user_put_there_is_not_taken(foreign: str, place: Path) -> None:
    if foreign == "open":
        (place / NAME).mkdir()
        (place / NAME).chmod(0o777)
    elif foreign == "link":
        (place / NAME).symlink_to(place)
    else:
        (place / NAME).touch()
    folder = private_folder()
    assert folder.parent.parent == place
    assert folder.parent != place / NAME
    assert folder.parent.stat().st_mode & 0o777 == 0o700


def test_a_path_that_is_too_long_for_sockets_is_left_for_a_shorter_one(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", f"{place}/{'x' * 100}")
    assert private_folder() == Path("/tmp") / NAME / "r"
    monkeypatch.setattr(ray_folder, "_SHORTEST", f"/tmp/{'y' * 100}")
    with pytest.raises(UserError, match=r"too long a path for Ray's sockets; set TMPDIR to a folder with a path of at"):
        private_folder()
    monkeypatch.setenv("RAY_TMPDIR", str(place))
    assert private_folder() == place / NAME / "r"


def test_a_folder_that_cannot_be_written_is_left_for_another(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (place / "file").touch()
    monkeypatch.setattr(tempfile, "tempdir", str(place / "file"))
    assert private_folder() == Path("/tmp") / NAME / "r"
