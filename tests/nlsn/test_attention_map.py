"""What a position attends to is what the layer computes with: the textbook's weights, and the shipped hashing."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from PIL import Image

from nlsr_cli import load_model
from nlsr_cli.nlsn import NLSN
from nlsr_cli.nlsn.attention import NonLocalSparseAttention
from nlsr_cli.nlsn.textbook import textbook_attention
from tests.conftest import ASSETS

PICTURES = ("colosseum.png", "tower.jpg", "set5/butterfly_corner.png")


@pytest.mark.parametrize(("side", "chunk", "rounds"), [(8, 16, 1), (8, 16, 4), (9, 16, 2), (7, 12, 3)])
def test_the_weights_are_those_of_the_textbook(side: int, chunk: int, rounds: int) -> None:
    """Each position has a channel of its own, which nothing is matched by: what comes out of it is its weight."""
    torch.manual_seed(side)
    features, n = 8, side * side
    layer = NonLocalSparseAttention(features + n, reduction=1, chunk_size=chunk, n_hashes=rounds)
    match, assembly = layer.conv_match[0], layer.conv_assembly[0]
    with torch.no_grad():
        match.weight[:, features:] = 0
        match.weight *= 3  # scores that differ
        assembly.weight.copy_(torch.eye(features + n)[:, :, None, None])
        assembly.bias.zero_()
    x = torch.zeros(1, features + n, side, side)
    x[0, :features] = torch.randn(features, side, side)
    x[0, features:] = torch.eye(n).view(n, side, side)
    with torch.no_grad():
        theirs = (textbook_attention(layer, x) - x)[0, features:]  # (n, h, w): the weights of each position
        for row, column in ((0, 0), (side // 2, side - 1), (side - 1, side - 1)):
            found = layer.attention_map(x, row, column)
            ours = found.heat().sum(dim=0).flatten()
            assert float(ours.sum()) == pytest.approx(1, abs=1e-5)
            assert float((ours - theirs[:, row, column]).abs().max()) < 1e-5
            assert found.partners.shape == (rounds, 3 * chunk)
            assert found.codes[0, row, column] in found.codes[0].flatten()[found.partners[0]]


@pytest.mark.parametrize("name", PICTURES)
def test_on_pictures_the_weighted_sum_is_what_the_layer_adds(name: str) -> None:
    """On the features of a real picture: textbook, shipped layer and weights say the same of a position."""
    model = load_model("nlsn-lite-x2")
    with Image.open(ASSETS / name) as image:
        pixels = np.asarray(image.convert("RGB").crop((0, 0, 64, 48)), np.float32) / 255
    seen: list[tuple[NonLocalSparseAttention, torch.Tensor]] = []
    with torch.no_grad():
        lr = torch.from_numpy(pixels)[None].permute(0, 3, 1, 2)
        model(lr, on_attention=lambda layer, x: seen.append((layer, x.clone())))
        ((layer, x),) = seen
        theirs, shipped = textbook_attention(layer, x), layer(x)
        values = layer.conv_assembly(x)[0]  # (c, h, w)
        cells = values.unflatten(1, (24, 2)).unflatten(3, (32, 2))  # (c, rows, 2, columns, 2)
        for row, column in ((0, 0), (21, 33), (47, 63)):
            heat = layer.attention_map(x, row, column).heat().sum(dim=0)  # (rows, columns)
            assert float(heat.sum()) == pytest.approx(1, abs=1e-5)
            added = layer.res_scale * (cells[:, :, row % 2, :, column % 2] * heat).sum(dim=(1, 2))
            ours = x[0, :, row, column] + added
            scale = float(theirs.abs().max())
            assert float((ours - theirs[0, :, row, column]).abs().max()) < 1e-5 * scale
            assert float((ours - shipped[0, :, row, column]).abs().max()) < 1e-5 * scale


def test_listening_changes_nothing(tiny_network: Callable[..., NLSN]) -> None:
    model, lr = tiny_network(), torch.rand(1, 3, 20, 24)
    with torch.no_grad():
        plain = model(lr)
        calls: list[object] = []
        heard = model(lr, on_attention=lambda layer, x: calls.append(layer))
    assert torch.equal(plain, heard)
    assert len(calls) == len(model.config.attention_places)
