"""Display tables: what a level shows, what it says of itself, and how it compares with the default."""

from typing import Any

import pytest

from analysis.statistics.intervals import estimate
from analysis.tables.columns import COLUMNS, columns
from analysis.tables.tables import QUANTITIES, TableView
from tune_jobs.trial.config import TrialConfig

STUDY = """\
title: Small
base: {dataset: digits, hidden_units: 8, epochs: 4}
tables:
  - title: Width
    factor: hidden_units
    levels: [4, 8, 16, 32]
  - factor: epochs
    levels: [2, 4, 6]
final: {hidden_units: 32}
"""
WIDTHS = STUDY.partition("  - factor: epochs")[0]
CROSSED = """\
title: Crossed
base: {dataset: digits, network: cnn, hidden_units: 4, epochs: 2, padding: 0, pooling: false}
tables:
  - name: grid
    cross:
      hidden_layers: [1, 4]
      kernel_size: [3, 5]
"""
HOUSES = """\
title: Houses
base: {dataset: house_prices, network: mlp, objective: gaussian_nll, epochs: 3}
tables:
  - factor: hidden_units
    levels: [8, 32]
  - factor: objective
    levels: [gaussian_nll, mse]
"""


def cells(view: TableView) -> dict[str, tuple[str, ...]]:
    return {column.heading: column.cells for column in columns(view)}


def test_the_registries_are_not_empty() -> None:
    assert COLUMNS
    assert QUANTITIES


def test_headings_and_units_are_those_of_the_report(run: Any) -> None:
    shown = cells(run(STUDY, seeds=1).view("hidden_units"))
    assert list(shown) == ["Hidden Layer Size", "Validation Accuracy (%)", "Train Accuracy (%)", "Train Time (s)"]
    assert shown["Hidden Layer Size"] == ("4", "8*", "16", "32")


def test_one_replicate_is_a_bare_number(run: Any) -> None:
    ran = run(STUDY, seeds=1)
    view = ran.view("hidden_units")
    value = ran.trials["validation_metric"][0]
    assert cells(view)["Validation Accuracy (%)"][0] == f"{value:.2f}"
    assert any("One replicate of each level (seed 0): there is no interval" in sentence for sentence in view.caption)


def test_replicates_have_an_interval_and_their_number(run: Any) -> None:
    ran = run(STUDY)
    expected = estimate(ran.trials["validation_metric"][:3])
    shown = cells(ran.view("hidden_units"))
    assert shown["Validation Accuracy (%)"][0] == f"{expected.mean:.2f} ± {expected.half_width:.2f}"
    assert shown["n"] == ("3",) * 4


def test_epochs_are_read_off_one_trajectory(run: Any) -> None:
    ran = run(STUDY)
    view = ran.view("epochs")
    assert [line.epochs for line in view.lines] == [(2, 2), (4, 4), (6, 6)]
    assert cells(view)["Train Time (s)"] == ("1.00 ± 0.00", "2.00 ± 0.00", "3.00 ± 0.00")


def test_differences_are_paired_corrected_and_told_in_words(run: Any, fate: Any) -> None:
    gains = {4: (-5.0, -5.4, -4.6), 8: (0.0, 0.0, 0.0), 16: (1.0, -1.0, 0.4), 32: (2.0, 2.4, 2.8)}

    def fates(config: TrialConfig) -> Any:
        return fate(last=80.0 + 5 * config.seed + gains[config.hidden_units][config.seed])

    view = run(WIDTHS, fates=fates).view("hidden_units")
    assert [line.comparison and line.comparison.verdict for line in view.lines] == [
        "worse",
        None,
        "no clear difference",
        "better",
    ]
    shown = cells(view)["Difference from * (paired)"]
    # At 5% of three comparisons: t = 7.65 standard errors of 0.4 / √3.
    assert shown[0] == "−5.00 ± 1.77, worse"
    assert shown[1] == ""
    assert shown[2] == "+0.13 ± 4.53, no clear difference"
    assert cells(view)["Smallest shown; seeds to settle"] == ("", "", "5.82; 5 seeds", "")
    assert any("Holm's correction for the comparisons of a table" in sentence for sentence in view.caption)
    first = view.lines[0].comparison
    assert first is not None
    assert first.adjusted_p == pytest.approx(3 * (first.difference.p_value or 0))


