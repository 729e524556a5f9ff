"""Pack photographs into one file to train on: `python -m tests.tools.pack photos.safetensors FOLDER... --megabytes 45`.

Of each photograph the square with most detail is taken, all of one size as far as they are large enough, so that the
file is as large as asked and no larger. `--halves` takes the squares from the photographs at half their size.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from nlsr_cli.batch.inputs import find_sources
from nlsr_cli.images import Pixels, crop_to_multiple, reduce_bicubic, resize_bicubic
from nlsr_cli.options import OutputOptions
from nlsr_cli.training.pack import write_pack
from nlsr_cli.training.photos import read_photograph

HEADER = 300  # bytes that a photograph's name and size take in the file, at most
STRIDE = 16  # pixels between two places that are tried


def side_for(sizes: Sequence[tuple[int, int]], pixels: int) -> int:
    """Return the largest side whose squares, cut from pictures of these (height, width), have no more `pixels`."""
    low, high = 0, max(max(size) for size in sizes)
    while low < high:
        side = (low + high + 1) // 2
        if sum(min(side, height) * min(side, width) for height, width in sizes) <= pixels:
            low = side
        else:
            high = side - 1
    return low


def richest(picture: Pixels, side: int) -> Pixels:
    """Return the part of at most `side` pixels a side that enlargement would miss most of."""
    height, width = (min(side, length) for length in picture.shape[:2])
    even = crop_to_multiple(picture, 2)
    missed = np.abs(np.subtract(even, resize_bicubic(reduce_bicubic(even, 2), *even.shape[:2]), dtype=np.int16))
    sums = np.zeros((picture.shape[0] + 1, picture.shape[1] + 1))
    sums[1 : even.shape[0] + 1, 1 : even.shape[1] + 1] = missed.sum(axis=2).cumsum(axis=0).cumsum(axis=1)
    sums[even.shape[0] + 1 :], sums[:, even.shape[1] + 1 :] = sums[even.shape[0]], sums[:, even.shape[1], None]
    tops = np.arange(0, picture.shape[0] - height + 1, STRIDE)
    lefts = np.arange(0, picture.shape[1] - width + 1, STRIDE)
    inside = sums[tops + height][:, lefts + width] - sums[tops][:, lefts + width]
    inside += sums[tops][:, lefts] - sums[tops + height][:, lefts]
    row, column = np.unravel_index(inside.argmax(), inside.shape)
    top, left = tops[row], lefts[column]
    return picture[top : top + height, left : left + width].copy()


def main(arguments: Sequence[str] | None = None) -> None:
    """Read, cut, and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("photographs", nargs="+")
    parser.add_argument("--megabytes", type=float, default=45.0)
    parser.add_argument("--halves", action="store_true")
    asked = parser.parse_args(arguments)
    files = [
        path for path, _ in find_sources(asked.photographs, OutputOptions(target=str(asked.out), recursive=True)).files
    ]
    budget = int(asked.megabytes * 1e6) - HEADER * len(files)
    if budget < 3 * len(files):
        parser.error(f"--megabytes {asked.megabytes:g} is too little for {len(files)} photographs")

    def read(path: Path) -> Pixels:
        picture = read_photograph(path)
        return reduce_bicubic(crop_to_multiple(picture, 2), 2) if asked.halves else picture

    # Read twice: the side follows from all sizes, and what is decoded need not fit into memory.
    first = [read(path).shape[:2] for path in files]
    side = side_for(first, budget // 3)
    write_pack(asked.out, {f"{index:05}-{path.name}": richest(read(path), side) for index, path in enumerate(files)})
    size = asked.out.stat().st_size / 1e6
    sys.stdout.write(f"{asked.out}: {len(files)} photographs, at most {side} pixels a side, {size:.1f} MB\n")


if __name__ == "__main__":
    main()
