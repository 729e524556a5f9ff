"""What a file says in words, container by container: found where programs put it, and told where it is damaged."""

from __future__ import annotations

import struct

import pytest
from PIL import Image

from nlsr_cli.images.containers.gif import chain
from nlsr_cli.images.facts import Facts
from nlsr_cli.images.metadata import gif_texts, iptc, photoshop, xmp
from nlsr_cli.images.metadata import png as words
from nlsr_cli.images.metadata.statements import Statements, portable
from tests.images import jpegs
from tests.images.files import camera_exif, gradient, parsed, png, saved, shorts, statements, tiff
from tests.images.metadata.test_xmp import packet

RECORDS = b"\x1c\x02\x78\0\x07Caption"
DAMAGED = (iptc.DAMAGED_NOTE,)


def gif(*blocks: tuple[bytes, bytes], comments: tuple[bytes, ...] = ()) -> bytes:
    """Return a GIF with application blocks of these names and contents, and with comments."""
    data = saved(Image.fromarray(gradient()).quantize(16), "GIF")
    told = b"".join(b"!\xff\x0b" + name + chain(body) for name, body in blocks)
    return data[:-1] + told + b"".join(b"!\xfe" + chain(comment) for comment in comments) + data[-1:]


def tiff_of(tags: dict[int, tuple[int, int, bytes]], order: str = "<") -> bytes:
    """Return a small grey TIFF with more tags."""
    plain = {256: shorts(order, 4), 257: shorts(order, 2), 258: shorts(order, 8), 259: shorts(order, 1)}
    return tiff(order, {**plain, 262: shorts(order, 1), 277: shorts(order, 1), 278: shorts(order, 2), **tags}, bytes(8))


@pytest.mark.parametrize("format_", ["AVIF", "HEIC", "JXL"])
def test_the_packet_of_other_formats_is_the_one_that_was_found(format_):
    """Their orientation is followed by what else the file says, unless told otherwise."""
    given = packet(b'tiff:Orientation="6"')
    upright = given.replace(b'"6"', b'"1"')
    file = parsed(format_, b"")
    file.facts = Facts(xmp=given)
    assert portable(file.found) == Statements(upright)
    assert portable(file.found, turned=False) == Statements(upright, notes=(xmp.UNFOLLOWED_NOTE,))
    file = parsed(format_, b"")
    file.facts = Facts()
    assert portable(file.found) == Statements()


def test_the_packet_of_a_webp_is_one_of_its_chunks():
    """Among those of its samples."""
    image = Image.fromarray(gradient())
    assert statements("WEBP", saved(image, "WEBP", xmp=packet())) == Statements(packet())
    assert statements("WEBP", saved(image, "WEBP")) == Statements()


def test_segments_of_other_meaning_hold_no_words():
    """A JPEG has EXIF in segments of the same number as XMP, and programs keep data of their own beside Photoshop's."""
    exif = jpegs.segment(0xE1, b"Exif\0\0" + camera_exif())
    other = jpegs.segment(0xED, b"Adobe_Photosh\0" + iptc.wrapped(RECORDS))
    assert statements("JPEG", jpegs.jpeg(exif, other)) == Statements()


def test_a_comment_has_a_limit():
    """1 MiB is kept to the last byte; more is told. Several are one text, a line for each, and empty ones are none."""
    limit = 1 << 20
    assert statements("GIF", gif(comments=(b"x" * limit,))) == Statements(comment=b"x" * limit)
    note = f"The comment of {limit + 1} bytes is too large and is left out."
    assert statements("GIF", gif(comments=(b"x" * (limit + 1),))) == Statements(notes=(note,))
    assert statements("GIF", gif(comments=(b"a", b"", b"b"))) == Statements(comment=b"a\nb")
    assert statements("GIF", gif(comments=(b"",))) == Statements()
    two = jpegs.jpeg(jpegs.segment(0xFE, b"a"), jpegs.segment(0xFE, b"b"))
    assert statements("JPEG", two) == Statements(comment=b"a\nb")


def test_a_gif_holds_what_imagemagick_writes():
    """Records, or the resources of Photoshop with records among them; of both the first count."""
    held = iptc.wrapped(RECORDS)
    assert statements("GIF", gif((b"MGKIPTC0000", RECORDS))) == Statements(iptc=RECORDS)
    assert statements("GIF", gif((b"MGK8BIM0000", held))) == Statements(iptc=RECORDS)
    other = RECORDS.replace(b"Caption", b"caption")
    both = gif((b"MGKIPTC0000", other), (b"MGK8BIM0000", held))
    assert statements("GIF", both) == Statements(iptc=other)
    assert statements("GIF", gif((b"MGKIPTC0000", b"nonsense"))) == Statements(notes=DAMAGED)
    with_xmp = gif_texts.with_words(gif(), packet(), None)
    assert statements("GIF", with_xmp) == Statements(packet())


