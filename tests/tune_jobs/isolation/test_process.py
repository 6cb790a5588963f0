"""Processes that are forked, called and ended, whatever happens in them."""

import builtins
import errno
import os
import re
import signal
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

from tests.processes import ends, running
from tune_jobs.errors import UserError
from tune_jobs.isolation.call_errors import CallError, ProcessDeathError
from tune_jobs.isolation.process import Process, start
from tune_jobs.isolation.server import ask


@pytest.fixture(scope="module")
def first() -> Iterator[Process]:
    """The first process of a tree; it has imported nothing that takes long."""
    process = start([], silent=True)
    yield process
    process.end()


@pytest.fixture
def process(first: Process) -> Iterator[Process]:
    forked = first.fork()
    yield forked
    forked.end()


def test_a_fork_answers_from_its_own_process(first: Process, process: Process) -> None:
    assert process.call("os:getpid") == process.pid
    assert process.pid not in (first.pid, os.getpid())
    assert process.call("builtins:sorted", [2, 1]) == [1, 2]


def test_what_a_fork_changes_no_other_sees(first: Process, process: Process) -> None:
    process.call("os:chdir", "/")
    process.call("os:putenv", "CHANGED", "1")
    other = first.fork()
    assert other.call("os:getcwd") == os.getcwd()
    nested = process.fork()
    assert nested.call("os:getcwd") == "/", "a fork of the fork does"
    nested.end()
    other.end()


def test_an_exception_is_described(process: Process) -> None:
    with pytest.raises(CallError, match="ValueError: invalid literal") as caught:
        process.call("builtins:int", "x")
    assert caught.value.failure.kind == "ValueError"
    assert process.call("builtins:int", "3") == 3, "the process goes on"


def test_errors_of_the_project_stay_what_they_are(process: Process) -> None:
    with pytest.raises(UserError, match=r"NO_SUCH\.yaml.*there is no"):
        process.call("tune_jobs.study.load:load_study", "NO_SUCH.yaml")


def test_an_exit_is_an_exception(process: Process) -> None:
    with pytest.raises(CallError, match="SystemExit: bye") as caught:
        process.call("sys:exit", "bye")
    assert caught.value.failure.exits


@pytest.mark.parametrize(
    ("target", "arguments", "words", "killed"),
    [
        ("os:_exit", (3,), "ended with exit code 3", False),
        ("os:_exit", (0,), "ended with exit code 0", False),
        ("os:abort", (), "was ended by an abort", False),
        ("ctypes:string_at", (0,), "was ended by a segmentation fault", False),
        ("signal:raise_signal", (signal.SIGKILL,), "was ended by SIGKILL", True),
        ("signal:raise_signal", (signal.SIGTERM,), "was ended by SIGTERM", False),
        ("signal:raise_signal", (signal.SIGRTMIN + 6,), f"was ended by signal {signal.SIGRTMIN + 6}", False),
    ],
)
def test_a_death_is_told_with_its_kind(
    process: Process, target: str, arguments: tuple[int, ...], words: str, killed: bool
) -> None:
    with pytest.raises(ProcessDeathError) as caught:
        process.call(target, *arguments)
    assert (caught.value.words, caught.value.killed, caught.value.timed_out) == (words, killed, False)
    assert not process.alive


def test_where_a_process_died_is_told(process: Process) -> None:
    with pytest.raises(ProcessDeathError) as caught:
        process.call("os:_exit", 3)
    files = [frame.file for frame in caught.value.frames]
    assert caught.value.place([files[1]]).startswith("server.py:")
    assert caught.value.place(["elsewhere.py"]) == ""


def test_a_call_that_takes_too_long_is_given_up(process: Process) -> None:
    with pytest.raises(ProcessDeathError) as caught:
        process.call("time:sleep", 1000, seconds=0.2)
    assert caught.value.timed_out
    assert ends(process.pid)


def test_a_process_that_closes_its_files_and_runs_on_is_ended_by_us(process: Process) -> None:
    with pytest.raises(ProcessDeathError) as caught:
        process.call("tests.tune_jobs.isolation.test_process:close_files_and_run_on")
    assert (caught.value.words, caught.value.killed) == ("closed files that are not its own", False)
    assert ends(process.pid)


