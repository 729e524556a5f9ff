"""A book that is bound again has the same files in the same order, with names, times, attributes and comments kept."""

import io
import shutil
import struct
import subprocess
import zipfile
from pathlib import Path

import pytest

from nlsr_cli.books.archive import Archive
from nlsr_cli.books.binding import Replacement, bind

WHEN = (1998, 7, 6, 5, 4, 2)
TIMES = struct.pack("<HHBI", 0x5455, 5, 1, 900000000)


def made(path: Path) -> Path:
    """Write a book with what books have: folders, notes, comments, times, names of an old program."""
    with zipfile.ZipFile(path, "w") as book:
        book.comment = b"scanned by somebody"
        book.writestr(zipfile.ZipInfo("ch1/", WHEN), b"")
        for name, method in (("ch1/b.jpg", 0), ("ch1/a.jpg", 8), ("notes/read me.txt", 8), ("empty", 0)):
            info = zipfile.ZipInfo(name, WHEN)
            info.compress_type, info.comment, info.extra = method, b"about " + name.encode(), TIMES
            info.external_attr, info.create_system = 0o640 << 16, 3
            book.writestr(info, b"" if name == "empty" else name.encode() * 50)
        plain = zipfile.ZipInfo("dos.txt", WHEN)
        plain.create_system = 0
        with book.open(plain, "w") as file:
            file.write(b"plain")
        plain.external_attr = 0
    return path


def bound(path: Path, replacements: dict[str, Replacement] | None = None) -> bytes:
    with Archive(path) as archive:
        return b"".join(bind(archive, replacements or {}))


FACTS = (
    "filename",
    "date_time",
    "comment",
    "extra",
    "external_attr",
    "internal_attr",
    "create_system",
    "compress_type",
)


def facts(info: zipfile.ZipInfo) -> list[object]:
    return [getattr(info, name) for name in FACTS]


def test_what_is_not_replaced_stays_as_it_was(tmp_path: Path) -> None:
    path = made(tmp_path / "b.cbz")
    with zipfile.ZipFile(path) as before, zipfile.ZipFile(io.BytesIO(bound(path))) as after:
        assert after.comment == before.comment
        assert [*map(facts, after.infolist())] == [*map(facts, before.infolist())]
        assert [after.read(info) for info in after.infolist()] == [before.read(info) for info in before.infolist()]


def test_the_same_book_gives_the_same_bytes(tmp_path: Path) -> None:
    path = made(tmp_path / "b.cbz")
    page = {"ch1/b.jpg": Replacement(b"larger", "ch1/b.jpg")}
    assert bound(path, page) == bound(path, page)


def test_pages_are_stored_in_place_under_their_names(tmp_path: Path) -> None:
    path = made(tmp_path / "b.cbz")
    (tmp_path / "page").write_bytes(b"enlarged" * 99)
    pages = {
        "ch1/a.jpg": Replacement(tmp_path / "page", "ch1/a.webp"),
        "ch1/b.jpg": Replacement(bytes(999), "ch1/b.jpg", compress=True),
    }
    with zipfile.ZipFile(io.BytesIO(bound(path, pages))) as after:
        assert after.namelist() == ["ch1/", "ch1/b.jpg", "ch1/a.webp", "notes/read me.txt", "empty", "dos.txt"]
        first, second = after.getinfo("ch1/a.webp"), after.getinfo("ch1/b.jpg")
        assert (first.compress_type, second.compress_type) == (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
        assert after.read(first) == b"enlarged" * 99
        assert (first.date_time, first.extra, first.comment) == (WHEN, TIMES, b"about ch1/a.jpg")
        assert after.testzip() is None


@pytest.mark.parametrize("flag", [0, 0x800])
def test_the_bytes_of_names_are_kept_whatever_they_mean(tmp_path: Path, flag: int) -> None:
    """Old programs wrote names in the encoding of their country and did not say so; readers have learned to guess."""
    path = tmp_path / "b.cbz"
    raw = "第一話".encode("utf-8" if flag else "shift_jis") + b".png"
    with zipfile.ZipFile(path, "w") as book:
        book.writestr(zipfile.ZipInfo("x" * len(raw), WHEN), b"page")
    data = bytearray(path.read_bytes().replace(b"x" * len(raw), raw))
    data[7] |= flag >> 8
    data[data.index(b"PK\1\2") + 9] |= flag >> 8
    path.write_bytes(data)
    with Archive(path) as archive:
        (info,) = archive.files
        page = Replacement(b"new", info.filename.removesuffix(".png") + ".webp")
        assert bytes(data).count(raw) == b"".join(bind(archive, {})).count(raw) == 2
        again = b"".join(bind(archive, {info.filename: page}))
    assert again.count(raw.removesuffix(b".png") + b".webp") == 2
    with zipfile.ZipFile(io.BytesIO(again)) as after:
        assert after.infolist()[0].flag_bits & 0x800 == flag


def test_extra_fields_of_sizes_are_written_anew(tmp_path: Path) -> None:
    path = tmp_path / "b.cbz"
    with zipfile.ZipFile(path, "w") as book:
        info = zipfile.ZipInfo("001.jpg", WHEN)
        info.extra = TIMES
        with book.open(info, "w", force_zip64=True) as file:
            file.write(b"page")
    with zipfile.ZipFile(io.BytesIO(bound(path))) as after:
        assert after.infolist()[0].extra == TIMES
        assert after.read("001.jpg") == b"page"


def test_no_more_than_one_file_is_held(tmp_path: Path) -> None:
    path = tmp_path / "b.cbz"
    with zipfile.ZipFile(path, "w") as book:
        for number in range(20):
            book.writestr(f"{number}.jpg", bytes([number]) * 10_000)
    with Archive(path) as archive:
        assert max(map(len, bind(archive, {}))) < 11_000


@pytest.mark.skipif(shutil.which("unzip") is None, reason="needs unzip")
def test_another_program_finds_it_sound(tmp_path: Path) -> None:
    (tmp_path / "again.cbz").write_bytes(bound(made(tmp_path / "b.cbz")))
    told = subprocess.run(["unzip", "-t", tmp_path / "again.cbz"], capture_output=True, text=True, check=False)
    assert (told.returncode, told.stderr) == (0, "")
    assert "scanned by somebody" in subprocess.run(
        ["unzip", "-z", tmp_path / "again.cbz"], capture_output=True, text=True, check=True
    ).stdout  # fmt: skip
