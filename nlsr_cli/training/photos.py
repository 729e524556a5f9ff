"""Photographs in memory: decoded once, reduced once, and cut into patches on the device that trains."""

from __future__ import annotations

import stat
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from math import lcm
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from nlsr_cli.batch.inputs import mode_of
from nlsr_cli.errors import ImageReadError, OptionError
from nlsr_cli.images import Pixels, crop_to_multiple, read_picture, reduce_bicubic, rgb8
from nlsr_cli.training.damage import Damage
from nlsr_cli.training.detail import Fields, fields_of
from nlsr_cli.training.pack import is_packed, read_packed
from nlsr_cli.training.recipe import Recipe

DECODERS = 4  # threads; decoding and reduction release the interpreter's lock

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
    if is_packed(path):
        return read_packed(path)
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


class PatchPool:
    """All photographs of a training set, resident on one device as uint8, from which random patches are drawn.

    Every orientation of the square (the eight of the dihedral group) is equally likely, and so is every position of
    every photograph where `focus` is 0; see `detail.py` for what it does otherwise. The share `halves` of the patches
    comes from the same photographs at half their size. Patches are gathered on the device, so that no loader can starve
    it; which ones depends on `seed` and the number of the step alone, so that a run that goes on draws what an unbroken
    one would have drawn.

    Args:
        pairs: photographs and reductions; each reduction has at least `recipe.patch` pixels on a side.
        scale: how many times larger the photographs are than their reductions.
        recipe: the choices `patch`, `focus`, `halves`, `seed`, and those of damage.

    Raises:
        OptionError: there is no photograph, or the description of the damage makes no sense.
    """

    def __init__(self, pairs: Iterable[Pair], scale: int, recipe: Recipe, device: torch.device) -> None:
        pairs, patch = list(pairs), recipe.patch
        if not pairs:
            raise OptionError(
                f"no photograph has {patch * scale} pixels on its short side",
                "Give larger photographs or a smaller --patch.",
            )
        self.scale, self.patch, self.seed, self.device = scale, patch, recipe.seed, device
        self._damage = Damage(recipe, scale) if recipe.degrade else None
        halves = halved(pairs, scale, patch) if recipe.halves else []
        whole = len(pairs)
        self.halves = len(halves)  # photographs that are used at half their size too
        pairs += halves
        self._hr = _joined([pair.hr for pair in pairs], device)  # (pixels of all photographs, 3)
        self._lr = _joined([pair.lr for pair in pairs], device)
        sizes = torch.tensor([pair.lr.shape[:2] for pair in pairs])  # (photographs, 2)
        areas = sizes.prod(dim=1)
        starts = areas.cumsum(0) - areas  # of each reduction in the joined rows; times s * s of each photograph
        fields = [fields_of(pair.hr, pair.lr, patch, recipe.focus) for pair in pairs]
        photo = torch.repeat_interleave(torch.arange(len(pairs)), torch.tensor([len(each.tops) for each in fields]))
        self._fields = torch.stack(
            [starts[photo], *sizes[photo].T, *_columns(fields)]
        )  # start, height, width, top, ...
        weights = torch.from_numpy(np.concatenate([each.weights for each in fields]))
        if halves:
            weights[photo < whole] *= (1 - recipe.halves) / weights[photo < whole].sum()
            weights[photo >= whole] *= recipe.halves / weights[photo >= whole].sum()
        self._chance = weights.cumsum(0) / weights.sum()

    def draw(self, batch: int, step: int) -> tuple[Tensor, Tensor, Tensor]:
        """Return (lr, hr, told) of step `step`.

        The first two are (b, 3, p, p) and (b, 3, s p, s p), float32 in [0, 1], channels last; `told` is what is told of
        their damage, (b, 2) from 0 to 1.
        """
        generator = torch.Generator().manual_seed(self.seed * 1_000_003 + step)
        luck = torch.rand(4, batch, generator=generator, dtype=torch.float64)
        chosen = torch.searchsorted(self._chance, luck[0]).clamp(max=len(self._chance) - 1)
        start, height, width, top, left, rows, columns = self._fields[:, chosen]
        top = top + (luck[1] * rows).long()
        left = left + (luck[2] * columns).long()
        turn = (luck[3] * 8).long()
        where = torch.stack([start, height, width, top, left, turn]).to(self.device, non_blocking=True)
        lr, hr = _levels(self._gather(self._lr, where, 1)), _levels(self._gather(self._hr, where, self.scale))
        if self._damage is None:
            return lr, hr, lr.new_zeros(batch, 2)
        lr, told = self._damage.apply(lr, self._gather(self._hr, where, self.scale, self._damage.margin), step)
        return lr, hr, told

    def _gather(self, pixels: Tensor, where: Tensor, factor: int, margin: int = 0) -> Tensor:
        """Return patches (b, side, side, 3) of `pixels`, whose coordinates are `factor` times those of `where`.

        A margin, in low-resolution pixels, is added on every side; beyond a photograph its border is repeated.
        """
        start, height, width, top, left, turn = where.view(6, -1, 1, 1)  # (b, 1, 1) each
        side, around = self.patch * factor, margin * factor
        ramp = torch.arange(-around, side + around, device=self.device)
        row, column = _turned(ramp.view(1, -1, 1), ramp.view(1, 1, -1), turn, side)  # (b, side, side)
        row, column = top * factor + row, left * factor + column
        if margin:
            row = torch.minimum(row.clamp_min(0), height * factor - 1)
            column = torch.minimum(column.clamp_min(0), width * factor - 1)
        index = start * factor**2 + row * (width * factor) + column
        return pixels.index_select(0, index.view(-1)).view(*index.shape, 3)


def _levels(pixels: Tensor) -> Tensor:
    """(b, h, w, 3) uint8 -> (b, 3, h, w) in [0, 1], channels last."""
    return (pixels.float() / 255).permute(0, 3, 1, 2)


def _turned(row: Tensor, column: Tensor, turn: Tensor, side: int) -> tuple[Tensor, Tensor]:
    """Return the coordinates that orientation `turn` (0 to 7) of a square takes its pixels from."""
    swapped, flipped, mirrored = (turn & 1).bool(), (turn & 2).bool(), (turn & 4).bool()
    row, column = torch.where(swapped, column, row), torch.where(swapped, row, column)
    return torch.where(flipped, side - 1 - row, row), torch.where(mirrored, side - 1 - column, column)


def _columns(fields: Sequence[Fields]) -> list[Tensor]:
    """Return tops, lefts, rows and columns of all fields, one after the other."""
    names = ("tops", "lefts", "rows", "columns")
    return [torch.from_numpy(np.concatenate([getattr(each, name) for each in fields])) for name in names]


def _joined(pictures: Sequence[Pixels], device: torch.device) -> Tensor:
    """Return the pixels of all pictures as one (n, 3) uint8 tensor, filled picture by picture to hold nothing twice."""
    counts = [picture.shape[0] * picture.shape[1] for picture in pictures]
    joined = np.empty((sum(counts), 3), np.uint8)
    row = 0
    for picture, count in zip(pictures, counts, strict=True):
        joined[row : row + count] = picture.reshape(count, 3)
        row += count
    return torch.from_numpy(joined).to(device)
