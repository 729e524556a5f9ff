"""PNG in the form for Apple's devices is read as what it was made from."""

from __future__ import annotations

import struct
import zlib

import numpy as np
import pytest

from nlsr_cli.errors import ImageReadError
from nlsr_cli.images import probe, read_picture
from tests.images.files import gradient, png_chunk


def apple_png(pixels: np.ndarray, *, kind: int, depth: int = 8, pieces: int = 1, width: int = 0) -> bytes:
    """Return BGR or premultiplied BGRA rows (h, w, c), deflated without header and checksum, in several chunks."""
    height, width = len(pixels), width or pixels.shape[1]
    rows = b"".join(b"\0" + row.tobytes() for row in pixels)
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    packed = packer.compress(rows) + packer.flush()
    step = -(-len(packed) // pieces)
    parts = [(b"CgBI", b"\x50\0\x20\2"), (b"IHDR", struct.pack(">IIBBBBB", width, height, depth, kind, 0, 0, 0))]
    parts += [(b"iDOT", bytes(28)), (b"sRGB", b"\0")]
    parts += [(b"IDAT", packed[at : at + step]) for at in range(0, len(packed), step)] + [(b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(png_chunk(name, body) for name, body in parts)


@pytest.mark.parametrize("pieces", [1, 3])
def test_opaque(pieces):
    data = apple_png(gradient()[..., ::-1], kind=2, pieces=pieces)
    picture = read_picture(data)
    np.testing.assert_array_equal(picture.color, gradient())
    assert picture.notes == ("The file is in a form for Apple devices.",)
    assert probe(data, max_pixels=1000).mode == "RGB"


def test_alpha_is_divided_out():
    """To what it was, within what multiplying in 8 bits has lost; where nothing is visible, nothing is divided."""
    alpha = np.linspace(0, 255, 12 * 16).reshape(12, 16).round().astype(np.uint8)
    multiplied = np.rint(gradient() * (alpha[..., None] / 255)).astype(np.uint8)
    picture = read_picture(apple_png(np.dstack((multiplied[..., ::-1], alpha)), kind=6))
    np.testing.assert_array_equal(picture.alpha, alpha)
    lost = np.abs(picture.color.astype(int) - gradient()) * (alpha[..., None] / 255)
    assert lost.max() <= 1
    assert picture.notes == ("The file is in a form for Apple devices; premultiplied alpha is read as straight alpha.",)


def test_damage_and_bombs_are_told():
    sound = apple_png(gradient()[..., ::-1], kind=2)
    at = sound.index(b"IDAT")
    for data in (
        sound[: at + 60],
        sound[:at] + b"IDAT" + bytes(20) + sound[at + 24 :],
        apple_png(np.zeros((12, 40_000, 3), np.uint8), kind=2, width=4),
    ):
        with pytest.raises(ImageReadError, match=r"(damaged|truncated)"):
            read_picture(data)


def test_forms_that_are_not_known_are_refused():
    with pytest.raises(ImageReadError, match="only Apple devices read") as told:
        read_picture(apple_png(gradient(), kind=2, depth=16))
    assert "Preview" in told.value.hint
