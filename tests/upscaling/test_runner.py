"""The guard around every tile: what overflows is redone in float32, what does not fit in smaller tiles."""

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from nlsr_cli.errors import NlsrError, OutOfMemory
from nlsr_cli.upscaling.device import Placement
from nlsr_cli.upscaling.runner import TileRunner

CPU = torch.device("cpu")


class Repeat(nn.Module):
    """Enlarges by repeating pixels, and can be told to fail."""

    def __init__(self, *, largest: int = 10**9, overflow_in_half: bool = False, always_nan: bool = False) -> None:
        super().__init__()
        self.largest, self.overflow_in_half, self.always_nan = largest, overflow_in_half, always_nan
        self.sizes: list[tuple[int, ...]] = []

    def forward(self, x: Tensor) -> Tensor:
        self.sizes.append(tuple(x.shape))
        if x.shape[0] * x.shape[2] * x.shape[3] > self.largest:
            raise torch.OutOfMemoryError("CUDA out of memory.")
        sr = x.repeat_interleave(2, 2).repeat_interleave(2, 3)
        half = torch.is_autocast_enabled("cpu")
        bright = sr.mean() > 0.5
        if self.always_nan or (self.overflow_in_half and half and bright):
            sr = sr * float("inf")
        return sr


class Slant(Repeat):
    """Knows up from down and left from right, so that each way to turn a picture gives another result."""

    def forward(self, x: Tensor) -> Tensor:
        sr = super().forward(x)
        return sr + 0.5 * torch.roll(sr, 1, 2) * torch.roll(sr, 2, 3)


def runner(model: nn.Module, precision: str = "fp32", *, ensemble: bool = False) -> TileRunner:
    return TileRunner(model, 2, Placement(CPU, precision), overlap=8, ensemble=ensemble)


def enlarged(lr: np.ndarray) -> np.ndarray:
    return lr.repeat(2, axis=1).repeat(2, axis=2)


def test_what_does_not_fit_is_halved_until_it_does() -> None:
    lr = np.random.default_rng(0).random((1, 128, 96, 3)).astype(np.float32)
    guarded = runner(Repeat(largest=64 * 64))
    np.testing.assert_allclose(guarded.run(lr), enlarged(lr), atol=1e-6)
    assert guarded.events[0] == "a tile of 96×128 pixels did not fit in memory: redone in tiles of 72"


def test_a_batch_that_does_not_fit_goes_tile_by_tile() -> None:
    lr = np.random.default_rng(0).random((3, 32, 32, 3)).astype(np.float32)
    model = Repeat(largest=32 * 32)
    guarded = runner(model)
    np.testing.assert_allclose(guarded.run(lr), enlarged(lr), atol=1e-6)
    assert [size[0] for size in model.sizes] == [3, 1, 1, 1]
    assert guarded.events == []


def test_memory_that_is_never_enough_ends_in_a_clear_error() -> None:
    with pytest.raises(OutOfMemory, match="out of memory on cpu, even with tiles of"):
        runner(Repeat(largest=0)).run(np.zeros((1, 256, 256, 3), np.float32))


def test_only_the_tile_that_overflows_is_redone_in_float32() -> None:
    lr = np.stack([np.full((8, 8, 3), level, np.float32) for level in (0.25, 0.75)])
    model = Repeat(overflow_in_half=True)
    guarded = runner(model, "bf16")
    np.testing.assert_array_equal(guarded.run(lr[:1]), enlarged(lr[:1]))
    assert guarded.events == []
    np.testing.assert_array_equal(guarded.run(lr[1:]), enlarged(lr[1:]))
    assert guarded.events == ["a tile of 8×8 pixels gave values that are not finite in bf16: redone in fp32"]


def test_non_finite_in_float32_is_an_error_never_a_picture() -> None:
    with pytest.raises(NlsrError, match="not finite"):
        runner(Repeat(always_nan=True), "bf16").run(np.ones((1, 8, 8, 3), np.float32))


