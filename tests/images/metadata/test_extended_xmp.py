"""XMP of more than one segment: put together in reading, taken apart in writing, the same statements all the way."""

from __future__ import annotations

import hashlib
import html
import random
import struct
from dataclasses import replace

import pytest

from nlsr_cli.images import encode_picture, read_picture
from nlsr_cli.images.metadata import rdf, xmp
from nlsr_cli.images.metadata.extended_xmp import Portion, split, whole_packet
from nlsr_cli.options import EncodeOptions
from tests.images import jpegs
from tests.images.files import picture

HEAD = b"http://ns.adobe.com/xmp/extension/\0"
# The prefix is declared outside of the description, as some writers do.
EXTENSION = (
    b'<x:xmpmeta xmlns:x="adobe:ns:meta/" xmlns:a="urn:a"><rdf:RDF xmlns:b="urn:b" '
    b'xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description rdf:about="" a:one="1">'
    b"<b:two>2</b:two></rdf:Description></rdf:RDF></x:xmpmeta>"
)
DIGEST = hashlib.md5(EXTENSION, usedforsecurity=False).hexdigest().upper()
NAMED = f'xmlns:xmpNote="http://ns.adobe.com/xmp/note/" xmpNote:HasExtendedXMP="{DIGEST}"'


def portions(size: int, digest: str = DIGEST, length: int = len(EXTENSION)) -> list[bytes]:
    """Return the segments of EXTENSION, of so many bytes each."""
    return [
        jpegs.segment(0xE1, HEAD + digest.encode() + struct.pack(">II", length, at) + EXTENSION[at : at + size])
        for at in range(0, len(EXTENSION), size)
    ]


def statements(packet: bytes) -> dict[rdf.Name, str]:
    """Return the simple properties of a packet."""
    found: dict[rdf.Name, str] = {}
    for element in rdf.parse(packet).everything():
        if element.name == rdf.DESCRIPTION:
            found |= {name: each.text for name, each in element.stated().items() if name[0] != rdf.RDF}
    return found


@pytest.mark.parametrize("size", [1000, 100, 7])
def test_extension_is_read_in_any_order(size):
    """Twice the same portion does no harm either."""
    pieces = portions(size)
    random.Random(size).shuffle(pieces)
    read = read_picture(jpegs.jpeg(*pieces, jpegs.xmp(f'{NAMED} xmlns:c="urn:c" c:three="3"'), pieces[0]))
    assert read.notes == ()
    assert statements(read.metadata.xmp) == {("urn:a", "one"): "1", ("urn:b", "two"): "2", ("urn:c", "three"): "3"}


@pytest.mark.parametrize(
    "pieces",
    [
        portions(100)[:-1],
        portions(100)[1:],
        portions(1000, "0" * 32),
        portions(1000, length=7),
        [portions(1000)[0][:60]],
    ],
)
def test_extension_that_does_not_fit_is_left_out_with_a_note(pieces):
    """Cut off, of another file, or of another length: the main packet is kept."""
    whole = [piece[:2] + struct.pack(">H", len(piece) - 2) + piece[4:] for piece in pieces]
    read = read_picture(jpegs.jpeg(jpegs.xmp(f'{NAMED} xmlns:c="urn:c" c:three="3"'), *whole))
    assert read.notes == ("The extension of the XMP metadata is damaged and is left out.",)
    assert statements(read.metadata.xmp) == {("urn:c", "three"): "3"}


@pytest.mark.parametrize("limit", [600, 700, 900, 1200])
def test_what_moves_is_as_little_as_is_needed_and_says_the_same(limit):
    elements = "".join(f'<p:e{n} xmlns:p="urn:p">{"x" * n}</p:e{n}>' for n in range(0, 200, 20))
    packet = jpegs.packet('xmlns:c="urn:c" c:three="3"', elements)
    main, extension, digest = split(packet, limit)
    assert len(main) <= limit
    assert hashlib.md5(extension, usedforsecurity=False).hexdigest().upper().encode() == digest
    told = statements(main) | statements(extension)
    assert told.pop(("http://ns.adobe.com/xmp/note/", "HasExtendedXMP")) == digest.decode()
    assert told == statements(packet)
    assert ("urn:p", "e180") in statements(extension)


def test_what_cannot_be_made_small_is_no_extension():
    assert split(jpegs.packet(f'xmlns:c="urn:c" c:three="{"x" * 900}"', "<p:e xmlns:p='urn:p'>1</p:e>"), 900) is None


def main_packet(inside: str, attributes: str = "") -> bytes:
    """Return a packet that names EXTENSION, around what stands in its RDF."""
    spaces = f'xmlns:x="adobe:ns:meta/" {attributes}'
    return f'<x:xmpmeta {spaces}><rdf:RDF xmlns:rdf="{rdf.RDF}">{inside}</rdf:RDF></x:xmpmeta>'.encode()


