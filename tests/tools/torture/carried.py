"""What files of the matrix carry beside pixels: profiles and other statements of colour, metadata, and how these are
put into them.
"""

from __future__ import annotations

import binascii
import struct
from collections.abc import Callable
from functools import lru_cache

from tests.images import icc

XMP = (
    b'<?xpacket begin="\xef\xbb\xbf" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta xmlns:x="adobe:ns:meta/">'
    b'<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description rdf:about="" '
    b'xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:xmp="http://ns.adobe.com/xap/1.0/" xmp:Rating="4">'
    b'<dc:title><rdf:Alt><rdf:li xml:lang="x-default">Torture title</rdf:li></rdf:Alt></dc:title>'
    b'</rdf:Description></rdf:RDF></x:xmpmeta><?xpacket end="w"?>'
)
IPTC_WORD = b"Torture caption"
IPTC = b"\x1c\x02\x00\x00\x02\x00\x04" + b"\x1c\x02\x78" + struct.pack(">H", len(IPTC_WORD)) + IPTC_WORD
# What each format can carry at all: properties as `facts` names them.
CARRIED: dict[str, tuple[str, ...]] = {
    "PNG": ("exif", "xmp", "iptc", "dpi", "texts"),
    "APNG": ("exif", "xmp", "iptc", "dpi", "texts"),
    "JPEG": ("exif", "xmp", "iptc", "dpi", "comment"),
    "WEBP": ("exif", "xmp"),
    "TIFF": ("exif", "xmp", "iptc", "dpi"),
    "BMP": ("dpi",),
    "AVIF": ("exif", "xmp"),
    "GIF": ("comment",),
}
PROPHOTO = ((0.79767, 0.28804, 0.0), (0.13519, 0.71188, 0.0), (0.03134, 0.00009, 0.82491))
P3_CHRM = (31270, 32900, 68000, 32000, 26500, 69000, 15000, 6000)
# Name -> the kinds of pictures it is for, and the profile.
PROFILES: dict[str, tuple[tuple[str, ...], Callable[[], bytes]]] = {
    "sRGB": (("rgb",), icc.srgb),
    "Display P3": (("rgb",), lambda: icc.rgb("Display P3", icc.DISPLAY_P3)),
    "Adobe RGB": (("rgb",), lambda: icc.rgb("Adobe RGB", icc.ADOBE_RGB)),
    "ProPhoto": (("rgb",), lambda: icc.rgb("ProPhoto", PROPHOTO, 1.8)),
    "scanner": (("rgb",), icc.one_way_rgb),
    "grey 1.8": (("grey",), icc.grey),
    "CMYK": (("cmyk",), icc.cmyk),
}
# What a PNG says instead of a profile.
PNG_COLOURS: dict[str, tuple[tuple[str, ...], list[tuple[bytes, bytes]]]] = {
    "gAMA 1.0": (("grey", "rgb"), [(b"gAMA", struct.pack(">I", 100000))]),
    "gAMA+cHRM P3": (("rgb",), [(b"gAMA", struct.pack(">I", 45455)), (b"cHRM", struct.pack(">8I", *P3_CHRM))]),
    "cICP P3": (("rgb",), [(b"cICP", bytes((12, 13, 0, 1)))]),
}


def profile_bytes(name: str) -> bytes | None:
    """Return the profile of a name, None for what is said in other ways."""
    return _built(name) if name in PROFILES else None


@lru_cache(maxsize=16)
def _built(name: str) -> bytes:
    return PROFILES[name][1]()


def app13(iptc: bytes) -> bytes:
    """Return the JPEG segment in which Photoshop puts IPTC records."""
    block = b"8BIM\x04\x04\0\0" + struct.pack(">I", len(iptc)) + iptc + bytes(len(iptc) % 2)
    body = b"Photoshop 3.0\0" + block
    return b"\xff\xed" + struct.pack(">H", len(body) + 2) + body


def png_profile_text(name: str, data: bytes) -> bytes:
    """Return the hexadecimal text in which ImageMagick keeps IPTC in a PNG."""
    block = b"8BIM\x04\x04\0\0" + struct.pack(">I", len(data)) + data + bytes(len(data) % 2)
    digits = binascii.hexlify(block).decode()
    lines = "\n".join(digits[at : at + 72] for at in range(0, len(digits), 72))
    return f"\n{name}\n{len(block):8}\n{lines}\n".encode()
