"""The configurations that nlsr trains and ships, by name. No torch."""

from __future__ import annotations

from typing import Any

from nlsr_cli.errors import UnknownChoice
from nlsr_cli.nlsn.config import NLSNConfig

_COMPACT: dict[str, Any] = {"res_scale": 1.0, "upsampler": "pixelshuffledirect", "image_skip": "bilinear"}

PRESETS: dict[str, dict[str, Any]] = {
    # For CPUs: at most 0.45 M parameters in use, as many again for each kind of damage, and 0.5 M multiply-adds per
    # low-resolution pixel at x4. One attention layer in the middle of the body, on cells of 2x2 pixels, costs a
    # twentieth of the time; it is told compression and noise, and its kernels change with them.
    "lite": _COMPACT
    | {"n_feats": 32, "n_resblocks": 16, "n_hashes": 1, "chunk_size": 32}
    | {"attention_at": (8,), "cell": 2, "degradations": 2, "condconv": True},
    # For GPUs and patient people: at most 2 M parameters at x4.
    "base": _COMPACT | {"n_feats": 64, "n_resblocks": 24, "n_hashes": 2, "chunk_size": 64},
    # As published: the defaults of the configuration.
    "full": {},
}


def preset(name: str, scale: int) -> NLSNConfig:
    """Return the configuration of a preset at a scale of 2, 3 or 4.

    Raises:
        OptionError: there is no preset of that name, or the scale is none of these.
    """
    if name not in PRESETS:
        raise UnknownChoice("preset", name, PRESETS)
    return NLSNConfig(scale=scale, **PRESETS[name])
