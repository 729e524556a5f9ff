"""Storing: all or nothing, no clobber, nothing left behind, the mode that the umask gives."""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
import stat
from contextlib import suppress

import numpy as np
import pytest
from PIL import Image

from nlsr_cli import storing
from nlsr_cli.errors import DestinationClash, ImageWriteError
from nlsr_cli.images import Metadata, Picture, encode_picture
from nlsr_cli.images.formats import WRITABLE, writing_of
from nlsr_cli.options import EncodeOptions
from nlsr_cli.storing import Patch, collected, pour, store, writing
from tests.conftest import ASSETS, file_of
from tests.images.files import SINGLE


def raising(error: BaseException):
    """Return a function that raises."""

    def fail(*_args, **_kwargs):
        raise error

    return fail


def test_bytes_arrive_and_nothing_else(tmp_path):
    """One file, with the content, and no temporary one beside it."""
    store(file_of(b"content"), tmp_path / "a.png", overwrite=False)
    assert (tmp_path / "a.png").read_bytes() == b"content"
    assert [path.name for path in tmp_path.iterdir()] == ["a.png"]


@pytest.mark.skipif(os.name == "nt", reason="modes are those of POSIX")
@pytest.mark.parametrize(("umask", "mode"), [(0o022, 0o644), (0o077, 0o600), (0o002, 0o664)])
def test_mode_follows_the_umask(tmp_path, umask, mode):
    """Not the 0600 of temporary files, which would hide pictures from a web server."""
    before = os.umask(umask)
    try:
        store(file_of(b"x"), tmp_path / "a", overwrite=False)
        store(file_of(b"y"), tmp_path / "a", overwrite=True)
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == mode


def test_existing_file_is_kept_unless_overwriting_is_asked_for(tmp_path):
    """The default never destroys; a dangling link counts as existing too."""
    path = tmp_path / "a.png"
    path.write_bytes(b"old")
    with pytest.raises(DestinationClash, match=r"a\.png: exists already") as caught:
        store(file_of(b"new"), path, overwrite=False)
    assert "--overwrite" in caught.value.hint
    assert path.read_bytes() == b"old"
    store(file_of(b"new"), path, overwrite=True)
    assert path.read_bytes() == b"new"
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    with pytest.raises(DestinationClash):
        store(file_of(b"new"), tmp_path / "link", overwrite=False)


@pytest.mark.parametrize("links", [True, False])
def test_file_that_appears_meanwhile_is_kept(tmp_path, monkeypatch, links):
    """Between the check and the end another process may take the name; with or without hard links it keeps it."""
    path = tmp_path / "a.png"
    append = storing.FilePart.append

    def intrude(part, data):
        append(part, data)
        path.write_bytes(b"theirs")

    monkeypatch.setattr(storing.FilePart, "append", intrude)
    if not links:
        monkeypatch.setattr(os, "link", raising(OSError(errno.EPERM, "no links here")))
    with pytest.raises(DestinationClash):
        store(file_of(b"ours"), path, overwrite=False)
    assert [p.name for p in tmp_path.iterdir()] == ["a.png"]
    assert path.read_bytes() == b"theirs"


def test_file_systems_without_links_work(tmp_path, monkeypatch):
    """FAT and some network mounts know no hard links."""
    monkeypatch.setattr(os, "link", raising(OSError(errno.ENOTSUP, "no links here")))
    store(file_of(b"content"), tmp_path / "a", overwrite=False)
    assert (tmp_path / "a").read_bytes() == b"content"
    assert len(list(tmp_path.iterdir())) == 1


def test_link_at_the_output_is_replaced_not_followed(tmp_path):
    """What a link points at belongs to someone else."""
    (tmp_path / "target").write_bytes(b"precious")
    (tmp_path / "out").symlink_to(tmp_path / "target")
    store(file_of(b"new"), tmp_path / "out", overwrite=True)
    assert (tmp_path / "target").read_bytes() == b"precious"
    assert not (tmp_path / "out").is_symlink()


@pytest.mark.parametrize(
    ("code", "words", "hint"),
    [
        (errno.ENOSPC, "cannot be written: no space left", "Free some space"),
        (errno.EROFS, "cannot be written: read-only file system", "can write to"),
        (errno.EACCES, "cannot be written: permission denied", "can write to"),
    ],
)
def test_troubles_of_the_disk_are_our_errors_and_leave_nothing(tmp_path, monkeypatch, code, words, hint):
    """A full disk is told in one line, and the half-written file is gone."""
    monkeypatch.setattr(os, "fsync", raising(OSError(code, os.strerror(code))))
    with pytest.raises(ImageWriteError, match=words) as caught:
        store(file_of(b"x"), tmp_path / "a", overwrite=False)
    assert hint in caught.value.hint
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("interruption", [KeyboardInterrupt(), SystemExit(1), MemoryError()])
def test_interruption_leaves_nothing(tmp_path, monkeypatch, interruption):
    """Ctrl-C in the middle of writing leaves neither a part nor a name, and passes on."""
    monkeypatch.setattr(os, "fsync", raising(interruption))
    with pytest.raises(type(interruption)):
        store(file_of(b"x"), tmp_path / "a", overwrite=True)
    assert list(tmp_path.iterdir()) == []


