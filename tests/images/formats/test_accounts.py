"""No part of a PNG, WebP, GIF or BMP can vanish: every byte is accounted for, and what is left out is told."""

from __future__ import annotations

import random
import struct
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from nlsr_cli.images import native_formats, read_picture
from nlsr_cli.images.parts import Fate
from tests.images.files import account_of, camera_exif, gradient, losses, png_chunk, saved, with_png_chunk

CASES = Path(__file__).parents[2] / "assets" / "cases"
PLAIN = Image.fromarray(gradient())
FORMATS = [name for name in ("PNG", "WEBP", "GIF", "BMP") if name in native_formats().writable]


def animated(fmt: str) -> bytes:
    frames = [Image.fromarray(np.roll(gradient(), shift, 0)) for shift in range(3)]
    stream = BytesIO()
    frames[0].save(stream, fmt, save_all=True, append_images=frames[1:])
    return stream.getvalue()


def samples(fmt: str) -> list[bytes]:
    found = [saved(PLAIN, fmt), saved(PLAIN.convert("P"), fmt)]
    return found if fmt == "BMP" else [*found, animated(fmt)]


def assert_complete(fmt: str, data: bytes) -> None:
    """The parts follow each other without gap or overlap, from the first byte to the last."""
    at = 0
    for each in account_of(fmt, data):
        assert each.part.start == at
        assert each.part.size > 0 or not data
        at += each.part.size
    assert at == len(data)


@pytest.mark.parametrize("fmt", FORMATS)
def test_every_byte_belongs_to_a_part(fmt):
    """Of sound files, of those cut off anywhere, and of those with any bytes changed."""
    dice = random.Random(fmt)
    for data in samples(fmt):
        for end in range(1, len(data) + 1):
            assert_complete(fmt, data[:end])
        for _ in range(300):
            broken = bytearray(data + dice.randbytes(dice.randrange(4)))
            for _ in range(dice.choice((1, 3, 20))):
                broken[dice.randrange(len(broken))] = dice.randrange(256)
            assert_complete(fmt, bytes(broken))


@pytest.mark.parametrize("fmt", FORMATS)
def test_everyday_files_lose_nothing(fmt):
    for data in samples(fmt):
        assert losses(fmt, data) == ()
        assert losses(fmt, data + bytes(512)) == ()  # padding
        assert losses(fmt, data + b"hidden") == ("Left out: data after the end of the picture (6 bytes).",)
        assert all(each.rule.fate is not Fate.DROPPED for each in account_of(fmt, data))


def places(data: bytes, fmt: str) -> list[int]:
    """Return where one more part may stand: before every part but the first, and behind the last but in the file."""
    parts = [each.part for each in account_of(fmt, data)]
    return [part.start for part in parts if part.start >= {"PNG": 33, "WEBP": 12, "GIF": 13}[fmt]]


def with_part(data: bytes, fmt: str, at: int, part: bytes) -> bytes:
    result = data[:at] + part + data[at:]
    if fmt == "WEBP":
        result = result[:4] + struct.pack("<I", len(result) - 8) + result[8:]
    return result


def invented(fmt: str, name: str, body: bytes) -> bytes:
    if fmt == "PNG":
        return png_chunk(name.encode(), body)
    if fmt == "WEBP":
        return struct.pack("<4sI", name.encode(), len(body)) + body + bytes(len(body) % 2)
    return b"!\xff\x0b" + (name * 3)[:11].encode() + (bytes([len(body)]) + body if body else b"") + b"\0"


