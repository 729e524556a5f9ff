"""A contact sheet: all pictures of a folder, small, on one picture, each with its name and size below."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from nlsr_cli import scratch
from nlsr_cli.batch.inputs import Sources, find_sources, nothing_found
from nlsr_cli.deepzoom import SUFFIX
from nlsr_cli.errors import ImageError, OptionError
from nlsr_cli.images import Metadata, Picture, Pixels, resize_bicubic
from nlsr_cli.isolation.decoder import Decoder
from nlsr_cli.options import DEFAULT_MAX_PIXELS, OutputOptions, SheetOptions
from nlsr_cli.viewing.lettering import PAPER, Lettering
from nlsr_cli.viewing.shown import read_shown

Step = Callable[[int, Path], None]

_INK, _SOFT, _EMPTY = (0, 0, 0), (110, 110, 110), 236
_UNREADABLE = "cannot be read"


@dataclass(frozen=True, eq=False)
class Sheet:
    """A contact sheet, and the pictures of which it shows only the names, each with the reason.

    `strange` counts names with letters that no font here has, which are drawn as question marks.
    """

    picture: Picture
    shown: int
    failed: tuple[ImageError, ...] = ()
    strange: int = 0


def find_pictures(folder: Path, *, recursive: bool) -> tuple[list[Path], Sources]:
    """Return the pictures of a folder in order, enlarged ones beside their sources too, and what was found.

    Raises:
        OptionError: it is no folder, or holds no pictures.
    """
    if not folder.is_dir():
        reason = "is not a folder" if folder.exists() else "does not exist"
        raise OptionError(f"{folder}: {reason}", "Name a folder, for example: nlsr sheet holiday")
    found = find_sources([folder], OutputOptions(recursive=recursive))
    earlier = [path for path in found.passed.earlier if path.suffix.lower() != SUFFIX]
    found.passed.earlier = [path for path in found.passed.earlier if path not in earlier]
    paths = sorted({*(path for path, _ in found.files), *earlier})
    if not paths:
        raise nothing_found(found)
    return paths, found


def make_sheet(
    decoder: Decoder, paths: Sequence[Path], folder: Path, options: SheetOptions, *, max_pixels: int, on_step: Step
) -> Sheet:
    """Draw pictures of a folder on a sheet.

    Args:
        decoder: reads them.
        paths: at least one.
        folder: names are as seen from there.
        options: how many stand in a row, and how large they are.
        max_pixels: refuse pictures with more.
        on_step: told the number of each, from 0 on, before it is read.

    Raises:
        OptionError: the sheet would be too large.
    """
    columns = options.columns or math.ceil(math.sqrt(len(paths)))
    columns = min(columns, len(paths))
    grid = _Grid(options.size, columns, math.ceil(len(paths) / columns))
    failed, strange = [], 0
    for number, path in enumerate(paths):
        on_step(number, path)
        try:
            shown = read_shown(decoder, path, max_pixels)
            below = f"{shown.size[1]} x {shown.size[0]}"
            grid.place(number, shown.pixels)
        except ImageError as error:
            failed.append(error)
            grid.leave(number)
            below = _UNREADABLE
        strange += grid.write(number, path.relative_to(folder).as_posix(), below)
    picture = Picture(grid.pixels, None, Metadata("PNG", "RGB"))
    return Sheet(picture, len(paths) - len(failed), tuple(failed), strange)


class _Grid:
    """The paper with its cells, `size` pixels on a side, in rows of `columns`.

    Raises:
        OptionError: it would have too many pixels.
    """

    def __init__(self, size: int, columns: int, rows: int) -> None:
        self._letters = Lettering(max(10, min(18, size // 14)))
        self._gap = max(8, size // 16)
        self._size, self._columns = size, columns
        self._pitch = size + self._gap, size + self._gap + 3 * self._letters.line  # across, down
        height, width = rows * self._pitch[1] + self._gap, columns * self._pitch[0] + self._gap
        if height * width > DEFAULT_MAX_PIXELS:
            raise OptionError(
                f"a sheet of {width}×{height} pixels is too large", "Choose a smaller --size, or a smaller folder."
            )
        self.pixels: Pixels = scratch.empty((height, width, 3), np.uint8)
        self.pixels[:] = PAPER

    def place(self, number: int, pixels: Pixels) -> None:
        """Put a picture, (h, w, 3) uint8, into a cell: reduced until it fits, and never enlarged."""
        height, width = pixels.shape[:2]
        share = min(1.0, self._size / max(height, width))
        small = resize_bicubic(pixels, max(1, round(height * share)), max(1, round(width * share)))
        top, left = self._corner(number)
        top += self._size - small.shape[0]  # all stand on one line, above their names
        left += (self._size - small.shape[1]) // 2
        self.pixels[top : top + small.shape[0], left : left + small.shape[1]] = small

    def leave(self, number: int) -> None:
        """Leave a cell without its picture."""
        top, left = self._corner(number)
        self.pixels[top : top + self._size, left : left + self._size] = _EMPTY

    def write(self, number: int, name: str, below: str) -> bool:
        """Write two lines under a cell, and tell whether letters of the name are missing."""
        top, left = self._corner(number)
        top += self._size + self._letters.line // 4
        lines, missing = zip(
            *(self._letters.draw(text, self._size, ink) for text, ink in ((name, _INK), (below, _SOFT))), strict=True
        )
        both = np.concatenate(lines)
        self.pixels[top : top + len(both), left : left + self._size] = both
        return bool(missing[0])

    def _corner(self, number: int) -> tuple[int, int]:
        row, column = divmod(number, self._columns)
        return self._gap + row * self._pitch[1], self._gap + column * self._pitch[0]
