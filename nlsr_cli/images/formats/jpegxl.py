"""JPEG XL (ISO/IEC 18181), coded by libjxl."""

from __future__ import annotations

import numpy as np

from nlsr_cli.images.canvas import Canvas
from nlsr_cli.images.carries import Carries
from nlsr_cli.images.depth import extra
from nlsr_cli.images.facts import PNG_HINT, Facts, Foreign, unsupported
from nlsr_cli.images.formats.format import Encoded, Format, Writing
from nlsr_cli.images.jpegxl.codec import decode_jpegxl, encode_jpegxl
from nlsr_cli.images.jpegxl.files import open_file, parts
from nlsr_cli.images.jpegxl.header import ALPHA, BLACK, read_header
from nlsr_cli.images.parts import account
from nlsr_cli.images.rules import jpegxl
from nlsr_cli.options import EncodeOptions

CARRIES = Carries("JXL", alpha=True, depth=32, grey16=False, side=2**30 - 1)


def _facts(data: bytes) -> Facts:
    found = open_file(data)
    header = read_header(found.stream)
    if header.colours is None and header.icc is None:
        return Facts(refusal=unsupported("an unknown colour space"), hint=PNG_HINT)
    if any(channel.kind == BLACK for channel in header.extra):
        return Facts(refusal=unsupported("CMYK"), hint="Convert it to TIFF first.")
    alpha = any(channel.kind == ALPHA for channel in header.extra)
    depth = 32 if header.floating else 8 if header.bits <= 8 else 16
    mode = ("L" if header.grey else "RGB") + "A" * alpha
    mode += {8: "", 16: f";{header.bits}", 32: f";{header.bits}F"}[depth]
    notes = ("Only the first frame of the animation is read.",) if header.animated else ()
    return Facts(
        bits=header.bits,
        canvas=(header.height, header.width),
        lossless=not (header.xyb or found.was_jpeg),
        colours=header.colours,
        exif=found.exif,
        xmp=found.xmp,
        foreign=Foreign(mode, header.upright, depth, alpha, header.icc),
        orientation=header.orientation,
        notes=notes,
        plays=header.plays if header.animated else None,
    )


def _encode(canvas: Canvas, options: EncodeOptions) -> Encoded:
    image = np.asarray(canvas.image)
    samples = canvas.samples if canvas.samples is not None else image[..., None] if image.ndim == 2 else image
    words = canvas.exif_block(with_dpi=True), canvas.xmp
    data = encode_jpegxl(samples, canvas.icc, quality=options.quality, lossless=canvas.lossless, words=words)
    return data, ()


JXL = Format(
    "JXL",
    (".jxl",),
    sniff=lambda head: head.startswith((b"\xff\x0a", b"\0\0\0\x0cJXL \r\n\x87\n")),
    facts=_facts,
    part="container part",
    account=lambda data: account(parts(data), jpegxl.rule),
    decode=decode_jpegxl,
    package=extra.IMAGECODECS,
    called="a JPEG XL picture",
    writing=Writing(_encode, CARRIES, heeds=("quality", "lossless"), least_share=0.0005),
)
