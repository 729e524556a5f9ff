"""Pictures of any number of colours as GIF frames: at most 255 colours each, and nothing that flickers.

Colours come from a histogram by Pillow's median cut, refined by k-means, and are dithered by Floyd and Steinberg, which
keeps the mean colour of any small area. Dithering is not stable: a changed pixel changes the pattern below it. So a
pixel that has hardly moved since it was drawn is held, and not drawn again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image

from nlsr_cli.images.picture import Pixels

COLORS = 255  # and one number for transparency
HELD = 2  # levels by which a pixel may differ from the one that was drawn; quantising changes more
COUNTED = 1 << 16  # pixels that are counted to find the frequent colours
SAMPLE = 1 << 18  # pixels from which one palette for many frames is made

# A palette is made from a histogram: with the fewest bits a channel that fill `CELLS` cells, and `ENTRIES` for all
# pixels together, but one for each cell at least. So rare colours count for more than they are, and the palette reaches
# to where dithering needs it.
BITS, CELLS, ENTRIES = (5, 6, 7), 3 << 10, 1 << 15
# k-means ends once a round moves no more than this share of the entries from one colour to another: until none moves,
# it takes several times as long for a mean squared error that is 1 % less.
SETTLED = 0.0005

Shot = tuple[Pixels, Pixels | None]  # (h, w, 3) RGB, and where it is visible, (h, w) bool: None for everywhere


@dataclass(frozen=True)
class Indexed:
    """Part of a canvas as numbers (h, w) into a palette (n, 3), n at most 255. The number n is transparent."""

    top: int
    left: int
    numbers: npt.NDArray[np.uint8]
    palette: npt.NDArray[np.uint8]
    clear: bool  # the canvas is cleared behind it
    exact: bool  # no colour was replaced


def indexed(shots: Callable[[], Iterable[Shot]]) -> Iterator[Indexed]:
    """Yield each shot as a frame to lay over the ones before; `shots` gives them anew each time it is called."""
    if any(visible is not None for _, visible in shots()):
        return _whole_frames(shots)
    return _changes(shots())


def _changes(shots: Iterable[Shot]) -> Iterator[Indexed]:
    """Yield of opaque shots what changes, with a palette for each."""
    drawn: Pixels | None = None
    for color, _ in shots:
        exact = _few(color.reshape(-1, 3)) is not None
        if drawn is None:
            changed, drawn = np.ones(color.shape[:2], bool), color.copy()
        else:
            changed = _moved(color, drawn, 0 if exact else HELD)
            drawn[changed] = color[changed]
        top, left, height, width = bounds(changed)
        box = slice(top, top + height), slice(left, left + width)
        palette, kept = _palette(color[changed]) if changed.any() else (np.zeros((1, 3), np.uint8), True)
        numbers = _numbers(color[box], palette, exact=kept)
        numbers[~changed[box]] = len(palette)
        yield Indexed(top, left, numbers, palette, clear=False, exact=kept)


def _whole_frames(shots: Callable[[], Iterable[Shot]]) -> Iterator[Indexed]:
    """Yield shots of which some are transparent: a GIF cannot take a pixel away, so every frame begins with nothing.
    One palette for all lets pixels be held.
    """
    palette, exact = _shared_palette(shots)
    drawn: Pixels | None = None
    numbers: npt.NDArray[np.uint8] | None = None
    for color, visible in shots():
        fresh = _numbers(color, palette, exact=exact)
        if visible is not None:
            fresh[~visible] = len(palette)
        if drawn is None or numbers is None:
            drawn, numbers = color.copy(), fresh
        else:
            changed = _moved(color, drawn, 0 if exact else HELD)
            changed |= (fresh == len(palette)) | (numbers == len(palette))
            drawn[changed] = color[changed]
            numbers = np.where(changed, fresh, numbers)
        yield Indexed(0, 0, numbers, palette, clear=True, exact=exact)


def _moved(color: Pixels, drawn: Pixels, tolerance: int) -> Pixels:
    far = np.maximum(color, drawn) - np.minimum(color, drawn) > tolerance
    return np.asarray(far[..., 0] | far[..., 1] | far[..., 2])  # `any` over an axis this short is slow


def bounds(changed: Pixels) -> tuple[int, int, int, int]:
    """Return (top, left, height, width) of the area that holds all true values; of one pixel where there are none."""
    rows, columns = np.flatnonzero(changed.any(axis=1)), np.flatnonzero(changed.any(axis=0))
    if not len(rows):
        return 0, 0, 1, 1
    return int(rows[0]), int(columns[0]), int(rows[-1] - rows[0]) + 1, int(columns[-1] - columns[0]) + 1


def _packed(colors: Pixels) -> npt.NDArray[np.uint32]:
    wide = colors.astype(np.uint32)
    return np.asarray(wide[..., 0] << 16 | wide[..., 1] << 8 | wide[..., 2], np.uint32)


def _unpacked(packed: npt.NDArray[np.uint32]) -> npt.NDArray[np.uint8]:
    return np.stack([packed >> 16, packed >> 8 & 255, packed & 255], axis=-1).astype(np.uint8)


def _few(colors: Pixels) -> npt.NDArray[np.uint32] | None:
    """Return the different ones of (n, 3) colours, packed and in order, or None if they are too many for a palette."""
    if len(np.unique(_packed(colors[:4096]))) > COLORS:  # which is so of nearly every picture, and quickly seen
        return None
    found = np.unique(_packed(colors))
    return found if len(found) <= COLORS else None


def _palette(colors: Pixels) -> tuple[npt.NDArray[np.uint8], bool]:
    """Return the palette of (n, 3) colours, and whether it holds each of them."""
    few = _few(colors)
    if few is not None:
        return _unpacked(few), True
    return _median_cut(colors), False


def _median_cut(colors: Pixels) -> npt.NDArray[np.uint8]:
    entries = _entries(colors)
    line = Image.frombytes("RGB", (len(entries), 1), entries.tobytes())
    settled = max(1, int(SETTLED * len(entries)))
    reduced = line.quantize(COLORS, Image.Quantize.MEDIANCUT, kmeans=settled, dither=Image.Dither.NONE)
    palette = np.asarray(reduced.getpalette("RGB"), np.uint8)[: 3 * COLORS].reshape(-1, 3).copy()
    return _with_frequent(palette, colors)


def _with_frequent(palette: npt.NDArray[np.uint8], colors: Pixels) -> npt.NDArray[np.uint8]:
    """Move entries of a palette onto colours that many of the (n, 3) pixels have exactly.

    A white background is white then, and not the mean of it and what surrounds a letter.
    """
    found, counts = np.unique(_packed(colors[:: max(1, len(colors) // COUNTED)]), return_counts=True)
    rising = np.argsort(counts, kind="stable")
    for color in _unpacked(found[rising][counts[rising] * COLORS > counts.sum()]):
        away = np.square(np.subtract(palette, color, dtype=np.int32)).sum(axis=1)
        palette[away.argmin()] = color  # the most frequent one comes last, and stays
    return palette


def _entries(colors: Pixels) -> npt.NDArray[np.uint8]:
    """Return a histogram of (n, 3) colours: the mean colour of each filled cell, repeated by how many are in it."""
    channels = [np.ascontiguousarray(colors[:, channel]) for channel in range(3)]
    for bits in BITS:
        red, green, blue = (channel.astype(np.intp) >> (8 - bits) for channel in channels)
        cells = (red << bits | green) << bits | blue
        counts = np.bincount(cells)
        filled = np.flatnonzero(counts)
        if len(filled) >= CELLS:
            break
    counts = counts[filled]
    sums = np.stack([np.bincount(cells, channel)[filled] for channel in channels], axis=-1)
    means = np.rint(sums / counts[:, None]).astype(np.uint8)
    repeats = np.maximum(1, np.rint(counts * (ENTRIES / len(colors))).astype(np.intp))
    return np.repeat(means, repeats, axis=0)


def _shared_palette(shots: Callable[[], Iterable[Shot]]) -> tuple[npt.NDArray[np.uint8], bool]:
    """Return one palette for what is visible in all shots, and whether it holds every colour."""
    together: npt.NDArray[np.uint32] | None = np.zeros(0, np.uint32)
    samples = []
    count = sum(1 for _ in shots())
    for color, visible in shots():
        seen = color.reshape(-1, 3) if visible is None else color[visible]
        few = None if together is None else _few(seen)
        together = None if few is None or together is None else np.union1d(together, few)
        together = None if together is None or len(together) > COLORS else together
        samples.append(seen[:: max(1, len(seen) * count // SAMPLE)])
    if together is not None:
        return _unpacked(together if len(together) else np.zeros(1, np.uint32)), True
    return _median_cut(np.concatenate(samples)), False


def _numbers(color: Pixels, palette: npt.NDArray[np.uint8], *, exact: bool) -> npt.NDArray[np.uint8]:
    """Return the numbers (h, w) of colours (h, w, 3): where the palette has them, and dithered elsewhere."""
    order = np.argsort(_packed(palette), kind="stable")
    known, wanted = _packed(palette)[order], _packed(color)
    places = np.minimum(np.searchsorted(known, wanted), len(palette) - 1)
    if exact:  # colours that the palette lacks are not seen
        return order[places].astype(np.uint8)
    table = Image.new("P", (1, 1))
    filled = np.concatenate([palette, np.repeat(palette[:1], 256 - len(palette), axis=0)])
    table.putpalette(filled.tobytes())
    height, width, _ = color.shape
    image = Image.frombytes("RGB", (width, height), np.ascontiguousarray(color).tobytes())
    numbers = np.array(image.quantize(palette=table, dither=Image.Dither.FLOYDSTEINBERG), np.uint8)
    numbers[numbers >= len(palette)] = 0
    # The library looks colours up by six bits a channel: of those that it has, too, it gives one that is near.
    return np.where(known[places] == wanted, order[places].astype(np.uint8), numbers)
