"""Pictures of any size: whole and in bands they give the same file, and take as much memory, whatever their height.

Every kind of picture is enlarged twice: held whole by every process, and in bands of a few rows, read by libvips where
that can be, worked on in files. Then pictures of the same width and of growing height are enlarged and watched: memory
must not grow with them, and time only as they do. Last, a picture is stopped by SIGKILL again and again: it goes on
with the row of tiles it was at.
"""

from __future__ import annotations

import filecmp
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from subprocess import Popen

import numpy as np
from PIL import Image

from nlsr_cli.images import encode_picture
from nlsr_cli.images.depth import extra
from nlsr_cli.options import EncodeOptions
from tests.images.encoding.pieces import KINDS, photograph, picture
from tests.tools.torture.bench import NETWORK
from tests.tools.torture.command import finish, helpers, kill_group, nlsr, processor_time, resident, start
from tests.tools.torture.report import Result, markdown, result, say

# What holds everything whole, in the process that computes and in the one that decodes.
WHOLE = """
from nlsr_cli import scratch
scratch.LEAST = scratch.BAND = 1 << 62
from nlsr_cli.isolation import child
hidden = "from nlsr_cli.images.depth import extra; extra.MODULES[extra.PYVIPS] = 'no'; main()"
child.BOOT = child.BOOT.replace("main()", hidden)
"""
# What works on a few rows at a time, also where a picture is small.
BANDED = """
from nlsr_cli import scratch
scratch.LEAST, scratch.BAND = 1 << 16, {band}
from nlsr_cli.isolation import child
small = "from nlsr_cli.images.vips import library, streamed; streamed.LEAST, library.BAND = 1, {band}; main()"
child.BOOT = child.BOOT.replace("main()", small)
"""
# A network that costs next to nothing, so that it is the way of the picture that is measured.
STUB = f"""{NETWORK}
def broken(self, lr, sr):
    return torch.nn.functional.interpolate(lr, scale_factor=self.config.scale, mode="bilinear")
"""
# The same, slower, which leaves a byte for each tile.
COUNTED = (
    STUB.replace("    return", "    count()\n    return")
    + """
import os, time
def count():
    time.sleep(0.02)
    with open(os.environ["TORTURE_TILES"], "ab") as file:
        file.write(b".")
"""
)
TILE = 96  # pixels of its side
FLAT, LINEAR = 1.15, 1.15  # times the memory, and the time of a pixel, of a picture that is a band smaller
ALLOWED = 1536 << 20  # bytes of all processes together, the decoder's among them


@dataclass(frozen=True)
class Counts:
    """Side of the results that are compared, samples of a band, kinds of pictures (none are all), and megapixels of
    what is watched, of a width.
    """

    side: int
    band: int
    kinds: tuple[str, ...]
    megapixels: tuple[int, ...]
    width: int
    kills: int


SMALL = Counts(side=200, band=1 << 14, kinds=("a palette",), megapixels=(), width=0, kills=0)
FULL = Counts(side=8000, band=1 << 19, kinds=(), megapixels=(16, 256, 900), width=30_000, kills=5)


@dataclass
class Watched:
    """A run and what it took: bytes of all processes at most, seconds, and seconds of processors."""

    code: int = 0
    most: int = 0
    seconds: float = 0.0
    spent: float = 0.0
    said: str = ""


def run(folder: Path, counts: Counts) -> Result:
    """Compare whole and banded, then watch growing pictures."""
    with result("large") as found:
        rows = list(_compared(found, folder, counts))
        found.table = markdown(("picture", "read as", "written as", "whole and in bands"), rows)
        if counts.megapixels:
            found.table += "\n" + _growing(found, folder, counts)
        if counts.kills:
            _killed(found, folder, counts.kills)
    return found