def test_equal_differences_are_not_shown(run: Any, fate: Any) -> None:
    view = run(WIDTHS, fates=lambda config: fate(last=90.0 + config.seed + (config.hidden_units == 4))).view(
        "hidden_units"
    )
    assert cells(view)["Difference from * (paired)"] == (
        "+1.00 in every pair, no clear difference",
        "",
        "0.00 in every pair, no clear difference",
        "0.00 in every pair, no clear difference",
    )
    assert any("no spread to test" in sentence for sentence in view.caption)


def test_only_seeds_that_both_have_are_compared(run: Any, fate: Any) -> None:
    def fates(config: TrialConfig) -> Any:
        missing = {4: 2, 8: 0}.get(config.hidden_units) == config.seed
        return fate("missing" if missing else "completed", last=90.0 + config.hidden_units)

    view = run(WIDTHS, fates=fates).view("hidden_units")
    comparisons = {line.labels[0]: line.comparison for line in view.lines}
    assert comparisons["4"] is not None
    assert comparisons["4"].difference.n == 1
    assert comparisons["4"].verdict == "no clear difference"
    assert comparisons["16"] is not None
    assert comparisons["16"].difference.n == 2


@pytest.mark.parametrize(
    ("outcome", "note"), [("diverged", "diverged"), ("failed", "failed"), ("timed_out", "timed out")]
)
def test_survivors_alone_are_never_averaged(run: Any, fate: Any, outcome: str, note: str) -> None:
    def fates(config: TrialConfig) -> Any:
        return fate(outcome, 2, "why & how") if config.hidden_units == 16 and config.seed == 1 else fate()

    view = run(STUDY, fates=fates).view("hidden_units")
    line, shown = view.lines[2], cells(view)
    assert not line.estimates
    assert line.outcomes == {"completed": 2, outcome: 1}
    assert shown["Note"] == ("", "", f"{note} in 1 of 3: why & how", "")
    assert {shown[name][2] for name in ("Train Accuracy (%)", "Validation Accuracy (%)", "Train Time (s)")} == {"–"}
    assert shown["Difference from * (paired)"][2] == "–"
    assert shown["n"][2] == "2 of 3"


def test_a_default_that_diverged_leaves_no_comparison(run: Any, fate: Any) -> None:
    def fates(config: TrialConfig) -> Any:
        return fate("diverged", 2, "no") if config.hidden_units == 8 and config.seed == 1 else fate()

    view = run(STUDY, fates=fates).view("hidden_units")
    assert "Difference from * (paired)" not in cells(view)
    assert view.lines[1].shown_labels == ("8*",)


def test_what_is_not_run_yet_says_so(run: Any, fate: Any) -> None:
    def fates(config: TrialConfig) -> Any:
        missing = {4: (1,), 16: (0, 1, 2)}.get(config.hidden_units, ())
        return fate("missing" if config.seed in missing else "completed")

    ran = run(STUDY, fates=fates)
    view = ran.view("hidden_units")
    assert cells(view)["Note"] == ("2 of 3 run", "", "not run yet", "")
    assert cells(view)["n"] == ("2 of 3", "3", "0 of 3", "3")
    assert view.lines[0].estimates["validation_metric"] == estimate(ran.trials["validation_metric"][[0, 2]])
    assert view.lines[0].run == 2
    assert not view.lines[2].estimates


def test_a_cell_that_cannot_be_built_keeps_its_reason(run: Any) -> None:
    view = run(CROSSED).view("grid")
    assert [line.labels for line in view.lines] == [("1", "3"), ("1", "5"), ("4", "3"), ("4", "5")]
    last = view.lines[-1]
    assert not last.outcomes
    assert last.notes[0].startswith("cannot be built: hidden_layers: layer 2 of 4 gets images of 4x4 pixels")
    shown = cells(view)
    assert list(shown)[:2] == ["Number of Layers", "Kernel size"]
    assert shown["Number of Layers"] == ("1*", "1", "4", "4")
    assert shown["n"][3] == "–"


