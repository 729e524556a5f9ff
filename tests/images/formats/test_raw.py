"""Camera raw files are developed as they were measured, upright, with their EXIF, and it is said how."""

from __future__ import annotations

import struct

import numpy as np
import pytest

from nlsr_cli.errors import ImageReadError
from nlsr_cli.images import encode_picture, probe, read_picture
from nlsr_cli.images.color import spaces
from nlsr_cli.images.color.out_of_gamut import add_excess
from nlsr_cli.images.containers import tiff
from nlsr_cli.images.depth import extra
from nlsr_cli.images.formats import format_of, raw
from nlsr_cli.images.formats.raw import DEVELOPED_NOTE, exif_of
from nlsr_cli.images.metadata import exif_tags
from nlsr_cli.options import EncodeOptions
from tests.images.boxes import box
from tests.images.files import camera_exif, plain_tiff, shorts
from tests.images.files import tiff as tiff_file

# From XYZ under D65 to the linear light of sRGB (IEC 61966-2-1): the sensor of the test sees as sRGB does.
TO_SENSOR = (3.2405, -1.5371, -0.4985, -0.9693, 1.8760, 0.0416, 0.0556, -0.2040, 1.0572)
TO_REC_2020 = np.array([[0.6274, 0.3293, 0.0433], [0.0691, 0.9195, 0.0114], [0.0164, 0.0880, 0.8956]])


def dng(light: np.ndarray, orientation: int = 1, order: str = "<", neutral: tuple = (1, 1, 1)) -> bytes:
    """Return a DNG of linear light (h, w, 3) as a sensor with the pattern RG/GB measures it."""
    height, width, _ = light.shape
    rows, columns = np.mgrid[0:height, 0:width]
    layer = rows % 2 + columns % 2
    mosaic = np.take_along_axis(light * np.array(neutral), layer[..., None], axis=2)[..., 0]

    def ratios(values: tuple, kind: int, code: str) -> tuple[int, int, bytes]:
        packed = b"".join(struct.pack(order + code * 2, round(value * 10000), 10000) for value in values)
        return kind, len(values), packed

    tags = {
        254: (4, 1, struct.pack(order + "I", 0)),
        256: shorts(order, width),
        257: shorts(order, height),
        258: shorts(order, 16),
        259: shorts(order, 1),
        262: shorts(order, raw.CFA),
        271: (2, 10, b"Imaginary\0"),
        272: (2, 9, b"Camera 1\0"),
        274: shorts(order, orientation),
        277: shorts(order, 1),
        278: shorts(order, height),
        33421: shorts(order, 2, 2),
        33422: (1, 4, bytes((0, 1, 1, 2))),
        50706: (1, 4, bytes((1, 4, 0, 0))),
        50708: (2, 10, b"Imaginary\0"),
        50717: (4, 1, struct.pack(order + "I", 65535)),
        50721: ratios(TO_SENSOR, 10, "i"),
        50728: ratios(neutral, 5, "I"),
        50778: shorts(order, 21),
    }
    return tiff_file(order, tags, np.rint(mosaic * 65535).astype(order + "u2").tobytes())


def flat(*values: float) -> np.ndarray:
    return np.broadcast_to(np.array(values), (64, 96, 3))


def ramps() -> np.ndarray:
    rows, columns = np.mgrid[0:64, 0:96]
    return np.stack([columns / 120, rows / 80, np.full(rows.shape, 0.3)], -1)


def light_of(data: bytes) -> np.ndarray:
    """Return the developed picture as linear light of Rec. 2020."""
    picture = read_picture(data)
    stored = spaces.from_srgb(picture.color, picture.metadata.icc)
    if picture.excess is not None:
        add_excess(stored, picture.excess)
    values = stored / 65535
    return np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("values", [(0.2, 0.4, 0.6), (0.05, 0.8, 0.1), (0.9, 0.1, 0.1), (0.02, 0.02, 0.02)])
def test_light_is_developed_as_it_was_measured(values, order):
    """Neither brightened nor curved, in a space that holds it."""
    light = light_of(dng(flat(*values), order=order))
    np.testing.assert_allclose(light[32, 48], TO_REC_2020 @ values, atol=2e-3)