def _compared(found: Result, folder: Path, counts: Counts) -> list[tuple[str, str, str, str]]:
    """Enlarge every kind of picture to every format, whole and in bands, and return a row for each."""
    rows = []
    sources = _sources(folder / "in", counts.side // 2)
    for kind, (source, targets) in sources.items():
        if counts.kinds and kind not in counts.kinds:
            continue
        path = source()
        for target in targets:
            outputs = folder / f"whole.{target}", folder / f"bands.{target}"
            for output, prelude in zip(outputs, (WHOLE, BANDED.format(band=counts.band)), strict=True):
                done = nlsr(
                    "upscale", path, "-s", 2, "-o", output, "--overwrite", "--floor", 0, "-q",
                    prelude=STUB + prelude, patience=3600.0,
                )  # fmt: skip
                found.expect(done.code == 0, f"{kind} to {target}: {done}")
            same = all(output.exists() for output in outputs) and filecmp.cmp(*outputs, shallow=False)
            found.expect(same, f"{kind} to {target}: whole and in bands differ")
            found.tried += 1
            rows.append((kind, path.suffix[1:], target, "equal" if same else "**differ**"))
            for output in outputs:
                output.unlink(missing_ok=True)
        path.unlink()
    return rows


def _sources(folder: Path, side: int) -> dict[str, tuple[Callable[[], Path], tuple[str, ...]]]:
    """Return what makes a picture of each kind, and the formats that it is to be written in."""
    folder.mkdir(parents=True)

    def ours(kind: str, format_: str) -> Callable[[], Path]:
        def make() -> Path:
            data, _ = encode_picture(picture(kind, side, side), format=format_, options=EncodeOptions())
            path = folder / f"{kind.replace(' ', '-')}.{format_.lower()}"
            path.write_bytes(data)
            return path

        return make

    def pillows(name: str, mode: str, **how: object) -> Callable[[], Path]:
        def make() -> Path:
            Image.fromarray(photograph(side, side)).convert(mode).save(folder / name, **how)
            return folder / name

        return make

    found: dict[str, tuple[Callable[[], Path], tuple[str, ...]]] = {
        kind: (ours(kind, "TIFF" if bits == 32 or (bits == 16 and alpha) else "PNG"), ("png", "tif", "jpg"))
        for kind, (_, alpha, bits) in KINDS.items()
    }
    found |= {
        "bilevel": (pillows("bilevel.png", "1"), ("png", "tif")),
        "a palette": (pillows("palette.png", "P"), ("png", "tif")),
        "JPEG": (pillows("soft.jpg", "RGB", quality=90), ("jpg", "png", "webp")),
        "progressive JPEG": (pillows("progressive.jpg", "RGB", progressive=True), ("jpg",)),
        "JPEG of CMYK": (pillows("print.jpg", "CMYK"), ("jpg", "tif")),
        "WebP": (pillows("soft.webp", "RGBA"), ("webp", "bmp", "qoi")),
    }
    return found


def _growing(found: Result, folder: Path, counts: Counts) -> str:
    """Watch pictures of growing height, and kill the last one; return a table."""
    if not extra.available(extra.PYVIPS):
        found.skipped.append("growing pictures: they are read in bands by pyvips, which is not installed")
        return ""
    taken = []
    for size in counts.megapixels:
        source, output = _tall(folder, counts.width, size * 1_000_000 // counts.width), folder / "out.tif"
        seen = watched("upscale", source, "-s", 2, "-o", output, "--floor", 0, "-q", "--max-pixels", 10**10)
        found.expect(seen.code == 0, f"{size} megapixels: exit {seen.code}: {seen.said[-300:]}")
        found.expect(seen.most < ALLOWED, f"{size} megapixels: {seen.most >> 20} MiB")
        found.tried += 1
        say(f"  large: {size} megapixels in {seen.seconds:.0f} s, {seen.most >> 20} MiB")
        taken.append((size, seen))
        output.unlink(missing_ok=True)
        if size != counts.megapixels[-1]:
            source.unlink()
    for (less, before), (more, after) in pairwise(taken):
        found.expect(after.most < FLAT * before.most, f"memory grows from {less} to {more} megapixels")
        price = after.spent / more / (before.spent / less)
        found.expect(price < LINEAR, f"a pixel of {more} megapixels takes {price:.2f} times that of {less}")
    rows = [(size, f"{seen.most >> 20} MiB", f"{seen.seconds:.0f}", f"{seen.spent / size:.2f}") for size, seen in taken]
    return markdown(("megapixels", "memory", "seconds", "processor seconds a megapixel"), rows)


def _killed(found: Result, folder: Path, kills: int) -> None:
    """Kill a picture after each two rows of tiles, let it end, and compare it with one that nobody disturbed."""
    source, output, tiles = folder / "source.png", folder / "killed.png", folder / "tiles"
    Image.fromarray(photograph(1300, 900)).save(source)
    command = ("upscale", source, "-s", 2, "--tile", TILE, "--floor", 0, "--json", "-o")
    how = {"prelude": COUNTED, "env": {"TORTURE_TILES": str(tiles)}}
    calm = nlsr(*command, folder / "calm.png", **how)
    total = tiles.stat().st_size
    tiles.unlink()
    for _ in range(kills):
        process, kept = start(*command, output, **how), len(list(folder.glob(".nlsr-*.rows/*.row")))
        while process.poll() is None and len(list(folder.glob(".nlsr-*.rows/*.row"))) < kept + 2:
            time.sleep(0.01)
        kill_group(process)
        process.communicate()
        found.tried += 1
    done = nlsr(*command, output, **how)
    resumed, again = done.outcomes["source.png"]["resumed_rows"], tiles.stat().st_size - total
    same = done.code == calm.code == 0 and output.read_bytes() == (folder / "calm.png").read_bytes()
    found.expect(same, f"after {kills} kills: {done}")
    found.expect(resumed >= 2 * kills, f"{resumed} rows of {kills} kills are taken up")
    row = total * kills // len(list(range(0, 1300, TILE)))  # of a row of tiles that is begun, for each kill
    found.expect(again <= row, f"{again} tiles are computed again")
    found.figures |= {"kills": kills, "rows taken up": resumed, "tiles": total, "computed again": again}


def _tall(folder: Path, width: int, height: int) -> Path:
    """Return a tiled TIFF of a size, made by libvips of a photograph repeated; no two rows of it repeat soon."""
    import pyvips

    path = folder / f"{height}.tif"
    base = np.ascontiguousarray(photograph(1024, 1021))
    tile = pyvips.Image.new_from_memory(base.tobytes(), base.shape[1], base.shape[0], 3, "uchar")
    wide = tile.replicate(-(-width // tile.width), -(-height // tile.height)).crop(0, 0, width, height)
    wide.tiffsave(str(path), tile=True, tile_width=256, tile_height=256, compression="deflate", bigtiff=True)
    return path


def watched(*arguments: object, prelude: str = STUB) -> Watched:
    """Run `nlsr` to its end, and say what it took."""
    seen, begun = Watched(), time.monotonic()
    process = start(*arguments, prelude=prelude)
    sampler = threading.Thread(target=_sample, args=(process, seen), daemon=True)
    sampler.start()
    done = finish(process, begun, patience=4 * 3600.0)
    sampler.join()
    seen.code, seen.seconds, seen.said = done.code, done.seconds, done.stderr
    return seen


def _sample(process: Popen[str], seen: Watched) -> None:
    while process.poll() is None:
        pids = (process.pid, *helpers(process))
        seen.most = max(seen.most, sum(map(resident, pids)))
        seen.spent = max(seen.spent, sum(map(processor_time, pids)))
        time.sleep(0.1)
