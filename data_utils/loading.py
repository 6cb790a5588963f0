"""From a dataset's name to the arrays of a trial, its fingerprint, and the sealed test part."""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from pathlib import Path
from types import MappingProxyType
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from data_utils.errors import DatasetError, shown
from data_utils.grouped_splits import grouped_fold_split, grouped_split
from data_utils.parts import OpenPart, Part, PartName, Rows, take
from data_utils.preparation import DEFAULT_PREPARATION, NONE, Preparation
from data_utils.registry import DatasetInfo, dataset_info
from data_utils.splits import development_split, fold_split
from data_utils.standardise import Scaling, fit, standardise
from data_utils.transforms import INPUT_TRANSFORMS, TARGET_TRANSFORMS, check_targets_transform

# Increased when the same content gives a trial other numbers: other splits, another standardisation.
_VERSION = 1
_NO_OPTIONS: Mapping[str, object] = MappingProxyType({})


@dataclass(frozen=True, eq=False)
class TrialData:
    """All that a trial ever sees of a dataset: standardised training and validation rows, no test rows.

    Attributes:
        dataset: Name that the data was requested by.
        fingerprint: Hash of the development data; see `fingerprint`.
        task: ``"classification"`` or ``"regression"``.
        classes: Number of classes; 0 for regression.
        target_unit: Unit of ``target_mean`` and ``target_std``; empty for classification.
        split_seed: Seed that separates training from validation rows.
        train_inputs: float32 [n, *input_shape].
        train_targets: int64 [n] in 0 to classes - 1, or float32 [n], transformed and standardised.
        validation_inputs: float32 [m, *input_shape].
        validation_targets: As ``train_targets``, [m].
        input_offset: Subtracted from the transformed inputs: float32 (channels, 1, 1), (features,), or, for sequences
            [n, time, features], (1, features).
        input_scale: The inputs were then divided by this; shaped as ``input_offset``.
        target_mean: Mean of the transformed training targets; 0 for classification.
        target_std: Standard deviation of the transformed training targets; 1 for classification.
        input_fill: Replaced NaN before anything else, in the source's unit, shaped as ``input_offset``; None if missing
            values are not allowed.
        input_transform: ``"none"``, or ``"log1p"``: inputs are sign(x) log(1 + |x|), then scaled.
        target_transform: ``"none"``, or ``"log"``: targets are natural logarithms, then standardised.
    """

    dataset: str
    fingerprint: str
    task: str
    classes: int
    target_unit: str
    split_seed: int
    train_inputs: NDArray[np.float32]
    train_targets: NDArray[Any]
    validation_inputs: NDArray[np.float32]
    validation_targets: NDArray[Any]
    input_offset: NDArray[np.float32]
    input_scale: NDArray[np.float32]
    target_mean: float
    target_std: float
    input_fill: NDArray[np.float32] | None = None
    input_transform: str = NONE
    target_transform: str = NONE


@dataclass(frozen=True, eq=False)
class TestData:
    """The sealed test part, standardised with the training statistics of one split.

    Attributes:
        dataset: Name that the data was requested by.
        fingerprint: That of the development data, as in `TrialData`.
        test_fingerprint: Hash of the test part itself; the same for every split of the development data.
        task: ``"classification"`` or ``"regression"``.
        classes: Number of classes; 0 for regression.
        target_unit: Unit of ``target_mean`` and ``target_std``.
        split_seed: Seed of the split whose training statistics are used.
        inputs: float32 [n, *input_shape].
        targets: int64 [n], or float32 [n], transformed and standardised.
        target_mean: Mean of the transformed training targets; 0 for classification.
        target_std: Standard deviation of the transformed training targets; 1 for classification.
        target_transform: As in `TrialData`.
    """

    __test__ = False  # tells pytest that this is not a class of tests

    dataset: str
    fingerprint: str
    test_fingerprint: str
    task: str
    classes: int
    target_unit: str
    split_seed: int
    inputs: NDArray[np.float32]
    targets: NDArray[Any]
    target_mean: float
    target_std: float
    target_transform: str = NONE


