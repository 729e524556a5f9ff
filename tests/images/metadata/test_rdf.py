"""The tree of a packet: where each thing lies, in every spelling that RDF has for it."""

from __future__ import annotations

import gc
import time
from contextlib import nullcontext
from xml.parsers import expat

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


def test_declarations_are_no_attributes():
    """They stand among attributes, in any order and in either quotes; the one without a prefix is one, too."""
    given = b"<a\n\txmlns='urn:1' b='2' xmlns:c = \"urn:3\" c:xmlns='4' xmlnsd='5'>6</a>"
    root = rdf.parse(given)
    stated = {(("", "b"), "2"), (("urn:3", "xmlns"), "4"), (("", "xmlnsd"), "5"), (("urn:1", "a"), "6")}
    assert {(each.name, each.text) for each in (root.property(), *root.attributes())} == stated
    assert [(each[1], each[2]) for each in root.declarations()] == [(b"xmlns", b"'urn:1'"), (b"xmlns:c", b'"urn:3"')]
    for each, changed in zip(root.attributes(), (b"b='x'", b"c:xmlns='x'", b"xmlnsd='x'"), strict=True):
        assert changed in rdf.edited(given, [each.becomes("x")])


def test_a_namespace_alone_names_an_attribute():
    """Also of an element that has no other."""
    root = rdf.parse(b"<a b:c='1' xmlns:b='urn:1'/>")
    assert [each.text for each in root.named({"urn:1"})] == ["1"]
    assert list(root.named({"urn:2", ("urn:2", "c"), ("urn:1", "d")})) == []


@pytest.mark.parametrize(
    ("unsound", "reason"),
    [
        (b"", "no element found"),
        (b" ", "no element found"),
        (b"text", "syntax error"),
        (b"<a>", "no element found"),
        (b"<a></b>", "mismatched tag"),
        (b"<a/><b/>", "junk after document element"),
        (b"<!DOCTYPE a><a/>", "a document type is declared"),
        ("<a></a>".encode("utf-16"), "a zero"),
        ("<a></a>".encode("utf-16-le"), "a zero"),
        (b"<a></a>\0", "a zero"),
    ],
)
def test_what_is_no_whole_packet_is_refused(unsound, reason):
    """So that nobody has to ask which half of it was understood."""
    with pytest.raises(ValueError, match=reason):
        rdf.parse(unsound)


def nested(depth: int) -> bytes:
    return b"<a>" * depth + b"</a>" * depth


def siblings(count: int) -> bytes:
    return b"<a>" + b"<b/>" * (count - 1) + b"</a>"


def attributes(count: int) -> bytes:
    """Return an element with so many, of which most are those of elements inside it."""
    inside, left = divmod(count, 1000)
    some = [b' b%d=""' % at for at in range(1000)]
    return b"<a%b>" % b"".join(some[:left]) + b"<a%b/>" % b"".join(some) * inside + b"</a>"


@pytest.mark.parametrize(("packet_of", "limit"), [(nested, 200), (siblings, 200_000), (attributes, 1_000_000)])
def test_packets_have_bounds(packet_of, limit):
    """Of depth, of elements, and of attributes: the last one that is read, and the first that is refused."""
    assert rdf.parse(packet_of(limit)).stop == len(packet_of(limit))
    with pytest.raises(ValueError, match="without end"):
        rdf.parse(packet_of(limit + 1))


def test_long_texts_and_runs_of_blanks_take_time_by_their_length():
    """A text comes in pieces, which are put together once; blanks in a tag are looked through once."""
    start = time.process_time()
    root = rdf.parse(packet(elements=b"<tiff:Make>" + b"a\n&amp;" * 200_000 + b"</tiff:Make>"))
    assert [len(each.text) for each in root.named({MAKE})] == [600_000]
    root = rdf.parse(b"<a b='1'" + b" " * 200_000 + b"/>")
    assert (len(list(root.attributes())), list(root.declarations())) == (1, [])
    assert time.process_time() - start < 2


@pytest.mark.parametrize("made", [b"", b"<broken"])
def test_a_parser_is_gone_when_its_packet_is_parsed(made):
    """It holds a mebibyte, and a folder of pictures has thousands of packets."""
    gc.collect()
    gc.disable()
    try:
        with nullcontext() if not made else pytest.raises(ValueError, match=r"well-formed|mismatched|no end"):
            rdf.parse(packet(elements=made))
        assert all(type(each) is not expat.XMLParserType for each in gc.get_objects())
    finally:
        gc.enable()
