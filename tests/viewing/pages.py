"""Pages for the tests of this folder: a photograph, enlarged by Lanczos' kernel, and what came of it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from nlsr_cli.images import resize_bicubic
from tests.conftest import ASSETS

SIZE, SCALE = (60, 80), 4  # (height, width) of the source


def save_pair(folder: Path, source: str = "photo.png", result: str = "photo_x4.png") -> tuple[Path, Path]:
    """Write a source and an enlargement of it into a folder."""
    with Image.open(ASSETS / "tower.jpg") as image:
        before = image.convert("RGB").resize(SIZE[::-1])
    before.save(folder / source)
    before.resize((SIZE[1] * SCALE, SIZE[0] * SCALE), Image.Resampling.LANCZOS).save(folder / result)
    return folder / source, folder / result


def array_of(path: Path) -> npt.NDArray[np.uint8]:
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB"))


def interpolated(source: Path, result: Path) -> npt.NDArray[np.uint8]:
    """Return what the page shows as bicubic."""
    height, width = array_of(result).shape[:2]
    return resize_bicubic(array_of(source), height, width)
