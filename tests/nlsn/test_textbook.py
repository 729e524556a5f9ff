"""The published computation is what it says, so that a comparison with it means something."""

from pathlib import Path

import pytest
import torch
import torch.nn.functional as F

from nlsr_cli.nlsn import NLSN, NLSNConfig, NonLocalSparseAttention
from nlsr_cli.nlsn.textbook import TextbookNetwork, dense_attention, textbook_attention
from tests.nlsn.test_golden import GOLDEN, load


@pytest.mark.parametrize("path", [path for path in GOLDEN if path.name.startswith("nlsa")], ids=lambda path: path.stem)
def test_attention_is_the_published_one(path: Path) -> None:
    layer, x, rotations, expected = load(path, torch.float64)
    with torch.inference_mode():
        found = textbook_attention(layer, x, rotations)  # type: ignore[arg-type]
    assert float((found - expected).abs().max()) <= 1e-9


def test_network_computes_what_ours_does() -> None:
    torch.manual_seed(0)
    model = NLSN(NLSNConfig(scale=2, n_feats=8, n_resblocks=9, n_hashes=2, chunk_size=9)).double().eval()
    lr = torch.rand(2, 3, 11, 12, dtype=torch.float64)
    with torch.inference_mode():
        torch.testing.assert_close(TextbookNetwork(model)(lr), model(lr), rtol=0, atol=1e-12)


def test_network_is_a_copy_of_plain_layers() -> None:
    """A comparison with itself would show nothing."""
    model = NLSN(NLSNConfig(scale=4, n_feats=8, n_resblocks=1)).eval()
    model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    plain = TextbookNetwork(model)
    kernels = [(ours, theirs) for ours, theirs in zip(model.parameters(), plain.parameters(), strict=True)]
    assert all(ours is not theirs for ours, theirs in kernels)
    assert all(theirs.is_contiguous() for _, theirs in kernels), "in the memory format of its authors"
    assert not any(hasattr(layer, "apply_") for layer in plain._tail.modules())


def test_dense_attention_looks_everywhere() -> None:
    torch.manual_seed(0)
    layer = NonLocalSparseAttention(8, reduction=2, chunk_size=9, res_scale=0.5).double()
    x = torch.randn(1, 8, 5, 6, dtype=torch.float64)
    with torch.inference_mode():
        match, value = (conv(x)[0].flatten(1).mT for conv in (layer.conv_match, layer.conv_assembly))  # (n, d), (n, c)
        weight = (match @ F.normalize(match, dim=-1).mT).softmax(dim=-1)  # (n, n)
        expected = x + 0.5 * (weight @ value).mT.reshape(x.shape)
        torch.testing.assert_close(dense_attention(layer, x), expected)
