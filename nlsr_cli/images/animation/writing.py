"""Writing animations: GIF, APNG and WebP, with every frame, its duration and how often all are played."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from nlsr_cli.images.animation import apng, gif_writing, webp
from nlsr_cli.images.animation.quantize import bounds
from nlsr_cli.images.canvas import Canvas, prepare
from nlsr_cli.images.carries import Carries
from nlsr_cli.images.encoding.bands import whole
from nlsr_cli.images.metadata import gif_texts
from nlsr_cli.images.picture import Animation, Picture, Pixels
from nlsr_cli.options import EncodeOptions
from nlsr_cli.storing import collected

if TYPE_CHECKING:
    from nlsr_cli.images.formats.format import Writing

FASTEST = 10.0  # ms: shorter frames are shown for longer by browsers, so none becomes so short that was not
MAX_APNG_LOOP = 2**31 - 1


def encode_gif(animation: Animation, options: EncodeOptions, writing: Writing) -> tuple[bytes, tuple[str, ...]]:
    """Return the bytes of an animated GIF, and a note for each thing that had to change."""
    first, _ = prepare(animation.frames[0], writing.carries, options)
    notes = list(first.notes)
    delays = _whole(animation.durations, 10.0, gif_writing.MAX_DELAY, "GIF counts hundredths of a second", notes)
    loop = _bounded_loop(animation.loop, gif_writing.MAX_LOOP, "GIF", notes)
    data, more = gif_writing.gif_of(
        lambda: (canvas.image(pixels) for canvas, pixels in _canvases(animation, writing.carries, options)),
        delays,
        loop=loop,
    )
    return gif_texts.with_words(data, first.xmp, first.comment), (*notes, *more)


def encode_apng(animation: Animation, options: EncodeOptions, writing: Writing) -> tuple[bytes, tuple[str, ...]]:
    """Return the bytes of an animated PNG, and notes."""
    notes: list[str] = []
    pictures = list(_encoded(animation, writing, options, notes, step=1))
    loop = _bounded_loop(animation.loop, MAX_APNG_LOOP, "APNG", notes)
    if any(duration > 65_535_000 for duration in animation.durations):
        notes.append("APNG shows a frame for 18 hours at most; longer ones are cut to that.")
    others = [(data, top, left) for data, top, left, _, _ in pictures[1:]]
    return apng.animated(pictures[0][0], others, animation.durations, loop), tuple(notes)


def encode_webp(animation: Animation, options: EncodeOptions, writing: Writing) -> tuple[bytes, tuple[str, ...]]:
    """Return the bytes of an animated WebP, and notes."""
    notes: list[str] = []
    pictures = list(_encoded(animation, writing, options, notes, step=2, again=True))
    durations = _whole(animation.durations, 1.0, webp.MAX_DURATION, "WebP counts milliseconds", notes)
    loop = _bounded_loop(animation.loop, webp.MAX_LOOP, "WebP", notes)
    alpha = any(frame.alpha is not None for frame in animation.frames)
    return webp.animated(pictures, durations, loop, alpha=alpha), tuple(notes)


def _canvases(animation: Animation, carries: Carries, options: EncodeOptions) -> Iterator[tuple[Canvas, Pixels]]:
    """Yield what is to be written of each frame; of a frame that is the one before, the same."""
    last: tuple[Picture, tuple[Canvas, Pixels]] | None = None
    for frame in animation.frames:
        if last is None or last[0] is not frame:
            canvas, rows = prepare(frame, carries, options)
            last = frame, (canvas, whole(rows, canvas.shape, canvas.dtype))
        yield last[1]


def _encoded(
    animation: Animation,
    writing: Writing,
    options: EncodeOptions,
    notes: list[str],
    *,
    step: int,
    again: bool = False,
) -> Iterator[tuple[bytes, int, int, int, int]]:
    """Yield each frame as a file of its own, with the top, left, height and width of what it replaces: all of the first
    one, and of the others what differs from the one before. Top and left are multiples of `step`. With
    `again`, what changes nothing is empty, as a pixel that is coded again with loss would change.
    """
    before: Pixels | None = None
    for canvas, pixels in _canvases(animation, writing.carries, options):
        if before is None:
            notes += canvas.notes
            yield collected(writing.encode(canvas, (pixels,), options))[0], 0, 0, *canvas.size
        else:
            changed: npt.NDArray[np.bool_] = (pixels != before).any(axis=2)
            top, left, height, width = bounds(changed)
            height, width, top, left = height + top % step, width + left % step, top - top % step, left - left % step
            crop = pixels[top : top + height, left : left + width]
            same = again and not changed.any()
            data = b"" if same else collected(writing.encode(canvas.bare(height, width), (crop,), options))[0]
            yield data, top, left, height, width
        before = pixels


def _whole(durations: tuple[float, ...], unit: float, most: int, why: str, notes: list[str]) -> list[int]:
    """Return durations in whole units, so that frames begin as near to their times as they can."""
    counts: list[int] = []
    late = 0.0  # what rounding has left over so far: within half a unit, as a cut is not made up for
    for duration in durations:
        wanted = duration / unit + late
        least = int(FASTEST // unit) + 1 if duration > FASTEST else 1 if duration else 0
        counts.append(min(max(round(wanted), least), most) if duration else 0)
        late = max(-0.5, min(wanted - counts[-1], 0.5))
    if any(count * unit != duration for count, duration in zip(counts, durations, strict=True)):
        notes.append(f"{why}; the durations of some frames are rounded.")
    if max(durations) > most * unit:
        notes.append(f"The longest frames are cut to {most * unit / 1000:g} seconds.")
    return counts


def _bounded_loop(loop: int, most: int, name: str, notes: list[str]) -> int:
    if loop > most:
        notes.append(f"{name} plays an animation {most} times at most, not {loop} times.")
    return min(loop, most)
