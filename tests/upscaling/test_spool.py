"""Finished rows of a large picture survive whatever ends the process, give the same bytes, and are never trusted."""

import errno
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from nlsr_cli.images import Metadata, Picture
from nlsr_cli.nlsn import NLSN
from nlsr_cli.options import ComputeOptions, TileOptions
from nlsr_cli.upscaling import spool as module
from nlsr_cli.upscaling.enlarger import Enlarger
from nlsr_cli.upscaling.progress import Enlarged
from nlsr_cli.upscaling.rows_folder import folders_of_rows, stem_of
from nlsr_cli.upscaling.spool import Rows, is_worth_keeping
from nlsr_cli.upscaling.stage import Stage
from nlsr_cli.upscaling.tiles import plan_tiles, stitch

Maker = Callable[..., NLSN]


@pytest.fixture
def enlarger(tiny_network: Maker) -> Enlarger:
    """Return one that takes a picture of 80x70 in 5x4 tiles."""
    return Enlarger(tiny_network(), compute=ComputeOptions("cpu", "fp32"), tile=TileOptions(24, 8))


@pytest.fixture
def picture() -> Picture:
    values = np.random.default_rng(0).integers(0, 256, (80, 70, 4), np.uint8)
    return Picture(values[..., :3], values[..., 3], Metadata("PNG", "RGBA"))


def rows(folder: Path, key: str = "key", name: str = "a.png") -> Rows:
    return Rows(folder / name, lambda: key)


def run(enlarger: Enlarger, picture: Picture, kept: Rows | None, tiles: int = 1000) -> Enlarged | None:
    """Enlarge a picture; or die after a number of tiles."""
    steps = enlarger.steps(picture, kept)
    for _ in range(tiles):
        try:
            next(steps)
        except StopIteration as finished:
            return finished.value
    steps.close()
    if kept is not None:
        kept.close()  # as the end of a process does
    return None


def same(one: Enlarged | None, other: Enlarged | None) -> bool:
    assert one is not None
    assert other is not None
    assert one.picture.alpha is not None
    assert other.picture.alpha is not None
    return one.picture.color.tobytes() == other.picture.color.tobytes() and bool(
        (one.picture.alpha == other.picture.alpha).all()
    )


@pytest.fixture(scope="module")
def results() -> dict[tuple[int, int], Enlarged | None]:
    """Return a place for undisturbed results, by scale and tile: each is computed once."""
    return {}


@pytest.fixture
def undisturbed(results: dict[tuple[int, int], Enlarged | None], picture: Picture) -> Callable[..., Enlarged | None]:
    def compute(enlarger: Enlarger) -> Enlarged | None:
        kind = (enlarger.scale, enlarger.tile.size or 0)
        if kind not in results:
            results[kind] = run(enlarger, picture, None)
        return results[kind]

    return compute


def folder_of(path: Path) -> Path:
    (found,) = path.glob(".nlsr-*.rows")
    return found


@pytest.mark.parametrize("first", range(4))
@pytest.mark.parametrize("overlap", [0, 3, 7])
def test_stitching_can_begin_at_any_row(first: int, overlap: int) -> None:
    plan = plan_tiles(41, 29, size=15, overlap=overlap)
    parts = [np.random.default_rng(index).random((15, 15, 3), np.float32) for index in range(len(plan))]
    plan = plan_tiles(41, 29, size=15, overlap=overlap)
    parts = [part[: plan.rows.size, : plan.columns.size] for part in parts]
    first = min(first, len(plan.rows.starts) - 1)
    strips: list[object] = []

    def keep(_: int, strip: np.ndarray | None) -> None:
        strips.append(None if strip is None else strip.copy())

    whole = list(stitch(plan, 1, [part.copy() for part in parts], on_row=keep))
    skipped = first * len(plan.columns.starts)
    above = strips[first - 1] if first else None
    rest = list(stitch(plan, 1, [part.copy() for part in parts[skipped:]], first=first, above=above))  # type: ignore[arg-type]
    assert [(row, column) for row, column, _ in rest] == [(row, column) for row, column, _ in whole[skipped:]]
    assert all((a[2] == b[2]).all() for a, b in zip(rest, whole[skipped:], strict=True))
    assert strips[-1] is None


