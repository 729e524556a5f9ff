"""What a picture is once it has left its file: pixels, and everything else the file said about them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

# uint8, uint16 or float32; every array of samples that leaves this package is one of the three.
Pixels: TypeAlias = npt.NDArray[Any]
DTYPES = (np.dtype(np.uint8), np.dtype(np.uint16), np.dtype(np.float32))


@dataclass(frozen=True)
class Metadata:
    """What a file carried besides its pixels.

    `format` is Pillow's name of the source format (an MPO is a JPEG), `mode` its mode as stored ("P", "CMYK", "I;16").
    `icc` is the colour profile, verbatim. `exif` is a TIFF-structured EXIF block without thumbnail, its orientation 1;
    `thumbnail` says that it had one, so that a new one is made for the output. `xmp` is an XMP packet whose orientation
    is 1, `iptc` the records of IPTC-IIM, `texts` are the keywords and texts of a PNG (but for XMP and the like), and
    `comment` is that of a JPEG or GIF. `code_points` is the body of a PNG's cICP chunk (ITU-T H.273), kept where the
    pixels still are what it says, and `mastering` are the mDCV and cLLI chunks beside it, whole. `dpi` is (horizontal,
    vertical). `lossless` says that a WebP was coded without loss. `size` is the (height, width) of the upright picture
    of which all this is true; where it is known, places and sizes that EXIF, XMP and tags state grow with the picture.
    `tiff_tags` are tags that only a TIFF holds: number, type and little-endian values of each. `nodata` is the value of
    pixels that hold no data, as text ("-9999", "nan"); `masked` says that alpha marks those and nothing else.
    `jpeg_quality` is the quality, 1 to 100, to which the quantisation of a JPEG comes nearest.
    """

    format: str
    mode: str
    icc: bytes | None = None
    exif: bytes | None = None
    dpi: tuple[float, float] | None = None
    lossless: bool = False
    thumbnail: bool = False
    xmp: bytes | None = None
    iptc: bytes | None = None
    texts: tuple[tuple[str, str], ...] = ()
    comment: bytes | None = None
    code_points: bytes | None = None
    size: tuple[int, int] | None = None
    mastering: bytes | None = None
    tiff_tags: tuple[tuple[int, int, bytes], ...] = ()
    nodata: str | None = None
    masked: bool = False
    jpeg_quality: int | None = None


@dataclass(frozen=True, eq=False)
class GainMap:
    """A second picture that says how much brighter each place of the first is on an HDR display, upright as that is.

    `pixels` are (h, w, 1 or 3) uint8 as stored: the logarithm of a gain, whose bounds, gamma, offsets and capacities
    the metadata states. That is `iso`, the GainMapMetadata of ISO 21496-1 (beginning with its minimum version), or
    `xmp`, the packet of the map's own file with the properties of Adobe (hdrgm:) or Apple (HDRGainMap:), or both.
    `icc` is the profile of the map, verbatim: with some settings the one in which gains apply.
    """

    pixels: Pixels
    iso: bytes | None = None
    xmp: bytes | None = None
    icc: bytes | None = None

    def __post_init__(self) -> None:
        shape = self.pixels.shape
        if len(shape) != 3 or shape[2] not in (1, 3) or 0 in shape or self.pixels.dtype != np.uint8:
            raise ValueError(f"a gain map must be (h, w, 1 or 3) uint8, not {shape} {self.pixels.dtype}")


@dataclass(frozen=True, eq=False)
class Picture:
    """Upright pixels with what their file said about them.

    `color` is (h, w, 1) grey as stored, or (h, w, 3) RGB in sRGB encoding: uint8, uint16, or float32 where 0 is black
    and 1 is white, and nothing is clipped. `alpha` is (h, w) of the same dtype and not premultiplied, or None where the
    file has no alpha channel. `excess` is what `color` lacks where the profile's space is wider than sRGB, in levels of
    that space: the pixels as stored less what comes back from sRGB, (h, w, 3), signed; None where that is nothing.
    `gain_map` makes an HDR picture of it, and is of any size up to that of the picture. `notes` holds one sentence for
    each thing that was converted or left out in reading.
    """

    color: Pixels
    alpha: Pixels | None
    metadata: Metadata
    notes: tuple[str, ...] = ()
    excess: npt.NDArray[Any] | None = None
    gain_map: GainMap | None = None

    def __post_init__(self) -> None:
        if self.color.ndim != 3 or self.color.shape[2] not in (1, 3) or 0 in self.color.shape:
            raise ValueError(f"color must be (h, w, 1) or (h, w, 3), not {self.color.shape}")
        if self.color.dtype not in DTYPES:
            raise ValueError(f"color must be uint8, uint16 or float32, not {self.color.dtype}")
        if self.alpha is not None and (self.alpha.shape, self.alpha.dtype) != (self.color.shape[:2], self.color.dtype):
            raise ValueError(f"alpha must be {self.color.shape[:2]} {self.color.dtype}, not {self.alpha.shape}")
        if self.excess is not None and self.excess.shape != self.color.shape:
            raise ValueError(f"excess must be {self.color.shape}, not {self.excess.shape}")
        if self.gain_map is not None:
            rows, columns, _ = self.gain_map.pixels.shape
            if rows > self.color.shape[0] or columns > self.color.shape[1]:
                raise ValueError(f"a gain map of {self.gain_map.pixels.shape} is larger than {self.color.shape}")

    @property
    def height(self) -> int:
        """Return the number of rows."""
        return int(self.color.shape[0])

    @property
    def width(self) -> int:
        """Return the number of columns."""
        return int(self.color.shape[1])

    @property
    def depth(self) -> int:
        """Return the bits per channel: 8, 16 or 32 (float)."""
        return self.color.dtype.itemsize * 8

    @property
    def is_grey(self) -> bool:
        """Say whether there is one channel instead of three."""
        return bool(self.color.shape[2] == 1)


@dataclass(frozen=True, eq=False)
class Animation:
    """Pictures that follow each other: each is the whole canvas as it is seen, all of one size, depth and metadata.

    `durations` are in milliseconds, one for each frame. `loop` is how often the frames are played, 0 for ever. `format`
    and `metadata` are those of the frames; `notes` is as of a picture.
    """

    frames: tuple[Picture, ...]
    durations: tuple[float, ...]
    loop: int
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not self.frames or len(self.frames) != len(self.durations):
            raise ValueError(f"{len(self.frames)} frames have {len(self.durations)} durations")
        if len({frame.color.shape[:2] for frame in self.frames}) > 1:
            raise ValueError("the frames of an animation must have one size")

    @property
    def height(self) -> int:
        """Return the number of rows."""
        return self.frames[0].height

    @property
    def width(self) -> int:
        """Return the number of columns."""
        return self.frames[0].width

    @property
    def metadata(self) -> Metadata:
        """Return what the file carried besides its pixels."""
        return self.frames[0].metadata


@dataclass(frozen=True)
class Header:
    """What a file says of its picture before any pixel is decoded; height and width are those when upright.

    `frames` is counted up to ten thousand in a TIFF; of an APNG it leaves out a default image that is not part of them.
    """

    format: str
    mode: str
    height: int
    width: int
    depth: int
    frames: int
    has_alpha: bool


def quantised(pixels: Pixels, depth: int) -> Pixels:
    """Return samples rounded to `depth` bits if they have more; floating point is clipped to 0 to 1."""
    if pixels.dtype.itemsize * 8 <= depth:
        return pixels
    target = np.uint8 if depth == 8 else np.uint16
    if pixels.dtype == np.uint16:
        table = ((np.arange(65536) + 128) // 257).astype(np.uint8)
        return np.take(table, pixels)
    white = np.float32(np.iinfo(target).max)
    result = np.empty(pixels.shape, target)
    for row, values in zip(result, pixels, strict=True):
        row[...] = np.rint(np.clip(values, 0, 1) * white)
    return result


def rgb8(pixels: Pixels) -> npt.NDArray[np.uint8]:
    """Return (h, w, 3) uint8 of grey or colour of any depth: grey is repeated, deeper samples are rounded."""
    eight: npt.NDArray[np.uint8] = quantised(pixels, 8)
    return eight.repeat(3, axis=2) if eight.shape[2] == 1 else eight
