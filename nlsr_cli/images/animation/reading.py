"""Reading animations: every frame of a GIF, APNG or WebP as it is seen, with its duration, none computed twice."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image

from nlsr_cli.errors import ImageReadError
from nlsr_cli.images.animation.frames import FrameIndex, check_index
from nlsr_cli.images.border import border, check_pixels
from nlsr_cli.images.facts import DEEP_HINT, Facts
from nlsr_cli.images.formats import FORMATS
from nlsr_cli.images.formats.format import Moving
from nlsr_cli.images.loading import load
from nlsr_cli.images.metadata import exif_tags
from nlsr_cli.images.modes import Decoded
from nlsr_cli.images.orientation import upright
from nlsr_cli.images.parsed import Parsed
from nlsr_cli.images.picture import Animation, Picture
from nlsr_cli.images.reading import Opened, assemble, has_rgb_profile, read_picture
from nlsr_cli.options import DEFAULT_MAX_PIXELS


def read_any(
    source: str | Path | bytes | Parsed, *, name: str | None = None, max_pixels: int = DEFAULT_MAX_PIXELS
) -> Picture | Animation:
    """Read a picture, or all frames of an animation, from a file or from its bytes, which messages then call `name`.

    Frames that are equal are one and the same picture in memory. AVIF sequences and TIFF files of many pages give their
    first frame, and a note.

    Raises:
        ImageReadError: it cannot be read, or not without loss, or all frames together have more than `max_pixels`
            pixels, or there are more than ten thousand.
    """
    file = load(source, name, max_pixels)
    file.check()
    with border(file.data, file.label, file.max_pixels):
        index = file.index
    if index is None:
        return read_picture(file)
    check_index(index, file.label, file.max_pixels)
    return _read_frames(file, index)


def _read_frames(file: Parsed, index: FrameIndex) -> Animation:
    facts, moving = file.facts, FORMATS[file.format].moving
    if facts.deep is not None:  # Pillow would reduce it to 8 bits
        raise ImageReadError(file.label, f"holds frames of {facts.deep.what}, which is not supported yet", DEEP_HINT)
    if moving is None:
        raise ValueError(f"{file.format} has no frames")
    with border(file.data, file.label, file.max_pixels):
        check_pixels((index.height, index.width), file.label, file.max_pixels)
        with file.image() as image:
            mode = image.mode
            info = image.info if facts.icc is None else {**image.info, "icc_profile": facts.icc}
            shots, notes = _shots(image, moving, index, facts, keep_rgb=has_rgb_profile(info))
            raw = facts.exif or exif_tags.exif_block(info)
            distinct = list({id(shot): shot for shot in shots}.values())
            tall = _stacked(distinct, exif_tags.orientation(raw))
            whole = assemble(Opened(tall, mode, 1, info, raw, stacked=len(distinct)), file)
    pictures = {id(shot): picture for shot, picture in zip(distinct, _cut(whole, len(distinct), index), strict=True)}
    told = dict.fromkeys((*notes, *index.notes, *whole.notes))
    durations = tuple(frame.duration for frame in index.frames)
    return Animation(tuple(pictures[id(shot)] for shot in shots), durations, index.loop, tuple(told))


def _stacked(shots: list[Decoded], orientation: int) -> Decoded:
    """Return shots, upright, one below the other: what is said about all of them, and the way to sRGB, are then found
    once.
    """
    color = np.concatenate([upright(shot.color, orientation) for shot in shots])
    alphas = [upright(shot.alpha, orientation) for shot in shots if shot.alpha is not None]
    return Decoded(color, np.concatenate(alphas) if alphas else None)


def _cut(whole: Picture, count: int, index: FrameIndex) -> Iterator[Picture]:
    """Yield the pictures of a stack, all with the same metadata and without notes of their own."""
    lossless = whole.metadata.lossless if index.lossless is None else index.lossless
    height = whole.height // count
    shared = replace(whole.metadata, lossless=lossless)
    for number in range(count):
        rows = slice(number * height, (number + 1) * height)
        alpha = None if whole.alpha is None else whole.alpha[rows]
        excess = None if whole.excess is None else whole.excess[rows]
        yield replace(whole, color=whole.color[rows], alpha=alpha, metadata=shared, notes=(), excess=excess)


def _shots(
    image: Image.Image,
    moving: Moving,
    index: FrameIndex,
    facts: Facts,
    *,
    keep_rgb: bool,
) -> tuple[list[Decoded], list[str]]:
    """Return the canvas of every frame, in one mode: with alpha if any has some, grey if all are. Equal ones are one
    object.
    """
    known: dict[bytes, Decoded] = {}
    shots: list[Decoded] = []
    notes: list[str] = []
    for color, alpha in moving.canvases(image, index, facts, notes):
        clear = alpha is not None and bool((alpha != np.iinfo(alpha.dtype).max).any())
        seen = np.ascontiguousarray(alpha) if clear and alpha is not None else None
        code = hashlib.blake2b(np.ascontiguousarray(color).tobytes(), digest_size=32)
        code.update(b"" if seen is None else seen.tobytes())
        shots.append(known.setdefault(code.digest(), Decoded(np.ascontiguousarray(color), seen)))
    distinct = list(known.values())
    if any(shot.alpha is not None for shot in distinct):
        first = distinct[0].color
        opaque = np.full(first.shape[:2], np.iinfo(first.dtype).max, first.dtype)
        for shot in distinct:
            shot.alpha = opaque if shot.alpha is None else shot.alpha
    if image.mode == "P" or moving.palette:
        grey = not keep_rgb and all(bool((shot.color[..., :1] == shot.color[..., 1:]).all()) for shot in distinct)
        for shot in distinct if grey else ():
            shot.color = np.ascontiguousarray(shot.color[..., :1])
        notes.append("The grey palette is read as grey." if grey else "The palette is read as RGB.")
    return shots, notes
