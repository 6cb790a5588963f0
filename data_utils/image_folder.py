"""Image folders: one sub-folder per class, whatever lies between it and the image files."""

import io
import warnings
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from data_utils.columns import Column
from data_utils.declared import Declaration
from data_utils.errors import DatasetError
from data_utils.sealing import row_digests
from data_utils.sources import Source, Sources, read_bytes, unusable

_SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".bmp", ".gif", ".tif", ".tiff", ".webp", ".ppm", ".pgm"})


def read_images(declaration: Declaration, found: tuple[Path, ...]) -> Sources:
    """Read the image files in ``found[0]``; the test part's in ``found[1]``, if there is one, when asked for.

    Files are read at once and decoded when their inputs are asked for: uint8 [m, channels, height, width].

    Raises:
        DatasetError: If there is no sub-folder, one holds no image, or a file cannot be read.
    """
    main = _source(declaration, found[0])
    return Sources(main, (lambda: _source(declaration, found[1])) if len(found) > 1 else None)


def _source(declaration: Declaration, folder: Path) -> Source:
    name = declaration.name
    classes = sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith("."))
    if not classes:
        raise unusable(name, folder, "it has no sub-folder; put the images of each class into one of its name")
    paths: list[Path] = []
    texts: dict[int, str] = {}
    for place in classes:
        images = sorted(path for path in place.rglob("*") if path.suffix.lower() in _SUFFIXES and path.is_file())
        images = [path for path in images if not path.name.startswith(".")]
        if not images:
            raise unusable(name, place, f"it holds no image ({', '.join(sorted(_SUFFIXES))}); remove it or fill it")
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
    """Return [channels, height, width] as the declaration wants it, upright as the camera was held."""
    from PIL import Image, ImageOps

    try:
        with warnings.catch_warnings(), Image.open(io.BytesIO(content)) as file:
            warnings.simplefilter("ignore")  # of odd metadata, which is not read
            image = ImageOps.exif_transpose(file)
            if image.mode.startswith(("I", "F")):
                raise ValueError(f"its pixels are no 8-bit ones, but of mode {image.mode}")
            if "transparency" in image.info:
                image = image.convert("RGBA")
            image = image.convert("L" if declaration.color == "gray" else "RGB")
            if declaration.image_size:
                height, width = declaration.image_size
                image = image.resize((width, height), Image.Resampling.BILINEAR)
            pixels = np.asarray(image, dtype=np.uint8)
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        what = f"it is no image that can be read ({' '.join(str(error).split())}); replace or remove it"
        raise unusable(declaration.name, path, what) from error
    return np.array(pixels[None] if pixels.ndim == 2 else pixels.transpose(2, 0, 1))
