"""Photographs in memory: decoded once, reduced once, and cut into patches on the device that trains."""

from __future__ import annotations

import stat
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from nlsr_cli.errors import ImageReadError, OptionError
from nlsr_cli.images import Pixels, crop_to_multiple, read_picture, reduce_bicubic, rgb8
from nlsr_cli.training.detail import Fields, fields_of
from nlsr_cli.training.recipe import Recipe
from nlsr_cli.upscaling.sources import mode_of

DECODERS = 4  # threads; decoding and reduction release the interpreter's lock

OnPhoto = Callable[[int, int], None]  # (photographs read, in all)


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


def load_pairs(paths: Sequence[Path], scale: int, *, least: int = 1, on_photo: OnPhoto | None = None) -> Loaded:
    """Read photographs as RGB and reduce them `scale` times; those under `least` reduced pixels on a side are not used.

    The high-resolution picture is cropped to a multiple of `scale`. Alpha is left out, 16 bits become 8.
    """

    def load(path: Path) -> Pair | ImageReadError | Path:
        mode = mode_of(path)
        if mode and not stat.S_ISREG(mode):  # a pipe that nobody writes to would be waited for, even at Ctrl-C
            return ImageReadError(path, "is not a regular file")
        try:
            hr = crop_to_multiple(rgb8(read_picture(path).color), scale)
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
        recipe: the choices `patch`, `focus`, `halves` and `seed`.

    Raises:
        OptionError: there is no photograph.
    """

    def __init__(self, pairs: Iterable[Pair], scale: int, recipe: Recipe, device: torch.device) -> None:
        pairs, patch = list(pairs), recipe.patch
        if not pairs:
            raise OptionError(
                f"no photograph has {patch * scale} pixels on its short side",
                "Give larger photographs or a smaller --patch.",
            )
        self.scale, self.patch, self.seed, self.device = scale, patch, recipe.seed, device
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
        self._fields = torch.stack([starts[photo], sizes[photo, 1], *_columns(fields)])  # start, width, top, left, ...
        weights = torch.from_numpy(np.concatenate([each.weights for each in fields]))
        if halves:
            weights[photo < whole] *= (1 - recipe.halves) / weights[photo < whole].sum()
            weights[photo >= whole] *= recipe.halves / weights[photo >= whole].sum()
        self._chance = weights.cumsum(0) / weights.sum()

    def draw(self, batch: int, step: int) -> tuple[Tensor, Tensor]:
        """Return (lr, hr) of step `step`: (b, 3, p, p) and (b, 3, s p, s p), float32 in [0, 1], channels last."""
        generator = torch.Generator().manual_seed(self.seed * 1_000_003 + step)
        luck = torch.rand(4, batch, generator=generator, dtype=torch.float64)
        chosen = torch.searchsorted(self._chance, luck[0]).clamp(max=len(self._chance) - 1)
        start, width, top, left, rows, columns = self._fields[:, chosen]
        top = top + (luck[1] * rows).long()
        left = left + (luck[2] * columns).long()
        turn = (luck[3] * 8).long()
        where = torch.stack([start, width, top, left, turn]).to(self.device, non_blocking=True)
        return self._gather(self._lr, where, 1), self._gather(self._hr, where, self.scale)

    def _gather(self, pixels: Tensor, where: Tensor, factor: int) -> Tensor:
        """Return patches (b, 3, side, side) of `pixels`, whose coordinates are `factor` times those of `where`."""
        start, width, top, left, turn = where.view(5, -1, 1, 1)  # (b, 1, 1) each
        side = self.patch * factor
        ramp = torch.arange(side, device=self.device)
        row, column = _turned(ramp.view(1, side, 1), ramp.view(1, 1, side), turn, side)  # (b, side, side)
        index = start * factor**2 + (top * factor + row) * (width * factor) + left * factor + column
        chosen = pixels.index_select(0, index.view(-1)).view(-1, side, side, 3)
        return (chosen.float() / 255).permute(0, 3, 1, 2)


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
