"""Prove a device against the CPU: `python -m tests.tools.device cuda [FILE]`; a line for each thing that must hold.

Every check stands for itself: one that fails, or stops with an error, does not keep the others from running. The exit
code is the number of those that failed.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import nn

from nlsr_cli.images import Pixels
from nlsr_cli.nlsn import NLSN, NLSNConfig
from nlsr_cli.nlsn.textbook import TextbookNetwork
from nlsr_cli.options import ComputeOptions
from nlsr_cli.upscaling.device import place, supported_precisions
from nlsr_cli.upscaling.enlarger import Enlarger
from nlsr_cli.upscaling.runner import TileRunner
from nlsr_cli.upscaling.tiles import Floats
from nlsr_cli.zoo import resolve
from nlsr_cli.zoo.checkpoint import load_model
from tests.conftest import ASSETS
from tests.nlsn.test_golden import GOLDEN, load

Finding = tuple[str, float | str, bool]  # what was looked at, the figure, and whether it is as it must be

FAMILIES = ("lite", "published")


@cache
def model_of(family: str) -> NLSN:
    """Return the embedded lite, or the published network with weights that were never trained."""
    if family == "lite":
        return load_model(resolve("nlsn-lite-x4", None, offline=True))
    torch.manual_seed(0)
    return NLSN(NLSNConfig()).eval()


def photograph(height: int = 96, width: int = 128) -> Pixels:
    """Return a part of a photograph, (h, w, 3) uint8."""
    with Image.open(ASSETS / "colosseum.png") as image:
        picture = np.asarray(image.convert("RGB"))
    rows, columns = (-(-side // length) for side, length in zip((height, width), picture.shape[:2], strict=True))
    return np.tile(picture, (rows, columns, 1))[:height, :width].copy()


def enlarged(family: str, device: str, precision: str, pixels: Pixels) -> Pixels:
    """Return a picture enlarged 4x."""
    return Enlarger(model_of(family), compute=ComputeOptions(device, precision), floor=0).enlarge(pixels)


def psnr(one: Pixels, other: Pixels) -> float:
    """Return the PSNR in dB of one picture against another, 99 where they are equal."""
    error = float(np.square(np.subtract(one, other, dtype=np.float64)).mean())
    return 10 * float(np.log10(255**2 / error)) if error else 99.0


def golden(device: str) -> Iterator[Finding]:
    """Compare the network with the numbers of the authors' code."""
    for path in GOLDEN:
        network, lr, rotations, expected = load(path, torch.float32)
        given = [each.to(device) for each in rotations] if isinstance(rotations, list) else rotations.to(device)
        with place(ComputeOptions(device, "fp32")).context():
            found = network.to(device)(lr.to(device), given).cpu()
        difference = float((found.double() - expected).abs().max())
        yield f"{path.stem}: largest difference", difference, difference <= 1e-4


def families(device: str) -> Iterator[Finding]:
    """Compare pictures with those of the CPU in float32."""
    pixels = photograph()
    for family in FAMILIES:
        exact = enlarged(family, "cpu", "fp32", pixels)
        levels = int(np.abs(np.subtract(exact, enlarged(family, device, "fp32", pixels), dtype=np.int16)).max())
        yield f"{family}, fp32 against the CPU: levels", levels, levels <= 2
        for precision in supported_precisions(torch.device(device))[1:]:
            found = psnr(exact, enlarged(family, device, precision, pixels))
            yield f"{family}, {precision} against fp32: PSNR in dB", found, found >= 45


def textbook(device: str) -> Iterator[Finding]:
    """Compare the network with the computation as it was published, on the device."""
    lr = torch.from_numpy(photograph(48, 64)).permute(2, 0, 1)[None].float().div(255).to(device)
    for family in FAMILIES:
        model = model_of(family).to(device)
        with place(ComputeOptions(device, "fp32")).context():
            difference = float((model(lr) - TextbookNetwork(model).to(device)(lr)).abs().max())
        yield f"{family}, fast against textbook: largest difference", difference, difference <= 1e-3


def runner(model: NLSN, device: str, precision: str) -> TileRunner:
    """Return what runs tiles, with the model on the device."""
    placement = place(ComputeOptions(device, precision))
    return TileRunner(model.to(placement.device), 4, placement, overlap=16)


def tiles(count: int, side: int) -> Floats:
    """Return parts of a photograph, (count, side, side, 3) from 0 to 1."""
    pixels = photograph(side + 8 * count, side)
    return np.stack([pixels[8 * index : 8 * index + side] for index in range(count)]).astype(np.float32) / 255


