"""HEIC (HEVC in HEIF: ISO/IEC 23008-12, annex B; its decoder configuration: ISO/IEC 14496-15, 8.3.3).

It is decoded by libheif and libde265 (pi-heif, the extra `heic`): a decoder alone, which writes nothing. That crops,
turns and mirrors the picture as its boxes say. All else is read from the boxes by `heif`.
"""

from __future__ import annotations

from io import BytesIO
from typing import Any

import numpy as np

from nlsr_cli.images.alpha import straight
from nlsr_cli.images.depth import extra
from nlsr_cli.images.facts import PNG_HINT, Deep, Facts, Foreign, unsupported
from nlsr_cli.images.formats.format import Format
from nlsr_cli.images.formats.isobmff import Heif, coding_of
from nlsr_cli.images.modes import PREMULTIPLIED_NOTE, Decoded


class HeicFile(Heif):
    """A HEIC."""

    format = "HEIC"

    def header(self) -> Facts:
        still = self.still
        if still.main is None or still.size is None:
            return Facts(
                refusal="holds a video or an image sequence, but no still picture",
                hint="Save one of its frames as PNG first.",
            )
        if still.unreadable:
            return Facts(refusal=unsupported(f"samples coded as '{still.unreadable}'"), hint=PNG_HINT)
        if any(item.missing for item in still.kept):
            raise EOFError("the file ends before the samples do")
        codes = still.coded("hvcC", 19)
        bits = max((8 + max(body[17] & 7, body[18] & 7) for body in codes), default=8)
        grey = bool(codes) and all(body[16] & 3 == 0 for body in codes)
        letters = ("L" if grey else "RGB") + "A" * still.alpha
        deep = bits > 8
        mode, what = f"{letters};{bits}" if deep else letters, f"{bits}-bit {'grey' if grey else 'colour'}"
        return Facts(
            bits=bits,
            deep=Deep(what, mode, 16, len(letters), still.alpha) if deep else None,
            canvas=still.stored,
            colours=still.colours,
            frames=still.pictures,
            exif=still.exif,
            still=still,
            orientation=still.orientation,
            xmp=still.xmp,
            foreign=Foreign(mode, still.size, 16 if deep else 8, still.alpha, still.icc),
            notes=still.notes,
        )

    def decoded(self) -> Decoded:
        return _decoded(self.data)


def _decoded(data: bytes) -> Decoded:
    """Return the samples of the main picture, upright: of 8 bits, or spread from 10 or 12 bits over 16.

    Raises:
        MissingExtra: pi-heif is not installed.
        Exception: whatever its decoder raises, for `border` to tell.
    """
    library = extra.load(extra.PI_HEIF, "a HEIC picture")
    library.options.THUMBNAILS = library.options.DEPTH_IMAGES = library.options.AUX_IMAGES = False
    image = library.open_heif(BytesIO(data), convert_hdr_to_8bit=False, hdr_to_16bit=False)
    samples: np.ndarray[Any, Any] = np.array(image)  # a copy: its own memory goes with the image
    letters, _, bits = image.mode.partition(";")
    letters = "L" if letters == "I" else letters  # what pi-heif calls grey of more than 8 bits without alpha
    if bits:
        levels = 2 ** int(bits) - 1
        table = np.rint(np.arange(levels + 1) * (65535 / levels)).astype(np.uint16)
        samples = table[np.minimum(samples, levels)]
    if samples.ndim == 2:
        samples = samples[..., None]
    if letters not in ("L", "LA", "La", "RGB", "RGBA", "RGBa") or samples.shape[2] != len(letters):
        raise ValueError(f"mode {image.mode} is not known")
    if letters[-1] not in "Aa":
        return Decoded(samples)
    color, alpha = samples[..., :-1], samples[..., -1]
    if letters[-1] == "a":
        return Decoded(straight(color, alpha), alpha, [PREMULTIPLIED_NOTE])
    return Decoded(color, alpha)


HEIC = Format(
    "HEIC",
    (".heic", ".heif"),
    sniff=lambda head: coding_of(head) == "HEIC",
    parse=HeicFile,
    package=extra.PI_HEIF,
    called="a HEIC picture",
)
