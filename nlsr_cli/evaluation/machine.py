"""What this machine is and how fast it computes: the measure that the times of a bench are held against."""

from __future__ import annotations

import platform
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F

from nlsr_cli.evaluation.measure import time_in_turn
from nlsr_cli.upscaling.device import DTYPES, Placement, processor_name, supported_precisions
from nlsr_cli.version import __version__

_SECONDS = 0.5
_COPIED = 2**26  # float32 elements, 256 MiB: more than any cache holds


@dataclass(frozen=True)
class Machine:
    """A device, the versions that run on it, and its measured rates.

    `matmul` and `convolution` are operations per second by precision, two for a multiply-add: of a square product, and
    of a 3x3 convolution with 256 channels. `copy` is in bytes per second, read and written.
    """

    device: str
    processor: str
    threads: int
    versions: dict[str, str]
    matmul: dict[str, float]
    convolution: dict[str, float]
    copy: float

    def rate(self, precision: str) -> float:
        """Return the fastest arithmetic that was seen in this precision, in operations per second."""
        return max(self.matmul[precision], self.convolution[precision])

    def as_json(self) -> dict[str, Any]:
        """Return plain values."""
        return {
            "device": self.device,
            "processor": self.processor,
            "threads": self.threads,
            "versions": self.versions,
            "matmul_flops": self.matmul,
            "convolution_flops": self.convolution,
            "copy_bytes_per_second": self.copy,
        }


def examine_machine(device: torch.device) -> Machine:
    """Measure a device; it takes some seconds."""
    matmul, convolution = {}, {}
    for precision in supported_precisions(device):
        matmul[precision], convolution[precision] = _arithmetic(device, precision)
    source = torch.ones(_COPIED, device=device)
    target = torch.empty_like(source)
    (copying,) = time_in_turn([lambda: target.copy_(source)], device, seconds=_SECONDS)
    return Machine(
        device=str(device),
        processor=processor_name(device),
        threads=torch.get_num_threads(),
        versions={
            "nlsr": __version__,
            "python": platform.python_version(),
            "torch": torch.__version__,
            "numpy": np.__version__,
        },
        matmul=matmul,
        convolution=convolution,
        copy=2 * source.nbytes / copying.low,
    )


def _arithmetic(device: torch.device, precision: str) -> tuple[float, float]:
    """Return the rates of a square product and of a wide convolution, in operations per second."""
    dtype = DTYPES[precision]
    side = 8192 if device.type == "cuda" else 1536
    pixels = 512 if device.type == "cuda" else 96
    with Placement(device, "fp32").context():
        left, right = (torch.randn(side, side, device=device, dtype=dtype) for _ in range(2))
        picture = torch.randn(1, 256, pixels, pixels, device=device, dtype=dtype)
        picture = picture.contiguous(memory_format=torch.channels_last)
        kernel = torch.randn(256, 256, 3, 3, device=device, dtype=dtype)
        kernel = kernel.contiguous(memory_format=torch.channels_last)
        product, convolution = time_in_turn(
            [lambda: left @ right, lambda: F.conv2d(picture, kernel, padding=1)], device, seconds=_SECONDS
        )
    return 2 * side**3 / product.low, 2 * 9 * 256**2 * pixels**2 / convolution.low
