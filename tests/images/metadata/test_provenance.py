"""How a picture was made, in its XMP packet: beside what is there, in order, the same bytes every time."""

from __future__ import annotations

from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image

from nlsr_cli.images import Metadata, encode_picture, native_formats, read_picture, read_provenance
from nlsr_cli.images.formats import writing_of
from nlsr_cli.images.metadata import xmp
from nlsr_cli.images.metadata.provenance import MAX_STEPS, history, stamped
from nlsr_cli.options import EncodeOptions
from tests.images.files import gradient, parsed, picture, saved
from tests.images.metadata.test_xmp import packet

FACTS = {"nlsr": "1.0", "model": 'a "strange" <name> & \u4e2d\u6587', "scale": "4"}
EMPTY = Metadata("PNG", "RGB")
HOLDERS = [name for name in native_formats().writable if writing_of(name).carries.exif and name != "JXL"]  # by Pillow


def test_facts_come_back_from_a_new_packet():
    """Whatever characters a name has; the packet is sound XML for any other reader."""
    made = stamped(EMPTY, FACTS)
    assert history(made.xmp) == (FACTS,)
    ElementTree.fromstring(made.xmp)
    assert stamped(EMPTY, FACTS) == made
    assert xmp.portable(made.xmp) == (made.xmp, [])


@pytest.mark.parametrize("prefix", [b"rdf", b"r"])
def test_the_packet_that_is_there_stays_as_it_is(prefix):
    """One piece is put in; all bytes before and behind it are the same, whatever prefixes they use."""
    given = packet(b'dc:format="image/png"', b"<dc:title>A hill</dc:title>").replace(b"rdf:", prefix + b":")
    given = given.replace(b"xmlns:rdf=", b"xmlns:" + prefix + b"=")
    made = stamped(Metadata("PNG", "RGB", xmp=given), FACTS)
    place = xmp.insertion_place(given)
    assert made.xmp.startswith(given[:place])
    assert made.xmp.endswith(given[place:])
    assert history(made.xmp) == (FACTS,)
    ElementTree.fromstring(made.xmp)


def test_a_result_that_is_enlarged_again_keeps_its_history():
    """The oldest first; without end it does not grow."""
    made = EMPTY
    for number in range(MAX_STEPS + 5):
        made = stamped(made, {"model": str(number)})
        ElementTree.fromstring(made.xmp)
    found = [step["model"] for step in history(made.xmp)]
    assert found == [str(number) for number in range(5, MAX_STEPS + 5)]
    assert made.xmp.count(b"<rdf:li ") == MAX_STEPS


def test_an_empty_list_takes_the_first_entry():
    """Another program may have taken out the entries, and left a list that is one empty tag."""
    given = packet(elements=b'<n:steps xmlns:n="urn:nlsr:provenance:1"><rdf:Seq/></n:steps>')
    assert history(stamped(Metadata("PNG", "RGB", xmp=given), FACTS).xmp) == (FACTS,)


def test_a_packet_that_has_no_place_is_refused():
    """The reader leaves out a packet without RDF; whoever made one all the same is told."""
    with pytest.raises(ValueError, match="no place for a description"):
        stamped(Metadata("PNG", "RGB", xmp=b'<x:xmpmeta xmlns:x="adobe:ns:meta/"/>'), FACTS)


@pytest.mark.parametrize("character", ["\0", "\n", "\x1b", "\ufffe", "\uffff", "\ud800"])
def test_what_xml_cannot_say_becomes_a_question_mark(character):
    """Names of files hold anything; the packet is sound XML all the same."""
    made = stamped(EMPTY, {"model": f"my{character}model"})
    assert history(made.xmp) == ({"model": "my?model"},)
    ElementTree.fromstring(made.xmp)


@pytest.mark.parametrize("target", HOLDERS)
def test_every_format_tells_it(target, tmp_path):
    """Read back from the file, by us and by Pillow."""
    source = picture(xmp=stamped(EMPTY, FACTS).xmp)
    path = tmp_path / "out"
    path.write_bytes(encode_picture(source, format=target, options=EncodeOptions())[0])
    assert read_provenance(path) == FACTS
    with Image.open(path) as image:
        assert image.info["xmp"] == source.metadata.xmp
    again, _ = encode_picture(source, format=target, options=EncodeOptions())
    assert again == path.read_bytes()


def test_a_gif_tells_it(tmp_path):
    """GIF has a place for XMP too."""
    from nlsr_cli.images.metadata import gif_texts

    data = saved(Image.fromarray(gradient()).quantize(16), "GIF", comment=b"Hello")
    with_it = gif_texts.with_words(data, stamped(EMPTY, FACTS).xmp, None)
    (tmp_path / "a.gif").write_bytes(with_it)
    assert read_provenance(tmp_path / "a.gif") == FACTS
    read = read_picture(with_it)
    assert read.metadata.comment == b"Hello"
    np.testing.assert_array_equal(read.color, read_picture(data).color)
    for length in range(len(with_it)):  # wherever it is cut off
        _ = parsed("GIF", with_it[:length]).words


@pytest.mark.parametrize("bad", ["Model", "a b", "x:y", 'a="', ""])
def test_names_that_xml_does_not_allow_are_refused(bad):
    """They are ours to choose, so this is a mistake of ours."""
    with pytest.raises(ValueError, match="not a valid name"):
        stamped(EMPTY, {bad: "1"})


def test_forged_and_broken_histories_are_no_harm():
    """Values are cut, names that are none of ours are passed over, nonsense is nothing."""
    assert history(b"nonsense") == ()
    assert history(None) == ()
    forged = stamped(EMPTY, {"model": "x"}).xmp.replace(b'"x"', b'"' + b"y" * 100_000 + b'" nlsr:Bad-Name="1"')
    (step,) = history(forged)
    assert step == {"model": "y" * 256}
