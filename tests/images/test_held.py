"""Pictures of Pillow in memory: modes, profiles and `info` come back as the file path would write them."""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageCms

from nlsr_cli.errors import ImageReadError
from nlsr_cli.images import read_picture
from nlsr_cli.images.held import image_of, read_image
from nlsr_cli.options import DEFAULT_MAX_PIXELS
from tests.conftest import ASSETS
from tests.images import icc

LEVELS = np.arange(48, dtype=np.uint8).reshape(6, 8) * 5
COLOURS = np.stack([LEVELS, LEVELS[::-1], LEVELS.T.reshape(6, 8)], axis=2)
OPACITY = np.where(LEVELS > 100, 255, 40).astype(np.uint8)


def read(image: Image.Image, max_pixels: int = DEFAULT_MAX_PIXELS):
    return read_image(image, max_pixels=max_pixels)


def returned(image: Image.Image) -> Image.Image:
    """Return a picture that was read and given back without being enlarged."""
    return image_of(read(image), image)


def grey(kind: type, factor: float = 1) -> Image.Image:
    return Image.fromarray((LEVELS * np.array(factor)).astype(kind))


def rgba() -> Image.Image:
    return Image.fromarray(np.dstack([COLOURS, OPACITY]))


def lab() -> Image.Image:
    profiles = ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB")
    made = ImageCms.profileToProfile(Image.fromarray(COLOURS), *profiles, outputMode="LAB")
    assert made is not None
    made.info.clear()
    return made


def with_info(image: Image.Image, **info: object) -> Image.Image:
    image.info.update(info)
    return image


# Modes that come back as they are, with the largest difference that a round trip may make.
SAME = {
    "L": (grey(np.uint8), 0),
    "LA": (rgba().convert("LA"), 0),
    "RGB": (Image.fromarray(COLOURS), 0),
    "RGBA": (rgba(), 0),
    "RGBX": (Image.fromarray(COLOURS).convert("RGBX"), 0),
    "La": (rgba().convert("LA").convert("La"), 3),
    "RGBa": (rgba().convert("RGBa"), 3),
    "YCbCr": (Image.fromarray(COLOURS).convert("YCbCr"), 3),
    "HSV": (Image.fromarray(COLOURS).convert("HSV"), 5),
    "I;16": (grey(np.uint16, 257), 0),
    "I;16B": (grey(np.int32, 257).convert("I;16B"), 0),
    "I": (grey(np.int32, 257), 0),
    "F": (grey(np.float32, 1 / 255), 0),
}
# Modes that cannot hold an enlargement, or nothing that leads back, with the one that comes instead.
OTHER = {
    "1": (grey(np.uint8).convert("1"), "L"),
    "P": (Image.fromarray(COLOURS).quantize(), "RGB"),
    "P, grey": (grey(np.uint8).convert("P"), "L"),
    "P, transparent": (with_info(Image.fromarray(COLOURS).quantize(), transparency=0), "RGBA"),
    "PA": (rgba().convert("PA"), "RGBA"),
    "L, transparent colour": (with_info(grey(np.uint8), transparency=5), "LA"),
    "RGB, transparent colour": (with_info(Image.fromarray(COLOURS), transparency=tuple(COLOURS[0, 0])), "RGBA"),
    "CMYK without a profile": (Image.fromarray(COLOURS).convert("CMYK"), "RGB"),
    "LAB": (lab(), "RGB"),
}


@pytest.mark.parametrize("name", SAME)
def test_a_mode_is_kept(name: str) -> None:
    image, most = SAME[name]
    before = image.tobytes()
    made = returned(image)
    assert (made.mode, made.size) == (name, (8, 6))
    dtype = {"I;16": "<u2", "I;16B": ">u2", "I": "<i4", "F": "<f4"}.get(name, "u1")
    given, back = (np.frombuffer(each.tobytes(), dtype).astype(float) for each in (image, made))
    assert np.abs(given - back).max() <= most
    assert image.tobytes() == before


@pytest.mark.parametrize("name", OTHER)
def test_a_mode_that_cannot_be_kept_becomes_one_that_holds_everything(name: str) -> None:
    image, mode = OTHER[name]
    made = returned(image)
    assert (made.mode, made.size) == (mode, (8, 6))
    assert "transparency" not in made.info
    if not name.startswith(("CMYK", "LAB")):
        assert np.array_equal(np.asarray(made.convert("RGBA")), np.asarray(image.convert("RGBA")))


def test_every_mode_of_pillow_is_decided() -> None:
    """A mode that a later Pillow brings is refused by name until somebody decides about it."""
    decided = set(SAME) | {image.mode for image, _ in OTHER.values()} | {"I;16L", "I;16N"}
    assert {mode for mode in Image.MODES if not mode.startswith("BGR")} <= decided
    image = Image.new("RGB", (2, 2))
    image._mode = "XYZ"
    with pytest.raises(ImageReadError, match=r"has the mode XYZ, which cannot be enlarged\nhint: Convert it to RGB"):
        read(image)


