"""Processes with the user's modules: what they have, what they do not, and how their ends are told."""

import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from data_utils import load_trial_data
from tests.tune_jobs.isolation.test_process import ends
from tests.tune_jobs.user_code.nasty import NASTY
from tests.tune_jobs.user_code.test_modules import write
from tune_jobs.errors import UserError
from tune_jobs.isolation.call_errors import ProcessDeathError
from tune_jobs.isolation.process import Process
from tune_jobs.user_code import processes
from tune_jobs.user_code.code_process import ProcessLostError, question_seconds
from tune_jobs.user_code.held_data import held
from tune_jobs.user_code.modules import UserCodeError, freeze
from tune_jobs.user_code.processes import _PROCESSES as PROCESSES
from tune_jobs.user_code.processes import process_with
from tune_jobs.user_code.questions import ask_parameters, foreign


def modules_in(folder: Path, *references: str) -> set[str]:
    """The modules of the folder that a process with those references has imported."""
    with process_with(freeze(references, [folder]), references, what="it") as used:
        found = used.process.call("tests.tune_jobs.user_code.test_processes:own_modules", str(folder))
    return set(found)


def own_modules(folder: str) -> list[str]:
    return [name for name, module in sys.modules.items() if str(getattr(module, "__file__", "")).startswith(folder)]


def test_a_process_has_what_was_asked_for_and_nothing_else(tmp_path: Path) -> None:
    write(tmp_path, p1="import shared1\nx = 1\n", p2="import shared1\nx = 2\n", shared1="")
    assert modules_in(tmp_path, "p1:x") == {"p1", "shared1"}
    assert modules_in(tmp_path, "p2:x") == {"p2", "shared1"}
    assert modules_in(tmp_path, "p1:x", "p2:x") == {"p1", "p2", "shared1"}
    assert own_modules(str(tmp_path)) == [], "nothing is imported here"


def test_each_use_finds_the_modules_as_they_were_imported(tmp_path: Path) -> None:
    write(tmp_path, p3="uses = []\ndef use():\n    uses.append(1)\n    return len(uses)\n")
    code = freeze(["p3:use"], [tmp_path])
    for _ in range(3):
        with process_with(code, ["p3:use"], what="p3:use") as used:
            assert used.process.call("p3:use") == 1


def test_a_module_is_imported_once_if_its_process_can_be_forked(tmp_path: Path) -> None:
    count = f"open({str(tmp_path / 'count')!r}, 'a').write('x')\n"
    write(
        tmp_path,
        p4=count,
        p5=f"import threading, time\n{count}threading.Thread(target=time.sleep, args=(99,)).start()\n",
    )
    for name, imports in (("p4", "x"), ("p5", "xxx")):
        (tmp_path / "count").write_text("")
        code = freeze([f"{name}:count"], [tmp_path])
        for _ in range(3):
            with process_with(code, [f"{name}:threading"] if name == "p5" else ["p4:__name__"], what=name):
                pass
        assert (tmp_path / "count").read_text() == imports, name


def test_the_code_finds_the_folder_and_the_environment_of_now(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, p6="import os\nseen = os.environ.get('SEEN', ''), os.getcwd()\ndef get():\n    return seen\n")
    code = freeze(["p6:get"], [tmp_path])
    for value in ("a", "b"):
        (tmp_path / value).mkdir()
        monkeypatch.chdir(tmp_path / value)
        monkeypatch.setenv("SEEN", value)
        with process_with(code, ["p6:get"], what="p6:get") as used:
            assert used.process.call("p6:get") == (value, str(tmp_path / value))


