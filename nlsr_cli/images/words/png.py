"""The chunks of a PNG that speak in words: texts, XMP, and the hexadecimal profiles of ImageMagick (ISO/IEC 15948)."""

from __future__ import annotations

import binascii
import struct
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

SIGNATURE = b"\x89PNG\r\n\x1a\n"
AFTER_HEADER = 33  # bytes: the signature and the IHDR chunk, which comes first
SAMPLES = (b"IDAT", b"fdAT")

XMP_KEYWORD = "XML:com.adobe.xmp"
RAW_PROFILE = "Raw profile type "
COMMENT = "Comment"
TEXT_LIMIT = 16 << 20  # bytes of all texts once unpacked; the reader around Pillow has the same limit
MAX_TEXTS = 4096
MAX_KEYWORD = 79
LONG = 1024  # bytes from which the standard recommends to compress a text
HEX_ROW = 72  # digits in a row of a raw profile, as ImageMagick writes them


@dataclass
class Texts:
    """The texts of one file: keywords with texts in their order, the XMP packet, raw profiles by their type.

    `broken` counts texts that are damaged or beyond the limit, `tagged` those whose language or translated keyword is
    stated, which is not kept.
    """

    pairs: list[tuple[str, str]] = field(default_factory=list)
    xmp: bytes | None = None
    profiles: dict[str, bytes] = field(default_factory=dict)
    broken: int = 0
    tagged: int = 0


def chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield name and body of each chunk that holds no samples, in their order; a file that is cut off ends early."""
    at = len(SIGNATURE)
    while at + 8 <= len(data):
        length, name = struct.unpack_from(">I4s", data, at)
        if name not in SAMPLES:
            yield name, data[at + 8 : at + 8 + length]
        if name == b"IEND":
            return
        at += 12 + length


def read_texts(data: bytes) -> Texts:
    """Return the texts of a PNG, unpacked to TEXT_LIMIT bytes in all."""
    found, left = Texts(), TEXT_LIMIT
    for name, body in chunks(data):
        if name not in (b"tEXt", b"zTXt", b"iTXt"):
            continue
        try:
            keyword, text, tagged = _unpacked(name, body, left)
        except (ValueError, zlib.error):
            found.broken += 1
            continue
        left -= len(text)
        _sort_in(found, keyword, text, utf8=name == b"iTXt")
        found.tagged += tagged
    return found


def _unpacked(name: bytes, body: bytes, left: int) -> tuple[str, bytes, bool]:
    """Return keyword, text and whether a language is stated.

    Raises:
        ValueError, zlib.error: the chunk is damaged, or the text is longer than `left`.
    """
    word, mark, rest = body.partition(b"\0")
    if not mark or not 1 <= len(word) <= MAX_KEYWORD:
        raise ValueError("no keyword")
    packed, tagged = name == b"zTXt", False
    if name == b"iTXt":
        packed = rest[:1] == b"\1"
        language, translated, rest = [*rest[2:].split(b"\0", 2), b"", b""][:3]
        tagged = bool(language or translated)
        rest = b"\0" + rest
    if name == b"zTXt" or packed:
        unpacker = zlib.decompressobj()
        rest = unpacker.decompress(rest[1:], left + 1)
        if not unpacker.eof and len(rest) <= left:
            raise ValueError("the text is cut off")
    elif name == b"iTXt":
        rest = rest[1:]
    if len(rest) > left:
        raise ValueError("too long")
    return word.decode("latin-1"), rest, tagged


def _sort_in(found: Texts, keyword: str, text: bytes, *, utf8: bool) -> None:
    if keyword == XMP_KEYWORD:
        found.xmp = found.xmp or text
        return
    if keyword.startswith(RAW_PROFILE):
        profile = _unhexed(text)
        if profile is None:
            found.broken += 1
        else:
            found.profiles.setdefault(keyword.removeprefix(RAW_PROFILE).lower(), profile)
        return
    try:
        words = text.rstrip(b"\0").decode("utf-8" if utf8 else "latin-1")
    except UnicodeDecodeError:
        found.broken += 1
        return
    if "\0" in words or len(found.pairs) == MAX_TEXTS:
        found.broken += 1
    else:
        found.pairs.append((keyword, words))


def _unhexed(text: bytes) -> bytes | None:
    """Return the bytes of a raw profile: an empty line, a name, a length, and hexadecimal digits in lines."""
    try:
        return binascii.unhexlify(b"".join(text.split(b"\n")[3:]).replace(b"\r", b"").strip())
    except ValueError:
        return None


def text_chunk(keyword: str, text: str) -> tuple[bytes, bytes]:
    """Return name and body of the chunk that holds a text: plain in Latin-1 where that can say it, packed where long.

    Raises:
        ValueError: the keyword is none that PNG allows.
    """
    word = keyword.encode("latin-1")
    if not 1 <= len(word) <= MAX_KEYWORD or b"\0" in word:
        raise ValueError(f"'{keyword[:MAX_KEYWORD]}' is no keyword")
    try:
        plain = text.encode("latin-1")
    except UnicodeEncodeError:
        packed = text.encode("utf-8", "replace")
        flag = len(packed) > LONG
        return b"iTXt", word + b"\0" + bytes((flag, 0)) + b"\0\0" + (zlib.compress(packed) if flag else packed)
    if len(plain) > LONG:
        return b"zTXt", word + b"\0\0" + zlib.compress(plain)
    return b"tEXt", word + b"\0" + plain


def xmp_chunk(packet: bytes) -> tuple[bytes, bytes]:
    """Return name and body of the chunk that holds an XMP packet (XMP specification, part 3: not compressed)."""
    return b"iTXt", XMP_KEYWORD.encode() + b"\0" * 5 + packet


def profile_chunk(kind: str, profile: bytes) -> tuple[bytes, bytes]:
    """Return name and body of the chunk that holds a profile ("iptc") in hexadecimal, as ImageMagick writes them."""
    digits = profile.hex()
    rows = "\n".join(digits[at : at + HEX_ROW] for at in range(0, len(digits), HEX_ROW))
    text = f"\n{kind}\n{len(profile):8d}\n{rows}\n"
    return b"zTXt", (RAW_PROFILE + kind).encode() + b"\0\0" + zlib.compress(text.encode())


def with_chunks(data: bytes, added: Sequence[tuple[bytes, bytes]]) -> bytes:
    """Return a PNG with more chunks, right behind its header, where any kind of chunk may stand."""
    return b"".join((data[:AFTER_HEADER], *_framed(added), data[AFTER_HEADER:])) if added else data


def _framed(added: Iterable[tuple[bytes, bytes]]) -> Iterator[bytes]:
    for name, body in added:
        yield struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
