"""Live progress of a run: a bar on a terminal, plain lines in a log, both with what is left."""

import sys
import time
from collections.abc import Callable, Mapping, Sequence
from html import escape
from typing import Any, TextIO

from models.networks import multiplications
from tune_jobs.study.rows import Trial
from tune_jobs.trial.config import TrialConfig, validation_rows

LINE_PERIOD_SECONDS = 10.0
_SECONDS_BEFORE_ESTIMATE = 3.0
# Rough costs of one CPU core; only their ratio matters, since the estimate is scaled by what was seen.
_SECONDS_PER_BATCH = 4e-4
_SECONDS_PER_MULTIPLICATION = 3e-10


def epoch_weight(config: TrialConfig) -> float:
    """Return roughly how long an epoch takes relative to other configurations', in seconds of one CPU core."""
    info = config.dataset_info
    rows = info.development_rows - validation_rows(config)
    batches = -(-rows // config.batch_size)
    work = multiplications(config, info.input_shape, info.classes or 1)
    return batches * _SECONDS_PER_BATCH + rows * work * _SECONDS_PER_MULTIPLICATION


def longest_first(trials: Sequence[Trial]) -> list[Trial]:
    """Return trials in the order to start them: a long one that starts last would leave other workers idle."""
    return sorted(trials, key=lambda trial: -trial.epochs * epoch_weight(trial.config))


class Display:
    """Shows the state of a run: a bar on a terminal or in a notebook, else a line every now and then."""

    def __init__(self, total: int | None, *, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stderr
        self._printed = 0.0
        self._bar: _Bar | _NotebookBar | None = None
        if stream is None and _in_notebook():
            self._bar = _NotebookBar(total)
        elif self._stream.isatty():
            self._bar = _Bar(total)

    def show(self, done: float, line: Callable[[], str], *, force: bool) -> None:
        """Show how much of the total is done, and a line."""
        if self._bar is not None:
            self._bar.update(done, line())
        elif force or time.monotonic() - self._printed >= LINE_PERIOD_SECONDS:
            self._printed = time.monotonic()
            print(line(), file=self._stream, flush=True)

    def say(self, line: str) -> None:
        """Print a line of its own."""
        if self._bar is not None:
            self._bar.say(line)
        else:
            print(line, file=self._stream, flush=True)

    def close(self) -> None:
        """Take the bar down."""
        if self._bar is not None:
            self._bar.close()


class Progress:
    """Counts finished trials and epochs, and says how long the rest will take.

    The estimate scales the weights of what is left by the time that what is done has taken.

    Args:
        trials: to come.
        labels: what a person knows each by, by key.
        stream: takes the lines; standard error unless told.
        weigh: how long an epoch of a configuration takes, relative to others.
        counted: what the trials are called.
    """

    def __init__(
        self,
        trials: Sequence[Trial],
        labels: Mapping[str, str],
        *,
        stream: TextIO | None = None,
        weigh: Callable[[TrialConfig], float] = epoch_weight,
        counted: str = "trials",
    ) -> None:
        self._display = Display(len(trials), stream=stream)
        self._counted = counted
        self._weights = {trial.key: weigh(trial.config) for trial in trials}
        self._epochs = {trial.key: trial.epochs for trial in trials}
        self._labels = labels
        self.restarts: list[str] = []
        self._done: dict[str, int] = {}
        self._outcomes: dict[str, str] = {}
        self._started = time.monotonic()
        self._first_sign: tuple[float, float] | None = None

    @property
    def running(self) -> dict[str, int]:
        """Key to epochs done of the trials that were seen to train and have not finished."""
        return {key: epochs for key, epochs in self._done.items() if key not in self._outcomes}

    @property
    def finished(self) -> dict[str, str]:
        """Key to outcome of the trials that have finished."""
        return dict(self._outcomes)

    def advanced(self, key: str, epoch: int) -> None:
        """Note that a trial has done so many epochs."""
        self._done[key] = epoch
        self._signs_of_life()
        self._show(force=False)

    def label(self, key: str) -> str:
        """Return what a person knows a trial by."""
        return self._labels.get(key, key)

    def restarted(self, key: str, label: str) -> None:
        """Note that a trial lost its worker and begins again."""
        self._done.pop(key, None)
        self.restarts.append(key)
        self.say(f"lost its worker, starts again: {label}")

    def ended(self, key: str, outcome: str, reason: str) -> None:
        """Note that a trial has ended."""
        self._outcomes[key] = outcome
        self._done.setdefault(key, 0)
        self._signs_of_life()
        if outcome in ("failed", "lost", "timed_out", "diverged"):
            self.say(f"{outcome.replace('_', ' ')}: {self._labels.get(key, key)}: {reason}")
        self._show(force=len(self._outcomes) == len(self._epochs))

    def _signs_of_life(self) -> None:
        """Begin the estimate with the first sign of training, after Ray's start-up."""
        if self._first_sign is None:
            self._first_sign = (time.monotonic(), self._weight_finished())

    def say(self, line: str) -> None:
        """Print a line of its own."""
        self._display.say(line)

    def close(self) -> None:
        """Take the bar down."""
        self._display.close()

    def seconds_left(self) -> float | None:
        """Return the estimate, or None while too little has been seen to base one on."""
        if self._first_sign is None:
            return None
        start, weight_then = self._first_sign
        seconds, gained = time.monotonic() - start, self._weight_finished() - weight_then
        if seconds < _SECONDS_BEFORE_ESTIMATE or gained <= 0:
            return None
        total = sum(self._weights[key] * epochs for key, epochs in self._epochs.items())
        return seconds * (total - self._weight_finished()) / gained

    def _weight_finished(self) -> float:
        return sum(self._weight_done(key) for key in self._done)

    def _weight_done(self, key: str) -> float:
        epochs = self._epochs[key] if key in self._outcomes else self._done[key]
        return self._weights[key] * epochs

    def line(self) -> str:
        """Return the state of the run in one line."""
        left = self.seconds_left()
        running = [f"{self._labels.get(key, key)} {epoch}/{self._epochs[key]}" for key, epoch in self.running.items()]
        return ", ".join(
            [
                f"{len(self._outcomes)}/{len(self._epochs)} {self._counted}",
                f"elapsed {duration(time.monotonic() - self._started)}",
                f"about {duration(left)} left" if left is not None else "estimating what is left",
            ]
        ) + (f"; training {'; '.join(running[:4])} epochs" if running else "")

    def _show(self, *, force: bool) -> None:
        self._display.show(len(self._outcomes), self.line, force=force)


class _Bar:
    """A bar on a terminal (rich), redrawn in place."""

    def __init__(self, total: float | None) -> None:
        from rich.progress import BarColumn, Progress, TextColumn

        self._progress = Progress(BarColumn(bar_width=24), TextColumn("{task.description}", markup=False))
        self._task = self._progress.add_task("starting", total=total)
        self._progress.start()

    def update(self, finished: float, line: str) -> None:
        self._progress.update(self._task, completed=finished, description=line)

    def say(self, line: str) -> None:
        self._progress.console.print(line, markup=False, highlight=False)

    def close(self) -> None:
        self._progress.stop()


class _NotebookBar:
    """A bar in a notebook's output, redrawn in place."""

    def __init__(self, total: float | None) -> None:
        from IPython.display import display

        self._total = total
        self._handle: Any = display({"text/plain": "starting"}, raw=True, display_id=True)

    def update(self, finished: float, line: str) -> None:
        text = f"{finished}/{self._total} {line}"
        bar = f'<progress value="{finished}" max="{self._total}"></progress> {escape(line)}'
        self._handle.update({"text/plain": text, "text/html": bar}, raw=True)

    def say(self, line: str) -> None:
        print(line, flush=True)

    def close(self) -> None:
        """Leave the last state standing."""


def _in_notebook() -> bool:
    """Return whether output goes to a notebook; a terminal's IPython is a terminal."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    return shell is not None and type(shell).__name__ == "ZMQInteractiveShell"


def duration(seconds: float) -> str:
    """Return a time span as a person says it: "42 s", "3 min 05 s", "2 h 10 min"."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"
