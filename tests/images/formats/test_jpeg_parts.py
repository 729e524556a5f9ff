"""The account of a JPEG: every byte belongs to a part, every part has a fate, and what a person could miss is told."""

from __future__ import annotations

import random
import struct
import time

import numpy as np
import pytest
from PIL import Image

from nlsr_cli.images import encode_picture, native_formats, read_picture
from nlsr_cli.images.containers import jpeg
from nlsr_cli.images.formats import writing_of
from nlsr_cli.images.parts import Fate
from nlsr_cli.options import EncodeOptions
from tests.conftest import ASSETS
from tests.images import icc, jpegs
from tests.images.files import account_of, camera_exif, gradient, losses, saved
from tests.images.jpegs import CAMERA, MAP_XMP, VIDEO, map_file, segment, ultra_hdr

PLAIN = jpegs.jpeg()
CASES = ASSETS / "cases"
SCAN = PLAIN.index(b"\xff\xda")
TABLE = PLAIN.index(b"\xff\xdb")
GOOGLE = "http://ns.google.com/photos/"
SCANS = saved(Image.fromarray(jpegs.soft(24, 32)), "JPEG", progressive=True)
# Where the format has places for parts.
PLACES = {"first": (PLAIN, 2), "before tables": (PLAIN, TABLE), "before the scan": (PLAIN, SCAN)}
PLACES |= {"between scans": (SCANS, [piece.start for piece in jpeg.walk(SCANS) if piece.marker == jpeg.SOS][1])}
PLACES |= {"before EOI": (PLAIN, len(PLAIN) - 2), "behind EOI": (PLAIN, len(PLAIN))}
UNDECODED = ("JPG3", "reserved marker")  # no decoder knows what they mean
INVENTED = {
    "APP5": segment(0xE5, b"Inventor\0data"),
    "APP5 in capitals": segment(0xE5, b"INVENTOR\0DATA"),
    "APP1 in lower case": segment(0xE1, b"exif\0\0II*\0"),
    "APP2 in lower case": segment(0xE2, b"icc_profile\0\1\1"),
    "APP11 without a name": segment(0xEB, b"x"),
    "APP13 of another version": segment(0xED, b"Photoshop 9.9\0"),
    "empty APP9": segment(0xE9),
    "two of a kind": segment(0xE6, b"a") * 2,
    "JPG3": segment(0xF3, b"extension"),
    "reserved marker": segment(0x42, b"reserved"),
}


def kinds(data: bytes) -> dict[str, Fate]:
    return {each.part.name: each.rule.fate for each in account_of("JPEG", data)}


def covered(data: bytes) -> bool:
    """Say whether the parts follow each other from the first byte to the last."""
    at = 0
    for each in account_of("JPEG", data):
        if each.part.start != at or each.part.size < 1:
            return False
        at += each.part.size
    return at == len(data)


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("kind", INVENTED)
def test_invented_parts_cannot_vanish(kind, place):
    """Wherever they stand, they are told, and the picture is none the worse."""
    whole, at = PLACES[place]
    data = whole[:at] + INVENTED[kind] + whole[at:]
    assert covered(data)
    (note,) = losses("JPEG", data)
    assert note.startswith("Left out: ")
    assert f"{len(INVENTED[kind])} bytes" in note
    if kind not in UNDECODED:
        assert np.array_equal(read_picture(data).color, read_picture(whole).color)


def app11(kind: bytes, number: int, body: bytes = b"", *, box: bytes = b"jumb") -> bytes:
    described = struct.pack(">I4s", 25, b"jumd") + kind + b"\3"
    return segment(0xEB, b"JP" + struct.pack(">HII4s", number, 1, 200, box) + described + body)


C2PA = b"c2pa\0\x11\0\x10\x80\0\0\xaa\0\x38\x9b\x71"
OTHER = b"json\0\x11\0\x10\x80\0\0\xaa\0\x38\x9b\x71"
STEREO = jpegs.mpf(PLAIN, (0x020002, PLAIN))
DEPTH = jpegs.jpeg(height=6, width=8)
APPLE_KIND = 'xmlns:a="http://ns.apple.com/pixeldatainfo/1.0/" a:AuxiliaryImageType="urn:com:apple:photo:2018:aux:{}"'


def listed_depth(order: str = "1.0") -> bytes:
    """Return a picture with a depth map that only Google's directory tells of."""
    items = jpegs.directory(("Depth", len(DEPTH)))
    return jpegs.jpeg(jpegs.xmp("", items)) + DEPTH


