"""XMP packets: true of the new picture in every spelling, untouched elsewhere, harmless whatever they hold."""

from __future__ import annotations

import time
from xml.etree import ElementTree

import pytest
from PIL import Image

from nlsr_cli.images import read_picture
from nlsr_cli.images.words import xmp
from tests.images.files import saved

HEAD = b'<?xpacket begin="\xef\xbb\xbf" id="W5M0MpCehiHzreSzNTczkc9d"?>\n'
TAIL = b"\n" + b" " * 100 + b'\n<?xpacket end="w"?>'
SPACES = (
    b'xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns:tiff="http://ns.adobe.com/tiff/1.0/" '
    b'xmlns:exif="http://ns.adobe.com/exif/1.0/" xmlns:dc="http://purl.org/dc/elements/1.1/" '
    b'xmlns:xmp="http://ns.adobe.com/xap/1.0/" xmlns:xmpNote="http://ns.adobe.com/xmp/note/"'
)


def packet(attributes: bytes = b"", elements: bytes = b"") -> bytes:
    """Return a packet with one description."""
    body = b'<rdf:RDF %s><rdf:Description rdf:about="" %s>%s</rdf:Description></rdf:RDF>'
    return (
        HEAD + b'<x:xmpmeta xmlns:x="adobe:ns:meta/">' + body % (SPACES, attributes, elements) + b"</x:xmpmeta>" + TAIL
    )


@pytest.mark.parametrize(
    ("attributes", "elements"),
    [
        (b'tiff:Orientation="6"', b""),
        (b"dc:format='a' tiff:Orientation = '8'", b""),
        (b"", b"<tiff:Orientation>3</tiff:Orientation>"),
        (b"", b"<tiff:Orientation\n>3</tiff:Orientation >"),
        (b'xmlns:t="http://ns.adobe.com/tiff/1.0/" t:Orientation="6"', b""),
    ],
)
def test_orientation_becomes_one_in_every_spelling(attributes, elements):
    """As an attribute or an element, in either quotes, under any prefix; and nothing else changes."""
    given = packet(attributes, elements)
    found, notes = xmp.portable(given)
    assert notes == []
    digits = [at for at in range(len(given)) if given[at] != found[at]]
    assert len(found) == len(given)
    assert len(digits) == 1
    assert found[digits[0] : digits[0] + 1] == b"1"
    assert xmp.portable(found)[0] == found


def test_what_only_looks_like_an_orientation_stays():
    """A text may quote XML, and another vocabulary may have the same word."""
    attributes = b'dc:title=\' tiff:Orientation="6" \' xmlns:o="urn:other" o:Orientation="6"'
    elements = b"<!-- <tiff:Orientation>6</tiff:Orientation> --><dc:x><![CDATA[<tiff:Orientation>6]]></dc:x>"
    given = packet(attributes, elements)
    assert xmp.portable(given) == (given, [])


def test_sizes_are_those_of_the_output_where_they_are_stated():
    """TIFF and EXIF have two names each; what is not stated is not added."""
    given = packet(
        b'tiff:ImageWidth="4" exif:PixelXDimension="4"',
        b"<tiff:ImageLength>3</tiff:ImageLength><exif:PixelYDimension>3</exif:PixelYDimension><dc:x>4</dc:x>",
    )
    found = xmp.sized(given, 300, 400)
    assert b'tiff:ImageWidth="400" exif:PixelXDimension="400"' in found
    assert b"<tiff:ImageLength>300</tiff:ImageLength><exif:PixelYDimension>300</exif:PixelYDimension>" in found
    assert b"<dc:x>4</dc:x>" in found
    assert xmp.sized(packet(), 300, 400) == packet()


def test_thumbnails_are_left_out_with_a_note():
    """They would show the source; so would the mention of a second part that is not read."""
    thumbnails = b"<xmp:Thumbnails><rdf:Alt><rdf:li tiff:Orientation='6'>/9j/4AAQ</rdf:li></rdf:Alt></xmp:Thumbnails>"
    found, notes = xmp.portable(packet(b'xmpNote:HasExtendedXMP="ABC"', thumbnails + b"<dc:x>1</dc:x>"))
    assert notes == ["The thumbnail in the XMP metadata is left out."]
    assert found == packet(b"", b"<dc:x>1</dc:x>").replace(b'rdf:about="" >', b'rdf:about="">')


