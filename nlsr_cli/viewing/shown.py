"""A picture file as a screen shows it: upright, in sRGB, 8 bits, no transparency. What that changes is noted."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from nlsr_cli.errors import MissingInput
from nlsr_cli.images import Header, Metadata, Picture, Pixels, encode_picture, rgb8
from nlsr_cli.images.alpha import composite
from nlsr_cli.images.color import spaces
from nlsr_cli.images.picture import quantised
from nlsr_cli.isolation.decoder import Decoder
from nlsr_cli.options import EncodeOptions

GROUND = (128, 128, 128)  # under transparency: neither a white nor a black logo vanishes on it


@dataclass(frozen=True, eq=False)
class Shown:
    """A picture on the screen: `pixels` are (h, w, 3) uint8 sRGB, `notes` one sentence for each thing that is lost."""

    path: Path
    pixels: Pixels
    notes: tuple[str, ...] = ()

    @property
    def size(self) -> tuple[int, int]:
        """Return (height, width)."""
        return int(self.pixels.shape[0]), int(self.pixels.shape[1])


def read_shown(decoder: Decoder, path: Path, max_pixels: int) -> Shown:
    """Return a picture file as a screen shows it.

    Raises:
        ImageReadError, MissingInput: as `read_both`.
    """
    return read_both(decoder, path, max_pixels)[1]


def read_both(decoder: Decoder, path: Path, max_pixels: int) -> tuple[Picture, Shown]:
    """Read a picture file, of which at most `max_pixels` are taken, in the process that decodes; and how it is shown.

    Raises:
        ImageReadError: it cannot be read faithfully, or has more pixels; MissingInput: it does not exist.
    """
    if not os.path.lexists(path):
        raise MissingInput(path)
    header = decoder.probe(path, max_pixels=max_pixels)
    pixels = header.height * header.width
    content = decoder.read(path, max_pixels=max_pixels, pixels=pixels)
    picture = content.picture
    assert isinstance(picture, Picture)  # noqa: S101 - without `whole`, the first frame is all there is
    return picture, Shown(path, shown_pixels(picture), tuple(_notes(header, picture)))


def shown_pixels(picture: Picture) -> Pixels:
    """Return (h, w, 3) uint8 sRGB of a picture of any depth, its transparent parts laid on grey."""
    color, icc = quantised(picture.color, 8), picture.metadata.icc
    if picture.is_grey and icc is not None and spaces.space_of(icc) == "GRAY":
        color = spaces.grey_to_srgb(color, icc)
    color = rgb8(color)
    return color if picture.alpha is None else composite(color, quantised(picture.alpha, 8), GROUND)


def _notes(header: Header, picture: Picture) -> Iterator[str]:
    if header.frames > 1:
        yield f"Only the first of {header.frames} frames or pages is shown."
    if picture.depth > 8:
        kind = "floating point" if picture.depth == 32 else f"{picture.depth} bits"
        yield f"Its samples are {kind}, and are shown with 8 bits."
    if picture.alpha is not None and quantised(picture.alpha, 8).min() < 255:
        yield "Its transparent parts are shown on grey."
    icc = picture.metadata.icc
    space = "" if icc is None else spaces.space_of(icc)
    if icc is not None and (space in ("GRAY", "CMYK") or (space == "RGB" and not spaces.is_nearly_srgb(icc))):
        yield f"Its colours are converted from '{spaces.name_of(icc)}' to sRGB."
    if picture.excess is not None:
        yield "Colours outside sRGB are shown as the nearest ones inside."
    if picture.metadata.code_points is not None:
        yield "Its samples are coded for HDR, and are shown as they are coded."
    if picture.gain_map is not None:
        yield "It is shown without its gain map for HDR."


def png(pixels: Pixels) -> bytes:
    """Return (h, w, 3) uint8 as a PNG with nothing beside the pixels."""
    picture = Picture(np.ascontiguousarray(pixels), None, Metadata("PNG", "RGB"))
    return encode_picture(picture, format="PNG", options=EncodeOptions(provenance=False))[0]
