"""The pages of a file as values, numbered from 1; a file that has none is its own only page."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image

from nlsr_cli.errors import ImageReadError, MissingInput
from nlsr_cli.images import Pages
from nlsr_cli.images.formats.raw import DNG_VERSION
from tests.images.containers.test_tiff_file import chained, grey
from tests.images.files import gradient, saved

PLAIN = Image.fromarray(gradient())


def test_pages_are_counted_and_taken(tmp_path: Path) -> None:
    data = chained(grey(), grey(side=4), grey(side=16))
    (tmp_path / "a.tif").write_bytes(data)
    for source in (data, tmp_path / "a.tif"):
        with Pages(source, "a.tif") as pages:
            assert (pages.count, pages.counted, pages.losses) == (3, True, ())
            sides = [Image.open(BytesIO(pages.excerpt(leaf, "", 999))).size for leaf in pages.leaves]
            assert sides == [(8, 8), (4, 4), (16, 16)]
            with pytest.raises(ImageReadError, match="has 3 pages, so there is no page 4") as told:
                pages.leaf(4)
            assert told.value.hint == "Choose from --page 1 to --page 3."


@pytest.mark.parametrize(
    "data",
    [
        saved(PLAIN),
        saved(PLAIN, "TIFF"),
        saved(PLAIN, "GIF", save_all=True, append_images=[PLAIN.rotate(90)]),
        b"",
        b"II*\0",
        chained(grey({DNG_VERSION: (1, 4, b"\1\4\0\0")}), grey(side=4)),
    ],
    ids=["png", "tiff", "gif", "empty", "cut", "raw"],
)
def test_what_has_no_pages_is_one(data: bytes) -> None:
    with Pages(data, "a") as pages:
        assert (pages.count, pages.leaf(1), pages.losses) == (1, None, ())
        with pytest.raises(ImageReadError, match="has a single page, so there is no page 2"):
            pages.leaf(2)


def test_a_page_has_the_limit_of_a_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nlsr_cli.images.loading.ALLOWANCE", 0)
    with Pages(chained(grey(side=16), grey(side=4)), "a") as pages:
        with pytest.raises(
            ImageReadError, match="page 1 of a: has 378 bytes, more than a picture of 9 pixels can need"
        ):
            pages.excerpt(pages.leaves[0], "page 1 of a", 9)
        assert pages.excerpt(pages.leaves[1], "page 2 of a", 64)


def test_what_cannot_be_opened_is_told(tmp_path: Path) -> None:
    with pytest.raises(MissingInput):
        Pages(tmp_path / "gone.tif", "gone.tif")
