"""How much a study needs and lacks, in the lines that `plan` and `run` print."""

from collections.abc import Callable
from pathlib import Path

from tune_jobs.ledger.ledger import Ledger
from tune_jobs.ledger.record import Record
from tune_jobs.standing.counts import Counts
from tune_jobs.standing.standing import stand
from tune_jobs.study.load import load_study

FINGERPRINTS = {"digits": "data"}


def test_rows_that_share_trials_are_counted_once(
    tiny_study: Path, ledger: Ledger, make_record: Callable[..., Record]
) -> None:
    study = load_study(str(tiny_study))
    known = stand(study, ledger, range(2), FINGERPRINTS)
    ledger.write(make_record(key=known.trials[0].key, epochs=known.trials[0].epochs, measured=(1, 2, 3)))
    standing = stand(study, ledger, range(2), FINGERPRINTS)
    counts = Counts(standing, standing.missing())
    assert counts.lines() == [
        "tiny: 5 rows × 2 seeds = 10 table cells, filled by 4 trainings",
        "epochs: 10, instead of 20 if no row shared a trial",
        f"in the ledger: 1; to run: 3 ({sum(trial.epochs for trial in standing.missing())} epochs)",
    ]
    assert str(counts) == "\n".join(counts.lines())


def test_what_cannot_be_built_is_counted_apart(tmp_path: Path) -> None:
    path = tmp_path / "s.yaml"
    path.write_text(
        "base: {network: cnn, padding: 0, pooling: false}\n"
        "tables: [{cross: {hidden_layers: [1, 4], kernel_size: [3, 5]}}]\n"
    )
    standing = stand(load_study(str(path)), None, range(1), FINGERPRINTS)
    lines = Counts(standing, standing.missing()).lines()
    assert lines[0].endswith("4 rows × 1 seed = 2 table cells, filled by 2 trainings")
    assert lines[-1] == "cells that cannot be built: 2"
