"""`nlsr inspect` tells what is in a file: no more than there is, and no less."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest
from PIL import Image

from nlsr_cli.errors import ImageReadError
from nlsr_cli.images import encode_picture, inspect_picture, read_provenance
from nlsr_cli.images.metadata.provenance import stamped
from nlsr_cli.options import EncodeOptions
from tests.images import icc, jpegs
from tests.images.files import camera_exif, gradient, picture, png, saved, with_png_chunk
from tests.images.metadata.test_statements import RECORDS, tiff_of

ASSETS = Path(__file__).parents[1] / "assets"
PLAIN = Image.fromarray(gradient())
WIDE = icc.rgb("Wide", ((0.7, 0.27, 0.0), (0.2, 0.7, 0.1), (0.1, 0.05, 0.7)))
NOTHING = {
    "exif": False, "thumbnail": False, "xmp": False, "iptc": False, "comment": False, "gain_map": None, "texts": [],
}  # fmt: skip


def test_a_bare_file_says_nothing():
    """As one line of JSON has it, key by key."""
    data = saved(PLAIN)
    assert inspect_picture(data).as_json() == {
        "file": "-", "bytes": len(data), "format": "PNG", "width": 16, "height": 12, "depth": 8, "mode": "RGB",
        "alpha": False, "frames": 1, "pages": None, "plays": None, "pixels_checked": False,
        "profile": None, "dpi": None, "metadata": NOTHING, "provenance": [], "notes": [],
    }  # fmt: skip


@pytest.mark.parametrize(("loop", "plays"), [(None, 1), (0, 0), (2, 3)])
def test_an_animation_tells_how_often_it_plays(loop: int | None, plays: int) -> None:
    """And a picture of one frame tells nothing of the kind, whatever its file says."""
    options = {} if loop is None else {"loop": loop}
    second = PLAIN.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    film = inspect_picture(saved(PLAIN, "GIF", save_all=True, append_images=[second], **options)).as_json()
    assert (film["frames"], film["plays"]) == (2, plays)
    still = inspect_picture(saved(PLAIN, "GIF", **options)).as_json()
    assert (still["frames"], still["plays"]) == (1, None)
    behind = inspect_picture(
        saved(PLAIN, save_all=True, default_image=True, append_images=[second], **options)
    ).as_json()
    assert (behind["frames"], behind["plays"]) == (1, None)


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (jpegs.jpeg(jpegs.segment(0xE1, b"Exif\0\0" + camera_exif())), {"exif": True, "thumbnail": True}),
        (jpegs.jpeg(jpegs.segment(0xE1, b"Exif\0\0" + camera_exif(thumbnail=False))), {"exif": True}),
        (jpegs.jpeg(jpegs.segment(0xE1, b"Exif\0\0nonsense")), {}),
        (jpegs.jpeg(jpegs.xmp()), {"xmp": True}),
        (jpegs.jpeg(jpegs.segment(0xED, b"Photoshop 3.0\0" + b"8BIM\4\4\0\0\0\0\0\x0c" + RECORDS)), {"iptc": True}),
        (jpegs.jpeg(jpegs.segment(0xFE, b"A hill")), {"comment": True}),
        (png(1, 1, 8, 0, b"\0\0", (b"tEXt", b"B\0x"), (b"tEXt", b"A\0x")), {"texts": ["B", "A"]}),
        (saved(PLAIN, exif=camera_exif()), {"exif": True, "thumbnail": True}),
        (saved(PLAIN, "TIFF", description="A hill"), {"exif": True}),
        (saved(PLAIN, "TIFF", dpi=(300, 300)), {}),
        ((ASSETS / "cases" / "01_ultrahdr.jpg").read_bytes(), {"xmp": True, "gain_map": {"height": 32, "width": 48}}),
    ],
)
def test_each_thing_is_told_by_itself(data, told):
    """Of each there is a place in the answer, and nothing else changes."""
    assert inspect_picture(data).as_json()["metadata"] == {**NOTHING, **told}


@pytest.mark.parametrize("source", ["bytes", "path", "text"])
def test_a_file_has_a_name(source, tmp_path):
    """Its own, unless another is given, as for what was sent to a server; and that of a stream is a dash."""
    path = tmp_path / "a.png"
    path.write_bytes(saved(PLAIN))
    given = {"bytes": path.read_bytes(), "path": path, "text": str(path)}[source]
    assert str(inspect_picture(given).path) == ("-" if source == "bytes" else str(path))
    assert str(inspect_picture(given, name="theirs.png").path) == "theirs.png"


BY_NUMBERS = "none; stated by numbers"


def with_gamma(gamma: int) -> bytes:
    return with_png_chunk(saved(PLAIN), b"gAMA", struct.pack(">I", gamma))


@pytest.mark.parametrize(
    ("data", "profile"),
    [
        (saved(PLAIN, icc_profile=WIDE), "Wide"),
        (saved(PLAIN, "JPEG", icc_profile=WIDE), "Wide"),
        (saved(PLAIN, "TIFF", icc_profile=WIDE), "Wide"),
        (saved(PLAIN, icc_profile=b"x" * 200), "unreadable"),
        (saved(PLAIN, "TIFF"), None),
        (tiff_of({34675: (7, 0, b"")}), None),
        (with_gamma(45455), None),
        (with_gamma(100000), f"{BY_NUMBERS}: gamma 1"),
        (with_png_chunk(saved(PLAIN), b"cICP", bytes((1, 13, 0, 1))), None),
        (with_png_chunk(saved(PLAIN), b"cICP", bytes((12, 13, 0, 1))), f"{BY_NUMBERS}: primaries 12, transfer 13"),
        (with_png_chunk(saved(PLAIN), b"cICP", bytes((9, 16, 0, 1))), f"{BY_NUMBERS}: PQ"),
        ((ASSETS / "jxl" / "wide_lossy.jxl").read_bytes(), "Wide"),
        ((ASSETS / "jxl" / "film.jxl").read_bytes(), None),
        ((ASSETS / "heic" / "camera.heic").read_bytes(), "nlsr: primaries 12, transfer 13"),
        ((ASSETS / "heic" / "plain.heic").read_bytes(), None),
    ],
)  # fmt: skip
def test_the_colours_have_a_name(data, profile):
    """That of a profile, or the numbers that stand for one; of sRGB there is nothing to tell."""
    assert inspect_picture(data).profile == profile


def test_grey_by_numbers_is_judged_as_colour():
    """What is stated is told, whether the samples need it or not."""
    grey = with_png_chunk(saved(PLAIN.convert("L")), b"cICP", bytes((12, 13, 0, 1)))
    assert inspect_picture(grey).profile == f"{BY_NUMBERS}: primaries 12, transfer 13"


@pytest.mark.parametrize(
    ("data", "dpi"),
    [
        (saved(PLAIN, dpi=(300, 150)), [300.0, 150.0]),
        (saved(PLAIN, "BMP", dpi=(300, 150)), [300.0, 150.0]),
        (saved(PLAIN, "TIFF", dpi=(300, 150)), [300.0, 150.0]),
        ((ASSETS / "heic" / "camera.heic").read_bytes(), [72.0, 72.0]),
        ((ASSETS / "jxl" / "camera_jpeg.jxl").read_bytes(), [72.0, 72.0]),
    ],
)
def test_the_resolution_is_told_of_every_format(data, dpi):
    """Across, then down."""
    assert inspect_picture(data).as_json()["dpi"] == dpi


def test_the_last_enlargement_is_told(tmp_path):
    """Of several the newest; of a file that was never enlarged, nothing."""
    made = picture()
    for number in range(3):
        made = picture(xmp=stamped(made.metadata, {"model": str(number)}).xmp)
    (tmp_path / "a.png").write_bytes(encode_picture(made, format="PNG", options=EncodeOptions())[0])
    assert read_provenance(tmp_path / "a.png") == {"model": "2"}
    found = inspect_picture(tmp_path / "a.png").as_json()["provenance"]
    assert found == [{"model": "0"}, {"model": "1"}, {"model": "2"}]
    (tmp_path / "b.png").write_bytes(saved(PLAIN))
    assert read_provenance(tmp_path / "b.png") == {}


def test_a_thumbnail_in_front_of_a_tiff_is_not_the_picture():
    """What is told is what would be enlarged."""
    found = inspect_picture(ASSETS / "cases" / "09_thumbnail_first.tif")
    with Image.open(ASSETS / "cases" / "09_thumbnail_first.tif") as first:
        assert (found.header.height, found.header.width) > first.size[::-1]
    assert found.as_json()["metadata"]["thumbnail"] is False


def test_a_damaged_tiff_is_an_error():
    """With the name by which the user knows the file."""
    with pytest.raises(ImageReadError, match=r"theirs\.tif"):
        inspect_picture(b"II*\0\xff\xff\xff\xff", name="theirs.tif")


def test_exif_beside_the_boxes_of_a_heic_counts():
    """It tells of the camera, though the boxes alone turn the picture."""
    assert inspect_picture(ASSETS / "heic" / "camera.heic").exif
    assert not inspect_picture(ASSETS / "heic" / "plain.heic").exif
