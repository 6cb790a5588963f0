"""Exceptions of any kind as plain values."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tune_jobs.errors import is_control
from tune_jobs.isolation.failure import Failure, Frame


def failure_of(error: BaseException) -> Failure:
    try:
        raise error
    except BaseException as raised:
        return Failure.of(raised)


class _UnprintableError(Exception):
    def __str__(self) -> str:
        raise ValueError("no str")


class _ExitingError(BaseException):
    def __str__(self) -> str:
        raise SystemExit(3)

    __repr__ = __str__


@given(st.text(max_size=2000))
def test_any_text_is_made_printable_and_storable(text: str) -> None:
    failure = failure_of(ValueError(text))
    for found in (failure.text, failure.traceback):
        found.encode()
        assert not any(is_control(letter) for letter in found)
    assert len(failure.text) <= 500 * 10
    assert "\n" not in failure.text


def test_a_long_text_is_cut_and_its_length_said() -> None:
    failure = failure_of(ValueError("x" * 100_000))
    assert failure.text == "x" * 500 + "… (100,000 characters)"
    assert len(failure.traceback) < 50_000


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (_UnprintableError(), "(its message cannot be shown: __str__ raises ValueError)"),
        (_ExitingError(), "(its message cannot be shown: __str__ raises SystemExit)"),
        (KeyboardInterrupt(), ""),
        (ValueError("\ud800 \x1b[31m\tred\nmore"), "\\ud800 \\x1b[31m\tred"),
    ],
)
def test_methods_that_raise_are_no_harm(error: BaseException, text: str) -> None:
    failure = failure_of(error)
    assert failure.text == text
    assert "test_failure.py" in failure.traceback


def test_a_failure_is_one_line() -> None:
    assert str(failure_of(KeyboardInterrupt())) == "KeyboardInterrupt"
    assert str(failure_of(type("Odd\n\x1b[31m", (BaseException,), {})("no"))) == "Odd \\x1b[31m: no"


def test_the_innermost_line_in_the_users_files_is_the_place() -> None:
    frames = (Frame("a.py", 1, "main"), Frame("/x/net.py", 5, "forward"), Frame("torch.py", 9, "linear"))
    failure = Failure("ValueError", "no", "", frames)
    assert failure.place(["/x/net.py", "a.py"]) == "net.py:5, in forward"
    assert failure.place(["b.py"]) == ""
    assert str(failure) == "ValueError: no"


def test_a_line_that_does_not_compile_is_a_place() -> None:
    with pytest.raises(SyntaxError) as caught:
        compile("x = (\n", "/x/bad.py", "exec")
    assert Failure.of(caught.value).place(["/x/bad.py"]) == "bad.py:1"


def test_deep_recursion_keeps_the_innermost_lines() -> None:
    def deeper() -> None:
        deeper()

    with pytest.raises(RecursionError) as caught:
        deeper()
    failure = Failure.of(caught.value)
    assert len(failure.frames) == 200
    assert failure.frames[-1].function == "deeper"


def test_letters_of_any_script_stay() -> None:
    assert Failure.of(ValueError("größe 学習 é")).text == "größe 学習 é"
