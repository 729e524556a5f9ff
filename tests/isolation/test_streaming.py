"""Large pictures through the child: row by row, the same as whole; and what becomes of those that break on the way."""

import hashlib
import sys

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from nlsr_cli.cli import app
from nlsr_cli.errors import ImageReadError
from nlsr_cli.images import read_picture
from nlsr_cli.isolation.decoder import Decoder
from tests.images import files
from tests.images.vips.kinds import BANDED, WHOLE, needs_vips

LIMIT = 1 << 20
NOISE = np.random.default_rng(5).integers(0, 256, (400, 300, 3)).astype(np.uint8)
# A worker to which every picture is large, and every file too.
SETTING = """
import os, sys, time
from nlsr_cli.images import loading
from nlsr_cli.images.depth import extra
from nlsr_cli.images.vips import library, streamed
from nlsr_cli.isolation import worker
loading.LEAST = streamed.LEAST = 0
library.BAND = 3000
"""
BETWEEN = """
real = streamed.Streamed.bands
def bands(self):
    for number, band in enumerate(real(self)):
        if number == 1: between(self._file.label)
        yield band
streamed.Streamed.bands = bands
def between(name):
"""


def decoder(more: str = "", between: str = "") -> Decoder:
    code = SETTING + more + (BETWEEN + between if between else "") + "\nworker.main()"
    return Decoder([sys.executable, "-c", code], seconds=30)


@pytest.fixture
def noise(tmp_path):
    path = tmp_path / "noise.png"
    path.write_bytes(files.saved(Image.fromarray(NOISE)))
    return path


def read(child, path):
    return child.read(path, max_pixels=LIMIT)


@needs_vips
def test_large_pictures_are_those_that_are_read_in_this_process(tmp_path):
    with decoder() as child:
        for kind, data in (BANDED | WHOLE).items():
            path = tmp_path / kind.replace(" ", "-").replace(":", "-")
            path.write_bytes(data)
            content, here = read(child, path), read_picture(path, max_pixels=LIMIT)
            assert content.sha256 == hashlib.sha256(data).hexdigest()
            assert np.array_equal(content.picture.color, here.color), kind
            assert (content.picture.metadata, content.picture.notes) == (here.metadata, here.notes)


@needs_vips
def test_bytes_are_read_as_files_are(noise):
    with decoder() as child:
        assert np.array_equal(child.read(noise.read_bytes(), max_pixels=LIMIT).picture.color, NOISE)


@needs_vips
def test_one_that_breaks_fails_with_the_row_and_the_next_is_read(noise, tmp_path):
    cut = tmp_path / "cut.png"
    cut.write_bytes(noise.read_bytes()[:200_000])
    with decoder() as child:
        process = child.start()
        with pytest.raises(ImageReadError, match=r"is damaged or cut off: it breaks at row 2\d\d of 400"):
            read(child, cut)
        assert np.array_equal(read(child, noise).picture.color, NOISE)
        assert child.start() is process


@needs_vips
@pytest.mark.parametrize(
    ("what", "reason"),
    [
        ("open(name, 'ab').write(b'more')", "was changed while it was read"),
        ("os.truncate(name, 100)", "was cut short while it was read"),
        ("open(name, 'r+b').write(os.urandom(360000))", "was changed while it was read"),
        ("time.sleep(0.02); os.utime(name)", "was changed while it was read"),
    ],
    ids=["longer", "shorter", "other bytes", "another time"],
)
def test_a_file_that_changes_while_it_is_read_fails(noise, what, reason):
    with decoder(between=f"    {what}") as child:
        with pytest.raises(ImageReadError, match=reason) as caught:
            read(child, noise)
        assert caught.value.hint == "Wait until it is written, and try again."


@needs_vips
def test_a_file_that_is_replaced_while_it_is_read_is_read_as_it_was(noise, tmp_path):
    before = hashlib.sha256(noise.read_bytes()).hexdigest()
    other = tmp_path / "other.png"
    other.write_bytes(b"something else")
    with decoder(between=f"    os.replace({str(other)!r}, name)") as child:
        content = read(child, noise)
    assert content.sha256 == before
    assert np.array_equal(content.picture.color, NOISE)


def test_without_libvips_pictures_are_read_whole(noise):
    with decoder("extra.MODULES[extra.PYVIPS] = 'no_such_module'") as child:
        assert np.array_equal(read(child, noise).picture.color, NOISE)


@pytest.mark.parametrize("there", [True, False])
def test_lack_of_memory_names_the_package_that_helps(noise, there):
    fails = "def fails(file): raise MemoryError\nworker.read_picture = fails\nworker.streamed = lambda *_: None\n"
    missing = f"extra.MODULES[extra.PYVIPS] = {'os' if there else 'no_such_module'!r}\n"
    with decoder(fails + missing) as child:
        with pytest.raises(ImageReadError, match=r"needs more than \d+ MiB of memory to be decoded") as caught:
            read(child, noise)
        assert ("pyvips[binary]" in caught.value.hint) is not there


@needs_vips
def test_nothing_of_a_large_file_that_is_cut_off_is_written(tmp_path):
    rows = np.random.default_rng(2).integers(0, 256, (1, 4000, 3)).astype(np.uint8)
    data = files.saved(Image.fromarray(np.ascontiguousarray(np.broadcast_to(rows, (3000, 4000, 3)))), compress_level=0)
    source, output = tmp_path / "cut.png", tmp_path / "out.png"
    source.write_bytes(data[: len(data) // 2])
    result = CliRunner().invoke(app, ["upscale", str(source), "-o", str(output)])
    assert result.exit_code == 1
    assert "it breaks at row 1" in " ".join(result.output.split())
    assert list(tmp_path.iterdir()) == [source]
