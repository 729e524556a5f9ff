"""The door to libvips: rows of a picture, from the first to the last, of which only a few are held at once."""

from __future__ import annotations

import importlib
import os
import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import numpy as np

from nlsr_cli.errors import ImageReadError
from nlsr_cli.images.border import DAMAGED_HINT
from nlsr_cli.images.depth import extra
from nlsr_cli.images.picture import Pixels
from nlsr_cli.scratch import BAND

DTYPES = {"uchar": "u1", "ushort": "u2", "float": "f4"}
# What libvips says of a file in which nothing is wrong that would change a pixel: stray bytes between the segments of
# a JPEG, and, without a word of its own, tags that libtiff finds odd.
HARMLESS = re.compile(r"unable to (call|fetch).*|.*extraneous bytes before marker.*|\s*")
WHOLE = ("webpload_source",)  # loaders without limits of their own to be lifted


@lru_cache(maxsize=1)
def library() -> Any:  # noqa: ANN401 - a module, whose functions are typed where they are called
    """Return pyvips, which decodes in one thread and remembers nothing.

    Returns None where it is not installed, or does not find libvips.
    """
    os.environ["VIPS_CONCURRENCY"] = "1"
    try:
        vips = importlib.import_module(extra.MODULES[extra.PYVIPS])
    except (ImportError, OSError):  # the latter is pyvips without libvips
        return None
    vips.cache_set_max(0)
    return vips


def bands(data: bytes, loader: str, size: tuple[int, int], label: str) -> Iterator[Pixels]:
    """Yield the samples of a picture, (rows, w, c), from top to bottom, as libvips gives them.

    Args:
        data: the file.
        loader: the operation of libvips that reads it.
        size: the (height, width) that its header states.
        label: what messages call it.

    Raises:
        ImageReadError: it is damaged or cut off; the message names the row.
        MemoryError: libvips has not got the memory that it wants.
        ValueError: its size is another.
    """
    vips, top = library(), 0
    for fail_on in ("warning", "error"):
        row = 0
        try:
            for samples in _decoded(vips, data, loader, size, fail_on):
                row += len(samples)
                if row > top:
                    top = row
                    yield samples
            return
        except vips.Error as exc:
            if "out of memory" in str(exc):
                raise MemoryError(str(exc)) from exc
            if fail_on == "error" or not all(map(HARMLESS.fullmatch, str(exc).splitlines())):
                raise broken(label, top, size[0]) from exc


def _decoded(vips: Any, data: bytes, loader: str, size: tuple[int, int], fail_on: str) -> Iterator[Pixels]:  # noqa: ANN401
    unlimited = {} if loader in WHOLE else {"unlimited": True}  # the limits of this process are the stricter ones
    source = _source(vips, data)
    image = getattr(vips.Image, loader)(source, access="sequential", fail_on=fail_on, **unlimited)
    if (image.height, image.width) != size:
        raise ValueError("the size does not match the header")
    region, dtype = vips.Region.new(image), np.dtype(DTYPES[image.format])
    step = max(1, BAND // (image.width * image.bands))
    try:
        for top in range(0, image.height, step):
            rows = min(step, image.height - top)
            fetched = np.frombuffer(region.fetch(0, top, image.width, rows), dtype)
            yield fetched.reshape(rows, image.width, image.bands)
    finally:
        del region, image  # before the source that they read from
        del source


def broken(label: str, row: int, height: int) -> ImageReadError:
    """Return the error of a picture that can be decoded no further than to a row."""
    return ImageReadError(label, f"is damaged or cut off: it breaks at row {row} of {height}", DAMAGED_HINT)


def _source(vips: Any, data: bytes) -> Any:  # noqa: ANN401
    """Return a source of libvips that reads as a file does: given the bytes themselves, libvips would map them all."""
    source, place = vips.SourceCustom(), 0

    def read(count: int) -> bytes:
        nonlocal place
        piece = data[place : place + count]
        place += len(piece)
        return piece

    def seek(offset: int, whence: int) -> int:
        nonlocal place
        place = offset + {os.SEEK_SET: 0, os.SEEK_CUR: place, os.SEEK_END: len(data)}[whence]
        return place

    source.on_read(read)
    source.on_seek(seek)
    return source
