"""The built-in datasets: facts and options of each; the function that ``loader`` names reads its rows.

Users declare their datasets in a study file, to be measured by `data_utils.describe`, or put a `DatasetInfo` in a
module of theirs and name it ``package.module:NAME``.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from importlib import import_module
from typing import Any

from data_utils.declared import Declaration
from data_utils.errors import DatasetError, nearest, shown
from data_utils.options import OptionSpec
from data_utils.taken import Taken

TOY_PROBLEMS = ("xor", "circles", "moons", "spirals")


@dataclass(frozen=True)
class DatasetInfo:
    """Facts about a dataset: known before a built-in dataset is read, measured by `describe` for a user's dataset.

    Attributes:
        name: Key in the registry; part of the fingerprint.
        label: Name in headings and plots.
        task: ``"classification"`` or ``"regression"``.
        input_shape: Shape of one input: (channels, height, width), (features,), or any other in a user's dataset.
        classes: Number of classes; 0 for regression.
        development_rows: Rows outside the sealed test part (training and validation).
        test_rows: Rows of the sealed test part.
        validation_rows: Default size of the validation part.
        target_unit: Unit of a regression target; empty for classification.
        source: Where the rows come from, in one line.
        loader: ``"module:function"`` of a `data_utils.parts.OpenPart`.
        reads: Options of the loader that every trial configuration has; ``outer_split`` draws another sealed test part.
        option_specs: All other options of the loader; to add one, declare it here and read it in the loader.
        features: Names of the columns of a table; empty for images.
        class_names: Names of the classes in a user's dataset, in order; else empty.
        declared: The user's declaration, with what it leaves open settled; None for built-in datasets.
        content: Hash of the rows that were described; a second one if the test part has a separate source.
        taken: What was guessed where the declaration leaves it open, and what is unusual in the data.
        options: The options that it was described with.
        found: Paths where it was found; on other machines they may differ.
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
    taken: tuple[Taken, ...] = field(default=(), compare=False)

    def to_dict(self) -> dict[str, Any]:
        """All facts as JSON values, for `from_dict`, except `option_specs`, which only the registry has."""
        left_out = {"option_specs", *(() if self.taken else ("taken",))}
        values = {entry.name: getattr(self, entry.name) for entry in fields(self) if entry.name not in left_out}
        plain = {name: list(value) if isinstance(value, tuple) else value for name, value in values.items()}
        declared = self.declared and {"name": self.declared.name, **self.declared.to_mapping()}
        taken = {"taken": [one.to_plain() for one in self.taken]} if self.taken else {}
        return plain | {"declared": declared, "options": dict(self.options)} | taken

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "DatasetInfo":
        """Restore what `to_dict` was called on.

        Raises:
            DatasetError: If the values come from another version of the project.
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
            plain["taken"] = tuple(map(Taken.from_plain, values.get("taken", ())))
            return cls(**plain)
        except (KeyError, TypeError, AttributeError) as error:
            raise DatasetError(
                f"the stored description of a dataset cannot be read ({error}); update ablatune"
            ) from error


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
    """Look up the dataset ``name``: a built-in one, or ``package.module:NAME``.

    Raises:
        DatasetError: If there is no such dataset; the message suggests the nearest name.
    """
    if ":" in name:
        return _users_dataset(name)
    if name not in DATASETS:
        similar = nearest(name, DATASETS)
        guess = f" (did you mean {similar!r}?)" if similar else ""
        raise DatasetError(
            f"no dataset is named {shown(name)}{guess}: the names are {', '.join(DATASETS)}, "
            "or package.module:NAME for your dataset"
        )
    return DATASETS[name]


def _users_dataset(name: str) -> DatasetInfo:
    module, _, attribute = name.partition(":")
    try:
        info = getattr(import_module(module), attribute)
    except (ModuleNotFoundError, AttributeError, ValueError) as error:
        raise DatasetError(
            f"dataset {shown(name)} cannot be imported ({error}): "
            "write package.module:NAME, and add the package's folder to PYTHONPATH"
        ) from error
    if not isinstance(info, DatasetInfo):
        raise DatasetError(f"dataset {shown(name)} must be a data_utils.DatasetInfo, not a {type(info).__name__}")
    return info
