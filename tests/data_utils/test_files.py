"""Files that are missing, torn, or another's: USPS, MNIST and the house prices."""

import bz2
import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from data_utils import DatasetError, fingerprint, load_test_data, load_trial_data
from data_utils.files import read_file

Houses = list[dict[str, object]]
MISSING = {
    "usps": "usps.bz2 in {folder}/USPS",
    "mnist": "train-images-idx3-ubyte in {folder}/MNIST/raw",
    "house_prices": "train.csv in {folder}/house_prices",
}


@pytest.mark.parametrize("name", MISSING)
@pytest.mark.parametrize("load", [fingerprint, load_trial_data, load_test_data])
def test_a_missing_file_is_named_with_its_folder_and_the_way_out(
    name: str, load: Callable[..., object], tmp_path: Path
) -> None:
    with pytest.raises(DatasetError) as caught:
        load(name, data_dir=tmp_path, download=False)
    message = str(caught.value)
    assert f"found no file {MISSING[name].format(folder=tmp_path)}, and downloading is off" in message
    assert "--data-dir or ABLATUNE_DATA_DIR" in message
    assert "\n" not in message
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", MISSING)
@pytest.mark.usefixtures("no_network")
def test_a_file_that_cannot_be_fetched_is_named_too(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    with pytest.raises(DatasetError) as caught:
        load_trial_data(name, data_dir=tmp_path)
    message = str(caught.value)
    assert f"found no file {MISSING[name].format(folder=tmp_path)}, and downloading it failed (" in message
    assert "--data-dir or ABLATUNE_DATA_DIR" in message
    assert "\n" not in message
    assert caught.value.__cause__ is not None
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


@pytest.mark.usefixtures("no_network")
def test_a_folder_that_is_there_needs_no_network_and_no_test_file(usps_folder: Path, mnist_folder: Path) -> None:
    assert load_trial_data("usps", data_dir=usps_folder).train_inputs.shape == (6000, 1, 16, 16)
    assert load_trial_data("mnist", data_dir=mnist_folder).train_inputs.shape == (50_000, 1, 28, 28)
    with pytest.raises(DatasetError, match=r"found no file usps\.t\.bz2 in"):
        load_test_data("usps", data_dir=usps_folder, download=False)
    with pytest.raises(DatasetError, match="found no file t10k-images-idx3-ubyte in"):
        load_test_data("mnist", data_dir=mnist_folder, download=False)


def test_usps_has_the_pixels_of_torchvision(usps_folder: Path, usps_text: Callable[..., bytes]) -> None:
    from torchvision.datasets import USPS

    (usps_folder / "USPS" / "usps.t.bz2").write_bytes(bz2.compress(usps_text(rows=2007, seed=1), compresslevel=1))
    theirs = USPS(usps_folder / "USPS", train=False)
    ours, trial = (load("usps", data_dir=usps_folder) for load in (load_test_data, load_trial_data))
    pixels = np.rint(ours.inputs * trial.input_scale + trial.input_offset).astype(int)
    np.testing.assert_array_equal(pixels[:, 0], theirs.data)
    np.testing.assert_array_equal(ours.targets, theirs.targets)


def test_mnist_has_the_pixels_of_torchvision(mnist_folder: Path) -> None:
    from torchvision.datasets.mnist import read_image_file, read_label_file

    folder = mnist_folder / "MNIST" / "raw"
    theirs = read_image_file(folder / "train-images-idx3-ubyte").numpy()
    ours = load_trial_data("mnist", data_dir=mnist_folder)
    assert ours.input_offset.item() == pytest.approx(theirs.mean(), abs=0.1)
    labels = np.concatenate([ours.train_targets, ours.validation_targets])
    theirs_labels = read_label_file(folder / "train-labels-idx1-ubyte").numpy()
    assert np.array_equal(np.bincount(labels), np.bincount(theirs_labels))


def _replaced(text: bytes, old: bytes, new: bytes) -> bytes:
    assert old in text
    return text.replace(old, new, 1)


@pytest.mark.parametrize(
    ("tear", "message"),
    [
        (lambda first, rest: (bz2.compress(first) + rest)[:-1000], "not an intact bzip2 text"),
        (lambda first, rest: b"<html>not found</html>", "not an intact bzip2 text"),
        (lambda first, rest: b"", "7291 rows expected, 0 found"),
        (lambda first, rest: rest, "7291 rows expected, 7290 found"),
        (lambda first, rest: bz2.compress(_replaced(first, b" 256:", b" ")) + rest, "rows of 256 numbers expected"),
        (lambda first, rest: bz2.compress(_replaced(first, b" 7:", b" 8:")) + rest, "pixels 1 to 256 expected"),
        (lambda first, rest: bz2.compress(_replaced(first, b" 7:", b" 7:nan 7:")) + rest, "rows of 256 numbers"),
        (lambda first, rest: bz2.compress(b"11" + first[1:]) + rest, "labels in 1 to 10 and pixels in -1 to 1"),
        (lambda first, rest: bz2.compress(b"nan" + first[1:]) + rest, "labels in 1 to 10 and pixels in -1 to 1"),
        (lambda first, rest: bz2.compress(b"one" + first[1:]) + rest, "rows of 256 numbers expected"),
        (lambda first, rest: bz2.compress(b"\xff" + first) + rest, "not an intact bzip2 text"),
    ],
)
def test_a_torn_usps_file_is_named_with_the_rule(
    tear: Callable[[bytes, bytes], bytes], message: str, usps_folder: Path, usps_rows: tuple[bytes, bytes]
) -> None:
    file = usps_folder / "USPS" / "usps.bz2"
    file.write_bytes(tear(*usps_rows))
    with pytest.raises(DatasetError, match=message) as caught:
        load_trial_data("usps", data_dir=usps_folder)
    assert str(file) in str(caught.value)
    assert "replace the file" in str(caught.value)


def _with_pixel(value: bytes, first: bytes, rest: bytes) -> bytes:
    fields = first.split(b" ")
    fields[256] = b"256:" + value
    return bz2.compress(b" ".join(fields)) + rest


@pytest.mark.parametrize("value", [b"nan", b"inf", b"1.5"])
def test_a_usps_pixel_out_of_bounds_is_refused(value: bytes, usps_folder: Path, usps_rows: tuple[bytes, bytes]) -> None:
    (usps_folder / "USPS" / "usps.bz2").write_bytes(_with_pixel(value, *usps_rows))
    with pytest.raises(DatasetError, match="pixels in -1 to 1 expected"):
        load_trial_data("usps", data_dir=usps_folder)


def test_a_whole_usps_file_with_other_bytes_is_accepted_and_told_apart(
    usps_folder: Path, usps_rows: tuple[bytes, bytes]
) -> None:
    before = fingerprint("usps", data_dir=usps_folder)
    (usps_folder / "USPS" / "usps.t.bz2").write_bytes(b"anything")
    assert fingerprint("usps", data_dir=usps_folder) == before
    (usps_folder / "USPS" / "usps.bz2").write_bytes(_with_pixel(b"0.25", *usps_rows))
    data = load_trial_data("usps", data_dir=usps_folder)
    assert data.fingerprint == fingerprint("usps", data_dir=usps_folder) != before


@pytest.mark.parametrize(
    ("name", "tear", "message"),
    [
        ("images", lambda content: content[:-1], "60000 rows expected, a header of 60000 rows and 59999 whole rows"),
        ("images", lambda content: content + b"\0", "60000 rows expected"),
        ("images", lambda content: content[:5], "16 bytes of header expected, 5 bytes found|a header of 16"),
        ("images", lambda content: b"\x1f\x8b" + content[2:], "an IDX file of bytes in the shape"),
        ("labels", lambda content: content[:-10], "a header of 60000 rows and 59990 whole rows"),
        ("labels", lambda content: content[:6] + b"\0\1" + content[8:], "a header of 1 rows|a header of [0-9]+ rows"),
        ("labels", lambda content: content[:-1] + b"\x0a", "labels in 0 to 9 expected, 10 found"),
        ("labels", lambda content: b"", "0 bytes found"),
    ],
)
def test_a_torn_mnist_file_is_named_with_the_rule(
    name: str, tear: Callable[[bytes], bytes], message: str, mnist_folder: Path
) -> None:
    (file,) = (mnist_folder / "MNIST" / "raw").glob(f"train-{name}-*")
    file.write_bytes(tear(file.read_bytes()))
    with pytest.raises(DatasetError, match=message) as caught:
        load_trial_data("mnist", data_dir=mnist_folder)
    assert str(file) in str(caught.value)


def test_other_mnist_labels_change_the_fingerprint(mnist_folder: Path) -> None:
    before = fingerprint("mnist", data_dir=mnist_folder)
    file = mnist_folder / "MNIST" / "raw" / "train-labels-idx1-ubyte"
    content = file.read_bytes()
    file.write_bytes(content[:-2] + content[:-3:-1])
    assert load_trial_data("mnist", data_dir=mnist_folder).fingerprint != before


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda rows: rows[:-1], "1460 rows expected, 1459 found"),
        (lambda rows: [{**row, "GrLivArea": "nan"} for row in rows], "GrLivArea of row 1 must be a number, not 'nan'"),
        (
            lambda rows: [*rows[:-1], {**rows[-1], "SalePrice": "NA"}],
            "SalePrice of row 1460 must be a number, not 'NA'",
        ),
        (lambda rows: [*rows[:-1], {**rows[-1], "SalePrice": ""}], "SalePrice of row 1460 must be a number"),
        (
            lambda rows: [{k: v for k, v in row.items() if k not in {"YearBuilt", "SalePrice"}} for row in rows],
            "the columns YearBuilt, SalePrice are missing",
        ),
    ],
)
def test_a_wrong_house_price_table_is_named_with_the_rule(
    change: Callable[[Houses], Houses],
    message: str,
    house_rows: Houses,
    write_houses: Callable[[Houses], Path],
) -> None:
    folder = write_houses(change(house_rows))
    with pytest.raises(DatasetError, match=message) as caught:
        fingerprint("house_prices", data_dir=folder)
    assert str(folder / "house_prices" / "train.csv") in str(caught.value)


