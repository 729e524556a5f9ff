"""One colour stays one colour: by the rule, through the network, and not within the blocks of a JPEG."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from nlsr_cli.options import ComputeOptions, TileOptions
from nlsr_cli.upscaling.enlarger import Enlarger
from nlsr_cli.upscaling.flat import REACH, flat_areas, keep_flat_colours
from nlsr_cli.zoo import resolve
from nlsr_cli.zoo.checkpoint import load_model

SIDE = 2 * REACH + 1


def textbook(lr: np.ndarray) -> np.ndarray:
    """Return where (h, w, c) has one colour all around, pixel by pixel."""
    height, width, _ = lr.shape
    found = np.zeros((height, width), bool)
    for row, column in np.ndindex(height, width):
        rows, columns = (slice(max(0, place - REACH), place + REACH + 1) for place in (row, column))
        found[row, column] = (lr[rows, columns] == lr[row, column]).all()
    return found


@pytest.mark.parametrize("size", [(31, 44), (1, 40), (30, 1), (1, 1)])
@pytest.mark.parametrize("marks", [0, 1, 3])
def test_the_rule_is_a_square_of_one_colour(marks: int, size: tuple[int, int]) -> None:
    generator = np.random.default_rng(marks)
    lr = np.full((*size, 3), 0.5, np.float32)
    for _ in range(marks):
        lr[generator.integers(size[0]), generator.integers(size[1]), generator.integers(3)] = 0.25
    found = flat_areas(torch.from_numpy(lr).permute(2, 0, 1)[None])[0, 0].numpy()
    np.testing.assert_array_equal(found, textbook(lr))


def test_what_is_not_flat_is_left_as_it_is() -> None:
    lr, sr = torch.rand(1, 3, 20, 20), torch.rand(1, 3, 40, 40)
    assert keep_flat_colours(lr, sr) is sr
    lr[:] = lr[:, :, :1, :1]
    lr[:, :, :, 0] += 0.1
    kept = keep_flat_colours(lr, sr)
    assert torch.equal(kept[..., : 2 * REACH], sr[..., : 2 * REACH])
    assert torch.equal(kept[..., -1, -1], lr[..., -1, -1])


@pytest.mark.parametrize("precision", ["fp32", "auto"])
@pytest.mark.parametrize("colour", [(255, 255, 255), (0, 128, 0), (13, 200, 77)])
def test_a_ground_keeps_its_colour(colour: tuple[int, int, int], precision: str) -> None:
    """Whole, beside a shape, and at the borders of tiles."""
    pixels = np.full((90, 120, 3), colour, np.uint8)
    pixels[30:50, 40:60] = (200, 30, 30)
    model = load_model(resolve("nlsn-lite-x2", None, offline=True))
    enlarger = Enlarger(model, compute=ComputeOptions("cpu", precision), tile=TileOptions(64))
    found = enlarger.enlarge(pixels)
    flat = textbook(pixels).repeat(2, 0).repeat(2, 1)
    assert (found[flat] == pixels.repeat(2, 0).repeat(2, 1)[flat]).all()
    assert (found[: 2 * (30 - REACH)] == colour).all()
    assert (enlarger.enlarge(pixels[:20, :30]) == colour).all()