MAIN = main_packet(f'<rdf:Description rdf:about="" {NAMED} xmlns:c="urn:c" c:three="3"/>')
WHOLE = Portion(DIGEST.encode(), len(EXTENSION), 0, EXTENSION)
NOTED = ("http://ns.adobe.com/xmp/note/", "HasExtendedXMP")
TOLD = {("urn:a", "one"): "1", ("urn:b", "two"): "2", ("urn:c", "three"): "3"}


@pytest.mark.parametrize("main", [MAIN, MAIN + b"\0\0", MAIN.replace(DIGEST.encode(), DIGEST.lower().encode())])
@pytest.mark.parametrize("digest", [DIGEST, DIGEST.lower()])
def test_the_extension_is_the_one_that_is_named(main, digest):
    """Letters of either case; another extension is none of its business."""
    other = replace(WHOLE, digest=b"0" * 32, body=b"other")
    found, incomplete = whole_packet(main, [other, replace(WHOLE, digest=digest.encode())])
    assert statements(found) == {NOTED: statements(main.rstrip(b"\0"))[NOTED], **TOLD}
    assert incomplete is False


def test_nothing_is_put_into_what_is_not_sound(monkeypatch):
    """The main packet is as it was, and the note says that something is missing."""
    assert whole_packet(None, [WHOLE]) == (None, True)
    assert whole_packet(b"nonsense", [WHOLE]) == (b"nonsense", True)
    empty = main_packet("", NAMED).replace(b"></rdf:RDF>", b"/>")
    assert whole_packet(empty, [WHOLE]) == (empty, True)
    bare = b"<x:xmpmeta xmlns:x='adobe:ns:meta/'/>"
    named = replace(WHOLE, digest=b"A" * 32, body=bare, length=len(bare))
    main = MAIN.replace(DIGEST.encode(), b"A" * 32)
    assert whole_packet(main, [named]) == (main, True)
    monkeypatch.setattr(xmp, "PACKET_LIMIT", len(EXTENSION))
    assert whole_packet(MAIN, [WHOLE])[1] is False
    monkeypatch.setattr(xmp, "PACKET_LIMIT", len(EXTENSION) - 1)
    assert whole_packet(MAIN, [WHOLE]) == (MAIN, True)


@pytest.mark.parametrize("space", [b" ", b"\n", b"/", b">"])
def test_declarations_are_written_into_the_tag_as_it_stands(space):
    """Whatever follows the name of an element that loses its surroundings."""
    inner = {b" ": b" a:one='1'/>", b"\n": b"\na:one='1'/>", b"/": b"/>", b">": b"><a:one>1</a:one></a:thing>"}[space]
    extension = EXTENSION[: EXTENSION.index(b"<rdf:Desc")] + b"<a:thing" + inner + b"</rdf:RDF></x:xmpmeta>"
    found, incomplete = whole_packet(MAIN, [replace(WHOLE, body=extension, length=len(extension))])
    assert incomplete is False
    (thing,) = (each for each in rdf.parse(found).everything() if each.name == ("urn:a", "thing"))
    assert {name: each.text for name, each in thing.stated().items()} == (
        {} if space == b"/" else {("urn:a", "one"): "1"}
    )


def test_the_largest_property_moves_first():
    """One is enough here, and to the byte no more than needed."""
    elements = "".join(f"<c:{name}>{name * size}</c:{name}>" for name, size in (("s", 100), ("l", 900), ("m", 300)))
    packet = main_packet(f'<rdf:Description rdf:about="" xmlns:c="urn:c">{elements}</rdf:Description>')
    main, extension, _ = split(packet, len(packet) - 500)
    assert list(statements(extension)) == [("urn:c", "l")]
    assert split(packet, len(main))[0] == main
    assert len(statements(split(packet, len(main) - 1)[1])) == 2
    least = split(packet, len(main) - 1)[0]
    assert split(packet, len(least))[0] == least
    whole = len(packet) - 1300
    assert split(packet, whole - 500) is None


SPACES = " ".join(f'xmlns:n{number}="urn:{number}"' for number in range(3000))  # 60 kB


def test_declarations_are_repeated_for_descriptions_and_not_for_properties():
    """A packet of strangers would fill the memory."""
    description = f'<rdf:Description rdf:about="" {SPACES}>' + "<n1:e>x</n1:e>" * 10_000 + "</rdf:Description>"
    packet = main_packet(description)
    _, extension, _ = split(packet, len(packet) - 100_000)
    assert len(extension) < len(packet)
    assert extension.count(b"<n1:e>x</n1:e>") == len(rdf.parse(extension).children[0].children[0].children) > 7000


