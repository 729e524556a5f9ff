"""Animations through the enlarger: frame by frame, none twice."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, fields, replace
from typing import TYPE_CHECKING

import numpy as np

from nlsr_cli.images import Animation
from nlsr_cli.upscaling.progress import Enlarged, Step, Steps

if TYPE_CHECKING:
    from nlsr_cli.images import Picture
    from nlsr_cli.upscaling.enlarger import Enlarger


@dataclass(frozen=True)
class EnlargedFilm(Enlarged):
    """An enlarged animation. `picture` is its first frame, `tiles` are those of all frames that were computed, and
    `events` those of any, and `agreement` is the worst.
    """

    animation: Animation = field(kw_only=True)


def frame_steps(enlarger: Enlarger, animation: Animation) -> Steps[EnlargedFilm]:
    """Enlarge an animation: yield how far it is, and return what came of it.

    Frames of equal pixels are computed once, and the enlarged frame is one picture in memory wherever it is shown. All
    distinct frames are held, as they were read and enlarged, in the depth of the source: 3 bytes a pixel, 4 with alpha.
    Tiles in all are counted as if every frame had as many as the one at hand.

    Raises:
        OutOfMemory: not even the smallest tile fits.
        NlsrError: the network gives non-finite values.
    """
    codes = [content_code(frame) for frame in animation.frames]
    order = dict.fromkeys(codes)
    enlarged: dict[bytes, Enlarged] = {}
    before = Step(0, 0, 0, 0)  # of the frames that are done
    restoration = enlarger.restoration(animation.frames[0])  # one for all, or frames would flicker
    for number, code in enumerate(order):
        steps = enlarger.steps(animation.frames[codes.index(code)], restoration=restoration)
        step = Step(0, 0, 0, 0)
        while code not in enlarged:
            try:
                step = next(steps)
            except StopIteration as finished:
                enlarged[code] = finished.value
            else:
                yield _of_all(before, step, len(order) - number)
        before = _of_all(before, step, 1)
    return _gathered(animation, [enlarged[code] for code in codes], list(enlarged.values()))


def _of_all(before: Step, step: Step, frames: int) -> Step:
    """Return how far an animation is, of which `frames` are left with the one at hand."""
    done, work = before.done + step.done, before.work + step.work
    return Step(done, before.done + step.total * frames, work, before.work + step.total_work * frames)


def content_code(frame: Picture) -> bytes:
    """Return what only pictures of equal pixels have in common."""
    code = hashlib.blake2b(repr((frame.color.shape, str(frame.color.dtype))).encode(), digest_size=32)
    for layer in (frame.color, frame.alpha, frame.excess):
        code.update(b"-" if layer is None else b"+")
        code.update(b"" if layer is None else np.ascontiguousarray(layer).tobytes())
    return code.digest()


def _gathered(animation: Animation, shown: list[Enlarged], computed: list[Enlarged]) -> EnlargedFilm:
    frames = tuple(each.picture for each in shown)
    first = shown[0]
    told = {each.name: getattr(first, each.name) for each in fields(Enlarged)}
    told |= {
        "tiles": sum(each.tiles for each in computed),
        "events": tuple(dict.fromkeys(event for each in computed for event in each.events)),
        "agreement": min(
            (each.agreement for each in computed if each.agreement is not None),
            key=lambda agreement: agreement.worst,
            default=None,
        ),
    }
    return EnlargedFilm(**told, animation=replace(animation, frames=frames))
