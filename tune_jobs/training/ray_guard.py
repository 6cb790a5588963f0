"""Ends a run with one line when a process of Ray on this machine, or the head of a cluster, dies: nothing survives it.

Ray itself would go on for up to a minute, print pages of its log, and end this process without a word on what to do.
"""

import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from subprocess import Popen
from types import MappingProxyType
from typing import Any

from tune_jobs.ledger import provenance
from tune_jobs.words import duration

_PERIOD_SECONDS = 0.2
# Ray itself ends a process 60 s after the head of its cluster is gone, with lines of its log; the head may come back.
_HEAD_PERIOD_SECONDS, _HEAD_GONE_SECONDS = 3.0, 45.0

_CONTINUES = "trials that finished are kept; the same command continues:"
_NO_PROCESSES: Mapping[str, "Popen[Any]"] = MappingProxyType({})

# To be done if this process ends suddenly, such as giving a terminal back; the last first.
_last_actions: list[Callable[[], None]] = []


@contextmanager
def at_sudden_end(action: Callable[[], None]) -> Iterator[None]:
    """Do something too if the process ends suddenly meanwhile."""
    _last_actions.append(action)
    try:
        yield
    finally:
        _last_actions.remove(action)


def guard(processes: Mapping[str, "Popen[Any]"]) -> Callable[[], None]:
    """Watch processes of Ray until the function that is returned is called; if one dies, end this process with code 1.

    Args:
        processes: by name.
    """
    over = threading.Event()
    threading.Thread(target=_watch, args=(processes, over), name="ray-guard", daemon=True).start()
    return over.set


def _watch(processes: Mapping[str, "Popen[Any]"], over: threading.Event) -> None:
    while not over.wait(_PERIOD_SECONDS):
        dead = {name: code for name, process in processes.items() if (code := process.poll()) is not None}
        # As Python exits, Ray ends its processes.
        if dead and not over.is_set() and threading.main_thread().is_alive():
            _end(dead, processes)


def guard_head(problem: Callable[[], str], name: str) -> Callable[[], None]:
    """Watch the head of a cluster until the function that is returned is called; if it stays away, end this process.

    Args:
        problem: says why the head does not answer; "" if it does.
        name: of the head, for the user.
    """
    over = threading.Event()
    threading.Thread(target=_watch_head, args=(problem, name, over), name="ray-head-guard", daemon=True).start()
    return over.set


def _watch_head(problem: Callable[[], str], name: str, over: threading.Event) -> None:
    answered = time.monotonic()
    while not over.wait(_HEAD_PERIOD_SECONDS):
        found = problem()
        gone = time.monotonic() - answered
        if not found:
            answered = time.monotonic()
        elif gone >= _HEAD_GONE_SECONDS and not over.is_set() and threading.main_thread().is_alive():
            _leave(
                f"{name}: the head of the cluster has been gone for {duration(gone)} ({found}), and Ray cannot go on "
                f"without it; {_CONTINUES} {provenance.command()}"
            )


def _end(dead: Mapping[str, int], processes: Mapping[str, "Popen[Any]"]) -> None:
    _leave(death_words(dead), processes)


def _leave(words: str, processes: Mapping[str, "Popen[Any]"] = _NO_PROCESSES) -> None:
    """End this process with a line, and what Ray has started here."""
    try:
        for action in reversed(_last_actions):
            with suppress(Exception):
                action()
        # Their workers end with them.
        for process in processes.values():
            with suppress(OSError):
                process.kill()
        print(f"ablatune: {words}", file=sys.stderr, flush=True)
        sys.stdout.flush()
    finally:  # whatever cannot be printed
        os._exit(1)


def death_words(dead: Mapping[str, int]) -> str:
    """Say which processes of Ray died, and what to do.

    Args:
        dead: their exit codes by name, negative for a signal.
    """
    name, code = next(iter(dead.items()))
    how = f"ended with exit code {code}"
    if code < 0:
        with suppress(ValueError):
            how = f"was ended by {signal.Signals(-code).name}"
    memory = " (is there enough memory?)" if code == -signal.SIGKILL else ""
    return f"Ray's process {name} {how}{memory}, and Ray cannot go on without it; {_CONTINUES} {provenance.command()}"
