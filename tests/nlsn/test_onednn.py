"""Products are the same whoever computes them, and nobody computes them slowly."""

from collections.abc import Iterator

import pytest
import torch

from nlsr_cli.nlsn import onednn
from nlsr_cli.nlsn.onednn import GroupedProduct, available, linear


@pytest.fixture
def _ask_again() -> Iterator[None]:
    onednn._has_operators.cache_clear()
    yield
    onednn._has_operators.cache_clear()


@pytest.mark.usefixtures("_ask_again")
@pytest.mark.parametrize(("capability", "expected"), [("AVX2", False), ("DEFAULT", False), ("AVX512", True)])
def test_only_wide_registers_make_it_pay(capability: str, expected: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """With AVX2 its grouped convolution made the published network five times slower than the textbook."""
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: capability)
    with torch.inference_mode():
        assert available(torch.empty(1)) is expected
        assert not available(torch.empty(1, dtype=torch.float64))
    assert not available(torch.empty(1)), "with a gradient"


@pytest.mark.parametrize("operators", [False, True])
@pytest.mark.parametrize("n", [1, 5, 64])
def test_products_are_the_same(operators: bool, n: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(onednn, "_has_operators", lambda: operators)
    generator = torch.Generator().manual_seed(n)
    x, weight = torch.randn(n, 6, 8, generator=generator), torch.randn(6, 4, 8, generator=generator)
    with torch.inference_mode():
        product = GroupedProduct(weight)(x)
        torch.testing.assert_close(product, torch.einsum("ngc,goc->ngo", x, weight), rtol=1e-5, atol=1e-5)
        bias = torch.randn(4, generator=generator)
        expected = torch.nn.functional.linear(x[:, 0], weight[0], bias)
        torch.testing.assert_close(linear(x[:, 0], weight[0], bias), expected, rtol=1e-5, atol=1e-5)
