"""Pictures that Pillow holds in memory: read as the file path reads a file, and given back as Pillow holds them."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any, cast

import numpy as np
from PIL import Image

from nlsr_cli.errors import ImageReadError
from nlsr_cli.images.border import border, check_pixels
from nlsr_cli.images.canvas import Canvas, prepare
from nlsr_cli.images.carries import Carries
from nlsr_cli.images.color.profiles import Chroma, Colours
from nlsr_cli.images.encoding.bands import whole
from nlsr_cli.images.estimation import SIDE, quality_of
from nlsr_cli.images.facts import Facts
from nlsr_cli.images.metadata import exif_tags
from nlsr_cli.images.metadata.statements import Found
from nlsr_cli.images.modes import Decoded, decode, turned
from nlsr_cli.images.parsed import Parsed
from nlsr_cli.images.picture import Picture
from nlsr_cli.images.reading import Opened, assemble, has_rgb_profile
from nlsr_cli.options import EncodeOptions

MEMORY = Carries("Pillow", alpha=True, cmyk=True, depth=32)
# Modes that `decode` does not read, or that it turns into others, with the one in which they are read.
VIA = {"RGBa": "RGBA", "HSV": "RGB"}
KEPT = {"La", "RGBa", "RGBX", "YCbCr", "HSV", "I", "I;16L", "I;16B", "I;16N"}
READ = {"1", "L", "LA", "La", "P", "PA", "RGB", "RGBA", "RGBa", "RGBX", "CMYK", "YCbCr", "LAB", "HSV", "I", "F"}
XMP_KEYS = ("xmp", "XML:com.adobe.xmp")
EXIF_HEAD = b"Exif\0\0"


class Held(Parsed):
    """What lies beside the pixels of a picture in memory, in the place of a file.

    Args:
        image: the picture, loaded.
        label: what messages call it.
        max_pixels: the pixels that it may have.
    """

    format = "PNG"  # whose resolution is what `info` says

    def __init__(self, image: Image.Image, label: str, max_pixels: int) -> None:
        super().__init__(b"", label, max_pixels)
        self._image = image
        self.tagged = image.format == "TIFF"

    def header(self) -> Facts:
        """Return what `info` says."""
        return Facts(exif=_exif_of(self._image), frames=1, colours=_colours_of(self._image.info))

    @cached_property
    def found(self) -> Found:
        """Return its XMP; what else it says in words stays in `info`."""
        packets = (self._image.info.get(key) for key in XMP_KEYS)
        return Found(next((_as_bytes(packet) for packet in packets if packet), None))

    @cached_property
    def quality(self) -> int | None:
        """Return the quality of the JPEG that it was opened from."""
        tables, layer = getattr(self._image, "quantization", None), getattr(self._image, "layer", None)
        table = tables.get(layer[0][3]) if tables and layer else None
        return None if table is None else quality_of(np.array(table, np.float32).reshape(SIDE, SIDE))


def read_image(image: Image.Image, *, max_pixels: int) -> Picture:
    """Read the frame at which a picture stands, upright; the picture itself stays as it is.

    Raises:
        ImageReadError: its file is damaged, it has more than `max_pixels` pixels, or its mode cannot be enlarged.
    """
    label = str(getattr(image, "filename", "") or "image")
    if image.mode not in READ and not image.mode.startswith("I;16"):
        raise ImageReadError(label, f"has the mode {image.mode}, which cannot be enlarged", "Convert it to RGB first.")
    if getattr(image, "tile", None) and getattr(image, "fp", image) is None:
        raise ImageReadError(label, "was closed before its pixels were read", "Enlarge it inside its with block.")
    if 0 in image.size:
        raise ImageReadError(label, f"has no pixels: it is {image.width} × {image.height}")
    check_pixels((image.height, image.width), label, max_pixels)
    with border(bytes(64), label, max_pixels):
        image.load()
        held = Held(image, label, max_pixels)
        info, raw = _info_of(image), held.facts.exif
        decoded = turned(_decoded(image, held, info), exif_tags.orientation(raw))
        return assemble(Opened(decoded, image.mode, 1, info, raw), held)


def _decoded(image: Image.Image, held: Held, info: Mapping[Any, object]) -> Decoded:
    if image.mode == "F":
        return Decoded(np.array(image, np.float32)[:, :, None])
    if image.mode == "I":
        levels = np.asarray(image)
        if levels.min() < 0 or levels.max() > np.iinfo(np.uint16).max:
            reason = "has the mode I with values outside 0 to 65535, of which nobody knows which one is white"
            raise ImageReadError(held.label, reason, "Bring them into 0 to 65535, or into 0 to 1 in the mode F.")
        return Decoded(levels.astype(np.uint16)[:, :, None])
    plain = image.convert(VIA[image.mode]) if image.mode in VIA else image
    return decode(plain, held.facts, keep_rgb=has_rgb_profile(info))


def image_of(picture: Picture, like: Image.Image) -> Image.Image:
    """Return an enlarged picture as Pillow's, in the mode and with the `info` of the one that was read.

    What cannot keep its mode is of the one that holds all of it: L for "1", L, LA, RGB or RGBA for a palette, RGB for
    LAB and for CMYK without a profile, and with an alpha channel for what had a transparent colour.
    """
    canvas, rows = prepare(picture, MEMORY, EncodeOptions())
    image = canvas.image(whole(rows, canvas.shape, canvas.dtype))
    if like.mode in KEPT:
        if like.mode.startswith("I;16"):
            image = image.convert("I")  # from which Pillow converts to either order of bytes
        image = image.convert(like.mode)
    image.info = {**_kept_info(like), **_told(canvas, like.info)}
    return image


def _kept_info(like: Image.Image) -> dict[Any, object]:
    """Return what `info` says that stays true: all but the transparent colour, which is an alpha channel now."""
    gone = {"icc_profile", "exif", "transparency", *XMP_KEYS}
    gone |= {"background"} if like.mode in ("P", "PA") else set()  # the number of a colour in the palette
    return {key: value for key, value in like.info.items() if key not in gone}


def _told(canvas: Canvas, before: Mapping[Any, object]) -> dict[Any, object]:
    """Return what is true of the enlarged picture, under the keys that Pillow has for it."""
    told: dict[Any, object] = {}
    exif = canvas.exif_block()
    if canvas.icc is not None:
        told["icc_profile"] = canvas.icc
    if exif is not None:
        told["exif"] = EXIF_HEAD + exif
    if canvas.dpi is not None:
        told["dpi"] = canvas.dpi
    if canvas.xmp is not None:
        for key in [key for key in XMP_KEYS if key in before] or XMP_KEYS[:1]:
            told[key] = canvas.xmp.decode() if isinstance(before.get(key), str) else canvas.xmp
    return told


def _info_of(image: Image.Image) -> Mapping[Any, object]:
    """Return `info`, less a resolution that Pillow did not find in a JPEG itself: of EXIF it is read here."""
    made_up = image.format in ("JPEG", "MPO") and image.info.get("jfif_unit") not in (1, 2)
    return {key: value for key, value in image.info.items() if key != "dpi" or not made_up}


def _exif_of(image: Image.Image) -> bytes | None:
    raw = exif_tags.exif_block(image.info)
    if raw is None and image.format == "TIFF":  # whose header it is
        return image.getexif().tobytes().removeprefix(EXIF_HEAD) or None
    return raw


def _colours_of(info: Mapping[Any, object]) -> Colours | None:
    """Return what the file of a PNG stated of its colours by numbers."""
    if "srgb" in info:
        return Colours()
    gamma, chroma = info.get("gamma"), info.get("chromaticity")
    if gamma is None and chroma is None:
        return None
    return Colours(
        gamma=float(cast("float", gamma)) if gamma is not None else None,
        chroma=cast("Chroma", tuple(chroma)) if isinstance(chroma, tuple) and len(chroma) == 8 else None,
    )


def _as_bytes(packet: object) -> bytes | None:
    return packet.encode() if isinstance(packet, str) else packet if isinstance(packet, bytes) else None