def close_files_and_run_on() -> None:
    os.closerange(3, 4096)
    time.sleep(1000)


def test_where_a_process_was_that_ended_itself_with_a_signal_is_told(process: Process) -> None:
    with pytest.raises(ProcessDeathError) as caught:
        process.call("tests.tune_jobs.isolation.test_process:end_by_signal")
    assert re.search(r"was ended by SIGTERM \(test_process.py:\d+, in end_by_signal\)", caught.value.at([__file__]))


def end_by_signal() -> None:
    os.kill(os.getpid(), signal.SIGTERM)


@pytest.mark.parametrize("target", ["close_files", "lose_files"])
def test_a_process_that_closes_its_files_and_ends_by_itself_says_so(process: Process, target: str) -> None:
    with pytest.raises(ProcessDeathError) as caught:
        process.call(f"tests.tune_jobs.isolation.test_process:{target}")
    assert not caught.value.killed
    assert caught.value.at(["/x/net.py"]) == "its process closed files that are not its own (net.py)"


def close_files() -> None:
    os.closerange(3, 4096)


def lose_files() -> None:
    nothing = os.open(os.devnull, os.O_RDWR)
    for name in os.listdir("/proc/self/fd"):
        if int(name) > 2:
            os.dup2(nothing, int(name))
    ask("this is not heard")


def test_a_process_that_replaces_files_of_low_numbers_goes_on(process: Process) -> None:
    process.call("tests.tune_jobs.isolation.test_process:replace_low_files")
    assert process.call("os:getpid") == process.pid


def replace_low_files() -> None:
    nothing = os.open(os.devnull, os.O_RDWR)
    for handle in range(3, 100):
        os.dup2(nothing, handle)


def test_a_process_whose_builtins_are_replaced_answers_and_keeps_them(process: Process) -> None:
    with pytest.raises(CallError, match="ValueError: 'no'") as caught:
        process.call("tests.tune_jobs.isolation.test_process:replace_builtins")
    assert re.search(r"\(test_process.py:\d+, in replace_builtins\)", caught.value.failure.at([__file__]))
    assert process.call("tests.tune_jobs.isolation.test_process:are_builtins_replaced")


def replace_builtins() -> None:
    builtins.__dict__.update(__import__=None, isinstance=lambda *_: True, len=None, tuple=None, sorted=None)
    raise ValueError("'no'")


def are_builtins_replaced() -> bool:
    return builtins.len is None


def test_a_process_that_cannot_answer_any_more_says_so(process: Process) -> None:
    with pytest.raises(
        ProcessDeathError, match="cannot go on without functions of Python that were replaced"
    ) as caught:
        process.call("tests.tune_jobs.isolation.test_process:replace_packing")
    assert not caught.value.killed


def replace_packing() -> None:
    struct.pack = None


