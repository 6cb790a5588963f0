"""Gaussian predictions: how they are read off a network's outputs, and how often their intervals hold the target."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtri
from scipy.stats import binom

from analysis.figures.curves import level_legend
from analysis.figures.series import level_words, plain, styles
from analysis.statistics.intervals import CONFIDENCE
from analysis.tables.columns import format_number
from analysis.tables.tables import TableView

# As the objective `gaussian_nll` has it, in standardised targets.
MINIMUM_VARIANCE = 1e-6
NOMINAL = np.arange(5, 100, 5) / 100
LINKS = ("exp", "softplus")


@dataclass(frozen=True, eq=False)
class GaussianPredictions:
    """What one replicate predicts of its validation part.

    Attributes:
        position: of the row among all rows of the study.
        mean: [n], in the target's unit; so are `std` and `targets` [n].
        inputs: [n, features], in the source's unit.
        logs: mean, standard deviation and targets, [n] each, of the logarithm that the Gaussian is of under a log
            target, so that `mean` and `std` are those of a log-normal distribution; None where it is of the target.
    """

    position: int
    seed: int
    mean: NDArray[np.float64]
    std: NDArray[np.float64]
    targets: NDArray[np.float64]
    inputs: NDArray[np.float64]
    logs: tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]] | None = None


def gaussian(
    outputs: ArrayLike, link: str, target_mean: float = 0.0, target_std: float = 1.0
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return mean [n] and standard deviation [n], in the target's unit, that outputs [n, 2] stand for.

    The second output r stands for the variance exp(r) or log(1 + exp(r)) (softplus), plus 1e-6, of the
    standardised target (see the objective `gaussian_nll`). A variance beyond every float is infinite.

    Raises:
        ValueError: the outputs are no pairs, or the link is not one of `LINKS`.
    """
    array = np.asarray(outputs, dtype=np.float64)
    if array.ndim != 2 or array.shape[1] != 2:
        raise ValueError(f"outputs: shape {array.shape} is not of means and variances; give [n, 2]")
    if link not in LINKS:
        raise ValueError(f"link: {link!r} is not one of {', '.join(LINKS)}")
    raw = array[:, 1]
    with np.errstate(over="ignore"):
        # exp(r/2) reaches twice as far as the root of exp(r), and logaddexp(0, r) is log(1 + exp(r)) without exp(r).
        std = np.hypot(np.exp(raw / 2) if link == "exp" else np.sqrt(np.logaddexp(0, raw)), MINIMUM_VARIANCE**0.5)
    return array[:, 0] * target_std + target_mean, std * target_std


def gaussian_predictions(
    outputs: ArrayLike,
    stored: Mapping[str, NDArray[Any]],
    *,
    link: str,
    position: int,
    seed: int,
    input_transform: str = "none",
    target_transform: str = "none",
) -> GaussianPredictions:
    """Return a replicate's predictions in the units of the source.

    Args:
        outputs: of the network on the validation part, [n, 2].
        stored: `targets` [n] and `inputs` [n, features], both standardised; `target_mean` and `target_std`,
            `input_offset` and `input_scale` [features].
        link: one of `LINKS`.
        position: of the row among all rows of the study.
        seed: of the replicate.
        input_transform: what the stored inputs passed through before they were scaled, "none" or "log1p".
        target_transform: what the stored targets passed through before they were standardised, "none" or "log".

    Raises:
        ValueError: see `gaussian`; or outputs, targets and inputs are not of the same rows.
    """
    target_mean, target_std = float(stored["target_mean"]), float(stored["target_std"])
    mean, std = gaussian(outputs, link, target_mean, target_std)
    targets = np.asarray(stored["targets"], dtype=np.float64) * target_std + target_mean
    offset, scale = (np.asarray(stored[name], dtype=np.float64) for name in ("input_offset", "input_scale"))
    inputs = np.asarray(stored["inputs"], dtype=np.float64) * scale + offset
    if input_transform == "log1p":
        inputs = np.copysign(np.expm1(np.abs(inputs)), inputs)
        scale = inputs.std(axis=0)
    if not len(mean) == len(targets) == len(inputs):
        raise ValueError(f"outputs, targets and inputs: {len(mean)}, {len(targets)} and {len(inputs)} rows differ")
    # Single precision has left 6 as 5.9999995; five digits of the deviation tell all values apart.
    digits = 5 - np.floor(np.log10(np.where(scale > 0, scale, 1.0))).astype(int)
    columns = [np.round(column, count) for column, count in zip(inputs.T, digits.tolist(), strict=True)]
    inputs = np.stack(columns, axis=1)
    if target_transform == "log":
        return GaussianPredictions(
            position, seed, *log_normal(mean, std), np.exp(targets), inputs, (mean, std, targets)
        )
    return GaussianPredictions(position, seed, mean, std, targets, inputs)


