"""MNIST: 28x28 grey digits, in the four IDX files that `torchvision.datasets.MNIST` downloads."""

from collections.abc import Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from data_utils.files import damaged_file, read_file
from data_utils.parts import Part, PartName, Rows

_VERSION = 1
_FILES: dict[PartName, tuple[str, int]] = {"development": ("train", 60_000), "test": ("t10k", 10_000)}
# An IDX file of bytes starts with 0x0800 plus the number of dimensions.
_IDX_BYTES = 0x0800


def open_part(part: PartName, *, data_dir: Path, options: Mapping[str, object], download: bool) -> Part:
    """Read the images and labels of ``MNIST/raw/train-*`` (development) or ``t10k-*`` (test), never both."""
    prefix, rows = _FILES[part]
    folder = data_dir / "MNIST" / "raw"
    paths = (folder / f"{prefix}-images-idx3-ubyte", folder / f"{prefix}-labels-idx1-ubyte")
    images, labels = (
        read_file(path, dataset="mnist", data_dir=data_dir, download=download, fetch=_fetch) for path in paths
    )
    return Part(_VERSION, (images, labels), partial(_parse, images, labels, paths=paths, rows=rows))


def _parse(images: bytes, labels: bytes, *, paths: tuple[Path, Path], rows: int) -> Rows:
    inputs = _idx_array(images, path=paths[0], shape=(rows, 28, 28))
    targets = _idx_array(labels, path=paths[1], shape=(rows,))
    if targets.max() > 9:
        raise damaged_file("mnist", paths[1], f"labels in 0 to 9 expected, {targets.max()} found")
    return Rows(inputs=inputs[:, None], targets=targets)


def _idx_array(content: bytes, *, path: Path, shape: tuple[int, ...]) -> NDArray[Any]:
    header_bytes = 4 * (1 + len(shape))
    if len(content) < header_bytes:
        raise damaged_file("mnist", path, f"a header of {header_bytes} bytes expected, {len(content)} bytes found")
    magic, *found = np.frombuffer(content[:header_bytes], dtype=">i4").tolist()
    if magic != _IDX_BYTES + len(shape) or tuple(found[1:]) != shape[1:]:
        raise damaged_file("mnist", path, f"an IDX file of bytes in the shape {shape} expected")
    row_bytes = int(np.prod(shape[1:]))
    whole_rows, rest = divmod(len(content) - header_bytes, row_bytes)
    if found[0] != shape[0] or whole_rows != shape[0] or rest:
        raise damaged_file(
            "mnist",
            path,
            f"{shape[0]} rows expected, a header of {found[0]} rows and {whole_rows} whole rows found",
        )
    return np.frombuffer(content, dtype=np.uint8, offset=header_bytes).reshape(shape)


def _fetch(folder: Path) -> Iterable[Path]:
    from torchvision.datasets import MNIST

    MNIST(root=folder, download=True)
    return sorted((folder / "MNIST" / "raw").glob("*-ubyte"))
