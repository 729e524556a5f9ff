"""HEIC is read with its colours, depth, alpha and words, upright once, and comes out as PNG unless another is asked."""

from __future__ import annotations

import io
import json
import struct
from dataclasses import replace

import numpy as np
import pi_heif
import pytest
from PIL import Image
from typer.testing import CliRunner

from nlsr_cli.cli import app
from nlsr_cli.errors import ImageReadError
from nlsr_cli.images import encode_picture, native_formats, probe, read_picture
from nlsr_cli.images.color import spaces
from nlsr_cli.images.depth import extra
from nlsr_cli.images.metadata import exif_tags
from nlsr_cli.options import EncodeOptions
from tests.images.boxes import ASSETS, Entry, auxiliary, heic, heif, main_entry
from tests.images.files import camera_exif

PLAIN = main_entry(heic())
XMP = b"""<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<rdf:Description rdf:about="" xmlns:tiff="http://ns.adobe.com/tiff/1.0/" tiff:Orientation="6"/></rdf:RDF></x:xmpmeta>"""


def ramps() -> np.ndarray:
    """Return what heif-enc was given."""
    rows, columns = np.mgrid[0:32, 0:48]
    return np.stack([60 + 3 * columns, 40 + 5 * rows, 200 - 2 * rows - columns], -1).astype(np.uint8)


def with_properties(*properties: tuple[bytes, bytes], entry: Entry = PLAIN) -> Entry:
    return Entry(entry.kind, entry.data, [each for each in entry.properties if each[0] != b"colr"] + list(properties))


def test_colours_are_those_that_were_encoded():
    picture = read_picture(heic())
    assert picture.metadata.format == "HEIC"
    assert np.abs(picture.color.astype(int) - ramps()).max() <= 12
    assert np.abs(picture.color.astype(int) - ramps()).mean() < 2
    assert picture.notes == ()


def test_grey_of_ten_bits_is_grey_of_sixteen():
    """The decoder has a name of its own for it."""
    picture = read_picture(heic("deep-grey"))
    assert (picture.color.dtype, picture.color.shape) == (np.uint16, (16, 24, 1))
    header = probe(ASSETS / "heic" / "deep-grey.heic", max_pixels=10**6)
    assert (header.mode, header.depth, header.height, header.width) == ("L;10", 16, 16, 24)


def test_samples_live_on_when_the_decoder_is_gone():
    """The decoder's memory is its own: what is kept must be a copy."""
    first = read_picture(heic()).color
    kept = first.copy()
    for _ in range(20):
        read_picture(heic("two"))
    np.testing.assert_array_equal(first, kept)


def test_ten_bits_become_sixteen_at_full_range():
    """Levels of 10 bits are spread over 16, so that white is white."""
    picture = read_picture(heic("deep"))
    assert picture.color.dtype == np.uint16
    assert picture.metadata.mode == "RGB;10"
    assert len(np.unique(picture.color)) > 256
    assert np.abs(picture.color / 257 - ramps()).mean() < 2
    image = pi_heif.open_heif(io.BytesIO(heic("deep")), convert_hdr_to_8bit=False, hdr_to_16bit=False)
    expected = np.rint(np.array(image) * (65535 / 1023))
    np.testing.assert_array_equal(picture.color, expected)
    header = probe(heic("deep"), max_pixels=10**6)
    assert (header.depth, header.mode, header.width, header.height) == (16, "RGB;10", 48, 32)