@pytest.mark.parametrize("body", [b"", b"secret"])
@pytest.mark.parametrize("name", ["quUx", "QuUx", "quux", "QUUX"])
@pytest.mark.parametrize("fmt", [name for name in FORMATS if name != "BMP"])
def test_a_part_that_nobody_knows_is_told_wherever_it_stands(fmt, name, body):
    """Upper and lower case, with and without content, once and twice."""
    data, part = saved(PLAIN, fmt), invented(fmt, name, body)
    for at in places(data, fmt):
        if fmt == "GIF" and at == 13:
            continue  # before the colour table
        told = losses(fmt, with_part(data, fmt, at, part))
        assert len(told) == 1
        assert told[0].startswith("Left out: 1 unknown")
        assert name in told[0]
        assert "2 unknown" in losses(fmt, with_part(data, fmt, at, part * 2))[0]


PNG_LOSSES = {
    b"caBX": "content credentials (C2PA)",
    b"dSIG": "a digital signature (dSIG)",
    b"sPLT": "a suggested palette (sPLT)",
    b"hIST": "the palette histogram (hIST)",
    b"pCAL": "the calibration of the samples (pCAL)",
    b"sCAL": "the physical scale of the subject (sCAL)",
    b"sTER": "the mark of a stereo pair (sTER)",
    b"gIFx": "extensions of the original GIF",
    b"mkTS": "editing data of Adobe Fireworks",
    b"msOG": "the GIF that Microsoft Office embeds (msOG)",
    b"mDCV": "the colours of the mastering display (mDCV)",
    b"cLLI": "the content light levels (cLLI)",
    b"fcTL": "frames of an undeclared animation",
    b"orNT": "an orientation that only ImageMagick follows (orNT)",
    b"oFFs": "its position on a larger page",
}


@pytest.mark.parametrize("name", PNG_LOSSES)
def test_what_a_png_loses_has_its_word(name):
    data = with_png_chunk(saved(PLAIN), name, b"\6\5\4\3\2\1\0\1\0")
    assert read_picture(data).notes == (f"Left out: {PNG_LOSSES[name]} (21 bytes).",)


def test_what_a_png_regenerates_is_not_told():
    """Significant bits, a time of change, a page that is the picture, a background behind nothing."""
    data = saved(PLAIN)
    routine = {
        b"sBIT": b"\x08\x08\x08",
        b"tIME": b"\x07\xea\1\1\0\0\0",
        b"iDOT": bytes(28),
        b"oFFs": bytes(9),
        b"vpAg": data[16:24] + b"\0",
        b"caNv": data[16:24] + bytes(8),
        b"orNT": b"\1",
        b"bKGD": bytes(6),
    }
    for name, body in routine.items():
        data = with_png_chunk(data, name, body)
    assert read_picture(data).notes == ()
    clear = with_png_chunk(saved(PLAIN.convert("RGBA")), b"bKGD", bytes(6))
    assert read_picture(clear).notes == ("Left out: the background colour (bKGD) (18 bytes).",)


def test_content_credentials_of_a_file_are_told():
    assert read_picture(CASES / "06b_c2pa_caBX.png").notes[-1].startswith("Left out: content credentials (C2PA) (")


@pytest.mark.parametrize("name", [b"iCCP", b"eXIf", b"pHYs", b"gAMA"])
def test_what_is_there_twice_counts_once(name):
    body = {b"eXIf": camera_exif(), b"pHYs": struct.pack(">IIB", 3937, 3937, 1), b"gAMA": b"\0\0\xb1\x8f"}.get(name)
    once = saved(PLAIN, icc_profile=b"x" * 200) if body is None else with_png_chunk(saved(PLAIN), name, body)
    start = once.index(name) - 4
    end = start + 12 + int.from_bytes(once[start : start + 4], "big")
    twice = once[:end] + once[start:]
    assert losses("PNG", once) == ()
    assert losses("PNG", twice) == (f"Left out: a second {name.decode()} chunk ({end - start} bytes).",)


def test_data_in_the_end_chunk_is_told():
    data = saved(PLAIN)[:-12] + png_chunk(b"IEND", b"hidden")
    assert losses("PNG", data) == ("Left out: data after the end of the picture (18 bytes).",)


