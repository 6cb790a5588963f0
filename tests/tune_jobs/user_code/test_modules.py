"""The user's modules: which are theirs, when they count as changed, and where their errors arose."""

import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.tune_jobs.commands.test_run import environment
from tune_jobs.errors import UserError
from tune_jobs.user_code.module_sources import ModuleSource
from tune_jobs.user_code.modules import Code, freeze, load_reference


def write(folder: Path, **modules: str) -> None:
    for name, text in modules.items():
        path = folder / f"{name.replace('__', '/')}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def test_what_a_module_imports_is_frozen_with_it_and_libraries_are_not(tmp_path: Path) -> None:
    write(
        tmp_path,
        net1="import numpy as np\nfrom pkg.deep import block\ndef make():\n    import late1\n    return late1.x\n",
        pkg____init__="",
        pkg__deep="from . import near\nfrom .near import y\ndef block(): return near.y\n",
        pkg__near="y = 2\n",
        late1="x = 1\n",
        unrelated="",
    )
    code = freeze(["net1:make"], [tmp_path])
    assert set(code.sources) == {"net1", "pkg", "pkg.deep", "pkg.near", "late1"}
    assert load_reference("net1:make", code)() == 1
    assert load_reference("net1:block", code)() == 2


def test_what_is_frozen_is_what_is_imported_whatever_the_file_says_now(tmp_path: Path) -> None:
    write(tmp_path, net2="from part2 import x\n", part2="x = 1\n")
    old = freeze(["net2:x"], [tmp_path])
    write(tmp_path, part2="x = 2\n")
    new = freeze(["net2:x"], [tmp_path])
    assert [load_reference("net2:x", code) for code in (old, new, old)] == [1, 2, 1]
    assert old.fingerprint("net2:x") != new.fingerprint("net2:x")


def test_the_fingerprint_is_that_of_the_modules_that_a_reference_needs(tmp_path: Path) -> None:
    write(tmp_path, a3="import b3\nx = 1\n", b3="y = 1\n", c3="z = 1\n")
    before = freeze(["a3:x", "c3:z"], [tmp_path])
    write(tmp_path, b3="y = 2\n")
    after = freeze(["a3:x", "c3:z"], [tmp_path])
    assert before.fingerprint("a3:x") != after.fingerprint("a3:x")
    assert before.fingerprint("c3:z") == after.fingerprint("c3:z")
    assert after.fingerprint("torch.nn:Linear") == ""


@given(
    comments=st.lists(st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Zl", "Zp", "Cs"]), max_size=9)),
    value=st.integers(0, 3),
)
def test_comments_and_blank_lines_have_no_say_and_every_token_has(comments: list[str], value: int) -> None:
    def fingerprint(text: str) -> str:
        return Code({"m": ModuleSource("m", "m.py", text, package=False)}).fingerprint("m:x")

    plain = f"x = {value}\ny = '# no comment'\n"
    dressed = "".join(f"# {comment}\n\n" for comment in comments) + f"x = {value}  # here\n\n\ny = '# no comment'   \n"
    assert fingerprint(plain) == fingerprint(dressed)
    assert fingerprint(plain) != fingerprint(plain.replace(f"x = {value}", f"x = {value + 1}"))
    assert fingerprint(plain) != fingerprint(plain.replace("# no", "# any"))


@pytest.mark.parametrize("letter", ["\x0b", "\x0c", "\x1c", "\x1d", "\x1e", "\x85", "\u2028", "\u2029"])
def test_a_letter_that_is_a_line_break_elsewhere_hides_no_token(letter: str) -> None:
    def fingerprint(rate: float, separator: str = "\x0c", comment: str = "# comment") -> str:
        text = f"import torch\n{separator}\nclass Net:\n    rate = {rate}\n    a = 2  {comment}\n"
        return Code({"m": ModuleSource("m", "m.py", text, package=False)}).fingerprint("m:Net")

    for separator in (f"s = 'a{letter}b'", f"# a{letter}b"):
        assert fingerprint(0.1, separator) != fingerprint(0.2, separator)
        assert fingerprint(0.1, separator) == fingerprint(0.1, separator, "# another")
    assert fingerprint(0.1) != fingerprint(0.2)
    assert fingerprint(0.1) == fingerprint(0.1, "") == "d8bb093ccaf76440", "that of an ordinary file stays"


def test_modules_that_are_called_like_packages_of_ours(tmp_path: Path) -> None:
    write(
        tmp_path,
        models="from analysis.layers import width\nimport analysis.layers\nx = analysis.layers.width + width\n",
        analysis____init__="",
        analysis__layers="width = 2\n",
    )
    code = freeze(["models:x"], [tmp_path])
    assert load_reference("models:x", code) == 4
    assert sys.modules["models"].__file__ != str(tmp_path / "models.py")


def test_a_library_of_the_same_name_as_a_folder_is_the_library(tmp_path: Path) -> None:
    (tmp_path / "numpy").mkdir()
    write(tmp_path, net4="import numpy as np\nx = np.ones(2).sum()\n")
    code = freeze(["net4:x"], [tmp_path])
    assert set(code.sources) == {"net4"}
    assert load_reference("net4:x", code) == 2


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("def f(:\n", "bad5.py, line 1: "),
        ("import nothing_of_this_name\n", "No module named 'nothing_of_this_name' (bad5.py:1, in <module>)"),
        ("x = 1\n\nraise KeyError('k')\n", "KeyError: 'k' (bad5.py:3, in <module>)"),
        ("x = 1\n", "bad5 has no y"),
        ("import bad\n", "No module named 'bad' (bad5.py:1, in <module>)"),
        (f"x = {'-' * 200_000}1\n", "bad5.py: is too deeply nested to read as Python; write it with shorter"),
        (f"x = {'(' * 150}1{')' * 150}\ny = {'-' * 3000}1\n", "bad5.py"),
        ("x = '\0'\n", "bad5.py: source code string cannot contain null bytes; correct the Python in it"),
    ],
)
def test_what_goes_wrong_names_file_and_line(tmp_path: Path, text: str, words: str) -> None:
    write(tmp_path, bad5=text)
    with pytest.raises(UserError) as caught:
        load_reference("bad5:y", freeze(["bad5:y"], [tmp_path]))
    assert words in str(caught.value)


def test_another_process_imports_it_from_what_was_shipped(tmp_path: Path) -> None:
    import pickle

    write(tmp_path, net6="from dataclasses import dataclass\n@dataclass\nclass Net:\n    x: int = 3\n")
    code = pickle.dumps(freeze(["net6:Net"], [tmp_path]))
    (tmp_path / "net6.py").unlink()
    program = (
        "import pickle\n"
        "from tune_jobs.user_code.modules import load_reference\n"
        f"code = pickle.loads({code!r})\n"
        "print(load_reference('net6:Net', code)().x)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, env=environment(), cwd=tmp_path, check=False
    )
    assert done.stdout.strip() == "3", done.stderr
