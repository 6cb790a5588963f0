"""From studies to rows and distinct trials."""

from pathlib import Path

import pytest

from tune_jobs.errors import UserError
from tune_jobs.standing.replicates import RowReader
from tune_jobs.study.load import load_study, shipped_studies
from tune_jobs.study.model import Study
from tune_jobs.study.rows import datasets_read, expand, replicate, row_seeds, row_trial, training_overlap
from tune_jobs.trial.trial import differences


def study(tmp_path: Path, text: str) -> Study:
    path = tmp_path / "s.yaml"
    path.write_text(text)
    return load_study(str(path))


@pytest.mark.parametrize(("fraction", "epochs", "read"), [(0.07, 100, 7), (0.28, 100, 28), (0.1, 15, 2), (0.001, 5, 1)])
def test_a_fraction_of_the_epochs_is_rounded_up_and_no_further(
    tmp_path: Path, fraction: float, epochs: int, read: int
) -> None:
    path = tmp_path / "s.yaml"
    path.write_text(f"base: {{epochs: {epochs}}}\ntables: [{{factor: hidden_units, levels: [4]}}]\n")
    assert expand(load_study(str(path), {}, fraction))[0].epochs == read


def test_the_published_study_shares_its_default_row_over_all_tables() -> None:
    study = load_study("martini_jamal_2026")
    rows = [row for row in expand(study) if row.config and row.config.dataset == "usps" and row.table != "network"]
    assert len([row for row in rows if row.table != "final_usps"]) == 28
    defaults = [row for row in rows if row.is_default]
    assert len(defaults) == 8
    assert len({row.config for row in defaults}) == 1
    trials = RowReader(None, range(3), {"usps": "x"}).trials(rows)
    assert len(trials) == 3 * 19
    longest = max(trials, key=lambda trial: trial.epochs)
    assert (longest.epochs, longest.measure_at) == (100, {10, 30, 50, 100})


