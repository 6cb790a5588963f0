"""The Gaussian predictions that the ledger keeps of a study's rows."""

from collections.abc import Iterator, Sequence

from analysis.figures.calibration import GaussianPredictions, gaussian_predictions
from analysis.frames.evidence import Evidence
from tune_jobs.study.rows import Row

_NEEDED = {"targets", "target_mean", "target_std", "inputs", "input_offset", "input_scale"}


def gaussian_replicates(rows: Sequence[Row], evidence: Evidence) -> Iterator[GaussianPredictions]:
    """Yield the predictions of each replicate of rows that predict a Gaussian, at the epoch that the row reads."""
    gaussian = [row for row in rows if row.config is not None and row.config.predicts_gaussian]
    records = evidence.predictions(gaussian)
    for row in gaussian:
        position = evidence.rows.index(row)
        own = evidence.trials[(evidence.trials["position"] == position) & evidence.trials["epoch"].notna()]
        for seed, key, epoch in zip(own["seed"], own["key"], own["epoch"], strict=True):
            stored, record = evidence.targets(row, int(seed)), records[key]
            # The numbers of a row may be of an epoch whose predictions are not kept (yet).
            kept = epoch in record.measured_epochs and record.validation_outputs
            if kept and set(stored) >= _NEEDED and row.config is not None:
                yield gaussian_predictions(
                    record.predictions(int(epoch)),
                    stored,
                    link=row.config.variance_link,
                    position=position,
                    seed=int(seed),
                    input_transform=row.config.input_transform,
                    target_transform=row.config.target_transform,
                )
