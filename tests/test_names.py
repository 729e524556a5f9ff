"""Whether two names are one file is asked of the file system, only where they might be, and leaves nothing behind."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from nlsr_cli.files import remove_dead_parts
from nlsr_cli.names import first_claims, one_spelling

NFC, NFD = "caf\u00e9.png", "cafe\u0301.png"


def asked(paths: list[Path], inputs: Sequence[Path] = ()) -> list[tuple[Path, list[str]]]:
    """Return which folders are asked about which names, by a file system that takes none for another."""
    questions: list[tuple[Path, list[str]]] = []

    def ask(folder: Path, names: Sequence[str]) -> dict[str, str]:
        questions.append((folder, list(names)))
        return {name: name for name in names}

    spelled = one_spelling(paths, inputs, ask)
    assert all(spelled[path] == path for path in spelled)
    return questions


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Photo.png", "photo.PNG"),
        (NFC, NFD),
        ("CAF\u00c9.png", NFD),
        ("stra\u00dfe.png", "STRASSE.png"),
        ("\u0131.png", "I.png"),
        ("\u212a.png", "k.png"),
        ("\u00b5.png", "\u039c.png"),
        ("\ufb01n.png", "FIN.png"),
        ("\u03b1\u0345\u0301.png", "\u03b1\u0301\u0345.png"),
        ("a\u200db.png", "ab.png"),
        ("\u2764\ufe0f.png", "\u2764.png"),
        ("a.png. ", "a.png"),
    ],
)
def test_names_that_some_file_system_takes_for_one_are_asked_about(tmp_path: Path, one: str, other: str) -> None:
    assert asked([tmp_path / one, tmp_path / other]) == [(tmp_path, sorted([one, other]))]
    assert asked([tmp_path / one], [tmp_path / other]) == [(tmp_path, sorted([one, other]))]


def test_nothing_is_tried_without_need(tmp_path: Path) -> None:
    """Least of all where only inputs are: people keep them where nothing may be written."""
    assert asked([tmp_path / "a.png", tmp_path / "b.png", tmp_path / "x" / "A.png"]) == []
    assert asked([tmp_path / "a.png"], [tmp_path / "B.png", tmp_path / "b.png", tmp_path / "a.png"]) == []


def test_folders_are_settled_before_what_is_in_them(tmp_path: Path) -> None:
    def in_lower_case(folder: Path, names: Sequence[str]) -> dict[str, str]:
        assert folder in (tmp_path, tmp_path / "SUB")
        return {name: next(each for each in names if each.lower() == name.lower()) for name in names}

    paths = [tmp_path / "SUB" / "a.png", tmp_path / "sub" / "a.png", tmp_path / "sub" / "A.png"]
    assert set(one_spelling(paths, [], in_lower_case).values()) == {tmp_path / "SUB" / "A.png"}


def test_a_file_system_that_tells_them_apart_says_so(tmp_path: Path) -> None:
    """The one under the tests, whatever it is, must agree with what lies in it afterwards."""
    names = ["Photo.png", "photo.png", NFC, NFD]
    claims = first_claims(tmp_path / "not" / "there", names)
    assert list(tmp_path.iterdir()) == []
    for name in names:
        (tmp_path / name).touch()
    assert len(list(tmp_path.iterdir())) == len(set(claims.values()))


@pytest.mark.parametrize(
    ("fold", "same", "different"),
    [
        ("case", ("Photo.png", "PHOTO.png", "photo.png"), (NFC, NFD)),
        ("form", (NFC, NFD), ("Photo.png", "photo.png")),
        ("both", (NFC, NFD, "CAF\u00c9.png"), ("a.png", "b.png")),
    ],
)
def test_a_file_system_that_does_not_is_believed(
    folding: Callable[[str], Path], fold: str, same: tuple[str, ...], different: tuple[str, ...]
) -> None:
    place = folding(fold)
    assert set(first_claims(place, [*same, *different]).values()) == {same[0], *different}
    assert list(place.iterdir()) == []


def test_a_name_that_cannot_be_given_stands_for_itself(tmp_path: Path) -> None:
    long, null = "x" * 300, "a\0b"
    assert first_claims(tmp_path, [long, null, "a"]) == {long: long, null: null, "a": "a"}


@pytest.mark.skipif(sys.platform != "linux", reason="needs a folder in which nobody can make anything")
def test_where_nothing_can_be_made_nothing_can_be_lost() -> None:
    assert first_claims(Path("/proc"), ["A", "a"]) == {"A": "A", "a": "a"}


def test_what_a_killed_call_leaves_is_removed_by_the_next(tmp_path: Path) -> None:
    probe = tmp_path / ".nlsr-killed.part"
    probe.mkdir()
    (probe / "Photo.png").write_text("Photo.png")
    (tmp_path / ".nlsr-strange.part" / "folder").mkdir(parents=True)
    remove_dead_parts(tmp_path)
    assert not probe.exists()
    assert (tmp_path / ".nlsr-strange.part" / "folder").exists(), "that is none of ours"