def test_other_errors_are_not_taken_for_memory() -> None:
    class Broken(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            raise RuntimeError("shapes do not fit")

    with pytest.raises(RuntimeError, match="shapes do not fit"):
        runner(Broken()).run(np.zeros((1, 64, 64, 3), np.float32))


def mean_of_eight(lr: np.ndarray) -> np.ndarray:
    """The self-ensemble as its definition says it: quarter turns, each also mirrored, with numpy alone."""
    model, results = Slant(), []
    for mirrored in (False, True):
        for quarters in range(4):
            turned = np.rot90(lr[:, :, ::-1] if mirrored else lr, quarters, (1, 2))
            sr = model(torch.from_numpy(turned.copy()).permute(0, 3, 1, 2)).permute(0, 2, 3, 1).numpy()
            upright = np.rot90(sr, -quarters, (1, 2))
            results.append(upright[:, :, ::-1] if mirrored else upright)
    return np.mean(results, axis=0, dtype=np.float64)


@pytest.mark.parametrize("shape", [(1, 16, 16), (1, 7, 12), (3, 12, 5)])
def test_the_ensemble_is_the_mean_over_all_ways_to_turn_a_tile(shape: tuple[int, int, int]) -> None:
    lr = np.random.default_rng(0).random((*shape, 3)).astype(np.float32)
    model = Slant()
    found = runner(model, ensemble=True).run(lr)
    np.testing.assert_allclose(found, mean_of_eight(lr), atol=1e-6)
    assert np.abs(found - runner(Slant()).run(lr)).max() > 0.01
    upright, lying = (shape[0], 3, *shape[1:]), (shape[0], 3, shape[2], shape[1])
    assert model.sizes == [upright] * 4 + [lying] * 4


def test_an_ensemble_that_does_not_fit_is_halved() -> None:
    lr = np.random.default_rng(0).random((1, 128, 96, 3)).astype(np.float32)
    guarded = runner(Repeat(largest=64 * 64), ensemble=True)
    np.testing.assert_allclose(guarded.run(lr), enlarged(lr), atol=1e-6)
    assert guarded.events[0] == "a tile of 96×128 pixels did not fit in memory: redone in tiles of 72"


def test_an_ensemble_that_overflows_is_redone_as_an_ensemble() -> None:
    class Overflowing(Slant):
        def forward(self, x: Tensor) -> Tensor:
            sr = super().forward(x)
            lying = x.shape[2] < x.shape[3]
            return sr * float("inf") if lying and torch.is_autocast_enabled("cpu") else sr

    lr = np.random.default_rng(0).random((1, 12, 8, 3)).astype(np.float32)
    guarded = runner(Overflowing(), "bf16", ensemble=True)
    np.testing.assert_allclose(guarded.run(lr), mean_of_eight(lr), atol=1e-6)
    assert guarded.events == ["a tile of 8×12 pixels gave values that are not finite in bf16: redone in fp32"]


@pytest.mark.parametrize(("ahead", "begun"), [(0, [1, 2, 3]), (1, [2, 3, 3])])
def test_a_gpu_has_the_next_batch_before_the_last_is_fetched(ahead: int, begun: list[int]) -> None:
    batches = np.random.default_rng(0).random((3, 2, 8, 8, 3)).astype(np.float32)
    model = Repeat()
    guarded = runner(model)
    guarded._ahead = ahead
    found, counts = [], []
    for index, tile in enumerate(guarded.run_all(batches)):
        found.append(tile)
        if index % 2 == 0:
            counts.append(len(model.sizes))
    assert counts == begun
    np.testing.assert_allclose(np.stack(found), np.concatenate([enlarged(lr) for lr in batches]), atol=1e-6)


@pytest.mark.parametrize("ahead", [0, 1])
def test_what_went_wrong_ahead_is_done_again_in_its_turn(ahead: int) -> None:
    """A batch that overflows and one that does not fit lie between good ones: each tile keeps its place."""
    dark, bright = np.full((1, 8, 8, 3), 0.2, np.float32), np.full((1, 8, 8, 3), 0.9, np.float32)
    large = np.full((2, 8, 8, 3), 0.4, np.float32)
    guarded = runner(Repeat(largest=64, overflow_in_half=True), "bf16")
    guarded._ahead = ahead
    levels = [float(tile.mean()) for tile in guarded.run_all([dark, bright, large, dark])]
    assert levels == pytest.approx([0.2, 0.9, 0.4, 0.4, 0.2], abs=1e-2)
    assert guarded.events == ["a tile of 8×8 pixels gave values that are not finite in bf16: redone in fp32"]


@pytest.mark.parametrize("side", [34, 48, 60])
def test_small_tiles_are_halved_too(side: int) -> None:
    """A wide network may have no room for 48 pixels on a side and room for half of them: then there is a result."""
    lr = np.random.default_rng(0).random((1, side, side, 3)).astype(np.float32)
    guarded = runner(Repeat(largest=(side - 4) ** 2))
    np.testing.assert_allclose(guarded.run(lr), enlarged(lr), atol=1e-6)
    assert len(guarded.events) == 1
