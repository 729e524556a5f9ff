"""XMP packets: true of the new picture in every spelling, untouched elsewhere, harmless whatever they hold."""

from __future__ import annotations

import time
from xml.etree import ElementTree

import pytest
from PIL import Image

from nlsr_cli.images import read_picture
from nlsr_cli.images.metadata import xmp
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
    start = time.process_time()
    assert xmp.portable(hostile) == (None, [xmp.DAMAGED_NOTE])
    assert time.process_time() - start < 5


def test_entities_are_never_expanded():
    """A thousand million laughs take no time, for they are not begun."""
    names = [f'<!ENTITY e{n} "{f"&e{n - 1};" * 10}">' for n in range(1, 10)]
    bomb = f'<!DOCTYPE b [<!ENTITY e0 "ha">{"".join(names)}]>'.encode() + packet(elements=b"<dc:x>&e9;</dc:x>")
    start = time.process_time()
    assert xmp.portable(bomb) == (None, [xmp.DAMAGED_NOTE])
    assert time.process_time() - start < 1


def test_a_packet_of_many_elements_takes_time_by_its_length():
    """A tag that is looked at again for every other one would take minutes."""
    elements = b'<rdf:li tiff:Orientation="6"/><tiff:Orientation>6</tiff:Orientation>' * 50_000
    start = time.process_time()
    found, _ = xmp.portable(packet(elements=elements))
    assert found.count(b"Orientation>1<") == 50_000
    assert b'"6"' not in found
    assert time.process_time() - start < 10


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


HDRGM = "http://ns.adobe.com/hdr-gain-map/1.0/"
CONTAINER = (
    b'xmlns:C="http://ns.google.com/photos/1.0/container/" xmlns:I="http://ns.google.com/photos/1.0/container/item/"'
)


CLAIMS = [
    b'<h:Version xmlns:h="HDR">1</h:Version>',
    b'<h:Version xmlns:h="HDR"/>',
    b'<h:Gamma xmlns:h="HDR"><rdf:Seq><rdf:li dc:x="1">1</rdf:li></rdf:Seq></h:Gamma\n>',
    b'<h:a xmlns:h="HDR" rdf:parseType="Resource"><h:b>1</h:b><dc:y>2</dc:y></h:a>',
]


@pytest.mark.parametrize("claim", CLAIMS)
@pytest.mark.parametrize(
    "around", [(b"", b""), (b'<dc:y rdf:parseType="Resource"><dc:z>', b"</dc:z><dc:w>2</dc:w></dc:y>")]
)
def test_elements_of_a_claimed_namespace_go(claim, around):
    """At any depth, under a prefix that only they know; and nothing else changes, quoted look-alikes included."""
    before, after = b"<dc:x>h:Version=&quot;1&quot;</dc:x>" + around[0], around[1] + b'<dc:v h:x="1" xmlns:h="urn:1"/>'
    given = packet(elements=before + claim.replace(b"HDR", HDRGM.encode()) + after)
    assert xmp.without(given, [HDRGM]) == packet(elements=before + after)
    assert xmp.without(given, ["urn:other"]) == given


@pytest.mark.parametrize(
    ("given", "left"),
    [
        (b' dc:x="1"\n h:Version="1.0"', b' dc:x="1"'),
        (b" h:Version = '1.0'\th:Gamma='1' dc:x='1'", b" dc:x='1'"),
        (b" g:Version='1'", b""),
        (b" dc:x=' h:Version=\"1\" '", b" dc:x=' h:Version=\"1\" '"),
    ],
)
def test_attributes_of_a_claimed_namespace_go(given, left):
    """In either quotes, under any prefix; the declaration of the prefix stays."""
    declared = b'xmlns:h="%s" xmlns:g="%s"' % (HDRGM.encode(), HDRGM.encode())
    assert xmp.without(packet(declared + given), [HDRGM]) == packet(declared + left)


def test_claims_can_be_named_one_by_one():
    """A pair of namespace and local name takes that property alone."""
    given = packet(b'tiff:Make="A" tiff:Model="B"', b"<exif:Make>C</exif:Make>")
    assert xmp.without(given, [(xmp.TIFF, "Make")]) == packet(b'tiff:Model="B"', b"<exif:Make>C</exif:Make>")


@pytest.mark.parametrize("padding", [b"", b"\0\0"])
def test_what_is_not_sound_is_returned_for_the_reader_to_leave_out(padding):
    """Nobody can tell what it claims; zeros behind a packet are no damage."""
    for hostile in (b"nonsense", packet()[:-200], b'<!DOCTYPE x [<!ENTITY a "b">]>' + packet(), b"<a>" * 100_000):
        assert xmp.without(hostile, [HDRGM]) == hostile
        assert xmp.portable(xmp.without(hostile, [HDRGM])) == (None, [xmp.DAMAGED_NOTE])
    given = packet(b'xmlns:h="urn:h" h:x="1"') + padding
    assert xmp.without(given, ["urn:h"]) == packet(b'xmlns:h="urn:h"') + padding


def test_a_packet_may_have_16_mib():
    """To the last byte; a larger one is left out with a note, by whoever reads it."""
    room = (16 << 20) - len(packet(elements=b"<dc:x></dc:x>"))
    full, more = (packet(elements=b"<dc:x>" + b"a" * size + b"</dc:x>") for size in (room, room + 1))
    assert xmp.portable(full) == (full, [])
    note = f"The XMP metadata of {len(more)} bytes is too large and is left out."
    assert xmp.portable(more) == (None, [note])


def test_statements_are_taken_out_of_packets_that_are_not_too_large(monkeypatch):
    """A larger one is as it was, for the reader to leave out."""
    given = packet(elements=b"<tiff:Make>A</tiff:Make>")
    monkeypatch.setattr(xmp, "PACKET_LIMIT", len(given))
    assert xmp.without(given, [xmp.TIFF]) == packet()
    monkeypatch.setattr(xmp, "PACKET_LIMIT", len(given) - 1)
    assert xmp.without(given, [xmp.TIFF]) == given


def test_places_grow_from_the_size_of_the_source():
    """The focal plane has more pixels per inch; where the size of the source is not known, nobody can tell how many."""
    given = packet(b'exif:FocalPlaneXResolution="100/1" exif:FocalPlaneYResolution="100/1"')
    grown = packet(b'exif:FocalPlaneXResolution="400/1" exif:FocalPlaneYResolution="300/1"')
    assert xmp.sized(given, 30, 40, source=(10, 10)) == grown
    assert xmp.sized(given, 30, 40) == given


def test_only_the_rdf_has_a_place_for_descriptions():
    """Right before its end; an empty one, or none, is no packet."""
    given = packet()
    assert given[xmp.insertion_place(given) :].startswith(b"</rdf:RDF>")
    rdf = b'xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"'
    for empty in (b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF %b/></x:xmpmeta>' % rdf, b"<x><y></y></x>"):
        assert xmp.insertion_place(empty) is None
        assert xmp.portable(empty) == (None, [xmp.DAMAGED_NOTE])
