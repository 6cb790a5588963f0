"""Signals that end a process do what Ctrl-C does, and give its exit code their number."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable

import pytest

from tune_jobs.commands import cli
from tune_jobs.commands.end_signals import SAFE_TO_REPEAT, ended_like_ctrl_c
from tune_jobs.training.exit_codes import INTERRUPTED

SIGNALS = [signal.SIGTERM, signal.SIGHUP]


@pytest.mark.parametrize("number", SIGNALS)
def test_a_command_ends_with_the_line_that_says_how_to_go_on(
    number: signal.Signals, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    before = signal.getsignal(number)
    monkeypatch.setattr(cli, "_studies", lambda options: signal.raise_signal(number))
    assert cli.main(["studies"]) == 128 + number
    assert capsys.readouterr().err == f"{SAFE_TO_REPEAT}\n"
    assert signal.getsignal(number) is before


def test_ctrl_c_and_other_exit_codes_stay_as_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    for code in (0, 1, 2, INTERRUPTED):
        monkeypatch.setattr(cli, "_studies", lambda options, code=code: code)
        assert cli.main(["studies"]) == code
    monkeypatch.setattr(cli, "_studies", lambda options: signal.raise_signal(signal.SIGINT))
    # A shell starts what it runs in the background with Ctrl-C ignored.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        assert cli.main(["studies"]) == INTERRUPTED
    finally:
        signal.signal(signal.SIGINT, before)


def test_what_tune_does_on_ctrl_c_is_done_on_a_signal_too() -> None:
    stopped: list[int] = []
    before = signal.signal(signal.SIGINT, lambda number, frame: stopped.append(number))
    try:
        with ended_like_ctrl_c() as exit_code:
            signal.raise_signal(signal.SIGTERM)
    finally:
        signal.signal(signal.SIGINT, before)
    assert stopped == [signal.SIGTERM]
    assert [exit_code(code) for code in (0, 1, INTERRUPTED)] == [0, 1, 143]


def test_a_background_process_that_ignores_ctrl_c_still_ends() -> None:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with pytest.raises(KeyboardInterrupt), ended_like_ctrl_c():
            signal.raise_signal(signal.SIGTERM)
    finally:
        signal.signal(signal.SIGINT, before)


def test_what_is_ignored_stays_ignored() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with ended_like_ctrl_c():
            signal.raise_signal(signal.SIGHUP)
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)


def test_another_thread_leaves_the_signals_alone() -> None:
    found: list[int] = []

    def run(use: Callable[[], None]) -> None:
        thread = threading.Thread(target=use)
        thread.start()
        thread.join()

    def use() -> None:
        with ended_like_ctrl_c() as exit_code:
            found.append(exit_code(INTERRUPTED))

    run(use)
    assert found == [INTERRUPTED]


def test_a_command_that_hangs_on_its_way_out_is_left() -> None:
    code = (
        "import signal, time; from tune_jobs.commands import end_signals; end_signals._GRACE_SECONDS = 0.1\n"
        "signal.signal(signal.SIGINT, lambda number, frame: None)\n"
        "with end_signals.ended_like_ctrl_c(): signal.raise_signal(signal.SIGTERM); time.sleep(60)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=os.environ, timeout=50)
    assert (done.returncode, done.stderr) == (143, f"{SAFE_TO_REPEAT}\n")


def test_two_signals_at_once_end_a_command_with_one_line() -> None:
    code = (
        "import signal, sys; from tune_jobs.commands import cli\n"
        "def twice(options):\n"
        "    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM, signal.SIGHUP])\n"
        "    signal.raise_signal(signal.SIGTERM); signal.raise_signal(signal.SIGHUP)\n"
        "    signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGTERM, signal.SIGHUP])\n"
        "cli._studies = twice\n"
        "sys.exit(cli.main(['studies']))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=os.environ, timeout=50)
    assert done.returncode in (143, 129)
    assert done.stderr == f"{SAFE_TO_REPEAT}\n"
