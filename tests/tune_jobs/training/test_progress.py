"""What a run says while it trains."""

import io

import pytest

from tune_jobs.standing.best import BestSoFar, Score
from tune_jobs.training import display, eta, snapshot
from tune_jobs.training import progress as progress_module
from tune_jobs.training.progress import Progress
from tune_jobs.trial.config import TrialConfig
from tune_jobs.trial.trial import Trial


class Clock:
    """A clock that tests move by hand."""

    def __init__(self) -> None:
        self.seconds = 100.0

    def monotonic(self) -> float:
        return self.seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    for module in (progress_module, display, eta, snapshot):
        monkeypatch.setattr(module, "time", clock)
    return clock


def trials(*epochs: int) -> list[Trial]:
    return [Trial(f"key{n}", TrialConfig(seed=n), count, frozenset({count})) for n, count in enumerate(epochs)]


def test_the_estimate_leaves_out_the_start_up_and_follows_the_work(clock: Clock) -> None:
    progress = Progress(trials(10, 10), {}, stream=io.StringIO())
    clock.seconds += 30
    assert progress.seconds_left() is None
    progress.advanced("key0", 1)
    assert progress.seconds_left() is None
    clock.seconds += 9
    progress.advanced("key0", 10)
    assert progress.seconds_left() == pytest.approx(10.0)
    progress.ended("key0", "completed", "")
    progress.ended("key1", "completed", "")
    assert progress.seconds_left() == pytest.approx(0)


def test_a_run_without_a_sign_of_life_still_says_how_long_it_has_taken(clock: Clock) -> None:
    stream = io.StringIO()
    progress = Progress(trials(10), {}, stream=stream)
    for _ in range(30):
        clock.seconds += 1
        progress.refresh()
    assert len(stream.getvalue().splitlines()) == 3
    assert "0/1 trials, elapsed 2" in stream.getvalue().splitlines()[-1]


def test_plain_lines_in_a_log_are_few_and_complete(clock: Clock) -> None:
    stream = io.StringIO()
    progress = Progress(trials(1000, 10), {"key0": "hidden_units=8, seed 0"}, stream=stream)
    for epoch in range(1, 101):
        clock.seconds += 1
        progress.advanced("key0", epoch)
    lines = stream.getvalue().splitlines()
    assert 9 <= len(lines) <= 11
    assert lines[-1].startswith("0/2 trials, elapsed 1 min")
    assert "left; training hidden_units=8, seed 0" in lines[-1]
    assert "/1000 epochs" in lines[-1]


def test_a_long_run_leaves_few_lines_in_a_log(clock: Clock) -> None:
    stream = io.StringIO()
    progress = Progress(trials(86_400), {}, stream=stream)
    for _ in range(8640):
        clock.seconds += 10
        progress.refresh()
    assert 150 < len(stream.getvalue().splitlines()) < 250


def test_the_best_so_far_is_the_best_of_what_can_be_compared(clock: Clock) -> None:
    best = BestSoFar()
    best.add(TrialConfig(), Score("before", "accuracy", "%", 91.0), "default, seed 9")
    progress = Progress(trials(5, 5, 5), {"key0": "default, seed 0", "key2": "x"}, stream=io.StringIO(), best=best)
    assert "; best so far Accuracy 91.00% (default, seed 9)" in progress.snapshot().line
    progress.ended("key0", "completed", "", Score("key0", "accuracy", "%", 93.25))
    progress.ended("key1", "failed", "no", None)
    progress.ended("key2", "completed", "", Score("key2", "accuracy", "%", 92.0))
    assert progress.snapshot().best == [("Accuracy 93.25%", "default, seed 0")]
    best.add(TrialConfig(dataset="diabetes"), Score("other", "rmse", "", 0.512), "tanh")
    assert [value for value, _ in progress.snapshot().best] == ["Digits: Accuracy 93.25%", "Diabetes: RMSE 0.512"]


def test_members_of_a_stack_are_counted_one_by_one(clock: Clock) -> None:
    progress = Progress(trials(*[4] * 10), {}, stream=io.StringIO())
    for seed in range(8):
        progress.advanced(f"key{seed}", 2)
    taken = progress.snapshot()
    assert (taken.count, len(taken.training), taken.share) == ("0/10 trials", 8, 0.4)
    assert taken.line.endswith("key2 2/4 epochs; and 5 more")


def test_of_many_bad_ends_the_first_are_named_and_all_counted(clock: Clock) -> None:
    stream = io.StringIO()
    progress = Progress(trials(*[5] * 100), {}, stream=stream)
    for seed in range(100):
        progress.ended(f"key{seed}", "diverged", "not finite")
    assert stream.getvalue().count("diverged: key") == 20
    assert progress.snapshot().line.startswith("100/100 trials, 100 diverged, elapsed")


def test_bad_ends_are_said_at_once(clock: Clock) -> None:
    stream = io.StringIO()
    progress = Progress(trials(5), {"key0": "default, seed 0"}, stream=stream)
    progress.ended("key0", "diverged", "the training loss was not finite in epoch 2")
    assert "diverged: default, seed 0: the training loss was not finite in epoch 2" in stream.getvalue()
    assert progress.finished == {"key0": "diverged"}
    assert progress.running == {}