def fingerprint(
    dataset: str | DatasetInfo, *, data_dir: Path, options: Mapping[str, object] = _NO_OPTIONS, download: bool = True
) -> str:
    """Hash the development data to 16 hex digits; test rows do not count.

    For a dataset that the user declared, this covers the rows and how they are read, but not the dataset's name, its
    path or the order of its rows.

    Raises:
        DatasetError: If the dataset or an option is unknown, or a file is missing or damaged.
    """
    info = _info(dataset)
    open_part = _open(info, data_dir=data_dir, options=options, download=download)
    return _part_fingerprint(info, open_part("development"))


def load_trial_data(
    dataset: str | DatasetInfo,
    preparation: Preparation = DEFAULT_PREPARATION,
    *,
    data_dir: Path,
    options: Mapping[str, object] = _NO_OPTIONS,
    download: bool = True,
) -> TrialData:
    """Load the training and validation parts, standardised with the statistics of the training part.

    Args:
        dataset: A built-in dataset, ``package.module:NAME``, or what `data_utils.describe` returned.
        preparation: The split, the scaling and the transforms.
        data_dir: Folder that holds ``USPS/``, ``MNIST/`` and ``house_prices/``.
        options: The dataset's options; `DatasetInfo` names them.
        download: Whether missing files may be downloaded into ``data_dir``.

    Raises:
        DatasetError: If a name, an option or a size is wrong, a file is missing or damaged, or a target has no
            logarithm.
    """
    info = _info(dataset)
    part = _open(info, data_dir=data_dir, options=options, download=download)("development")
    train, validation, scaling = _split(_parse("development", info, part), info, preparation)
    return TrialData(
        dataset=dataset if isinstance(dataset, str) else info.name,
        fingerprint=_part_fingerprint(info, part),
        task=info.task,
        classes=info.classes,
        target_unit=info.target_unit,
        split_seed=preparation.split_seed,
        train_inputs=_inputs(train, scaling),
        train_targets=_targets(train, scaling, task=info.task),
        validation_inputs=_inputs(validation, scaling),
        validation_targets=_targets(validation, scaling, task=info.task),
        input_offset=scaling.input_offset.astype(np.float32),
        input_scale=scaling.input_scale.astype(np.float32),
        target_mean=scaling.target_mean,
        target_std=scaling.target_std,
        input_fill=None if scaling.input_fill is None else scaling.input_fill.astype(np.float32),
        input_transform=preparation.input_transform,
        target_transform=preparation.target_transform,
    )


def load_test_data(
    dataset: str | DatasetInfo,
    preparation: Preparation = DEFAULT_PREPARATION,
    *,
    data_dir: Path,
    options: Mapping[str, object] = _NO_OPTIONS,
    download: bool = True,
) -> TestData:
    """Open the sealed test part, scaled exactly as the training data of ``preparation`` is.

    Arguments and errors are those of `load_trial_data`.
    """
    info = _info(dataset)
    open_part = _open(info, data_dir=data_dir, options=options, download=download)
    development = open_part("development")
    *_, scaling = _split(_parse("development", info, development), info, preparation)
    part = open_part("test")
    test = _parse("test", info, part)
    check_targets_transform(info, test.targets, part="test", target_transform=preparation.target_transform)
    return TestData(
        dataset=dataset if isinstance(dataset, str) else info.name,
        fingerprint=_part_fingerprint(info, development),
        test_fingerprint=_part_fingerprint(info, part),
        task=info.task,
        classes=info.classes,
        target_unit=info.target_unit,
        split_seed=preparation.split_seed,
        inputs=_inputs(test, scaling),
        targets=_targets(test, scaling, task=info.task),
        target_mean=scaling.target_mean,
        target_std=scaling.target_std,
        target_transform=preparation.target_transform,
    )


def _info(dataset: str | DatasetInfo) -> DatasetInfo:
    return dataset_info(dataset) if isinstance(dataset, str) else dataset


def _open(
    info: DatasetInfo, *, data_dir: Path, options: Mapping[str, object], download: bool
) -> Callable[[PartName], Part]:
    specs = {spec.name: spec for spec in info.option_specs}
    for option in options:
        if option not in (*info.reads, *specs):
            takes = ", ".join((*info.reads, *specs)) or "none"
            raise DatasetError(f"dataset {info.name!r} takes no option {shown(option)}: its options are {takes}")
    options = {**options, **{name: spec.check(options.get(name, spec.default)) for name, spec in specs.items()}}
    if info.declared is not None:
        from data_utils.opening import open_parts

        return open_parts(info, data_dir=Path(data_dir), options=options)
    module, _, function = info.loader.partition(":")
    opener = cast(OpenPart, getattr(import_module(module), function))
    return partial(opener, data_dir=Path(data_dir), options=options, download=download)