def test_places_that_cannot_be_written(tmp_path):
    """A missing folder, a folder as name, and a name that is too long."""
    with pytest.raises(ImageWriteError, match="no such file or directory") as caught:
        store(file_of(b"x"), tmp_path / "none" / "a.png", overwrite=False)
    assert caught.value.hint == "Create the folder first."
    with pytest.raises(ImageWriteError, match="is a folder"):
        store(file_of(b"x"), tmp_path, overwrite=True)
    with pytest.raises(ImageWriteError, match="too long"):
        store(file_of(b"x"), tmp_path / ("a" * 300), overwrite=True)


def test_long_names_leave_room_for_the_temporary_one(tmp_path):
    """A name of 255 bytes, which the file system allows, is stored too."""
    path = tmp_path / ("a" * 251 + ".png")
    store(file_of(b"x"), path, overwrite=False)
    assert path.read_bytes() == b"x"


@pytest.mark.parametrize("moment", ["fsync", "link", "close", "unlink"])
@pytest.mark.parametrize("links", [True, False])
def test_interruption_at_any_step_leaves_no_part(tmp_path, monkeypatch, moment, links):
    """Ctrl-C may arrive at any call: then there is the whole file or none, and never a part or an empty name."""
    if not links:
        monkeypatch.setattr(os, "link", raising(OSError(errno.EPERM, "no links here")))
    original = getattr(os, moment)
    calls = []

    def interrupted(*args, **kwargs):
        calls.append(args)
        if len(calls) > 1:
            return original(*args, **kwargs)
        if moment == "close":
            original(*args, **kwargs)
        raise KeyboardInterrupt

    monkeypatch.setattr(os, moment, interrupted)
    with suppress(KeyboardInterrupt):
        store(file_of(b"content"), tmp_path / "a", overwrite=False)
    monkeypatch.undo()
    left = list(tmp_path.iterdir())
    assert [path.name for path in left] in ([], ["a"])
    assert all(path.read_bytes() == b"content" for path in left)


def test_a_disk_without_room_is_told_before_the_work(tmp_path, monkeypatch):
    """A hundred megapixels do not go on a disk with a mebibyte left; what may fit is tried."""
    usage = type(shutil.disk_usage(tmp_path))
    monkeypatch.setattr(storing.shutil, "disk_usage", lambda folder: usage(10**9, 10**9 - 2**20, 2**20))
    for fmt in WRITABLE:
        storing.check_space(tmp_path / "a", 2**20, writing_of(fmt).least_share)
        with pytest.raises(ImageWriteError, match=r"1\.0 MiB left, but the file needs at least ") as caught:
            storing.check_space(tmp_path / "new" / "folder" / "a", 2**33, writing_of(fmt).least_share)
        assert "Free some space" in caught.value.hint


def test_the_least_share_of_a_format_is_below_what_a_photograph_takes():
    """Or pictures would be refused that fit: a soft photograph, of which each format stores as little as ever."""
    with Image.open(ASSETS / "tower.jpg") as image:
        soft = image.convert("RGB").resize((1024, 1024), Image.Resampling.BICUBIC)
    picture = Picture(np.asarray(soft), None, Metadata("PNG", "RGB"))
    for fmt in SINGLE:
        data, _ = encode_picture(picture, format=fmt, options=EncodeOptions(quality=50))
        assert len(data) >= writing_of(fmt).least_share * picture.color.nbytes


@pytest.mark.skipif(os.name == "nt", reason="links need a privilege there")
def test_outputs_do_not_leave_their_folder(tmp_path):
    """A link planted in the output tree, or .. in a name, must not carry a file elsewhere; the folder may be a link."""
    out, elsewhere = tmp_path / "out", tmp_path / "elsewhere"
    (out / "real").mkdir(parents=True)
    elsewhere.mkdir()
    (out / "trap").symlink_to(elsewhere)
    (out / "ring").symlink_to(out / "ring")
    (tmp_path / "shortcut").symlink_to(out)
    for inside in ("a.png", "real/a.png", "not/yet/a.png"):
        storing.check_inside(out / inside, out)
        storing.check_inside(tmp_path / "shortcut" / inside, tmp_path / "shortcut")
    for outside in ("trap/a.png", "trap/new/a.png", "../a.png", "real/../../a.png", "ring/a.png"):
        with pytest.raises(ImageWriteError, match=r"leads out|cannot be found"):
            storing.check_inside(out / outside, out)


