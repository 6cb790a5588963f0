"""A study beside its report: the published numbers, the sentences, and how many of them agree and hold."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from analysis.published.reproduction import counts_in_words, reproduction_of
from analysis.published.sheets import comparison_sheet, conventions_sheet, lines_in_words, statements_sheet
from tune_jobs.ledger.targets import targets_name, write_targets
from tune_jobs.trial.config import TrialConfig

STUDY = """\
splits: validation
base: {dataset: digits, hidden_units: 8, epochs: 4}
tables:
  - {factor: activation, levels: [relu, tanh]}
final: {hidden_units: 4}
"""
PUBLISHED = """\
source: A report
tables:
  - table: activation
    columns: {validation_metric: 2, train_seconds: 0}
    because: the split is not said
    rows:
      ReLU: {values: [97.0, 7], because: a misprint}
      Tanh: [80, 7]
values:
  - {table: final, level: Final configuration, quantity: test_metric, value: 95, decimals: 0, quote: It has 95%.}
statements:
  - quote: ReLU is better.
    tests: [{higher: ReLU, than: Tanh, table: activation, quantity: validation_metric}]
  - quote: "Tanh has \\"the\\" higher accuracy."
    says: in validation
    tests: [{higher: Tanh, than: ReLU, table: activation, quantity: validation_metric}]
    because: it was one run
  - {quote: It is elegant., because: elegance is not measured}
"""
GAUSSIAN = """\
base: {dataset: diabetes, hidden_units: 4, epochs: 3, objective: gaussian_nll}
splits: outer
tables:
  - {factor: activation, levels: [relu, tanh]}
"""
UNCERTAIN = """\
tables:
  - table: activation
    columns: {validation_loss: 2, validation_metric: 0}
    rows: {ReLU: [0.60, 3000], Tanh: [0.60, 60]}
losses:
  objective: gaussian_nll
  conventions: [{name: as ours, shift: 0}, {name: shifted, shift: 0.1, because: a constant}]
statements:
  - {quote: It rises with bmi., tests: [{rises_with: ReLU, feature: bmi, table: activation}]}