def test_a_cell_that_cannot_be_built_is_a_row_with_its_reason(tmp_path: Path) -> None:
    text = """
base: {network: cnn, padding: 0, pooling: false}
tables: [{cross: {hidden_layers: [1, 4], kernel_size: [3, 5]}}]
"""
    rows = expand(study(tmp_path, text))
    unbuildable = [row for row in rows if row.config is None]
    assert [row.labels for row in unbuildable] == [("4", "3"), ("4", "5")]
    assert "too small for kernel_size 3 with padding 0" in unbuildable[0].reason
    assert len(RowReader(None, [0], {"digits": "x"}).trials(rows)) == 2
    with pytest.raises(ValueError, match="too small"):
        row_trial(unbuildable[0], 0, {"digits": "x"})


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            "base: {network: cnn, padding: 0, pooling: false}\ntables: [{factor: hidden_layers, levels: [1, 4]}]",
            "tables.hidden_layers, level 4: hidden_layers: layer 4 of 4 gets images of 2x2 pixels",
        ),
        ("tables: [{factor: batch_size, levels: [32, 5000]}]", "batch_size: 5000 is more than the 1077 training rows"),
        (
            "base: {dataset: diabetes, objective: cross_entropy}\ntables: [{factor: epochs, levels: [1]}]",
            "is not for regression",
        ),
        ("final: {batch_size: 5000}", "final: batch_size: 5000"),
    ],
)
def test_a_single_factor_that_cannot_be_trained_is_an_error(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(UserError) as caught:
        expand(study(tmp_path, text))
    assert words in str(caught.value)


def test_a_row_with_a_base_of_its_own_is_not_the_default(tmp_path: Path) -> None:
    text = """
tables:
  - name: t
    levels:
      - {label: a, set: {learning_rate: 0.001}}
      - {label: b, set: {learning_rate: 0.001}, base: {batch_size: 16}}
"""
    assert [row.is_default for row in expand(study(tmp_path, text))] == [True, False]


def test_datasets_and_differences(tmp_path: Path) -> None:
    text = "base: {dataset: toy}\ntables: [{factor: toy_problem, levels: [xor, moons]}]\nfinal: {epochs: 20}"
    loaded = study(tmp_path, text)
    rows = expand(loaded)
    assert set(datasets_read(rows, [0])) == {"toy(xor)", "toy(moons)"}
    assert rows[1].config is not None
    assert rows[2].config is not None
    assert differences(rows[1].config, loaded.config()) == "toy_problem=moons"
    assert differences(rows[2].config, loaded.config()) == "epochs=20"
    assert differences(loaded.config(), loaded.config()) == "default"


def test_replicates_move_the_data_that_a_study_says(tmp_path: Path) -> None:
    text = """
seeds: 2
splits: validation
base: {dataset: diabetes, objective: mse, split_seed: 5}
tables:
  - {name: a, factor: epochs, levels: [1]}
  - {name: b, factor: epochs, levels: [1], splits: outer}
  - {name: c, factor: epochs, levels: [1], splits: fixed}
"""
    rows = expand(study(tmp_path, text))
    moved = [[replicate(row, seed) for seed in (0, 1)] for row in rows]
    assert [[(c.seed, c.split_seed, c.outer_split) for c in configs] for configs in moved] == [
        [(0, 5, 0), (1, 6, 0)],
        [(0, 5, 0), (1, 6, 1)],
        [(0, 5, 0), (1, 5, 0)],
    ]
    assert set(datasets_read(rows, [0, 1])) == {"diabetes", "diabetes(outer split 1)"}
    trials = RowReader(None, [0, 1], {"diabetes": "x", "diabetes(outer split 1)": "y"}).trials(rows)
    assert len(trials) == 4, "the first replicate is the same for all three"


def test_outer_splits_need_a_dataset_without_a_test_part_of_its_own(tmp_path: Path) -> None:
    with pytest.raises(
        UserError,
        match=r"tables.epochs: splits: outer draws test parts anew, and digits comes with one; use validation or fixed",
    ):
        expand(study(tmp_path, "splits: outer\ntables: [{factor: epochs, levels: [1]}]"))


def test_a_table_may_have_more_replicates_than_the_study(tmp_path: Path) -> None:
    text = "seeds: 2\ntables: [{factor: epochs, levels: [1], seeds: 5}, {factor: batch_size, levels: [8]}]"
    many, few = expand(study(tmp_path, text))
    assert [len(row_seeds(row, range(2))) for row in (many, few)] == [5, 2]
    assert [len(row_seeds(row, range(1))) for row in (many, few)] == [1, 1], "fewer than declared is fewer for all"
    assert [len(row_seeds(row, range(9))) for row in (many, few)] == [9, 9]


@pytest.mark.parametrize("schedule", ["constant", "cosine"])
def test_a_quick_look_is_the_beginning_of_the_full_run(tmp_path: Path, schedule: str) -> None:
    text = f"base: {{schedule: {schedule}}}\ntables: [{{factor: epochs, levels: [3, 40]}}]"
    (tmp_path / "s.yaml").write_text(text)
    full, quick = (expand(load_study(str(tmp_path / "s.yaml"), fraction=share)) for share in (1.0, 0.1))
    assert [row.epochs for row in quick] == [1, 4]
    prints = {"digits": "x"}
    assert [row_trial(r, 0, prints).key for r in full] == [row_trial(r, 0, prints).key for r in quick]
    assert [row_trial(r, 0, prints).epochs for r in quick] == [1, 4]
    assert [row_trial(r, 0, prints).config.epochs for r in quick] == [3, 40], "schedules count with the full run"


@pytest.mark.parametrize("share", [0, -1, 1.5])
def test_a_fraction_is_a_share(tmp_path: Path, share: float) -> None:
    (tmp_path / "s.yaml").write_text("tables: [{factor: epochs, levels: [3]}]")
    with pytest.raises(UserError, match="--fraction"):
        load_study(str(tmp_path / "s.yaml"), fraction=share)


def test_a_level_may_read_another_epoch_and_finals_may_be_several(tmp_path: Path) -> None:
    text = """
tables:
  - name: stop
    levels:
      - {label: last, set: {epochs: 5}}
      - {label: best, set: {epochs: 5}, read: best}
base: {epochs: 5}
final:
  - {name: one, set: {epochs: 2}, read: best}
  - {name: two, set: {epochs: 3}}
"""
    rows = expand(study(tmp_path, text))
    assert [(row.table, row.read, row.is_default) for row in rows] == [
        ("stop", "last", True),
        ("stop", "best", False),
        ("one", "best", False),
        ("two", "last", False),
    ]


@pytest.mark.parametrize("name", shipped_studies())
def test_every_shipped_study_expands(name: str) -> None:
    loaded = load_study(name)
    rows = expand(loaded)
    assert all(row.config is not None for row in rows if row.table in {t.name for t in loaded.finals})
    prints = dict.fromkeys(datasets_read(rows, range(loaded.seeds)), "x")
    assert prints
    assert RowReader(None, range(loaded.seeds), prints).trials(rows) or loaded.search


@pytest.mark.parametrize(
    ("table", "words"),
    [
        (
            "{factor: epochs, levels: [1, 2], figures: [decision_boundary]}",
            "decision_boundary needs inputs of two numbers",
        ),
        (
            "{factor: epochs, levels: [1, 2], figures: [calibration]}",
            "calibration needs objective: gaussian_nll",
        ),
        ("{factor: kernel_size, levels: [3, 5]}", "its levels train the same thing"),
    ],
)
def test_tables_that_could_show_nothing_are_refused(tmp_path: Path, table: str, words: str) -> None:
    path = tmp_path / "s.yaml"
    path.write_text(f"base: {{dataset: digits}}\ntables: [{table}]\n")
    with pytest.raises(UserError, match=words):
        expand(load_study(str(path)))
    path.write_text("figures: [calibration]\nbase: {dataset: digits}\ntables: [{factor: epochs, levels: [1, 2]}]\n")
    assert len(expand(load_study(str(path)))) == 2


def test_a_stage_does_not_choose_by_losses_on_different_scales(tmp_path: Path) -> None:
    text = (
        "select: {select}\nbase: {{dataset: diabetes, objective: mse}}\n"
        "stages: [{{factor: target_transform, levels: [none, log]}}]\n"
    )
    with pytest.raises(
        UserError, match=r"stages.target_transform: select: loss cannot choose between levels of target"
    ):
        expand(study(tmp_path, text.format(select="loss")))
    rows = expand(study(tmp_path, text.format(select="metric")))
    assert {row.config.target_transform for row in rows if row.config} == {"none", "log"}


FOLDS = "seeds: 2\nsplits: {folds: 5}\nbase: {epochs: 1}\ntables: [{factor: hidden_units, levels: [4, 32]}]\n"


def test_replicate_r_validates_on_fold_r_mod_k_of_repeat_r_div_k(tmp_path: Path) -> None:
    rows = expand(study(tmp_path, FOLDS))
    assert [list(row_seeds(row, range(2))) for row in rows] == [list(range(10))] * 2
    configs = [replicate(rows[0], seed) for seed in row_seeds(rows[0], range(2))]
    assert [(one.folds, one.fold, one.split_seed, one.seed) for one in configs] == [
        (5, seed % 5, seed // 5, seed) for seed in range(10)
    ]
    assert [row.is_default for row in rows] == [False, True]
    assert len(RowReader(None, range(2), {"digits": "x"}).trials(rows)) == 20


def test_a_table_may_have_splits_and_repeats_of_its_own(tmp_path: Path) -> None:
    text = FOLDS.replace(
        "levels: [4, 32]}",
        "levels: [4, 32], splits: {folds: 3}, seeds: 4}, {factor: epochs, levels: [1], splits: fixed}",
    )
    rows = expand(study(tmp_path, text))
    assert [len(row_seeds(row, range(2))) for row in rows] == [12, 12, 2]
    assert [replicate(row, 1).folds for row in rows] == [3, 3, 0]


def test_fresh_seeds_of_a_cross_validation_begin_with_a_whole_repeat(tmp_path: Path) -> None:
    text = FOLDS.replace("folds: 5", "folds: 3").replace("tables", "stages")
    fresh = next(row for row in expand(study(tmp_path, text)) if row.table == "path_fresh")
    seeds = row_seeds(fresh, range(2))
    assert [replicate(fresh, seed).fold for seed in seeds] == [0, 1, 2] * 2
    assert len({replicate(fresh, seed).split_seed for seed in seeds}) == 2


def test_how_far_training_parts_overlap(tmp_path: Path) -> None:
    def overlap(splits: str) -> float:
        return training_overlap(expand(study(tmp_path, FOLDS.replace("{folds: 5}", splits)))[0])

    assert overlap("fixed") == 0
    assert overlap("validation") == pytest.approx(360 / 1077)
    assert overlap("{folds: 5}") == pytest.approx(1 / 4, rel=0.01)


@pytest.mark.parametrize(
    ("splits", "words"),
    [
        ("{folds: 1}", "line 2: splits.folds: 1 is not a whole number of at least 2"),
        ("{folds: 2.5}", "splits.folds: 2.5 is not a whole number"),
        ("{fold: 5}", "there is no key 'fold'; did you mean folds?"),
        ("folds", "line 2: splits: needs their number; write splits: {folds: 5}"),
        ("{folds: 2000}", "folds: 2000 is not in 2 to 1437, the rows of digits"),
    ],
)
def test_folds_that_cannot_be_are_one_line(tmp_path: Path, splits: str, words: str) -> None:
    with pytest.raises(UserError) as caught:
        expand(study(tmp_path, FOLDS.replace("{folds: 5}", splits)))
    assert words in str(caught.value)


@pytest.mark.parametrize("field", ["folds", "fold"])
def test_folds_are_no_field_of_the_base(tmp_path: Path, field: str) -> None:
    with pytest.raises(UserError, match=r"cannot be set in a study; `splits: \{folds: N\}` makes each of N folds"):
        study(tmp_path, FOLDS.replace("epochs: 1", f"epochs: 1, {field}: 2"))


def test_a_size_of_the_validation_part_does_not_go_with_folds(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="validation_rows: is not read by a cross-validation"):
        expand(study(tmp_path, FOLDS.replace("epochs: 1", "epochs: 1, validation_rows: 100")))
