"""Which figure is drawn for which name in a study's `figures`. A further one is a function and a line here."""

from collections.abc import Callable, Mapping, Sequence

from matplotlib.figure import Figure

from analysis.figures.boundaries import BoundaryPanel, boundaries_caption, boundaries_figure, decision
from analysis.figures.calibration import calibration_caption, calibration_figure
from analysis.figures.curves import figure_caption, losses_caption, losses_figure, table_figure
from analysis.figures.series import series_of
from analysis.figures.uncertainty import uncertainty_caption, uncertainty_figure
from analysis.frames.evidence import Evidence
from analysis.frames.gaussian_predictions import GaussianPredictions, coverage_frame, gaussian_replicates, spread_frame
from analysis.tables.tables import Line, TableView
from tune_jobs.ledger.record import GRID_REACH, MISSING, Record

# A figure and its caption; None where there is nothing to draw.
Drawn = tuple[Figure, str] | None
# Levels with a panel of their own.
_MOST_PANELS = 15
_LOG_NORMAL = (
    " Under a log target the predicted Gaussian is of the logarithm: intervals are its, exponentiated, and mean and "
    "standard deviation are those of the log-normal distribution."
)


def _curves(view: TableView, evidence: Evidence) -> Drawn:
    return table_figure(view, series_of(view, evidence.curves, evidence.trials)), figure_caption(view)


def _losses(view: TableView, evidence: Evidence) -> Drawn:
    series = series_of(view, evidence.curves, evidence.trials)
    return losses_figure(view, series), losses_caption(view, series)


def _decision_boundary(view: TableView, evidence: Evidence) -> Drawn:
    """Draw the first replicate of each level."""
    rows = [evidence.standing.rows[line.position] for line in view.lines]
    if not all(row.config is None or row.config.dataset_info.input_shape == (2,) for row in rows):
        return None
    records = evidence.predictions(rows)
    panels = [_panel(line, evidence, records) for line in view.lines[:_MOST_PANELS]]
    if all(panel.decision is None for panel in panels):
        return None
    names = next(row.config.dataset_info.features for row in rows if row.config is not None)
    first_seed = next(one.seed for row in rows for one in evidence.standing.of(row))
    caption = boundaries_caption(view.title, view.headings, replicate=f"seed {first_seed}")
    if len(view.lines) > _MOST_PANELS:
        caption += f" The first {_MOST_PANELS} of {len(view.lines)} levels are shown."
    return boundaries_figure(panels, names=(names[0], names[1])), caption


def _panel(line: Line, evidence: Evidence, records: Mapping[str, Record]) -> BoundaryPanel:
    row, label = evidence.standing.rows[line.position], ", ".join(line.shown_labels)
    if row.config is None:
        return BoundaryPanel(label, note="cannot be built")
    if row.config.input_transform != "none":
        return BoundaryPanel(label, note="its inputs are transformed, which no straight axis shows")
    first = evidence.standing.of(row)[0]
    seed = first.seed
    own = evidence.trials[(evidence.trials["position"] == line.position) & (evidence.trials["seed"] == seed)].iloc[0]
    record, stored = records.get(first.key), evidence.targets(first)
    if record is None or own.isna()["epoch"]:
        return BoundaryPanel(
            label, note="not run yet" if own["outcome"] == MISSING else own["outcome"].replace("_", " ")
        )
    epoch = int(own["epoch"])
    if epoch not in record.measured_epochs or not record.grid_outputs or "inputs" not in stored:
        return BoundaryPanel(label, note="no predictions are kept")
    shown = decision(
        record.grid_predictions(epoch),
        record.predictions(epoch),
        stored,
        objective=row.config.objective,
        reach=GRID_REACH,
    )
    return BoundaryPanel(label, shown)


def _calibration(view: TableView, evidence: Evidence) -> Drawn:
    predictions = list(gaussian_replicates([evidence.standing.rows[line.position] for line in view.lines], evidence))
    if not predictions:
        return None
    frame = coverage_frame(predictions)
    caption = calibration_caption(view, frame, spread_frame(predictions))
    return calibration_figure(view, frame), caption + _log_words(predictions)


def _uncertainty(view: TableView, evidence: Evidence) -> Drawn:
    """Draw the default level, or the first that has predictions."""
    lines = sorted(view.lines, key=lambda line: not line.is_default)
    for line in lines:
        row = evidence.standing.rows[line.position]
        predictions = list(gaussian_replicates([row], evidence))
        if predictions and row.config is not None:
            info = row.config.dataset_info
            figure = uncertainty_figure(predictions, info.features, unit=info.target_unit)
            caption = uncertainty_caption(view.title, ", ".join(line.labels), predictions)
            return figure, caption + _log_words(predictions)
    return None


def _log_words(predictions: Sequence[GaussianPredictions]) -> str:
    return _LOG_NORMAL if any(one.logs is not None for one in predictions) else ""


PICTURES: Mapping[str, Callable[[TableView, Evidence], Drawn]] = {
    "curves": _curves,
    "losses": _losses,
    "decision_boundary": _decision_boundary,
    "calibration": _calibration,
    "uncertainty": _uncertainty,
}