# What is in a file, and what the note calls it.
TOLD = {
    "C2PA": (jpegs.jpeg(app11(C2PA, 1, b"x" * 60)), "content credentials (C2PA)"),
    "C2PA in two segments": (
        jpegs.jpeg(app11(C2PA, 7), segment(0xEB, b"JP" + struct.pack(">HII4s", 7, 2, 200, b"jumb") + b"rest")),
        "content credentials (C2PA)",
    ),
    "JUMBF": (jpegs.jpeg(app11(OTHER, 1)), "JUMBF data"),
    "JPEG XT": (jpegs.jpeg(app11(OTHER, 1, box=b"RESI")), "JPEG XT data that refines the samples"),
    "FLIR": (jpegs.jpeg(segment(0xE1, b"FLIR\0\1\0\0FFF\0")), "thermal data"),
    "second XMP": (jpegs.jpeg(jpegs.xmp(), jpegs.xmp()), "a second XMP packet"),
    "JFXX": (jpegs.jpeg(segment(0xE0, b"JFXX\0\x10")), "a thumbnail in the JFIF header"),
    "FlashPix": (jpegs.jpeg(segment(0xE2, b"FPXR\0\0\1")), "FlashPix data"),
    "Ducky": (jpegs.jpeg(segment(0xEC, b"Ducky\0\2\0\x09\0\0\0\2\0h\0i\0\0")), "a Photoshop comment (Ducky)"),
    "picture info": (jpegs.jpeg(segment(0xEC, b"[picture info]\r\n")), "camera data (picture info)"),
    "late": (PLAIN[:-2] + segment(0xFE, b"late") + b"\xff\xd9", "metadata after the first scan"),
    "motion photo": (ultra_hdr(trailer=VIDEO), "the video of a motion photo"),
    "motion photo of Samsung": (PLAIN + jpegs.samsung(("MotionPhoto_Data", VIDEO)), "the video of a motion photo"),
    "depth of Samsung": (PLAIN + jpegs.samsung(("DualShot_DepthMap_1", b"depth")), "a depth map"),
    "time of Samsung": (PLAIN + jpegs.samsung(("Image_UTC_Data", b"1600000000000")), "Samsung's data about the shot"),
    "depth by a directory": (listed_depth(), "a depth map"),
    "depth of Apple": (PLAIN + jpegs.jpeg(jpegs.xmp(APPLE_KIND.format("disparity"))), "a depth map"),
    "matte of Apple": (
        PLAIN + jpegs.jpeg(jpegs.xmp(APPLE_KIND.format("portraiteffectsmatte"))),
        "a portrait matte",
    ),
    "stereo": (STEREO, "the other picture of a stereo pair"),
    "panorama": (jpegs.mpf(PLAIN, (0x020001, PLAIN), (0x020001, PLAIN)), "the other pictures of a panorama"),
    "angles": (jpegs.mpf(PLAIN, (0x020003, PLAIN)), "pictures from other angles"),
    "another": (PLAIN + PLAIN, "other pictures in the file"),
    "Canon": (PLAIN + b"CANON OPTIONAL DATA\0\0\1", "Canon's edits (VRD)"),
    "text": (PLAIN + b"secret", "data after the picture"),
    "text between segments": (PLAIN[:20] + b"secret" + PLAIN[20:], "data between the parts of the file"),
    "text behind padding": (PLAIN + bytes(99) + b"secret", "data after the picture"),
    "GDepth": (
        jpegs.jpeg(jpegs.xmp(f'xmlns:GDepth="{GOOGLE}1.0/depthmap/" GDepth:Format="RangeInverse" GDepth:Data="AAAA"')),
        "a depth map",
    ),
    "GAudio": (
        jpegs.jpeg(jpegs.xmp(f'xmlns:GAudio="{GOOGLE}1.0/audio/" GAudio:Data="AAAA"')),
        "a sound recording",
    ),
}


@pytest.mark.parametrize("kind", TOLD)
def test_what_a_person_could_miss_is_told_by_name(kind):
    """One note, in the user's words, with its size."""
    data, what = TOLD[kind]
    assert covered(data)
    (note,) = read_picture(data).notes
    assert note.startswith(f"Left out: {what} (")
    assert "bytes" in note


QUIET = {
    "Pillow": saved(Image.fromarray(gradient()), "JPEG"),
    "progressive, with restarts": saved(
        Image.fromarray(gradient(64, 64)), "JPEG", progressive=True, restart_marker_blocks=2
    ),
    "camera": jpegs.jpeg(exif=b"Exif\0\0" + camera_exif()),
    "CMYK": saved(Image.new("CMYK", (8, 8)), "JPEG", icc_profile=icc.rgb("x", ((0.7, 0.27, 0.0),) * 3)),
    "preview in MPF": jpegs.mpf(PLAIN, (0x010001, DEPTH), (0x010002, DEPTH)),
    "padding": PLAIN + bytes(4096),
    "fill bytes": PLAIN[:2] + b"\xff" * 40 + PLAIN[2:],
    "saved for the web": jpegs.jpeg(
        segment(0xEC, b"Ducky\0\1\0\4\0\0\0\x3c\0\0"), segment(0xEE, b"Adobe\0d\0\0\0\0\1")
    ),
    "comment": jpegs.jpeg(segment(0xFE, b"Created with GIMP")),
    "Ultra HDR": ultra_hdr(),
}


