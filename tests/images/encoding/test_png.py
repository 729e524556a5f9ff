"""The samples of a PNG: filters as the standard has them, and files no larger than those of libpng's choice."""

from __future__ import annotations

import zlib
from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from nlsr_cli.images.containers import png as container
from nlsr_cli.images.encoding import png
from tests.conftest import ASSETS
from tests.images.encoding.pieces import KINDS, encoded, picture
from tests.images.files import saved

imagecodecs = pytest.importorskip("imagecodecs")


def by_the_standard(rows, above, step):
    """Return rows filtered pixel by pixel (clause 9.2 and 9.4), by the number of the filter."""
    a, b, c = (np.zeros(rows.shape, int) for _ in range(3))
    a[:, step:], b[...], c[:, step:] = rows[:, :-step], above, above[:, :-step]
    estimate = a + b - c
    to_a, to_b, to_c = abs(estimate - a), abs(estimate - b), abs(estimate - c)
    paeth = np.where((to_a <= to_b) & (to_a <= to_c), a, np.where(to_b <= to_c, b, c))
    return {
        number: ((rows.astype(int) - guess) % 256).astype(np.uint8)
        for number, guess in enumerate((0, a, b, (a + b) // 2, paeth))
    }


@pytest.mark.parametrize("step", [1, 2, 3, 4, 6, 8])
@pytest.mark.parametrize("levels", [2, 3, 5, 256])
def test_filters_are_those_of_the_standard(levels, step):
    """Few levels make ties, which every decoder must break alike."""
    draw = np.random.default_rng(levels * step)
    rows, above = draw.integers(0, levels, (2, 40, 24 * step), dtype=np.uint8)
    found, expected = png.filtered(rows, above, step, mean=True), by_the_standard(rows, above, step)
    for row, line in enumerate(found):
        np.testing.assert_array_equal(line[1:], expected[line[0]][row])


def test_the_filter_with_the_smallest_differences_is_taken():
    """As libpng does it: what is nearly black is left, noise is taken from above, slopes from the left."""
    draw = np.random.default_rng(3)
    noise = draw.integers(0, 256, (50, 60), dtype=np.uint8)
    rows = np.concatenate(
        (
            draw.random((50, 60)) < 0.05,
            np.cumsum(draw.integers(-2, 3, (50, 60)), axis=1),
            noise + draw.integers(-2, 3, (50, 60)),
            np.zeros((5, 60)),
        )
    ).astype(np.uint8)
    above = np.concatenate((np.tile(noise, (3, 1)), np.tile(noise[0], (5, 1))))
    for row in rows[150:]:
        for at in range(1, 60):
            row[at] = (int(row[at - 1]) + int(noise[0, at])) // 2 + int(draw.integers(0, 3))
    found, expected = png.filtered(rows, above, 1, mean=True)[:, 0], by_the_standard(rows, above, 1)
    sizes = {number: np.minimum(each, 0 - each).sum(axis=1, dtype=int) for number, each in expected.items()}
    for row, number in enumerate(found):
        assert sizes[number][row] == min(each[row] for each in sizes.values())
    assert png.AVERAGE not in png.filtered(rows, above, 1, mean=False)[:, 0]
    assert set(found) == {0, png.SUB, png.UP, png.AVERAGE, png.PAETH}


@pytest.mark.parametrize("kind", [kind for kind, (_, _, bits) in KINDS.items() if bits <= 16])
def test_other_decoders_agree(kind):
    made = picture(kind, 60, 41)
    data = encoded(made, "PNG", 13)
    layers = [made.color] if made.alpha is None else [made.color, made.alpha[..., None]]
    expected = np.concatenate(layers, axis=2)
    np.testing.assert_array_equal(imagecodecs.png_decode(data).reshape(expected.shape), expected)
    if made.depth == 8:
        with Image.open(BytesIO(data)) as image:
            np.testing.assert_array_equal(np.asarray(image).reshape(expected.shape), expected)


def test_chunks_are_of_one_size_and_their_checksums_right():
    chunks = list(container.chunks(encoded(picture("RGB", 700, 900), "PNG", 50)))
    assert all(chunk.sound for chunk in chunks)
    sizes = [chunk.length for chunk in chunks if chunk.name == b"IDAT"]
    assert len(sizes) > 3
    assert min(sizes[:-1]) >= png.CHUNK
    assert max(sizes) < 3 * png.CHUNK


@pytest.mark.parametrize(
    "name",
    ["tower.jpg", "colosseum.png", *(f"drawings/{path.name}" for path in sorted((ASSETS / "drawings").iterdir()))],
)
def test_files_are_as_small_as_those_of_pillow(name):
    """Photographs, drawings, screens and lettering, enlarged softly: within two per cent."""
    with Image.open(ASSETS / name) as image:
        large = image.convert("RGB").crop((0, 0, 240, 240)).resize((960, 960), Image.Resampling.BICUBIC)
    ours = sum(map(len, png.sample_chunks([np.asarray(large)], (960, 960, 3), np.dtype(np.uint8))))
    assert ours < 1.02 * len(saved(large, compress_type=zlib.Z_RLE))