def test_edited_modules_are_other_modules(tmp_path: Path) -> None:
    for value in (1, 2):
        write(tmp_path, p7=f"def get():\n    return {value}\n")
        with process_with(freeze(["p7:get"], [tmp_path]), ["p7:get"], what="p7:get") as used:
            assert used.process.call("p7:get") == value


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("import sys\nsys.exit('bye')\n", r"p8:x: SystemExit: bye \(p8.py:2, in <module>\)"),
        (
            "import os\n\nos._exit(0)\n",
            r"p8:x: its process ended with exit code 0 \(p8.py:3, in <module>\); your code ",
        ),
        ("import ctypes\nctypes.string_at(0)\n", r"p8:x: its process was ended by a segmentation fault \(p8.py:2, in "),
        ("raise KeyboardInterrupt\n", r"p8:x: KeyboardInterrupt \(p8.py:1, in <module>\)"),
        (
            "class E(BaseException):\n    __str__ = None\nraise E\n",
            r"p8:x: E: \(its message cannot be shown: .*p8.py:3",
        ),
        (
            "import time\ntime.sleep(1000)\n",
            r"p8:x: does not return within 1 s \(p8.py:2, in <module>\); .*USER_CODE_S",
        ),
        (
            "import signal, time\nsignal.pthread_sigmask(0, signal.valid_signals())\ntime.sleep(999)\n",
            "within 1 s .*p8.py:3",
        ),
        ("x = 'a' * (1 << 62)\n", r"p8:x: MemoryError \(p8.py:1"),
    ],
)
def test_an_import_that_does_not_end_well_is_one_line_with_its_place(
    tmp_path: Path, text: str, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, p8=text)
    with process_with(freeze([], []), [], what="warm"):  # so that the limit is for the import alone
        pass
    monkeypatch.setenv("ABLATUNE_USER_CODE_SECONDS", "1" if "sleep" in text else "60")
    with pytest.raises(UserError, match=words) as caught:
        ask_parameters(freeze(["p8:x"], [tmp_path]), "network", "p8:x")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("seconds", ["-1", "0", "nan", "inf", "ten", ""])