def test_collapsed_levels_say_so(run: Any) -> None:
    ran = run(STUDY)
    frame = ran.trials
    frame["one_class"] = [True] * 3 + [False] * 3 + [True, False, False] + [False] * (len(frame) - 9)
    notes = cells(ran.view("hidden_units", frame))["Note"]
    assert [note.split("; ")[0] for note in notes] == [
        "predicts one class only",
        "",
        "predicts one class only in 1 of 3",
        "",
    ]
    assert "which no normal interval describes" in notes[0]
    assert "which no normal interval describes" in notes[2]


def test_intervals_of_accuracies_end_at_what_is_possible(run: Any, fate: Any) -> None:
    accuracies = {0: 99.0, 1: 99.9, 2: 100.0}
    ran = run(STUDY, fates=lambda config: fate(last=accuracies[config.seed]))
    assert cells(ran.view("hidden_units"))["Validation Accuracy (%)"][0] == "99.63 (98.27 to 100.00)"


def test_replicates_in_two_heaps_say_that_no_interval_describes_them(run: Any, fate: Any) -> None:
    accuracies = {0: 10.0, 1: 96.0, 2: 97.0}
    ran = run(STUDY, fates=lambda config: fate(last=accuracies[config.seed]))
    shown = cells(ran.view("hidden_units"))
    assert shown["Validation Accuracy (%)"][0] == "96.50 (90.15 to 100.00), 2 of 3"
    assert shown["Note"][0] == (
        "collapsed in 1 of 3 (1 to 91% of all seeds), and the mean is of the other 2; accuracies from 10.00 to 97.00%, "
        "which no normal interval describes"
    )


def test_a_number_that_is_not_finite_has_no_mean(run: Any, fate: Any) -> None:
    losses = (1.5, 0.75, 0.5, float("nan"))
    ran = run(WIDTHS, fates=lambda config: fate(changes={"validation_loss": losses} if config.seed == 1 else {}))
    line = ran.view("hidden_units").lines[0]
    assert "validation_loss" not in line.estimates
    assert "validation_metric" in line.estimates
    assert line.notes == ("validation loss not finite in 1 of 3",)


def test_early_stopping_and_the_best_epoch_show_the_epochs(run: Any, fate: Any) -> None:
    study = STUDY.replace("epochs: 4}", "epochs: 6, early_stopping_patience: 2}")
    stopping = fate(changes={"validation_loss": (3.0, 1.0, 2.0, 2.0, 2.0, 2.0)})
    view = run(study, fates=lambda config: stopping if config.seed else fate()).view("hidden_units")
    assert view.lines[0].outcomes == {"completed": 1, "stopped_early": 2}
    assert cells(view)["Epoch"][0] == "4–6"
    assert cells(view)["n"][0] == "3"


def test_an_error_is_shown_beside_the_loss_that_the_levels_share(run: Any, fate: Any) -> None:
    ran = run(HOUSES, fates=lambda config: fate(last=30_512.4 + config.seed))
    shown = cells(ran.view("hidden_units"))
    assert "Validation RMSE (dollars)" in shown
    assert "Validation Loss (Gaussian NLL)" in shown
    assert shown["Validation RMSE (dollars)"][0] == "30,513 ± 2"
    assert not any("Loss" in heading for heading in list(cells(ran.view("objective")))[1:])


def test_the_final_configuration_is_a_table_of_one_line(run: Any) -> None:
    view = run(STUDY).view("final")
    assert cells(view)["Configuration"] == ("Final configuration",)
    assert "Difference from * (paired)" not in cells(view)


def test_a_table_of_which_nothing_was_run_is_still_a_table(run: Any, fate: Any) -> None:
    view = run(STUDY, fates=lambda config: fate("missing")).view("hidden_units")
    assert cells(view)["Validation Metric"] == ("–",) * 4
    assert cells(view)["Note"] == ("not run yet",) * 4


def test_rows_that_are_read_differently_are_not_compared(run: Any, fate: Any) -> None:
    study = """\
title: Readings
base: {dataset: digits, hidden_units: 8, epochs: 4}
tables:
  - label: Reading
    name: readings
    levels:
      - {label: last epoch, set: {hidden_units: 8}}
      - {label: best epoch, set: {hidden_units: 16}, read: best}
  - {factor: epochs, name: lengths, read: best, levels: [2, 4]}
"""
    ran = run(study, fates=lambda config: fate(last=90.0 + config.seed + config.hidden_units))
    shown = cells(ran.view("readings"))
    assert shown["Difference from * (paired)"] == ("", "not compared")
    assert (
        "not compared: it shows the epoch with the best validation metric, and the default the last epoch"
        in (shown["Note"][1])
    )
    assert not any("Holm" in sentence for sentence in ran.view("readings").caption)
    assert "it shows the best of 2 epochs, and the default that of 4" in cells(ran.view("lengths"))["Note"][0]


