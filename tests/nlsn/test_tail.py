"""The end of the network for inference: the picture itself, enlarged, is added as training adds it."""

import pytest
import torch
import torch.nn.functional as F

from nlsr_cli.nlsn import NLSNConfig
from nlsr_cli.nlsn.network import MeanShift
from nlsr_cli.nlsn.tail import Cells, PictureRows, make_tail, spread


@pytest.mark.parametrize("other_colours", [False, True])
@pytest.mark.parametrize("scale", [2, 3, 4])
def test_picture_is_the_librarys_interpolation(scale: int, other_colours: bool) -> None:
    """Where the last layer mixes colours, which no published one does, so does the skip: the cells have done it."""
    torch.manual_seed(0)
    config = NLSNConfig(scale=scale, image_skip="bilinear", rgb_range=255)
    add_mean = MeanShift(255, 1).double()
    if other_colours:
        add_mean.weight.copy_(torch.rand_like(add_mean.weight))
    x, sr = torch.rand(2, 3, 9, 5).double() * 255, torch.rand(2, 3, 9 * scale, 5 * scale).double()
    skip = F.interpolate(x, scale_factor=scale, mode="bilinear", align_corners=False)
    expected = (sr + add_mean(skip)) / 255
    sr /= 255
    with torch.inference_mode():
        picture = PictureRows(x, config, add_mean)
        for top, bottom in ((0, 1), (1, 6), (6, 9)):
            picture.add_to(sr[:, :, top * scale : bottom * scale], top)
    torch.testing.assert_close(sr, expected)


def test_without_a_skip_the_mean_is_added() -> None:
    config = NLSNConfig(scale=2, image_skip="none")
    add_mean = MeanShift(1, 1)
    sr = torch.rand(1, 3, 4, 4)
    expected = sr + add_mean.bias.view(3, 1, 1)
    with torch.inference_mode():
        PictureRows(torch.rand(1, 3, 2, 2), config, add_mean).add_to(sr, 0)
    torch.testing.assert_close(sr, expected)


@pytest.mark.parametrize("size", [(2, 2), (2, 5), (3, 3), (12, 5), (7, 2)])
@pytest.mark.parametrize("scale", [2, 3, 4])
@pytest.mark.parametrize("upsampler", ["pixelshuffle", "pixelshuffledirect"])
def test_cells_are_what_the_modules_make(upsampler: str, scale: int, size: tuple[int, int]) -> None:
    """One convolution for two or three, to the last row and column, whatever rows it is asked for."""
    torch.manual_seed(0)
    tail = make_tail(NLSNConfig(scale=scale, n_feats=8, upsampler=upsampler)).double()
    features = torch.randn(2, 8, *size).double()
    height = size[0]
    with torch.inference_mode():
        expected = tail(features)
        cells = Cells(tail, scale, torch.eye(3).double())
        for step in (1, 2, height):
            parts = [cells.rows(features, top, min(top + step, height)) for top in range(0, height, step)]
            torch.testing.assert_close(spread(torch.cat(parts, dim=2), scale), expected, rtol=0, atol=1e-13)


def test_colours_are_mixed_in_the_end() -> None:
    torch.manual_seed(0)
    tail, mix = make_tail(NLSNConfig(scale=4, n_feats=8)).double(), torch.rand(3, 3).double()
    features = torch.randn(1, 8, 5, 4).double()
    with torch.inference_mode():
        expected = torch.einsum("dc,bchw->bdhw", mix, tail(features))
        torch.testing.assert_close(spread(Cells(tail, 4, mix).rows(features, 0, 5), 4), expected, rtol=0, atol=1e-13)


def test_one_convolution_is_as_exact_as_three() -> None:
    """The bound of the published end in float32: its largest error is at most twice that of its modules."""
    torch.manual_seed(0)
    tail = make_tail(NLSNConfig(n_feats=64))
    features = torch.randn(1, 64, 9, 8)
    with torch.inference_mode():
        direct, ours = tail(features), spread(Cells(tail, 4, torch.eye(3)).rows(features, 0, 9), 4)
        exact = tail.double()(features.double())
    assert float((ours - exact).abs().max()) < 2 * float((direct - exact).abs().max())


@pytest.mark.parametrize("factor", [1, 2, 3, 4])
def test_cells_are_shuffled_pixels(factor: int) -> None:
    """The colour comes last among the cells of a pixel, and first among those of the library."""
    cells = torch.randn(2, factor, factor, 3, 4, 5)
    shuffled = F.pixel_shuffle(cells.permute(0, 3, 1, 2, 4, 5).flatten(1, 3), factor)
    assert torch.equal(spread(cells.flatten(1, 3), factor), shuffled)
    assert spread(torch.empty(2, factor**2, 0, 9), factor).shape == (2, 1, 0, 9 * factor)
