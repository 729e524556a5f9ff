"""Make photographs small enough to travel to a GPU: `python -m tests.tools.pack FOLDER PHOTOGRAPHS... --megabytes 45`.

Each is written as a JPEG at half its size, where it is as sharp as pixels allow, and of every second one the middle as
well, at its full size: of sharp photographs alone a network learns to take what is soft for what was blurred, and draws
worms. The quality is the highest with which all together are no larger than asked. Colours keep all their samples.
"""

from __future__ import annotations

import argparse
import shutil
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from PIL import Image

from nlsr_cli.batch.inputs import find_sources
from nlsr_cli.images import crop_to_multiple, reduce_bicubic
from nlsr_cli.options import OutputOptions
from nlsr_cli.training.photos import DECODERS, read_photograph

QUALITIES = (98, 97, 96, 95, 94, 92, 90, 85)


def pack(folder: Path, quality: int, number: int, path: Path) -> int:
    """Write a photograph into `folder`, and return the bytes that it takes there."""
    whole = crop_to_multiple(read_photograph(path), 2)
    parts = {"half": reduce_bicubic(whole, 2)}
    if number % 2:
        top, left = whole.shape[0] // 4, whole.shape[1] // 4
        parts["middle"] = whole[top : 3 * top, left : 3 * left]
    taken = 0
    for name, pixels in parts.items():
        target = folder / f"{path.parent.name}-{path.stem}-{name}.jpg"
        Image.fromarray(pixels).save(target, "JPEG", quality=quality, subsampling="4:4:4")
        taken += target.stat().st_size
    return taken


def main(arguments: Sequence[str] | None = None) -> None:
    """Try one quality after the other until the photographs are small enough."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("photographs", nargs="+")
    parser.add_argument("--megabytes", type=float, default=45.0)
    asked = parser.parse_args(arguments)
    if asked.out.exists():
        parser.error(f"{asked.out} exists already")
    found = find_sources(asked.photographs, OutputOptions(target=str(asked.out), recursive=True))
    files = [path for path, _ in found.files]
    for quality in QUALITIES:
        asked.out.mkdir(parents=True)
        with ThreadPoolExecutor(DECODERS) as pool:
            size = sum(pool.map(partial(pack, asked.out, quality), range(len(files)), files)) / 1e6
        if size <= asked.megabytes:
            sys.stdout.write(f"{asked.out}: {len(files)} photographs, quality {quality}, {size:.1f} MB\n")
            return
        shutil.rmtree(asked.out)
    parser.error(f"{len(files)} photographs are more than {asked.megabytes:g} MB, even with quality {QUALITIES[-1]}")


if __name__ == "__main__":
    main()
