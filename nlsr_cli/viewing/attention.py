"""Pictures of what a pixel looks at: weights as heat over the picture, buckets as colours, partners as crops."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from nlsr_cli.images import Metadata, Picture, Pixels
from nlsr_cli.images.estimation import luma_of
from nlsr_cli.upscaling.looking import LayerLook, Look
from nlsr_cli.viewing.lettering import PAPER, Lettering

if TYPE_CHECKING:
    from torch import Tensor

SIDE = 768  # pixels of a map, at least, unless the tile has more than half as many: its pixels are repeated
CROP, CROP_ZOOM = 24, 6  # pixels of the picture on a side of a crop, and how often each is repeated
_HEAT = np.array([255, 106, 0], np.float32)
_MARK, _FRAME = (255, 255, 255), (0, 0, 0)
_OUTSIDE, _REACHED = 0.5, 1.0  # of the light of what is not compared, and of what is
_GOLDEN = 0.61803398875  # hues that follow each other in steps of it stay apart
_GAP, _LETTERS = 12, 15


@dataclass(frozen=True, eq=False)
class Partner:
    """A position among those that count most: its place in the picture, weight, cosine, and what is seen around it."""

    row: int
    column: int
    weight: float
    similarity: float
    crop: Pixels
    is_itself: bool

    @property
    def said(self) -> str:
        """Return where it is, and how much it counts."""
        where = "itself" if self.is_itself else f"{self.column},{self.row}"
        return f"{where}: {100 * self.weight:.1f} %, {self.similarity:.2f}"


@dataclass(frozen=True, eq=False)
class Round:
    """One hash round of a layer: the share of the weights that it has, and two maps of the tile, (h, w, 3) uint8."""

    share: float
    bucket: int
    heat: Pixels
    buckets: Pixels


@dataclass(frozen=True, eq=False)
class Drawn:
    """A layer: its rounds, its strongest partners, and what is seen around the pixel itself."""

    layer: LayerLook
    rounds: tuple[Round, ...]
    partners: tuple[Partner, ...]
    own: Pixels


def drawn(found: Look, pixels: Pixels) -> Iterator[Drawn]:
    """Yield what each layer does, drawn on the picture's pixels, (h, w, 3) uint8."""
    tile = found.tile
    seen = pixels[tile.top : tile.top + tile.height, tile.left : tile.left + tile.width]
    for layer in found.layers:
        yield Drawn(
            layer, tuple(_rounds(layer, seen)), tuple(_partners(found, layer, pixels)), _crop(pixels, found.pixel)
        )


def _rounds(layer: LayerLook, seen: Pixels) -> Iterator[Round]:
    heat, reached, codes = layer.map.heat(), layer.map.reached(), layer.map.codes
    most = float(heat.max())
    row, column = layer.map.position
    for weights, near, code in zip(heat, reached, codes, strict=True):
        maps = (
            _heat_map(seen, _on_pixels(weights / most, layer.cell, seen), _on_pixels(near, layer.cell, seen)),
            _bucket_map(seen, _on_pixels(code, layer.cell, seen)),
        )
        marked = [_marked(each, row * layer.cell, column * layer.cell, layer.cell) for each in maps]
        yield Round(float(weights.sum()), int(code[row, column]), *marked)


def _on_pixels(values: Tensor, cell: int, seen: Pixels) -> npt.NDArray[Any]:
    """Return the values of cells, (rows, columns), for each pixel of the tile; those beyond it mirror others."""
    spread = np.kron(values.float().cpu().numpy(), np.ones((cell, cell), np.float32))
    return spread[: seen.shape[0], : seen.shape[1]]


def _heat_map(seen: Pixels, heat: npt.NDArray[Any], reached: npt.NDArray[Any]) -> Pixels:
    """Return the picture in grey, dark where nothing is compared, with the heat of the weights over it.

    The heat is the square root of the weight: a hundredth of the largest one is still seen.
    """
    light = np.where(reached > 0, _REACHED, _OUTSIDE).astype(np.float32)
    grey = (luma_of(seen) * light)[:, :, None]
    strength = np.sqrt(heat)[:, :, None].astype(np.float32)
    mixed: Pixels = (grey * (1 - strength) + _HEAT * strength).round().astype(np.uint8)
    return mixed


