"""The texts of a PNG: which are read, which are damaged, which are too long, and how each is written."""

from __future__ import annotations

import zlib
from io import BytesIO

import pytest
from PIL import Image

from nlsr_cli.images.metadata import png
from tests.images.files import camera_exif, gradient, parsed, png_chunk, saved
from tests.images.files import png as png_of

DOT = (1, 1, 8, 0, b"\0\0")  # a black pixel


def exif_of(data: bytes) -> bytes | None:
    """Return the EXIF block of a PNG."""
    file = parsed("PNG", data)
    return png.read_exif(file.chunks, lambda: file.texts)


def texts(*chunks: tuple[bytes, bytes]) -> png.Texts:
    """Return what a PNG with these chunks says."""
    return parsed("PNG", png_of(*DOT, *chunks)).texts


@pytest.mark.parametrize(
    ("name", "body", "text"),
    [
        (b"tEXt", b"\xe4\0J\xe4n", "J\xe4n"),
        (b"tEXt", b"\xe4\0", ""),
        (b"zTXt", b"\xe4\0\0" + zlib.compress(b"J\xe4n"), "J\xe4n"),
        (b"iTXt", b"\xe4\0\0\0\0\0" + "\u65e5\u672c".encode(), "\u65e5\u672c"),
        (b"iTXt", b"\xe4\0\1\0\0\0" + zlib.compress("\u65e5\u672c".encode()), "\u65e5\u672c"),
    ],
)
def test_texts_are_read_in_their_encoding(name, body, text):
    """Plain, packed and international, under keywords of one to 79 characters."""
    assert texts((name, body)) == png.Texts([("\xe4", text)])
    assert texts((name, b"a" * 78 + body)) == png.Texts([("a" * 78 + "\xe4", text)])


@pytest.mark.parametrize(
    ("name", "body"),
    [
        (b"tEXt", b"no end"),
        (b"tEXt", b"\0no keyword"),
        (b"tEXt", b"a" * 80 + b"\0text"),
        (b"tEXt", b"Key\0a\0b"),
        (b"iTXt", b"Key\0\0\0\0\0a\0b"),
        (b"iTXt", b"Key\0\0\0\0\0\xff"),
        (b"zTXt", b"Key\0\0" + zlib.compress(b"text")[:-5]),
        (b"zTXt", b"Key\0\0text"),
        (b"tEXt", b"Raw profile type iptc\0\niptc\n 1\nxyz"),
    ],
)
def test_one_damaged_text_counts_once(name, body):
    """And costs no other."""
    assert texts((name, body), (b"tEXt", b"Title\0Hill")) == png.Texts([("Title", "Hill")], broken=1)


@pytest.mark.parametrize(("language", "keyword"), [(b"de", b""), (b"", b"Titel"), (b"de", b"Titel"), (b"", b"")])
def test_a_language_or_a_translated_keyword_is_counted(language, keyword):
    """Either is lost; of a text that states neither, nothing is."""
    found = texts((b"iTXt", b"Title\0\0\0" + language + b"\0" + keyword + b"\0Hill"))
    assert found == png.Texts([("Title", "Hill")], tagged=int(bool(language or keyword)))


