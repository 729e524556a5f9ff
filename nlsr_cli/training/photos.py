"""Photographs in memory: decoded once, reduced once, and cut into patches on the device that trains."""

from __future__ import annotations

import stat
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from math import lcm
from pathlib import Path

from nlsr_cli.batch.inputs import mode_of
from nlsr_cli.errors import ImageReadError
from nlsr_cli.images import Pixels, crop_to_multiple, read_picture, reduce_bicubic, rgb8

DECODERS = 4  # threads: more of them wait for the interpreter's lock

OnPhoto = Callable[[int, int], None]  # (photographs read, in all)
ReadPhotograph = Callable[[Path], Pixels]


@dataclass(frozen=True)
class Pair:
    """A photograph, (s h, s w, 3) uint8, and its bicubic reduction, (h, w, 3) uint8."""

    hr: Pixels
    lr: Pixels


@dataclass
class Loaded:
    """What reading a set of photographs gave: the pairs, and each file that was passed over with its reason."""

    pairs: list[Pair] = field(default_factory=list)
    names: list[str] = field(default_factory=list)
    unreadable: list[ImageReadError] = field(default_factory=list)
    small: list[Path] = field(default_factory=list)


def read_photograph(path: Path) -> Pixels:
    """Read a photograph, (h, w, 3) uint8: alpha is left out, 16 bits become 8.

    Raises:
        ImageReadError: it cannot be read.
    """
    mode = mode_of(path)
    if mode and not stat.S_ISREG(mode):  # a pipe that nobody writes to would be waited for, even at Ctrl-C
        raise ImageReadError(path, "is not a regular file")
    return rgb8(read_picture(path).color)


class Album:
    """Photographs of several runs, read once: as long as `keep` is set, what was read stays in memory for the next."""

    def __init__(self) -> None:
        self.keep = False
        self._kept: dict[Path, Pixels] = {}

    def read(self, path: Path) -> Pixels:
        """Do what `read_photograph` does. What comes back is not to be changed."""
        known = self._kept.get(path) if self.keep else self._kept.pop(path, None)
        pixels = read_photograph(path) if known is None else known
        if self.keep:
            self._kept[path] = pixels
        return pixels


def load_pairs(
    paths: Sequence[Path],
    scale: int,
    *,
    multiple: int = 1,
    least: int = 1,
    on_photo: OnPhoto | None = None,
    read: ReadPhotograph = read_photograph,
) -> Loaded:
    """Read photographs as RGB and reduce them `scale` times; those under `least` reduced pixels on a side are not used.

    The high-resolution picture is cropped to a multiple of `scale` and of `multiple`.
    """
    multiple = lcm(scale, multiple)

    def load(path: Path) -> Pair | ImageReadError | Path:
        try:
            hr = crop_to_multiple(read(path), multiple)
        except ImageReadError as error:
            return error
        if min(hr.shape[:2]) < least * scale:
            return path
        return Pair(hr, reduce_bicubic(hr, scale))

    loaded = Loaded()
    with ThreadPoolExecutor(DECODERS) as pool:
        try:
            for done, (path, result) in enumerate(zip(paths, pool.map(load, paths), strict=True), start=1):
                if isinstance(result, Pair):
                    loaded.pairs.append(result)
                    loaded.names.append(path.name)
                elif isinstance(result, ImageReadError):
                    loaded.unreadable.append(result)
                else:
                    loaded.small.append(result)
                if on_photo is not None:
                    on_photo(done, len(paths))
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)  # Ctrl-C must not wait for the rest of the photographs
            raise
    return loaded


def reduced(pairs: Sequence[Pair], scale: int) -> list[Pair]:
    """Return photographs, of multiples of `scale` on a side, with other reductions."""
    with ThreadPoolExecutor(DECODERS) as pool:
        return list(pool.map(lambda pair: Pair(pair.hr, reduce_bicubic(pair.hr, scale)), pairs))


def halved(pairs: Iterable[Pair], scale: int, least: int) -> list[Pair]:
    """Return photographs at half their size, but for those that would have under `least` reduced pixels on a side.

    Cameras interpolate colours and files are compressed: at half the size a photograph is as sharp as pixels allow.
    """

    def halve(pair: Pair) -> Pair | None:
        if min(pair.hr.shape[:2]) < 2 * least * scale:
            return None
        hr = reduce_bicubic(crop_to_multiple(pair.hr, 2 * scale), 2)
        return Pair(hr, reduce_bicubic(hr, scale))

    with ThreadPoolExecutor(DECODERS) as pool:
        return [half for half in pool.map(halve, pairs) if half is not None]