@pytest.mark.skipif("WEBP" not in FORMATS, reason="this Pillow writes no WebP")
def test_what_a_webp_does_not_announce_is_told():
    """Decoders pass over it, and so do viewers: an orientation in there turns nothing."""
    plain = saved(PLAIN, "WEBP")
    exif = invented("WEBP", "EXIF", camera_exif(6))
    read = read_picture(with_part(plain, "WEBP", len(plain), exif))
    assert read.metadata.exif is None
    assert read.color.shape[:2] == gradient().shape[:2]
    assert read.notes == (f"Left out: EXIF data that the file header does not declare ({len(exif)} bytes).",)
    credentials = with_part(plain, "WEBP", len(plain), invented("WEBP", "C2PA", b"jumb"))
    assert losses("WEBP", credentials) == ("Left out: content credentials (C2PA) (12 bytes).",)
    announced = saved(PLAIN, "WEBP", exif=camera_exif(6))
    assert losses("WEBP", announced) == ()
    again = with_part(announced, "WEBP", len(announced), exif)
    assert losses("WEBP", again) == (f"Left out: a second EXIF chunk ({len(exif)} bytes).",)


@pytest.mark.skipif("WEBP" not in FORMATS, reason="this Pillow writes no WebP")
def test_chunks_within_frames_are_told():
    """Unknown ones, stray bytes, and a second picture in one frame."""
    data = animated("WEBP")
    at = data.index(b"ANMF")
    size = int.from_bytes(data[at + 4 : at + 8], "little")
    for part, told in (
        (invented("WEBP", "quUx", b"ab"), "ANMF/quUx"),
        (b"\1\2\3\4", "data between the parts of the file"),
    ):
        end = at + 8 + size
        inner = data[:end] + part + data[end:]
        inner = inner[: at + 4] + struct.pack("<I", size + len(part)) + inner[at + 8 :]
        inner = inner[:4] + struct.pack("<I", len(inner) - 8) + inner[8:]
        assert [told in note for note in losses("WEBP", inner)] == [True]


def extension(label: int, *blocks: bytes) -> bytes:
    return bytes((0x21, label)) + b"".join(bytes([len(block)]) + block for block in blocks) + b"\0"


GIF_LOSSES = {
    "text that few programs show (plain text extension)": extension(0x01, bytes(12), b"hello"),
    "editing data of Adobe ImageReady": extension(0xFF, b"ADOBE:IR1.0", b"\2\xde"),
    "content credentials (C2PA)": extension(0xFF, b"C2PA_GIF\1\0\0", b"jumb"),
    "a gamma that only ImageMagick follows": extension(0xFF, b"ImageMagick", b"gamma=1.0"),
}


@pytest.mark.parametrize("what", GIF_LOSSES)
def test_what_a_gif_loses_has_its_word(what):
    plain, block = saved(PLAIN.convert("P"), "GIF"), GIF_LOSSES[what]
    at = places(plain, "GIF")[1]
    assert read_picture(plain[:at] + block + plain[at:]).notes[-1] == f"Left out: {what} ({len(block)} bytes)."
    for quiet in (extension(0xFF, b"ImageMagick", b"gamma=0.454545"), extension(0xFF, b"NETSCAPE2.0", b"\1\0\0")):
        assert losses("GIF", plain[:at] + quiet + plain[at:]) == ()
    stuffed = extension(0xFF, b"NETSCAPE2.0", b"\1\0\0", bytes(200))
    assert len(losses("GIF", plain[:at] + stuffed + plain[at:])) == 1


def test_a_gif_of_pixels_that_are_not_square_is_told():
    """By the byte behind the background colour, (n + 15) / 64, where 0 says nothing."""
    data = bytearray(saved(PLAIN.convert("P"), "GIF"))
    for value, told in ((0, []), (49, []), (81, ["1.5 : 1"])):
        data[12] = value
        notes = [note for note in read_picture(bytes(data)).notes if "square" in note]
        assert len(notes) == len(told)
        assert all(word in note for word, note in zip(told, notes, strict=True))
