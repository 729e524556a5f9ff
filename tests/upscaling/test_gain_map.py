"""The gain map of an HDR JPEG through the whole program: out of the process that decodes, enlarged, into the file."""

from __future__ import annotations

import numpy as np
import pytest

from nlsr_cli.images import read_picture, resize_bicubic
from tests.batch.test_provenance import nlsr
from tests.conftest import ASSETS
from tests.images.files import parsed

CASES = ASSETS / "cases"


@pytest.mark.parametrize(
    ("name", "scale"), [("01_ultrahdr.jpg", 2), ("01_ultrahdr.jpg", 1), ("01b_ultrahdr_iso.jpg", 1.5)]
)
def test_gain_map_keeps_its_ratio_to_the_picture(name, scale, tmp_path):
    """It is enlarged bicubically, whatever the factor, and stays as it is where the picture does."""
    given, out = CASES / name, tmp_path / "out.jpg"
    nlsr("upscale", given, "-o", out, "-s", scale)
    before, after = read_picture(given), read_picture(out)
    height, width = (round(side * scale) for side in before.gain_map.pixels.shape[:2])
    expected = resize_bicubic(before.gain_map.pixels, height, width)
    assert after.gain_map.pixels.shape == expected.shape
    assert np.abs(after.gain_map.pixels.astype(int) - expected).mean() < 1.5
    assert (after.gain_map.iso, after.gain_map.xmp) == (before.gain_map.iso, before.gain_map.xmp)
    assert "gain map for HDR" in nlsr("inspect", out)[0]


def test_other_formats_and_strip_tell_that_it_is_left_out(tmp_path):
    _, said = nlsr("upscale", CASES / "01_ultrahdr.jpg", "-o", tmp_path / "out.png", "-s", 1)
    assert "PNG cannot hold a gain map here; it is left out, and the output is not HDR." in said
    assert b"hdrgm" not in (tmp_path / "out.png").read_bytes()
    _, said = nlsr("upscale", CASES / "01_ultrahdr.jpg", "-o", tmp_path / "out.jpg", "-s", 1, "--strip")
    assert "The gain map is left out with the metadata" in said
    assert parsed("JPEG", (tmp_path / "out.jpg").read_bytes()).located is None