@pytest.mark.parametrize("tiles", [1, 4, 5, 20, 21, 33, 40])
def test_what_is_taken_up_again_gives_the_same_bytes(
    tmp_path: Path, enlarger: Enlarger, picture: Picture, undisturbed: Callable[..., Enlarged | None], tiles: int
) -> None:
    """Alpha is the first layer, of 20 tiles in rows of four, colour the second one."""
    assert run(enlarger, picture, rows(tmp_path), tiles) is None
    again = run(enlarger, picture, rows(tmp_path))
    assert same(again, undisturbed(enlarger))
    assert again is not None
    assert again.resumed_rows == (tiles - 1) // 4, "a row is kept once its last block has been taken"


def test_dying_again_and_again_comes_to_an_end(
    tmp_path: Path, enlarger: Enlarger, picture: Picture, undisturbed: Callable[..., Enlarged | None]
) -> None:
    for _ in range(20):
        kept = rows(tmp_path)
        enlarged = run(enlarger, picture, kept, 7)
        if enlarged is not None:
            break
    assert same(enlarged, undisturbed(enlarger))
    kept.discard()
    assert list(tmp_path.iterdir()) == []


def test_small_pictures_touch_no_disk(tmp_path: Path, enlarger: Enlarger, picture: Picture) -> None:
    small = Picture(picture.color[:30, :30], None, picture.metadata)
    assert not is_worth_keeping(enlarger.plan(30, 30))
    kept = Rows(tmp_path / "a.png", lambda: pytest.fail("nobody needs it"))
    assert run(enlarger, small, kept) is not None
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("damage", ["flip", "cut", "longer", "empty", "link", "folder", "head", "gone"])
def test_damaged_files_are_never_trusted(
    tmp_path: Path, enlarger: Enlarger, picture: Picture, undisturbed: Callable[..., Enlarged | None], damage: str
) -> None:
    run(enlarger, picture, rows(tmp_path), 15)  # three rows
    victim = folder_of(tmp_path) / f"stage-1-of-1-alpha-000002.{'strip' if damage in ('flip', 'gone') else 'row'}"
    data = victim.read_bytes()
    victim.unlink()
    if damage == "link":
        (tmp_path / "elsewhere").write_bytes(data)
        victim.symlink_to(tmp_path / "elsewhere")
    elif damage == "folder":
        victim.mkdir()
    elif damage != "gone":
        flipped = data[:-9] + bytes([data[-9] ^ 1]) + data[-8:]
        head = data.replace(b'"row": 2', b'"row": 1')
        others = {"flip": flipped, "cut": data[:-1], "longer": data + b"\0", "empty": b"", "head": head}
        victim.write_bytes(others[damage])
    kept = rows(tmp_path)
    enlarged = run(enlarger, picture, kept)
    assert same(enlarged, undisturbed(enlarger))
    assert enlarged is not None
    assert enlarged.resumed_rows == 2, "those before it are as good as before"


@pytest.mark.parametrize("change", ["precision", "tiles", "scale", "key", "threads"])
def test_rows_of_another_making_are_not_mixed_in(
    tmp_path: Path,
    enlarger: Enlarger,
    picture: Picture,
    undisturbed: Callable[..., Enlarged | None],
    tiny_network: Maker,
    change: str,
    monkeypatch,
) -> None:
    run(enlarger, picture, rows(tmp_path), 15)
    other, key = enlarger, "key"
    if change == "tiles":
        other = Enlarger(tiny_network(), compute=ComputeOptions("cpu", "fp32"), tile=TileOptions(20, 8))
    elif change == "scale":
        other = Enlarger(tiny_network(scale=3), compute=ComputeOptions("cpu", "fp32"), tile=TileOptions(24, 8))
    elif change == "key":
        key = "another"
    else:
        original = Stage.facts
        monkeypatch.setattr(Stage, "facts", lambda *arguments: {**original(*arguments), change: "another"})
    kept = rows(tmp_path, key)
    enlarged = run(other, picture, kept)
    assert same(enlarged, undisturbed(other))
    assert enlarged is not None
    assert enlarged.resumed_rows == 0
    kept.discard()
    assert list(tmp_path.iterdir()) == [], "what is left of another key for this output goes too"