@pytest.mark.parametrize("kind", QUIET)
def test_everyday_files_have_no_losses(kind):
    assert covered(QUIET[kind])
    assert losses("JPEG", QUIET[kind]) == ()


def test_samples_of_public_files():
    assert losses("JPEG", (CASES / "06_c2pa_app11.jpg").read_bytes()) == (
        "Left out: content credentials (C2PA) (72 bytes).",
    )
    assert losses("JPEG", (CASES / "01_ultrahdr.jpg").read_bytes()) == ()
    assert losses("JPEG", (CASES / "01b_ultrahdr_iso.jpg").read_bytes()) == ()
    assert kinds((CASES / "01_ultrahdr.jpg").read_bytes())[jpeg.PICTURE] is Fate.REWRITTEN


CLAIMS = (
    f'xmlns:GCamera="{CAMERA}" GCamera:MotionPhoto="1" GCamera:MotionPhotoVersion="1" GCamera:MicroVideoOffset="9" '
    f'xmlns:GDepth="{GOOGLE}1.0/depthmap/" GDepth:Data="AAAA" '
    f'xmlns:Device="{GOOGLE}dd/1.0/device/" Device:Revision="1" '
    'xmlns:dcterms="http://purl.org/dc/terms/" dcterms:provenance="self#jumbf=/c2pa/x" '
    'xmlns:OpCamera="http://ns.oplus.com/photos/1.0/camera/" OpCamera:VideoLength="9" GCamera:BurstID="b" '
)


@pytest.mark.parametrize("target", [name for name in native_formats().writable if writing_of(name).carries.xmp])
def test_claims_go_with_what_they_claim(target):
    """In every format that is written; what speaks of the picture stays."""
    read = read_picture(ultra_hdr(more=CLAIMS, trailer=VIDEO))
    data, _ = encode_picture(read, format=target, options=EncodeOptions())
    packet = read_picture(data).metadata.xmp
    for claim in (b"MotionPhoto", b"MicroVideo", b"GDepth", b"Device", b"jumbf", b"VideoLength", b"Container"):
        assert claim not in packet
    assert b'GCamera:BurstID="b"' in packet


def test_link_to_a_manifest_elsewhere_stays():
    """It is not dropped with the file's own."""
    attributes = 'xmlns:dcterms="http://purl.org/dc/terms/" dcterms:provenance="https://example.org/manifest"'
    assert b"example.org" in read_picture(jpegs.jpeg(jpegs.xmp(attributes))).metadata.xmp


def test_every_truncation_is_accounted_for():
    data = jpegs.jpeg(jpegs.xmp(MAP_XMP), app11(C2PA, 1)) + map_file() + jpegs.samsung(("MotionPhoto_Data", VIDEO))
    assert all(covered(data[:end]) for end in range(3, len(data), 3))


def test_any_damage_is_accounted_for():
    """Bytes overwritten at random, some by markers."""
    dice, whole = random.Random(1), ultra_hdr(trailer=VIDEO) + jpegs.samsung(("MotionPhoto_Data", VIDEO))
    for _ in range(300):
        data = bytearray(whole)
        for _ in range(dice.randrange(1, 12)):
            data[dice.randrange(3, len(data))] = dice.choice((0, 0xFF, 0xD8, 0xD9, 0xDA, 0xE1, dice.randrange(256)))
        assert covered(bytes(data))


CROWDED = {
    "pictures": PLAIN + b"\xff\xd8\xff\xd9" * 1_000_000,
    "beginnings": PLAIN + b"\xff\xd8\xff" * 1_000_000,
    "restart markers": PLAIN + b"\xff\xd8\xff\xd0" + b"\xff\xd0" * 1_000_000,
    "boxes": PLAIN + b"\0\0\0\x08ftyp" * 500_000,
    "stuffing": PLAIN + b"\xff\xd8\xff\xda\0\2" + b"\xff\0" * 1_000_000,
}


@pytest.mark.parametrize("kind", CROWDED)
def test_crowds_behind_the_picture_cost_little(kind):
    """They do no harm, for nobody decodes them; but they are told in one note, at once."""
    begun = time.process_time()
    picture = read_picture(CROWDED[kind])
    assert time.process_time() - begun < 2
    assert picture.notes
    assert covered(CROWDED[kind])