def test_a_time_limit_that_is_none_is_refused(seconds: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ABLATUNE_USER_CODE_SECONDS", seconds)
    with pytest.raises(UserError, match=r"ABLATUNE_USER_CODE_SECONDS: .* is not a number of seconds above 0; mend it"):
        question_seconds()


def test_what_something_outside_ends_is_lost_not_failed(tmp_path: Path) -> None:
    write(tmp_path, p9="import os, signal\nos.kill(os.getpid(), signal.SIGKILL)\n")
    with pytest.raises(ProcessLostError, match="p9:x: its process was ended by SIGKILL"):
        ask_parameters(freeze(["p9:x"], [tmp_path]), "network", "p9:x")


def test_a_first_process_that_something_outside_has_ended_is_started_again(tmp_path: Path) -> None:
    write(tmp_path, p12="")
    assert modules_in(tmp_path, "p12:__name__") == {"p12"}
    dead = PROCESSES._first
    assert dead is not None
    os.kill(dead.pid, signal.SIGKILL)
    assert all(ends(kept.used.process.pid) for kept in PROCESSES._kept.values())
    assert modules_in(tmp_path, "p12:__name__") == {"p12"}, "also with a kept process, which ended with the first"
    assert PROCESSES._first is not dead


def test_a_first_process_that_does_not_start_is_lost_not_failed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    starts = []

    def full(*arguments: object, **keywords: object) -> Process:
        starts.append(1)
        raise ProcessDeathError("was ended by SIGKILL", killed=True, timed_out=False, frames=())

    monkeypatch.setattr(processes, "_PROCESSES", processes._Processes())
    monkeypatch.setattr(processes, "start", full)
    write(tmp_path, p13="")
    with pytest.raises(ProcessLostError, match="a process for your code: it was ended by SIGKILL; try again when less"):
        ask_parameters(freeze(["p13:x"], [tmp_path]), "network", "p13:x")
    assert len(starts) == 2, "it is tried once more"


@pytest.mark.parametrize(
    ("does", "words"),
    [
        ("os._exit(3)", r"ended with exit code 3 \(p14.py:2, in <lambda>\); your code "),
        ("time.sleep(999)", "within 1 s"),
    ],
)
def test_a_module_that_does_not_let_its_process_be_forked_is_one_line(
    tmp_path: Path, does: str, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    modules_in(tmp_path)  # so that the limit is for the fork alone
    monkeypatch.setattr("tune_jobs.isolation.process._GRACE_SECONDS", 0.1)
    monkeypatch.setenv("ABLATUNE_USER_CODE_SECONDS", "1" if "sleep" in does else "60")
    write(tmp_path, p14=f"import os, time\nos.register_at_fork(before=lambda: {does})\n")
    with pytest.raises(UserError, match=f"p14:os: .*{words}"):
        ask_parameters(freeze(["p14:os"], [tmp_path]), "network", "p14:os")


def test_a_module_that_lets_its_process_open_no_files_is_asked(tmp_path: Path) -> None:
    write(tmp_path, p17="import resource\nresource.setrlimit(resource.RLIMIT_NOFILE, (5, 5))\n" + NETWORK)
    for _ in range(2):
        assert ask_parameters(freeze(["p17:net"], [tmp_path]), "network", "p17:net").defaults["width"] == 4


def test_a_module_that_forks_is_asked_once(tmp_path: Path) -> None:
    write(tmp_path, p18="import os\ncopy = os.fork()\ndef get():\n    return copy\n")
    code = freeze(["p18:get"], [tmp_path])
    with process_with(code, ["p18:get"], what="p18:get") as used:
        copy = used.process.call("p18:get")
    assert copy > 0
    assert ends(copy)


@pytest.mark.parametrize(
    ("text", "changes"),
    [
        ("import os\nos.getcwd = lambda: 1 / 0\n", "os.getcwd"),
        ("import locale\nlocale.setlocale = None\n", "locale.setlocale"),
        ("import pickle\npickle.dumps = lambda *_: b''\n", "pickle.dumps"),
        ("import builtins\nbuiltins.sorted = builtins.dict = builtins.callable = None\n", "builtins.callable"),
        ("import builtins\nbuiltins.isinstance = lambda *_: True\n", "builtins.isinstance"),
        ("import builtins\nbuiltins.__import__ = None\n", "builtins.__import__"),
        ("import signal\nsignal.getsignal = signal.valid_signals = None\n", "signal.getsignal"),
        ("import torch\ntorch.get_default_dtype = torch.cuda.is_initialized = None\n", "torch.get_default_dtype"),
        ("import numpy as np\nnp.get_printoptions = lambda: 1 / 0\n", "numpy.get_printoptions"),
        ("import os\nos.listdir = os.dup = os.close = os.getpid = None\n", "os."),
        (
            "import torch\nclass C:\n    @property\n    def __class__(self):\n        raise BaseException\n"
            "    __name__ = __module__ = __class__\n    def __call__(self):\n        pass\ntorch.relu = C()\n",
            "torch.relu",
        ),
    ],
)
def test_a_module_that_replaces_what_the_check_for_changes_calls_is_told_not_refused(
    tmp_path: Path, text: str, changes: str, caplog: pytest.LogCaptureFixture
) -> None:
    write(tmp_path, p19=NETWORK + text)
    assert ask_parameters(freeze(["p19:net"], [tmp_path]), "network", "p19:net").defaults["width"] == 4
    assert f"p19:net changes {changes}" in caplog.text.replace("json.dumps, ", "")


NETWORK = "def net(in_features: int, outputs: int, width: int = 4):\n    pass\n"


def test_data_is_held_by_the_process_that_used_it_last(tmp_path: Path) -> None:
    write(tmp_path, p15="", p16="")
    data = ("name", load_trial_data("digits", data_dir=tmp_path))
    for name in ("p15", "p16", "p15"):
        reference = f"{name}:__name__"
        with process_with(freeze([reference], [tmp_path]), [reference], what=name, data=data) as used:
            assert used.process.call("tests.tune_jobs.user_code.test_processes:rows_held", "name") == len(
                data[1].train_inputs
            )
        assert [kept.data for kept in PROCESSES._kept.values() if kept.data] == ["name"]


def rows_held(name: str) -> int:
    return len(held(name).train_inputs)


def test_what_the_users_code_prints_is_dropped_except_in_a_worker(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    starts = []

    def note(modules: Sequence[str], *, silent: bool) -> Process:
        starts.append(silent)
        raise ProcessDeathError("ended", killed=True, timed_out=False, frames=())

    monkeypatch.setattr(processes, "_PROCESSES", processes._Processes())
    monkeypatch.setattr(processes, "start", note)
    with pytest.raises(ProcessLostError):
        modules_in(tmp_path)
    assert starts == [True, True]
    processes.start_for_training()
    assert starts[2:] == [False]


def test_parameters_come_without_the_users_objects(tmp_path: Path) -> None:
    write(
        tmp_path,
        p10="import torch\nclass Own: pass\n"
        "def net(in_features: int, width: int = 3, act=torch.nn.ReLU, own=Own(), *, must: float): ...\n",
    )
    found = ask_parameters(freeze(["p10:net"], [tmp_path]), "network", "p10:net")
    assert list(found.fields) == ["width", "act", "own", "must"]
    assert found.defaults["width"] == 3
    assert not {type(value).__name__ for value in found.defaults.values()} & {"Own", "ReLU"}
    assert found.supplied == ("in_features",)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("patches_init", "torch.nn.Linear.reset_parameters"),
        ("float64", "torch's default dtype"),
        ("sets_the_locale", "the locale"),
        ("threads_64", "torch's number of threads"),
        ("patches_optimizer", "torch.optim.Adam.step"),
        ("patches_loss", "torch.nn.functional.cross_entropy"),
        ("patches_numpy", "numpy.mean"),
        ("sets_the_environment", "the environment"),
        ("sets_the_locale", "the decimal context"),
        ("wraps_loss", "torch.nn.functional.cross_entropy"),
        ("no_loss", "torch.nn.functional.cross_entropy"),
        ("wrapped_by_torch", "torch.nn.Dropout.forward"),
        ("patches_conv", "torch.nn.Conv2d.reset_parameters"),
        ("patches_a_base", "torch.nn.modules.conv._ConvNd.reset_parameters"),
        ("patches_tensors", "torch.Tensor.matmul"),
        ("warnings_are_errors", "the warnings filters"),
        ("prints", "torch's print options"),
        ("denormals", "the handling of denormal numbers"),
        ("hooks", "the hooks of all modules"),
        ("seeds_when_imported", "torch's random seed"),
        ("counts", ""),
    ],
)
def test_what_an_import_changes_is_warned_of(
    tmp_path: Path, name: str, words: str, caplog: pytest.LogCaptureFixture
) -> None:
    write(tmp_path, **{f"n_{name}": NASTY[name]})
    reference = f"n_{name}:Net"
    with process_with(freeze([reference], [tmp_path]), [reference], what=reference):
        pass
    said = [record.getMessage() for record in caplog.records]
    assert all(line.startswith(f"{reference} changes ") for line in said)
    assert any(words in line for line in said) if words else not said


def test_only_classes_of_pytorch_are_no_code_of_the_user() -> None:
    ours = ["torch.nn:Linear", "torch.optim:Adam", "torch.optim.lr_scheduler:StepLR", "mlp"]
    users = ["net:Net", "torch.hub:load", "torch.nn.modules.module:Any", "torch:set_default_device", "torchvision:Net"]
    assert foreign([*ours, *users]) == tuple(users)


def test_a_missing_module_is_said_as_before(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="there is no module nothing_here"):
        ask_parameters(freeze(["nothing_here:Net"], [tmp_path]), "network", "nothing_here:Net")
    write(tmp_path, p11="import nothing_of_this_name\n")
    with pytest.raises(UserCodeError, match=r"No module named 'nothing_of_this_name' \(p11.py:1, in <module>\)"):
        ask_parameters(freeze(["p11:Net"], [tmp_path]), "network", "p11:Net")
