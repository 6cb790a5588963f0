"""USPS: 16x16 grey digits, in the two libsvm files that `torchvision.datasets.USPS` downloads.

The files are parsed here, to the same 8-bit pixels as in torchvision, so reading them does not need torch.
"""

import bz2
from collections.abc import Iterable, Mapping
from functools import partial
from pathlib import Path

import numpy as np

from data_utils.files import damaged_file, read_file
from data_utils.parts import Part, PartName, Rows

_VERSION = 1
_PIXELS = 256
_FILES: dict[PartName, tuple[str, int]] = {"development": ("usps.bz2", 7291), "test": ("usps.t.bz2", 2007)}


def open_part(part: PartName, *, data_dir: Path, options: Mapping[str, object], download: bool) -> Part:
    """Read ``USPS/usps.bz2`` (development) or ``USPS/usps.t.bz2`` (test), never both."""
    name, rows = _FILES[part]
    path = data_dir / "USPS" / name
    content = read_file(path, dataset="usps", data_dir=data_dir, download=download, fetch=partial(_fetch, part=part))
    return Part(_VERSION, (content,), partial(_parse, content, path=path, rows=rows))


def _parse(content: bytes, *, path: Path, rows: int) -> Rows:
    """Parse lines of ``label 1:value … 256:value``; labels in 1 to 10, values in -1 to 1."""
    try:
        lines = bz2.decompress(content).decode("ascii").replace(":", " ").splitlines()
    except (OSError, ValueError, EOFError) as error:
        raise damaged_file("usps", path, f"it is not an intact bzip2 text ({error})") from error
    if len(lines) != rows:
        raise damaged_file("usps", path, f"{rows} rows expected, {len(lines)} found")
    try:
        table = np.loadtxt(lines, dtype=np.float32, comments=None, ndmin=2)
    except ValueError as error:
        raise damaged_file("usps", path, f"rows of {_PIXELS} numbers expected ({error})") from error
    labels, places, values = table[:, 0], table[:, 1::2], table[:, 2::2]
    if values.shape[1] != _PIXELS or not np.array_equal(
        places, np.broadcast_to(np.arange(1, _PIXELS + 1), places.shape)
    ):
        raise damaged_file("usps", path, f"pixels 1 to {_PIXELS} expected in each row")
    if not (np.isin(labels, np.arange(1, 11)).all() and (np.abs(values) <= 1).all()):
        raise damaged_file("usps", path, "labels in 1 to 10 and pixels in -1 to 1 expected, others found")
    pixels = ((values + 1) / 2 * 255).astype(np.uint8)
    return Rows(inputs=pixels.reshape(-1, 1, 16, 16), targets=labels.astype(np.int64) - 1)


def _fetch(folder: Path, *, part: PartName) -> Iterable[Path]:
    from torchvision.datasets import USPS

    USPS(root=folder, train=part == "development", download=True)
    return [folder / _FILES[part][0]]
