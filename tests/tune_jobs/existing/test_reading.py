"""Results from elsewhere, in each form that is read, become tables without any option."""

import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import ablatune
from tune_jobs.commands.cli import main
from tune_jobs.errors import UserError
from tune_jobs.existing.columns import Told
from tune_jobs.existing.layout import lay_out
from tune_jobs.existing.looking import as_options, look
from tune_jobs.existing.reading import read_results
from tune_jobs.existing.tabular import read_csv

DEFAULT = {"lr": 0.1, "width": 32}
LEVELS = {"lr": [0.01, 0.1, 1.0], "width": [16, 32, 64]}
SEEDS = (0, 1, 2)


def runs() -> list[dict[str, float]]:
    """A run for each seed of each configuration that differs from the default by at most one factor."""
    configurations = {tuple({**DEFAULT, name: level}.items()) for name, levels in LEVELS.items() for level in levels}
    random = np.random.default_rng(0)
    return [
        {**dict(one), "seed": seed, "accuracy": float(80 + dict(one)["width"] / 8 + random.normal())}
        for one in sorted(configurations)
        for seed in SEEDS
    ]


def write_csv(folder: Path) -> Path:
    path = folder / "results.csv"
    frame = pd.DataFrame(runs()).rename(columns={"accuracy": "val_acc"})
    frame.to_csv(path, index=False)
    return path


def write_semicolons(folder: Path) -> Path:
    path = folder / "results.csv"
    lines = ["\ufefflr;width;seed;val_acc"]
    lines += [";".join(str(value).replace(".", ",") for value in run.values()) for run in runs()]
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


def write_wandb_export(folder: Path) -> Path:
    path = folder / "wandb_export.csv"
    lines = [
        {
            "Name": f"sweep-{index}",
            "State": "finished",
            "Notes": "-",
            "User": "me",
            "Tags": "",
            "Created": f"2026-01-01T00:00:{index:02}.000Z",
            "Runtime": 12 + index % 3,
            "Sweep": "",
            "lr": run["lr"],
            "seed": run["seed"],
            "width": run["width"],
            "val_acc": run["accuracy"],
        }
        for index, run in enumerate(runs())
    ]
    pd.DataFrame(lines).to_csv(path, index=False)
    return path


def write_epochs(folder: Path) -> Path:
    path = folder / "epochs.csv"
    lines = [
        {"config/lr": run["lr"], "config/width": run["width"], "config/seed": run["seed"], "epoch": epoch}
        | {"val_acc": run["accuracy"] - (3 - epoch)}
        for run in runs()
        for epoch in (1, 2, 3)
    ]
    pd.DataFrame(lines).to_csv(path, index=False)
    return path


def write_parquet(folder: Path) -> Path:
    path = folder / "results.parquet"
    pd.DataFrame(runs()).rename(columns={"accuracy": "val_acc"}).to_parquet(path)
    return path


def write_json_lines(folder: Path) -> Path:
    path = folder / "results.jsonl"
    lines = [
        {"config": {"lr": run["lr"], "width": run["width"], "seed": run["seed"]}, "val_acc": run["accuracy"]}
        for run in runs()
    ]
    path.write_text("\n".join(map(json.dumps, lines)))
    return path


def write_mlruns(folder: Path) -> Path:
    """The layout of MLflow's file store."""
    experiment = folder / "mlruns" / "123"
    experiment.mkdir(parents=True)
    (experiment / "meta.yaml").write_text("experiment_id: '123'\nname: sweep\nlifecycle_stage: active\n")
    for index, run in enumerate(runs()):
        place = experiment / f"{index:032x}"
        for name in ("params", "metrics", "tags"):
            (place / name).mkdir(parents=True)
        times = "start_time: 1000\nend_time: 13000\nstatus: 3\nlifecycle_stage: active\n"
        (place / "meta.yaml").write_text(f"run_id: {index:032x}\nrun_name: run-{index}\nexperiment_id: '123'\n{times}")
        for name in ("lr", "width", "seed"):
            (place / "params" / name).write_text(str(run[name]))
        steps = [f"{1000 + step} {run['accuracy'] - 2 + step} {step}" for step in range(3)]
        (place / "metrics" / "val_acc").write_text("\n".join(steps) + "\n")
        (place / "tags" / "mlflow.runName").write_text(f"run-{index}")
    return folder / "mlruns"


def write_optuna(folder: Path) -> Path:
    import optuna
    from optuna.distributions import CategoricalDistribution

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    path = folder / "study.db"
    study = optuna.create_study(storage=f"sqlite:///{path}", study_name="sweep", direction="maximize")
    distributions = {
        name: CategoricalDistribution(sorted({run[name] for run in runs()})) for name in ("lr", "width", "seed")
    }
    trials = [
        optuna.trial.create_trial(
            params={name: run[name] for name in distributions},
            distributions=distributions,
            value=run["accuracy"],
            intermediate_values={1: run["accuracy"] - 1, 2: run["accuracy"]},
        )
        for run in runs()
    ]
    study.add_trials(trials)
    return path


