"""A book from a stranger is read under limits, or refused with one clear error; nothing of it is ever unpacked."""

import random
import struct
import zipfile
from pathlib import Path

import pytest

from nlsr_cli.books import archive as module
from nlsr_cli.books.archive import Archive, is_book, other_archive
from nlsr_cli.books.binding import bind
from nlsr_cli.errors import ImageReadError


def book(path: Path, files: dict[str, bytes], method: int = zipfile.ZIP_STORED) -> Path:
    with zipfile.ZipFile(path, "w", method) as made:
        for name, data in files.items():
            made.writestr(zipfile.ZipInfo(name, (2001, 2, 3, 4, 5, 6)), data, method)
    return path


def refused(path: Path) -> str:
    with pytest.raises(ImageReadError) as found, Archive(path) as archive:
        archive.verify()
    assert str(path) in found.value.message
    assert found.value.hint
    return found.value.reason


@pytest.mark.parametrize(
    "name", ["/etc/x.jpg", "../x.jpg", "a/../../x.jpg", "..", "\\x.jpg", "a\\..\\x.jpg", "C:\\x.jpg", "c:/x.jpg"]
)
def test_names_that_lead_out_are_refused(tmp_path: Path, name: str) -> None:
    assert "leads out of the book" in refused(book(tmp_path / "b.cbz", {name: b"x"}))


@pytest.mark.parametrize("name", ["a/001.jpg", "A: The Story/..001..jpg", "a\\001.jpg", "...", "~/x.jpg"])
def test_names_that_only_look_odd_are_fine(tmp_path: Path, name: str) -> None:
    with Archive(book(tmp_path / "b.cbz", {name: b"x"})) as archive:
        assert [info.filename for info in archive.files] == [name]
        assert archive.read(name) == b"x"


def test_a_name_with_a_hidden_end_is_refused(tmp_path: Path) -> None:
    path = book(tmp_path / "b.cbz", {"001.jpgX.exe": b"x"})
    path.write_bytes(path.read_bytes().replace(b"001.jpgX.exe", b"001.jpg\0.exe"))
    assert "leads out of the book" in refused(path)


def test_two_files_of_one_name_are_refused(tmp_path: Path) -> None:
    path = book(tmp_path / "b.cbz", {"001.jpg": b"x", "002.jpg": b"y"})
    path.write_bytes(path.read_bytes().replace(b"002.jpg", b"001.jpg"))
    assert refused(path) == "holds several files named 001.jpg"


def test_an_encrypted_book_says_so(tmp_path: Path) -> None:
    path = book(tmp_path / "b.cbz", {"001.jpg": b"x"})
    data = bytearray(path.read_bytes())
    data[data.index(b"PK\1\2") + 8] |= 1
    path.write_bytes(data)
    assert refused(path) == "is encrypted"


def test_an_unknown_method_is_refused_before_the_work(tmp_path: Path) -> None:
    path = book(tmp_path / "b.cbz", {"001.jpg": b"x"})
    data = bytearray(path.read_bytes())
    struct.pack_into("<H", data, data.index(b"PK\1\2") + 10, 93)  # Zstandard
    path.write_bytes(data)
    assert "method 93" in refused(path)


