"""Pictures are shown as they are meant to be seen, and what a screen cannot show is noted."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageCms

from nlsr_cli.images.color.profiles import adobe_rgb
from nlsr_cli.isolation.decoder import Decoder
from nlsr_cli.viewing.shown import Shown, png, read_shown
from tests.conftest import ASSETS, pixels


@pytest.fixture(scope="module")
def decoder() -> Iterator[Decoder]:
    with Decoder() as decoder:
        yield decoder


@pytest.fixture
def shown(decoder: Decoder, tmp_path: Path) -> Iterator[object]:
    def read(image: Image.Image, name: str = "a.png", **settings: object) -> Shown:
        image.save(tmp_path / name, **settings)
        return read_shown(decoder, tmp_path / name, 10**6)

    return read


def test_plain_pixels_stay_and_nothing_is_noted(shown: object) -> None:
    with Image.open(ASSETS / "tower.jpg") as image:
        plain = image.convert("RGB")
    found = shown(plain)
    assert (found.pixels == np.asarray(plain)).all()
    assert found.notes == ()


def test_it_is_upright(shown: object) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    assert shown(Image.new("RGB", (30, 20)), exif=exif).size == (30, 20)


def test_sixteen_bits(shown: object) -> None:
    deep = Image.fromarray(np.full((2, 3), 257 * 77 + 20, np.uint16))
    found = shown(deep)
    assert (found.pixels == 77).all()
    assert found.pixels.shape == (2, 3, 3)
    assert found.notes == ("Its samples are 16 bits, and are shown with 8 bits.",)


def test_transparency_lies_on_grey(shown: object) -> None:
    found = shown(Image.new("RGBA", (2, 2), (255, 0, 0, 128)))
    assert found.pixels[0, 0].tolist() == [192, 64, 64]
    assert found.notes == ("Its transparent parts are shown on grey.",)
    assert shown(Image.new("RGBA", (2, 2), (255, 0, 0, 255))).notes == (), "it has no transparent parts"
    assert shown(Image.new("LA", (2, 2), (9, 0))).pixels[0, 0].tolist() == [128] * 3


def test_a_profile_is_converted_and_noted(shown: object) -> None:
    plain = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    assert shown(Image.new("RGB", (2, 2), "red"), icc_profile=plain).notes == ()
    found = shown(Image.new("RGB", (2, 2), (100, 150, 100)), icc_profile=adobe_rgb(3))
    assert found.pixels[0, 0, 0] < 90, "in sRGB the same green has less red"
    assert "Its colours are converted from 'nlsr: Adobe RGB" in found.notes[0]
    beyond = shown(Image.new("RGB", (2, 2), (0, 255, 0)), icc_profile=adobe_rgb(3))
    assert "Colours outside sRGB are shown as the nearest ones inside." in beyond.notes


def test_grey_of_a_profile_has_the_tones_of_srgb(shown: object) -> None:
    found = shown(Image.new("L", (2, 2), 100), icc_profile=adobe_rgb(1))
    assert found.pixels.shape == (2, 2, 3)
    assert len(set(found.pixels[0, 0].tolist())) == 1
    assert "to sRGB" in found.notes[0]


def test_the_first_frame_stands_for_all(shown: object) -> None:
    frames = [Image.new("RGB", (4, 4), colour) for colour in ("red", "blue", "green")]
    found = shown(frames[0], "a.gif", save_all=True, append_images=frames[1:])
    assert found.pixels[0, 0].tolist() == [255, 0, 0]
    assert found.notes == ("Only the first of 3 frames or pages is shown.",)


def test_png_holds_the_pixels(tmp_path: Path) -> None:
    made = np.random.default_rng(0).integers(0, 256, (40, 60, 3), np.uint8)
    (tmp_path / "a.png").write_bytes(png(made[::2, 1:]))
    assert (pixels(tmp_path / "a.png") == made[::2, 1:]).all()
    assert b"tEXt" not in png(made)
