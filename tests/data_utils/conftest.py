"""Synthetic files of the right shape, and a network that is really not there."""

import bz2
import csv
import socket
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

USPS_ROWS = {"usps.bz2": 7291, "usps.t.bz2": 2007}


@pytest.fixture(scope="session")
def usps_text() -> Callable[..., bytes]:
    """Return a function that writes random rows as libsvm text: label, then 256 of index:value."""

    def text(*, rows: int, seed: int = 0) -> bytes:
        generator = np.random.default_rng(seed)
        values = generator.integers(-1000, 1001, size=(rows, 256)) / 1000
        labels = np.arange(rows) % 10 + 1
        return "".join(
            f"{label} " + " ".join(f"{place}:{value:g}" for place, value in enumerate(row, start=1)) + " \n"
            for label, row in zip(labels, values.tolist(), strict=True)
        ).encode()

    return text


@pytest.fixture(scope="session")
def usps_rows(usps_text: Callable[..., bytes]) -> tuple[bytes, bytes]:
    """Return the rows of a synthetic USPS development file: the first as text, the others compressed.

    bzip2 texts that follow each other are one.
    """
    first, rest = usps_text(rows=USPS_ROWS["usps.bz2"]).split(b"\n", maxsplit=1)
    return first + b"\n", bz2.compress(rest, compresslevel=1)


@pytest.fixture
def usps_folder(tmp_path: Path, usps_rows: tuple[bytes, bytes]) -> Path:
    """Return a data folder that holds the synthetic USPS development file and no test file."""
    first, rest = usps_rows
    (tmp_path / "USPS").mkdir()
    (tmp_path / "USPS" / "usps.bz2").write_bytes(bz2.compress(first) + rest)
    return tmp_path


@pytest.fixture
def mnist_folder(tmp_path: Path) -> Path:
    """Return a data folder that holds synthetic MNIST development files and no test files."""
    folder = tmp_path / "MNIST" / "raw"
    folder.mkdir(parents=True)
    generator = np.random.default_rng(0)
    header = np.array([0x0803, 60_000, 28, 28], dtype=">i4").tobytes()
    (folder / "train-images-idx3-ubyte").write_bytes(header + generator.bytes(60_000 * 784))
    labels = (np.arange(60_000) % 10).astype(np.uint8).tobytes()
    (folder / "train-labels-idx1-ubyte").write_bytes(np.array([0x0801, 60_000], dtype=">i4").tobytes() + labels)
    return tmp_path


@pytest.fixture(scope="session")
def house_rows() -> list[dict[str, object]]:
    """Return 1460 rows of a table like the house-price one, with columns that nobody reads."""
    generator = np.random.default_rng(0)
    return [
        {
            "Id": row + 1,
            "Alley": "NA" if row % 3 else "Grvl",
            "OverallQual": int(generator.integers(1, 11)),
            "YearBuilt": int(generator.integers(1872, 2011)),
            "TotalBsmtSF": int(generator.integers(0, 3000)),
            "GrLivArea": int(generator.integers(300, 5000)),
            "SalePrice": int(generator.integers(34_900, 755_001)),
        }
        for row in range(1460)
    ]


@pytest.fixture
def write_houses(tmp_path: Path) -> Callable[[list[dict[str, object]]], Path]:
    """Return a function that writes rows as the CSV of a data folder, which it returns."""

    def write(rows: list[dict[str, object]]) -> Path:
        (tmp_path / "house_prices").mkdir(exist_ok=True)
        with (tmp_path / "house_prices" / "train.csv").open("w", newline="") as file:
            writer = csv.DictWriter(file, fieldnames=list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)
        return tmp_path

    return write


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Send all traffic to a loopback port that nobody listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
    for variable in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(variable, f"http://127.0.0.1:{port}")
    # urllib keeps the opener that it made first, with the proxies of that moment.
    monkeypatch.setattr("urllib.request._opener", None)
    for variable in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(variable, raising=False)
