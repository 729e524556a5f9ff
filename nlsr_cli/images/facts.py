"""What is known of a picture file from its header alone, whatever its format."""

from __future__ import annotations

from dataclasses import dataclass

from nlsr_cli.images.color.profiles import Colours
from nlsr_cli.images.containers.bmp import Bitmap
from nlsr_cli.images.depth.layout import Layout
from nlsr_cli.images.heif import Still

DEEP_HINT = "Convert it to 8 bits per channel first, if that loss is acceptable."
PNG_HINT = "Convert it to PNG first."


@dataclass(frozen=True)
class Deep:
    """Samples of more bits than Pillow reads: in words, as a mode ("RGB;16"), and the `depth` of the picture they make.

    `channels` counts alpha, which `key` says is a transparent colour; `layout` is that of a TIFF.
    """

    what: str
    mode: str
    depth: int
    channels: int
    alpha: bool
    key: bool = False
    layout: Layout | None = None


@dataclass(frozen=True)
class Foreign:
    """A picture of a format that Pillow does not read, as its header announces it: mode and size, (height, width), of
    the upright picture, and its colour profile.
    """

    mode: str
    size: tuple[int, int]
    depth: int
    alpha: bool
    icc: bytes | None = None


@dataclass(frozen=True)
class Facts:
    """What the header of one file says.

    `bits` per channel; `deep` is set where they are more than Pillow reads; `refusal` is why the file cannot be read
    faithfully ("" if it can) with its `hint`; `canvas` is (height, width) where it must be known before a decoder sees
    the file; `inverted` marks 16-bit grey with 0 as white, as Pillow reads it; `raw_ycbcr` uncompressed YCbCr, whatever
    mode Pillow gives it; `frames` is None where Pillow counts them well (the further pictures of a JPEG are no frames:
    what becomes of each is told by its account); `plays` is how often an animation is played whose frames are not
    counted, 0 for ever; `colours` is what the file states by numbers, None where it states
    nothing; `nodata` is the value of pixels
    that hold no data, in levels of what is decoded. `still` is the picture that the boxes of
    an AVIF or HEIC describe, which alone say how it is turned; `xmp` a packet that the header holds. `foreign` is set
    for formats that Pillow does not read. `orientation` is as of EXIF, for those whose EXIF does not count. Of
    a PNG, `key` is the transparent colour in the levels of the file, of 1 or 3 channels, `mastering` are the chunks
    mDCV and cLLI, whole, and `apple` marks one in the form for Apple's devices. `icc` is a profile that Pillow does not
    find, and `bitmap` a BMP that is decoded without it.
    """

    bits: int = 8
    deep: Deep | None = None
    refusal: str = ""
    hint: str = ""
    canvas: tuple[int, int] | None = None
    lossless: bool = False
    monochrome: bool = False
    raw_ycbcr: bool = False
    frames: int | None = None
    plays: int | None = None
    inverted: bool = False
    exif: bytes | None = None
    colours: Colours | None = None
    nodata: str | None = None
    still: Still | None = None
    xmp: bytes | None = None
    foreign: Foreign | None = None
    orientation: int | None = None
    apple: bool = False
    key: tuple[int, ...] | None = None
    mastering: bytes | None = None
    icc: bytes | None = None
    bitmap: Bitmap | None = None
    notes: tuple[str, ...] = ()


def unsupported(what: str) -> str:
    """Return why a file that holds such a thing is refused."""
    return f"holds {what}, which is not supported yet"
