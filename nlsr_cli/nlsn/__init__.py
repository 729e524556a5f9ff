"""The network, as tensors in and tensors out: no pictures, no tiles, no files. Loaded when first asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nlsr_cli.nlsn.config import NLSNConfig

if TYPE_CHECKING:
    from nlsr_cli.nlsn.attention import NonLocalSparseAttention
    from nlsr_cli.nlsn.network import NLSN

__all__ = ["NLSN", "NLSNConfig", "NonLocalSparseAttention"]


def __getattr__(name: str) -> object:
    # The config is light and the network is not: commands that only name a model must not load torch.
    if name == "NLSN":
        from nlsr_cli.nlsn.network import NLSN

        return NLSN
    if name == "NonLocalSparseAttention":
        from nlsr_cli.nlsn.attention import NonLocalSparseAttention

        return NonLocalSparseAttention
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