def write_optuna_journal(folder: Path) -> Path:
    import optuna
    from optuna.storages.journal import JournalFileBackend

    optuna.copy_study(
        from_study_name="sweep",
        from_storage=f"sqlite:///{write_optuna(folder)}",
        to_storage=optuna.storages.JournalStorage(JournalFileBackend(str(folder / "journal.log"))),
    )
    return folder / "journal.log"


def write_with_mlflow(folder: Path) -> Path:
    """A folder that MLflow's own client writes."""
    pytest.importorskip("mlflow", reason="the extra mlflow is not installed")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
        patch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")
        from mlflow.entities import Metric, Param
        from mlflow.tracking import MlflowClient

        client = MlflowClient(tracking_uri=(folder / "mlruns").as_uri())
        experiment = client.create_experiment("sweep")
        for index, run in enumerate(runs()):
            made = client.create_run(experiment, run_name=f"run-{index}").info.run_id
            client.log_batch(
                made,
                metrics=[Metric("val_acc", run["accuracy"] - 2 + step, 1000 + step, step) for step in range(3)],
                params=[Param(name, str(run[name])) for name in ("lr", "width", "seed")],
            )
            client.set_terminated(made)
        client.create_run(experiment, run_name="report")  # holds files alone, as one that has a study's report
    return folder / "mlruns"


def write_ray_tune(folder: Path) -> Path:
    """The files that Ray Tune writes; that it does is tested where Tune itself runs."""
    experiment = folder / "sweep"
    for index, run in enumerate(runs()):
        trial = experiment / f"train_{index}"
        trial.mkdir(parents=True)
        config = {"optimizer": {"lr": run["lr"]}, "width": run["width"], "seed": run["seed"]}
        (trial / "params.json").write_text(json.dumps(config))
        (trial / "params.pkl").write_bytes(b"not a pickle")
        reports = [
            {"val_acc": run["accuracy"] - 3 + epoch, "training_iteration": epoch, "trial_id": f"{index:05}"}
            | {"time_total_s": epoch * 1.5, "config": config, "done": epoch == 3}
            for epoch in (1, 2, 3)
        ]
        (trial / "result.json").write_text("\n".join(map(json.dumps, reports)) + "\n")
    return experiment


FORMS = (
    write_csv,
    write_semicolons,
    write_wandb_export,
    write_epochs,
    write_parquet,
    write_json_lines,
    write_mlruns,
    write_with_mlflow,
    write_optuna,
    write_optuna_journal,
    write_ray_tune,
)


@pytest.mark.parametrize("write", FORMS)
def test_results_of_every_form_make_the_same_tables(write, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    layout = lay_out(look(read_results(write(tmp_path)), Told()))
    found = layout.found
    assert (found.goal, found.columns.seeds) == ("max", ("seed",))
    assert [[len(one.runs) for one in table.configurations] for table in layout.tables] == [[3, 3, 3], [3, 3, 3]]
    assert dict(zip(found.factors, found.default, strict=True)) in (
        DEFAULT,
        {"optimizer/lr": DEFAULT["lr"], "width": DEFAULT["width"]},
    )
    values = {
        (run.settings, run.seed): run.metrics[found.metric][-1]
        for table in layout.tables
        for one in table.configurations
        for run in one.runs
    }
    assert sorted(values.values()) == pytest.approx(sorted(run["accuracy"] for run in runs()))
    assert not layout.left


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a;loss\n1;1,234\n2;2,345\n", ["1,234", "2,345"]),  # thousands, or not: nothing tells
        ("a;loss\n0,1;1,234\n0,2;2,345\n", [1.234, 2.345]),
        ("a;loss\n0,1;1.234\n0,2;2.345\n", [1.234, 2.345]),
        ('a,loss\n1,"0,25"\n2,"0,5"\n', [0.25, 0.5]),
        ("a\tloss\n1\t0,25\n2\t\n3\tNA\n", [0.25, np.nan, np.nan]),
        ("a;loss\n1;0,25\n2;none,yet\n", ["0,25", "none,yet"]),
    ],
)
def test_decimal_commas_are_read_as_in_tables_of_one_s_own(text: str, expected: list[object]) -> None:
    frame = read_csv("results.csv", text.encode()).frame
    pd.testing.assert_series_equal(frame["loss"], pd.Series(expected, name="loss"), check_dtype=False)


def test_reading_writes_nothing(tmp_path: Path) -> None:
    path = write_optuna(tmp_path)
    before = path.read_bytes()
    read_results(path)
    assert path.read_bytes() == before
    assert [one.name for one in tmp_path.iterdir()] == ["study.db"]
    with pytest.raises(UserError, match="no such file"):
        read_results(f"sqlite:///{tmp_path / 'other.db'}")
    assert not (tmp_path / "other.db").exists()


