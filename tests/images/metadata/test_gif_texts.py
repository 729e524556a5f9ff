"""The blocks of a GIF that speak in words: each by its name, the first of a kind, and all comments."""

from __future__ import annotations

import pytest
from PIL import Image

from nlsr_cli.images.containers.gif import chain
from nlsr_cli.images.metadata.gif_texts import MAGIC, Words, with_words
from tests.images.files import gradient, parsed, saved

PICTURE = saved(Image.fromarray(gradient()).quantize(16), "GIF")
PACKET = b"<x>" + b"words " * 100 + b"</x>"


def gif(*blocks: bytes) -> bytes:
    """Return a GIF with blocks behind its picture."""
    return PICTURE[:-1] + b"".join(blocks) + PICTURE[-1:]


def words(data: bytes) -> Words:
    """Return what a GIF says."""
    return parsed("GIF", data).words


def named(name: bytes, body: bytes) -> bytes:
    """Return the block of an application, in sub-blocks."""
    return b"!\xff\x0b" + name + chain(body)


def xmp(packet: bytes, end: bytes = MAGIC) -> bytes:
    """Return the block of a packet, which is in no sub-blocks."""
    return b"!\xff\x0bXMP DataXMP" + packet + end


@pytest.mark.parametrize(
    ("name", "field"),
    [(b"ICCRGBG1012", "icc"), (b"MGKIPTC0000", "iptc"), (b"MGK8BIM0000", "photoshop"), (b"SOMEBODY1.0", None)],
)
def test_blocks_of_applications_have_names(name, field):
    """Long ones and short ones; of two the first counts, and those of others are none of its business."""
    for body in (b"x", b"x" * 1000):
        expected = Words([]) if field is None else Words([], **{field: body})
        assert words(gif(named(name, body))) == expected
        assert words(gif(named(name, body), named(name, b"second"), named(b"SOMEBODY1.0", b"y"))) == expected


@pytest.mark.parametrize("end", [MAGIC, bytes(256)])
def test_a_packet_ends_with_its_last_tag(end):
    """Whatever a writer put behind it to lead readers to the end of the block."""
    assert words(gif(xmp(PACKET, end))) == Words([], xmp=PACKET)


def test_of_two_packets_the_first_counts():
    """Though the other may be the newer one: nobody can tell."""
    assert words(gif(xmp(PACKET), xmp(b"<y/>"))) == Words([], xmp=PACKET)


def test_what_is_written_is_read():
    """Before the picture, in a file of the newer version; a file without words is the same."""
    both = with_words(PICTURE, PACKET, b"A hill")
    assert both.startswith(b"GIF89a")
    assert words(both) == Words([b"A hill"], xmp=PACKET)
    assert words(with_words(both, None, b"")) == Words([b"", b"A hill"], xmp=PACKET)
    assert words(with_words(PICTURE.replace(b"GIF89a", b"GIF87a"), None, b"x" * 300)) == Words([b"x" * 300])
    assert with_words(PICTURE, None, None) == PICTURE
