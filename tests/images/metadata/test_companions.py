"""What a packet says of things beside the picture goes, what it says of the picture stays, and directories are read."""

from __future__ import annotations

import pytest

from nlsr_cli.images.metadata import companions
from nlsr_cli.images.metadata.companions import Item
from tests.images.metadata.test_xmp import packet

GOOGLE = "http://ns.google.com/photos/"
HDRGM = "http://ns.adobe.com/hdr-gain-map/1.0/"
APPLE = "http://ns.apple.com/pixeldatainfo/1.0/"


def left(space: str, local: str, text: str = "1") -> tuple[bytes, bytes, list[str]]:
    """Return what is left of a packet with one property of its own prefix, as an attribute and as an element, and the
    notes on the latter.
    """
    declared = f' xmlns:h="{space}"'.encode()
    attribute, _ = companions.without_companions(packet(b'dc:x="2"' + declared + f" h:{local}='{text}'".encode()))
    element = f"<dc:y/><h:{local}{declared.decode()}>{text}</h:{local}>".encode()
    return attribute, *companions.without_companions(packet(elements=element))


@pytest.mark.parametrize(
    ("space", "local"),
    [
        (HDRGM, "Version"),
        ("http://ns.apple.com/HDRGainMap/1.0/", "HDRGainMapVersion"),
        (GOOGLE + "1.0/container/", "Directory"),
        (GOOGLE + "1.0/container/item/", "Mime"),
        (GOOGLE + "dd/1.0/device/", "Profiles"),
        (GOOGLE + "1.0/depthmap/", "Near"),
    ],
)
def test_vocabularies_of_companions_go_with_their_declarations(space, local):
    """Some programs take the declaration of a prefix for the claim."""
    assert left(space, local) == (packet(b'dc:x="2"'), packet(elements=b"<dc:y/>"), [])


@pytest.mark.parametrize(
    ("space", "local", "other"),
    [
        (APPLE, "AuxiliaryImageType", "NativeFormat"),
        (GOOGLE + "1.0/camera/", "MotionPhoto", "SpecialTypeID"),
        (GOOGLE + "1.0/camera/", "MicroVideoOffset", "BurstID"),
        ("http://ns.oplus.com/photos/1.0/camera/", "VideoLength", "Mode"),
        ("http://ns.xiaomi.com/photos/1.0/camera/", "XMPMeta", "Mode"),
    ],
)
def test_single_statements_go_from_vocabularies_that_stay(space, local, other):
    """A camera says more than that a film follows; its prefix may be in use."""
    declared = f'dc:x="2" xmlns:h="{space}"'.encode()
    assert left(space, local) == (packet(declared), packet(elements=b"<dc:y/>"), [])
    kept = declared + f" h:{other}='1'".encode()
    assert left(space, other)[0] == packet(kept)


@pytest.mark.parametrize(("text", "stays"), [("self#jumbf=/c2pa/x", False), ("https://example.org/m.c2pa", True)])
def test_a_manifest_in_the_file_is_not_named(text, stays):
    """The output has none; one that lies elsewhere may still be asked about the source."""
    space = "http://purl.org/dc/terms/"
    given = packet(b'xmlns:h="%b" h:provenance="%b"' % (space.encode(), text.encode()))
    found, notes = companions.without_companions(given)
    assert notes == []
    assert (found == given) is stays
    assert (b"provenance" in found) is stays


def test_what_lies_in_the_packet_is_told_with_its_size():
    """A note for each that has any data, however many pieces that comes in."""
    spaces = "".join(f' xmlns:{prefix}="{GOOGLE}1.0/{name}/"' for prefix, name in (("d", "depthmap"), ("i", "image")))
    spaces += f' xmlns:a="{GOOGLE}1.0/audio/"'
    given = packet(spaces.encode() + b' d:Data="AAAA" d:Mime="image/png" i:Data=""', b"<dc:x/><d:Data>BB</d:Data>")
    found, notes = companions.without_companions(given)
    assert found.replace(b" >", b">") == packet(elements=b"<dc:x/>").replace(b" >", b">")
    size = len(' d:Data="AAAA"') + len("<d:Data>BB</d:Data>")
    assert notes == [f"Left out: a depth map ({size} bytes of XMP)."]
    assert left(GOOGLE + "1.0/audio/", "Data", "AA")[2][0].startswith("Left out: a sound recording (")
    assert left(GOOGLE + "1.0/image/", "Data", "AA")[2][0].startswith("Left out: the original of the depth map's")


def test_a_packet_that_is_not_sound_is_left_to_its_reader():
    """Who leaves it out and says so."""
    assert companions.without_companions(b"<x>") == (b"<x>", [])
    assert list(companions.items(b"<x>", 100)) == list(companions.items(None, 100)) == []
    assert list(companions.items(packet(), 100)) == []


@pytest.mark.parametrize(
    ("entries", "expected"),
    [
        ([{}], []),
        ([{"Semantic": "Primary"}, {"Semantic": "GainMap", "Length": "30"}], [Item("GainMap", 100)]),
        (
            [
                {"Padding": "5"},
                {"Semantic": " GainMap ", "Length": " 30 ", "Padding": "7"},
                {"Semantic": "MotionPhoto"},
            ],
            [Item("GainMap", 105), Item("MotionPhoto", 142)],
        ),
        ([{"Length": "50"}, {}, {"Semantic": "x"}], [Item("", 100), Item("x", 100)]),
        ([{"Padding": "99999999999"}, {}], [Item("", 100 + 99_999_999_999)]),
        *(([{"Padding": bad}, {}], [Item("", 100)]) for bad in ("999999999999", "-5", "5.0", "\u0665", "", "x")),
    ],
)
def test_a_directory_tells_where_items_begin(entries, expected):
    """One behind the other, with the padding that is stated; what is no length is none."""
    rows = "".join(
        "<rdf:li rdf:parseType='Resource'><C:Item {}/></rdf:li>".format(
            " ".join(f'I:{name}="{value}"' for name, value in entry.items())
        )
        for entry in entries
    )
    spaces = f'xmlns:C="{GOOGLE}1.0/container/" xmlns:I="{GOOGLE}1.0/container/item/"'.encode()
    listed = f"<C:Directory><rdf:Seq>{rows}</rdf:Seq></C:Directory>".encode()
    for padding in (b"", b"\0\0"):
        assert list(companions.items(packet(spaces, listed) + padding, 100)) == expected
