"""The blocks of a GIF that speak in words: comments, and XMP (GIF89a; XMP specification, part 3, 1.1.2)."""

from __future__ import annotations

from collections.abc import Iterator

TRAILER, EXTENSION, IMAGE = 0x3B, 0x21, 0x2C
COMMENT_LABEL, APPLICATION_LABEL = 0xFE, 0xFF
XMP_NAME = b"XMP DataXMP"
# Behind the packet: bytes that lead a reader that takes the text for sub-blocks, wherever it is, to the end of it.
MAGIC = b"\1" + bytes(range(255, -1, -1)) + b"\0"
SCREEN = 13  # bytes of the header and the logical screen


def read_words(data: bytes) -> tuple[bytes | None, list[bytes]]:
    """Return the XMP packet and the comments of a GIF; of a file that makes no sense, those before that place."""
    packet, comments = None, []
    for label, start, end in _extensions(data):
        if label == COMMENT_LABEL:
            comments.append(b"".join(_sub_blocks(data, start, end)))
        elif label == APPLICATION_LABEL and data[start + 1 : start + 12] == XMP_NAME and packet is None:
            raw = data[start + 12 : end]
            packet = raw.removesuffix(MAGIC) if raw.endswith(MAGIC) else raw[: raw.rfind(b">") + 1]
    return packet, comments


def _table(data: bytes, at: int) -> int:
    """Return the bytes of the colour table that the flags at `at` announce."""
    flags = data[at]
    return 3 << (flags & 7) + 1 if flags & 0x80 else 0


def _extensions(data: bytes) -> Iterator[tuple[int, int, int]]:
    """Yield label, first sub-block and end of each extension block."""
    if len(data) < SCREEN:
        return
    at = SCREEN + _table(data, 10)
    while at + 2 <= len(data):
        if data[at] == EXTENSION:
            end = _skip(data, at + 2)
            yield data[at + 1], at + 2, end
        elif data[at] == IMAGE and at + 10 <= len(data):
            end = _skip(data, at + 11 + _table(data, at + 9))
        else:
            return
        at = end


def _skip(data: bytes, at: int) -> int:
    """Return the place behind a run of sub-blocks; where it is cut off, that is the end of the data."""
    while at < len(data) and data[at]:
        at += 1 + data[at]
    return min(at + 1, len(data))


def _sub_blocks(data: bytes, at: int, end: int) -> Iterator[bytes]:
    while at < end and data[at]:
        yield data[at + 1 : at + 1 + data[at]]
        at += 1 + data[at]


def with_words(data: bytes, packet: bytes | None, comment: bytes | None) -> bytes:
    """Return a GIF that has an XMP packet and a comment, where they are given, before its first picture."""
    at = SCREEN + _table(data, 10)
    blocks = b""
    if packet is not None:
        blocks += bytes((EXTENSION, APPLICATION_LABEL, len(XMP_NAME))) + XMP_NAME + packet + MAGIC
    if comment is not None:
        parts = (comment[start : start + 255] for start in range(0, len(comment), 255))
        blocks += bytes((EXTENSION, COMMENT_LABEL)) + b"".join(bytes((len(part),)) + part for part in parts) + b"\0"
    return b"".join((b"GIF89a", data[6:at], blocks, data[at:])) if blocks else data