@pytest.mark.parametrize(("count", "fits"), [(100, True), (1000, False)])
def test_what_is_declared_around_many_descriptions_has_a_bound(count, fits):
    """Each would repeat it: in reading the extension is left out then, and in writing the packet."""
    several = f'<rdf:Description rdf:about=""><n1:e>{"x" * 900}</n1:e></rdf:Description>' * count
    packet = main_packet(several, SPACES)
    assert (split(packet, len(packet) - 500) is not None) is fits
    digest = hashlib.md5(packet, usedforsecurity=False).hexdigest().upper().encode()
    found, incomplete = whole_packet(MAIN.replace(DIGEST.encode(), digest), [Portion(digest, len(packet), 0, packet)])
    assert incomplete is not fits
    assert found.count(b"<n1:e>") == (count if fits else 0)


def test_the_bound_is_that_of_a_packet(monkeypatch):
    """To the last byte of what is repeated."""
    packet = main_packet('<rdf:Description rdf:about=""><c:e>x</c:e></rdf:Description>' * 3, 'xmlns:c="urn:c"')
    declared = f' xmlns:x="adobe:ns:meta/" xmlns:c="urn:c" xmlns:rdf="{rdf.RDF}"'
    monkeypatch.setattr(xmp, "PACKET_LIMIT", 3 * len(declared))
    assert split(packet, len(packet) + 300) is not None
    monkeypatch.setattr(xmp, "PACKET_LIMIT", 3 * len(declared) - 1)
    assert split(packet, len(packet) + 300) is None


@pytest.mark.parametrize("about", ["", "urn:x", "a&amp;b&lt;c&quot;d&apos;"])
@pytest.mark.parametrize("name", ["rdf:about", "about"])
def test_what_moves_speaks_of_the_same_thing(about, name):
    """The subject of a description is any text; another attribute of that name is not it."""
    description = (
        f'<rdf:Description c:about="other" {name}="{about}" xmlns:c="urn:c"><c:e>{"x" * 900}</c:e></rdf:Description>'
    )
    _, extension, _ = split(main_packet(description), 700)
    (moved,) = (each for each in rdf.parse(extension).everything() if each.name == rdf.DESCRIPTION)
    assert dict(moved.given) == {(rdf.RDF, "about"): html.unescape(about)}
    assert statements(extension) == {("urn:c", "e"): "x" * 900}


@pytest.mark.parametrize("declared", ["outside", "inside"])
def test_a_prefix_may_mean_something_else(declared):
    """What stands under a prefix that is RDF's elsewhere stays where it is, and the packet is too large."""
    other = 'xmlns:rdf="urn:other"'
    packet = f'<x:xmpmeta xmlns:x="adobe:ns:meta/" xmlns:r="{rdf.RDF}"><r:RDF {other if declared == "outside" else ""}>'
    packet += f'<r:Description r:about="" {other if declared == "inside" else ""}><rdf:e>{"x" * 900}</rdf:e>'
    packet = (packet + "</r:Description></r:RDF></x:xmpmeta>").encode()
    assert split(packet, 700) is None
    assert split(packet.replace(other.encode(), b'xmlns:c="urn:c"').replace(b"rdf:e>", b"c:e>"), 700) is not None
    things = main_packet(f'<c:thing xmlns:c="urn:c"><c:e>{"x" * 900}</c:e></c:thing>')
    assert split(things, 700) is None
    assert split(main_packet("").replace(b"></rdf:RDF>", b"/>"), 10) is None


def test_a_jpeg_takes_a_large_packet_whatever_it_speaks_of():
    """The picture is written, and the words with it."""
    given = jpegs.packet('xmlns:c="urn:c"', f"<c:e>{'x' * 70_000}</c:e>").replace(b'about=""', b'about="a&amp;b"')
    data, notes = encode_picture(picture(xmp=given), format="JPEG", options=EncodeOptions())
    assert notes == ()
    assert statements(read_picture(data).metadata.xmp)[("urn:c", "e")] == "x" * 70_000


@pytest.mark.parametrize("size", [64_000, 64_470, 65_400, 65_502, 65_530, 66_500, 70_000])
def test_a_jpeg_takes_packets_of_any_size_around_that_of_a_segment(size):
    """Whichever way it is written, what it says is read back."""

    def packet(length):
        return jpegs.packet('xmlns:c="urn:c"', f"<c:e>{'x' * length}</c:e>")

    given = packet(size - len(packet(0)))
    assert len(given) == size
    data, notes = encode_picture(picture(xmp=given), format="JPEG", options=EncodeOptions())
    assert notes == ()
    assert statements(read_picture(data).metadata.xmp)[("urn:c", "e")] == "x" * (size - len(packet(0)))
