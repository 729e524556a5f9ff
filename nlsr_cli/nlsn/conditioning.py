"""What the numbers mean that a network with `degradations` is told of its input. No torch.

There are two of them, from 0 to 1: how strongly it was compressed, and how noisy it is. Training draws them with
`nlsr_cli.evaluation.degrade`, and enlarging estimates them.
"""

from __future__ import annotations

KNOWN = 2  # compression, noise
LOWEST_QUALITY, HIGHEST_NOISE = 25.0, 16.0  # of a JPEG, and in levels of 8 bits: beyond them no network learns more


def compression_of(quality: float) -> float:
    """Return what a network is told of a JPEG quality: 0 at 100, 1 at 25 and below."""
    return min(1.0, max(0.0, (100 - quality) / (100 - LOWEST_QUALITY)))


def noise_of(levels: float) -> float:
    """Return what a network is told of noise of a standard deviation in levels of 8 bits: 1 at 16 and above."""
    return min(1.0, max(0.0, levels / HIGHEST_NOISE))
