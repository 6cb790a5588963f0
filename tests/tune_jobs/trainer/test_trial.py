"""The trial that a training function is given, without a study around it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tune_jobs.trainer.checkpoint import unpacked
from tune_jobs.trainer.link import Answer, Reported
from tune_jobs.trainer.trial import ReportError, Trial


@dataclass
class Recorder:
    """A link that remembers, and that stops a trial after an epoch."""

    stop_after: int = 0
    is_due: bool = False
    checkpoint: tuple[int, bytes] | None = None
    reports: list[Reported] = field(default_factory=list)

    def report(self, reported: Reported) -> Answer:
        self.reports.append(reported)
        ends = reported.epoch == self.stop_after
        return Answer(ends, keeps=ends, due=self.is_due)

    def load(self) -> tuple[int, bytes] | None:
        return self.checkpoint

    def save(self, epoch: int, content: bytes) -> None:
        self.checkpoint = epoch, content


def train(trial: Trial, state: Any = None) -> list[int]:
    done = []
    for epoch in trial.epochs():
        trial.report(score=epoch)
        trial.save(state)
        done.append(epoch)
    trial.finish("t:train")
    return done


@given(
    total=st.integers(1, 8), stop=st.integers(0, 9), due=st.booleans(), states=st.dictionaries(st.text(), st.integers())
)
def test_stopped_anywhere_it_goes_on_after_the_epoch_that_was_saved(
    total: int, stop: int, due: bool, states: Mapping[str, int]
) -> None:
    link = Recorder(stop_after=stop, is_due=due)
    first = train(Trial(link, total=total), states)
    assert first == list(range(1, min(stop or total, total) + 1))
    assert link.checkpoint is not None
    assert link.checkpoint[0] == first[-1]
    longer = Trial(Recorder(checkpoint=link.checkpoint), total=total + 2)
    assert longer.load() == states
    assert train(longer) == list(range(first[-1] + 1, total + 3))


def test_a_checkpoint_is_kept_when_it_is_due_and_at_the_end() -> None:
    link = Recorder()
    trial = Trial(link, total=4)
    kept = []
    for epoch in trial.epochs():
        link.is_due = epoch == 2
        trial.report(score=1)
        for part in (1, 2):  # the second is of the same epoch, and no longer due
            trial.save({"epoch": epoch, "part": part})
            kept.append(link.checkpoint and unpacked(link.checkpoint[1], Path()))
    once = {"epoch": 2, "part": 1}
    assert kept == [None, None, once, once, once, once, {"epoch": 4, "part": 1}, {"epoch": 4, "part": 2}]


def a_file(folder: Path) -> Path:
    (folder / "net.pt").write_bytes(b"weights")
    return folder / "net.pt"


def a_folder(folder: Path) -> Path:
    (folder / "state" / "deep").mkdir(parents=True)
    (folder / "state" / "deep" / "net.pt").write_bytes(b"weights")
    return folder / "state"


@pytest.mark.parametrize(("write", "inside"), [(a_file, "."), (a_folder, "deep/net.pt")])
def test_a_file_or_a_folder_is_saved_by_its_path(tmp_path: Path, write: Callable[[Path], Path], inside: str) -> None:
    link = Recorder()
    train(Trial(link, total=1), write(tmp_path))
    found = Trial(Recorder(checkpoint=link.checkpoint), total=2, folder=tmp_path / "mine").load()
    assert found.is_relative_to(tmp_path / "mine")
    assert (found / inside).read_bytes() == b"weights"


def test_tensors_are_saved_and_reports_take_scalars_of_any_kind() -> None:
    link = Recorder()
    trial = Trial(link, total=1, metrics=("a", "b", "c"))
    for _ in trial.epochs():
        trial.predictions(torch.ones(3, requires_grad=True), targets=torch.tensor([2, 0, 1]))
        trial.report(a=torch.tensor(0.5), b=np.float32(2), c=3)
        trial.save({"weights": torch.arange(3)})
    assert link.reports[0].values == {"a": 0.5, "b": 2.0, "c": 3.0}
    predictions = link.reports[0].predictions
    assert predictions is not None
    assert predictions.shape == (3, 1)
    targets = link.reports[0].targets
    assert targets is not None
    assert targets.tolist() == [2, 0, 1]
    assert torch.equal(Trial(Recorder(checkpoint=link.checkpoint), total=2).load()["weights"], torch.arange(3))


def test_the_time_of_an_epoch_is_without_what_the_trial_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [0.0]
    monkeypatch.setattr("tune_jobs.trainer.trial.time.perf_counter", lambda: clock[0])
    link = Recorder(is_due=True)
    monkeypatch.setattr(link, "save", lambda epoch, content: clock.__setitem__(0, clock[0] + 100))
    trial = Trial(link, total=2)
    for _ in trial.epochs():
        clock[0] += 2
        trial.report(score=1)
        trial.save({})
        clock[0] += 1
    assert [one.seconds for one in link.reports] == [2.0, 2.0]


@pytest.mark.parametrize(
    ("use", "words"),
    [
        (lambda trial: (next(trial.epochs()), trial.load()), "after trial.epochs() has begun; load once, before"),
        (lambda trial: (next(trial.epochs()), next(trial.epochs())), "called a second time"),
        (lambda trial: trial.predictions([1]), "belongs before trial.report(…), within an epoch"),
        (lambda trial: (next(trial.epochs()), trial.predictions([[[1]]])), "shape (1, 1, 1) is neither"),
        (lambda trial: (next(trial.epochs()), trial.predictions([1], [1, 2])), "a number for each of 1 outputs"),
        (lambda trial: (next(trial.epochs()), trial.predictions([1], ["a"])), "a number for each of 1 outputs"),
        (lambda trial: trial.save({}), "trial.save() before epoch 1 is reported"),
        (lambda trial: (next(trial.epochs()), trial.report(score=True)), "score is True, which is not a number"),
    ],
)
def test_what_leaves_numbers_unknown_is_refused(use: Callable[[Trial], object], words: str) -> None:
    with pytest.raises(ReportError) as raised:
        use(Trial(Recorder(), total=3))
    assert words in str(raised.value)
