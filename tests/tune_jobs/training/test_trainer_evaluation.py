"""The test set of a training function: opened by `evaluate` alone, by the function that the user declares for it."""

import json
from pathlib import Path

import pytest

from analysis.frames.evidence import gather
from analysis.report.outline import sections_of
from tests.tune_jobs.trainers import BASE, CLIMB, METRICS, Own
from tune_jobs.commands.cli import main
from tune_jobs.commands.evaluate import Evaluation, evaluate_study
from tune_jobs.errors import UserError
from tune_jobs.ledger.test_openings import read_openings
from tune_jobs.study.model import Study
from tune_jobs.training.run_options import EvaluateOptions
from tune_jobs.training.settings import Settings

FINAL = BASE + METRICS + "seeds: 2\ntables:\n  - {factor: width, levels: [2, 4]}\nfinal: {width: 4}\n"
EVALUATE = """

def evaluate(trial, *, width: int):
    return {"test_accuracy": trial.load()["value"] - 1, "width": width}
"""


@pytest.fixture
def own(tmp_path: Path) -> Own:
    made = Own(tmp_path)
    made.module(climb=CLIMB + EVALUATE)
    return made


def evaluated(own: Own, study: Study, *, again: bool = False) -> Evaluation:
    options = EvaluateOptions(again=again)
    settings = Settings(own.ledger.storage.uri, own.folder, study.seeds, study.resources, options)
    return evaluate_study(study, settings, say=lambda line: None)


def test_evaluate_opens_the_test_set_once_from_what_was_saved_last(own: Own) -> None:
    study = own.study(FINAL)
    standing = own.run(study)
    done = evaluated(own, study)
    assert done.code == 0
    (opening,) = read_openings(own.ledger.storage)
    (tested,) = opening.tested
    (final,) = (row for row in standing.rows if row.table == "final")
    values = [standing.contents.records[one.key].validation_metric[-1] for one in standing.of(final)]
    assert tested.metrics == pytest.approx([value - 1 for value in values])
    assert (tested.metric, tested.unit, opening.data) == ("Accuracy|%|higher", "%", {"climb:train"})
    assert own.log(standing.of(final)[0].key) == "1 2 3"
    with pytest.raises(UserError, match="has opened the test set of climb:train once"):
        evaluated(own, study)
    sheets = [sheet for section in sections_of(gather(own.standing(study)), None) for sheet in section.sheets]
    assert [column.heading for column in sheets[0].columns][:2] == ["Configuration", "Test Accuracy (%)"]


def test_without_evaluate_the_error_says_what_is_missing(own: Own) -> None:
    own.module(climb=CLIMB)
    study = own.study(FINAL)
    own.run(study)
    with pytest.raises(UserError, match="climb: has no function `evaluate` beside train"):
        evaluated(own, study)
    assert not read_openings(own.ledger.storage)


@pytest.mark.parametrize(
    ("returned", "words"),
    [
        ("{'loss': 1}", "returns only loss; return {validation_accuracy: number}"),
        ("3", "returns 3; return {validation_accuracy: number}"),
        ("{'validation_accuracy': 'a'}", "validation_accuracy is 'a', which is not a number"),
        ("1 / 0", r"ZeroDivisionError: division by zero \(climb.py:\d+, in evaluate\)"),
    ],
)
def test_what_evaluate_does_wrong_is_a_line(own: Own, returned: str, words: str) -> None:
    own.module(climb=f"{CLIMB}\n\ndef evaluate(trial):\n    return {returned}\n")
    study = own.study(FINAL.replace("seeds: 2", "seeds: 1"))
    own.run(study)
    with pytest.raises(UserError, match=words):
        evaluated(own, study)


def test_the_ledger_shows_and_exports_what_was_reported(own: Own, capsys: pytest.CaptureFixture[str]) -> None:
    standing = own.run(own.study(FINAL))
    key, storage = standing.trials[0].key, ["--storage", own.ledger.storage.uri]
    assert main(["show", key[:8], *storage]) == 0
    shown = capsys.readouterr().out
    assert "validation accuracy" in shown
    assert " nan" not in shown
    assert main(["ledger", "export", str(own.folder / "all.csv"), *storage]) == 0
    heading = (own.folder / "all.csv").read_text().splitlines()[0].split(",")
    assert {"validation_accuracy", "validation_loss", "train_seconds"} <= set(heading)
    assert main(["ledger", "remove", key, "--yes", *storage]) == 0
    assert len(own.standing(own.study(FINAL)).missing()) == 1
    own.run(own.study(FINAL))
    assert own.log(key) == "1 2 3", "what it had left went with it"
    assert json.loads(own.ledger.read().records[key].fields)["trainer"] == "climb:train"
