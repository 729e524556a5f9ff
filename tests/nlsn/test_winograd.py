"""Winograd's convolution is a convolution: every size, every border, as exact as the direct one."""

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from nlsr_cli.nlsn import winograd


def draw(b: int, c: int, o: int, h: int, w: int, dtype: torch.dtype) -> tuple[Tensor, Tensor, Tensor]:
    generator = torch.Generator().manual_seed(h * w)
    x = torch.randn(b, c, h, w, generator=generator, dtype=dtype)
    weight = torch.randn(o, c, 3, 3, generator=generator, dtype=dtype) / (9 * c) ** 0.5
    return x, weight, torch.randn(o, generator=generator, dtype=dtype)


@pytest.mark.parametrize("tiles", [1, 3, 128])
@pytest.mark.parametrize("size", [(1, 1), (1, 9), (4, 4), (5, 8), (7, 6), (16, 12), (13, 3)])
def test_equals_direct_convolution(size: tuple[int, int], tiles: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(winograd, "_STRIP_TILES", tiles)
    x, weight, bias = draw(2, 5, 7, *size, torch.float64)
    torch.testing.assert_close(winograd.Winograd(weight, bias)(x), F.conv2d(x, weight, bias, padding=1))
    torch.testing.assert_close(winograd.Winograd(weight)(x), F.conv2d(x, weight, padding=1))


@pytest.mark.parametrize(("above", "below"), [(True, False), (False, True), (False, False)])
def test_rows_beyond_are_zero_or_left_out(above: bool, below: bool) -> None:
    x, weight, bias = draw(2, 6, 6, 9, 10, torch.float64)
    whole = F.conv2d(x, weight, bias, padding=1)
    found = winograd.Winograd(weight, bias)(x, above=above, below=below)
    torch.testing.assert_close(found, whole[:, :, 0 if above else 1 : 9 if below else 8])


def test_float32_is_as_exact_as_direct_convolution() -> None:
    """The bound of the wide network: its largest error is at most twice that of the library's convolution."""
    x, weight, bias = draw(1, 256, 64, 33, 34, torch.float64)
    exact = F.conv2d(x, weight, bias, padding=1)
    x, weight, bias = x.float(), weight.float(), bias.float()
    direct = float((F.conv2d(x, weight, bias, padding=1) - exact).abs().max())
    ours = float((winograd.Winograd(weight, bias)(x) - exact).abs().max())
    assert ours < max(2 * direct, 2e-5)


def test_channels_come_last() -> None:
    x, weight, bias = draw(1, 8, 8, 9, 10, torch.float32)
    found = winograd.Winograd(weight, bias)(x.contiguous(memory_format=torch.channels_last))
    assert found.is_contiguous(memory_format=torch.channels_last)
    torch.testing.assert_close(found, F.conv2d(x, weight, bias, padding=1))
