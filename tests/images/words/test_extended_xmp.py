"""XMP of more than one segment: put together in reading, taken apart in writing, the same statements all the way."""

from __future__ import annotations

import hashlib
import random
import struct

import pytest

from nlsr_cli.images import read_picture
from nlsr_cli.images.words import rdf
from nlsr_cli.images.words.extended_xmp import split
from tests.images import jpegs

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
