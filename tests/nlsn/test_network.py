"""NLSN as a whole: shapes, names, ranges, and the two families of heads and tails."""

import json
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path

import pytest
import torch
from torch.nn import Conv2d

from nlsr_cli.nlsn import NLSN, NLSNConfig, rows
from nlsr_cli.nlsn.textbook import TextbookNetwork
from nlsr_cli.nlsn.winograd import pays

Maker = Callable[..., NLSN]


@pytest.mark.parametrize("scale", [2, 3, 4])
@pytest.mark.parametrize("upsampler", ["pixelshuffle", "pixelshuffledirect"])
@pytest.mark.parametrize("size", [(1, 1), (3, 7), (12, 5)])
def test_enlarges_any_size(tiny_network: Maker, scale: int, upsampler: str, size: tuple[int, int]) -> None:
    network = tiny_network(scale=scale, upsampler=upsampler, image_skip="bilinear")
    with torch.inference_mode():
        assert network(torch.rand(2, 3, *size)).shape == (2, 3, scale * size[0], scale * size[1])


def test_published_configuration_has_the_published_layers() -> None:
    with torch.device("meta"):
        network = NLSN.__new__(NLSN)
        NLSN.__init__(network, NLSNConfig())
    names = set(network.state_dict())
    assert sum(p.numel() for p in network.parameters() if p.requires_grad) == pytest.approx(44.2e6, rel=0.01)
    attention = [n for n in names if n.endswith("conv_match.0.weight")]
    assert sorted(int(n.split(".")[1]) for n in attention) == [0, 9, 18, 27, 36]
    assert {"sub_mean.bias", "head.0.weight", "body.1.body.2.bias", "body.37.weight", "tail.0.2.weight", "tail.1.bias",
            "add_mean.weight"} <= names  # fmt: skip


def test_degradation_is_a_change_of_nothing_until_it_is_learned(tiny_network: Maker) -> None:
    torch.manual_seed(0)
    network = tiny_network(degradations=2, upsampler="pixelshuffledirect").double()
    lr, levels = torch.rand(2, 3, 9, 11, dtype=torch.float64), torch.tensor([[0.5, 0.0], [0.0, 0.0]]).double()
    with torch.inference_mode():
        plain = network(lr)
        assert torch.equal(network(lr, degradation=levels), plain)
    torch.nn.init.normal_(network.degradation.weight)
    with torch.inference_mode():
        told = network(lr, degradation=levels)
    torch.testing.assert_close(told[1], plain[1], rtol=0, atol=1e-12)
    assert (told[0] - plain[0]).abs().max() > 1e-3
    torch.testing.assert_close(network(lr, degradation=levels), told, rtol=0, atol=1e-12)  # as training computes it


@pytest.mark.parametrize("skip", ["none", "bilinear"])
def test_training_computes_what_inference_does(skip: str, tiny_network: Maker) -> None:
    torch.manual_seed(0)
    network = tiny_network(image_skip=skip, rgb_range=255.0, cell=2, n_resblocks=2, attention_at=(1,)).double()
    torch.nn.init.normal_(network.add_mean.weight)  # of somebody's checkpoint, which mixes colours
    lr = torch.rand(2, 3, 13, 14, dtype=torch.float64)
    with torch.inference_mode():
        expected = network(lr)
    torch.testing.assert_close(network(lr), expected, rtol=1e-9, atol=1e-9)


def test_rgb_range_is_the_networks_own_affair(tiny_network: Maker) -> None:
    """A checkpoint trained on 0..255 takes and gives 0..1 like any other."""
    one, wide = tiny_network(), tiny_network(rgb_range=255)
    state = one.state_dict()
    for name in ("sub_mean.bias", "add_mean.bias"):
        state[name] = state[name] * 255
    state["head.0.weight"] = state["head.0.weight"] / 255
    for name in ("tail.1.weight", "tail.1.bias"):
        state[name] = state[name] * 255
    wide.load_state_dict(state)
    lr = torch.rand(1, 3, 9, 9)
    with torch.inference_mode():
        torch.testing.assert_close(one(lr), wide(lr), rtol=0, atol=1e-5)


def test_bilinear_skip_carries_the_picture(tiny_network: Maker) -> None:
    network = tiny_network(image_skip="bilinear", upsampler="pixelshuffledirect")
    with torch.no_grad():
        for parameter in network.tail.parameters():
            parameter.zero_()
    lr = torch.rand(1, 3, 6, 5)
    expected = torch.nn.functional.interpolate(lr, scale_factor=2, mode="bilinear", align_corners=False)
    with torch.inference_mode():
        torch.testing.assert_close(network(lr), expected, rtol=0, atol=1e-6)


