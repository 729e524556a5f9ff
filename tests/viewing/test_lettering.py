"""Names are drawn with a font that knows their letters, and fit."""

import numpy as np

from nlsr_cli.viewing.lettering import Lettering


def ink(pixels: np.ndarray) -> int:
    return int((pixels < 128).any(axis=2).sum())


def test_a_line_has_its_size_and_stands_in_the_middle() -> None:
    letters = Lettering(14)
    drawn, missing = letters.draw("photo.jpg", 200, (0, 0, 0))
    assert drawn.shape == (letters.line, 200, 3)
    assert not missing
    columns = np.nonzero((drawn < 128).any(axis=(0, 2)))[0]
    assert abs(columns[0] - (199 - columns[-1])) <= 3
    assert drawn[0].min() == drawn[-1].min() == 255, "nothing is cut off"


def test_a_long_name_loses_its_middle() -> None:
    letters = Lettering(14)
    short, _ = letters.draw("aaaaaaaaaa" * 20 + ".jpg", 120, (0, 0, 0))
    assert short.shape[1] == 120
    assert (short[:, :1] == 255).all() or ink(short) > 0
    same, _ = letters.draw("aaaaaaaaaa" * 30 + ".jpg", 120, (0, 0, 0))
    assert (same == short).all(), "both ends are what is left of either"


def test_what_no_font_has_becomes_question_marks() -> None:
    letters = Lettering(14)
    drawn, missing = letters.draw("a\U000e0fff\n", 100, (0, 0, 0))
    expected, _ = letters.draw("a??", 100, (0, 0, 0))
    assert missing
    assert (drawn == expected).all()
