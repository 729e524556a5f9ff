"""Determinism: the same pixels whatever the order, the company, the threads; and how far other ways may differ.

What is promised to be equal is compared by the SHA-256 of decoded pixels. Tile sizes, precisions and devices change
pixels a little: by how much is stated here, in dB, and held to.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from tests.conftest import ASSETS
from tests.tools.torture.bench import BF16
from tests.tools.torture.command import environment, nlsr
from tests.tools.torture.facts import read
from tests.tools.torture.kills import resume_option
from tests.tools.torture.report import Result, markdown, result

# PSNR in dB to the same picture computed whole, in float32, on the CPU: no less, at 2x and at 4x.
TOLERANCE = {"tile 64": (48.0, 44.0), "tile 96": (48.0, 44.0), "bf16": (54.0, 52.0), "cuda": (54.0, 52.0)}
SIZES = {"a": (64, 48), "b": (97, 131), "c": (31, 33), "d": (160, 40), "e": (1, 1), "f": (180, 180)}


@dataclass(frozen=True)
class Counts:
    """How often runs are repeated, and at which scales tolerances are measured."""

    repeats: int
    scales: tuple[int, ...]
    alone: int = 100  # pictures that are enlarged in a call of their own


SMALL, FULL = Counts(repeats=0, scales=(), alone=1), Counts(repeats=5, scales=(2, 4))


def run(folder: Path, counts: Counts) -> Result:
    """Compare everything with one first run."""
    with result("same") as found:
        source = folder / "in"
        make_inputs(source)
        first = digests(found, folder / "first", source)
        found.expect(len(first) == len(SIZES) + 3, f"the first run wrote {sorted(first)}")
        ways: dict[str, Callable[[Path], dict[str, str]]] = {
            **{f"run {number + 2}": lambda out: digests(found, out, source) for number in range(counts.repeats)},
            "named one by one, backwards": lambda out: digests(found, out, *sorted(source.iterdir(), reverse=True)),
            "each alone": lambda out: _alone(found, out, source, counts.alone),
            "after resume": lambda out: _resumed(found, out, source, folder / "first"),
            "one thread": lambda out: digests(found, out, source, env={"OMP_NUM_THREADS": "1"}),
        }
        if counts.scales:
            ways |= {
                "two threads": lambda out: digests(found, out, source, env={"OMP_NUM_THREADS": "2"}),
                "in Python": lambda out: _in_python(found, out, source),
                "little memory is free": lambda out: digests(found, out, source, "--max-memory", "800M"),
            }
        rows = []
        for number, (name, way) in enumerate(ways.items()):
            seen = way(folder / f"way{number}")
            least = min(counts.alone, len(first)) if name == "each alone" else len(first)
            found.expect(len(seen) == least, f"{name}: {len(seen)} outputs")
            wrong = sorted(stem for stem, value in seen.items() if value != first.get(stem))
            found.tried += len(seen)
            found.expect(not wrong, f"{name}: other pixels in {', '.join(wrong)}")
            rows.append((name, len(seen), "equal" if not wrong else f"**differs: {', '.join(wrong)}**"))
        found.table = markdown(("compared with the first run", "pictures", "SHA-256 of pixels"), rows)
        if counts.scales:
            found.table += "\n" + _tolerances(found, folder, counts.scales)
        found.figures["ways compared"] = len(ways)
    return found


def make_inputs(folder: Path) -> None:
    """Write pictures of many sizes, and of grey, alpha and another format."""
    folder.mkdir()
    with Image.open(ASSETS / "colosseum.png") as image:
        photo = image.convert("RGB")
    for name, (width, height) in SIZES.items():
        photo.crop((5, 7, 5 + width, 7 + height)).save(folder / f"{name}.png")
    photo.convert("L").crop((0, 0, 50, 60)).save(folder / "grey.png")
    alpha = photo.crop((0, 0, 60, 50))
    alpha.putalpha(photo.convert("L").crop((60, 60, 120, 110)))
    alpha.save(folder / "alpha.png")
    photo.crop((0, 0, 70, 70)).save(folder / "lossy.jpg", quality=90)


def digests(found: Result, out: Path, *sources: object, env: dict[str, str] | None = None) -> dict[str, str]:
    """Enlarge into `out`, and return the SHA-256 of the pixels of each output by the name of its input."""
    ended = nlsr("upscale", *sources, "-o", out, "--scale", 2, "--json", env=env)
    found.expect(ended.code == 0, f"{out.name}: {ended}")
    return of_folder(out)


def of_folder(out: Path) -> dict[str, str]:
    """Return the SHA-256 of the pixels of each output in a folder by the name of its input."""
    return {path.stem.removesuffix("_x2"): digest(path) for path in sorted(out.iterdir()) if path.name[0] != "."}


def digest(path: Path) -> str:
    """Return the SHA-256 of the pixels of a file, and of their shape."""
    facts = read(path.read_bytes())
    assert facts.pixels is not None
    layers = facts.pixels if facts.opacity is None else np.concatenate((facts.pixels, facts.opacity[..., None]), -1)
    return hashlib.sha256(repr(layers.shape).encode() + np.ascontiguousarray(layers).tobytes()).hexdigest()


def _alone(found: Result, out: Path, source: Path, count: int) -> dict[str, str]:
    for path in sorted(source.iterdir())[:count]:
        target = out / f"{path.stem}_x2{path.suffix}"
        out.mkdir(exist_ok=True)
        ended = nlsr("upscale", path, "-o", target, "--scale", 2)
        found.expect(ended.code == 0, f"{path.name} alone: {ended}")
    return of_folder(out)


def _resumed(found: Result, out: Path, source: Path, first: Path) -> dict[str, str]:
    """Go on where half is done already."""
    shutil.copytree(first, out)
    for name in ("b_x2.png", "f_x2.png", "alpha_x2.png", "lossy_x2.jpg"):
        (out / name).unlink()
    ended = nlsr("upscale", source, "-o", out, "--scale", 2, "--json", resume_option())
    found.expect(ended.code == 0, f"resumed: {ended}")
    skipped = sum(outcome["status"] == "skipped" for outcome in ended.outcomes.values())
    found.expect(skipped == len(SIZES) + 3 - 4, f"resumed: {skipped} were skipped")
    return of_folder(out)


def _in_python(found: Result, out: Path, source: Path) -> dict[str, str]:
    code = (
        "import sys\nfrom pathlib import Path\nfrom nlsr_cli import UpscaleOptions, upscale_file\n"
        "out = Path(sys.argv[2]); out.mkdir()\n"
        "for path in sorted(Path(sys.argv[1]).iterdir()):\n"
        "    upscale_file(path, out / f'{path.stem}_x2{path.suffix}', UpscaleOptions(scale=2))\n"
    )
    command = [sys.executable, "-c", code, str(source), str(out)]
    ended = subprocess.run(command, capture_output=True, text=True, check=False, env=environment())
    found.expect(ended.returncode == 0, f"in Python: {ended.stderr[-300:]}")
    return of_folder(out)


def _tolerances(found: Result, folder: Path, scales: tuple[int, ...]) -> str:
    rows = []
    source = folder / "in" / "f.png"
    for place, scale in enumerate(scales):
        whole = _pixels(found, folder, source, scale, "--tile", 0, "--precision", "fp32")
        for name, bounds in TOLERANCE.items():
            if name == "cuda" and not _has_cuda():
                found.skipped.append("CUDA against the CPU: there is no CUDA device here")
                continue
            options: list[object] = ["--precision", "fp32"]
            options += ["--tile", name.split()[1]] if name.startswith("tile") else ["--tile", 0]
            if name in ("bf16", "cuda"):
                options = ["--tile", 0, *(["--precision", "bf16"] if name == "bf16" else ["--device", "cuda"])]
            other = _pixels(found, folder, source, scale, *options, prelude=BF16 if name == "bf16" else "")
            found.tried += 1
            psnr = _psnr(whole, other)
            found.expect(psnr >= bounds[place], f"{name} at {scale}x: {psnr:.1f} dB, under {bounds[place]:.0f}")
            found.expect(psnr < 120, f"{name} at {scale}x is exactly the same: nothing was compared")
            rows.append((name, f"{scale}x", f"{psnr:.1f}", f"{bounds[place]:.0f}"))
            found.figures[f"{name} {scale}x"] = f"{psnr:.1f} dB"
    return markdown(("against whole, fp32, CPU", "scale", "PSNR (dB)", "promised"), rows)


def _pixels(
    found: Result, folder: Path, source: Path, scale: int, *options: object, prelude: str = ""
) -> npt.NDArray[np.float64]:
    out = folder / "tolerance.png"
    ended = nlsr("upscale", source, "-o", out, "--scale", scale, "--overwrite", *options, prelude=prelude)
    found.expect(ended.code == 0, f"{options}: {ended}")
    with Image.open(out) as image:
        return np.asarray(image.convert("RGB"), float)


def _psnr(one: npt.NDArray[np.float64], other: npt.NDArray[np.float64]) -> float:
    error = float(np.square(one - other).mean())
    return 10 * np.log10(255**2 / error) if error else float("inf")


def _has_cuda() -> bool:
    import torch

    return torch.cuda.is_available()
