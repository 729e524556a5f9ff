"""Damage for files: bits, bytes and lengths, and the structure of each format: chunks, segments, boxes, directories."""

from __future__ import annotations

import random
import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass

EXTREMES = {
    1: (0, 1, 0x7F, 0x80, 0xFF),
    2: (0, 1, 0x7FFF, 0x8000, 0xFFFF),
    4: (0, 1, 2, 0xFF, 0xFFFF, 0x10000, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFE, 0xFFFFFFFF),
    8: (0, 1, 0xFFFFFFFF, 2**63 - 1, 2**63, 2**64 - 1),
}


@dataclass(frozen=True)
class Part:
    """A piece of a file: where it starts and ends, and where its length is written, in how many bytes."""

    start: int
    end: int
    length_at: int
    length_size: int
    big: bool


def mutated(data: bytes, rng: random.Random, other: bytes) -> tuple[str, bytes]:
    """Return the name of the damage, and the damaged file; `other` is a file to splice with."""
    found = parts(data)
    names = list(PLAIN) + (list(STRUCTURAL) * 2 if found else [])
    name = rng.choice(names)
    if name in PLAIN:
        return name, PLAIN[name](data, rng, other)
    damaged = STRUCTURAL[name](data, rng, found)
    if data.startswith(b"\x89PNG") and rng.random() < 0.7:  # else nothing would get behind the check of the sums
        damaged = with_sums(damaged)
    return name, damaged


# Damage that knows nothing of formats


def _flip(data: bytes, rng: random.Random, other: bytes) -> bytes:
    out = bytearray(data)
    for _ in range(rng.choice((1, 1, 2, 8, 32))):
        out[rng.randrange(len(out))] ^= 1 << rng.randrange(8)
    return bytes(out)


def _flip_early(data: bytes, rng: random.Random, other: bytes) -> bytes:
    out = bytearray(data)
    for _ in range(rng.choice((1, 2, 4))):
        out[rng.randrange(min(len(out), 96))] = rng.choice((0, 0xFF, 0x80, rng.randrange(256)))
    return bytes(out)


def _noise(data: bytes, rng: random.Random, other: bytes) -> bytes:
    at = rng.randrange(len(data))
    count = min(len(data) - at, rng.choice((1, 4, 16, 256)))
    return data[:at] + rng.randbytes(count) + data[at + count :]


def _truncate(data: bytes, rng: random.Random, other: bytes) -> bytes:
    return data[: rng.randrange(len(data))]


def _splice(data: bytes, rng: random.Random, other: bytes) -> bytes:
    return data[: rng.randrange(len(data))] + other[rng.randrange(len(other)) :]


def _cut_out(data: bytes, rng: random.Random, other: bytes) -> bytes:
    at = rng.randrange(len(data))
    return data[:at] + data[at + rng.choice((1, 2, 8, 64)) :]


def _repeat(data: bytes, rng: random.Random, other: bytes) -> bytes:
    at = rng.randrange(len(data))
    piece = data[at : at + rng.choice((1, 4, 64, 1024))]
    return data[:at] + piece * rng.choice((2, 3, 64)) + data[at:]


def _extreme(data: bytes, rng: random.Random, other: bytes) -> bytes:
    size = rng.choice((1, 2, 4, 4, 8))
    at = rng.randrange(max(1, len(data) - size))
    value = rng.choice(EXTREMES[size]).to_bytes(size, rng.choice(("big", "little")))
    return data[:at] + value + data[at + size :]


PLAIN: dict[str, Callable[[bytes, random.Random, bytes], bytes]] = {
    "flipped bits": _flip,
    "flipped early": _flip_early,
    "noise": _noise,
    "truncated": _truncate,
    "spliced": _splice,
    "cut out": _cut_out,
    "repeated": _repeat,
    "extreme number": _extreme,
}


# Damage that knows the parts of a file


def _new_length(data: bytes, rng: random.Random, found: list[Part]) -> bytes:
    part = rng.choice(found)
    if not part.length_size:
        return data
    order = "big" if part.big else "little"
    old = int.from_bytes(data[part.length_at : part.length_at + part.length_size], order)
    near = old + rng.choice((-9, -1, 1, 4, 1000))
    value = rng.choice((*EXTREMES[part.length_size], near)) % 256**part.length_size
    return data[: part.length_at] + value.to_bytes(part.length_size, order) + data[part.length_at + part.length_size :]


def _duplicate(data: bytes, rng: random.Random, found: list[Part]) -> bytes:
    part = rng.choice(found)
    return data[: part.end] + data[part.start : part.end] * rng.choice((1, 2, 500)) + data[part.end :]


def _drop(data: bytes, rng: random.Random, found: list[Part]) -> bytes:
    part = rng.choice(found)
    return data[: part.start] + data[part.end :]


def _move(data: bytes, rng: random.Random, found: list[Part]) -> bytes:
    part, place = rng.choice(found), rng.choice(found).start
    rest = data[: part.start] + data[part.end :]
    return rest[:place] + data[part.start : part.end] + rest[place:]


def _inside(data: bytes, rng: random.Random, found: list[Part]) -> bytes:
    part = rng.choice(found)
    body = data[part.start : part.end]
    change = rng.choice((_flip, _noise, _extreme, _extreme)) if body else None
    return data[: part.start] + change(body, rng, body) + data[part.end :] if change else data