def test_the_second_of_a_kind_is_named():
    """The first counts, of packets and of profiles, however the kind is spelled."""
    packet = (b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0<x/>")
    first, second = (
        (b"tEXt", b"Raw profile type iptc\0\niptc\n 1\n01"),
        (b"tEXt", b"Raw profile type IPTC\0\nIPTC\n 1\n02"),
    )
    found = texts(packet, (b"tXMP", b"<y/>"), first, second)
    assert (found.xmp, found.profiles) == (b"<x/>", {"iptc": b"\1"})
    assert found.doubled == ["tXMP", "Raw profile type IPTC"]


def test_texts_to_the_limit_are_read(monkeypatch):
    """In all, to the last byte; what goes beyond is named, and what is cut off there is damaged, not long."""
    monkeypatch.setattr(png, "TEXT_LIMIT", 8)
    packed = zlib.compress(b"1234")
    assert texts((b"tEXt", b"A\x001234"), (b"zTXt", b"B\0\0" + packed)).pairs == [("A", "1234"), ("B", "1234")]
    assert texts((b"tEXt", b"A\x0012345"), (b"zTXt", b"B\0\0" + packed)).long == ["B"]
    assert texts((b"tEXt", b"A\x0012345"), (b"tEXt", b"B\x001234")).long == ["B"]
    assert texts((b"tEXt", b"A\x001234"), (b"zTXt", b"B\0\0" + packed[:-4])).broken == 1


@pytest.mark.parametrize("more", [0, 1])
def test_the_limit_is_16_mib(more):
    """Of one text or of all; a workflow of some megabytes stays."""
    text = b"x" * ((16 << 20) + more)
    found = texts((b"zTXt", b"A\0\0" + zlib.compress(text)))
    assert [len(words) for _, words in found.pairs] == ([] if more else [16 << 20])
    assert found.long == (["A"] if more else [])


def test_nothing_is_unpacked_behind_eight_texts_that_are_too_long(monkeypatch):
    """Each took the time of 16 MiB; what follows is named."""
    monkeypatch.setattr(png, "TEXT_LIMIT", 4)
    long = (b"tEXt", b"Long\x0012345")
    assert texts(*[long] * 7, (b"tEXt", b"A\x001")) == png.Texts([("A", "1")], long=["Long"] * 7)
    assert texts(*[long] * 8, (b"tEXt", b"A\x001")) == png.Texts(long=["Long"] * 8 + ["A"])


def test_there_are_no_more_texts_than_any_program_writes(monkeypatch):
    """The rest is counted as damaged: a million empty ones are an attack."""
    monkeypatch.setattr(png, "MAX_TEXTS", 2)
    assert texts(*[(b"tEXt", b"A\0")] * 3) == png.Texts([("A", "")] * 2, broken=1)


EXIF = camera_exif(6)
HEXADECIMAL = (b"tEXt", b"Raw profile type exif\0\nexif\n 8\n" + camera_exif(3).hex().encode())


@pytest.mark.parametrize("head", [b"", b"Exif\0\0"])
@pytest.mark.parametrize("kind", [b"exif", b"APP1"])
def test_the_chunk_of_exif_counts_before_older_places(head, kind):
    """Then the packed one, then the hexadecimal text; with the mark of a JPEG or without."""
    new, old = (b"eXIf", head + EXIF), (b"zxIf", b"\0\0\0\0\0" + zlib.compress(head + camera_exif(8)))
    text = (b"tEXt", b"Raw profile type %b\0\n%b\n 8\n" % (kind, kind) + (head + camera_exif(3)).hex().encode())
    for chunks, expected in (
        ((text, old, new), EXIF),
        ((new, text), EXIF),
        ((text, old), camera_exif(8)),
        ((old,), camera_exif(8)),
        ((text,), camera_exif(3)),
        (((b"eXIf", b""), text), camera_exif(3)),
        (((b"tEXt", b"Title\0Hill"),), None),
        (((b"eXIf", head),), None),
    ):
        assert exif_of(png_of(*DOT, *chunks)) == expected


@pytest.mark.parametrize("body", [b"", b"\1\0\0\0\0" + zlib.compress(EXIF), b"\0\0\0\0\0nonsense"])
def test_a_damaged_old_chunk_is_none(body):
    """Of another method, or not packed at all."""
    assert exif_of(png_of(*DOT, (b"zxIf", body))) is None
    assert exif_of(png_of(*DOT, (b"zxIf", body), HEXADECIMAL)) == camera_exif(3)


@pytest.mark.parametrize(
    ("text", "name", "start"),
    [
        ("J\xe4n", b"tEXt", b"J\xe4n"),
        ("x" * 1024, b"tEXt", b"x"),
        ("x" * 1025, b"zTXt", b"\0\x78"),
        ("\u65e5", b"iTXt", b"\0\0\0\0\xe6\x97\xa5"),
        ("\u65e5" * 341 + "x", b"iTXt", b"\0\0\0\0\xe6\x97\xa5"),
        ("\u65e5" * 341 + "xx", b"iTXt", b"\1\0\0\0\x78"),
    ],
)
def test_a_text_is_written_as_simply_as_it_can_be(text, name, start):
    """Latin-1 where that has its letters, packed only beyond 1024 bytes (PNG 11.3.3.1); Pillow reads the same."""
    written, body = png.text_chunk("K", text)
    assert (written, body[: 2 + len(start)]) == (name, b"K\0" + start)
    assert texts((written, body)) == png.Texts([("K", text)])
    with Image.open(BytesIO(png_of(*DOT, (written, body)))) as image:
        assert image.text == {"K": text}


@pytest.mark.parametrize(
    ("keyword", "fits"), [("", False), ("a", True), ("a" * 79, True), ("a" * 80, False), ("a\0", False)]
)
def test_keywords_have_one_to_79_characters(keyword, fits):
    """Others make a chunk that decoders refuse."""
    if fits:
        assert png.text_chunk(keyword, "x") == (b"tEXt", keyword.encode() + b"\0x")
        return
    with pytest.raises(ValueError, match="is not a valid keyword"):
        png.text_chunk(keyword, "x")


def test_profiles_are_written_as_imagemagick_does():
    """An empty line, the kind, the length in eight columns, and rows of 72 digits."""
    name, body = png.profile_chunk("iptc", bytes(range(40)))
    head, text = body[:23], zlib.decompress(body[23:]).decode()
    assert (name, head) == (b"zTXt", b"Raw profile type iptc\0\0")
    digits = bytes(range(40)).hex()
    assert text == f"\niptc\n      40\n{digits[:72]}\n{digits[72:]}\n"
    assert texts((name, body)).profiles == {"iptc": bytes(range(40))}


def test_profile_packet_and_resolution_are_what_readers_expect():
    """Pillow finds them, and the resolution is that of whole dots per metre."""
    assert png.xmp_chunk(b"<x/>") == (b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0<x/>")
    data = saved(Image.fromarray(gradient()))
    made = (png.xmp_chunk(b"<x/>"), png.icc_chunk(b"profile"), png.resolution_chunk((300.0, 72.0)))
    with Image.open(BytesIO(data[:33] + b"".join(png_chunk(*each) for each in made) + data[33:])) as image:
        assert (image.info["xmp"], image.info["icc_profile"]) == (b"<x/>", b"profile")
        assert image.info["dpi"] == pytest.approx((11811 * 0.0254, 2835 * 0.0254))
