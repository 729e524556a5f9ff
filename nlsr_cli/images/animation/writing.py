"""Writing animations: GIF, APNG and WebP, with every frame, its duration and how often all are played."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt

from nlsr_cli.errors import ImageWriteError
from nlsr_cli.images.animation import apng, gif_writing, webp
from nlsr_cli.images.animation.indexes import FILMS
from nlsr_cli.images.animation.quantize import bounds
from nlsr_cli.images.encoders import ENCODERS, Canvas
from nlsr_cli.images.metadata import gif_texts
from nlsr_cli.images.picture import Animation, Picture
from nlsr_cli.images.writing import check_picture, check_size, encode_picture, prepare, write_encoded
from nlsr_cli.options import EncodeOptions

FASTEST = 10.0  # ms: shorter frames are shown for longer by browsers, so none becomes so short that was not
MAX_APNG_LOOP = 2**31 - 1


def write_any(
    picture: Picture | Animation,
    path: str | Path,
    *,
    format: str | None = None,  # noqa: A002 - the word for it, in Pillow too
    options: EncodeOptions | None = None,
    overwrite: bool = False,
) -> tuple[str, ...]:
    """Encode a picture or an animation and store it under `path`, as `write_picture` does, and return notes as that.

    Raises:
        DestinationClash: `path` exists and `overwrite` is False.
        ImageWriteError: the format cannot hold it, or the file cannot be stored.
        OptionError: the background is needed and is no colour, or the ending names no format.
    """
    return write_encoded(partial(encode_any, picture), path, format=format, options=options, overwrite=overwrite)


def encode_any(
    picture: Picture | Animation,
    *,
    format: str,  # noqa: A002
    options: EncodeOptions,
    name: str = "-",
) -> tuple[bytes, tuple[str, ...]]:
    """Return the bytes of a picture or of an animation, as `encode_picture` and `encode_animation` do."""
    if isinstance(picture, Animation):
        return encode_animation(picture, format=format, options=options, name=name)
    return encode_picture(picture, format=format, options=options, name=name)


def encode_animation(
    animation: Animation,
    *,
    format: str,  # noqa: A002
    options: EncodeOptions,
    name: str = "-",
) -> tuple[bytes, tuple[str, ...]]:
    """Return the bytes of an animation, which messages call `name`, and a note for each thing that had to change.

    Every frame stays one, with its time, also where it equals the one before. Of a format without animations it is the
    first frame.

    Raises:
        ImageWriteError: the format cannot hold the frames.
    """
    if format not in FILMS:
        data, notes = encode_picture(animation.frames[0], format=format, options=options, name=name)
        return data, (
            f"{format} holds no animation; only the first of {len(animation.frames)} frames is written.",
            *notes,
        )
    path, first = Path(name), animation.frames[0]
    check_size(format, first.height, first.width, path)
    _check_depth(first, format, path)
    check_picture(first, format, path)
    try:
        return _FILMERS[format](animation, options)
    except MemoryError as exc:
        raise ImageWriteError(path, "does not fit into memory while it is encoded") from exc
    except (OSError, ValueError, RuntimeError, struct.error, OverflowError) as exc:
        raise ImageWriteError(path, f"cannot be encoded as {format}: {exc}") from exc


def _check_depth(picture: Picture, format: str, path: Path) -> None:  # noqa: A002
    """Refuse frames of more bits than Pillow writes: none but plain grey of 16 bits, in a PNG."""
    plain = picture.depth == 16 and picture.is_grey and picture.alpha is None
    if picture.depth > 8 and not (plain and format == "PNG"):
        reason = f"frames of {picture.depth} bits per channel cannot be written as {format}"
        raise ImageWriteError(path, reason, "Convert it to 8 bit first.")


def _gif(animation: Animation, options: EncodeOptions) -> tuple[bytes, tuple[str, ...]]:
    first = prepare(animation.frames[0], "GIF", options)
    notes = list(first.notes)
    delays = _whole(animation.durations, 10.0, gif_writing.MAX_DELAY, "GIF counts hundredths of a second", notes)
    loop = _bounded_loop(animation.loop, gif_writing.MAX_LOOP, "GIF", notes)
    data, more = gif_writing.gif_of(
        lambda: (canvas.image for canvas in _canvases(animation, "GIF", options)), delays, loop=loop
    )
    return gif_texts.with_words(data, first.xmp, first.comment), (*notes, *more)


def _apng(animation: Animation, options: EncodeOptions) -> tuple[bytes, tuple[str, ...]]:
    notes: list[str] = []
    pictures = list(_encoded(animation, "PNG", options, notes, step=1))
    loop = _bounded_loop(animation.loop, MAX_APNG_LOOP, "APNG", notes)
    if any(duration > 65_535_000 for duration in animation.durations):
        notes.append("APNG holds a frame for 18 hours at most; some are cut to that.")
    others = [(data, top, left) for data, top, left, _, _ in pictures[1:]]
    return apng.animated(pictures[0][0], others, animation.durations, loop), tuple(notes)


def _webp(animation: Animation, options: EncodeOptions) -> tuple[bytes, tuple[str, ...]]:
    notes: list[str] = []
    pictures = list(_encoded(animation, "WEBP", options, notes, step=2))
    durations = _whole(animation.durations, 1.0, webp.MAX_DURATION, "WebP counts milliseconds", notes)
    loop = _bounded_loop(animation.loop, webp.MAX_LOOP, "WebP", notes)
    alpha = any(frame.alpha is not None for frame in animation.frames)
    return webp.animated(pictures, durations, loop, alpha=alpha), tuple(notes)


_FILMERS: dict[str, Callable[[Animation, EncodeOptions], tuple[bytes, tuple[str, ...]]]] = {
    "GIF": _gif,
    "PNG": _apng,
    "WEBP": _webp,
}


def _canvases(animation: Animation, format: str, options: EncodeOptions) -> Iterator[Canvas]:  # noqa: A002
    """Yield what is to be written of each frame; of a frame that is the one before, the same."""
    last: tuple[Picture, Canvas] | None = None
    for frame in animation.frames:
        if last is None or last[0] is not frame:
            last = frame, prepare(frame, format, options)
        yield last[1]


def _encoded(
    animation: Animation,
    format: str,  # noqa: A002
    options: EncodeOptions,
    notes: list[str],
    *,
    step: int,
) -> Iterator[tuple[bytes, int, int, int, int]]:
    """Yield each frame as a file of its own, with the top, left, height and width of what it replaces: all of the first
    one, and of the others what differs from the one before. Top and left are multiples of `step`. A WebP
    that changes nothing is empty, as a pixel that is coded again with loss would change.
    """
    before: Canvas | None = None
    for canvas in _canvases(animation, format, options):
        if before is None:
            notes += canvas.notes
            yield ENCODERS[format](canvas, options), 0, 0, canvas.image.height, canvas.image.width
        else:
            changed = _differs(canvas, before)
            top, left, height, width = bounds(changed)
            height, width, top, left = height + top % step, width + left % step, top - top % step, left - left % step
            crop = canvas.image.crop((left, top, left + width, top + height))
            bare = canvas.bare(crop)
            same = format == "WEBP" and not changed.any()
            yield b"" if same else ENCODERS[format](bare, options), top, left, height, width
        before = canvas


def _differs(canvas: Canvas, before: Canvas) -> npt.NDArray[np.bool_]:
    different = np.asarray(canvas.image) != np.asarray(before.image)
    return np.asarray(different if different.ndim == 2 else different.any(axis=2))


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
        notes.append(f"{name} counts to {most}; it is played that often instead of {loop} times.")
    return min(loop, most)
