"""`ledger import`: results from elsewhere become trials of a study, and nothing is lost unsaid."""

import functools
import json
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import ablatune
from analysis.frames.evidence import gather
from analysis.frames.existing import existing_evidence
from analysis.tables.building import build_table
from analysis.tables.tables import COMPARED
from tests.tune_jobs.existing import test_reading
from tests.tune_jobs.trainers import BASE, CLIMB, METRICS, Own
from tune_jobs.commands.cli import main
from tune_jobs.commands.import_results import import_results
from tune_jobs.existing.as_study import as_study
from tune_jobs.existing.columns import Told
from tune_jobs.existing.layout import lay_out
from tune_jobs.existing.looking import look
from tune_jobs.existing.row_finder import equal
from tune_jobs.existing.study_columns import Said
from tune_jobs.existing.tabular import results_of
from tune_jobs.ledger.ledger import Ledger
from tune_jobs.ledger.record import IMPORTED, ISOLATED
from tune_jobs.standing.fingerprints import data_fingerprints
from tune_jobs.standing.standing import stand
from tune_jobs.storage.storage import Storage
from tune_jobs.training.run_options import TrainingOptions
from tune_jobs.training.settings import Settings

TABLE = BASE + METRICS + "seeds: 2\ntables:\n  - {factor: width, levels: [2, 4]}\n"
EPOCH_0_LEFT_OUT = "has 1 of 4 epochs, and its row reads the best epoch"
BEST = TABLE.replace("levels: [2, 4]", "levels: [2, 4], read: best")


class Place:
    """A folder with a study of `climb:train` and its ledger, and the command line in it."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.own = Own(folder)
        self.own.module(climb=CLIMB)
        self.own.study(TABLE)
        self._capsys = capsys

    def write(self, frame: pd.DataFrame, name: str = "sweep.csv") -> str:
        path = self.own.folder / name
        frame.to_csv(path, index=False)
        return str(path)

    def call(self, *words: str) -> tuple[int, str]:
        code = main([*words, "--storage", str(self.own.folder / "results")])
        out, err = self._capsys.readouterr()
        return code, out if code in (0, 1) else err

    def do_import(self, frame: pd.DataFrame, *more: str) -> tuple[int, str]:
        return self.call("ledger", "import", self.write(frame), str(self.own.folder / "own.yaml"), *more)

    def records(self) -> dict[tuple[int, int], Any]:
        """The ledger's records by width and seed."""
        records = self.own.ledger.read().records.values()
        return {(json.loads(one.fields)["trainer.width"], one.seed): one for one in records}


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], ablatune.Study]:
    """Return a function that loads a study once, with a ledger that is not there."""

    @functools.cache
    def load(text: str) -> ablatune.Study:
        own = Own(tmp_path_factory.mktemp("loaded"))
        own.module(climb=CLIMB)
        (own.folder / "own.yaml").write_text(text)
        return ablatune.Study.load(own.folder / "own.yaml", storage=own.folder / "results")

    return load


