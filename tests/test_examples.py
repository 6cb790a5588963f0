"""Each of the shipped examples, as a user runs it."""

from collections.abc import Iterator
from contextlib import ExitStack
from importlib.util import find_spec
from pathlib import Path

import pytest

from tune_jobs.commands.cli import main
from tune_jobs.ledger.ledger import Ledger
from tune_jobs.storage.storage import Storage
from tune_jobs.training import ray_session

EXAMPLES = Path(__file__).resolve().parent.parent / "examples"
STUDIES = sorted(EXAMPLES.glob("*.yaml"))
TINY = ["--seeds", "1", "--cpus", "1", "--tensorboard", "off"]


@pytest.fixture(scope="module", autouse=True)
def one_ray() -> Iterator[None]:
    """Let all examples train on one Ray: to start it again for each takes seconds."""
    start = ray_session.ray_running
    with ExitStack() as until, pytest.MonkeyPatch.context() as patch:
        patch.setattr(ray_session, "ray_running", lambda cluster, data, ray_exit=None: start(cluster, data, until))
        yield


def test_each_example_is_a_study_with_a_short_module() -> None:
    assert len(STUDIES) == 5
    assert {path.stem for path in STUDIES} == {path.stem for path in EXAMPLES.glob("*.py")}
    for path in EXAMPLES.glob("*.py"):
        assert len(path.read_text().splitlines()) < 60, path


@pytest.mark.parametrize("path", STUDIES, ids=lambda path: path.stem)
def test_an_example_runs(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if "lightning" in path.stem and find_spec("lightning") is None:
        pytest.skip("Lightning is not installed")
    monkeypatch.chdir(tmp_path)
    assert main(["run", str(one_row(path, tmp_path)), *TINY, "--storage", str(tmp_path / "r")]) == 0
    records = Ledger.open(Storage.at(str(tmp_path / "r"))).read().records
    assert [record.epochs for record in records.values()] == [2]
    assert not any(record.reason for record in records.values())


def one_row(path: Path, folder: Path) -> Path:
    """Write a study with the default of an example alone, beside a copy of its module."""
    head = path.read_text().partition("\ntables:\n")[0]
    more = "\nrequirements: [lightning>=2.4]" if "requirements" in path.read_text() else ""
    (folder / f"{path.stem}.py").write_text(path.with_suffix(".py").read_text())
    (folder / path.name).write_text(f"{head}{more}\nfinal: {{epochs: 2}}\n")
    return folder / path.name
