"""A picture that lies on the disk while it is enlarged comes out as it would in memory, and leaves nothing there."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nlsr_cli import scratch
from nlsr_cli.api import load_model
from nlsr_cli.images import GainMap, Metadata, Picture, encode_picture
from nlsr_cli.nlsn import NLSN
from nlsr_cli.options import ComputeOptions, EncodeOptions, TileOptions
from nlsr_cli.sizes import SizeOptions
from nlsr_cli.upscaling.enlarger import Enlarger
from nlsr_cli.upscaling.needs import Extent
from tests.images import icc


@pytest.fixture(scope="module")
def family() -> dict[int, NLSN]:
    return {scale: load_model("lite", scale) for scale in (2, 3, 4)}


def photograph(dtype: type, channels: int = 3) -> Picture:
    """Return 67x53 pixels: colours, and alpha with hidden, half visible and opaque places."""
    dice = np.random.default_rng(3)
    rows, columns = np.mgrid[0:67, 0:53]
    white = 1.2 if dtype == np.float32 else np.iinfo(dtype).max
    soft = np.sin(rows / 7)[..., None] * np.cos(columns / 5)[..., None] * [0.4, 0.3, -0.4][:channels] + 0.5
    color = ((soft + dice.uniform(-0.05, 0.05, soft.shape)) * white).astype(dtype)
    alpha = (((rows - 30) ** 2 + (columns - 25) ** 2 < 400) * (1 if dtype == np.float32 else white)).astype(dtype)
    return Picture(color, alpha, Metadata("PNG", "RGBA" if channels == 3 else "LA"))


CASES: dict[str, tuple[Picture, dict[str, Any]]] = {
    "colours with alpha": (photograph(np.uint8), {}),
    "grey of 16 bits": (photograph(np.uint16, 1), {}),
    "floats beyond white": (photograph(np.float32), {"sizes": SizeOptions(scale=2)}),
    "a size between": (photograph(np.uint8), {"sizes": SizeOptions(scale=2.3), "strength": 0.6}),
    "two networks, and around": (photograph(np.uint8), {"sizes": SizeOptions(scale=5.5), "wrap": "xy"}),
    "interpolated": (photograph(np.uint8), {"strength": 0, "alpha": "lanczos"}),
    "smaller": (photograph(np.uint16), {"sizes": SizeOptions(width=30)}),
    "more than sRGB, and HDR": (
        replace(
            photograph(np.uint8),
            metadata=Metadata("PNG", "RGB", icc=icc.rgb("Adobe", icc.ADOBE_RGB)),
            excess=np.arange(67 * 53 * 3, dtype=np.int16).reshape(67, 53, 3) % 9 - 4,
            gain_map=GainMap(photograph(np.uint8).color[:40, :40]),
        ),
        {},
    ),
}


def enlarger_of(family: dict[int, NLSN], options: dict[str, Any], tile: TileOptions | None = None) -> Enlarger:
    return Enlarger(
        family, compute=ComputeOptions("cpu", "fp32"), tile=tile, **{"sizes": SizeOptions(scale=4), **options}
    )


@pytest.mark.parametrize("case", CASES)
def test_pixels_and_bytes_are_those_of_memory(
    case: str, family: dict[int, NLSN], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    picture, options = CASES[case]
    enlarger = enlarger_of(family, options, TileOptions(48, 8))
    formats = ("TIFF", "WebP") if picture.depth == 8 else ("TIFF",)
    expected = enlarger.upscale(picture)
    files = [encode_picture(expected.picture, format=fmt.upper(), options=EncodeOptions()) for fmt in formats]
    monkeypatch.setattr(scratch, "LEAST", 1)
    monkeypatch.setattr(scratch, "BAND", 500)
    monkeypatch.setattr(scratch, "_RELAX", 2000)
    with scratch.placed(tmp_path):
        found = enlarger.upscale(picture)
        again = [encode_picture(found.picture, format=fmt.upper(), options=EncodeOptions()) for fmt in formats]
    np.testing.assert_array_equal(found.picture.color, expected.picture.color)
    np.testing.assert_array_equal(found.picture.alpha, expected.picture.alpha)
    assert again == files
    assert found.agreement == expected.agreement
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("case", CASES)
def test_what_is_foreseen_holds_what_is_taken(
    case: str, family: dict[int, NLSN], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of scratch no less than there is at any time, and not so much more that a disk would seem too small."""
    picture, options = CASES[case]
    enlarger = enlarger_of(family, options)
    monkeypatch.setattr(scratch, "LEAST", 1)
    taken = [0]
    mapped = scratch.mapped

    def counted(*arguments: Any) -> Any:
        made = mapped(*arguments)
        taken.append(sum(len(each) for each in scratch._mappings))
        return made

    monkeypatch.setattr(scratch, "mapped", counted)
    extent = Extent.of(picture)
    with scratch.placed(tmp_path):
        enlarger.upscale(picture)
    foreseen = enlarger.demand(extent).scratch - extent.held  # that lies in memory here
    assert max(taken) <= foreseen <= 3 * max(taken)
