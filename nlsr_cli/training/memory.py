"""What happens where memory runs out in training: one clear error."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from nlsr_cli.errors import TrainingTooLarge
from nlsr_cli.upscaling.device import is_out_of_memory


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
