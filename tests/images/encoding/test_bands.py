"""Bands of any heights give the rows of one picture, or an error."""

from __future__ import annotations

import numpy as np
import pytest

from nlsr_cli.images.encoding.bands import cut, whole

PICTURE = np.arange(13 * 5 * 3, dtype=np.uint8).reshape(13, 5, 3)


def split(pixels, *heights):
    """Yield bands in one buffer that is used again, as an engine may do it."""
    buffer, top = np.empty((max(heights), *pixels.shape[1:]), pixels.dtype), 0
    for high in heights:
        band = buffer[:high]
        band[...] = pixels[top : top + high]
        top += high
        yield band
        buffer[...] = 255


@pytest.mark.parametrize("heights", [(13,), (1,) * 13, (4, 4, 5), (6, 0, 7), (12, 1), (3, 10)])
@pytest.mark.parametrize("rows", [1, 2, 4, 13, 100])
def test_heights_of_bands_do_not_matter(heights, rows):
    found = [band.copy() for band in cut(split(PICTURE, *heights), PICTURE.shape, PICTURE.dtype, rows)]
    assert [len(band) for band in found[:-1]] == [rows] * (len(found) - 1)
    np.testing.assert_array_equal(np.concatenate(found), PICTURE)
    bands = [band.copy() for band in split(PICTURE, *heights)]
    np.testing.assert_array_equal(whole(bands, PICTURE.shape, PICTURE.dtype), PICTURE)


def test_what_comes_whole_is_not_copied():
    """A picture of a gigapixel would not be there twice."""
    assert whole([PICTURE], PICTURE.shape, PICTURE.dtype).base is PICTURE.base
    assert all(band.base is PICTURE.base for band in cut([PICTURE], PICTURE.shape, PICTURE.dtype, 5))


@pytest.mark.parametrize(
    ("bands", "words"),
    [
        ([], "0 of the 13 rows"),
        ([PICTURE[:12]], "12 of the 13 rows"),
        ([PICTURE[:6], PICTURE[:6]], "12 of the 13 rows"),
        ([PICTURE, PICTURE[:1]], "more than the 13 rows"),
        ([PICTURE[:7], PICTURE[:7]], "more than the 13 rows"),
        ([PICTURE[:, :4]], "a band of 4×3×uint8 in a picture of 5×3×uint8"),
        ([PICTURE[..., :1]], "a band of 5×1×uint8 in"),
        ([PICTURE.astype(np.uint16)], "a band of 5×3×uint16 in"),
        ([PICTURE[..., 0]], "a band of 5×uint8 in"),
    ],
)
@pytest.mark.parametrize("rows", [4, 13])
def test_bands_that_do_not_add_up_are_an_error(bands, words, rows):
    """No file comes to be that lacks rows, or has those of another picture."""
    with pytest.raises(ValueError, match=words):
        list(cut(iter(bands), PICTURE.shape, PICTURE.dtype, rows))
