"""DeepZoom (Microsoft, Deep Zoom file format), which OpenSeadragon and others show in a browser: tiles, JPEG or PNG.

It is written and not read: the file itself holds no pixels.
"""

from __future__ import annotations

import hashlib

from nlsr_cli import deepzoom
from nlsr_cli.images.canvas import Canvas
from nlsr_cli.images.carries import Carries
from nlsr_cli.images.encoding.bands import Bands
from nlsr_cli.images.encoding.deepzoom import OVERLAP, TILE, tiles
from nlsr_cli.images.encoding.jpeg import encoded
from nlsr_cli.images.encoding.pyramid import halving
from nlsr_cli.images.formats import jpeg, png
from nlsr_cli.images.formats.format import Format, Writing
from nlsr_cli.images.picture import Pixels
from nlsr_cli.options import EncodeOptions
from nlsr_cli.storing import Pieces, collected

# Tiles say nothing of themselves: what each of thousands would carry, no viewer reads.
CARRIES = Carries("DeepZoom", alpha=True, icc=False, exif=False, xmp=False, dpi="none")
PNG_NOTE = "The tiles are PNG, because JPEG has no transparency."
DESCRIPTION = """\
<?xml version="1.0" encoding="UTF-8"?>
<Image xmlns="http://schemas.microsoft.com/deepzoom/2008" Format="{suffix}" Overlap="{overlap}" TileSize="{tile}">
  <Size Width="{width}" Height="{height}"/>
</Image>
<!-- tiles: sha256 {digest} -->
"""


def _encode(canvas: Canvas, bands: Bands, options: EncodeOptions) -> Pieces:
    """Yield the tiles, then the file that describes them."""
    lossless = canvas.lossless or canvas.alpha
    suffix = "png" if lossless else "jpg"

    def encode(tile: Pixels) -> bytes:
        return _png(canvas, tile) if lossless else encoded(tile, options.quality, jpeg.SUBSAMPLING)

    sums = []
    for tile in tiles(bands, canvas.shape, canvas.dtype, halving(alpha=canvas.alpha), encode, suffix):
        sums.append((tile.place, hashlib.sha256(tile.data).hexdigest()))
        yield tile
    height, width = canvas.size
    text = DESCRIPTION.format(
        suffix=suffix, overlap=OVERLAP, tile=TILE, width=width, height=height, digest=deepzoom.digest(sums)
    )
    yield text.encode()
    return (PNG_NOTE,) if canvas.alpha and not canvas.lossless else ()


def _png(canvas: Canvas, tile: Pixels) -> bytes:
    return collected(png.WRITING.encode(canvas.bare(*tile.shape[:2]), (tile,), EncodeOptions()))[0]


DZI = Format(
    "DZI",
    (deepzoom.SUFFIX,),
    writing=Writing(_encode, CARRIES, heeds=("quality", "lossless"), least_share=0.005, tiled=True),
)
