"""IPTC records: all of them and nothing else, however the resources around them are named and how they are counted."""

from __future__ import annotations

import struct

import pytest

from nlsr_cli.images.metadata import iptc

CAPTION, CITY = b"\x1c\x02\x78\0\x07Caption", b"\x1c\x02\x5a\0\x03Ulm"
RECORDS = CAPTION + CITY


def resource(number: int, data: bytes, name: bytes = b"", signature: bytes = b"8BIM") -> bytes:
    """Return one of Photoshop's resources: its name and its data each end on an even place."""
    named = bytes((len(name),)) + name
    framed = signature + struct.pack(">H", number) + named + bytes(len(named) % 2)
    return framed + struct.pack(">I", len(data)) + data + bytes(len(data) % 2)


@pytest.mark.parametrize("signature", [b"8BIM", b"MeSa", b"AgHg", b"PHUT", b"DCSR"])
@pytest.mark.parametrize("name", [b"", b"a", b"ab", b"a name of some length"])
@pytest.mark.parametrize("data", [b"", b"1", b"12"])
def test_resources_have_names_of_any_length(signature, name, data):
    """What follows a path that a person named is found too."""
    block = resource(2000, data, name, signature) + resource(iptc.RECORDS, RECORDS, name) + resource(2001, data)
    assert list(iptc.resources(block)) == [(2000, data), (0x0404, RECORDS), (2001, data)]
    assert iptc.records_of(block) == RECORDS
    assert iptc.records_of(b"Photoshop 3.0\0" + block) == RECORDS


def test_a_resource_that_is_cut_off_is_none():
    """Half of a path would be another path; those before it count."""
    whole = resource(2000, b"12") + resource(2001, b"1234")
    for cut in range(1, 16):
        assert list(iptc.resources(whole[:-cut])) == [(2000, b"12")]


def test_records_are_wrapped_as_photoshop_does():
    """An empty name of two bytes, the size, and an even length."""
    assert iptc.wrapped(b"odd") == b"8BIM\x04\x04\0\0\0\0\0\x03odd\0"
    assert iptc.wrapped(b"even") == b"8BIM\x04\x04\0\0\0\0\0\x04even"


EMPTY = b"\x1c\x02\x19\0\0"


@pytest.mark.parametrize("last", [CITY, EMPTY, b"\x1c\x02\x19\x80\x02\0\0"])
@pytest.mark.parametrize("width", [1, 2, 3, 4])
def test_long_texts_state_the_size_of_their_size(width, last):
    """Extended datasets (IIM 4.2, 1.6): captions of 32 kB and more, and the preview in a file."""
    long = b"\x1c\x08\x0a" + struct.pack(">H", 0x8000 | width) + (200).to_bytes(width, "big") + b"x" * 200
    records = CAPTION + long + last
    assert iptc.records_of(records) == records
    assert iptc.records_of(records + b"\0\0\0") == records
    assert iptc.records_of(iptc.wrapped(records)) == records


@pytest.mark.parametrize(
    "rest",
    [
        b"\x1c\x02\x19\0",  # no size
        b"\x1c\x02\x19\0\x03se",  # a text that is cut off
        b"\x1c\x02\x19\x80\x02\0",  # a size that is cut off
        b"\x1c\x02\x19\x80\x05\0\0\0\0\x01x",  # a size that no text has
        b"\x1d\x02\x19\0\x03sea",
    ],
)
def test_what_makes_no_sense_ends_the_records(rest):
    """Other programs stop there as well; what stands before it stays."""
    assert iptc.records_of(RECORDS + rest) == RECORDS
    assert iptc.records_of(iptc.wrapped(RECORDS + rest)) == RECORDS
    assert iptc.records_of(rest) is None
    assert iptc.records_of(iptc.wrapped(rest)) is None


def swapped(payload: bytes) -> bytes:
    """Return bytes of which each four are one number, in the order of the other machines."""
    padded = payload + bytes(-len(payload) % 4)
    return b"".join(padded[at : at + 4][::-1] for at in range(0, len(padded), 4))


@pytest.mark.parametrize("payload", [RECORDS + EMPTY[:n] for n in range(4)])
def test_old_writers_count_records_in_numbers(payload):
    """Of four bytes each, in the byte order of the file; others state them as numbers and mean bytes."""
    assert iptc.from_tag(swapped(payload), longs_swapped=True) == RECORDS
    assert iptc.from_tag(payload, longs_swapped=True) == RECORDS
    assert iptc.from_tag(payload, longs_swapped=False) == RECORDS
    assert iptc.from_tag(iptc.wrapped(payload), longs_swapped=False) == RECORDS