def batches(device: str) -> Iterator[Finding]:
    """Compare tiles of a batch with tiles by themselves, and a run with the same run."""
    lr = tiles(6, 96)
    for precision in supported_precisions(torch.device(device)):
        once, twice = (runner(model_of("lite"), device, precision).run(lr) for _ in range(2))
        yield f"{precision}, twice: values that differ", int((once != twice).sum()), np.array_equal(once, twice)
        alone = np.concatenate([runner(model_of("lite"), device, precision).run(lr[i : i + 1]) for i in range(len(lr))])
        levels = 255 * float(np.abs(once - alone).max())
        yield f"{precision}, batches against single tiles: levels", levels, levels <= 1
    one, other = (enlarged("lite", device, "auto", photograph(300, 420)) for _ in range(2))
    yield "picture, twice: bytes that differ", int((one != other).sum()), np.array_equal(one, other)


def out_of_memory(device: str) -> Iterator[Finding]:
    """Give the process less memory than a tile takes: tiles are halved, and the picture is the same."""
    if not device.startswith("cuda"):
        return
    lr, index = tiles(1, 1024), place(ComputeOptions(device)).device
    wanted = runner(model_of("lite"), device, "fp32").run(lr)
    torch.cuda.empty_cache()
    least = runner(model_of("lite"), device, "fp32")
    total = torch.cuda.get_device_properties(index).total_memory
    torch.cuda.set_per_process_memory_fraction((torch.cuda.memory_reserved() + 400 * 2**20) / total, index)
    try:
        found = least.run(lr)
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0, index)
    yield "out of memory: " + "; ".join(least.events)[:300], len(least.events), bool(least.events)
    levels = 255 * float(np.abs(wanted - found).mean())
    yield "out of memory: levels from the whole, in the mean", levels, levels <= 0.5


def not_finite(device: str) -> Iterator[Finding]:
    """Let features overflow half precision: the tile is done again in float32."""
    if "fp16" not in supported_precisions(torch.device(device)):
        return
    model = load_model(resolve("nlsn-lite-x4", None, offline=True))
    with torch.no_grad():  # features a million times as large, and the same picture
        for name, parameter in model.named_parameters():
            if "conv_match" in name:
                parameter.div_(1e6 if name.endswith("weight") else 1)
            elif name.startswith(("head", "degradation")) or (name.startswith("body") and name.endswith("bias")):
                parameter.mul_(1e6)
        first = next(each for each in model.tail.modules() if isinstance(each, nn.Conv2d))
        first.weight.div_(1e6)
    guarded = runner(model, device, "fp16")
    found, lr = guarded.run(tiles(2, 64)), tiles(2, 64)
    yield "not finite: " + "; ".join(guarded.events)[:200], len(guarded.events), len(guarded.events) == len(lr)
    again = runner(model, "cpu", "fp32").run(lr)
    levels = 255 * float(np.abs(again - found).max())
    yield "not finite: levels from the CPU", levels, levels <= 2


def command(device: str) -> Iterator[Finding]:
    """Run `nlsr upscale` on the device, enlarging and at the size that a picture has."""
    with tempfile.TemporaryDirectory() as folder:
        for scale in ("4", "1", "2.5"):
            out = Path(folder, f"out{scale}.png")
            arguments = ["upscale", str(ASSETS / "colosseum.png"), "-o", str(out), "--scale", scale, "--device", device]
            done = subprocess.run([sys.executable, "-m", "nlsr_cli", *arguments], capture_output=True, check=False)
            told = done.stderr.decode(errors="replace")[-300:] if done.returncode else "done"
            yield f"nlsr upscale --scale {scale}: {told}", done.returncode, done.returncode == 0 and out.exists()


CHECKS: Sequence[Callable[[str], Iterator[Finding]]] = (
    golden, families, textbook, batches, out_of_memory, not_finite, command,
)  # fmt: skip


def main() -> int:
    """Run all checks, and tell each finding as it comes."""
    name, *files = sys.argv[1:]
    device, failed = str(place(ComputeOptions(name)).device), 0
    for check in CHECKS:
        begun = time.perf_counter()
        try:
            findings = list(check(device))
        except Exception:  # noqa: BLE001 - whatever it is, the others have their turn
            findings = [(f"{check.__name__}: {traceback.format_exc()[-1500:]}", "error", False)]
        for what, figure, holds in findings:
            failed += not holds
            row = {"check": what, "found": figure, "holds": bool(holds)}
            sys.stdout.write(f"{'ok  ' if holds else 'FAIL'} {what}: {figure}\n")
            for file in files:
                with Path(file).open("a", encoding="utf-8") as out:
                    out.write(json.dumps(row) + "\n")
        sys.stdout.write(f"     {check.__name__} took {time.perf_counter() - begun:.1f} s\n")
        sys.stdout.flush()
    return failed


if __name__ == "__main__":
    sys.exit(main())
