"""The page sizes in ComicInfo.xml follow the pages, and not a byte else changes."""

import time

import pytest

from nlsr_cli.books.comic_info import Measures, says_sizes, with_sizes

BEFORE = {"1.jpg": Measures(10, 20, 300), "2.jpg": Measures(11, 21, 301)}
AFTER = {name: Measures(2 * each.width, 2 * each.height, 9 * each.size) for name, each in BEFORE.items()}
ORDERS = [["1.jpg", "2.jpg"], ["2.jpg", "1.jpg"]]
TEXT = b"""<?xml version="1.0"?>\r
<ComicInfo><PageCount>2</PageCount><Pages>
  <Page Image="0" ImageWidth="10" ImageHeight='20'\tImageSize = "300" Type="FrontCover" />
  <Page DoublePage="a > b" Image="1" ImageSize="301"/>
</Pages></ComicInfo>"""


def test_sizes_follow_and_the_rest_stays() -> None:
    expected = TEXT.replace(b'"10"', b'"20"').replace(b"'20'", b"'40'").replace(b'"300"', b'"2700"')
    assert with_sizes(TEXT, ORDERS, BEFORE, AFTER) == expected.replace(b'"301"', b'"2709"')


def test_the_order_that_fits_counts() -> None:
    text = b'<Page Image="0" ImageSize="301"/><Page ImageSize="300" Image="1"/>'
    assert with_sizes(text, ORDERS, BEFORE, AFTER) == text.replace(b"301", b"2709").replace(b"300", b"2700")


@pytest.mark.parametrize(
    "text",
    [
        b'<Page Image="0" ImageSize="299"/>',
        b'<Page Image="2" ImageSize="300"/>',
        b'<Page Image="-1" ImageWidth="10"/>',
        b'<Page ImageWidth="10"/>',
        TEXT.decode().encode("utf-16"),
    ],
)
def test_sizes_that_are_not_those_of_the_pages_are_left_alone(text: bytes) -> None:
    assert with_sizes(text, ORDERS, BEFORE, AFTER) is None


def test_a_page_that_stayed_keeps_its_size() -> None:
    text = b'<Page Image="0" ImageSize="7"/><Page Image="1" ImageSize="301"/>'
    after = {"2.jpg": AFTER["2.jpg"]}
    assert with_sizes(text, ORDERS, {"2.jpg": BEFORE["2.jpg"]}, after) == text.replace(b"301", b"2709")


def test_a_book_that_says_no_sizes_is_known() -> None:
    assert says_sizes(TEXT)
    assert not says_sizes(b'<ComicInfo><Title>ImageSize</Title><Page Image="0" Type="Story"/></ComicInfo>')


@pytest.mark.parametrize("piece", [b"<Page ", b"<Page '", b'<Page "', b"<Page Image", b"<Page " + b"ImageSize" * 50])
def test_hostile_text_takes_no_time(piece: bytes) -> None:
    start = time.perf_counter()
    says_sizes(piece * (2**20 // len(piece)))
    with_sizes(piece * (2**20 // len(piece)) + b">", ORDERS, BEFORE, AFTER)
    assert time.perf_counter() - start < 5
