"""Options are checked when they are made, whether a flag or a keyword gave them."""

from dataclasses import MISSING, fields

import numpy as np
import pytest

from tune_jobs.commands.cli import main
from tune_jobs.commands.flags_from_options import words_of
from tune_jobs.errors import UserError
from tune_jobs.training.run_options import EvaluateOptions, PlanOptions, RunOptions, VariantOptions, kinds_of

CLASSES = (VariantOptions, RunOptions, PlanOptions, EvaluateOptions)


@pytest.mark.parametrize("options", CLASSES)
def test_every_option_refuses_what_is_not_of_its_kind(options: type) -> None:
    assert fields(options)
    for field in fields(options):
        assert field.default is not MISSING
        for wrong in ("\ud800", [1], {}, object(), float("nan"), b"x"):
            with pytest.raises(UserError, match=f"^{field.name}: ") as caught:
                options(**{field.name: wrong})
            assert str(caught.value).isprintable()


@pytest.mark.parametrize("options", CLASSES)
def test_every_option_takes_its_kind_and_scalars_of_numpy(options: type) -> None:
    for field in fields(options):
        kind = kinds_of(options)[field.name]
        text = next(iter(field.metadata["option"].choices), "x")
        value = {bool: np.bool_(True), int: np.int64(3), float: np.float32(0.5), str: text}[kind]
        made = getattr(options(**{field.name: value}), field.name)
        assert type(made) is kind
        assert made == value


@pytest.mark.parametrize(("flag", "keyword"), [("--max-concurrent", "max_concurrent"), ("--cpus", "cpus")])
@pytest.mark.parametrize("value", ["0", "-1", "x", "1.5"])
def test_a_flag_and_a_keyword_get_the_same_words(
    capsys: pytest.CaptureFixture[str], flag: str, keyword: str, value: str
) -> None:
    with pytest.raises(SystemExit):
        main(["run", "digits_demo", flag, value])
    said = capsys.readouterr().err
    with pytest.raises(UserError) as caught:
        RunOptions(**{keyword: value})
    words = str(caught.value).removeprefix(f"{keyword}: ").partition(";")[0]
    assert words == f"'{value}' is not a whole number of at least 1"
    assert words in said


def test_an_option_with_choices_takes_no_other(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["run", "digits_demo", "--tensorboard", "yes"])
    assert "argument --tensorboard: 'yes' is none of auto, on, off" in capsys.readouterr().err
    with pytest.raises(UserError, match=r"^tensorboard: 'yes' is none of auto, on, off; which trials get a "):
        RunOptions(tensorboard="yes")
    assert list(words_of(RunOptions(tensorboard="off"))) == ["--tensorboard", "off"]