def test_a_report_is_written_and_says_what_was_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    path = write_csv(tmp_path)
    assert main(["tables", path.name]) == 0
    out = capsys.readouterr().out
    options = "--metric val_acc --goal max --factors lr,width --seed-column seed --default lr=0.1,width=32"
    assert f"found: ablatune tables results.csv {options}" in out
    page = (tmp_path / "report" / "results" / "report.md").read_text()
    assert "how the data were split" in page
    assert "are paired by seed" in page
    first = (tmp_path / "report" / "results" / "tables" / "lr.csv").read_text()
    shutil.rmtree(tmp_path / "report")
    assert main(["tables", path.name, *options.split()]) == 0
    assert (tmp_path / "report" / "results" / "tables" / "lr.csv").read_text() == first


def test_replicates_without_equal_seeds_are_compared_by_welchs_test(tmp_path: Path) -> None:
    from scipy.stats import ttest_ind

    frame = pd.DataFrame(runs()).drop(columns="seed")
    report = ablatune.tables(frame, output=tmp_path / "report")
    table = report.tables["width"]
    values = {width: part["accuracy"] for width, part in frame[frame["lr"] == 0.1].groupby("width")}
    expected = ttest_ind(values[64], values[32], equal_var=False).pvalue
    assert table.loc[table["width"] == 64, "difference_p_value"].item() == pytest.approx(expected)
    assert "Welch&#39;s test" in report.html.read_text()


@pytest.mark.parametrize("order", range(3))
def test_the_order_of_rows_and_columns_changes_nothing(order: int) -> None:
    from tune_jobs.existing.tabular import results_of

    frame = pd.DataFrame(runs())
    shuffled = frame.sample(frac=1, random_state=order)
    shuffled = shuffled[list(np.random.default_rng(order).permutation(frame.columns))]
    one, other = (lay_out(look(results_of("frame", "a frame", each), Told())) for each in (frame, shuffled))
    assert as_options(one.found) == as_options(other.found)
    for first, second in zip(one.tables, other.tables, strict=True):
        assert first.factors == second.factors
        assert [(c.levels, c.seeds) for c in first.configurations] == [
            (c.levels, c.seeds) for c in second.configurations
        ]


def test_what_is_crossed_is_a_table_and_what_fits_nowhere_is_counted() -> None:
    from tune_jobs.existing.tabular import results_of

    lines = [{"a": a, "b": b, "c": 0, "val_loss": a + b} for a in (1, 2, 3) for b in (1, 2)]
    lines += [{"a": 2, "b": 2, "c": 1, "val_loss": 9}, {"a": 1, "b": 1, "c": 2, "val_loss": 8}]
    told = Told(factors=("a", "b", "c"), default={"a": 1, "b": 1, "c": 0})
    layout = lay_out(look(results_of("frame", "a frame", pd.DataFrame(lines)), told))
    assert [(table.factors, table.crossed, len(table.configurations)) for table in layout.tables] == [
        (("a",), False, 3),
        (("b",), False, 2),
        (("c",), False, 2),
        (("a", "b"), True, 6),
    ]
    assert [why for _, why in layout.left] == ["differs from the default in 3 factors that are not crossed (a, b, c)"]


@pytest.mark.parametrize(
    ("text", "options", "words"),
    [
        ("lr,seed,val_acc,val_f1\n1,0,2,3\n2,0,3,4\n", [], "val_acc and val_f1 could be what is compared; say which"),
        ("lr,seed,outcome_number\n1,0,0.2\n2,0,0.3\n", [], "say which one is compared with --metric"),
        ("lr,x\n1,0.2\n2,0.3\n", ["--metric", "x"], "say --goal max or --goal min"),
        ("lr,val_acc\n1,0.2\n1,0.3\n", [], "nothing was varied"),
        ("lr,val_acc\n1,0.2\n2,0.3\n", ["--metric", "val_ac"], "did you mean val_acc?"),
        ("lr,val_acc\n1,0.2\n2,0.3\n", ["--default", "lr=3"], "there is no level '3'"),
        ("lr,val_acc\n1,0.2\n2,0.3\n", ["--default", "lr"], "give NAME=LEVEL"),
        ("lr,val_acc\n1,0.2\n2,0.3\n", ["--goal", "up"], "neither max nor min"),
        ("lr,val_acc\n", [], "has no lines"),
        ("", [], "is empty"),
    ],
)
def test_what_cannot_be_told_is_one_line(
    text: str, options: list[str], words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "results.csv"
    path.write_text(text)
    assert main(["tables", str(path), "--output", str(tmp_path / "report"), *options]) == 2
    error = capsys.readouterr().err
    assert words in error
    assert error.count("\n") == 1
