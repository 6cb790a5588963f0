"""The results on sealed test sets, as a frame."""

from collections.abc import Sequence

import pandas as pd

from tune_jobs.ledger.test_openings import Opening, Reached


def tests_frame(openings: Sequence[Opening]) -> pd.DataFrame:
    """The latest results of each declared final configuration: table, level, seed, test_metric, test_loss."""
    latest: dict[str, Reached] = {}
    for opening in openings:
        latest |= {one.final: one for one in opening.tested if opening.finished and "declared" in one.roles}
    lines = [
        (one.final, one.label, seed, metric, loss)
        for one in latest.values()
        for seed, metric, loss in zip(one.seeds, one.metrics, one.losses, strict=True)
    ]
    return pd.DataFrame(lines, columns=["table", "level", "seed", "test_metric", "test_loss"])
