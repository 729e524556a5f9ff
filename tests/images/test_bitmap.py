"""BMP of any masks, headers and depths, as programs write them and Pillow does not read them."""

from __future__ import annotations

import struct
from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from nlsr_cli.errors import ImageReadError
from nlsr_cli.images import probe, read_picture
from nlsr_cli.images.depth import extra
from tests.images import icc
from tests.images.files import gradient, losses, saved

HEIGHT, WIDTH = 5, 7
MASKS = {
    "555": (16, (0x7C00, 0x3E0, 0x1F, 0)),
    "565": (16, (0xF800, 0x7E0, 0x1F, 0)),
    "4444": (16, (0xF00, 0xF0, 0xF, 0xF000)),
    "1555": (16, (0x7C00, 0x3E0, 0x1F, 0x8000)),
    "231": (16, (0x3, 0x1C, 0x20, 0)),
    "3103": (16, (0xE000, 0x1FF8, 0x7, 0)),
    "8888": (32, (0xFF0000, 0xFF00, 0xFF, 0xFF000000)),
    "8888 in another order": (32, (0xFF, 0xFF00, 0xFF0000, 0xFF000000)),
    "xbgr": (32, (0xFF000000, 0xFF0000, 0xFF00, 0)),
    "101010": (32, (0x3FF00000, 0xFFC00, 0x3FF, 0)),
    "1010102": (32, (0x3FF00000, 0xFFC00, 0x3FF, 0xC0000000)),
    "111110": (32, (0xFFE00000, 0x1FFC00, 0x3FF, 0)),
    "7187": (32, (0xFE000000, 0x1FFFF80, 0x7F, 0)),
    "24 bits under masks": (24, (0xFF, 0xFF00, 0xFF0000, 0)),
}
needs_extra = pytest.mark.skipif(not extra.available(), reason="needs imagecodecs")


def header(size: int, bits: int, compression: int, *, top_down: bool = False) -> bytes:
    height = -HEIGHT if top_down else HEIGHT
    return struct.pack("<IiiHHIIiiII", size, WIDTH, height, 1, bits, compression, 0, 3937, 3937, 0, 0)


def file(head: bytes, pixels: bytes, behind: bytes = b"") -> bytes:
    start = 14 + len(head)
    return b"BM" + struct.pack("<IHHI", start + len(pixels), 0, 0, start) + head + pixels + behind


