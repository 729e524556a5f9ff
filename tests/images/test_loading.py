"""Loading: no more bytes than a picture can need, from files and from streams."""

from __future__ import annotations

import errno
import hashlib
import io
import os
import threading

import numpy as np
import pytest
from PIL import Image

from nlsr_cli.errors import ImageReadError
from nlsr_cli.images import loading, probe, read_picture, read_stream
from nlsr_cli.images.mapped import Mapped
from tests.images.files import gradient, plain_tiff, saved

PNG = saved(Image.fromarray(gradient()))


class Counting(io.RawIOBase):
    """A stream that never ends, gives little at once, and counts what was taken."""

    def __init__(self, start: bytes) -> None:
        self.start, self.taken = start, 0

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        piece = self.start[self.taken : self.taken + min(size, 1000)] or bytes(min(size, 1 << 20))
        self.taken += len(piece)
        return piece


def test_file_larger_than_any_picture_is_not_read(tmp_path, monkeypatch):
    """A sparse file of gigabytes that begins like a PNG is refused by its size, also in a dry run."""
    path = tmp_path / "a.png"
    path.write_bytes(PNG)
    os.truncate(path, loading.largest(1000) + 1)
    for call in (lambda: read_picture(path, max_pixels=1000), lambda: probe(path, max_pixels=1000)):
        with pytest.raises(ImageReadError, match="bytes, more than a picture of 1000 pixels can need") as caught:
            call()
        assert "--max-pixels" in caught.value.hint


def test_real_pictures_fit():
    """Sixteen bytes per pixel are twice what RGB and alpha of 16 bit take uncompressed."""
    assert loading.largest(10**6) > 2 * 8 * 10**6
    assert loading.largest(2**27) < 2**32


def test_stream_gives_the_whole_picture():
    """In small pieces, and nothing is lost at the seams."""
    data = PNG + bytes(range(256)) * 50
    assert read_stream(io.BytesIO(data), name="-", max_pixels=1000) == data


def test_stream_of_no_picture_is_refused_at_once():
    """An endless stream of zeros, or a text, is not read to its end."""
    endless = Counting(b"")
    with pytest.raises(ImageReadError, match="-: is not in a known picture format"):
        read_stream(endless, name="-", max_pixels=1000)
    assert endless.taken <= 4096
    with pytest.raises(ImageReadError, match="-: is empty"):
        read_stream(io.BytesIO(), name="-", max_pixels=1000)
    with pytest.raises(ImageReadError, match="a PDF document"):
        read_stream(io.BytesIO(b"%PDF-1.7\n"), name="-", max_pixels=1000)


def test_stream_without_end_is_left(monkeypatch):
    """One that begins like a picture is followed to the limit and no further."""
    monkeypatch.setattr(loading, "ALLOWANCE", 1 << 20)
    endless = Counting(PNG)
    with pytest.raises(ImageReadError, match="more than") as caught:
        read_stream(endless, name="-", max_pixels=1000)
    assert "--max-pixels" in caught.value.hint
    assert endless.taken == loading.largest(1000) + 1


def test_troubles_of_a_stream_are_our_errors():
    """A closed stream and a failing device."""

    class Failing(io.RawIOBase):
        def read(self, size: int = -1) -> bytes:
            raise OSError(errno.EIO, os.strerror(errno.EIO))

    closed = io.BytesIO(PNG)
    closed.close()
    for stream, words in ((Failing(), "-: cannot be read: Input/output error"), (closed, "-: cannot be read")):
        with pytest.raises(ImageReadError, match=words):
            read_stream(stream, name="-", max_pixels=1000)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_named_pipe_is_read(tmp_path):
    """As shells give for <(...), with the same limits as standard input."""
    path = tmp_path / "pipe"
    os.mkfifo(path)
    writer = threading.Thread(target=path.write_bytes, args=(plain_tiff("<", (8,), 1, bytes(range(8))),))
    writer.start()
    assert read_picture(path).color.shape == (2, 4, 1)
    writer.join()


def test_a_file_that_changes_while_it_is_loaded_is_refused(tmp_path, monkeypatch):
    path = tmp_path / "a.png"
    path.write_bytes(PNG)
    states = iter([(len(PNG), 1), (len(PNG), 2)])
    monkeypatch.setattr(loading, "state", lambda _: next(states))
    with pytest.raises(ImageReadError, match="was changed while it was read") as caught:
        read_picture(path)
    assert caught.value.hint == "Wait until it is written, and try again."


def test_a_large_file_is_mapped_and_digested_as_it_is(tmp_path, monkeypatch):
    monkeypatch.setattr(loading, "LEAST", 1)
    path = tmp_path / "a.png"
    path.write_bytes(PNG)
    file = loading.load(path, None, 1000, mapped=True)
    assert isinstance(file.data, Mapped)
    assert loading.load(path, None, 1000).data == PNG  # where nobody asked for it, a race must not end this process
    assert loading.digest(file.data, "a") == hashlib.sha256(PNG).hexdigest()
    assert np.array_equal(read_picture(file).color, gradient())
    path.write_bytes(PNG + b"more")
    with pytest.raises(ImageReadError, match="was changed while it was read"):
        loading.digest(file.data, "a")


@pytest.mark.parametrize("fmt", ["GIF", "BMP", "AVIF"])
def test_formats_whose_decoders_want_all_bytes_get_them(tmp_path, monkeypatch, fmt):
    monkeypatch.setattr(loading, "LEAST", 1)
    path = tmp_path / "a"
    path.write_bytes(saved(Image.fromarray(gradient()), fmt))
    file = loading.load(path, None, 1000, mapped=True)
    assert type(file.data) is bytes
    assert read_picture(file).color.shape == (12, 16, 3)
