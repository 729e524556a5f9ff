"""The machine in training: memory kept between steps, kernels chosen, one clear error where memory runs out."""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import torch

from nlsr_cli.errors import TrainingTooLarge
from nlsr_cli.upscaling.device import is_out_of_memory

_MALLOC_SETTINGS = {-4: 0, -1: 2**31 - 1, -2: 2**28}  # mallopt(3): no mappings, no trimming, growth by 256 MiB


def keep_freed_memory() -> None:
    """Let the allocator of glibc keep what a step frees for the next one, which asks for the same sizes again.

    By default it hands large blocks back to the system, and a third of a step goes into getting pages anew. Other
    systems and allocators are left as they are.
    """
    if not sys.platform.startswith("linux"):
        return
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)  # of glibc; others have none, or one that does nothing
    if mallopt is not None:
        for setting, value in _MALLOC_SETTINGS.items():
            mallopt(setting, value)


def search_kernels() -> None:
    """Let cuDNN try its kernels on each new size: a training step has one size, and meets it thousands of times."""
    torch.backends.cudnn.benchmark = True


@contextmanager
def within_memory(device: torch.device, doing: str, hint: str) -> Iterator[None]:
    """Say what was being done, and what to do, where memory runs out inside.

    Raises:
        TrainingTooLarge: it did.
    """
    try:
        yield
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
        raise TrainingTooLarge(str(device), doing, hint) from error
