"""A file is walked once, whoever asks for its parts, and no further than that."""

from __future__ import annotations

from itertools import islice

import pytest

from nlsr_cli.images import inspect_picture, read_picture
from nlsr_cli.images.animation.reading import read_any
from nlsr_cli.images.containers import jpeg
from nlsr_cli.images.formats import FORMATS
from nlsr_cli.images.loading import load
from nlsr_cli.images.parts import Walk
from nlsr_cli.images.reading import probe
from tests.images import jpegs
from tests.images.files import parsed
from tests.tools.house import entered, samples

SAMPLES = dict(samples())


def test_who_asks_for_pieces_gets_all_of_them_whoever_else_asks():
    """Two who take turns get the same, and nothing is taken that nobody asked for."""
    coming = iter(range(100))
    walk = Walk(coming)
    first, second = iter(walk), iter(walk)
    assert list(islice(first, 3)) == [0, 1, 2]
    assert list(islice(second, 5)) == [0, 1, 2, 3, 4]
    assert next(first) == 3
    assert next(coming) == 5
    assert list(walk) == [*range(5), *range(6, 100)]
    assert list(first) == list(range(4, 5)) + list(range(6, 100))


@pytest.mark.parametrize("name", [name for name in SAMPLES if not name.endswith(".tif")])
@pytest.mark.parametrize("call", [read_picture, read_any, inspect_picture])
def test_a_container_is_walked_once(name, call):
    """Whatever is read of it. Of a JPEG that goes for each picture in it."""
    call(SAMPLES[name])
    _, walks = entered(lambda: call(SAMPLES[name]))
    counts = [count for path, places in walks.items() if path != "tiff.py" for count in places.values()]
    assert counts
    assert set(counts) == {1}


def test_what_was_probed_is_read_without_another_walk():
    """As the process does that decodes."""

    def whole() -> None:
        file = load(SAMPLES["colosseum.png"], "a.png", 10**6)
        probe(file, max_pixels=10**6)
        read_any(file)

    _, walks = entered(whole)
    assert list(walks["png.py"].values()) == [1]


def test_a_jpeg_gives_its_further_pictures_one_by_one():
    """With what lies between them: each byte behind the first picture belongs to one part."""
    second = jpegs.jpeg(height=6, width=8)
    data = jpegs.jpeg() + second + bytes(9) + second + jpegs.VIDEO
    first = jpeg.Jpeg(data)
    found = list(jpeg.behind(first))
    assert [part.name for part, _ in found] == ["picture", "padding", "picture", "video"]
    assert [picture.start for _, picture in found if picture] == [part.start for part, picture in found if picture]
    assert first.stop + sum(part.size for part, _ in found) == len(data)


@pytest.mark.parametrize("fmt", [name for name, each in FORMATS.items() if each.parse is not None])
def test_every_format_has_a_class_of_its_own(fmt):
    """Which calls it by the same name."""
    assert parsed(fmt, b"").format == FORMATS[fmt].name == fmt