def test_room_is_asked_for_where_the_folder_will_be(tmp_path, monkeypatch):
    """Also of a folder that does not exist yet, two levels down; and the message has the disk's figures."""
    asked = []

    def usage(folder):
        asked.append(folder)
        return shutil._ntuple_diskusage(10 << 20, 8 << 20, 2 << 20)

    monkeypatch.setattr(shutil, "disk_usage", usage)
    with pytest.raises(ImageWriteError, match=r"the disk has 2\.0 MiB left, but the file needs at least 3\.0"):
        storing.check_space(tmp_path / "new" / "folder" / "a.bmp", 3 << 20, 1.0)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(10 << 20, 8 << 20, 2 << 10))
    with pytest.raises(ImageWriteError, match=r"has 2\.0 KiB left, but the file needs at least 9\.0") as caught:
        storing.check_space(tmp_path / "a.bmp", 9 << 10, 1.0)
    assert caught.value.__cause__.errno == errno.ENOSPC, "a server answers 507"
    monkeypatch.setattr(shutil, "disk_usage", usage)
    storing.check_space(tmp_path / "a.bmp", 2 << 20, 1.0)
    assert asked == [tmp_path] * 2


def test_a_name_that_is_taken_is_refused_before_any_work(tmp_path):
    """Whoever asks ahead gets the same answer as whoever stores."""
    path = tmp_path / "a.png"
    path.write_bytes(b"here")
    with pytest.raises(DestinationClash, match="exists already"):
        storing.check_free(path, overwrite=False)
    storing.check_free(path, overwrite=True)


def test_an_error_without_a_number_gets_no_hint_of_another(tmp_path, monkeypatch):
    """Nothing is known of it, so nothing is advised."""

    def fail(*_):
        raise OSError("odd")

    monkeypatch.setattr(storing, "open_new", fail)
    with pytest.raises(ImageWriteError, match="cannot be written: odd") as caught:
        store(file_of(b"x"), tmp_path / "a.png", overwrite=False)
    assert caught.value.hint == ""


def test_a_broken_disk_is_not_taken_for_one_without_links(tmp_path, monkeypatch):
    """Only a file system that knows no hard links is written to in another way."""

    def link(*_):
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(os, "link", link)
    with pytest.raises(ImageWriteError, match="input/output error"):
        store(file_of(b"x"), tmp_path / "a.png", overwrite=False)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="counts descriptors in the way of Linux")  # noqa: PTH112
def test_no_descriptor_is_left_open_without_links(tmp_path, monkeypatch):
    """Thousands of files are stored by one process."""

    def link(*_):
        raise OSError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "link", link)
    before = len(os.listdir("/proc/self/fd"))  # noqa: PTH208
    for number in range(5):
        store(file_of(b"x"), tmp_path / f"{number}.png", overwrite=False)
    assert len(os.listdir("/proc/self/fd")) == before  # noqa: PTH208


def test_a_patch_is_part_of_the_file_and_of_its_digest(tmp_path):
    """The ledger must know the bytes that are on the disk, also those that were written over."""
    pieces = (b"II*\0", bytes(4), b"samples" * 100_000, Patch(4, b"\x08\0\0\0"), b"behind")
    whole = b"II*\0\x08\0\0\0" + b"samples" * 100_000 + b"behind"
    with writing(tmp_path / "a", overwrite=False) as part:
        assert pour(file_of(*pieces, notes=("told",)), part) == ("told",)
        assert (part.size, part.sha256) == (len(whole), hashlib.sha256(whole).hexdigest())
        part.append(b"end")
        assert part.sha256 == hashlib.sha256(whole + b"end").hexdigest()
        part.commit()
    assert (tmp_path / "a").read_bytes() == whole + b"end"
    assert collected(file_of(*pieces, notes=("told",))) == (whole, ("told",))


def test_nothing_is_begun_before_the_first_piece_is_there(tmp_path):
    """A format that needs the whole picture takes minutes for it, in which a kill would leave a temporary file."""

    def slowly():
        assert list(tmp_path.iterdir()) == []
        yield b"first"
        assert len(list(tmp_path.iterdir())) == 1
        return ("told",)

    assert store(slowly(), tmp_path / "a", overwrite=False) == ("told",)


def test_an_encoder_that_fails_half_way_leaves_nothing(tmp_path):
    def failing():
        yield b"first"
        raise ImageWriteError(tmp_path / "a", "cannot be encoded")

    (tmp_path / "a").write_bytes(b"old")
    with pytest.raises(ImageWriteError, match="cannot be encoded"):
        store(failing(), tmp_path / "a", overwrite=True)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {"a": b"old"}
