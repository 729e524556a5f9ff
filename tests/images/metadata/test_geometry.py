"""Numbers as metadata write them, and how a change of the picture moves places: against Pillow's own turning."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from PIL import Image, ImageOps

from nlsr_cli.images.metadata.geometry import Change, like, number, rational, real, subject, whole


@pytest.mark.parametrize("orientation", range(1, 9))
def test_places_move_as_pillow_moves_pixels(orientation):
    """Every pixel of a picture: its centre lies where its value has gone."""
    pixels = np.arange(35, dtype=np.uint8).reshape(5, 7)
    image = Image.fromarray(pixels)
    image.getexif()[274] = orientation
    turned = np.asarray(ImageOps.exif_transpose(image))
    change = Change(orientation, (5, 7), turned.shape)
    for (y, x), value in np.ndenumerate(pixels):
        across, down = change.point(x + Fraction(1, 2), y + Fraction(1, 2))
        assert turned[int(down), int(across)] == value
        assert change.share(Fraction(x, 7), Fraction(y, 5)) == tuple(
            part / side for part, side in zip(change.point(Fraction(x), Fraction(y)), turned.shape[::-1], strict=True)
        )


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("12", 12), (" -3 ", -3), ("+0.25", Fraction(1, 4)), ("3000/7", Fraction(3000, 7)), ("1.5e2", 150),
        ("2E-1", Fraction(0.2)), ("", None), ("x", None), ("nan", None), ("inf", None), ("1/0", None), ("1,5", None),
        ("0x10", None), ("1 2", None), ("9" * 30, None), ("1e999", None), ("1e99", None), ("\u0661\u0662", 12),
        ("1000000000000000", 10**15), ("1000000000000001", None), ("-1e15", -(10**15)), ("-1000000000000001", None),
    ],
)  # fmt: skip
def test_numbers_are_read_or_not_at_all(text, value):
    """Of any length and kind, without a computation that grows with what is claimed."""
    assert number(text) == value


@pytest.mark.parametrize(
    ("value", "text", "expected"),
    [
        (Fraction(2), "1", "2"), (Fraction(5, 2), "1", "3"), (Fraction(6000, 7), "3000/7", "6000/7"),
        (Fraction(1, 3), "0.5", "0.3333333333"), (Fraction(1, 2), "0.500", "0.500"), (Fraction(0), "0.5", "0"),
        (Fraction(-5, 2), "0.5", "-2.5"), (Fraction(150), "0.5", "150"), (Fraction(100), "0.5", "100"),
    ],
)  # fmt: skip
def test_numbers_are_written_as_they_were(value, text, expected):
    """Whole, as a fraction, or with decimals; and not touched where they are the same."""
    assert like(value, text) == expected


def test_small_and_large_numbers_have_no_exponent():
    """XMP knows none."""
    assert real(Fraction(1, 10**7)) == "0.0000001"
    assert real(Fraction(10**14)) == "100000000000000"
    assert real(Fraction(12345678, 10**19)) == "0.000000000001234568"
    assert real(Fraction(10**12) + Fraction(1, 2)) == "1000000000000"
    assert real(Fraction(-1, 10**30)) == real(Fraction(0)) == "0"
    assert whole(Fraction(-5, 2)) == -2


@pytest.mark.parametrize(
    "value",
    [Fraction(1, 3), Fraction(2**40), Fraction(1, 2**40), Fraction(2**33 + 1, 2**33 - 1), Fraction(10**9 + 7, 3**21)],
)
def test_fractions_fit_two_numbers_of_32_bit(value):
    """As close as they come; the largest is the limit of what TIFF can say."""
    found = rational(value)
    assert 0 <= found.numerator < 2**32
    assert 0 < found.denominator < 2**32
    assert found == pytest.approx(min(value, 2**32 - 1), rel=1e-6, abs=1e-9)


@pytest.mark.parametrize("above", [1, 2**32 - 2, 2**32 - 1])
@pytest.mark.parametrize("below", [1, 2**32 - 2, 2**32 - 1])
def test_fractions_that_fit_stay(above, below):
    """Up to the largest number on either side of the stroke."""
    assert rational(Fraction(above, below)) == Fraction(above, below)


def test_units_per_pixel_shrink_as_pixels_grow():
    """Each by the factor of its own direction, once rows have become columns."""
    one, three = Fraction(1), Fraction(3)
    assert Change(1, (40, 60), (120, 120)).pitch(one, three) == (Fraction(1, 2), 1)
    assert Change(6, (40, 60), (120, 120)).pitch(one, three) == (1, Fraction(1, 2))


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ((-5, 8), [0, 24]),
        ((90, 90), [119, 119]),
        ((-5, 90, 4, 2), [0, 119, 8, 6]),
        ((5, 6, 3), [10, 18, 8]),
        ((7,), [7]),
    ],
)
def test_a_subject_lies_in_the_picture(given, expected):
    """Its centre; its extent may reach beyond."""
    assert subject([Fraction(value) for value in given], Change(1, (40, 60), (120, 120))) == expected
