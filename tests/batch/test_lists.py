"""Lists of names come in byte for byte, whatever is in the names, and what is no list is refused."""

import io
import os
import sys
from pathlib import Path

import pytest

from nlsr_cli.batch.inputs import find_sources
from nlsr_cli.batch.lists import read_list
from nlsr_cli.errors import OptionError
from nlsr_cli.options import OutputOptions
from tests.batch.test_planning import picture


class Piped:
    """Stands for standard input."""

    def __init__(self, data: bytes) -> None:
        self.buffer = io.BytesIO(data)


def written(folder: Path, data: bytes) -> str:
    place = folder / "list"
    place.write_bytes(data)
    return str(place)


@pytest.mark.parametrize(
    ("data", "null", "names"),
    [
        (b"a.png\nsub/b c.png\n", False, [b"a.png", b"sub/b c.png"]),
        (b"a.png\r\n\r\nb.png", False, [b"a.png", b"b.png"]),
        (b" # no comment \n-\n*.png\n", False, [b" # no comment ", b"-", b"*.png"]),
        (b"a\nb.png\0c\r.png\0\xff.png\0", True, [b"a\nb.png", b"c\r.png", b"\xff.png"]),
        (b"", False, []),
        (b"\0", True, []),
    ],
)
def test_names_are_taken_as_they_stand(tmp_path: Path, data: bytes, null: bool, names: list[bytes]) -> None:
    found = read_list(written(tmp_path, data), null=null)
    assert [os.fsencode(path) for path in found] == names


def test_standard_input_is_a_list_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", Piped(b"a.png\0b.png"))
    assert read_list("-", null=True) == [Path("a.png"), Path("b.png")]
    monkeypatch.setattr(sys, "stdin", None)
    with pytest.raises(OptionError, match="it is closed"):
        read_list("-", null=True)


def test_what_is_no_list_is_an_error_with_a_hint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(OptionError) as found:
        read_list(written(tmp_path, b"a.png\0b.png\0"), null=False)
    assert found.value.hint == "Add -0 for names as find -print0 writes them."
    with pytest.raises(OptionError, match="cannot be read: no such file") as found:
        read_list(str(tmp_path / "-0"), null=False)
    assert found.value.hint.endswith("--files-from -")
    monkeypatch.setattr("nlsr_cli.batch.lists._MOST", 4)
    with pytest.raises(OptionError, match="longer than 4 bytes"):
        read_list(written(tmp_path, b"a.png"), null=False)


def test_names_of_a_list_are_no_patterns_and_need_not_be_many(tmp_path: Path) -> None:
    """A list of one name is handled as one of a thousand: what a script does must not hang on how much there is."""
    picture(tmp_path / "a.png")
    found = find_sources([], OutputOptions(), listed=[tmp_path / "*.png", tmp_path / "a.png"])
    assert [path.name for path, _ in found.files] == ["*.png", "a.png"]
    assert found.from_many
    assert find_sources([], OutputOptions(), listed=[]).files == []
