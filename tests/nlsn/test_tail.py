"""The end of the network for inference: the picture itself, enlarged, is added as training adds it."""

import pytest
import torch
import torch.nn.functional as F

from nlsr_cli.nlsn import NLSNConfig
from nlsr_cli.nlsn.network import MeanShift
from nlsr_cli.nlsn.tail import PictureRows, TailRows, make_tail


@pytest.mark.parametrize("other_colours", [False, True])
@pytest.mark.parametrize("scale", [2, 3, 4])
def test_picture_is_the_librarys_interpolation(scale: int, other_colours: bool) -> None:
    """Where the last layer mixes colours, which no published one does, it is not folded into the skip."""
    torch.manual_seed(0)
    config = NLSNConfig(scale=scale, image_skip="bilinear", rgb_range=255)
    add_mean = MeanShift(255, 1).double()
    if other_colours:
        add_mean.weight.copy_(torch.rand_like(add_mean.weight))
    x, sr = torch.rand(2, 3, 9, 5).double() * 255, torch.rand(2, 3, 9 * scale, 5 * scale).double()
    skip = F.interpolate(x, scale_factor=scale, mode="bilinear", align_corners=False)
    expected = add_mean(sr + skip) / 255
    with torch.inference_mode():
        picture = PictureRows(x, config, add_mean)
        for top, bottom in ((0, 1), (1, 6), (6, 9)):
            picture.add_to(sr[:, :, top * scale : bottom * scale], top)
    torch.testing.assert_close(sr, expected)


def test_without_a_skip_the_mean_is_added() -> None:
    config = NLSNConfig(scale=2, image_skip="none")
    add_mean = MeanShift(1, 1)
    sr = torch.rand(1, 3, 4, 4)
    expected = add_mean(sr)
    with torch.inference_mode():
        PictureRows(torch.rand(1, 3, 2, 2), config, add_mean).add_to(sr, 0)
    torch.testing.assert_close(sr, expected)


@pytest.mark.parametrize("scale", [2, 3, 4])
@pytest.mark.parametrize("upsampler", ["pixelshuffle", "pixelshuffledirect"])
def test_rows_of_the_tail_are_the_modules(upsampler: str, scale: int) -> None:
    torch.manual_seed(0)
    tail = make_tail(NLSNConfig(scale=scale, n_feats=8, upsampler=upsampler)).double()
    x = torch.randn(1, 8, 12, 5).double()
    with torch.inference_mode():
        rows = TailRows(tail)
        parts = [part for top in (0, 4, 8) for part in rows(x[:, :, top : top + 4], last=top == 8)]
        torch.testing.assert_close(torch.cat(parts, dim=2), tail(x))
