"""AVIF (AV1 Image File Format, in the container of HEIF: ISO/IEC 23008-12)."""

from __future__ import annotations

import numpy as np

from nlsr_cli.images.canvas import Canvas, saved
from nlsr_cli.images.carries import Carries
from nlsr_cli.images.depth import deep_avif
from nlsr_cli.images.facts import DEEP_HINT, Deep, Facts, unsupported
from nlsr_cli.images.formats.format import Encoded, Format, Writing, encode_whole
from nlsr_cli.images.formats.isobmff import Heif, coding_of
from nlsr_cli.images.picture import Pixels
from nlsr_cli.options import EncodeOptions

# libavif's decoders, and with them browsers, open no larger picture.
CARRIES = Carries("AVIF", alpha=True, depth=16, integers=12, grey16=False, side=32768, area=2**28)


class AvifFile(Heif):
    """An AVIF."""

    format = "AVIF"

    def header(self) -> Facts:
        still = self.still
        codes = still.coded("av1C", 3)
        # Third byte of av1C: seq_tier_0, high_bitdepth, twelve_bit, monochrome, ...
        depths = {8 + 2 * (body[2] >> 6 & 1) + 2 * (body[2] >> 5 & 1) for body in codes} or {8}
        bits = max(depths)
        refusal = unsupported("parts of different depths") if len(depths) > 1 else ""
        monochrome = bool(codes) and all(body[2] & 0x10 for body in codes)
        letters, name = ("L", "grey") if monochrome else ("RGB", "colour")
        mode, channels = f"{letters}{'A' * still.alpha};{bits}", len(letters) + still.alpha
        return Facts(
            bits=bits,
            deep=Deep(f"{bits}-bit {name}", mode, 16, channels, still.alpha) if bits > 8 else None,
            refusal=refusal,
            hint=DEEP_HINT if refusal else "",
            canvas=None if still.media.brand == "avis" else still.stored,
            monochrome=monochrome,
            colours=still.colours,
            frames=None if still.media.brand == "avis" else still.pictures,
            exif=still.exif,
            still=still,
            orientation=still.orientation,
            xmp=still.xmp,
            notes=still.notes,
        )


def _encode(canvas: Canvas, pixels: Pixels, options: EncodeOptions) -> Encoded:
    eight = pixels.dtype == np.uint8
    data = saved(
        canvas.image(pixels if eight else np.zeros((1, 1, pixels.shape[2]), np.uint8)),
        "AVIF",
        quality=options.quality,
        subsampling="4:0:0" if canvas.grey else "4:4:4",
        autotiling=False,  # automatic tiles follow the number of processors, and so would the bytes
        icc_profile=canvas.icc,
        exif=canvas.exif_block(with_dpi=True, oriented=False),
        xmp=canvas.xmp,
    )
    return data if eight else deep_avif.avif(pixels, canvas.bits, options.quality, data), ()


AVIF = Format(
    "AVIF",
    (".avif",),
    sniff=lambda head: coding_of(head) == "AVIF",
    parse=AvifFile,
    plugin="AvifImagePlugin",
    feature="avif",
    writing=Writing(encode_whole(_encode), CARRIES, heeds=("quality",), least_share=0.0005, whole=True, pace=2.0),
)
