"""Photographs become pairs, pairs become patches: the right pixels, all of them, and the same ones again."""

from __future__ import annotations

import os
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from nlsr_cli.errors import OptionError
from nlsr_cli.images import Picture, reduce_bicubic
from nlsr_cli.training import photos
from nlsr_cli.training.patches import PatchPool, cut, gather
from nlsr_cli.training.photos import Pair, halved, load_pairs
from nlsr_cli.training.recipe import Recipe
from tests.training.photographs import save_photographs

CPU = torch.device("cpu")
EVEN = Recipe(patch=8, focus=0, halves=0)  # every place of every photograph alike


def marked(height: int, width: int, scale: int, photo: int) -> Pair:
    """Return a pair whose every pixel says where it is: (row, column, photograph)."""

    def grid(rows: int, columns: int) -> np.ndarray:
        pixels = np.full((rows, columns, 3), photo, np.uint8)
        pixels[..., 0], pixels[..., 1] = np.indices((rows, columns))
        return pixels

    return Pair(grid(height * scale, width * scale), grid(height, width))


def levels(patches: torch.Tensor) -> np.ndarray:
    """Return (b, h, w, 3) integers of a batch."""
    return (patches * 255).round().to(torch.uint8).permute(0, 2, 3, 1).numpy()


def turned(pixels: np.ndarray) -> list[np.ndarray]:
    """Return a picture in all eight orientations."""
    quarter = [np.rot90(pixels, turn) for turn in range(4)]
    return quarter + [np.fliplr(each) for each in quarter]


@pytest.mark.parametrize("scale", [2, 3, 4])
@pytest.mark.parametrize("focus", [0.0, 1.0])
def test_patches_are_crops_in_all_eight_orientations(scale: int, focus: float) -> None:
    """Every patch is a crop of one photograph, its partner is the same crop, and no orientation is left out."""
    pairs = [marked(12, 15, scale, 10), marked(14, 11, scale, 20)]
    pool = PatchPool(pairs, scale, replace(EVEN, seed=3, focus=focus), CPU)
    seen = set()
    for step in range(12):
        for low, high in zip(*map(levels, pool.draw(8, step)[:2]), strict=True):
            pair = next(pair for pair in pairs if pair.lr[0, 0, 2] == low[0, 0, 2])
            top, left = low[..., 0].min(), low[..., 1].min()
            crop = pair.lr[top : top + 8, left : left + 8]
            large = pair.hr[top * scale : (top + 8) * scale, left * scale : (left + 8) * scale]
            orientation = next(index for index, each in enumerate(turned(crop)) if np.array_equal(each, low))
            np.testing.assert_array_equal(turned(large)[orientation], high)
            seen.add(orientation)
    assert seen == set(range(8))


def test_a_device_gathers_what_is_cut() -> None:
    """The truth on a GPU is gathered by indices, and cut on a CPU: orientations and photographs must be the same."""
    pool = PatchPool([marked(12, 15, 3, 10), marked(14, 11, 3, 20)], 3, replace(EVEN, seed=3), CPU)
    where = pool.inputs.places.choose(3, 64, 5)
    assert set(where[5]) == set(range(8))
    found = gather(torch.from_numpy(pool.inputs.hr), torch.from_numpy(where), 8, 3)
    np.testing.assert_array_equal(found, np.stack([cut(pool.inputs.hr, each, 8, 3) for each in where.T]))


def test_borders_are_drawn_as_often_as_any_place() -> None:
    """The first and the last position of each photograph, and photographs by their size."""
    pool = PatchPool([marked(9, 12, 2, 10), marked(8, 8, 2, 20)], 2, EVEN, CPU)
    low = levels(pool.draw(11_000, 0)[0])
    corners = [(photo, low[i, ..., 0].min(), low[i, ..., 1].min()) for i, photo in enumerate(low[:, 0, 0, 2])]
    counts = {corner: corners.count(corner) for corner in set(corners)}
    assert set(counts) == {(10, top, left) for top in range(2) for left in range(5)} | {(20, 0, 0)}
    assert all(880 < count < 1120 for count in counts.values()), counts