@pytest.mark.parametrize(
    "hostile",
    [
        b"nonsense",
        packet()[:-200],
        packet(elements=b"<dc:x></dc:y>"),
        packet(elements=b"<dc:x>&boom;</dc:x>"),
        packet().replace(b"rdf:RDF", b"rdf:Bag"),
        "<?xml version='1.0' encoding='UTF-16'?>".encode("utf-16") + packet().decode("utf-8").encode("utf-16"),
        b'<!DOCTYPE x [<!ENTITY a "b">]>' + packet(),
        b"<a>" * 100_000,
        packet(elements=b"<dc:x>" * 5000 + b"</dc:x>" * 5000),
        packet(elements=b"<dc:x/>" * 1_000_000),
        b"<" * 1_000_000,
        b"<!--" * 1_000_000,
    ],
)
def test_damaged_and_hostile_packets_are_left_out_with_a_note(hostile):
    """Quickly, whatever they hold."""
    start = time.perf_counter()
    assert xmp.portable(hostile) == (None, [xmp.DAMAGED_NOTE])
    assert time.perf_counter() - start < 5


def test_entities_are_never_expanded():
    """A thousand million laughs take no time, for they are not begun."""
    names = [f'<!ENTITY e{n} "{f"&e{n - 1};" * 10}">' for n in range(1, 10)]
    bomb = f'<!DOCTYPE b [<!ENTITY e0 "ha">{"".join(names)}]>'.encode() + packet(elements=b"<dc:x>&e9;</dc:x>")
    start = time.perf_counter()
    assert xmp.portable(bomb) == (None, [xmp.DAMAGED_NOTE])
    assert time.perf_counter() - start < 1


def test_a_packet_of_many_elements_takes_time_by_its_length():
    """A tag that is looked at again for every other one would take minutes."""
    elements = b'<rdf:li tiff:Orientation="6"/><tiff:Orientation>6</tiff:Orientation>' * 50_000
    start = time.perf_counter()
    found, _ = xmp.portable(packet(elements=elements))
    assert found.count(b"Orientation>1<") == 50_000
    assert b'"6"' not in found
    assert time.perf_counter() - start < 10


def test_a_packet_without_end_is_left_out():
    """More than any output may hold."""
    found, notes = xmp.portable(packet(elements=b"<dc:x>" + b"a" * xmp.PACKET_LIMIT + b"</dc:x>"))
    assert found is None
    assert "too large" in notes[0]


def test_padding_and_nothing_are_no_damage():
    """Writers pad with spaces and zeros, and some write an empty packet."""
    assert xmp.portable(packet() + b"\0\0") == (packet(), [])
    assert xmp.portable(b"\0\0") == (None, [])
    assert xmp.portable(None) == (None, [])
    ElementTree.fromstring(xmp.portable(packet())[0])


@pytest.mark.parametrize("fmt", ["JPEG", "WEBP"])
def test_orientation_that_nothing_follows_is_told(fmt: str) -> None:
    """Viewers turn pictures by EXIF; where there is none, the picture is not turned, and that is said."""
    given = packet(b'tiff:Orientation="6"')
    exif = Image.Exif()
    alone = read_picture(saved(Image.new("RGB", (6, 4)), fmt, xmp=given))
    assert (alone.height, alone.width) == (4, 6)
    assert b'tiff:Orientation="1"' in (alone.metadata.xmp or b"")
    assert xmp.UNFOLLOWED_NOTE in alone.notes
    exif[0x0112] = 6
    both = read_picture(saved(Image.new("RGB", (6, 4)), fmt, xmp=given, exif=exif))
    assert (both.height, both.width) == (6, 4)
    assert b'tiff:Orientation="1"' in (both.metadata.xmp or b"")
    assert both.notes == ()
