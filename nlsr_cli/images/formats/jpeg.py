"""JPEG (ITU-T T.81, JFIF, Exif), and the gain maps behind it (Ultra HDR, ISO 21496-1)."""

from __future__ import annotations

from functools import cached_property

from nlsr_cli.images import ultra_hdr
from nlsr_cli.images.bounds import check_jpeg
from nlsr_cli.images.canvas import Canvas
from nlsr_cli.images.carries import Carries
from nlsr_cli.images.containers import jpeg
from nlsr_cli.images.encoding.bands import Bands, cut
from nlsr_cli.images.encoding.jpeg import encoded, head_and_scan, head_of, joined, restarts_of
from nlsr_cli.images.estimation import jpeg_quality
from nlsr_cli.images.facts import DEEP_HINT, Facts, unsupported
from nlsr_cli.images.formats.format import Format, Writing
from nlsr_cli.images.formats.jpeg_parts import Beside, Rules, beside, further
from nlsr_cli.images.gain_map import Located
from nlsr_cli.images.metadata import extended_xmp, iptc
from nlsr_cli.images.metadata import jpeg as jpeg_texts
from nlsr_cli.images.metadata.statements import Found
from nlsr_cli.images.parsed import Parsed
from nlsr_cli.images.parts import Accounted, account
from nlsr_cli.options import EncodeOptions
from nlsr_cli.storing import Patch, Pieces

CARRIES = Carries(
    "JPEG",
    cmyk=True,
    iptc=True,
    comment=True,
    dpi="whole",
    gain_map=True,
    exif_limit=jpeg_texts.SEGMENT - 6 - 64,  # less its "Exif\0\0" and what a rewrite may add
    iptc_limit=jpeg_texts.SEGMENT - len(jpeg_texts.PHOTOSHOP_HEAD) - len(iptc.wrapped(b"")) - 1,
    comment_limit=jpeg_texts.SEGMENT,
    packet=jpeg_texts.XMP_LIMIT,
    side=65500,  # where libjpeg stops, although the format counts to 65535
)
SUBSAMPLING = "4:4:4"


class JpegFile(Parsed):
    """A JPEG, and the pictures behind it."""

    format, part = "JPEG", "JPEG segment"

    @cached_property
    def first(self) -> jpeg.Jpeg:
        """Return its first picture, which is the one that is read."""
        return jpeg.Jpeg(self.data)

    @cached_property
    def beside(self) -> tuple[Beside, ...]:
        """Return what lies behind that."""
        return tuple(beside(self.first))

    def check(self) -> None:
        check_jpeg(self.first, self.label)

    def header(self) -> Facts:
        for marker, body in self.first.header():
            if marker in jpeg.FRAMES and body:
                refusal = "" if body[0] == 8 else unsupported(f"{body[0]}-bit samples")
                return Facts(bits=body[0], refusal=refusal, hint=DEEP_HINT if refusal else "", frames=1)
        return Facts(frames=1)

    @cached_property
    def found(self) -> Found:
        found = jpeg_texts.read_words(self.first)
        notes = ("The extension of the XMP metadata is damaged and is left out.",) if found.incomplete else ()
        return Found(found.xmp, None, found.photoshop, comments=tuple(found.comments), notes=notes)

    @cached_property
    def account(self) -> tuple[Accounted, ...]:
        rules = Rules(lambda: dict(further(self.first, self.found.xmp, self.beside)))
        return account([*self.first.parts(), *(each.part for each in self.beside)], rules)

    @cached_property
    def located(self) -> Located | None:
        return next((each.gain_map for each in self.beside if each.gain_map is not None), None)

    @cached_property
    def quality(self) -> int | None:
        return jpeg_quality(self.first)


def _encode(canvas: Canvas, bands: Bands, options: EncodeOptions) -> Pieces:
    """Let Pillow write the first band with all that the file says, and join the coded samples of the others to it."""
    rows, interval = restarts_of(canvas.shape, SUBSAMPLING)
    cuts = cut(bands, canvas.shape, canvas.dtype, rows)
    second = None if canvas.gain_map is None else ultra_hdr.gain_map_file(canvas.gain_map)
    packet, extension = _packets(canvas, second)
    exif = canvas.exif_block()
    first = encoded(
        next(cuts),
        options.quality,
        SUBSAMPLING,
        icc_profile=canvas.icc,
        exif=b"Exif\0\0" + exif if exif else None,
        dpi=canvas.dpi,
        xmp=packet,
        extra=None if canvas.iptc is None else jpeg_texts.photoshop_segment(iptc.wrapped(canvas.iptc)),
        comment=canvas.comment,
    )
    head, scan = head_and_scan(first)
    head = head_of(head, canvas.shape[0], interval if canvas.shape[0] > rows else None)
    head, place = jpeg.with_segments(head, extension), 0
    if canvas.gain_map is not None:
        head, place = ultra_hdr.announced(head, canvas.gain_map)
    yield head
    size = len(head)
    for piece in joined(scan, cuts, options.quality, SUBSAMPLING):
        yield piece
        size += len(piece)
    yield jpeg.END
    if second is not None:
        yield second
        yield Patch(place, ultra_hdr.directory(size + len(jpeg.END), len(second), place))
    return ()


def _packets(canvas: Canvas, second: bytes | None) -> tuple[bytes | None, bytes]:
    """Return the XMP packet, which tells of a gain map whose file is given, and the segments of what is too long."""
    packet, extension = canvas.xmp, b""
    if packet is not None and len(packet) > jpeg_texts.XMP_LIMIT:
        parts = extended_xmp.split(packet, jpeg_texts.XMP_LIMIT)
        if parts is None:
            raise ValueError("the XMP metadata is too large")
        packet, extension = parts[0], jpeg_texts.extension_segments(*parts[1:])
    if canvas.gain_map is not None and second is not None:
        packet = ultra_hdr.listed(packet, canvas.gain_map, len(second))
    return packet, extension


JPEG = Format(
    "JPEG",
    (".jpg", ".jpeg", ".jpe", ".jfif"),
    sniff=lambda head: head.startswith(b"\xff\xd8\xff"),
    parse=JpegFile,
    plugin="MpoImagePlugin",
    writing=Writing(_encode, CARRIES, heeds=("quality", "background"), least_share=0.005),
)
