"""The figures that a study may ask for. A new figure is a module in `analysis.figures` and an entry in `FIGURES`.

Only `analysis` may import what draws, so an entry names its function as text, "module:function"; see
`analysis.figures.registry`.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from models.registry import GAUSSIAN, objectives_that_predict
from tune_jobs.trial.config import TrialConfig


@dataclass(frozen=True)
class Need:
    """What a configuration must have for a figure to show it, as a test and in words."""

    words: str
    is_met: Callable[[TrialConfig], bool]


@dataclass(frozen=True)
class FigureEntry:
    """A figure's line in the registry.

    Attributes:
        help: what the figure shows.
        target: the function that draws it, as "module:function".
        need: what at least one row of the table must have; None where every table can have the figure.
    """

    help: str
    target: str
    need: Need | None = None

    def suits(self, configs: Iterable[TrialConfig]) -> bool:
        """Whether the figure can show at least one of the configurations."""
        return self.need is None or any(self.need.is_met(config) for config in configs)


ENGINE = Need("a network that Ablatune trains, not a `trainer`", lambda config: not config.trainer)
TWO_INPUTS = Need("inputs of two numbers", lambda config: config.dataset_info.input_shape == (2,))
DISTRIBUTION = Need(
    f"objective: {' or '.join(objectives_that_predict(GAUSSIAN))}", lambda config: config.predicts_gaussian
)

VALUES = Need(
    "a regression with a loss of Ablatune's",
    lambda config: not config.trainer and config.dataset_info.task == "regression" and not config.own_objective,
)

CLASSES = Need(
    "data of classes and a loss of Ablatune's, or a `trainer` that gives `trial.predictions` targets",
    lambda config: bool(config.trainer) or (config.dataset_info.task == "classification" and not config.own_objective),
)

FIGURES: Mapping[str, FigureEntry] = {
    "curves": FigureEntry(
        "the validation metric and the train loss over the epochs",
        "analysis.figures.curves:draw",
    ),
    "losses": FigureEntry(
        "the train and the validation loss over the epochs",
        "analysis.figures.losses:draw",
        ENGINE,
    ),
    "decision_boundary": FigureEntry(
        "what the network predicts at each point, for inputs of two numbers",
        "analysis.figures.boundaries:draw",
        TWO_INPUTS,
    ),
    "confusion": FigureEntry(
        "which class is predicted for which",
        "analysis.figures.confusion:draw",
        CLASSES,
    ),
    "parity": FigureEntry(
        "predictions of a regression against the targets, and what is left over",
        "analysis.figures.parity:draw",
        VALUES,
    ),
    "calibration": FigureEntry(
        "how often predicted intervals contain the target",
        "analysis.figures.calibration:draw",
        DISTRIBUTION,
    ),
    "uncertainty": FigureEntry(
        "predicted standard deviations against each input",
        "analysis.figures.uncertainty:draw",
        DISTRIBUTION,
    ),
}