def log_normal(mean: ArrayLike, std: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return mean [n] and standard deviation [n] of what has a Gaussian logarithm with this mean and deviation [n].

    They are exp(m + s²/2), and that times √(exp(s²) - 1) (Johnson, Kotz and Balakrishnan, 1994, Continuous univariate
    distributions, volume 1, chapter 14). What is beyond every float is infinite.
    """
    with np.errstate(over="ignore"):
        variance = np.square(np.asarray(std, dtype=np.float64))
        centre = np.asarray(mean, dtype=np.float64) + variance / 2
        # log √(exp(v) - 1), without exp(v), which may be beyond every float.
        return np.exp(centre), np.exp(centre + (variance + np.log(-np.expm1(-variance))) / 2)


def z_scores(mean: ArrayLike, std: ArrayLike, targets: ArrayLike) -> NDArray[np.float64]:
    """Return how many predicted standard deviations [n] the targets [n] lie above the predicted means [n].

    Raises:
        ValueError: arrays of different length, a mean or a target that is not finite, or a deviation not above 0.
    """
    centre, spread, found = (np.asarray(values, dtype=np.float64) for values in (mean, std, targets))
    if centre.ndim != 1 or not centre.shape == spread.shape == found.shape or centre.size == 0:
        raise ValueError(
            f"mean, std and targets: shapes {centre.shape}, {spread.shape} and {found.shape}; give [n] of each"
        )
    if not (np.isfinite(centre).all() and np.isfinite(found).all() and (spread > 0).all()):
        raise ValueError("mean, std and targets: a mean or a target is not finite, or a deviation is not above 0")
    z: NDArray[np.float64] = (found - centre) / spread
    return z


def coverage(
    mean: ArrayLike, std: ArrayLike, targets: ArrayLike, *, nominal: ArrayLike = NOMINAL
) -> NDArray[np.float64]:
    """Return the share of targets that the central interval of each nominal level [m] holds, [m].

    The interval of level p is mean ± z((1 + p)/2) · std, z the quantiles of the standard normal distribution
    (Gneiting, Balabdaoui and Raftery, 2007, Probabilistic forecasts, calibration and sharpness).

    Raises:
        ValueError: see `z_scores`; or a level is not between 0 and 1.
    """
    levels = _levels(nominal)
    distances = np.abs(z_scores(mean, std, targets))
    shares: NDArray[np.float64] = (distances[:, None] <= ndtri(0.5 + levels / 2)).mean(axis=0)
    return shares


def coverage_band(
    count: int, *, nominal: ArrayLike = NOMINAL, confidence: float = CONFIDENCE
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the lowest and the highest share, [m] each, that calibrated predictions of so many targets show.

    These are quantiles of the binomial distribution of how many of the targets a level's interval holds.
    """
    levels, tail = _levels(nominal), (1 - confidence) / 2
    return binom.ppf(tail, count, levels) / count, binom.ppf(1 - tail, count, levels) / count


def coverage_frame(predictions: Sequence[GaussianPredictions]) -> pd.DataFrame:
    """Return a line for each replicate and level of `NOMINAL`: position, seed, nominal and observed coverage, n.

    A log-normal distribution's central intervals are the exponentials of those of its logarithm.
    """
    parts = [
        pd.DataFrame(
            {
                "position": one.position,
                "seed": one.seed,
                "nominal": NOMINAL,
                "observed": coverage(*(one.logs or (one.mean, one.std, one.targets))),
                "n": len(one.targets),
            }
        )
        for one in predictions
    ]
    names = ["position", "seed", "nominal", "observed", "n"]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=names)


def spread_frame(predictions: Sequence[GaussianPredictions]) -> pd.DataFrame:
    """Return a line for each replicate: how large the predicted deviations are and how large the errors.

    Columns: position, seed; rms_std, the root mean square of the predicted standard deviations; rmse, which calibrated
    predictions match with rms_std.
    """
    lines = [
        {
            "position": one.position,
            "seed": one.seed,
            "rms_std": _root_mean_square(one.std),
            "rmse": _root_mean_square(one.targets - one.mean),
        }
        for one in predictions
    ]
    return pd.DataFrame(lines, columns=["position", "seed", "rms_std", "rmse"])


