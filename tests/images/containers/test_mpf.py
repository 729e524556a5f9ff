"""The directory of several JPEGs: read in both byte orders, written so that others read it, harmless when damaged."""

from __future__ import annotations

import random
from io import BytesIO

import pytest
from PIL import Image

from nlsr_cli.images.containers import jpeg, mpf
from tests.images import jpegs
from tests.images.files import saved

SECOND = jpegs.jpeg(height=6, width=8)


def listing(data: bytes) -> tuple[mpf.Entry, ...]:
    (body,) = [body for _, body in jpeg.Jpeg(data).header() if body.startswith(mpf.HEAD)]
    return mpf.parse(body, data.index(body))


@pytest.mark.parametrize("order", "<>")
def test_entries_are_found_in_both_byte_orders(order):
    data = jpegs.mpf(jpegs.jpeg(), (mpf.DISPARITY, SECOND), (0x010002, SECOND), order=order)
    first, second, third = listing(data)
    assert (first.kind, first.start) == (mpf.PRIMARY, 0)
    assert (second.kind, third.kind) == (mpf.DISPARITY, 0x010002)
    assert [data[each.start :][: len(SECOND)] for each in (second, third)] == [SECOND, SECOND]


def test_entries_of_another_writer():
    images = [Image.new("RGB", (8, 8), color) for color in ("red", "lime", "blue")]
    data = saved(images[0], "MPO", save_all=True, append_images=images[1:])
    assert [each.start for each in listing(data)] == [0, *(part.start for part, _ in jpeg.behind(jpeg.Jpeg(data)))]


def test_what_is_written_is_read_by_another_reader():
    body = mpf.content((1000, 200, 30), 50)
    with Image.open(BytesIO(jpegs.jpeg(jpegs.segment(0xE2, body)))) as image:
        entries = image._getmp()[0xB002]
    assert [(each["Size"], each["DataOffset"]) for each in entries] == [(1000, 0), (200, 950), (30, 1150)]


def test_damage_does_no_harm():
    dice, body = random.Random(2), mpf.content((1000, 200), 50)
    for _ in range(500):
        damaged = bytearray(body)
        for _ in range(3):
            damaged[dice.randrange(4, len(body))] = dice.randrange(256)
        mpf.parse(bytes(damaged[: dice.randrange(len(body) + 1)]), 0)
