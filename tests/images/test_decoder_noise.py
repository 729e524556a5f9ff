"""What decoders print stays off the screen and counts as what it says, of the picture that they mean."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from PIL import Image

from nlsr_cli.errors import ImageReadError
from nlsr_cli.images import read_picture
from nlsr_cli.images.decoder_noise import silenced
from tests.images.files import saved

NOISE = np.random.default_rng(0).integers(0, 256, (64, 64), np.uint8)
SOON = 20  # seconds after which a test fails rather than hangs


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


def test_decoders_work_side_by_side(capfd):
    """Each of two waits for the other while it decodes."""
    meeting = threading.Barrier(2, timeout=SOON)
    with ThreadPoolExecutor(2) as pool:
        assert list(pool.map(lambda name: silenced(name, lambda: (meeting.wait(), name)[1]), "ab")) == ["a", "b"]


def test_damage_is_told_of_the_picture_that_is_meant(capfd):
    """Two decode at once, both see the complaint, and only the picture it is about is refused."""
    meeting, calls = threading.Barrier(2, timeout=SOON), {"sound": 0, "broken": 0}

    def decode(name):
        calls[name] += 1
        if calls[name] == 1:
            meeting.wait()
        if name == "broken":
            os.write(2, b"Fax4Decode: Bad code word at line 3.\n")
        if calls[name] == 1:
            meeting.wait()  # neither is gone before it is printed
        return name

    def outcome(name):
        try:
            return silenced(name, lambda: decode(name))
        except ImageReadError as error:
            return str(error)

    with ThreadPoolExecutor(2) as pool:
        sound, broken = pool.map(outcome, calls)
    assert sound == "sound"
    assert "is damaged" in broken
    assert calls == {"sound": 2, "broken": 2}
    assert capfd.readouterr().err == ""


def test_many_threads_tell_sound_files_from_broken_ones(capfd):
    """What libtiff says of one file while others are decoded is held against that one alone."""
    sound = saved(Image.fromarray(NOISE).convert("1"), "TIFF", compression="group4")
    broken = broken_tiff("group4")

    def readable(data):
        try:
            read_picture(data)
        except ImageReadError:
            return False
        return True

    files = [sound, broken, sound, sound, broken, sound] * 5
    with ThreadPoolExecutor(6) as pool:
        assert list(pool.map(readable, files)) == [data is sound for data in files]


def test_what_others_print_is_passed_on(capfd):
    """A progress bar of another thread is not swallowed, also where the decoder raises."""
    text = b"\x1b[2K 42 % done\nerror: no space\nTIFFReadDirectory: Warning, odd tag.\n"
    assert silenced("a", lambda: os.write(2, text)) == len(text)
    assert capfd.readouterr().err == "\x1b[2K 42 % done\nerror: no space\n"

    def fail():
        os.write(2, b"half\nZIPDecode: Decoding error at scanline 0.\n")
        raise KeyError

    with pytest.raises(KeyError):
        silenced("a", fail)
    os.write(2, b"back")
    assert capfd.readouterr().err == "half\nback"


def test_what_others_print_does_not_wait_for_the_last_decoder(capfd):
    """Where one picture follows another without a gap, a progress bar must go on all the same."""
    entered, leave = threading.Event(), threading.Event()

    def slow():
        entered.set()
        leave.wait(SOON)

    with ThreadPoolExecutor(1) as pool:
        task = pool.submit(silenced, "slow", slow)
        assert entered.wait(SOON)
        silenced("quick", lambda: os.write(2, b"one\ntw"))
        assert capfd.readouterr().err == "one\n"
        leave.set()
        task.result(SOON)
    assert capfd.readouterr().err == "tw"


def test_more_than_is_looked_at_is_passed_on_whole(capfd):
    """Lines that lie across the pieces in which text is read stay lines."""
    line = b"TIFFReadDirectory: Warning, odd tag.\n"
    silenced("a", lambda: [os.write(2, line * 1000) for _ in range(60)])
    silenced("a", lambda: os.write(2, b"progress"))
    assert capfd.readouterr().err == "progress"


@pytest.mark.skipif(os.name == "nt", reason="closes a descriptor in the way of POSIX")
def test_no_standard_error_at_all(tmp_path):
    """As daemons run: nothing to redirect, and the picture is read."""
    path = tmp_path / "a.tif"
    path.write_bytes(saved(Image.fromarray(NOISE), "TIFF", compression="tiff_lzw"))
    code = "import os, sys\nfrom nlsr_cli.images import read_picture\nos.close(2)\nread_picture(sys.argv[1])\n"
    assert subprocess.run([sys.executable, "-c", code, str(path)], check=False).returncode == 0