def packed(masks: tuple[int, ...], bits: int, levels: np.ndarray) -> bytes:
    """Return rows from the bottom up, of pixels that hold levels (h, w, 4) under masks."""
    numbers = np.zeros(levels.shape[:2], np.uint64)
    for channel, mask in enumerate(masks):
        shift = (mask & -mask).bit_length() - 1 if mask else 0
        numbers |= (levels[..., channel].astype(np.uint64) << np.uint64(shift)) & np.uint64(mask)
    rows = numbers[::-1].astype("<u8").view(np.uint8).reshape(HEIGHT, WIDTH, 8)[..., : bits // 8].reshape(HEIGHT, -1)
    return np.pad(rows, ((0, 0), (0, -rows.shape[1] % 4))).tobytes()


def levels_of(masks: tuple[int, ...]) -> tuple[np.ndarray, list[int]]:
    whites = [mask >> ((mask & -mask).bit_length() - 1) if mask else 0 for mask in masks]
    ramp = np.linspace(0, 1, HEIGHT * WIDTH * 4).reshape(HEIGHT, WIDTH, 4)
    return np.rint(ramp * np.array(whites)).astype(np.uint64), whites


@pytest.mark.parametrize("size", [40, 52, 56, 108, 124])
@pytest.mark.parametrize("kind", MASKS)
def test_channels_lie_under_any_masks(kind, size):
    """With the masks behind a short header (three, or four by BI_ALPHABITFIELDS) or within a long one."""
    bits, masks = MASKS[kind]
    if size == 52 and masks[3]:
        masks = (*masks[:3], 0)
    levels, whites = levels_of(masks)
    alpha = masks[3] != 0
    compression = 6 if alpha and size == 40 else 3
    given = struct.pack(f"<{4 if alpha or size >= 56 else 3}I", *masks[: 4 if alpha or size >= 56 else 3])
    head = header(size, bits, compression) + given
    head += bytes(max(14 + size - 14 - len(head), 0))
    data = file(head, packed(masks, bits, levels))
    deep = max(mask.bit_count() for mask in masks) > 8
    if deep and not extra.available():
        assert "more needs the extra" in read_picture(data).notes[0]
        return
    white = 65535 if deep else 255
    expected = np.rint(levels * (white / np.maximum(whites, 1)))
    picture = read_picture(data)
    assert picture.depth == (16 if deep else 8)
    np.testing.assert_array_equal(picture.color, expected[..., :3])
    if alpha:
        np.testing.assert_array_equal(picture.alpha, expected[..., 3])
    else:
        assert picture.alpha is None
    assert picture.notes == ()
    assert picture.metadata.dpi == (100.0, 100.0)
    told = probe(data, max_pixels=1000)
    assert (told.depth, told.has_alpha, told.height, told.width) == (picture.depth, alpha, HEIGHT, WIDTH)


@pytest.mark.parametrize("bits", [1, 2, 4, 8])
@pytest.mark.parametrize("size", [12, 16, 40, 64])
def test_palettes_of_windows_and_os2(bits, size):
    """Entries of three or four bytes, more of them than there are numbers, and rows from the top."""
    numbers = np.arange(HEIGHT * WIDTH).reshape(HEIGHT, WIDTH) % 2**bits
    colours = np.random.default_rng(bits).integers(0, 256, (2**bits, 3), np.uint8)
    entry = 3 if size == 12 else 4
    palette = b"".join(bytes((*colour[::-1], 0))[:entry] for colour in colours)
    bit_rows = ((numbers[..., None] >> np.arange(bits - 1, -1, -1)) & 1).reshape(HEIGHT, -1)
    coded = np.packbits(np.pad(bit_rows, ((0, 0), (0, -bit_rows.shape[1] % 32))).astype(np.uint8), axis=1)
    if size == 12:
        head, rows = struct.pack("<IHHHH", size, WIDTH, HEIGHT, 1, bits), coded[::-1]
    elif size == 16:
        head, rows = struct.pack("<IIIHH", size, WIDTH, HEIGHT, 1, bits), coded[::-1]
    else:
        head, rows = header(size, bits, 0, top_down=size == 40).ljust(size, b"\0"), coded[:: 1 if size == 40 else -1]
    data = file(head + palette, rows.tobytes())
    picture = read_picture(data)
    color = picture.color if picture.color.shape[2] == 3 else picture.color.repeat(3, 2)
    np.testing.assert_array_equal(color, colours[numbers])
    assert picture.metadata.mode == "P"


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "RGBA"])
def test_what_pillow_writes_comes_as_pillow_reads_it(mode):
    source = Image.fromarray(gradient()).convert(mode)
    data = saved(source, "BMP")
    again = Image.open(BytesIO(data))
    picture = read_picture(data)
    assert picture.metadata.mode == again.mode
    seen = picture.color.repeat(3, 2) if picture.is_grey else picture.color
    np.testing.assert_array_equal(seen, np.asarray(again.convert("RGB")))


def test_alpha_that_is_nowhere_is_none():
    """Some programs state a mask for it and leave it empty; browsers show such a picture."""
    bits, masks = MASKS["8888"]
    levels, _ = levels_of(masks)
    levels[..., 3] = 0
    head = header(56, bits, 3) + struct.pack("<4I", *masks)
    picture = read_picture(file(head, packed(masks, bits, levels)))
    assert picture.alpha is None
    assert picture.notes == ("Alpha is 0 everywhere and is ignored.",)


def test_bits_without_meaning_are_told():
    """The fourth byte of 32 bits is alpha in some files that do not say so."""
    levels, _ = levels_of(MASKS["8888"][1])
    data = file(header(40, 32, 0), packed(MASKS["8888"][1], 32, levels))
    picture = read_picture(data)
    assert picture.alpha is None
    assert picture.notes == ("Pixel bits without a stated meaning are left out.",)


