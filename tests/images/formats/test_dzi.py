"""DeepZoom: what its tiles are, what they cannot carry, and the file that describes them."""

from __future__ import annotations

import hashlib
import xml.etree.ElementTree as ET
from dataclasses import replace
from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from nlsr_cli import deepzoom
from nlsr_cli.errors import ImageReadError, ImageWriteError
from nlsr_cli.images import encode_picture, inspect_picture, pieces_of, read_picture
from nlsr_cli.options import EncodeOptions
from nlsr_cli.storing import Tile
from tests.images import icc
from tests.images.encoding.pieces import KINDS, picture
from tests.images.files import camera_exif


def made_of(made, options=None):
    """Return the tiles of a DeepZoom by their places, its file, and notes."""
    pieces, tiles, text = pieces_of(made, format="DZI", options=options or EncodeOptions(), name="a.dzi"), {}, b""
    while True:
        try:
            piece = next(pieces)
        except StopIteration as finished:
            return tiles, text, finished.value
        if isinstance(piece, Tile):
            assert not text, "the file comes last"
            tiles[piece.place] = piece.data
        else:
            text += piece


def shown(data):
    with Image.open(BytesIO(data)) as image:
        return image.format, image.mode, np.asarray(image), image.info


@pytest.mark.parametrize("kind", KINDS)
def test_tiles_are_jpeg_unless_they_are_transparent(kind):
    pytest.importorskip("imagecodecs")
    made = picture(kind, 300, 200)
    tiles, _, notes = made_of(made)
    alpha = made.alpha is not None
    fmt, mode, _, _ = shown(tiles[f"9/0_0.{'png' if alpha else 'jpg'}"])
    assert (fmt, mode) == ("PNG" if alpha else "JPEG", ("L" if made.is_grey else "RGB") + ("A" if alpha else ""))
    assert ("The tiles are PNG, because JPEG has no transparency." in notes) == alpha
    assert any("are rounded" in note or "is clipped" in note for note in notes) == (made.depth > 8)
    assert {place.split("/")[0] for place in tiles} == {str(level) for level in range(10)}


@pytest.mark.parametrize("kind", ["grey", "RGB", "RGBA"])
def test_without_loss_each_tile_is_a_part_of_the_picture(kind):
    made = picture(kind, 600, 513)
    tiles, _, _ = made_of(made, EncodeOptions(lossless=True))
    whole = shown(encode_picture(made, format="PNG", options=EncodeOptions())[0])[2]
    for row in range(3):
        for column in range(3):
            top, left = max(0, 254 * row - 1), max(0, 254 * column - 1)
            part = whole[top : 254 * row + 255, left : 254 * column + 255]
            np.testing.assert_array_equal(shown(tiles[f"10/{column}_{row}.png"])[2], part)


def test_quality_is_that_of_the_tiles():
    made = picture("RGB", 300, 300)
    small, large = (len(made_of(made, EncodeOptions(quality=each))[0]["9/0_0.jpg"]) for each in (50, 95))
    assert small < large / 2


def test_colours_are_srgb_and_metadata_are_left_out_with_notes():
    """Tiles carry no profile: a viewer draws them on a canvas, and would have to read it thousands of times."""
    made = picture(
        "RGB",
        60,
        40,
        icc=icc.rgb("Adobe", icc.ADOBE_RGB),
        exif=camera_exif(),
        xmp=b"<x:xmpmeta xmlns:x='adobe:ns:meta/'/>",
    )
    tiles, _, notes = made_of(made, EncodeOptions(lossless=True))
    _, _, pixels, info = shown(tiles["6/0_0.png"])
    np.testing.assert_array_equal(pixels, made.color)
    assert not {"icc_profile", "exif", "xmp"} & info.keys()
    assert "DeepZoom cannot hold the profile; the output is in sRGB." in notes
    for part in ("EXIF", "XMP"):
        assert any(part in note and "DeepZoom" in note for note in notes), notes


def test_the_file_says_what_viewers_ask_and_which_tiles_are_its_own():
    tiles, text, _ = made_of(picture("RGB", 300, 200))
    root = ET.fromstring(text)
    name = "{http://schemas.microsoft.com/deepzoom/2008}"
    assert (root.tag, root.attrib) == (f"{name}Image", {"Format": "jpg", "Overlap": "1", "TileSize": "254"})
    assert [(each.tag, each.attrib) for each in root] == [(f"{name}Size", {"Width": "200", "Height": "300"})]
    sums = [(place, hashlib.sha256(data).hexdigest()) for place, data in tiles.items()]
    assert f"<!-- tiles: sha256 {deepzoom.digest(sums)} -->".encode() in text
    other, text_of_other, _ = made_of(replace(picture("RGB", 300, 200), color=picture("RGB", 300, 200).color[::-1]))
    assert other.keys() == tiles.keys()
    assert text_of_other != text, "pictures of one size would not be told apart"


def test_memory_has_no_place_for_a_folder():
    with pytest.raises(ImageWriteError, match="a DeepZoom is a file and a folder of tiles") as caught:
        encode_picture(picture("RGB", 4, 4), format="DZI", options=EncodeOptions())
    assert "-o picture.dzi" in caught.value.hint


@pytest.mark.parametrize("read", [read_picture, inspect_picture])
def test_the_file_is_no_picture(read):
    with pytest.raises(ImageReadError, match="looks like the description of a DeepZoom") as caught:
        read(made_of(picture("RGB", 4, 4))[1])
    assert "Name the picture that it was made of" in caught.value.hint