def _grow(data: bytes, rng: random.Random, found: list[Part]) -> bytes:
    part = rng.choice(found)
    return data[: part.end] + bytes((rng.choice((0, 255, 65)),)) * rng.choice((1, 100, 70000)) + data[part.end :]


STRUCTURAL: dict[str, Callable[[bytes, random.Random, list[Part]], bytes]] = {
    "new length": _new_length,
    "duplicated part": _duplicate,
    "dropped part": _drop,
    "moved part": _move,
    "changed inside": _inside,
    "grown part": _grow,
}


def parts(data: bytes) -> list[Part]:
    """Return the pieces of a file, by its format; none where it is of no known one."""
    for magic, split in _SPLITTERS.items():
        if data[magic[0] : magic[0] + len(magic[1])] == magic[1]:
            return split(data)
    return []


def _png_parts(data: bytes) -> list[Part]:
    found, at = [], 8
    while at + 12 <= len(data):
        end = at + 12 + int.from_bytes(data[at : at + 4], "big")
        found.append(Part(at, min(end, len(data)), at, 4, True))
        at = end
    return found


def with_sums(data: bytes) -> bytes:
    """Return a PNG whose chunks have the right checksums, as far as their lengths make sense."""
    out, at = bytearray(data), 8
    while at + 12 <= len(out):
        end = at + 8 + int.from_bytes(out[at : at + 4], "big")
        if end + 4 > len(out):
            break
        out[end : end + 4] = struct.pack(">I", zlib.crc32(out[at + 4 : end]))
        at = end + 4
    return bytes(out)


def _jpeg_parts(data: bytes) -> list[Part]:
    found, at = [], 2
    while at + 4 <= len(data) and data[at] == 0xFF and data[at + 1] != 0xDA:
        end = at + 2 + int.from_bytes(data[at + 2 : at + 4], "big")
        found.append(Part(at, min(end, len(data)), at + 2, 2, True))
        at = end
    if at + 2 < len(data):
        found.append(Part(at, len(data), at + 2, 2, True))
    return found


def _riff_parts(data: bytes) -> list[Part]:
    found, at = [Part(0, 12, 4, 4, False)], 12
    while at + 8 <= len(data):
        length = int.from_bytes(data[at + 4 : at + 8], "little")
        end = at + 8 + length + length % 2
        found.append(Part(at, min(end, len(data)), at + 4, 4, False))
        at = end
    return found


def _tiff_parts(data: bytes) -> list[Part]:
    order = "<" if data[:2] == b"II" else ">"
    (at,) = struct.unpack_from(order + "I", data, 4)
    if at + 2 > len(data):
        return []
    (count,) = struct.unpack_from(order + "H", data, at)
    found = [Part(at, at + 2, at, 2, order == ">"), Part(4, 8, 4, 4, order == ">")]
    for number in range(min(count, 100)):
        row = at + 2 + 12 * number
        if row + 12 <= len(data):
            found.append(Part(row, row + 12, row + 4, 4, order == ">"))  # the number of values
            found.append(Part(row + 8, row + 12, row + 8, 4, order == ">"))  # the value, or its place
    return found


def _box_parts(data: bytes, at: int = 0, end: int | None = None, depth: int = 0) -> list[Part]:
    found: list[Part] = []
    end = len(data) if end is None else end
    while at + 8 <= end:
        size, name = int.from_bytes(data[at : at + 4], "big"), data[at + 4 : at + 8]
        stop = min(at + size, end) if size >= 8 else end
        found.append(Part(at, stop, at, 4, True))
        if name in (b"meta", b"iprp", b"ipco", b"iinf", b"iref", b"moov", b"trak", b"mdia", b"minf", b"stbl"):
            skip = {b"meta": 12, b"iinf": 14, b"iref": 12}.get(name, 8)
            found += _box_parts(data, at + skip, stop, depth + 1) if depth < 6 else []
        at = stop
    return found


def _gif_parts(data: bytes) -> list[Part]:
    at = 13 + (3 << (data[10] & 7) + 1 if data[10] & 0x80 else 0)
    found = [Part(6, 13, 6, 2, False)]
    while at + 2 < len(data) and data[at] in (0x21, 0x2C):
        start = at
        if data[at] == 0x21:
            at += 2
        else:
            at += 10 + (3 << (data[at + 9] & 7) + 1 if data[at + 9] & 0x80 else 0) + 1
        first = at
        while at < len(data) and data[at]:
            at += 1 + data[at]
        at += 1
        found.append(Part(start, min(at, len(data)), min(first, len(data) - 1), 1, False))
    return found


def _bmp_parts(data: bytes) -> list[Part]:
    fields = [(2, 4), (10, 4), (14, 4), (18, 4), (22, 4), (26, 2), (28, 2), (30, 4), (34, 4), (46, 4), (50, 4)]
    return [Part(at, at + size, at, size, False) for at, size in fields]


_SPLITTERS: dict[tuple[int, bytes], Callable[[bytes], list[Part]]] = {
    (0, b"\x89PNG"): _png_parts,
    (0, b"\xff\xd8"): _jpeg_parts,
    (0, b"RIFF"): _riff_parts,
    (0, b"II*\0"): _tiff_parts,
    (0, b"MM\0*"): _tiff_parts,
    (4, b"ftyp"): _box_parts,
    (0, b"GIF8"): _gif_parts,
    (0, b"BM"): _bmp_parts,
}