def test_a_copy_that_a_function_makes_of_its_process_ends(process: Process) -> None:
    copy = process.call("os:fork")
    assert copy > 0
    assert ends(copy)
    assert process.call("os:getpid") == process.pid


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux finds processes whose parent has ended")
@pytest.mark.parametrize(
    "end", ["fork.end()", "os.kill(os.getpid(), signal.SIGKILL)", "os.kill(first.pid, signal.SIGKILL)"]
)
def test_what_a_process_started_in_a_session_of_its_own_ends_with_the_tree(end: str) -> None:
    program = (
        "import os, signal\n"
        "from tune_jobs.isolation.process import start\n"
        "first = start([], silent=True)\n"
        "fork = first.fork().fork()\n"
        "print(fork.call('tests.tune_jobs.isolation.test_process:start_session'), flush=True)\n"
        f"{end}\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.stdout, done.stderr
    assert ends(int(done.stdout))


def start_session() -> int:
    return subprocess.Popen(["sleep", "1000"], start_new_session=True).pid


def test_a_fork_that_does_not_come_is_given_up(process: Process, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tune_jobs.isolation.process._GRACE_SECONDS", 0.2)
    process.call("tests.tune_jobs.isolation.test_process:hang_before_forks")
    with pytest.raises(ProcessDeathError) as caught:
        process.fork(seconds=0.2)
    assert caught.value.timed_out
    assert ends(process.pid)


def hang_before_forks() -> None:
    os.register_at_fork(before=lambda: time.sleep(1000))


def test_a_machine_without_room_for_a_process_is_told_and_leaves_nothing_open(
    first: Process, process: Process, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*arguments: object, **keywords: object) -> int:
        raise OSError(errno.EAGAIN, "no room here")

    opened = os.listdir("/proc/self/fd")
    for name, begin in (
        ("subprocess.Popen", lambda: start([], silent=True)),
        ("tune_jobs.isolation.process._unnamed_file", first.fork),
        ("tune_jobs.isolation.process.connected", first.fork),
    ):
        with monkeypatch.context() as patched:
            patched.setattr(name, full)
            with pytest.raises(ProcessDeathError, match=r"could not start \(no room here\)"):
                begin()
    assert os.listdir("/proc/self/fd") == opened
    process.call("tests.tune_jobs.isolation.test_process:refuse_forks")
    with pytest.raises(ProcessDeathError, match=r"could not start \(.*no room there\)") as caught:
        process.fork()
    assert caught.value.killed
    assert process.alive, "it may be forked when there is room"


def refuse_forks() -> None:
    def full() -> int:
        raise OSError(errno.EAGAIN, "no room there")

    os.fork = full


def test_a_traceback_needs_no_folder(first: Process, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", "/no/such/folder")
    fork = first.fork()
    assert fork.call("os:getpid") == fork.pid
    fork.end()


def test_a_process_that_lets_no_thread_run_is_given_up(process: Process, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tune_jobs.isolation.process._GRACE_SECONDS", 0.2)
    with pytest.raises(ProcessDeathError) as caught:
        # A regular expression that backtracks holds the interpreter's lock.
        process.call("re:match", "(a+)+$", "a" * 40 + "b", seconds=0.2)
    assert caught.value.timed_out
    assert ends(process.pid)


def test_an_answer_that_is_no_plain_value_is_refused(process: Process) -> None:
    with pytest.raises(CallError, match="cannot pickle"):
        process.call("threading:Lock")
    with pytest.raises(CallError, match=r"fractions\.Fraction is not a plain value"):
        process.call("fractions:Fraction", 1, 2)


def test_a_function_asks_and_gets_answers(process: Process) -> None:
    assert process.call("tune_jobs.isolation.server:ask", 20, on_message=lambda asked: asked + 1) == 21


def test_an_error_of_who_answers_ends_the_process(process: Process) -> None:
    def refuse(asked: object) -> None:
        raise ConnectionError("gone")

    with pytest.raises(ConnectionError, match="gone"):
        process.call("tune_jobs.isolation.server:ask", 20, on_message=refuse)
    assert ends(process.pid)


def test_what_a_process_started_ends_with_it(process: Process) -> None:
    child = process.call("os:posix_spawn", "/bin/sleep", ["sleep", "1000"], {})
    assert running(child)
    process.end()
    assert ends(child)
    assert ends(process.pid)


def test_no_process_outlives_the_one_that_started_it() -> None:
    program = (
        "import os, signal\n"
        "from tune_jobs.isolation.process import start\n"
        "first = start([], silent=True)\n"
        "fork = first.fork()\n"
        "nested = fork.fork()\n"
        "print(first.pid, fork.pid, nested.pid, flush=True)\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr
    pids = [int(word) for word in done.stdout.split()]
    assert len(pids) == 3
    assert all(ends(pid) for pid in pids)


def test_a_time_out_for_all_sockets_is_no_time_out_of_processes() -> None:
    socket.setdefaulttimeout(0.01)
    try:
        process = start([], silent=True)
        fork = process.fork()
        assert fork.call("time:sleep", 0.2) is None
    finally:
        socket.setdefaulttimeout(None)
    process.end()
    assert ends(fork.pid)


def test_a_process_that_has_ended_says_so(process: Process) -> None:
    process.end()
    process.end()
    with pytest.raises(ProcessDeathError):
        process.call("os:getpid")
