"""What files of the matrix carry beside pixels, and how it is put into them."""

from __future__ import annotations

import binascii
import struct

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
