"""Ctrl-C while Tune runs, as it ends, and after it."""

import signal
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from ray.tune.tune import _setup_signal_catching

from tune_jobs.study.resources import Resources
from tune_jobs.training import ray_tune


def run(monkeypatch: pytest.MonkeyPatch, fit: Callable[[], None]) -> None:
    """Run a tuner that catches signals as Tune does, and does nothing else but what the test asks for."""

    def caught_fit() -> None:
        _setup_signal_catching()
        fit()

    monkeypatch.setattr(ray_tune.tune, "Tuner", lambda *told, **more: SimpleNamespace(fit=caught_fit))
    watch: Any = None
    ray_tune.run_tuner(lambda config: None, Resources(), watch)


def test_an_interrupt_that_comes_as_the_run_ends_is_an_interrupt(monkeypatch: pytest.MonkeyPatch) -> None:
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        run(monkeypatch, lambda: signal.raise_signal(signal.SIGINT))
    assert signal.getsignal(signal.SIGINT) is before


@pytest.mark.parametrize("disabled", ["0", "1"])
def test_ctrl_c_works_after_the_run(monkeypatch: pytest.MonkeyPatch, disabled: str) -> None:
    monkeypatch.setenv("TUNE_DISABLE_SIGINT_HANDLER", disabled)
    run(monkeypatch, lambda: None)
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)


def test_ctrl_c_works_after_a_run_that_failed(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> None:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        run(monkeypatch, fail)
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)