def test_bombs_are_refused_unread(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = book(tmp_path / "b.cbz", {"001.bmp": bytes(10**6)}, zipfile.ZIP_DEFLATED)
    monkeypatch.setattr(module, "ALLOWANCE", 0)
    assert refused(path).startswith("would unpack to 1000000 bytes, more than the ")
    monkeypatch.setattr(module, "MAX_FILE", 999_999)
    assert refused(path) == "its file 001.bmp has 1000000 bytes, more than 999999"


def test_what_a_list_of_files_claims_is_not_believed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither how many files there are, nor how long the list is, nor how long a file is."""
    path = book(tmp_path / "b.cbz", {f"{number}.txt": b"" for number in range(30)})
    monkeypatch.setattr(module, "MAX_FILES", 29)
    assert refused(path) == "holds 30 files, more than 29"
    monkeypatch.setattr(module, "_MAX_READ", 1000)
    assert "its list of files is too long" in refused(path)


def test_a_file_that_is_longer_or_shorter_than_stated_is_damaged(tmp_path: Path) -> None:
    for stated in (1, 5000):
        path = book(tmp_path / "b.cbz", {"001.jpg": bytes(3000)}, zipfile.ZIP_DEFLATED)
        data = bytearray(path.read_bytes())
        struct.pack_into("<I", data, data.index(b"PK\1\2") + 24, stated)
        path.write_bytes(data)
        assert "its file 001.jpg is damaged" in refused(path)


def test_a_wrong_checksum_is_found_and_named(tmp_path: Path) -> None:
    path = book(tmp_path / "b.cbz", {"001.jpg": b"first page", "002.jpg": b"second page"})
    path.write_bytes(path.read_bytes().replace(b"second page", b"second pace"))
    assert refused(path).startswith("its file 002.jpg is damaged: Bad CRC-32")


@pytest.mark.parametrize("data", [b"", b"PK\3\4", b"Rar!\x1a\7\0", b"not a zip at all" * 9])
def test_what_is_no_archive_is_said_to_be_none(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "b.cbz"
    path.write_bytes(data)
    assert refused(path).startswith("is not a whole ZIP archive")


def test_every_cut_of_a_book_is_refused(tmp_path: Path) -> None:
    """A download that stopped is never taken for a thinner book."""
    whole = book(tmp_path / "b.cbz", {"001.jpg": b"x" * 100, "002.jpg": b"y" * 100}).read_bytes()
    for length in range(len(whole)):
        (tmp_path / "b.cbz").write_bytes(whole[:length])
        refused(tmp_path / "b.cbz")


def test_a_missing_or_locked_book_is_told_in_words(tmp_path: Path) -> None:
    with pytest.raises(ImageReadError, match="cannot be read: no such file or directory"):
        Archive(tmp_path / "gone.cbz")
    with pytest.raises(ImageReadError, match="cannot be read: is a directory"):
        Archive(tmp_path)


def test_books_are_known_by_ending_and_content(tmp_path: Path) -> None:
    there = {"a.cbz": b"PK\3\4", "b.CBZ": b"damaged", "c.cbr": b"PK\3\4", "d.cbr": b"Rar!", "e.zip": b"PK\3\4"}
    for name, data in there.items():
        (tmp_path / name).write_bytes(data)
    assert [name for name in there if is_book(tmp_path / name)] == ["a.cbz", "b.CBZ", "c.cbr"]
    assert not is_book(tmp_path / "gone.cbz")


@pytest.mark.parametrize(
    ("name", "head", "reason", "command"),
    [
        ("my book.cbr", b"Rar!\x1a\7\1", "is a RAR archive", "unar -o pages 'my book.cbr' && (cd pages && zip -r"),
        ("b.cb7", b"7z\xbc\xaf\x27\x1c", "is a 7z archive", "7z x -opages b.cb7 &&"),
        ("b.cbt", b"\0" * 257 + b"ustar", "is a tar archive", "tar -xf b.cbt"),
        ("b.pdf", b"%PDF-1.7", "is a PDF document", "pdfimages -all b.pdf page"),
        ("b.zip", b"PK\3\4", "is a ZIP archive (or an office document)", "unzip b.zip"),
    ],
)
def test_other_archives_are_told_the_way_to_a_cbz(
    tmp_path: Path, name: str, head: bytes, reason: str, command: str
) -> None:
    (tmp_path / name).write_bytes(head)
    error = other_archive(tmp_path / name)
    assert error is not None
    assert error.reason == reason
    assert command in error.hint


def test_every_damage_is_an_error_of_ours_or_none(tmp_path: Path) -> None:
    """Bytes changed anywhere: a book that opens reads as it was or is refused, and nothing else is ever raised."""
    files = {"a/001.jpg": b"first page" * 20, "ComicInfo.xml": b"<ComicInfo/>"}
    path = book(tmp_path / "b.cbz", files, zipfile.ZIP_DEFLATED)
    whole, rng = path.read_bytes(), random.Random(0)
    read, refusals = 0, []
    for _ in range(400):
        data = bytearray(whole)
        for _ in range(rng.randint(1, 4)):
            data[rng.randrange(len(data))] = rng.choice((0, 1, 0x7F, 0x80, 0xFF, rng.randrange(256)))
        path.write_bytes(data)
        try:
            with Archive(path) as archive:
                archive.verify()
                assert {info.file_size for info in archive.files} <= {0, *map(len, files.values())}
                b"".join(bind(archive, {}))
                read += 1
        except ImageReadError as error:
            refusals.append(error)
    assert 0 < read < 400
    assert all(error.hint for error in refusals)