def v5(space: int, profile: bytes, *, colours: bytes = b"") -> bytes:
    """Return a BMP of 24 bits with a profile behind its pixels."""
    pixels = packed(MASKS["555"][1], 24, levels_of(MASKS["555"][1])[0])
    head = header(124, 24, 0) + bytes(16) + struct.pack("<I", space) + colours.ljust(48, b"\0")
    head += struct.pack("<IIII", 4, 124 + len(pixels), len(profile), 0)
    return file(head, pixels, profile)


def test_an_embedded_profile_is_kept_and_a_linked_one_is_told():
    profile = icc.rgb("Wide", ((0.7, 0.27, 0.0), (0.2, 0.7, 0.1), (0.1, 0.05, 0.7)))
    embedded = read_picture(v5(0x4D424544, profile))
    assert embedded.metadata.icc == profile
    assert embedded.notes == ("Colours are converted from 'Wide' to sRGB for enlarging, and back.",)
    linked = read_picture(v5(0x4C494E4B, b"C:\\profiles\\wide.icc\0"))
    assert linked.metadata.icc is None
    assert linked.notes == ("Left out: the name of a colour profile in another file (21 bytes).",)


def test_calibrated_colours():
    """XYZ of the primaries and a gamma, or chromaticities in their place; zeros say nothing."""

    def fixed(*values: float, scale: int = 30) -> bytes:
        return struct.pack(f"<{len(values)}i", *[round(value * 2**scale) for value in values])

    srgb = fixed(0.4124, 0.2126, 0.0193, 0.3576, 0.7152, 0.1192, 0.1805, 0.0722, 0.9505) + fixed(
        2.2, 2.2, 2.2, scale=16
    )
    mere = fixed(0.64, 0.33, 0.03, 0.3, 0.6, 0.1, 0.15, 0.06, 0.79) + fixed(2.2, 2.2, 2.2, scale=16)
    assert all(read_picture(v5(0, b"", colours=colours)).notes == () for colours in (srgb, mere, b""))
    linear = srgb[:36] + fixed(1.0, 1.0, 1.0, scale=16)
    assert read_picture(v5(0, b"", colours=linear)).notes[0].startswith("The file states gamma 1")


def test_what_lies_between_and_behind_is_told():
    data = saved(Image.fromarray(gradient()), "BMP")
    start = int.from_bytes(data[10:14], "little")
    between = data[:10] + struct.pack("<I", start + 6) + data[14:start] + b"secret" + data[start:]
    assert losses("BMP", between) == ("Left out: data between header and pixels (6 bytes).",)
    assert losses("BMP", data + b"secret") == ("Left out: data after the end of the picture (6 bytes).",)


@pytest.mark.parametrize(
    ("head", "reason"),
    [
        (header(40, 0, 4), "is a BMP that holds a JPEG"),
        (header(40, 0, 5), "is a BMP that holds a PNG"),
        (header(64, 24, 4).ljust(64, b"\0"), "is a BMP that holds the RLE24 compression of OS/2"),
        (header(64, 1, 3).ljust(64, b"\0"), "is a BMP that holds the fax compression of OS/2"),
        (header(40, 64, 0), "is a BMP with 64 bits per pixel"),
    ],
)
def test_kinds_that_are_not_read_are_not_called_damaged(head, reason):
    with pytest.raises(ImageReadError, match=reason) as told:
        read_picture(file(head, bytes(1000)))
    assert told.value.hint == "Convert it to PNG first."


def test_damage_is_told():
    """A file that is cut off, masks with gaps, beyond the pixel, or over no colour, and a size of zero."""
    sound = saved(Image.fromarray(gradient()), "BMP")
    for end in range(54, len(sound) - 3, 7):
        with pytest.raises(ImageReadError, match="truncated"):
            read_picture(sound[:end])
    for masks in ((0xF0F, 0xF0, 0, 0), (0xF0000, 0xF0, 0xF, 0), (0, 0, 0, 0)):
        with pytest.raises(ImageReadError, match="is damaged"):
            read_picture(file(header(40, 16, 3) + struct.pack("<3I", *masks[:3]), bytes(1000)))
    with pytest.raises(ImageReadError, match="damaged"):
        read_picture(sound[:18] + bytes(8) + sound[26:])
