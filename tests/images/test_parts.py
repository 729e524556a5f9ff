"""Small files of countless parts, which would keep decoders busy for minutes, are refused at once."""

import io
import struct
import time
import zlib

import numpy as np
import pytest
from PIL import Image

from nlsr_cli.errors import ImageReadError
from nlsr_cli.images import bounds, read_picture
from nlsr_cli.images.containers import jpeg
from tests.images import files

IMAGE = Image.fromarray(files.gradient(24, 32))
PNG, JPEG, GIF, WEBP = (files.saved(IMAGE, fmt) for fmt in ("PNG", "JPEG", "GIF", "WEBP"))
FRAME = b",\0\0\0\0\1\0\1\0\0\2\2\x4c\1\0"


def in_png(chunks: bytes) -> bytes:
    return PNG[:33] + chunks + PNG[33:]


def in_jpeg(segments: bytes) -> bytes:
    return JPEG[:2] + segments + JPEG[2:]


CROWDED = {
    "chunks without content": in_png(files.png_chunk(b"abCd", b"") * 1_000_000),
    "texts": in_png(files.png_chunk(b"tEXt", b"k\0v") * 1_000_000),
    "profiles that unfold": in_png(files.png_chunk(b"iCCP", b"k\0\0" + zlib.compress(bytes(15 << 20))) * 300),
    "fill bytes": in_jpeg(b"\xff" * 50_000_000),
    "comments": in_jpeg(b"\xff\xfe\0\x04ab" * 1_000_000),
    "restart markers": in_jpeg(b"\xff\xd0" * 1_000_000),
    "scans": JPEG[:-2] + JPEG[JPEG.index(b"\xff\xda") : -2] * 2000 + JPEG[-2:],
    "frames": GIF[:-1] + FRAME * 1_000_000 + GIF[-1:],
    "extensions": GIF[:-1] + b"!\xfe\1a\0" * 1_000_000 + GIF[-1:],
    "bytes before the first block": GIF[:13] + bytes(768) + b"\1" * 10_000_000 + GIF[13:],
    "RIFF chunks": WEBP[:4] + struct.pack("<I", len(WEBP) - 8 + 8_000_000) + WEBP[8:] + b"abcd\0\0\0\0" * 1_000_000,
}


@pytest.mark.parametrize("kind", CROWDED)
def test_crowded_files_are_refused_at_once(kind):
    begun = time.process_time()
    with pytest.raises(ImageReadError, match="has more than") as told:
        read_picture(CROWDED[kind])
    assert time.process_time() - begun < 2  # each took from ten seconds to minutes
    assert told.value.hint == bounds.HINT


def test_large_pictures_of_many_small_pieces_are_no_crowd():
    """Some writers cut the pixels of a PNG into pieces of 8 kB, of a WebP and GIF into frames; metadata has its own."""
    piece = files.png_chunk(b"IDAT", bytes(4096))
    files.parsed("PNG", PNG[:33] + piece * 40_000).check()
    files.parsed("GIF", GIF[:-1] + FRAME * 10_000 + GIF[-1:]).check()
    files.parsed("JPEG", in_jpeg(b"\xff\xe2\x40\0" + bytes(0x3FFE)) * 255 + JPEG).check()


@pytest.mark.parametrize("fmt", ["PNG", "JPEG", "GIF", "WEBP"])
def test_ordinary_files_are_counted_to_their_end(fmt, monkeypatch):
    """The walk must find its way through real files, or it would count nothing."""
    frames = [Image.fromarray(np.roll(files.gradient(24, 32), shift, 0)) for shift in range(5)]
    stream = io.BytesIO()
    options = {} if fmt == "JPEG" else {"save_all": True, "append_images": frames[1:]}
    frames[0].save(stream, fmt, **options)
    parts = [part.name for part in jpeg.Jpeg(stream.getvalue()).parts()] if fmt == "JPEG" else []
    if fmt != "JPEG":
        counted = f"nlsr_cli.images.formats.{fmt.lower()}.check_number"
        monkeypatch.setattr(counted, lambda names, data, label: parts.extend(names))
        files.parsed(fmt, stream.getvalue()).check()
    expected = {"PNG": (b"fcTL", 5), "JPEG": ("SOS", 1), "GIF": (b",", 5), "WEBP": (b"ANMF", 5)}[fmt]
    assert parts.count(expected[0]) == expected[1]
    assert len(parts) < 30


@pytest.mark.parametrize("fmt", ["PNG", "JPEG", "GIF", "WEBP"])
def test_every_truncation_ends_the_count(fmt):
    data = files.saved(IMAGE, fmt)
    for end in range(len(data)):
        files.parsed(fmt, data[:end]).check()


@pytest.mark.parametrize(
    "data", [in_png(files.png_chunk(b"abCd", b"") * 40_000), GIF[:-1] + b"!\xfe\1a\0" * 40_000 + GIF[-1:]]
)
def test_small_files_of_some_ten_thousand_parts_are_refused(data):
    """Half a megabyte in pieces of a few bytes, which no program writes."""
    with pytest.raises(ImageReadError, match="has more than"):
        read_picture(data)