def profile(kind: bytes, body: bytes) -> tuple[bytes, bytes]:
    """Return the chunk of a profile in hexadecimal."""
    return b"tEXt", b"Raw profile type %b\0\n%b\n %d\n" % (kind, kind, len(body)) + body.hex().encode()


@pytest.mark.parametrize(
    ("chunks", "expected"),
    [
        ([profile(b"iptc", RECORDS)], Statements(iptc=RECORDS)),
        ([profile(b"8bim", iptc.wrapped(RECORDS))], Statements(iptc=RECORDS)),
        ([profile(b"iptc", b"nonsense")], Statements(notes=DAMAGED)),
        ([profile(b"xmp", packet())], Statements(packet())),
        ([profile(b"app1", b"http://ns.adobe.com/xap/1.0/\0" + packet())], Statements(packet())),
        ([profile(b"app1", b"Exif\0\0II*\0")], Statements()),
        ([profile(b"icm", b"x")], Statements(notes=("Left out: profiles in PNG texts (icm).",))),
        ([(b"tEXt", b"A\0b")], Statements(texts=(("A", "b"),))),
        ([words.xmp_chunk(packet()), profile(b"xmp", packet(b'dc:x="1"'))], Statements(packet())),
    ],
)  # fmt: skip
def test_a_png_holds_profiles_in_hexadecimal(chunks, expected):
    """Each kind is read, named, or told as damaged; one that is not there is not."""
    assert statements("PNG", png(1, 1, 8, 0, b"\0\0", *chunks)) == expected


@pytest.mark.parametrize(
    ("chunks", "note"),
    [
        ([(b"tEXt", b"no end")], "1 of the PNG texts are damaged and are left out."),
        ([(b"iTXt", b"A\0\0\0de\0\0b")], "The language tags of PNG texts are left out."),
        ([words.xmp_chunk(packet())] * 3, "Left out: texts that occur twice (XML:com.adobe.xmp)."),
        ([(b"tEXt", b"A\0" + bytes((16 << 20) + 1))], "Left out: texts beyond 16 MiB (A)."),
    ],
)
def test_what_a_png_loses_is_told_once(chunks, note):
    """However often it happens."""
    assert statements("PNG", png(1, 1, 8, 0, b"\0\0", *chunks)).notes == (note,)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("counted", [False, True])
@pytest.mark.parametrize("wrapped", [False, True])
def test_iptc_of_a_tiff_in_bytes_or_numbers(order, counted, wrapped):
    """In the byte order of the file, as records or as resources that hold them."""
    held = iptc.wrapped(RECORDS) if wrapped else RECORDS
    held += bytes(-len(held) % 4)
    numbers = struct.pack(f"{order}{len(held) // 4}I", *struct.unpack(f">{len(held) // 4}I", held))
    tag = (4, len(held) // 4, numbers) if counted else (7, len(held), held)
    assert statements("TIFF", tiff_of({33723: tag}, order)) == Statements(iptc=RECORDS)
    assert statements("TIFF", tiff_of({34377: (1, len(held), held)}, order)).iptc == RECORDS


def test_damage_in_a_tiff_is_told():
    """Zeros are no records; a file that is no TIFF says nothing."""
    assert statements("TIFF", tiff_of({33723: (7, 8, b"nonsense")})) == Statements(notes=DAMAGED)
    assert statements("TIFF", tiff_of({33723: (7, 8, bytes(8))})) == Statements()
    assert statements("TIFF", tiff_of({})) == Statements()
    for damaged in (b"nonsense", b"II*\0\xff\xff\xff\xff", b""):
        assert statements("TIFF", damaged) == Statements()


def test_layers_that_no_output_has_are_not_claimed():
    """Photoshop names the texts of layers in XMP; without layers in the file the words are the picture's."""
    layers = b'<p:TextLayers xmlns:p="http://ns.adobe.com/photoshop/1.0/"><rdf:Bag/></p:TextLayers>'
    given = packet(elements=layers + b"<dc:x>1</dc:x>")
    tags = {700: (1, len(given), given)}
    assert statements("TIFF", tiff_of(tags)) == Statements(given)
    found = statements("TIFF", tiff_of({**tags, 37724: (7, 4, b"8BIM")}))
    assert found == Statements(packet(elements=b"<dc:x>1</dc:x>"))
    assert statements("TIFF", tiff_of({37724: (7, 4, b"8BIM")})) == Statements()


def test_what_photoshop_keeps_is_told_of_every_container():
    """A person's work is never lost in silence."""
    path = b"8BIM" + struct.pack(">HHI", 2000, 0, 4) + b"path"
    note = next(photoshop.left_behind(path))
    assert statements("TIFF", tiff_of({34377: (1, len(path), path)})).notes == (note,)
    assert statements("GIF", gif((b"MGK8BIM0000", path))).notes == (note,)
    assert statements("PNG", png(1, 1, 8, 0, b"\0\0", profile(b"8bim", path))).notes == (note,)
    assert statements("JPEG", jpegs.jpeg(jpegs.segment(0xED, b"Photoshop 3.0\0" + path))).notes == (note,)
