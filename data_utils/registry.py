"""What each dataset is; its rows are read by the function that ``loader`` names.

A dataset of the user's own is declared in a study file and measured by `data_utils.describe`, or it is a
`DatasetInfo` in a module of theirs, named ``package.module:NAME``.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from difflib import get_close_matches
from importlib import import_module
from typing import Any

from data_utils.declared import Declaration
from data_utils.errors import DatasetError
from data_utils.options import OptionSpec

TOY_PROBLEMS = ("xor", "circles", "moons", "spirals")


@dataclass(frozen=True)
class DatasetInfo:
    """What is known of a dataset before a byte of it is read, or of one of the user's own once it was described.

    Attributes:
        name: Key in the registry; part of the fingerprint.
        label: Name in headings and plots.
        task: ``"classification"`` or ``"regression"``.
        input_shape: Shape of one input: (channels, height, width), or (features,); any other of the user's own.
        classes: Number of classes; 0 for regression.
        development_rows: Rows outside the sealed test part (training and validation).
        test_rows: Rows of the sealed test part.
        validation_rows: Default size of the validation part.
        target_unit: Unit of a regression target; empty for classification.
        source: Where the rows come from, in one line.
        loader: ``"module:function"``, a `data_utils.parts.OpenPart`.
        reads: Names of the options that the loader takes; ``outer_split`` draws another sealed test part.
        option_specs: Further options of the loader, each declared here and nowhere else.
        features: Names of the columns of a table; empty for images.
        class_names: Names of the classes of the user's own data, in their order; else empty.
        declared: How the user declared it; None for those that come with the project.
        content: Hash of the rows that were described, and of the test part's if it has a source of its own.
        options: The options that it was described with.
        found: Paths at which it was found; they may be others elsewhere.
        files: Patterns of the paths in the data folder that the loader reads.
    """

    name: str
    label: str
    task: str
    input_shape: tuple[int, ...]
    classes: int
    development_rows: int
    test_rows: int
    validation_rows: int
    target_unit: str
    source: str
    loader: str
    reads: tuple[str, ...] = ()
    features: tuple[str, ...] = ()
    class_names: tuple[str, ...] = ()
    declared: Declaration | None = None
    content: tuple[str, ...] = ()
    options: tuple[tuple[str, Any], ...] = field(default=(), compare=False)
    found: tuple[str, ...] = field(default=(), compare=False)
    files: tuple[str, ...] = field(default=(), compare=False)
    option_specs: tuple[OptionSpec, ...] = field(default=(), compare=False)

    def to_dict(self) -> dict[str, Any]:
        """Return all of it as plain values that JSON can hold, for `from_dict`."""
        values = {entry.name: getattr(self, entry.name) for entry in fields(self) if entry.name != "option_specs"}
        plain = {name: list(value) if isinstance(value, tuple) else value for name, value in values.items()}
        declared = self.declared and {"name": self.declared.name, **self.declared.to_mapping()}
        return plain | {"declared": declared, "options": dict(self.options)}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "DatasetInfo":
        """Return what `to_dict` was called on.

        Raises:
            DatasetError: If the values are of another version of the project.
        """
        try:
            plain: dict[str, Any] = {
                name: tuple(value) if isinstance(value, list) else value for name, value in values.items()
            }
            declared: dict[str, Any] = {
                key: tuple(value) if isinstance(value, list) else value
                for key, value in (values["declared"] or {}).items()
            }
            plain["declared"] = Declaration(**declared) if declared else None
            plain["options"] = tuple(values["options"].items())
            return cls(**plain)
        except (KeyError, TypeError, AttributeError) as error:
            raise DatasetError(f"what was kept of a dataset cannot be read ({error}); update ablatune") from error


_ALL = (
    DatasetInfo(
        name="digits",
        label="Digits",
        task="classification",
        input_shape=(1, 8, 8),
        classes=10,
        development_rows=1437,
        test_rows=360,
        validation_rows=360,
        target_unit="",
        source="shipped inside scikit-learn (load_digits), no download",
        loader="data_utils.digits:open_part",
    ),
    DatasetInfo(
        name="usps",
        label="USPS",
        task="classification",
        input_shape=(1, 16, 16),
        classes=10,
        development_rows=7291,
        test_rows=2007,
        validation_rows=1291,
        target_unit="",
        source="USPS/usps.bz2 and usps.t.bz2 in the data folder, else torchvision.datasets.USPS",
        loader="data_utils.usps:open_part",
        files=("USPS/usps.bz2", "USPS/usps.t.bz2"),
    ),
    DatasetInfo(
        name="mnist",
        label="MNIST",
        task="classification",
        input_shape=(1, 28, 28),
        classes=10,
        development_rows=60_000,
        test_rows=10_000,
        validation_rows=10_000,
        target_unit="",
        source="MNIST/raw/*-ubyte in the data folder, else torchvision.datasets.MNIST",
        loader="data_utils.mnist:open_part",
        files=("MNIST/raw/*-ubyte",),
    ),
    DatasetInfo(
        name="house_prices",
        label="House prices",
        task="regression",
        input_shape=(4,),
        classes=0,
        development_rows=1168,
        test_rows=292,
        validation_rows=234,
        target_unit="dollars",
        source="house_prices/train.csv in the data folder, else OpenML house_prices (data id 42165)",
        loader="data_utils.house_prices:open_part",
        files=("house_prices/train.csv",),
        reads=("outer_split",),
        features=("OverallQual", "YearBuilt", "TotalBsmtSF", "GrLivArea"),
    ),
    DatasetInfo(
        name="diabetes",
        label="Diabetes",
        task="regression",
        input_shape=(10,),
        classes=0,
        development_rows=354,
        test_rows=88,
        validation_rows=71,
        target_unit="progression units",
        source="shipped inside scikit-learn (load_diabetes), no download",
        loader="data_utils.diabetes:open_part",
        reads=("outer_split",),
        features=("age", "sex", "bmi", "bp", "s1", "s2", "s3", "s4", "s5", "s6"),
    ),
    DatasetInfo(
        name="toy",
        label="Toy problem",
        task="classification",
        input_shape=(2,),
        classes=2,
        development_rows=1000,
        test_rows=500,
        validation_rows=250,
        target_unit="",
        source=f"generated; the option toy_problem is one of {', '.join(TOY_PROBLEMS)}",
        loader="data_utils.toy:open_part",
        reads=("toy_problem",),
        features=("x", "y"),
    ),
)
DATASETS: dict[str, DatasetInfo] = {info.name: info for info in _ALL}


def dataset_info(name: str) -> DatasetInfo:
    """Return what is known of the dataset ``name``: a registered one, or ``package.module:NAME``.

    Raises:
        DatasetError: If there is no such dataset; the message names the nearest one.
    """
    if ":" in name:
        return _users_dataset(name)
    if name not in DATASETS:
        nearest = get_close_matches(name, DATASETS, n=1)
        guess = f" (did you mean {nearest[0]!r}?)" if nearest else ""
        raise DatasetError(
            f"no dataset is named {name!r}{guess}: the names are {', '.join(DATASETS)}, "
            "or package.module:NAME for one of your own"
        )
    return DATASETS[name]


def _users_dataset(name: str) -> DatasetInfo:
    module, _, attribute = name.partition(":")
    try:
        info = getattr(import_module(module), attribute)
    except (ModuleNotFoundError, AttributeError, ValueError) as error:
        raise DatasetError(
            f"dataset {name!r} cannot be imported ({error}): "
            "it must be package.module:NAME, with the package's folder on PYTHONPATH"
        ) from error
    if not isinstance(info, DatasetInfo):
        raise DatasetError(f"dataset {name!r} must be a data_utils.DatasetInfo, not a {type(info).__name__}")
    return info
