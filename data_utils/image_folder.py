"""Image folders: one sub-folder per class, with image files in it at any depth."""

import io
import warnings
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from data_utils.columns import Column
from data_utils.declared import Declaration
from data_utils.errors import DatasetError, one_line
from data_utils.sealing import row_digests
from data_utils.sources import Source, Sources, read_bytes, unusable

_SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".bmp", ".gif", ".tif", ".tiff", ".webp", ".ppm", ".pgm"})


def read_images(declaration: Declaration, found: tuple[Path, ...]) -> Sources:
    """Read the image files in ``found[0]``; those of the test part in ``found[1]``, if there is one, on demand.

    All files are read here; they are decoded to uint8 [m, channels, height, width] when inputs are requested.

    Raises:
        DatasetError: If there is no sub-folder, one has no images, or a file cannot be read.
    """
    main = _source(declaration, found[0])
    return Sources(main, (lambda: _source(declaration, found[1])) if len(found) > 1 else None)


def _source(declaration: Declaration, folder: Path) -> Source:
    name = declaration.name
    classes = sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith("."))
    if not classes:
        raise unusable(
            name, folder, "it has no sub-folders; put the images of each class in a sub-folder named after the class"
        )
    paths: list[Path] = []
    texts: dict[int, str] = {}
    for place in classes:
        images = sorted(path for path in place.rglob("*") if path.suffix.lower() in _SUFFIXES and path.is_file())
        images = [path for path in images if not path.name.startswith(".")]
        if not images:
            raise unusable(
                name, place, f"it contains no images ({', '.join(sorted(_SUFFIXES))}); add some, or remove the folder"
            )
        texts.update(dict.fromkeys(range(len(paths), len(paths) + len(images)), place.name))
        paths += images
    files = [read_bytes(name, path) for path in paths]

    def inputs(rows: NDArray[np.intp]) -> NDArray[np.uint8]:
        images = [_decode(declaration, paths[row], files[row]) for row in rows.tolist()]
        for row, image in zip(rows.tolist(), images, strict=True):
            if image.shape != images[0].shape:
                sizes = [f"{height}x{width}" for height, width in (images[0].shape[1:], image.shape[1:])]
                raise DatasetError(
                    f"datasets.{name}.image_size: is needed, because the images differ in size ({paths[rows[0]]} is "
                    f"{sizes[0]} and {paths[row]} {sizes[1]}); write [height, width]"
                )
        return np.stack(images)

    return Source(
        where=str(folder),
        digests=row_digests(files),
        targets=Column(np.full(len(files), np.nan), texts),
        plain_classes=True,
        inputs=inputs,
        features=(),
        layout=("images", declaration.color, *declaration.image_size),
    )


def _decode(declaration: Declaration, path: Path, content: bytes) -> NDArray[np.uint8]:
    """Decode to [channels, height, width], in the declared size and color, rotated as its metadata says."""
    from PIL import Image, ImageOps

    try:
        with warnings.catch_warnings(), Image.open(io.BytesIO(content)) as file:
            warnings.simplefilter("ignore")  # about odd metadata, which is not used
            image = ImageOps.exif_transpose(file)
            if image.mode.startswith(("I", "F")):
                raise ValueError(f"its pixels must be 8-bit, not of mode {image.mode}")
            if "transparency" in image.info:
                image = image.convert("RGBA")
            image = image.convert("L" if declaration.color == "gray" else "RGB")
            if declaration.image_size:
                height, width = declaration.image_size
                image = image.resize((width, height), Image.Resampling.BILINEAR)
            pixels = np.asarray(image, dtype=np.uint8)
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        what = f"it cannot be read as an image ({one_line(error)}); replace or remove it"
        raise unusable(declaration.name, path, what) from error
    return np.array(pixels[None] if pixels.ndim == 2 else pixels.transpose(2, 0, 1))