def test_integers_of_32_bits_are_read_where_white_is_known() -> None:
    with pytest.raises(ImageReadError, match="mode I with values outside 0 to 65535"):
        read(grey(np.int32, 1000))


@pytest.mark.parametrize("profile", [icc.rgb("P3", icc.DISPLAY_P3), icc.rgb("Wide", icc.PROPHOTO, 1.8), icc.srgb()])
def test_colours_are_converted_by_the_profile_and_back(profile: bytes, tmp_path: Path) -> None:
    """As from a file: the network sees sRGB, and the result is in the space of the profile, which stays."""
    image = with_info(Image.fromarray(COLOURS), icc_profile=profile)
    image.save(tmp_path / "a.png", icc_profile=profile)
    from_file, held = read_picture(tmp_path / "a.png"), read(image)
    assert np.array_equal(from_file.color, held.color)
    made = returned(image)
    assert made.info["icc_profile"] == profile
    assert np.abs(np.asarray(made).astype(int) - COLOURS).max() <= 1


def test_cmyk_with_a_profile_stays_cmyk() -> None:
    image = with_info(Image.fromarray(COLOURS).convert("CMYK"), icc_profile=icc.cmyk())
    made = returned(image)
    assert (made.mode, made.info["icc_profile"]) == ("CMYK", icc.cmyk())


def test_grey_keeps_the_curve_of_its_profile() -> None:
    image = with_info(grey(np.uint8), icc_profile=icc.grey())
    made = returned(image)
    assert (made.mode, made.info["icc_profile"]) == ("L", icc.grey())
    assert np.array_equal(np.asarray(made), LEVELS)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_picture_comes_back_upright_as_from_its_file(orientation: int, tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[274], exif[271] = orientation, "Maker"
    Image.fromarray(COLOURS).save(tmp_path / "a.png", exif=exif)
    from_file = read_picture(tmp_path / "a.png")
    with Image.open(tmp_path / "a.png") as image:
        held, made = read(image), returned(image)
    assert np.array_equal(held.color, from_file.color)
    assert held.metadata.exif == from_file.metadata.exif
    assert (made.getexif()[274], made.getexif()[271]) == (1, "Maker")
    assert made.size == from_file.color.shape[1::-1]


def test_what_info_says_stays(tmp_path: Path) -> None:
    image = with_info(Image.fromarray(COLOURS), dpi=(300, 150), comment="hello", gamma=1 / 2.2)
    made = returned(image)
    assert made.info == {"dpi": (300, 150), "comment": "hello", "gamma": 1 / 2.2}
    assert made.info is not image.info


@pytest.mark.parametrize("name", ["tower.jpg", "cases/06b_c2pa_caBX.png", "cases/05_geotiff.tif"])
def test_files_that_pillow_opened_are_read_as_the_file_path_reads_them(name: str) -> None:
    from_file = read_picture(ASSETS / name)
    with Image.open(ASSETS / name) as image:
        held = read(image)
    assert np.array_equal(held.color, from_file.color)
    for field in ("icc", "exif", "dpi", "jpeg_quality", "thumbnail", "size"):
        assert getattr(held.metadata, field) == getattr(from_file.metadata, field), field


def test_a_file_that_ends_early_is_an_error_of_ours(tmp_path: Path) -> None:
    data = (ASSETS / "tower.jpg").read_bytes()
    with pytest.raises(ImageReadError, match="truncated"):
        read(Image.open(io.BytesIO(data[: len(data) // 2])))


def test_a_picture_whose_file_is_closed_says_so() -> None:
    with Image.open(ASSETS / "tower.jpg") as image:
        pass
    with pytest.raises(ImageReadError, match=r"closed before its pixels were read\nhint: Enlarge it inside"):
        read(image)
    with Image.open(ASSETS / "tower.jpg") as image:
        image.load()
    assert read(image).width == image.width


def test_of_an_animation_the_frame_at_which_it_stands_is_read(tmp_path: Path) -> None:
    frames = [Image.fromarray(COLOURS // (1 + n)) for n in range(3)]
    frames[0].save(tmp_path / "a.webp", save_all=True, append_images=frames[1:], lossless=True)
    with Image.open(tmp_path / "a.webp") as image:
        image.seek(1)
        assert np.array_equal(read(image).color, COLOURS // 2)
        image.seek(2)
        assert np.array_equal(read(image).color, COLOURS // 3)


def test_sizes_that_are_refused() -> None:
    with pytest.raises(ImageReadError, match="the limit is 47"):
        read(grey(np.uint8), 47)
    with pytest.raises(ImageReadError, match="has no pixels"):
        read(Image.new("L", (0, 3)))
