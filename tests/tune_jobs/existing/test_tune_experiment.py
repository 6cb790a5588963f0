"""An experiment that Ray Tune itself has made, read without Tune."""

from pathlib import Path
from typing import Any

import pytest

import ablatune
from tune_jobs.existing.columns import Told
from tune_jobs.existing.layout import lay_out
from tune_jobs.existing.looking import look
from tune_jobs.existing.reading import read_results
from tune_jobs.existing.tabular import results_of

ACTIVATIONS, WIDTHS, SEEDS = ["relu", "tanh"], [1, 2, 3, 4, 5, 6], [0, 1]


def objective(config: dict[str, Any]) -> None:
    """Tune's own first example: a loss that falls with the steps, faster for a larger width."""
    from ray import tune

    for step in range(1, 4):
        height = {"relu": 0.5, "tanh": 1.0}[config["activation"]] + 0.1 * config["seed"]
        tune.report({"mean_loss": 1 / (0.1 + config["width"] * step / 100) + height})


@pytest.mark.long
def test_an_experiment_of_ray_tune_makes_tables(tmp_path: Path) -> None:
    import ray
    from ray import tune

    ray.init(address="local", num_cpus=2, include_dashboard=False, log_to_driver=False)
    try:
        grid = tune.Tuner(
            tune.with_resources(objective, {"cpu": 1}),
            param_space={
                "activation": tune.grid_search(ACTIVATIONS),
                "width": tune.grid_search(WIDTHS),
                "seed": tune.grid_search(SEEDS),
            },
            tune_config=tune.TuneConfig(reuse_actors=True),  # a process for each trial would take a minute
            run_config=tune.RunConfig(name="example", storage_path=str(tmp_path), verbose=0),
        ).fit()
    finally:
        ray.shutdown()
    read = lay_out(look(read_results(tmp_path / "example"), Told()))
    found = read.found
    assert (found.metric, found.goal, found.columns.seeds) == ("mean_loss", "min", ("seed",))
    assert [(table.factors, len(table.configurations)) for table in read.tables] == [
        (("activation",), 2),
        (("width",), 6),
        (("activation", "width"), 12),
    ]
    assert not read.left
    assert all(run.epochs == (1, 2, 3) for run in found.runs)
    # The frame that Tune makes of the same experiment.
    frame = grid.get_dataframe()
    other = lay_out(look(results_of("frame", "a frame", frame), Told()))
    assert [table.factors for table in other.tables] == [table.factors for table in read.tables]
    one = ablatune.tables(tmp_path / "example", output=tmp_path / "one").tables["width"]
    two = ablatune.tables(frame, output=tmp_path / "two").tables["width"]
    columns = ["width", "validation_metric_mean", "validation_metric_half_width", "difference_holm_p_value"]
    assert one[columns].equals(two[columns])
