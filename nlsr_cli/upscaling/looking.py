"""What a pixel of a picture looks at: the attention layers of the network that enlarges it, asked in its own tile.

The tile, the damage that the network is told, the precision and the hashing are those of `nlsr upscale`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch

from nlsr_cli.errors import OptionError
from nlsr_cli.upscaling.tiles import Tile

if TYPE_CHECKING:
    from torch import Tensor

    from nlsr_cli.images import Picture
    from nlsr_cli.nlsn import NLSN
    from nlsr_cli.nlsn.attention import NonLocalSparseAttention
    from nlsr_cli.nlsn.attention_map import AttentionMap
    from nlsr_cli.upscaling.enlarger import Enlarger

LITTLE = 0.25  # levels of 255, in the mean: what differs by less is the same picture to any eye
STRONGEST = 8  # partners that are named
_LEAST = 1e-12  # for a division by the length of what may be zero


@dataclass(frozen=True, eq=False)
class LayerLook:
    """What a layer does: `map` is what the pixel attends to, `cell` the side of a position in pixels, and `share` the
    length of what positions get of others, as a part of the length of what they were given, in the whole tile.
    """

    map: AttentionMap
    cell: int
    share: float

    def partners(self, tile: Tile) -> Iterator[tuple[int, int, float, float]]:
        """Yield what counts most: the row and the column in the picture, the weight, and the similarity of each."""
        for row, column, weight, similarity in self.map.strongest(STRONGEST):
            down, across = (
                _inside(place * self.cell, side) for place, side in ((row, tile.height), (column, tile.width))
            )
            yield tile.top + down, tile.left + across, weight, similarity


@dataclass(frozen=True, eq=False)
class Look:
    """What a pixel looks at.

    `pixel` is its (row, column) in the picture, and `tile` the box of the picture in which it can look around. `mean`,
    `most` and `here` are by how many levels of 255 the enlarged tile would differ if each position attended to nothing
    but itself: in the mean, at most, and in the mean of what becomes of the pixel.
    """

    pixel: tuple[int, int]
    tile: Tile
    tiles: int
    scale: int
    layers: tuple[LayerLook, ...]
    mean: float
    most: float
    here: float
    precision: str
    told: tuple[float, ...]

    @property
    def contributes_little(self) -> bool:
        """Tell whether the tile would look the same if no position got anything of others."""
        return self.mean < LITTLE

    def summary(self) -> Iterator[str]:
        """Yield sentences that say how much the attention contributes."""
        yield f"Looking at other places contributes {'little' if self.contributes_little else 'visibly'} to this tile."
        yield (
            f"If each position looked only at itself, the enlarged tile would differ by {self.mean:.2f} levels of 255 "
            f"on average and by {self.most:.0f} at most, and what becomes of this pixel by {self.here:.2f}."
        )
        for number, layer in enumerate(self.layers, 1):
            yield f"Layer {number} changes features by {100 * layer.share:.1f} % of their length for it."

    def as_json(self) -> dict[str, Any]:
        """Return everything but the maps as plain values."""
        tile = self.tile
        return {
            "at": {"x": self.pixel[1], "y": self.pixel[0]},
            "scale": self.scale,
            "precision": self.precision,
            "told": list(self.told),
            "tile": {"left": tile.left, "top": tile.top, "width": tile.width, "height": tile.height},
            "tiles": self.tiles,
            "if_alone": {"mean": self.mean, "most": self.most, "here": self.here},
            "layers": [_layer_as_json(layer, tile) for layer in self.layers],
        }


def _layer_as_json(layer: LayerLook, tile: Tile) -> dict[str, Any]:
    row, column = layer.map.position
    heat = layer.map.heat()
    return {
        "cell": layer.cell,
        "share": layer.share,
        "buckets": layer.map.buckets,
        "rounds": [
            {"bucket": int(codes[row, column]), "weight": float(weights.sum())}
            for codes, weights in zip(layer.map.codes, heat, strict=True)
        ],
        "partners": [
            {"x": column, "y": row, "weight": weight, "similarity": similarity}
            for row, column, weight, similarity in layer.partners(tile)
        ],
    }


def look(enlarger: Enlarger, picture: Picture, pixel: tuple[int, int]) -> Look:
    """Return what a pixel looks at when a picture is enlarged.

    Args:
        enlarger: enlarges it; where it takes several networks one after the other, the first is asked.
        picture: the picture.
        pixel: its row and its column, from 0 on.

    Raises:
        OptionError: the picture has no such pixel, no network has a part in it, or the network has no attention.
        OutOfMemory: the tile does not fit.
    """
    height, width = picture.height, picture.width
    if not (0 <= pixel[0] < height and 0 <= pixel[1] < width):
        raise OptionError(
            f"--at {pixel[1]},{pixel[0]} lies outside the picture",
            f"It has {width}×{height} pixels: X goes from 0 to {width - 1}, and Y from 0 to {height - 1}.",
        )
    given = enlarger.first_given(picture)
    if given is None:
        raise OptionError("no network enlarges this picture", "Choose a --scale of at least 2.")
    pixels, work, placement = given
    tile, lr = work.stage.tile_around(pixels, work.plan, pixel)
    model, told = work.stage.network(), work.told
    row, column = pixel[0] - tile.top, pixel[1] - tile.left
    with placement.context():
        batch = torch.tensor(lr[None]).permute(0, 3, 1, 2).to(placement.device)
        layers, with_others, alone = _passes(model, batch, told, (row, column))
    differ = (with_others - alone).abs().amax(dim=0) * 255  # (s h, s w)
    s = work.scale
    here = differ[s * row : s * (row + 1), s * column : s * (column + 1)]
    return Look(
        pixel, tile, len(work.plan), s, layers,
        mean=float(differ.mean()), most=float(differ.max()), here=float(here.mean()),
        precision=placement.precision, told=told,
    )  # fmt: skip


def _passes(
    model: NLSN, lr: Tensor, told: tuple[float, ...], pixel: tuple[int, int]
) -> tuple[tuple[LayerLook, ...], Tensor, Tensor]:
    """Return what the layers do, and (3, s h, s w) in [0, 1] with what other positions contribute and without it.

    Raises:
        OptionError: there are no such layers.
    """
    degradation = lr.new_tensor([told]) if told else None
    looks: list[LayerLook] = []
    asked: list[NonLocalSparseAttention] = []

    def on_attention(layer: NonLocalSparseAttention, x: Tensor) -> None:
        asked.append(layer)
        with_others = layer(x)
        layer.alone = True
        others = (with_others - layer(x)).float()
        layer.alone = False
        share = float(others.norm() / x.float().norm().clamp_min(_LEAST))
        looks.append(LayerLook(layer.attention_map(x, *pixel), layer.cell, share))

    with_others = model(lr, degradation=degradation, on_attention=on_attention)[0].float().clamp(0, 1)
    if not asked:
        raise OptionError("this model has no attention layers", "Those of the family lite have: --model lite")
    try:
        for layer in asked:
            layer.alone = True
        alone = model(lr, degradation=degradation)[0].float().clamp(0, 1)
    finally:
        for layer in asked:
            layer.alone = False
    return tuple(looks), with_others, alone


def _inside(place: int, side: int) -> int:
    """Return where a place comes from in a tile of a side, which is mirrored until it has enough positions."""
    period = max(2 * (side - 1), 1)
    return min(place % period, period - place % period) if side > 1 else 0