@pytest.mark.parametrize(
    ("keep", "message"),
    [(-8, "SalePrice of row 1460"), (0, "1460 rows expected, 0 found"), (20_000, "must be a number|rows")],
)
def test_a_cut_house_price_table_is_refused(
    keep: int, message: str, house_rows: Houses, write_houses: Callable[[Houses], Path]
) -> None:
    folder = write_houses(house_rows)
    file = folder / "house_prices" / "train.csv"
    file.write_bytes(file.read_bytes()[:keep])
    with pytest.raises(DatasetError, match=message):
        load_trial_data("house_prices", data_dir=folder)


def test_bytes_that_are_no_text_are_refused(tmp_path: Path) -> None:
    (tmp_path / "house_prices").mkdir()
    (tmp_path / "house_prices" / "train.csv").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(DatasetError, match=r"train\.csv: it is not a CSV text"):
        fingerprint("house_prices", data_dir=tmp_path)


def test_the_fingerprint_of_prices_is_that_of_the_columns_that_are_read(
    house_rows: Houses, write_houses: Callable[[Houses], Path]
) -> None:
    before = fingerprint("house_prices", data_dir=write_houses(house_rows))
    rewritten = [
        {"SalePrice": f"{row['SalePrice']}.0", **{k: v for k, v in row.items() if k not in {"Id", "SalePrice"}}}
        for row in house_rows
    ]
    assert fingerprint("house_prices", data_dir=write_houses(rewritten)) == before
    folder = write_houses([{**row, "SalePrice": 1} for row in house_rows])
    assert fingerprint("house_prices", data_dir=folder) != before
    np.testing.assert_array_equal(load_trial_data("house_prices", data_dir=folder).train_targets, 0)


