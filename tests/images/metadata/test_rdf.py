"""The tree of a packet: where each thing lies, in every spelling that RDF has for it."""

from __future__ import annotations

import pytest

from nlsr_cli.images.metadata import rdf
from tests.images.metadata.test_xmp import packet

MAKE = ("http://ns.adobe.com/tiff/1.0/", "Make")


@pytest.mark.parametrize(
    "spelling",
    [
        (b' tiff:Make="A"', b""),
        (b"\n\ttiff:Make\n=\n'A'", b""),
        (b"", b"<tiff:Make>A</tiff:Make>"),
        (b"", b'<tiff:Make xml:lang="de" >A</tiff:Make\n>'),
        (b"", b"<tiff:Make><![CDATA[A]]></tiff:Make>"),
        (b"", b"<tiff:Make>&#65;</tiff:Make>"),
        (b"", b'<t:Make xmlns:t="http://ns.adobe.com/tiff/1.0/">A</t:Make>'),
        (b"", b'<tiff:Make rdf:parseType="Resource"><rdf:value>A</rdf:value><dc:x>q</dc:x></tiff:Make>'),
        (b"", b"<tiff:Make><rdf:Description><dc:x>q</dc:x><rdf:value>A</rdf:value></rdf:Description></tiff:Make>"),
    ],
)
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_a_property_has_one_text_and_one_place_in_every_spelling(spelling, mark):
    """What it says is read, replaced and removed; the rest of the packet is the same, behind a byte order mark too."""
    given = mark + packet(*spelling)
    found = list(rdf.parse(given).named({MAKE}))
    assert [each.text for each in found] == ["A"]
    replaced = rdf.edited(given, [found[0].becomes("B")])
    assert [each.text for each in rdf.parse(replaced).named({MAKE})] == ["B"]
    assert len(given) - len(replaced) in (0, len("<![CDATA[]]>"), len("&#65"))
    gone = rdf.edited(given, [found[0].left_out()])
    assert gone.replace(b'"" >', b'"">') == mark + packet().replace(b'"" >', b'"">')


def test_prefixes_hold_where_they_are_declared():
    """The same prefix means one namespace here and another there; an empty one is a namespace as well."""
    elements = b'<a:Make xmlns:a="urn:1">1</a:Make><a:Make xmlns:a="http://ns.adobe.com/tiff/1.0/">2</a:Make>'
    elements += b'<Make xmlns="http://ns.adobe.com/tiff/1.0/">3</Make><Make>4</Make>'
    elements += b'<dc:x a:Make="5" xmlns:a="http://ns.adobe.com/tiff/1.0/" b:Make="6" xmlns:b="urn:1"/>'
    found = list(rdf.parse(packet(elements=elements)).named({MAKE}))
    assert [each.text for each in found] == ["2", "3", "5"]


def test_attributes_without_end_are_refused():
    """As elements are."""
    attributes = b" ".join(b'dc:a%d="1"' % at for at in range(1_000_001))
    with pytest.raises(ValueError, match="without end"):
        rdf.parse(packet(attributes))


def test_a_long_text_takes_time_by_its_length():
    """It comes in pieces, which are put together once."""
    text = b"a\n&amp;" * 500_000
    root = rdf.parse(packet(elements=b"<tiff:Make>" + text + b"</tiff:Make>"))
    assert [len(each.text) for each in root.named({MAKE})] == [1_500_000]