"""


@pytest.fixture
def ran(run: Any, fate: Any, publish: Any) -> Any:
    def fates(config: TrialConfig) -> Any:
        # Differences of 1.6, 2 and 2.4 points: they vary by more than a row of 360.
        return fate(last=97.0 + config.seed / 7 if config.activation == "relu" else 95.375 - config.seed / 4)

    return publish(run(STUDY, fates=fates), PUBLISHED)


@pytest.fixture(scope="module")
def uncertain(run: Any, fate: Any, publish: Any) -> Any:
    def fates(config: TrialConfig) -> Any:
        return fate(last=60.0 + config.seed, changes={"validation_loss": (1.5, 0.75, 0.5 + 0.01 * config.seed)})

    ran = publish(run(GAUSSIAN, fates=fates), UNCERTAIN)
    steps = np.linspace(-1, 1, 6)
    for seed in range(3):
        config = TrialConfig(dataset="diabetes", outer_split=seed, split_seed=seed)
        arrays = {
            "targets": steps,
            "target_mean": np.array(150.0),
            "target_std": np.array(80.0),
            "inputs": np.stack([steps * (name == 2) for name in range(10)], axis=1),
            "input_offset": np.zeros(10),
            "input_scale": np.ones(10),
        }
        write_targets(ran.ledger.storage, targets_name("f" * 64, config), arrays)
    return ran


def cells(sheet: Any) -> dict[str, tuple[str, ...]]:
    return {column.heading: column.cells for column in sheet.columns}


def test_without_published_numbers_there_is_nothing_beside(run: Any) -> None:
    assert reproduction_of(run(STUDY).evidence) is None


def test_published_numbers_stand_beside_ours(ran: Any) -> None:
    reproduction = reproduction_of(ran.evidence)
    assert reproduction is not None
    sheet = comparison_sheet("activation", reproduction, metric="Accuracy")
    assert sheet is not None
    found = cells(sheet)
    assert found["Level"] == ("ReLU", "ReLU", "Tanh", "Tanh")
    assert found["Quantity"][:2] == ("Validation accuracy (%)", "Train time (s)")
    assert found["Published"] == ("97.00", "7", "80.00", "7")
    assert found["Ours (mean ± 95%)"][0] == "97.14 ± 0.50"
    assert found["Difference"] == ("+0.14", "−5.00", "+15.12", "−5.00")
    assert found["Verdict"] == ("agrees", "not comparable", "differs", "not comparable")
    assert found["One new run (95%)"][0] == "95.00 to 99.29"
    assert found["One new run (95%)"][1] == "–"
    assert sheet.caption[0] == "All of ours may differ: the split is not said."
    assert found["Note"] == (
        "the interval is too wide to say much; a misprint",
        "other hardware; a misprint",
        "",
        "other hardware",
    )
    assert comparison_sheet("another", reproduction, metric="Accuracy") is None


def test_a_test_is_compared_once_the_test_set_was_opened(ran: Any, opened: Any) -> None:
    before = reproduction_of(ran.evidence)
    assert before is not None
    sheet = comparison_sheet("final", before, metric="Accuracy")
    assert sheet is not None
    assert cells(sheet)["Note"] == ("not evaluated on the test set yet",)
    opened(ran, [10.0, 10.0, 10.0], at="2026-02-01", keys=("of", "another", "study"))
    opened(ran, [94.6, 95.0, 95.9], at="2026-01-01")
    after = reproduction_of(ran.evidence)
    assert after is not None
    sheet = comparison_sheet("final", after, metric="Accuracy")
    assert sheet is not None
    assert cells(sheet)["Quantity"] == ("Test accuracy (%)",)
    assert cells(sheet)["Published"] == ("95",)
    assert cells(sheet)["Difference"] == ("+0.17",), "our numbers keep two decimals"
    assert cells(sheet)["Verdict"] == ("agrees",)


def test_sentences_are_said_with_their_tests_and_what_was_found(ran: Any) -> None:
    reproduction = reproduction_of(ran.evidence)
    assert reproduction is not None
    sheet = statements_sheet(reproduction)
    assert sheet is not None
    found = cells(sheet)
    assert found["Sentence"] == ("“ReLU is better.”", '“Tanh has "the" higher accuracy.”', "“It is elegant.”")
    assert found["Verdict"] == ("holds", "contradicted", "not tested")
    assert found["Tested as"][0] == "validation accuracy: ReLU higher than Tanh (activation)"
    assert found["Tested as"][1].startswith("in validation: validation accuracy: Tanh higher")
    assert found["Tested as"][2] == "–"
    assert found["Found"][0].startswith("+2.0 ± 1.4 points")
    assert found["Found"][1].endswith("n = 3. it was one run")
    assert found["Found"][2] == "elegance is not measured"


def test_the_caption_says_how_sentences_are_judged(ran: Any) -> None:
    reproduction = reproduction_of(ran.evidence)
    assert reproduction is not None
    sheet = statements_sheet(reproduction)
    assert sheet is not None
    words = " ".join(sheet.caption)
    assert (
        "tested on its own at 2.5% one-sided: by chance, about one in forty false sentences would still hold" in words
    )
    assert "two one-sided tests at 2.5% each" in words


def test_all_is_counted(ran: Any) -> None:
    reproduction = reproduction_of(ran.evidence)
    assert reproduction is not None
    assert counts_in_words(reproduction) == [
        "Of 5 published numbers, 1 agrees (1 of them in an interval that is too wide to say much), 1 differs, 3 are "
        "not comparable (2 other hardware, 1 not evaluated on the test set yet).",
        "Of 3 sentences: 1 holds, 1 is contradicted, 1 is not tested.",
    ]


def test_a_terminal_gets_aligned_columns(ran: Any) -> None:
    reproduction = reproduction_of(ran.evidence)
    assert reproduction is not None
    heading, *lines = lines_in_words(reproduction, {"activation": "Accuracy"})
    assert len(lines) == 2, "those that can be compared"
    assert lines[0].split("  ")[0] == "activation, ReLU"
    assert {line.index("Validation accuracy (%)") for line in lines if "Validation" in line} == {
        heading.index("Quantity")
    }
    assert [line.split("  ")[-1].strip() for line in lines] == ["agrees", "differs"]


@pytest.mark.parametrize("changes", [{"fraction": 0.5}, {"overrides": {"hidden_units": 8}}])
def test_a_varied_study_says_nothing_of_the_sentences(ran: Any, changes: Any) -> None:
    evidence = ran.evidence
    varied = replace(evidence.study, **changes)
    reproduction = reproduction_of(replace(evidence, standing=replace(evidence.standing, study=varied)))
    assert reproduction is not None
    assert reproduction.statements == ()
    assert statements_sheet(reproduction) is None
    assert not any("sentence" in words for words in counts_in_words(reproduction))


def test_an_uncertainty_rises_with_an_input(uncertain: Any) -> None:
    reproduction = reproduction_of(uncertain.evidence)
    assert reproduction is not None
    (result,) = reproduction.statements
    assert result.verdict_words == "undecided with 3 seeds", "of three equal correlations only signs count"
    assert result.checks[0].n == 3
    assert result.checks[0].effects[0].startswith("+1.0 ")


def test_without_predictions_an_uncertainty_is_not_tested(run: Any, publish: Any) -> None:
    reproduction = reproduction_of(publish(run(GAUSSIAN), UNCERTAIN).evidence)
    assert reproduction is not None
    assert reproduction.statements[0].checks[0].reason == "no predictions were kept"


def test_losses_are_compared_in_the_way_that_fits_best(uncertain: Any) -> None:
    reproduction = reproduction_of(uncertain.evidence)
    assert reproduction is not None
    sheet = conventions_sheet(reproduction)
    assert sheet is not None
    assert cells(sheet) == {
        "Convention": ("shifted", "as ours"),
        "Added to ours": ("0.100", "0.000"),
        "Agree": ("2 of 2", "0 of 2"),
        "Mean distance": ("0.010", "0.090"),
        "Where it comes from": ("a constant", ""),
    }
    shown = comparison_sheet("activation", reproduction, metric="RMSE")
    assert shown is not None
    assert cells(shown)["Ours (mean ± 95%)"][0].startswith("0.61"), "ours is 0.51"
    assert "Our losses are shown with 0.1000 added, to match the report's convention: shifted." in shown.caption
    assert any("shifted: 2 of 2 agree" in words for words in counts_in_words(reproduction))


def test_large_numbers_have_no_decimals(uncertain: Any) -> None:
    reproduction = reproduction_of(uncertain.evidence)
    assert reproduction is not None
    sheet = comparison_sheet("activation", reproduction, metric="RMSE")
    assert sheet is not None
    assert cells(sheet)["Quantity"][1] == "Validation RMSE (progression units)"
    assert cells(sheet)["Published"][1] == "3,000"
    assert cells(sheet)["Difference"][1::2] == ("−2,939", "+1.00")


def test_losses_in_no_doubt_have_no_conventions(ran: Any) -> None:
    reproduction = reproduction_of(ran.evidence)
    assert reproduction is not None
    assert conventions_sheet(reproduction) is None