def draw_coverage(ax: Axes, view: TableView, frame: pd.DataFrame) -> Axes:
    """Draw the observed coverage of each level against the nominal one, in percent: the mean of its replicates.

    Args:
        ax: to draw on.
        view: the table.
        frame: of `coverage_frame`; levels that are not in it are left out.
    """
    ends = np.array([0.0, 100.0])
    if not frame.empty:
        low, high = coverage_band(int(frame["n"].min()))
        ax.fill_between(100 * NOMINAL, 100 * low, 100 * high, color="#BBBBBB", alpha=0.35, linewidth=0, zorder=1)
    ax.plot(ends, ends, color="#777777", linewidth=1.0, linestyle=(0, (2, 2)), label="_diagonal", zorder=1)
    looks = styles(view)
    for line in view.lines:
        own = frame[frame["position"] == line.position]
        if own.empty:
            continue
        colour, dashes = looks[line.position]
        wide = 100 * own.pivot(index="nominal", columns="seed", values="observed").astype(float)
        across = 100 * wide.index.to_numpy(dtype=float)
        ax.plot(
            across,
            wide.mean(axis=1),
            color=colour,
            linestyle=dashes,
            linewidth=2.4 if line.is_default else 1.5,
            zorder=4 if line.is_default else 3,
            label=plain(level_words(line)),
        )
        if wide.shape[1] > 1:
            ax.fill_between(across, wide.min(axis=1), wide.max(axis=1), color=colour, alpha=0.12, linewidth=0, zorder=2)
    ax.set(xlim=ends, ylim=ends)
    ax.set_xlabel("Nominal Coverage of Predicted Intervals (%)")
    ax.set_ylabel("Targets Inside, Validation Part (%)")
    for axis in (ax.xaxis, ax.yaxis):
        axis.set_major_formatter(PercentFormatter(symbol="", decimals=0))
        axis.set_ticks(np.arange(0, 101, 20))
    ax.grid(alpha=0.25, linewidth=0.6)
    ax.spines[["top", "right"]].set_visible(False)
    corners = (
        (0.03, 0.97, "left", "top", "intervals too wide"),
        (0.97, 0.03, "right", "bottom", "intervals too narrow"),
    )
    for x, y, ha, va, words in corners:
        ax.text(x, y, words, transform=ax.transAxes, ha=ha, va=va, fontsize="small", color="#555555")
    return ax


def calibration_figure(view: TableView, frame: pd.DataFrame) -> Figure:
    """Return the figure of a table's coverage; see `draw_coverage`."""
    figure = Figure(figsize=(6.4, 4.2), layout="constrained")
    ax = draw_coverage(figure.subplots(), view, frame)
    return level_legend(figure, ax, view)


def calibration_caption(view: TableView, frame: pd.DataFrame, spreads: pd.DataFrame) -> str:
    """Return what a reader must know to read the coverage, with predicted deviations against errors, level by level.

    Args:
        view: the table.
        frame: of `coverage_frame`.
        spreads: of `spread_frame`.
    """
    rows = format_number(float(frame["n"].min()), 0) if len(frame) else "no"
    band = " Lines are means of replicates, coloured bands reach from the lowest to the highest of them."
    sentence = (
        f"{view.title}: how many validation targets lie inside the central intervals that the predicted Gaussians "
        f"give. On the diagonal, intervals hold what they should; the grey band is where calibrated predictions of "
        f"{rows} targets are in {CONFIDENCE:.0%} of cases.{band if frame['seed'].nunique() > 1 else ''}"
    )
    means = spreads.groupby("position")[["rms_std", "rmse"]].mean()
    unit = f" {view.unit}" if view.unit else ""
    shown = [
        f"{level_words(line)}: {_amount(means.loc[line.position, 'rms_std'])} against "
        f"{_amount(means.loc[line.position, 'rmse'])}{unit}"
        for line in view.lines
        if line.position in means.index
    ]
    if not shown:
        return sentence
    return (
        f"{sentence} Predicted standard deviation (root mean square) against RMSE, equal where predictions are "
        f"calibrated: {'; '.join(shown)}."
    )


def _levels(nominal: ArrayLike) -> NDArray[np.float64]:
    levels = np.asarray(nominal, dtype=np.float64)
    if not np.all((levels > 0) & (levels < 1)):
        raise ValueError(f"nominal: {nominal!r} are not all between 0 and 1, both excluded")
    return levels


def _root_mean_square(values: NDArray[np.float64]) -> float:
    with np.errstate(over="ignore"):
        return float(np.sqrt(np.mean(np.square(values))))


def _amount(value: Any) -> str:
    number = float(value)
    if not np.isfinite(number) or abs(number) >= 1e9:
        return "more than 1e9"
    digits = 3 - int(np.floor(np.log10(abs(number)))) if number else 0
    return format_number(number, min(max(digits, 0), 6))
