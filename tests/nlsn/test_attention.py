"""NLSA against its definition, and what the published code does not promise: any size, any batch, always alike."""

import pytest
import torch

from nlsr_cli.nlsn import NonLocalSparseAttention
from nlsr_cli.nlsn.attention import reflect_to
from nlsr_cli.nlsn.hashing import count_buckets
from nlsr_cli.nlsn.textbook import textbook_attention
from tests.nlsn.oracle import attention_by_definition


def make_layer(
    chunk: int = 16, rounds: int = 3, seed: int = 0, channels: int = 8, cell: int = 1
) -> NonLocalSparseAttention:
    torch.manual_seed(1)
    layer = NonLocalSparseAttention(channels, reduction=2, chunk_size=chunk, n_hashes=rounds, cell=cell, seed=seed)
    return layer.double()


@pytest.mark.parametrize(
    ("height", "width", "chunk"),
    [(4, 4, 16), (4, 5, 16), (6, 8, 16), (7, 9, 16), (3, 40, 16), (13, 11, 12), (9, 9, 80)],
)
def test_equals_the_definition(height: int, width: int, chunk: int) -> None:
    """Exact multiples, padded tails, one chunk, and a tail that is nearly a whole chunk."""
    layer = make_layer(chunk)
    x = torch.randn(1, 8, height, width, dtype=torch.float64)
    rotations = layer.rotations[:, :, : count_buckets(height * width, chunk) // 2]
    with torch.inference_mode():
        torch.testing.assert_close(layer(x), attention_by_definition(layer, x, rotations), rtol=0, atol=1e-10)


@pytest.mark.parametrize(("height", "width", "cell"), [(8, 8, 2), (6, 14, 2), (9, 12, 3)])
def test_cells_equal_the_definition(height: int, width: int, cell: int) -> None:
    """With and without a padded tail, for inference and for training."""
    layer = make_layer(chunk=6, rounds=2, cell=cell)
    x = torch.randn(1, 8, height, width, dtype=torch.float64)
    rotations = layer.rotations[:, :, : count_buckets(height * width // cell**2, 6) // 2]
    expected = attention_by_definition(layer, x, rotations)
    torch.testing.assert_close(layer(x), expected, rtol=0, atol=1e-10)
    torch.testing.assert_close(textbook_attention(layer, x), expected, rtol=0, atol=1e-10)
    with torch.inference_mode():
        torch.testing.assert_close(layer(x), expected, rtol=0, atol=1e-10)
        torch.testing.assert_close(layer.apply_(x.clone()), expected, rtol=0, atol=1e-10)


def test_cells_that_the_border_cuts_are_mirrored_to_whole_ones() -> None:
    layer = make_layer(cell=2)
    x = torch.randn(2, 8, 11, 13, dtype=torch.float64)
    whole = reflect_to(x, 12, 14)
    with torch.inference_mode():
        torch.testing.assert_close(layer(x), layer(whole)[:, :, :11, :13], rtol=0, atol=1e-12)
        assert torch.equal(layer.apply_(x.clone()), layer(x))


def test_blocks_of_chunks_join_without_a_trace(monkeypatch: pytest.MonkeyPatch) -> None:
    layer = make_layer()
    x = torch.randn(2, 8, 12, 13, dtype=torch.float64)
    with torch.inference_mode():
        whole = layer(x)
        monkeypatch.setattr("nlsr_cli.nlsn.streaming._BLOCK_ELEMENTS", 1)
        torch.testing.assert_close(layer(x), whole, rtol=0, atol=1e-12)


@pytest.mark.parametrize("cell", [1, 2])
@pytest.mark.parametrize("size", [(1, 1), (1, 2), (2, 1), (3, 3), (1, 15), (15, 1), (1, 16), (5, 3)])
def test_takes_any_size_from_one_pixel_up(size: tuple[int, int], cell: int) -> None:
    """The published code has no bucket for maps smaller than a chunk, and fails."""
    x = torch.randn(1, 8, *size, dtype=torch.float64)
    with torch.inference_mode():
        out = make_layer(cell=cell)(x)
    assert out.shape == x.shape
    assert out.isfinite().all()


def test_every_picture_of_a_batch_is_on_its_own() -> None:
    layer = make_layer()
    x = torch.randn(3, 8, 9, 11, dtype=torch.float64)
    with torch.inference_mode():
        torch.testing.assert_close(layer(x), torch.cat([layer(one[None]) for one in x]), rtol=0, atol=1e-12)


def test_same_input_same_bytes_whatever_the_global_seed() -> None:
    layer = make_layer().float()
    x = torch.randn(1, 8, 10, 10)
    with torch.inference_mode():
        torch.manual_seed(5)
        first = layer(x)
        torch.manual_seed(6)
        assert torch.equal(first, layer(x))


def test_layers_have_rotations_of_their_own() -> None:
    assert not torch.equal(make_layer(seed=0).rotations, make_layer(seed=1).rotations)


def test_rotations_are_no_parameters() -> None:
    assert "rotations" not in make_layer().state_dict()


def test_reflection_repeats_as_often_as_needed() -> None:
    x = torch.arange(3.0).view(1, 1, 1, 3)
    assert reflect_to(x, 2, 8)[0, 0].tolist() == [[0, 1, 2, 1, 0, 1, 2, 1]] * 2


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_scores_stay_in_float32_under_autocast(dtype: torch.dtype) -> None:
    """Half-precision scores of this size overflow or round to nothing; float32 scores keep the result close."""
    layer = make_layer().float()
    x = 40 * torch.randn(1, 8, 12, 12)
    with torch.inference_mode():
        exact = layer(x)
        with torch.autocast("cpu", dtype=dtype):
            close = layer(x)
    assert close.isfinite().all()
    assert float((close.float() - exact).abs().max() / exact.abs().max()) < 0.02


def test_gradients_equal_those_of_the_definition() -> None:
    layer = make_layer(chunk=16, rounds=2)
    x = torch.randn(1, 8, 6, 7, dtype=torch.float64)
    rotations = layer.rotations[:, :, : count_buckets(42, 16) // 2]
    gradients = []
    for output in (layer(x), attention_by_definition(layer, x, rotations)):
        layer.zero_grad()
        output.square().sum().backward()
        gradients.append([p.grad.clone() for p in layer.parameters() if p.grad is not None])
    torch.testing.assert_close(gradients[0], gradients[1], rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("size", [(2, 3), (12, 11)])
@pytest.mark.parametrize("cell", [1, 2])
def test_in_place_is_the_same(size: tuple[int, int], dtype: torch.dtype, cell: int) -> None:
    torch.manual_seed(0)
    layer = NonLocalSparseAttention(8, chunk_size=9, cell=cell, res_scale=0.5)
    x = torch.randn(2, 8, *size).to(dtype)
    with torch.inference_mode(), torch.autocast("cpu", enabled=dtype == torch.bfloat16):
        expected = layer(x)
        found = x.clone()
        assert layer.apply_(found) is found
        torch.testing.assert_close(found, expected)
        layer.active = False
        assert torch.equal(layer.apply_(found.clone()), found)