def test_halves_have_their_share() -> None:
    """A quarter of the patches where a quarter is asked for, though halves have fewer places."""
    ramps = [np.tile(np.arange(rows, dtype=np.uint8)[:, None, None] * 2, (1, 64, 3)) for rows in (64, 30)]
    pairs = [Pair(ramp, reduce_bicubic(ramp, 2)) for ramp in ramps]
    assert [half.hr.shape for half in halved(pairs, 2, 8)] == [(32, 32, 3)]
    high = levels(PatchPool(pairs, 2, replace(EVEN, halves=0.25), CPU).draw(2000, 0)[1])[..., 0].astype(int)
    steps = np.maximum(*(np.median(np.abs(np.diff(high, axis=axis)), axis=(1, 2)) for axis in (1, 2)))
    assert set(steps) == {2, 4}, "levels from row to row, at both sizes"
    assert 0.22 < (steps == 4).mean() < 0.28


def test_draws_depend_on_seed_and_step_alone() -> None:
    """What makes a run that goes on equal to an unbroken one."""
    pair = marked(30, 30, 2, 1)
    pool, again = (PatchPool([pair], 2, replace(EVEN, seed=5), CPU) for _ in range(2))
    again.draw(4, 1)
    assert torch.equal(pool.draw(4, 7)[1], again.draw(4, 7)[1])
    assert not torch.equal(pool.draw(4, 7)[0], pool.draw(4, 8)[0])
    assert not torch.equal(pool.draw(4, 7)[0], PatchPool([pair], 2, replace(EVEN, seed=6), CPU).draw(4, 7)[0])


def test_loading_counts_what_is_no_use(tmp_path: Path) -> None:
    """A damaged file does not stop a night's run, and a small one is not enlarged to fit."""
    folder = save_photographs(tmp_path, count=2, size=(33, 41))
    (folder / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    Image.new("RGB", (16, 200)).save(folder / "small.png")
    calls: list[tuple[int, int]] = []
    loaded = load_pairs(sorted(folder.iterdir()), 2, least=10, on_photo=lambda *call: calls.append(call))
    assert loaded.names == ["photo000.png", "photo001.png"]
    assert [error.path.name for error in loaded.unreadable] == ["broken.png"]
    assert [path.name for path in loaded.small] == ["small.png"]
    assert calls == [(1, 4), (2, 4), (3, 4), (4, 4)]
    for pair in loaded.pairs:
        assert (pair.hr.shape, pair.lr.shape) == ((32, 40, 3), (16, 20, 3)), "cropped to a multiple of the scale"
        np.testing.assert_array_equal(pair.lr, reduce_bicubic(pair.hr, 2))


def test_other_kinds_of_pixels_become_rgb(tmp_path: Path) -> None:
    """Grey, 16-bit grey and alpha are photographs too."""
    grey = np.arange(400, dtype=np.uint16).reshape(20, 20) * 160
    Image.fromarray(grey).save(tmp_path / "deep.png")
    Image.fromarray((grey // 257).astype(np.uint8)).save(tmp_path / "grey.png")
    Image.new("RGBA", (20, 20), (10, 20, 30, 128)).save(tmp_path / "alpha.png")
    alpha, deep, plain = load_pairs(sorted(tmp_path.iterdir()), 2).pairs
    assert (alpha.hr == (10, 20, 30)).all()
    assert np.abs(deep.hr[..., 0] - grey / 257).max() <= 0.5
    assert (plain.hr[..., 0] == plain.hr[..., 2]).all()
    assert {pair.hr.dtype for pair in (alpha, deep, plain)} == {np.dtype(np.uint8)}


def test_no_photograph_is_an_error() -> None:
    with pytest.raises(OptionError, match="no photograph has 16 pixels"):
        PatchPool([], 2, Recipe(patch=8), CPU)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no such pipes")
def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    """Nobody writes to it, and a thread that waits there does not hear Ctrl-C."""
    save_photographs(tmp_path, 1)
    os.mkfifo(tmp_path / "pipe.png")
    loaded = load_pairs(sorted(tmp_path.iterdir()), 2)
    assert [error.message for error in loaded.unreadable] == [f"{tmp_path / 'pipe.png'}: is not a regular file"]


def test_an_interruption_does_not_wait_for_the_rest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Hundreds of photographs are waiting to be decoded when Ctrl-C comes."""
    (path,) = save_photographs(tmp_path, 1).iterdir()
    read: list[Path] = []
    original = photos.read_picture

    def slow(source: Path) -> Picture:
        read.append(source)
        time.sleep(0.01)
        return original(source)

    def interrupt(*_: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(photos, "read_picture", slow)
    with pytest.raises(KeyboardInterrupt):
        load_pairs([path] * 200, 2, on_photo=interrupt)
    assert len(read) < 100