def test_equal_accuracies_show_their_binomial_noise(run: Any, fate: Any) -> None:
    shown = cells(run(WIDTHS, fates=lambda config: fate(last=90.0)).view("hidden_units"))
    assert shown["Validation Accuracy (%)"][0] == "90.00 ± 1.81"


def test_shares_that_collapsed_are_compared_and_the_rest_is_shown_beside(run: Any, fate: Any) -> None:
    def fates(config: TrialConfig) -> Any:
        return fate(last=11.0 if config.hidden_units == 32 else 97.0 + 0.5 * (config.seed % 3))

    view = run(WIDTHS, seeds=6, fates=fates).view("hidden_units")
    line = view.lines[3]
    assert line.collapse is not None
    assert line.collapse.words == "collapsed in 6 of 6 (54 to 100% of all seeds)"
    assert cells(view)["Difference from * (paired)"][3] == "collapsed 6 of 6 against 0 of 6, worse"
    assert any("Barnard" in sentence for sentence in view.caption)


def test_a_study_declares_its_margin_and_what_has_collapsed(run: Any, fate: Any) -> None:
    study = WIDTHS + "margin: 3\ncollapsed_below: 90.4\n"
    gains = {4: 0.3, 8: 0.0, 16: 0.0, 32: 0.0}

    def fates(config: TrialConfig) -> Any:
        return fate(last=91.0 + gains[config.hidden_units] * (config.seed % 2) - config.hidden_units / 64)

    view = run(study, seeds=10, fates=fates).view("hidden_units")
    assert [line.collapse.count if line.collapse else 0 for line in view.lines] == [0, 0, 0, 0]
    assert next(line.comparison and line.comparison.verdict for line in view.lines) == "better"
    assert any("within the margin of ±3.00 points (as the study declares)" in words for words in view.caption)
    assert run(study.replace("90.4", "90.9"), seeds=2, fates=fates).view("hidden_units").lines[1].collapse is not None


@pytest.mark.parametrize(
    ("splits", "words"),
    [
        ("fixed", "only seeds varied: what is shown holds for this split"),
        ("validation", "holds for new data from the same source"),
        ("validation\nclaims: dataset", "holds for these data, over splits drawn anew"),
    ],
)
def test_the_caption_says_what_the_numbers_are_about(run: Any, splits: str, words: str) -> None:
    view = run(f"splits: {splits}\n{WIDTHS}").view("hidden_units")
    assert any(words in sentence for sentence in view.caption)


def test_new_data_is_claimed_with_wider_intervals(run: Any) -> None:
    ran = [run(f"splits: validation\nclaims: {claims}\n{WIDTHS}") for claims in ("dataset", "population")]
    here, elsewhere = (one.view("hidden_units").lines[0].estimates["validation_metric"] for one in ran)
    assert elsewhere.mean == here.mean
    assert elsewhere.half_width == pytest.approx(here.half_width * (1 + 3 * 360 / 1077) ** 0.5)


def test_rows_at_their_best_are_compared_at_the_epochs_of_other_seeds(run: Any, fate: Any) -> None:
    # A wave whose crest moves with the seed, so that the best epoch of a seed is not that of the others.
    def fates(config: TrialConfig) -> Any:
        height = 5.0 if config.hidden_units == 32 else 0.0
        curve = tuple(90.0 + height * (epoch == config.seed) + 0.5 * config.seed for epoch in range(4))
        return fate(changes={"validation_metric": curve})

    view = run(WIDTHS.replace("  - title: Width", "  - title: Width\n    read: best"), seeds=4, fates=fates).view(
        "hidden_units"
    )
    best, comparison = view.lines[3], view.lines[3].comparison
    assert best.estimates["validation_metric"].mean == pytest.approx(95.75)
    assert comparison is not None
    assert comparison.difference is not None
    assert comparison.difference.mean == pytest.approx(0.0)
    assert any("best for the other half of the seeds" in sentence for sentence in view.caption)
