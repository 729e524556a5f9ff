"""What a tile takes and what there is: a plan that trusts these figures must not run out of memory."""

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


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="only Linux tells")
@pytest.mark.parametrize("precision", ["fp32", "bf16"])
@pytest.mark.parametrize(("name", "side"), [("lite", 224), ("base", 160), ("full", 48)])
def test_estimate_holds_what_a_tile_takes(name: str, side: int, precision: str) -> None:
    """Never less than is taken, and not so much more that tiles would be small without need."""
    config = preset(name, 4)
    if name == "full":  # fewer blocks take the same memory and less time
        config = NLSNConfig(n_resblocks=1)
    model = NLSN(config).eval().to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    x = torch.rand(1, 3, side, side)

    def enlarge() -> None:
        with Placement(CPU, precision).context():
            model(x)

    enlarge()
    peaks = [peak_memory(enlarge, CPU) for _ in range(3)]  # single ones are off by what other tests have left behind
    taken = sorted(peak for peak in peaks if peak is not None)[1]
    assert taken <= tile_bytes(config, side**2, precision) <= 3 * taken


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_pixels_are_those_that_fit(precision: str) -> None:
    config = preset("lite", 4)
    pixels = pixels_within(config, 2**28, precision)
    assert tile_bytes(config, pixels, precision) <= 2**28 < tile_bytes(config, pixels + 2, precision)
    assert pixels_within(config, 0, precision) == 0


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