def test_rows_of_other_outputs_and_what_is_not_ours_stay(tmp_path: Path, enlarger: Enlarger, picture: Picture) -> None:
    run(enlarger, picture, rows(tmp_path, name="b.png"), 15)
    run(enlarger, picture, rows(tmp_path, "old"), 15)
    (old,) = folders_of_rows(tmp_path)[stem_of(tmp_path / "a.png")]
    (old / "precious.txt").write_text("mine")
    kept = rows(tmp_path)
    assert run(enlarger, picture, kept) is not None
    kept.discard()
    assert (old / "precious.txt").read_text() == "mine"
    assert [path.name for path in old.iterdir()] == ["precious.txt"]
    assert set(folders_of_rows(tmp_path)) == {stem_of(tmp_path / "a.png"), stem_of(tmp_path / "b.png")}


def test_a_full_disk_is_no_error_and_gives_back_what_was_taken(
    tmp_path: Path,
    enlarger: Enlarger,
    picture: Picture,
    undisturbed: Callable[..., Enlarged | None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    original, calls = module._write, []

    def full(*arguments: object, **named: object) -> None:
        calls.append(1)
        if len(calls) > 6:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        original(*arguments, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(module, "_write", full)
    kept = rows(tmp_path)
    enlarged = run(enlarger, picture, kept)
    assert same(enlarged, undisturbed(enlarger))
    assert enlarged is not None
    assert [event for event in enlarged.events if "no space left" in event]
    assert (kept.kept, len(calls)) == (0, 7)
    assert list(tmp_path.iterdir()) == []


def test_a_link_where_the_folder_should_be_leads_nowhere(
    tmp_path: Path, enlarger: Enlarger, picture: Picture, undisturbed: Callable[..., Enlarged | None]
) -> None:
    run(enlarger, picture, rows(tmp_path), 5)
    name = folder_of(tmp_path)
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "1.row").write_text("precious")
    kept = rows(tmp_path)
    kept.discard()
    name.symlink_to(tmp_path / "elsewhere")
    kept = rows(tmp_path)
    enlarged = run(enlarger, picture, kept)
    assert same(enlarged, undisturbed(enlarger))
    kept.discard()
    assert (tmp_path / "elsewhere" / "1.row").read_text() == "precious"


@pytest.mark.skipif(os.name == "nt", reason="folders have no locks there")
def test_two_at_once_leave_each_other_alone(tmp_path: Path, enlarger: Enlarger, picture: Picture) -> None:
    one, two = rows(tmp_path), rows(tmp_path)
    steps = enlarger.steps(picture, one)
    for _ in range(9):
        next(steps)
    other = run(enlarger, picture, two)
    assert other is not None
    assert (other.resumed_rows, two.kept, other.events) == (0, 0, ())
    two.discard()
    assert one.kept == 2
    assert len(list(folder_of(tmp_path).glob("*.row"))) == 2, "they are the other one's"
    steps.close()
    one.close()
    assert same(run(enlarger, picture, rows(tmp_path)), other)


def test_the_disk_holds_the_picture_once_and_two_strips(tmp_path: Path, enlarger: Enlarger, picture: Picture) -> None:
    kept = rows(tmp_path)
    enlarged = run(enlarger, picture, kept)
    assert enlarged is not None
    assert enlarged.picture.alpha is not None
    pixels = enlarged.picture.color.nbytes + enlarged.picture.alpha.nbytes
    files = list(folder_of(tmp_path).iterdir())
    heads = 2000 * len(files)
    assert len([path for path in files if path.suffix == ".strip"]) <= 2 * 2
    assert sum(path.stat().st_size for path in files if path.suffix == ".pixels") == pixels
    assert sum(path.stat().st_size for path in files if path.suffix == ".row") < heads
