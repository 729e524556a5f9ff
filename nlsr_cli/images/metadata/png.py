"""The chunks of a PNG that speak in words: texts, XMP, and the hexadecimal profiles of ImageMagick (ISO/IEC 15948)."""

from __future__ import annotations

import binascii
import struct
import zlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from nlsr_cli.images.containers import png
from nlsr_cli.images.containers.png import TEXTS

XMP_KEYWORD = "XML:com.adobe.xmp"
RAW_PROFILE = "Raw profile type "
COMMENT = "Comment"
EXIF_PROFILES = ("exif", "app1")  # types of the raw profiles that hold EXIF; the latter may hold XMP as well
EXIF_HEAD = b"Exif\0\0"
TEXT_LIMIT = 16 << 20  # bytes of all texts once unpacked
MAX_LONG = 8  # texts that are found to be too long by unpacking them; behind them no other is unpacked
MAX_TEXTS = 4096
MAX_KEYWORD = 79
LONG = 1024  # bytes from which the standard recommends to compress a text
HEX_ROW = 72  # digits in a row of a raw profile, as ImageMagick writes them


@dataclass
class Texts:
    """The texts of one file: keywords with texts in their order, the XMP packet, raw profiles by their type.

    `broken` counts texts that are damaged, `tagged` those whose language or translated keyword is stated, which is not
    kept; `long` are the keywords of texts beyond TEXT_LIMIT, `doubled` those of packets and profiles of which there is
    one already.
    """

    pairs: list[tuple[str, str]] = field(default_factory=list)
    xmp: bytes | None = None
    profiles: dict[str, bytes] = field(default_factory=dict)
    broken: int = 0
    tagged: int = 0
    long: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)


class TooLong(ValueError):
    """A text is longer than what is left of TEXT_LIMIT."""


def read_texts(chunks: Iterable[png.Chunk]) -> Texts:
    """Return the texts of a PNG, unpacked to TEXT_LIMIT bytes in all."""
    found, left = Texts(), TEXT_LIMIT
    for chunk in chunks:
        if chunk.name == b"tXMP":  # of a draft of the XMP specification, 2001
            _take_xmp(found, "tXMP", chunk.body)
        if chunk.name not in TEXTS:
            continue
        try:
            keyword, text, tagged = _unpacked(chunk, left if len(found.long) < MAX_LONG else 0)
        except TooLong:
            found.long.append(chunk.body[:MAX_KEYWORD].partition(b"\0")[0].decode("latin-1"))
            continue
        except (ValueError, zlib.error):
            found.broken += 1
            continue
        left -= len(text)
        _sort_in(found, keyword, text, utf8=chunk.name == b"iTXt")
        found.tagged += tagged
    return found


def read_exif(chunks: Iterable[png.Chunk], texts: Callable[[], Texts]) -> bytes | None:
    """Return the TIFF-structured EXIF bytes of a PNG: of its eXIf chunk, of the zxIf chunk that was once proposed for
    packed ones, or of the hexadecimal text that ImageMagick wrote before there were such chunks. `texts` reads its
    texts, which is done where one of them may be that.
    """
    first: dict[bytes, bytes] = {}
    for chunk in chunks:
        if chunk.name in (b"eXIf", b"zxIf"):
            first.setdefault(chunk.name, chunk.body)
        elif chunk.name in TEXTS and chunk.data.startswith(RAW_PROFILE.encode(), chunk.start + 8):
            first.setdefault(b"text", b"")
    raw = first.get(b"eXIf") or _unpacked_exif(first.get(b"zxIf"))
    if not raw and b"text" in first:
        profiles = texts().profiles
        stated = (profiles.get(kind, b"") for kind in EXIF_PROFILES)
        raw = next((profile for profile in stated if profile.startswith((EXIF_HEAD, b"II", b"MM"))), None)
    return raw.removeprefix(EXIF_HEAD) or None if raw else None


def _unpacked_exif(body: bytes | None) -> bytes | None:
    """Return what a zxIf chunk holds behind its method, 0, and its length."""
    if not body or body[0]:
        return None
    try:
        return zlib.decompressobj().decompress(body[5:], TEXT_LIMIT)
    except zlib.error:
        return None


def _unpacked(chunk: png.Chunk, left: int) -> tuple[str, bytes, bool]:
    """Return keyword, text and whether a language is stated.

    Raises:
        TooLong: the text is longer than `left`.
        ValueError, zlib.error: the chunk is damaged.
    """
    name = chunk.name
    word, mark, rest = chunk.body.partition(b"\0")
    if not chunk.sound or not mark or not 1 <= len(word) <= MAX_KEYWORD:
        raise ValueError("no keyword, or a wrong checksum")
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
        raise TooLong
    return word.decode("latin-1"), rest, tagged


def _sort_in(found: Texts, keyword: str, text: bytes, *, utf8: bool) -> None:
    if keyword == XMP_KEYWORD:
        _take_xmp(found, keyword, text)
        return
    if keyword.startswith(RAW_PROFILE):
        profile = _unhexed(text)
        kind = keyword.removeprefix(RAW_PROFILE).lower()
        if profile is None:
            found.broken += 1
        elif kind in found.profiles:
            found.doubled.append(keyword)
        else:
            found.profiles[kind] = profile
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


def _take_xmp(found: Texts, keyword: str, packet: bytes) -> None:
    if found.xmp is None:
        found.xmp = packet
    else:
        found.doubled.append(keyword)


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
        raise ValueError(f"'{keyword[:MAX_KEYWORD]}' is not a valid keyword")
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


def icc_chunk(profile: bytes) -> tuple[bytes, bytes]:
    """Return name and body of the chunk that holds a colour profile."""
    return b"iCCP", b"ICC Profile\0\0" + zlib.compress(profile)


def resolution_chunk(dpi: tuple[float, float]) -> tuple[bytes, bytes]:
    """Return name and body of the chunk that holds a resolution, across and down, in whole dots per metre."""
    across, down = (int(value / 0.0254 + 0.5) for value in dpi)
    return b"pHYs", struct.pack(">IIB", across, down, 1)
