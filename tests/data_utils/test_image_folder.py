"""Image folders of the user's own."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from data_utils import DatasetError, DatasetInfo, Declaration, describe, fingerprint, load_test_data, load_trial_data


def described(place: Path, **keys: Any) -> DatasetInfo:
    return describe(Declaration.from_mapping("leaves", {"folder": "leaves", **keys}), folders=[place])


def write_images(folder: Path, *, rows: int = 15, size: tuple[int, int] = (6, 4), seed: int = 0) -> None:
    """Write PNG and JPEG files of height and width ``size``: dark oaks and light elms."""
    generator = np.random.default_rng(seed)
    for name, low in (("oak", 0), ("elm", 128)):
        (folder / name).mkdir(parents=True)
        for row in range(rows):
            pixels = generator.integers(low, low + 128, size=(*size, 3), dtype=np.uint8)
            suffix = ("png", "JPG", "bmp")[row % 3]
            Image.fromarray(pixels).save(folder / name / f"{row}.{suffix}")


def test_a_folder_becomes_images_and_classes(tmp_path: Path) -> None:
    write_images(tmp_path / "leaves")
    (tmp_path / "leaves" / "oak" / "notes.txt").write_text("no image")
    (tmp_path / "leaves" / ".cache").mkdir()
    info = described(tmp_path, label="Leaves")
    assert (info.input_shape, info.class_names, info.task) == ((3, 6, 4), ("elm", "oak"), "classification")
    assert info.development_rows + info.test_rows == 30
    data = load_trial_data(info, data_dir=tmp_path)
    assert data.input_offset.shape == (3, 1, 1)
    raw = data.train_inputs * data.input_scale + data.input_offset
    np.testing.assert_array_equal(raw.mean(axis=(1, 2, 3)) < 128, data.train_targets == 1)
    files = {tuple(np.array(Image.open(path)).transpose(2, 0, 1).ravel()) for path in tmp_path.rglob("*.png")}
    found = {tuple(row) for row in np.rint(raw).reshape(len(raw), -1).astype(int).tolist()}
    assert len(files & found) >= 3


def test_images_of_other_sizes_and_colours_are_made_alike(tmp_path: Path) -> None:
    write_images(tmp_path / "leaves")
    write_images(tmp_path / "test", rows=2, size=(9, 9), seed=1)
    Image.fromarray(np.full((8, 8), 30, dtype=np.uint8)).save(tmp_path / "leaves" / "oak" / "grey.png")
    Image.new("RGBA", (5, 5), (20, 20, 20, 9)).save(tmp_path / "leaves" / "oak" / "clear.png")
    palette = Image.new("P", (5, 5))
    palette.info["transparency"] = 0
    palette.save(tmp_path / "leaves" / "oak" / "palette.gif", transparency=0)
    with pytest.raises(DatasetError, match=r"leaves\.image_size: is needed, because the images differ in size .*6x4"):
        described(tmp_path)
    with pytest.raises(DatasetError, match=r"test part have the shape \[3, 9, 9\], all others|image_size: is needed"):
        described(tmp_path, test_folder="test")
    info = described(tmp_path, image_size=[5, 7], color="gray", test_folder="test")
    assert (info.input_shape, info.development_rows, info.test_rows) == ((1, 5, 7), 33, 4)
    assert load_trial_data(info, data_dir=tmp_path).train_inputs.shape[1:] == (1, 5, 7)
    assert load_test_data(info, data_dir=tmp_path).inputs.shape == (4, 1, 5, 7)
    color = described(tmp_path, image_size=[5, 7], test_folder="test")
    assert fingerprint(color, data_dir=tmp_path) != fingerprint(info, data_dir=tmp_path)


def test_a_photograph_is_turned_upright(tmp_path: Path) -> None:
    write_images(tmp_path / "leaves", size=(4, 4))
    image = Image.new("RGB", (8, 2))
    exif = image.getexif()
    exif[0x0112] = 6
    for path in (tmp_path / "leaves").rglob("*.*"):
        path.unlink()
    for row in range(20):
        Image.new("RGB", (2, 8), (row, 0, 0)).save(tmp_path / "leaves" / "elm" / f"{row}.png")
        Image.new("RGB", (8, 2), (row * 12, 0, 9)).save(tmp_path / "leaves" / "oak" / f"{row}.jpg", exif=exif)
    assert described(tmp_path).input_shape == (3, 8, 2)


def test_names_and_places_of_files_do_not_matter_and_equal_files_are_on_one_side(tmp_path: Path) -> None:
    write_images(tmp_path / "leaves")
    before = described(tmp_path)
    usual = fingerprint(before, data_dir=tmp_path)
    (tmp_path / "leaves" / "oak" / "more").mkdir()
    (tmp_path / "leaves" / "oak" / "3.png").rename(tmp_path / "leaves" / "oak" / "more" / "x.png")
    assert fingerprint(described(tmp_path), data_dir=tmp_path) == usual
    for path in list((tmp_path / "leaves").rglob("*.*")):
        path.with_name(f"twin_{path.name}").write_bytes(path.read_bytes())
    twins = described(tmp_path)
    assert (twins.development_rows, twins.test_rows) == (2 * before.development_rows, 2 * before.test_rows)
    with pytest.raises(DatasetError, match="its rows have changed since it was described"):
        load_trial_data(before, data_dir=tmp_path)


@pytest.mark.parametrize("content", [b"no image", b"\x89PNG\r\n\x1a\n" + b"\0" * 30, b""])
def test_a_torn_image_is_named(content: bytes, tmp_path: Path) -> None:
    write_images(tmp_path / "leaves")
    (tmp_path / "leaves" / "oak" / "0.png").write_bytes(content)
    with pytest.raises(DatasetError, match=r"oak/0\.png: it (cannot be read as an image|is empty)") as caught:
        described(tmp_path)
    assert "\n" not in str(caught.value)


def test_half_an_image_and_sixteen_bits_are_refused(tmp_path: Path) -> None:
    write_images(tmp_path / "leaves", size=(60, 60))
    file = tmp_path / "leaves" / "oak" / "1.JPG"
    file.write_bytes(file.read_bytes()[:700])
    with pytest.raises(DatasetError, match=r"1\.JPG: it cannot be read as an image \(.*truncated"):
        described(tmp_path)
    file.unlink()
    Image.fromarray(np.full((60, 60), 3000, dtype=np.uint16)).save(file.with_name("deep.png"))
    words = r"deep\.png: it cannot be read as an image \(its pixels must be 8-bit, not of mode I;16"
    with pytest.raises(DatasetError, match=words):
        described(tmp_path)


def test_a_folder_without_classes_or_images_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"leaves\.folder: found no folder .*/leaves; put it beside the study file"):
        described(tmp_path)
    (tmp_path / "leaves").mkdir()
    with pytest.raises(DatasetError, match="it has no sub-folders; put the images of each class in a sub-folder"):
        described(tmp_path)
    write_images(tmp_path / "more", rows=20)
    (tmp_path / "more" / "ash").mkdir()
    with pytest.raises(DatasetError, match=r"ash: it contains no images \("):
        described(tmp_path, folder="more")
    (tmp_path / "more" / "ash").rmdir()
    write_images(tmp_path / "test", rows=1)
    (tmp_path / "test" / "elm").rename(tmp_path / "test" / "yew")
    with pytest.raises(DatasetError, match=r"in row 2, the target \('yew'\) is a class that .*more does not have"):
        described(tmp_path, folder="more", test_folder="test")
