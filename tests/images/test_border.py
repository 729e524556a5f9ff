"""The border around Pillow: what its decoders print stays off the screen and counts as what it says."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image, PngImagePlugin

from nlsr_cli.errors import ImageReadError
from nlsr_cli.images import read_picture
from nlsr_cli.images.border import border, decoder_silenced
from tests.images.files import saved

NOISE = np.random.default_rng(0).integers(0, 256, (64, 64), np.uint8)


def broken_tiff(compression: str) -> bytes:
    """Return a TIFF with noise among its compressed samples."""
    source = Image.fromarray(NOISE)
    data = bytearray(saved(source.convert("1") if compression == "group4" else source, "TIFF", compression=compression))
    data[100:110] = bytes(range(200, 210))
    return bytes(data)


@pytest.mark.parametrize("compression", ["group4", "tiff_lzw", "tiff_adobe_deflate"])
def test_damage_that_a_decoder_only_prints_is_an_error(compression, capfd):
    """A fax decoder prints its complaints and returns some pixels all the same."""
    with pytest.raises(ImageReadError, match="is damaged"):
        read_picture(broken_tiff(compression))
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("compression", ["group3", "group4", "tiff_lzw", "tiff_adobe_deflate", "packbits"])
def test_sound_files_are_read(compression, capfd):
    """No complaint, no error."""
    read = read_picture(saved(Image.fromarray(NOISE).convert("1"), "TIFF", compression=compression))
    assert read.color.shape == (64, 64, 1)
    assert capfd.readouterr().err == ""


def test_what_others_print_is_passed_on(capfd):
    """A progress bar of another thread is not swallowed, also where the decoder raises."""
    with decoder_silenced("a"):
        os.write(2, b"\x1b[2K 42 % done\nerror: no space\nTIFFReadDirectory: Warning, odd tag.\n")
    assert capfd.readouterr().err == "\x1b[2K 42 % done\nerror: no space\n"

    def fail():
        with decoder_silenced("a"):
            os.write(2, b"half\nZIPDecode: Decoding error at scanline 0.\n")
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    os.write(2, b"back")
    assert capfd.readouterr().err == "half\nback"


@pytest.mark.skipif(os.name == "nt", reason="closes a descriptor in the way of POSIX")
def test_no_standard_error_at_all(tmp_path):
    """As daemons run: nothing to redirect, and the picture is read."""
    path = tmp_path / "a.tif"
    path.write_bytes(saved(Image.fromarray(NOISE), "TIFF", compression="tiff_lzw"))
    code = "import os, sys\nfrom nlsr_cli.images import read_picture\nos.close(2)\nread_picture(sys.argv[1])\n"
    assert subprocess.run([sys.executable, "-c", code, str(path)], check=False).returncode == 0


def test_limit_for_profiles_is_put_back():
    """Other users of Pillow in the same process keep theirs."""
    before = PngImagePlugin.MAX_TEXT_CHUNK
    read_picture(saved(Image.fromarray(NOISE)))
    assert before == PngImagePlugin.MAX_TEXT_CHUNK


@pytest.mark.parametrize("kind", [TypeError, AttributeError, KeyError, AssertionError, RecursionError, NameError])
def test_a_fault_of_the_reader_does_not_blame_the_file(kind):
    """It says what failed and how to report it, and sends nobody to fetch a sound file again."""
    with pytest.raises(ImageReadError) as told, border(bytes(100), "a.png", 100):
        raise kind("some value")
    assert told.value.reason.startswith(f"nlsr failed on it ({kind.__name__}: ")
    assert "damaged" not in told.value.reason
    assert told.value.hint == "If other programs open it, please report it with what NLSR_DEBUG=1 shows."


@pytest.mark.parametrize("kind", [OSError, EOFError, SyntaxError, ValueError, IndexError, OverflowError, RuntimeError])
def test_what_decoders_raise_on_damage_says_so(kind):
    with pytest.raises(ImageReadError, match=r"is (damaged|truncated)") as told, border(bytes(100), "a.png", 100):
        raise kind("broken data stream")
    assert told.value.hint == "Fetch or export the file again."
