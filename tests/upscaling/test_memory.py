"""What a tile takes and what there is: a plan that trusts these figures must not run out of memory."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from nlsr_cli.evaluation.measure import peak_memory
from nlsr_cli.nlsn import NLSN, NLSNConfig
from nlsr_cli.nlsn.presets import preset
from nlsr_cli.upscaling import memory
from nlsr_cli.upscaling.device import Placement
from nlsr_cli.upscaling.memory import free_memory, pixels_within, tile_bytes

CPU = torch.device("cpu")


ROOT = Path(__file__).parents[2]
EXACT = {"MALLOC_ARENA_MAX": "1", "MALLOC_MMAP_THRESHOLD_": "65536", "MALLOC_TRIM_THRESHOLD_": "65536"}  # of glibc


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="only Linux tells")
@pytest.mark.parametrize("precision", ["fp32", "bf16"])
@pytest.mark.parametrize(("name", "side"), [("lite", 224), ("base", 160), ("full", 48)])
def test_estimate_holds_what_a_tile_takes(name: str, side: int, precision: str) -> None:
    """Never less than is taken, and not so much more that tiles would be small without need.

    In a process of its own, whose allocator gives every block back at once: what it keeps otherwise, and what other
    tests have left behind, moves the figure by a factor of three, and this way by one part in a hundred. The estimate
    has to hold some of what the allocator keeps, too.
    """
    code = f"from tests.upscaling.test_memory import tell; tell({name!r}, {side}, {precision!r})"
    command, env = [sys.executable, "-c", code], {**os.environ, **EXACT}
    taken = int(subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=True).stdout)
    assert 1.5 * taken <= tile_bytes(network(name), side**2, precision) <= 4 * taken


def network(name: str) -> NLSNConfig:
    # Of the published one fewer blocks take the same memory and less time.
    return NLSNConfig(n_resblocks=1) if name == "full" else preset(name, 4)


def tell(name: str, side: int, precision: str) -> None:
    """Print what a tile takes; a small one goes before, so that what is made once is there."""
    model = NLSN(network(name)).eval().to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    sizes = iter((32, side))

    def enlarge() -> None:
        x = torch.rand(1, 3, *[next(sizes)] * 2)
        with Placement(CPU, precision).context():
            model(x)

    enlarge()
    sys.stdout.write(f"{peak_memory(enlarge, CPU)}\n")


@pytest.mark.parametrize("threads", [1, 2, 64])
@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_pixels_are_those_that_fit(precision: str, threads: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch, "get_num_threads", lambda: threads)
    config = preset("lite", 4)
    for budget in (2**26, 2**27, 2**28, 2**30, 2**34):
        pixels = pixels_within(config, budget, precision)
        assert tile_bytes(config, pixels, precision) <= budget < tile_bytes(config, pixels + 2, precision)
    assert pixels_within(config, 0, precision) == 0


def test_a_small_tile_takes_no_more_where_there_are_many_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    """They share its rows: a band of rows for each of them is more than the tile has."""
    taken = []
    for threads in (2, 8, 64):
        monkeypatch.setattr(torch, "get_num_threads", lambda threads=threads: threads)
        taken.append(tile_bytes(network("full"), 48**2, "bf16"))
    assert len(set(taken)) == 1


def test_machine_has_memory() -> None:
    free = free_memory(CPU)
    assert free is not None
    assert 2**26 < free < 2**50


def test_systems_that_tell_nothing_have_a_size(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(memory, "_MEMINFO", tmp_path / "missing")
    monkeypatch.setattr(memory, "memory_left", lambda: None)
    assert (free_memory(CPU) or 0) > 2**26
    monkeypatch.delattr("os.sysconf")
    assert free_memory(CPU) is None