def test_grey_stays_grey_and_alpha_alpha():
    assert read_picture(heic("grey")).is_grey
    straight, premultiplied = read_picture(heic("alpha")), read_picture(heic("premultiplied"))
    rows = np.mgrid[0:32, 0:48][0] * 8
    for picture in (straight, premultiplied):
        assert np.abs(picture.alpha.astype(int) - rows).mean() < 3
    assert probe(heic("alpha"), max_pixels=10**6).has_alpha
    assert premultiplied.notes == ("Premultiplied alpha is read as straight alpha.",)
    solid = slice(16, None)
    as_given = np.minimum(straight.color[solid].astype(int) * 255 // np.maximum(rows[solid, :, None], 1), 255)
    assert np.abs(premultiplied.color[solid].astype(int) - as_given).mean() < 4


def test_profile_and_exif_are_kept_and_exif_does_not_turn_the_picture():
    """heif-enc stored Display P3 and an EXIF orientation of 6, and turned nothing: boxes alone turn a HEIC."""
    picture = read_picture(heic("camera"))
    assert spaces.name_of(picture.metadata.icc) == "nlsr: primaries 12, transfer 13"
    assert picture.color.shape == (32, 48, 3)
    assert exif_tags.orientation(picture.metadata.exif) == 1
    assert b"Imaginary" in picture.metadata.exif
    assert not [note for note in picture.notes if "Left out" in note]
    data, _ = encode_picture(picture, format="JPEG", options=EncodeOptions())
    with Image.open(io.BytesIO(data)) as image:
        assert image.getexif()[271] == "Imaginary"
        assert image.info["icc_profile"] == picture.metadata.icc


def test_the_picture_is_turned_once():
    """Phones store both a rotation and an EXIF orientation that says the same."""
    exif = Entry(b"Exif", struct.pack(">I", 6) + b"Exif\0\0" + camera_exif(6))
    words = Entry(b"mime", XMP, content=b"application/rdf+xml")
    turned = with_properties((b"irot", b"\3"))
    data = heif([turned, exif, words], [(b"cdsc", 2, [1]), (b"cdsc", 3, [1])])
    picture = read_picture(data)
    plain = read_picture(heif([PLAIN]))
    np.testing.assert_array_equal(picture.color, np.rot90(plain.color, -1))
    assert exif_tags.orientation(picture.metadata.exif) == 1
    assert b'tiff:Orientation="1"' in picture.metadata.xmp
    assert picture.metadata.thumbnail
    assert picture.notes == ()


@pytest.mark.parametrize(("codes", "name"), [((12, 13), "primaries 12"), ((9, 13), "primaries 9"), ((1, 13), "")])
def test_colours_by_numbers_become_a_profile(codes, name):
    nclx = (b"colr", b"nclx" + struct.pack(">HHHB", *codes, 6, 0x80))
    picture = read_picture(heif([with_properties(nclx)]))
    assert (picture.metadata.icc is not None) == bool(name)
    assert not name or name in picture.notes[0]


def test_curves_for_hdr_stay_as_they_are_coded():
    nclx = (b"colr", b"nclx" + struct.pack(">HHHB", 9, 16, 9, 0x80))
    picture = read_picture(heif([with_properties(nclx)]))
    assert picture.metadata.code_points == bytes((9, 16, 0, 1))


def test_the_tiles_of_a_grid_lend_it_their_colours():
    """iPhones store a photograph as tiles of 512 pixels, and each has the profile."""
    nclx = (b"colr", b"nclx" + struct.pack(">HHHB", 12, 13, 6, 0x80))
    tile = replace(with_properties(nclx), hidden=True)
    grid = Entry(
        b"grid", struct.pack(">BBBBHH", 0, 0, 0, 1, 128, 64), [(b"ispe", bytes(4) + struct.pack(">II", 128, 64))]
    )
    data = heif([grid, tile, tile], [(b"dimg", 1, [2, 3])])
    picture = read_picture(data)
    assert picture.color.shape == (64, 128, 3)
    assert "primaries 12" in picture.notes[0]
    assert len(picture.notes) == 2
    assert probe(data, max_pixels=10**6).width == 128


def test_alpha_of_another_depth_or_size_is_no_trouble():
    grey = auxiliary(main_entry(heic("grey")), b"urn:mpeg:hevc:2015:auxid:1")
    picture = read_picture(heif([PLAIN, grey], [(b"auxl", 2, [1])]))
    assert picture.alpha is not None
    assert picture.notes == ()


def test_limits_count_before_anything_is_decoded():
    huge = Entry(PLAIN.kind, PLAIN.data, [(b"ispe", bytes(4) + struct.pack(">II", 60000, 60000))])
    with pytest.raises(ImageReadError, match="60000 × 60000"):
        read_picture(heif([huge]))
    with pytest.raises(ImageReadError, match="60000 × 60000"):
        probe(heif([huge]), max_pixels=10**6)


@pytest.mark.parametrize("kind", [b"av01", b"jpeg", b"\x1b[1m"])
def test_other_codings_are_told(kind):
    """A HEIF may hold samples that this decoder does not know; their name must not confuse a terminal."""
    data = heif([Entry(kind, b"x", [each for each in PLAIN.properties if each[0] == b"ispe"])])
    if kind == b"av01":
        with pytest.raises(ImageReadError):
            read_picture(data)
        return
    with pytest.raises(ImageReadError, match="samples coded as") as caught:
        read_picture(data)
    assert "\x1b" not in str(caught.value)


def test_a_film_without_a_still_picture_is_told():
    data = struct.pack(">I4s4sI4s", 20, b"ftyp", b"hevc", 0, b"msf1") + struct.pack(">I4s", 8, b"moov")
    with pytest.raises(ImageReadError, match="no still picture"):
        read_picture(data)


def test_damage_is_our_error():
    data = heic("camera")
    for end in range(40, len(data) - 400, 97):  # the thumbnail, which is not decoded, is the last
        with pytest.raises(ImageReadError):
            read_picture(data[:end])


def test_the_package_is_named_where_it_is_missing(monkeypatch, tmp_path):
    """With the command that installs it, which must work for a project that is on no index."""
    monkeypatch.setitem(extra.MODULES, extra.PI_HEIF, "no_such_module")
    with pytest.raises(ImageReadError, match="is a HEIC picture, which needs the package pi-heif") as caught:
        read_picture(heic())
    assert caught.value.hint.endswith("-m pip install pi-heif")
    native_formats.cache_clear()
    assert "HEIC" not in native_formats().readable
    native_formats.cache_clear()


def test_the_command_line_enlarges_a_heic_into_a_png(tmp_path):
    """What cannot be written becomes a PNG, which loses nothing, and this is said."""
    source = tmp_path / "photo.HEIC"
    source.write_bytes((ASSETS / "heic" / "camera.heic").read_bytes())
    done = CliRunner().invoke(app, ["upscale", str(source), "--scale", "2", "--json"])
    assert done.exit_code == 0
    told = json.loads(done.stdout.splitlines()[0])
    assert told["output"].endswith("photo_x2.png")
    assert "This format is read but not written; the output is a PNG, without loss." in told["notes"]
    with Image.open(told["output"]) as image:
        assert image.size == (96, 64)
        assert image.info["icc_profile"]
    assert CliRunner().invoke(app, ["upscale", str(source), "-s", "2", "-o", str(tmp_path / "out.jpg")]).exit_code == 0
    with Image.open(tmp_path / "out.jpg") as image:
        assert image.format == "JPEG"
