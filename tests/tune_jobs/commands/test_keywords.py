"""Methods of `ablatune.Study` take the options of the command line as keywords, spelled out."""

import inspect
from dataclasses import fields
from typing import Any

import pytest

import ablatune
from tune_jobs.errors import UserError
from tune_jobs.training.run_options import EvaluateOptions, PlanOptions, RunOptions

METHODS = {"run": RunOptions, "plan": PlanOptions, "evaluate": EvaluateOptions}


@pytest.mark.parametrize(("method", "options"), METHODS.items())
def test_every_option_is_a_keyword_with_its_default_and_its_words(method: str, options: Any) -> None:
    function = getattr(ablatune.Study, method)
    parameters = inspect.signature(function).parameters
    assert list(parameters) == ["self", *(field.name for field in fields(options))]
    for field in fields(options):
        assert parameters[field.name].default == field.default
        assert parameters[field.name].kind is inspect.Parameter.KEYWORD_ONLY
        assert f"{field.name}: {field.metadata['option'].words}" in function.__doc__


def test_an_unknown_keyword_is_named() -> None:
    study = ablatune.Study.load("digits_demo")
    with pytest.raises(UserError, match=r"unexpected keyword argument 'max_concurent'; it takes .*max_concurrent"):
        study.run(max_concurent=2)
