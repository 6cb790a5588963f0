"""What share of a GPU a trial gets if the study leaves it open, with made-up GPUs."""

from pathlib import Path
from typing import Any

import pytest

from models.version import STACKED
from tune_jobs.commands.cli import main
from tune_jobs.errors import ConfigError, UserError
from tune_jobs.stacking.memory import StackMemory
from tune_jobs.storage.storage import Storage
from tune_jobs.study.load import load_study
from tune_jobs.study.resources import Resources, requested_resources
from tune_jobs.training import gpu_share
from tune_jobs.training.gpu_share import largest_process, with_gpu_share
from tune_jobs.training.run_options import RunOptions
from tune_jobs.training.settings import Settings

MEMORY = StackMemory(fixed_bytes=1e9, factor=2.0, budget_bytes=20e9)


@pytest.fixture
def settle(tiny_study: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return a function that settles the share for a study on made-up GPUs; it returns the share and what is said."""

    def settled(
        *, gpus: tuple[int, ...] = (80_000_000_000,), memory: StackMemory | None = MEMORY, **options: Any
    ) -> tuple[float, str]:
        monkeypatch.setattr(gpu_share, "_gpu_sizes", lambda: list(gpus))
        monkeypatch.setattr(gpu_share, "memory_on_gpu", lambda storage, **more: memory)
        study, said = load_study(str(tiny_study)), list[str]()
        asked = RunOptions(**{"gpus_per_trial": "auto", "cpus": 16, **options})
        settings = Settings(str(tmp_path), tmp_path, 1, study.resources, asked)
        storage = Storage.at(str(tmp_path))
        found = with_gpu_share(settings, study, storage, measures=False, say=said.append).resources
        assert not found.shares_gpus
        return found.gpus_per_trial, " ".join(said)

    return settled


def test_the_largest_process_and_the_cpus_decide(settle: Any) -> None:
    share, said = settle()
    assert share == 0.0625
    assert "each trial gets 0.0625 of a GPU: the largest take up to 2.1 GB of 80 GB, beside 16 CPUs" in said
    assert settle(cpus=4)[0] == 0.25
    assert settle(cpus=4, cpus_per_trial=2)[0] == 0.5
    assert settle(gpus=(80_000_000_000,) * 4)[0] == 0.25
    assert settle(gpus=(80_000_000_000, 6_000_000_000), cpus=64)[0] == 0.5, "the smallest GPU counts"


def test_what_is_not_known_gets_a_whole_gpu_and_says_so(settle: Any) -> None:
    for options, words in (
        ({"memory": None}, "not measured yet; give a fraction"),
        ({"gpus": ()}, "there is none on this machine"),
        ({"address": "head:6379"}, "how many trials fit on a cluster's GPUs is not measured"),
    ):
        share, said = settle(**options)
        assert share == 1.0
        assert words in said


def test_a_share_that_is_given_stays_and_nothing_is_said(tiny_study: Path, tmp_path: Path) -> None:
    study, said = load_study(str(tiny_study)), list[str]()
    settings = Settings(str(tmp_path), tmp_path, 1, study.resources, RunOptions(gpus_per_trial=0.5))
    assert with_gpu_share(settings, study, Storage.at(str(tmp_path)), measures=True, say=said.append) is settings
    assert said == []


def test_a_stack_counts_with_all_its_places(tiny_study: Path, tmp_path: Path) -> None:
    study = load_study(str(tiny_study))
    storage, settings = (
        Storage.at(str(tmp_path)),
        Settings(str(tmp_path), tmp_path, 1, Resources(), RunOptions(stack=64)),
    )
    single = largest_process(study, MEMORY, settings, storage)
    study.modes.update(dict.fromkeys((table.name for table in study.tables), STACKED))
    stacked = largest_process(study, MEMORY, settings, storage)
    assert single is not None
    assert stacked is not None
    assert stacked > single


def test_a_study_and_a_flag_may_leave_it_open(tiny_study: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tiny_study.write_text(tiny_study.read_text() + "resources: {gpus_per_trial: auto}\n")
    declared = load_study(str(tiny_study)).resources
    assert (declared.gpus_per_trial, declared.shares_gpus) == (1.0, True)
    assert requested_resources(declared, gpus_per_trial=0.5) == Resources(gpus_per_trial=0.5)
    assert requested_resources(Resources(), gpus_per_trial="auto") == declared
    storage = str(tiny_study.parent / "results")
    for arguments in (["--logical-gpus", "1"], ["--logical-gpus", "2"]):
        assert main(["run", str(tiny_study), "--dry-run", "--cpus", "4", "--storage", storage, *arguments]) == 0
        share = 1 / (4 // int(arguments[1]))
        assert f"each trial gets {share:g} of a GPU: the 4 CPUs are the limit" in capsys.readouterr().out


def test_a_wrong_word_is_refused(tiny_study: Path) -> None:
    with pytest.raises(UserError, match="gpus_per_trial: 'all' is neither a number nor auto"):
        RunOptions(gpus_per_trial="all")
    tiny_study.write_text(tiny_study.read_text() + "resources: {shares_gpus: true}\n")
    with pytest.raises(UserError, match="shares_gpus"):
        load_study(str(tiny_study))
    with pytest.raises(ConfigError):
        RunOptions(cpus_per_trial="auto")  # type: ignore[arg-type]