@pytest.fixture
def place(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Place:
    return Place(tmp_path, capsys)


def lines(widths: tuple[int, ...] = (2, 4), seeds: tuple[int, ...] = (0, 1), **more: Any) -> pd.DataFrame:
    """A line for each run."""
    runs = [{"width": width, "seed": seed} for width in widths for seed in seeds]
    accuracy = [run["width"] + run["seed"] / 10 for run in runs]
    frame = pd.DataFrame(runs).assign(validation_accuracy=accuracy, validation_loss=[100 - one for one in accuracy])
    return frame.assign(**more)


def epochs(frame: pd.DataFrame, count: int = 3, first: int = 1) -> pd.DataFrame:
    """A line for each epoch of each run."""
    parts = [
        frame.assign(epoch=first + one, validation_accuracy=frame.validation_accuracy + one) for one in range(count)
    ]
    return pd.concat(parts, ignore_index=True)


def test_a_line_for_each_run_is_its_last_epoch_and_only_missing_seeds_are_trained(place: Place) -> None:
    code, text = place.do_import(lines(seeds=(0,)))
    assert code == 0, text
    assert "imported: 2 trials\n" in text
    assert "assumed: no column counts epochs: each run is taken to be of the epoch that its row reads (3)" in text
    assert "learning_rate = 0.5" in text
    assert "missing: 2 trials" in text
    record = place.records()[2, 0]
    assert (record.epochs, record.process, record.machine_kind, record.code_version) == (3, IMPORTED, "", "")
    assert "code of trainer" not in record.fields
    np.testing.assert_array_equal(record.reported["validation_accuracy"], [np.nan, np.nan, 2.0])
    place.own.run(place.own.study(TABLE))
    records = place.records()
    assert {key: one.process for key, one in records.items()} == {
        (2, 0): IMPORTED,
        (2, 1): ISOLATED,
        (4, 0): IMPORTED,
        (4, 1): ISOLATED,
    }
    assert records[4, 0].validation_metric[-1] == 4.0
    assert place.call("status", str(place.own.folder / "own.yaml"))[0] == 0


def test_importing_twice_changes_nothing(place: Place) -> None:
    frame = epochs(lines())
    assert "imported: 4 trials\n" in place.do_import(frame)[1]
    before = repr(place.own.ledger.read().records)
    files = sorted((place.own.folder / "results" / "ledger").iterdir())
    code, text = place.do_import(frame.sample(frac=1, random_state=0))
    assert code == 0
    assert "imported: 0 trials; 4 in the ledger already" in text
    assert sorted((place.own.folder / "results" / "ledger").iterdir()) == files
    assert repr(place.own.ledger.read().records) == before


def test_a_dry_run_writes_nothing(place: Place) -> None:
    code, text = place.do_import(lines(), "--dry-run")
    assert code == 0
    assert "would import: 4 trials" in text
    assert not (place.own.folder / "results").exists()


def test_an_epoch_for_each_line_is_a_history_that_shorter_rows_and_best_epochs_read(place: Place) -> None:
    place.own.study(BEST)
    assert "imported: 4 trials" in place.do_import(epochs(lines()))[1]
    assert place.records()[4, 1].reported["validation_accuracy"] == (4.1, 5.1, 6.1)
    assert not place.own.standing(place.own.study(BEST)).missing()
    assert not place.own.standing(place.own.study(TABLE, epochs=2)).missing()
    assert len(place.own.standing(place.own.study(TABLE, epochs=4)).missing()) == 4


def test_a_run_of_its_last_epoch_alone_is_read_at_no_other(place: Place) -> None:
    place.do_import(lines())
    shorter = place.own.study(TABLE, epochs=2)
    assert len(place.own.standing(shorter).missing()) == 4
    assert not place.own.standing(place.own.run(shorter).study).missing()
    assert {one.process for one in place.records().values()} == {ISOLATED}


@pytest.mark.parametrize(
    ("study", "frame", "why"),
    [
        (BEST, lines(), "1 of 3 epochs, and its row reads the best epoch or is stopped early"),
        (TABLE, epochs(lines(), count=2), "ends at epoch 2, and its row is read at epoch 3"),
        (TABLE, lines(epoch=5), "has no number at epoch 3, where its row is read"),
        (TABLE, lines(widths=(8, 16)), "fits no row of the study, which has none of width = 8"),
        (TABLE, lines(learning_rate=0.1), "fits no row of the study, which has none of learning_rate = 0.1"),
        (TABLE, pd.concat([lines(), lines()]), "is one of 2 runs of the same row and seed"),
        (TABLE, pd.concat([epochs(lines()), epochs(lines())]), "has epoch 1 twice"),
        (TABLE, lines(seeds=(12345, 23456)), "its seed is none that the study gives its row (0 to 9,999)"),
        (TABLE, lines(seed=-1), "its seed -1 is not a whole number from 0 on"),
        (TABLE, lines(validation_accuracy=np.nan), "has no number of the metric that is compared"),
        (TABLE, lines(validation_accuracy=np.nan), "if it diverged, write inf there, or diverged in a column `status`"),
        (BEST, epochs(lines(), 3, 0).query("epoch != 1").assign(epoch=lambda frame: 2 * frame.epoch), EPOCH_0_LEFT_OUT),
        (TABLE, lines(validation_loss=np.nan), "has no number of validation_loss at epoch 3"),
        (TABLE, lines(status="failed"), "failed elsewhere"),
        (TABLE, lines(status="running"), "has not ended"),
        (TABLE, lines(epoch=1_700_000_000), "its last epoch is 1700000000, which is more than 1,000,000"),
    ],
)
def test_runs_that_cannot_be_imported_are_named(
    loaded: Callable[[str], ablatune.Study], study: str, frame: pd.DataFrame, why: str
) -> None:
    with pytest.raises(ablatune.UserError, match=r"^frame: no run is a trial of own: ") as caught:
        loaded(study).import_results(frame, dry_run=True)
    assert why in str(caught.value)


@pytest.mark.parametrize(
    ("count", "said"),
    [(3, "epoch counts from 0: epoch 0 is taken as the first"), (4, "epoch 0 is taken as the state before training")],
)
def test_what_epoch_0_is_taken_for_is_said(place: Place, count: int, said: str) -> None:
    code, text = place.do_import(epochs(lines(), count=count, first=0))
    assert code == 0
    assert f"assumed: {said}" in text
    assert "imported: 4 trials" in text


def test_whole_numbers_are_equal_only_if_they_are() -> None:
    assert equal(100_000_001, 100_000_001)
    assert not equal(100_000_001, 100_000_002)
    assert equal(0.1, 0.1000000001)
    assert equal(True, 1.0)
    assert not equal(True, 0.0)


@pytest.mark.parametrize("cell", [None, "", "None", "none", "null"])
def test_a_value_that_is_absent_is_found_however_it_is_written(cell: Any) -> None:
    assert equal(None, cell)
    assert not equal(8, cell)
    assert not equal(None, 8)


def test_one_odd_seed_spoils_no_others(place: Place) -> None:
    # As a file has them: where one is no number, all of the column are text.
    code, text = place.do_import(lines(seeds=(0, 1), widths=(2,)).assign(seed=["two", "1.0"]))
    assert code == 0
    assert "imported: 1 trial\n" in text
    assert "not imported: 1 run: 1 × its seed two is not a whole number from 0 on\n" in text
    assert {one.seed for one in place.records().values()} == {1}


def test_what_is_left_is_counted_and_listed_beside_what_is_imported(place: Place) -> None:
    frame = pd.concat([lines(), lines(widths=(8,)), lines(widths=(4,), seeds=(1,))])
    code, text = place.do_import(frame)
    assert code == 0
    assert "imported: 3 trials\n" in text
    assert "not imported: 4 runs: 2 × fits no row of the study, which has none of width = 8; 2 × is one of 2 " in text
    assert "  width=8, seed=1: fits no row of the study, which has none of width = 8\n" in text
    assert text.count("  width=4, seed=1: is one of 2 runs") == 2


@pytest.mark.parametrize(
    ("change", "said", "words"),
    [
        (lambda f: f.drop(columns="width"), {}, "frame: no column says width, which own varies"),
        (
            lambda f: f.drop(columns="validation_loss"),
            {},
            "no column is the metric validation_loss, which own declares",
        ),
        (lambda f: f.drop(columns="seed"), {}, "no column is named seed; say which is with --seed-column"),
        (lambda f: f.assign(batch_size=[16, 32] * 2), {}, "batch_size varies, and own has no such field"),
        (lambda f: f.assign(fold=[1, 2] * 2), {}, "fold varies, and own has no such field"),
        (lambda f: f, {"columns": {"breadth": "width"}}, "--columns breadth: there is no field or metric 'breadth'"),
        (lambda f: f, {"columns": {"width": "w"}}, "there is no column 'w'; did you mean width?"),
        (lambda f: f, {"ignore": ["speed"]}, "there is no column 'speed'"),
        (lambda f: f, {"seed_column": "sed"}, "there is no column 'sed'; did you mean seed?"),
    ],
)
def test_columns_that_cannot_be_matched_are_one_line(
    loaded: Callable[[str], ablatune.Study],
    change: Callable[[pd.DataFrame], pd.DataFrame],
    said: dict[str, Any],
    words: str,
) -> None:
    with pytest.raises(ablatune.UserError) as caught:
        loaded(TABLE).import_results(change(lines()), dry_run=True, **said)
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("frame", "more", "words"),
    [
        (lines(widths=(8,)), (), "sweep.csv: no run is a trial of own: 2 × fits no row of the study, which"),
        (lines(), ("--columns", "width"), "--columns width: give NAME=COLUMN"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(
    place: Place, frame: pd.DataFrame, more: tuple[str, ...], words: str
) -> None:
    code, text = place.do_import(frame, *more)
    assert code == 2
    assert text.startswith("ablatune: ")
    assert text.count("\n") == 1
    assert words in text


def test_prefixes_other_names_and_unknown_columns(place: Place) -> None:
    frame = lines(batch_size=[16, 32] * 2, machine="here").rename(
        columns={
            "width": "config/width",
            "seed": "config/seed",
            "validation_accuracy": "val/acc",
            "validation_loss": "nll",
        }
    )
    named = ("--columns", "validation_accuracy=val/acc,validation_loss=nll", "--ignore", "batch_size")
    code, text = place.do_import(frame, *named)
    assert code == 0, text
    assert "seed" in text.splitlines()[0]
    assert "validation_accuracy = val/acc, validation_loss = nll" in text
    assert "columns not used: batch_size, machine (here in all lines)" in text
    assert "imported: 4 trials" in text


def test_a_column_of_a_fields_name_can_be_ignored(loaded: Callable[[str], ablatune.Study]) -> None:
    frame = lines(learning_rate=0.1, threads=8)
    imported = loaded(TABLE).import_results(frame, ignore=["learning_rate", "threads"], dry_run=True)
    assert (imported.trials, imported.left) == (4, [])
    assert "learning_rate = 0.5" in str(imported)


def test_a_column_of_split_seeds_must_be_that_of_the_study(loaded: Callable[[str], ablatune.Study]) -> None:
    imported = loaded(TABLE).import_results(lines(split_seed=[0, 0, 0, 1]), dry_run=True)
    assert imported.trials == 3
    assert [why for _, why in imported.left] == ["has another split_seed than the study gives this row and seed"]
    moving = loaded(TABLE.replace("levels: [2, 4]", "levels: [2, 4], splits: validation"))
    imported = moving.import_results(lines(split_seed=[0, 1, 0, 1]), dry_run=True)
    assert (imported.trials, imported.left) == (4, [])


def test_epochs_that_count_from_0_and_a_total_of_epochs(place: Place) -> None:
    code, text = place.do_import(epochs(lines(), first=0))
    assert code == 0
    assert "epoch counts from 0: epoch 0 is taken as the first" in text
    assert place.records()[2, 0].reported["validation_accuracy"] == (2.0, 3.0, 4.0)
    before_training = epochs(lines(seeds=(2,)), count=4, first=0)
    assert "imported: 2 trials" in place.do_import(before_training)[1]
    assert place.records()[2, 2].reported["validation_accuracy"] == (2.2 + 1, 2.2 + 2, 2.2 + 3)
    assert "imported: 2 trials" in place.do_import(lines(seeds=(3,), epochs=3))[1]


def test_seeds_that_the_study_does_not_read_are_said(place: Place) -> None:
    text = place.do_import(lines(seeds=(0, 5)))[1]
    assert "imported: 4 trials" in text
    assert "2 trials of seeds that own does not read with 2 seeds; `ablatune run" in text
    assert "--seeds 6` does" in text


def test_what_was_trained_here_stays_and_other_numbers_are_refused(place: Place) -> None:
    study = place.own.study(TABLE)
    first = place.own.standing(study).missing()[0]
    trained = place.own.run_one(study, first)
    text = place.do_import(lines())[1]
    assert "imported: 3 trials" in text
    assert "  width=2, seed=0: was trained here" in text
    assert repr(place.own.ledger.read().records[first.key].metric_values) == repr(trained.metric_values)
    text = place.do_import(lines(validation_loss=1.0))[1]
    assert "imported: 0 trials" in text
    assert "1 × was trained here" in text
    assert text.count(": was imported before with other numbers; after `ablatune ledger remove ") == 3


def test_more_epochs_extend_what_was_imported(place: Place) -> None:
    frame = epochs(lines())
    place.do_import(frame[frame.epoch == 3])
    assert "imported: 4 trials" in place.do_import(frame)[1]
    assert place.records()[2, 0].reported["validation_accuracy"] == (2.0, 3.0, 4.0)
    assert not place.own.ledger.read().disagreements
    assert "imported: 0 trials; 4 in the ledger already" in place.do_import(frame[frame.epoch == 3])[1]


def test_a_divergence_is_a_result_where_it_is_said_or_seen(place: Place) -> None:
    frame = lines()
    frame.loc[0, "validation_accuracy"] = np.inf
    assert "imported: 4 trials" in place.do_import(frame)[1]
    assert place.records()[2, 0].outcome == "diverged"
    assert not place.own.standing(place.own.study(TABLE)).missing()


def test_edited_code_makes_imported_trials_stale(place: Place) -> None:
    place.do_import(lines())
    place.own.module(climb=CLIMB.replace("100 - value", "99 - value"))
    code, text = place.call("status", str(place.own.folder / "own.yaml"))
    assert code == 0
    assert "stale: 4 trials imported before trainer climb:train changed" in text


def test_ledger_list_show_check_and_the_report_say_so(place: Place) -> None:
    place.do_import(lines())
    listed = place.call("ledger", "list")[1]
    assert listed.count("  imported\n") == 4
    key = listed.split()[0]
    shown = place.call("show", key[:8])[1]
    assert "provenance: imported; trained elsewhere, with code that nobody knows" in shown
    assert "command: ablatune ledger import " in shown
    assert "host" not in shown
    code, checked = place.call("ledger", "check")
    assert code == 0
    assert "4 trials imported: trained elsewhere" in checked
    assert "no trial is in doubt" in checked
    study = ablatune.Study.load(place.own.folder / "own.yaml", storage=place.own.folder / "results")
    report = study.report(place.own.folder / "report")
    html = report.html.read_text()
    assert "4 of 4 trials were imported: trained elsewhere, with code that nobody knows." in html
    assert "nobody knows how their data were split" in html
    assert "share one split" not in html
    assert list(study.trials()["elsewhere"]) == [True] * 4
    assert report.missing == 0
    table = report.tables["width"]
    assert [round(float(one), 6) for one in table["validation_metric_mean"]] == [2.05, 4.05]


def test_a_pandas_frame_from_python(place: Place) -> None:
    study = ablatune.Study.load(place.own.folder / "own.yaml", storage=place.own.folder / "results")
    imported = study.import_results(lines().rename(columns={"width": "w"}), columns={"width": "w"})
    assert (imported.trials, imported.known, imported.left) == (4, 0, [])
    assert str(imported).endswith("imported: 4 trials")
    with pytest.raises(ablatune.UserError, match="3 is neither a place nor a pandas frame"):
        study.import_results(3)  # type: ignore[arg-type]


def test_a_study_without_a_training_function_takes_no_results(place: Place) -> None:
    (place.own.folder / "own.yaml").write_text("base: {dataset: digits, epochs: 1}\nfinal: {epochs: 1}\n")
    code, text = place.do_import(lines())
    assert code == 2
    assert "has no training function" in text


def test_stages_that_choose_by_what_is_imported_take_their_later_rows(place: Place) -> None:
    stages = "seeds: 2\nstages:\n  - {factor: width, levels: [2, 4]}\n  - {factor: learning_rate, levels: [0.5, 0.1]}\n"
    place.own.study(BASE + METRICS + stages)
    later = lines(widths=(4,)).assign(learning_rate=0.1)
    code, text = place.do_import(pd.concat([lines().assign(learning_rate=0.5), later]))
    assert code == 0, text
    assert "imported: 6 trials\n" in text


FORMS_STUDY = """
base: {trainer: 'climb:train', learning_rate: 0.1, width: 32, epochs: 3}
metrics: {validation_accuracy: max}
metric: validation_accuracy
seeds: 3
tables:
  - {factor: learning_rate, levels: [0.01, 0.1, 1.0]}
  - {factor: width, levels: [16, 32, 64]}
"""


@pytest.mark.parametrize("write", test_reading.FORMS)
def test_results_of_every_form_are_imported(
    loaded: Callable[[str], ablatune.Study], write: Callable[[Path], Path], tmp_path: Path
) -> None:
    optuna = (test_reading.write_optuna, test_reading.write_optuna_journal)
    columns = {
        "learning_rate": "optimizer/lr" if write is test_reading.write_ray_tune else "lr",
        "validation_accuracy": "value" if write in optuna else "val_acc",
    }
    study = loaded(FORMS_STUDY)
    if write in (*optuna, test_reading.write_mlruns, test_reading.write_with_mlflow):
        study = loaded(FORMS_STUDY.replace("epochs: 3", "epochs: 2"))
    imported = study.import_results(write(tmp_path), columns=columns, dry_run=True)
    assert (imported.trials, imported.left) == (15, []), imported


@settings(max_examples=5, deadline=None)
@given(numbers=st.lists(st.floats(0, 100), min_size=15, max_size=15), order=st.integers(0, 99))
def test_tables_of_what_was_imported_are_those_of_the_results(
    loaded: Callable[[str], ablatune.Study], numbers: list[float], order: int
) -> None:
    """The same numbers by way of the ledger and without it."""
    frame = pd.DataFrame(test_reading.runs()).rename(columns={"lr": "learning_rate"}).drop(columns="accuracy")
    frame = frame.assign(validation_accuracy=numbers).sample(frac=1, random_state=order)
    study = loaded(FORMS_STUDY).definition
    with tempfile.TemporaryDirectory() as folder:
        place = Settings(folder, Path(folder), 3, study.resources, TrainingOptions())
        import_results(study, results_of("frame", "a frame", frame), Said(), place)
        standing = stand(
            study,
            Ledger.open(Storage.at(folder)),
            range(3),
            data_fingerprints(study, range(3), Path(folder), download=False),
        )
        ours = gather(standing)
    existing = as_study(lay_out(look(results_of("frame", "a frame", frame), Told(default={"width": "32"}))))
    theirs = existing_evidence(existing)
    for one, other in zip(study.tables, existing.study.tables, strict=True):
        made = build_table(one, ours.rows_of(one.name), ours.trials, seeds=range(3))
        expected = build_table(other, theirs.rows_of(other.name), theirs.trials, seeds=(0,))
        for line, like in zip(made.lines, expected.lines, strict=True):
            assert line.estimates[COMPARED] == like.estimates[COMPARED]
            assert line.comparison == like.comparison