def _part_fingerprint(info: DatasetInfo, part: Part) -> str:
    digest = hashlib.sha256()
    name = info.name if info.declared is None else "declared"
    for chunk in (f"{_VERSION} {name} {part.version}".encode(), *part.content):
        digest.update(len(chunk).to_bytes(8, "little"))  # or other chunks could join to the same bytes
        digest.update(chunk)
    return digest.hexdigest()[:16]


def _parse(part: PartName, info: DatasetInfo, opened: Part) -> Rows:
    """Parse a part and check it against its `DatasetInfo`."""
    rows = opened.parse()
    count = info.development_rows if part == "development" else info.test_rows
    expected = ((count, *info.input_shape), (count,))
    found = (rows.inputs.shape, rows.targets.shape)
    if found != expected:
        raise DatasetError(
            f"{info.name}: the {part} part must have inputs {expected[0]} and targets {expected[1]}, "
            f"not {found[0]} and {found[1]}; correct its loader {info.loader} or its DatasetInfo"
        )
    missing = info.declared is not None and info.declared.fills_missing
    if not (_finite(rows.inputs, or_missing=missing) and np.isfinite(rows.targets).all()):
        raise DatasetError(f"{info.name}: the {part} part must contain finite numbers only; correct {info.loader}")
    if info.task == "classification" and not np.isin(rows.targets, np.arange(info.classes)).all():
        raise DatasetError(
            f"{info.name}: the targets of the {part} part must be whole numbers in 0 to {info.classes - 1}; "
            f"correct {info.loader}"
        )
    return rows


def _finite(values: NDArray[Any], *, or_missing: bool) -> bool:
    return bool((~np.isinf(values) if or_missing else np.isfinite(values)).all())


def _split(rows: Rows, info: DatasetInfo, preparation: Preparation) -> tuple[Rows, Rows, Scaling]:
    check_targets_transform(info, rows.targets, part="development", target_transform=preparation.target_transform)
    train, validation = _divided(rows, info, preparation)
    train_rows = take(rows, train)
    missing = info.declared.missing if info.declared is not None and info.declared.fills_missing else "error"
    scaling = fit(train_rows.inputs, train_rows.targets, preparation, task=info.task, missing=missing)
    if scaling.input_fill is not None and np.isnan(scaling.input_fill).any():
        place = int(np.isnan(scaling.input_fill.reshape(-1)).argmax())
        feature = info.features[place] if info.features else f"feature {place + 1}"
        raise DatasetError(
            f"{info.name}: {feature} has no value in the training part of split_seed {preparation.split_seed}, and "
            "nothing can be filled in; leave it out of the inputs"
        )
    return train_rows, take(rows, validation), scaling


def _divided(rows: Rows, info: DatasetInfo, preparation: Preparation) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Indices of the training and of the validation rows."""
    seed = preparation.split_seed
    if preparation.folds:
        drawn = partial(fold_split, rows=info.development_rows)
        if rows.groups is not None:
            drawn = partial(grouped_fold_split, groups=rows.groups)
        classes = rows.targets.astype(np.int64) if info.task == "classification" else None
        return drawn(folds=preparation.folds, fold=preparation.fold, split_seed=seed, classes=classes)
    held_out = info.validation_rows if preparation.validation_rows is None else preparation.validation_rows
    if rows.groups is not None:
        return grouped_split(groups=rows.groups, validation_rows=held_out, split_seed=seed)
    return development_split(rows=info.development_rows, validation_rows=held_out, split_seed=seed)


def _inputs(rows: Rows, scaling: Scaling) -> NDArray[np.float32]:
    return standardise(
        rows.inputs,
        mean=scaling.input_offset,
        std=scaling.input_scale,
        fill=scaling.input_fill,
        transform=INPUT_TRANSFORMS[scaling.input_transform],
    )


def _targets(rows: Rows, scaling: Scaling, *, task: str) -> NDArray[Any]:
    if task == "classification":
        return rows.targets.astype(np.int64)
    transform = TARGET_TRANSFORMS[scaling.target_transform]
    return standardise(rows.targets, mean=scaling.target_mean, std=scaling.target_std, transform=transform)
