"""What pictures will take before they are begun: memory, scratch and output, and the time that a short start tells.

Before a large batch, a made picture of the size of a tile goes the whole way, read, enlarged and written as the largest
of the pictures would be, and tells the price of a pixel.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np

from nlsr_cli import scratch
from nlsr_cli.batch.job import Job
from nlsr_cli.batch.process import process
from nlsr_cli.batch.sink import MemorySink
from nlsr_cli.batch.source import BytesSource
from nlsr_cli.images import Metadata, Picture, encode_picture
from nlsr_cli.images.formats import WRITABLE, writing_of
from nlsr_cli.limits import DECODER, MAIN
from nlsr_cli.options import EncodeOptions, UpscaleOptions
from nlsr_cli.sizes import SizeOptions
from nlsr_cli.upscaling.needs import Extent

if TYPE_CHECKING:
    from nlsr_cli.isolation.decoder import Decoder
    from nlsr_cli.upscaling.enlarger import Enlarger

LARGE = 8_000_000  # pixels, in all pictures, from which on it is worth ten seconds to know what they take
_RUNS = 2  # of a start: libraries prepare themselves in the first one, and the last one counts
_SIDE = 1024  # of its picture where there are no tiles


@dataclass(frozen=True)
class Forecast:
    """What a picture will take: seconds, None where no start was made; bytes of memory at most, in this process and the
    one that decodes; of scratch at most; and of the output, about.
    """

    seconds: float | None
    memory: int
    scratch: int
    output: int

    def as_json(self) -> dict[str, Any]:
        """Return plain values."""
        return {
            "seconds": self.seconds and round(self.seconds, 1),
            "memory_bytes": self.memory,
            "scratch_bytes": self.scratch,
            "output_bytes": self.output,
        }


@dataclass(frozen=True)
class Pace:
    """What that start tells: seconds for a unit of work, and bytes of output for a byte of samples."""

    seconds: float
    density: float


class Forecaster:
    """Foresees what the jobs of a batch take, with one start for all of them.

    Args:
        jobs: those that will be done.
        build: makes an enlarger for options; called where the jobs are large.
        decoder: what reads the pictures of the start.
    """

    def __init__(self, jobs: list[Job], build: Callable[[UpscaleOptions], Enlarger], decoder: Decoder) -> None:
        self._jobs = [job for job in jobs if _extent(job) is not None]
        self._build = build
        self._decoder = decoder

    @cached_property
    def _enlarger(self) -> Enlarger:
        return self._build(self._jobs[0].options)

    @cached_property
    def worthwhile(self) -> bool:
        """Tell whether there is so much to do that somebody wants to know what it takes."""
        return sum(_pixels(job) for job in self._jobs) >= LARGE

    @cached_property
    def pace(self) -> Pace | None:
        """Return what a start tells of the largest job; None where a network gives nothing that can be written."""
        job, known = max(((job, _extent(job)) for job in self._jobs), key=lambda each: _pixels(each[0]))
        route = job.foreseen
        if known is None or route is None:
            return None
        options = replace(job.options, size=SizeOptions(), scale=max(1.0, route.scale), floor=0)
        enlarger = self._build(options)
        extent = replace(known, size=self._enlarger.plan(*known.size).tile if route.stages else (_SIDE, _SIDE))
        format_ = job.header.format if job.header is not None and job.header.format in WRITABLE else "PNG"
        data, _ = encode_picture(made_picture(extent, format_), format=format_, options=EncodeOptions())
        for _ in range(_RUNS):
            sink = MemorySink()
            outcome = process(
                Job(BytesSource(data), sink, job.format or "PNG", options=options), enlarger, self._decoder
            )
        if sink.data is None:
            return None
        samples = prod(enlarger.route(*extent.size).size) * extent.channels * extent.dtype.itemsize
        return Pace(outcome.seconds / enlarger.demand(extent).work, len(sink.data) / samples)

    def seconds(self, job: Job) -> float | None:
        """Return the seconds that a job takes in this process; None where nothing is known of it, or a start fails."""
        extent = _extent(job)
        if extent is None or self.pace is None:
            return None
        return self.pace.seconds * self._enlarger.demand(extent).work * _count(job)

    def of(self, job: Job) -> Forecast | None:
        """Return what a job takes; None where little is to be done, or nothing is known of the job.

        Raises:
            OptionError: `max_memory` holds not even the smallest tile.
            ScratchFull: it takes more scratch than there is room for.
        """
        extent = _extent(job)
        if extent is None or not self.worthwhile:
            return None
        demand, size = self._enlarger.demand(extent), self._enlarger.route(*extent.size).size
        raw = prod(size) * extent.channels * extent.dtype.itemsize
        encoder = writing_of(job.format or "PNG").memory(raw)
        count, pace = _count(job), self.pace
        with scratch.placed(job.sink.scratch):
            scratch.check(demand.scratch)
        return Forecast(
            self.seconds(job),
            MAIN + DECODER + max(demand.memory, encoder),
            demand.scratch,
            int(raw * count * (1.0 if pace is None else pace.density)),
        )


def made_picture(extent: Extent, format_: str) -> Picture:
    """Return a picture of an extent whose detail falls with its fineness, as that of photographs does: 1/f noise."""
    height, width = extent.size
    random = np.random.default_rng(0)
    down, across = np.fft.fftfreq(height)[:, None], np.fft.rfftfreq(width)[None]
    fall = 1 / np.maximum(np.hypot(down, across), 1 / max(height, width))
    planes = [
        np.fft.irfft2(fall * np.fft.rfft2(random.standard_normal(extent.size)), s=extent.size)
        for _ in range(extent.channels)
    ]
    luma = planes[0] / planes[0].std()
    values = np.stack([0.5 + 0.17 * luma + 0.03 * plane / plane.std() for plane in planes], axis=2).clip(0, 1)
    white = 1 if extent.dtype.kind == "f" else 2 ** (8 * extent.dtype.itemsize) - 1
    color = (values * white).astype(extent.dtype)
    alpha = np.ascontiguousarray(color[:, :, 0]) if extent.alpha else None
    mode = "L" if extent.channels == 1 else "RGB"
    return Picture(color, alpha, Metadata(format_, mode))


def _extent(job: Job) -> Extent | None:
    """Return how much of what a picture has, or the first page of a book; None where nothing is known."""
    if job.error is not None or job.skip:
        return None
    if job.book is not None:
        return Extent(job.book.route.start, 3, np.dtype(np.uint8))
    return None if job.header is None else Extent.stated(job.header)


def _count(job: Job) -> int:
    """Return how many pictures of that size a job has."""
    if job.book is not None:
        return job.book.pages
    return job.frames


def _pixels(job: Job) -> int:
    """Return how many pixels networks are given, or are there in the end where none has a part."""
    route = job.foreseen
    if route is None:
        return 0
    return _count(job) * (route.given or max(prod(route.start), prod(route.size)))
