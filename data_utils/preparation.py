"""How development rows are split and scaled for a trial."""

from dataclasses import dataclass

STANDARD = "standard"
NONE = "none"


@dataclass(frozen=True, kw_only=True)
class Preparation:
    """The split and the scaling of a dataset's rows. Trials with equal preparations of one dataset share their arrays.

    Attributes:
        split_seed: Moves the line between training and validation, and nothing else.
        validation_rows: Size of the validation part; None takes the dataset's default.
        input_scaling: ``"standard"`` (mean 0, deviation 1) or ``"unit"`` (0 to 1).
        input_transform: ``"none"``, or ``"log1p"``: inputs are scaled as sign(x) log(1 + |x|).
        target_transform: ``"none"``, or ``"log"``: regression targets are standardised as natural logarithms.
        folds: Number of parts of a cross-validation; 0 for none. ``fold`` is then the validation part, and
            ``validation_rows`` is not read.
        fold: Number of that part, from 0.
    """

    split_seed: int = 0
    validation_rows: int | None = None
    input_scaling: str = STANDARD
    input_transform: str = NONE
    target_transform: str = NONE
    folds: int = 0
    fold: int = 0


DEFAULT_PREPARATION = Preparation()
