"""The network computes what the authors' published code computes: numbers pinned in float64, from stored weights."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from nlsr_cli.nlsn import NLSN, NLSNConfig, NonLocalSparseAttention

GOLDEN = sorted((Path(__file__).parent.parent / "golden").glob("*.npz"))


def load(path: Path, dtype: torch.dtype) -> tuple[nn.Module, Tensor, Tensor | list[Tensor], Tensor]:
    """Return the network, its input, its rotations and the output that it must give."""
    with np.load(path) as file:
        arrays = {name: torch.from_numpy(file[name]) for name in file.files}
    meta = arrays["meta"].tolist()
    res_scale = float(arrays["res_scale"])
    network: nn.Module
    rotations: Tensor | list[Tensor]
    if path.name.startswith("nlsa"):
        channels, _, _, chunk, rounds, reduction = meta
        network = NonLocalSparseAttention(
            channels, reduction=reduction, chunk_size=chunk, n_hashes=rounds, res_scale=res_scale
        )
        rotations = arrays["rotations"].to(dtype)
    else:
        scale, n_feats, n_resblocks, chunk, rounds = meta
        network = NLSN(NLSNConfig(scale, n_feats, n_resblocks, rounds, chunk, res_scale=res_scale))
        rotations = [arrays[name].to(dtype) for name in sorted(arrays) if name.startswith("rotations.")]
    network.load_state_dict({n.removeprefix("param."): t for n, t in arrays.items() if n.startswith("param.")})
    return network.to(dtype).eval(), arrays["input"].to(dtype), rotations, arrays["output"]


def test_all_golden_files_are_here() -> None:
    assert len(GOLDEN) == 6


@pytest.mark.parametrize(("dtype", "bound"), [(torch.float64, 1e-9), (torch.float32, 1e-4)], ids=["64", "32"])
@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.stem)
def test_output_is_the_published_one(path: Path, dtype: torch.dtype, bound: float) -> None:
    network, lr, rotations, expected = load(path, dtype)
    with torch.inference_mode():
        found = network(lr, rotations)
    assert float((found.double() - expected).abs().max()) <= bound


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.stem)
def test_memory_format_does_not_matter(path: Path) -> None:
    network, lr, rotations, expected = load(path, torch.float64)
    network.to(memory_format=torch.channels_last)
    with torch.inference_mode():
        found = network(lr.contiguous(memory_format=torch.channels_last), rotations)
    assert float((found - expected).abs().max()) <= 1e-9