def _bucket_map(seen: Pixels, code: npt.NDArray[Any]) -> Pixels:
    """Return the picture tinted by the bucket of each position: what is of one colour hashes alike."""
    hues = (code * _GOLDEN) % 1.0
    sectors = (hues[:, :, None] * 6 + np.array([5, 3, 1])) % 6  # as HSV is turned into RGB, at full saturation
    colour = 1 - np.clip(np.minimum(sectors, 4 - sectors), 0, 1)
    light = 0.3 + 0.7 * luma_of(seen)[:, :, None] / 255
    tinted: Pixels = (255 * colour * light).round().astype(np.uint8)
    return tinted


def _marked(tile: Pixels, row: int, column: int, cell: int) -> Pixels:
    """Return a map with each pixel repeated until it is large enough, and a frame around the position that looks."""
    zoom = max(1, SIDE // max(tile.shape[:2]))
    made = tile.repeat(zoom, axis=0).repeat(zoom, axis=1)
    for width, colour in ((4, _FRAME), (2, _MARK)):
        top, left = max(0, row * zoom - width), max(0, column * zoom - width)
        bottom, right = (row + cell) * zoom + width, (column + cell) * zoom + width
        made[top : row * zoom, left:right] = colour
        made[(row + cell) * zoom : bottom, left:right] = colour
        made[top:bottom, left : column * zoom] = colour
        made[top:bottom, (column + cell) * zoom : right] = colour
    return made


def _partners(found: Look, layer: LayerLook, pixels: Pixels) -> Iterator[Partner]:
    own = [place // layer.cell for place in (found.pixel[0] - found.tile.top, found.pixel[1] - found.tile.left)]
    for row, column, weight, similarity in layer.partners(found.tile):
        at = [(row - found.tile.top) // layer.cell, (column - found.tile.left) // layer.cell]
        yield Partner(row, column, weight, similarity, _crop(pixels, (row, column)), at == own)


def _crop(pixels: Pixels, at: tuple[int, int]) -> Pixels:
    """Return what is seen around a pixel, larger; the border of the picture goes on beyond it."""
    index = [
        np.clip(np.arange(place - CROP // 2, place - CROP // 2 + CROP), 0, side - 1)
        for place, side in zip(at, pixels.shape[:2], strict=True)
    ]
    crop: Pixels = pixels[index[0][:, None], index[1]]
    return crop.repeat(CROP_ZOOM, axis=0).repeat(CROP_ZOOM, axis=1)


def plate(layers: Sequence[Drawn]) -> Picture:
    """Return everything on one picture: for each layer its maps, round by round, and its partners below."""
    letters = Lettering(_LETTERS)
    rows: list[Pixels] = []
    for number, each in enumerate(layers, 1):
        for turn, one in enumerate(each.rounds, 1):
            name = f"layer {number}, round {turn}"
            heat = _with_caption(letters, one.heat, f"{name}: weights, {100 * one.share:.0f} % of all")
            buckets = _with_caption(letters, one.buckets, f"{name}: buckets of {each.layer.map.buckets}")
            rows.append(_beside([heat, buckets]))
        crops = [_with_caption(letters, each.own, "the pixel")]
        crops += [
            _with_caption(letters, one.crop, f"{100 * one.weight:.1f} %, {one.similarity:.2f}") for one in each.partners
        ]
        rows.append(_beside(crops))
    width = max(row.shape[1] for row in rows)
    padded = [np.pad(row, ((0, _GAP), (0, width - row.shape[1]), (0, 0)), constant_values=PAPER[0]) for row in rows]
    return Picture(
        np.pad(np.concatenate(padded), ((_GAP, 0), (0, 0), (0, 0)), constant_values=PAPER[0]),
        None,
        Metadata("PNG", "RGB"),
    )


def _with_caption(letters: Lettering, pixels: Pixels, text: str) -> Pixels:
    return np.concatenate([pixels, letters.draw(text, pixels.shape[1], _FRAME)[0]])


def _beside(parts: Sequence[Pixels]) -> Pixels:
    """Return pictures in a row, with a gap before each and after the last."""
    high = max(part.shape[0] for part in parts)
    padded = [np.pad(part, ((0, high - part.shape[0]), (_GAP, 0), (0, 0)), constant_values=PAPER[0]) for part in parts]
    return np.pad(np.concatenate(padded, axis=1), ((0, 0), (0, _GAP), (0, 0)), constant_values=PAPER[0])
