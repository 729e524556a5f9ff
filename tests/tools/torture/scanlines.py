"""A PNG reader for the judge of the matrix: chunks, filters, samples of all depths (ISO/IEC 15948)."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


def chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield the chunks of a PNG."""
    at = 8
    while at + 8 <= len(data):
        length, name = struct.unpack_from(">I4s", data, at)
        yield name, data[at + 8 : at + 8 + length]
        at += 12 + length


def pixels(parts: dict[bytes, bytes]) -> tuple[Floats, Floats | None]:
    """Return (h, w, c) from 0 to 1 and opacity (h, w) or None, of chunks by their names."""
    width, height, depth, kind = struct.unpack_from(">IIBB", parts[b"IHDR"])
    samples = _samples(parts, height, width, depth, kind)
    if kind == 3:
        table = np.frombuffer(parts[b"PLTE"], np.uint8).reshape(-1, 3)
        opacity = np.full(256, 255)
        opacity[: len(parts.get(b"tRNS", b""))] = list(parts.get(b"tRNS", b""))
        return table[samples[..., 0]] / 255.0, opacity[samples[..., 0]] / 255.0 if b"tRNS" in parts else None
    values = samples / float(2**depth - 1)
    count = 3 if kind & 2 else 1
    if kind & 4:
        return values[..., :count], values[..., -1]
    if b"tRNS" not in parts:
        return values, None
    key = struct.unpack(f">{count}H", parts[b"tRNS"][: 2 * count])
    return values, 1.0 - (samples == np.array(key)).all(axis=-1)


def _samples(parts: dict[bytes, bytes], height: int, width: int, depth: int, kind: int) -> npt.NDArray[np.int64]:
    """Return (h, w, c) as stored (ISO/IEC 15948, clause 9)."""
    count = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}[kind]
    step, line = max(1, count * depth // 8), -(-width * count * depth // 8)
    raw = zlib.decompress(parts[b"IDAT"])
    above, rows = np.zeros(line, np.uint8), []
    for top in range(0, height * (line + 1), line + 1):
        row = bytearray(raw[top + 1 : top + 1 + line])
        _unfilter(row, above, raw[top], step)
        above = np.frombuffer(bytes(row), np.uint8)
        rows.append(above)
    lines = np.stack(rows)
    if depth == 16:
        values = lines.reshape(height, -1, 2).astype(np.int64)
        return (values[..., 0] * 256 + values[..., 1]).reshape(height, width, count)
    if depth < 8:
        bits = np.unpackbits(lines, axis=1)[:, : width * depth].reshape(height, width, depth)
        return (bits.astype(np.int64) @ (1 << np.arange(depth)[::-1]))[..., None]
    return lines.reshape(height, width, count).astype(np.int64)


def _unfilter(row: bytearray, above: npt.NDArray[np.uint8], kind: int, step: int) -> None:
    for at in range(len(row)):
        left = row[at - step] if at >= step else 0
        up = int(above[at])
        corner = int(above[at - step]) if at >= step else 0
        if kind == 4:
            guess = left + up - corner
            near = min((abs(guess - left), 0, left), (abs(guess - up), 1, up), (abs(guess - corner), 2, corner))[2]
        else:
            near = (0, left, up, (left + up) // 2)[kind]
        row[at] = (row[at] + near) & 255