def test_a_folder_in_the_place_of_a_file_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "house_prices" / "train.csv").mkdir(parents=True)
    with pytest.raises(DatasetError, match=r"train\.csv: it cannot be read \(Is a directory\)"):
        fingerprint("house_prices", data_dir=tmp_path)


def test_loaders_at_once_see_a_whole_file_or_none(tmp_path: Path) -> None:
    path = tmp_path / "set" / "file"
    together = threading.Barrier(4)

    def fetch(folder: Path) -> list[Path]:
        assert not list(folder.iterdir())
        with (folder / "file").open("wb") as file:
            file.write(b"half")
            file.flush()
            together.wait(timeout=10)
            file.write(b" and half")
        return [folder / "file"]

    def read(_: int) -> bytes:
        return read_file(path, dataset="d", data_dir=tmp_path, download=True, fetch=fetch)

    with ThreadPoolExecutor(4) as pool:
        assert set(pool.map(read, range(4))) == {b"half and half"}
    assert os.listdir(path.parent) == ["file"]


def test_fetching_leaves_the_files_that_are_there(tmp_path: Path) -> None:
    (tmp_path / "mine").write_bytes(b"mine")

    def fetch(folder: Path) -> list[Path]:
        for name in ("mine", "new"):
            (folder / name).write_bytes(b"theirs")
        return [folder / "mine", folder / "new"]

    content = read_file(tmp_path / "new", dataset="d", data_dir=tmp_path, download=True, fetch=fetch)
    assert (content, (tmp_path / "mine").read_bytes()) == (b"theirs", b"mine")
