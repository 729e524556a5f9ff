"""The curve is a picture that shows the figures, whatever they are."""

from __future__ import annotations

from io import BytesIO
from math import inf, nan

import numpy as np
import pytest
from PIL import Image

from nlsr_cli.training.curve import HEIGHT, WIDTH, _axis, draw_curve

RED, BLUE = (196, 78, 82), (43, 108, 176)
POINTS = [(100 * step, 0.1 / step, 25 + step / 4) for step in range(1, 9)]


def places(data: bytes, colour: tuple[int, int, int]) -> np.ndarray:
    """Return rows and columns of a colour, without the words in it."""
    with Image.open(BytesIO(data)) as image:
        assert (image.size, image.format) == ((WIDTH, HEIGHT), "PNG")
        found = (np.asarray(image) == colour).all(axis=2)
    rows, columns = np.nonzero(found)
    right = columns > 300
    return np.stack([rows[right], columns[right]])


def test_loss_falls_and_psnr_rises() -> None:
    """What goes down is drawn going down: rows count from the top."""
    data = draw_curve(POINTS, "a title")
    for colour, falls in ((RED, True), (BLUE, False)):
        rows, columns = places(data, colour)
        first, last = rows[columns == columns.min()].mean(), rows[columns == columns.max()].mean()
        assert bool(first < last) is falls
    assert places(data, RED)[0].max() < places(data, BLUE)[0].min(), "the loss above"


@pytest.mark.parametrize(
    "points",
    [
        [],
        POINTS[:1],
        [(0, 0.0, 0.0)],
        [(5, 0.1, 30.0)] * 3,
        [(1, nan, 20.0), (2, inf, nan), (3, 0.1, -inf)],
        [(step, 1e-9, 1e9) for step in range(300)],
        [(10**9, 1e300, -1e300), (2 * 10**9, -1e300, 1e300)],
    ],
)
def test_any_figures_give_a_picture(points: list[tuple[int, float, float]]) -> None:
    """One point, none, flat lines, what is no number: a run must not end over its picture."""
    places(draw_curve(points, ""), RED)


@pytest.mark.parametrize("values", [[0.0, 1.0], [27.31, 27.32], [0, 123456], [-3.0, 5.5], [0.00012]])
def test_ticks_are_few_and_inside(values: list[float]) -> None:
    axis = _axis(values, 0, 100)
    assert 2 <= len(axis.ticks) <= 8
    assert axis.low <= axis.ticks[0] < axis.ticks[-1] <= axis.high
    assert all(0 <= axis.place(value) <= 100 for value in values)