def test_the_white_balance_of_the_camera_is_followed():
    """A sensor half as sensitive to red and blue sees the same grey."""
    light = light_of(dng(flat(0.3, 0.3, 0.3), neutral=(0.5, 1, 0.5)))
    np.testing.assert_allclose(light[32, 48], (0.3, 0.3, 0.3), atol=3e-3)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_picture_is_upright(orientation):
    upright = light_of(dng(ramps()))
    found = light_of(dng(ramps(), orientation))
    turns = {3: 2, 6: -1, 8: 1}
    expected = np.rot90(upright, turns[orientation]) if orientation in turns else None
    header = probe(dng(ramps(), orientation), max_pixels=10**6)
    assert (header.height, header.width) == found.shape[:2]
    assert found.shape == ((96, 64, 3) if orientation >= 5 else (64, 96, 3))
    if expected is not None:
        np.testing.assert_allclose(found[8:-8, 8:-8], expected[8:-8, 8:-8], atol=0.02)


def test_what_is_kept_and_said():
    picture = read_picture(dng(ramps(), 6))
    assert picture.metadata.format == "RAW"
    assert picture.color.dtype == np.uint16
    assert DEVELOPED_NOTE in picture.notes
    assert b"Imaginary" in picture.metadata.exif
    assert exif_tags.orientation(picture.metadata.exif) == 1
    data, _ = encode_picture(picture, format="PNG", options=EncodeOptions())
    again = read_picture(data)
    assert again.color.dtype == np.uint16
    assert b"Imaginary" in again.metadata.exif
    assert np.abs(again.color.astype(int) - picture.color).max() <= 16


def test_limits_and_damage():
    data = dng(ramps())
    with pytest.raises(ImageReadError, match="the limit is"):
        read_picture(data, max_pixels=1000)
    with pytest.raises(ImageReadError):
        probe(data, max_pixels=1000)
    for end in (100, 5000):
        with pytest.raises(ImageReadError):
            read_picture(data[:end])


@pytest.mark.parametrize(
    "data",
    [
        plain_tiff("<", (8, 8, 8), 2, bytes(24), t50706=1),
        plain_tiff("<", (8,), raw.CFA, bytes(8)),
        plain_tiff("<", (8, 8, 8), 2, bytes(24), t254=1, t330=8),
        b"FUJIFILMCCD-RAW 0201" + bytes(200),
        b"IIRO\x08\0\0\0" + bytes(60),
        b"IIU\0\x18\0\0\0" + bytes(60),
        b"\0\0\0\x18ftypcrx \0\0\0\1crx isom" + bytes(60),
    ],
)
def test_raw_files_are_known_and_never_read_as_their_preview(data):
    """What LibRaw cannot develop is refused: the first picture in such a file is a thumbnail."""
    with pytest.raises(ImageReadError):
        read_picture(data)


def test_plain_tiffs_are_none():
    assert not raw.is_raw(plain_tiff("<", (8, 8, 8), 2, bytes(24)))
    assert not raw.is_raw(b"II*\0")
    assert format_of(plain_tiff("<", (8,), 1, bytes(8))) == "TIFF"


def test_the_package_is_named_where_it_is_missing(monkeypatch):
    monkeypatch.setitem(extra.MODULES, extra.RAWPY, "no_such_module")
    with pytest.raises(ImageReadError, match="is a camera raw file, which needs the package rawpy") as caught:
        read_picture(dng(ramps()))
    assert caught.value.hint.endswith("-m pip install rawpy")


def test_exif_of_containers_that_are_no_tiffs():
    """Canon's CR3 holds its directories one by one, Fujifilm's RAF a JPEG, Olympus and Panasonic other marks."""
    block = camera_exif(6, thumbnail=False)
    parsed = tiff.parse(block)
    exif = tiff.serialise(tiff.Block("<", parsed.root.children[tiff.EXIF_IFD].without(frozenset({tiff.MAKER_NOTE}))))
    gps = tiff.serialise(tiff.Block("<", parsed.root.children[tiff.GPS_IFD]))
    home = box(b"uuid", raw.CR3_UUID + box(b"CMT1", block) + box(b"CMT2", exif) + box(b"CMT4", gps))
    cr3 = box(b"ftyp", b"crx \0\0\0\1crx isom") + box(b"moov", home)
    found = tiff.parse(exif_of(cr3)).root
    assert found.entries[271].payload == b"Imaginary\0"
    assert 0x829A in found.children[tiff.EXIF_IFD].entries
    assert 2 in found.children[tiff.GPS_IFD].entries
    preview = b"\xff\xd8\xff\xe1" + struct.pack(">H", len(block) + 8) + b"Exif\0\0" + block + b"\xff\xd9"
    raf = b"FUJIFILMCCD-RAW ".ljust(84, b"\0") + struct.pack(">II", 92, len(preview)) + preview
    assert exif_of(raf) == block
    for mark in (b"IIRO", b"IIRS", b"IIU\0"):
        assert tiff.parse(exif_of(mark + block[4:])).root.entries.keys() == parsed.root.entries.keys()
