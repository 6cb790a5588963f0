"""The flags of the command line come from the options, and the run on a cluster is told what it was asked for."""

import argparse
from dataclasses import dataclass, fields
from typing import Any

import pytest

from tune_jobs.commands.cli import parser
from tune_jobs.commands.flags_from_options import add_flags, flag_of, options_from, words_of
from tune_jobs.commands.training_commands import run_arguments
from tune_jobs.training.run_options import EvaluateOptions, PlanOptions, RunOptions, VariantOptions, option

COMMANDS = {"run": RunOptions, "plan": PlanOptions, "evaluate": EvaluateOptions}


@dataclass(frozen=True, kw_only=True)
class Made:
    """Options of each kind."""

    count: int | None = option(None, "a count", at_most=10)
    share: float = option(1.0, "a share", flag="--part")
    name: str | None = option(None, "a name")
    loud: bool = option(False, "be loud")
    safe: bool = option(True, "take risks", flag="--no-safe")
    here: int | None = option(None, "not for others", travels=False)


def parsed(*words: str) -> Made:
    made = argparse.ArgumentParser(exit_on_error=False)
    add_flags(made, Made)
    return options_from(made.parse_args(words), Made)


def test_without_flags_there_are_the_defaults() -> None:
    assert parsed() == Made()
    assert list(words_of(Made())) == []


def test_flags_and_words_are_inverse() -> None:
    options = Made(count=3, share=0.25, name="x", loud=True, safe=False)
    words = list(words_of(options))
    assert words == ["--count", "3", "--part", "0.25", "--name", "x", "--loud", "--no-safe"]
    assert parsed(*words) == options


def test_what_does_not_travel_is_not_passed_on() -> None:
    assert parsed("--here", "3").here == 3
    assert list(words_of(Made(here=3))) == []


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--count", "0"], "'0' is not a whole number of at least 1"),
        (["--count", "1.5"], "'1.5' is not a whole number of at least 1"),
        (["--count", "11"], "11 is more than 10"),
        (["--part", "x"], "'x' is not a number"),
    ],
)
def test_values_are_checked(words: list[str], message: str) -> None:
    with pytest.raises(argparse.ArgumentError, match=message):
        parsed(*words)


@pytest.mark.parametrize(("command", "options"), COMMANDS.items())
def test_every_option_has_a_flag_with_a_help(command: str, options: Any, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parser().parse_args([command, "--help"])
    shown = capsys.readouterr().out
    assert fields(options)
    for field in fields(options):
        assert flag_of(field) in shown
        assert field.metadata["option"].help.split()[0] in shown


def example(field: Any) -> str:
    if field.metadata["option"].choices:
        return str(next(choice for choice in field.metadata["option"].choices if choice != field.default))
    return {"address": "auto"}.get(field.name, "0.5" if "float" in str(field.type) else "2")


def test_submit_passes_on_every_option_that_travels() -> None:
    said: list[str] = ["--set", "learning_rate=0.1"]
    for field in (*fields(VariantOptions), *fields(RunOptions)):
        if field.metadata["option"].travels:
            is_switch = isinstance(field.default, bool)
            said += [flag_of(field)] if is_switch else [flag_of(field), example(field)]
    assert len(said) > 15
    told = run_arguments(parser().parse_args(["submit", "digits_demo", *said]))
    assert sorted(told) == sorted(said)
    on_the_cluster = parser().parse_args(["run", "digits_demo", *told])
    here = parser().parse_args(["submit", "digits_demo", *said])
    for options in (VariantOptions, RunOptions):
        assert options_from(on_the_cluster, options) == options_from(here, options)
    assert on_the_cluster.overrides == ["learning_rate=0.1"]
