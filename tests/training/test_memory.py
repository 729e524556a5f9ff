"""What a step frees is kept for the next one, instead of being asked of the system again."""

from __future__ import annotations

import subprocess
import sys

import pytest

FAULTS = """
import resource
import torch
from nlsr_cli.training.memory import keep_freed_memory

if {keep}:
    keep_freed_memory()
for _ in range(3):
    torch.ones(8, 2**20)
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(20):
    torch.ones(8, 2**20)
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="an allocator of another kind")
def test_pages_are_asked_for_once() -> None:
    def faults(*, keep: bool) -> int:
        code = FAULTS.format(keep=keep)
        return int(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout)

    assert faults(keep=True) * 10 < faults(keep=False)
