"""How much memory there is, and how much of it a tile takes."""

from __future__ import annotations

import os
from pathlib import Path

import torch

from nlsr_cli.container import memory_left
from nlsr_cli.nlsn.config import NLSNConfig
from nlsr_cli.nlsn.rows import BAND_FEATURES, LEAST_PIXELS

SHARE = 0.75  # of what is free, that is used where nothing else is asked
_FIXED = 28 * 2**20  # bytes beside what grows with the tile and the threads: blocks of scores, small kernels
_BAND = 10 * 4  # bytes for a feature of a band of rows: what a convolution takes and gives, in float32

_MEMINFO = Path("/proc/meminfo")


def free_memory(device: torch.device) -> int | None:
    """Return the bytes that a device has to give, within the limits of a container; None where nobody can tell."""
    if device.type == "cuda":
        free, _ = torch.cuda.mem_get_info(device)
        return free + torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
    if device.type == "mps":
        return int(torch.mps.recommended_max_memory() - torch.mps.driver_allocated_memory())
    found = [bytes_ for bytes_ in (_available(), memory_left()) if bytes_ is not None]
    return min(found) if found else _physical()


def _available() -> int | None:
    """Return what Linux says is available without swapping."""
    if not _MEMINFO.is_file():
        return None
    lines = (line.split() for line in _MEMINFO.read_text().splitlines())
    return next((int(words[1]) * 1024 for words in lines if words[0] == "MemAvailable:"), None)


def _physical() -> int | None:
    """Return the size of the memory, where the system tells nothing better."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return None


def bytes_per_pixel(config: NLSNConfig, precision: str) -> float:
    """Return the bytes that a pixel of a tile takes at most while the network has it: a model, held up by tests.

    The most is held inside an attention layer: the features and those of the skip, what is gathered in float32, and
    matching features, as they are and as queries and keys; or by the picture itself, enlarged in float32.
    """
    features, exact = config.n_feats, 4
    width = _width(precision)
    maps = 2 if width == exact else 4  # half precision has copies on its way to float32
    attention = (
        features * (maps * width + exact) + 3 * (features // config.reduction + 1) * exact + 16 * config.n_hashes
    )
    picture = 2 * 3 * config.scale**2 * exact + 2 * features * width
    return 1.3 * max(attention, picture)


def tile_bytes(config: NLSNConfig, pixels: int, precision: str) -> int:
    """Return the bytes that a tile of so many pixels takes while the network has it."""
    return int(
        _fixed(config, precision)
        + _BAND * min(_band(config), pixels * config.n_feats)
        + pixels * bytes_per_pixel(config, precision)
    )


def _band(config: NLSNConfig) -> int:
    """Return the features of a band, which a small tile does not fill, however many threads there are."""
    return max(LEAST_PIXELS * config.n_feats, BAND_FEATURES * torch.get_num_threads())


def _fixed(config: NLSNConfig, precision: str) -> int:
    """Return the bytes that a tile takes whatever its size."""
    channels, fixed = config.n_feats, _FIXED
    if (
        config.upsampler == "pixelshuffle"
    ):  # composing its one convolution: kernels for every kind of border, and copies
        fixed += 4 * 9 * 3 * config.scale**2 * 25 * channels * 4
    if precision == "fp32" and channels >= 128:  # Winograd's convolution: strips, and the kernels of a block
        fixed += 5 * 36 * 128 * channels * 4 + 2 * 36 * channels**2 * 4
    return fixed


def _width(precision: str) -> int:
    """Return the bytes of a feature."""
    return 4 if precision == "fp32" else 2


def pixels_within(config: NLSNConfig, budget: int, precision: str) -> int:
    """Return the pixels of the largest tile that `budget` bytes hold; 0 if they hold none."""
    left, each = budget - _fixed(config, precision), bytes_per_pixel(config, precision)
    filled = int((left - _BAND * _band(config)) / each)
    return filled if filled * config.n_feats >= _band(config) else max(0, int(left / (each + _BAND * config.n_feats)))


def budget_for(device: torch.device, allowed: int | None, held: int, beside: int) -> int | None:
    """Return the bytes that a tile may take; None where nobody can tell.

    Args:
        device: where it is computed.
        allowed: bytes for everything; None is SHARE of what the device has free.
        held: what is there already.
        beside: what is still to be made.
    """
    if allowed is not None:
        return allowed - held - beside
    free = free_memory(device)
    if free is None:
        return None
    return int(SHARE * free) - (beside if device.type == "cpu" else 0)  # elsewhere pictures lie in another memory