def test_half_precision_keeps_the_picture_in_float32(tiny_network: Maker) -> None:
    network = tiny_network(image_skip="bilinear")
    lr = torch.rand(1, 3, 8, 8)
    with torch.inference_mode(), torch.autocast("cpu", dtype=torch.bfloat16):
        assert network(lr).dtype == torch.float32


@pytest.mark.parametrize("upsampler", ["pixelshuffle", "pixelshuffledirect"])
def test_a_network_may_be_cast_as_a_whole(tiny_network: Maker, upsampler: str) -> None:
    network = tiny_network(image_skip="bilinear", upsampler=upsampler)
    lr = torch.rand(1, 3, 9, 8)
    with torch.inference_mode():
        exact = network(lr)
        close = network.bfloat16()(lr.bfloat16())
    assert close.dtype == torch.bfloat16
    torch.testing.assert_close(close.float(), exact, rtol=0, atol=0.05)


def test_hub_mixin_round_trip(tiny_network: Maker, tmp_path: Path) -> None:
    network = tiny_network(scale=3)
    network.save_pretrained(tmp_path)
    assert json.loads((tmp_path / "config.json").read_text())["scale"] == 3
    again = NLSN.from_pretrained(tmp_path).eval()
    assert again.config == network.config
    lr = torch.rand(1, 3, 5, 5)
    with torch.inference_mode():
        assert torch.equal(network(lr), again(lr))


@pytest.mark.parametrize("skip", ["bilinear", "none"])
@pytest.mark.parametrize("upsampler", ["pixelshuffle", "pixelshuffledirect"])
@pytest.mark.parametrize("scale", [2, 3, 4])
def test_bands_join_without_a_trace(scale: int, upsampler: str, skip: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a gradient rows go through blocks and tail some at a time; that changes nothing but speed and memory."""
    torch.manual_seed(0)
    config = NLSNConfig(
        scale=scale, n_feats=8, n_resblocks=2, chunk_size=16, upsampler=upsampler, image_skip=skip, rgb_range=255
    )
    model = NLSN(config).double().eval()
    lr = torch.rand(2, 3, 45, 7, dtype=torch.float64)
    whole = model(lr).detach()  # with a gradient: module after module
    monkeypatch.setattr(rows, "BAND_FEATURES", 1)
    monkeypatch.setattr(rows, "LEAST_PIXELS", 1)
    for least in (1, 2, 4, 15, 44, 45):
        monkeypatch.setattr(rows, "_LEAST_ROWS", least)
        with torch.inference_mode():
            torch.testing.assert_close(model(lr), whole, rtol=0, atol=1e-10)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16])
@pytest.mark.parametrize("upsampler", ["pixelshuffle", "pixelshuffledirect"])
@pytest.mark.parametrize("scale", [2, 3, 4])
def test_a_device_is_never_waited_for(
    scale: int, upsampler: str, dtype: torch.dtype, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A device without memory runs the lines that a GPU runs, and fails where a value is asked for on the way.

    A GPU is kept busy only by a network that is given to it in one go.
    """
    monkeypatch.setattr(torch, "autocast", lambda *_, **__: nullcontext())  # which has no such device
    with torch.device("meta"):
        model = NLSN(NLSNConfig(scale=scale, n_feats=16, chunk_size=16, upsampler=upsampler, image_skip="bilinear"))
    with torch.inference_mode():
        sr = model.to("meta", dtype)(torch.empty(2, 3, 40, 37, device="meta", dtype=dtype))
    assert sr.shape == (2, 3, 40 * scale, 37 * scale)


def test_wide_network_is_the_published_one_within_float32() -> None:
    """Where Winograd's convolution takes over, no pixel moves by more than direct float32 convolution may."""
    torch.manual_seed(0)
    model = NLSN(NLSNConfig(scale=2, n_feats=128, n_resblocks=2, res_scale=1.0)).eval()
    weights = [layer.weight for layer in model.modules() if isinstance(layer, Conv2d) and len(layer.weight) >= 128]
    weights = [weight for weight in weights if weight.shape[1:] == (128, 3, 3)]
    assert len(weights) == 6, "two blocks, the end of the body, one step of the tail"
    lr = torch.rand(1, 3, 27, 25)
    features = torch.empty(1, 128, 27, 25)
    with torch.inference_mode():
        assert all(pays(features, weight) for weight in weights)
        exact = TextbookNetwork(model).double()(lr.double())
        assert float((model(lr) - exact).abs().max()) < 2e-5
        with torch.autocast("cpu", dtype=torch.bfloat16):
            assert not pays(features, weights[0])
    assert not pays(features, weights[0]), "with a gradient"
