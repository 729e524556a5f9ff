"""Degradation as pictures have it, described in one line, the same for `nlsr evaluate` and `nlsr train`.

A description is a list of steps that follow each other, such as `noise:12,jpeg:50`. A step is a name, a value or a
range of values that one is drawn from, maybe a variant after a slash, and maybe its chance after an at sign:
`reduce/any@0.5,blur:0.3-1.2@0.3,noise:0-16/any@0.5,jpeg:30-98/any@0.7`.

    reduce  how a picture was made smaller, first of all  /bicubic, /area, /lanczos, /bilinear, /nearest, /any; no value
    blur    standard deviation of a Gaussian, pixels      /round (default), /oblique (turned, of two widths), /any
    noise   standard deviation in levels of 8 bits        /gauss (default), /poisson (grows with the light), /grain
                                                          (of neighbouring pixels alike), /chroma (of colours), /any
    jpeg    quality of libjpeg, 1 to 100                  /420 (default), /444, /any
    webp    quality of libwebp, 1 to 100
    shift   pixels by which the grid of a codec moves     (cut off above and to the left)

Every draw comes from one generator: the same seed gives the same pixels.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO

import numpy as np
import numpy.typing as npt
from PIL import Image

from nlsr_cli.errors import OptionError, nearest
from nlsr_cli.images import Pixels, reduce_bicubic
from nlsr_cli.nlsn.conditioning import compression_of, noise_of

HINT = "For example: --degrade noise:6,jpeg:75"

Generator = np.random.Generator
Reals = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Step:
    """One step: its name, the range that its value is drawn from, its variant, and how likely it is taken."""

    name: str
    low: float
    high: float
    variant: str
    chance: float


@dataclass(frozen=True)
class Degraded:
    """A damaged picture, (h, w, 3) uint8, and what a network is told of it: compression and noise from 0 to 1.

    `offset` are the rows and columns that shifts have cut off, above and to the left.
    """

    pixels: Pixels
    compression: float
    noise: float
    offset: tuple[int, int] = (0, 0)


@dataclass(frozen=True)
class Degradation:
    """A description of damage that was understood; `text` is what it was read from."""

    text: str
    steps: tuple[Step, ...]

    @classmethod
    def parse(cls, text: str, without: tuple[str, ...] = ()) -> Degradation:
        """Read a description; an empty one leaves pictures as they are. No hint proposes a step of `without`.

        Raises:
            OptionError: a step is unknown, or a value is out of its range.
        """
        steps = tuple(_step(part, without) for part in text.split(",") if part.strip())
        if any(step.name == "reduce" for step in steps[1:]):
            raise OptionError("reduce must be the first degradation", HINT)
        return cls(text, steps)

    @property
    def moves(self) -> bool:
        """Tell whether pixels change their place, so that a whole picture no longer lies on its truth."""
        return any(step.name == "shift" for step in self.steps)

    @property
    def reduces(self) -> bool:
        """Tell whether it says how pictures are reduced."""
        return any(step.name == "reduce" for step in self.steps)

    @property
    def margin(self) -> int:
        """Return how many pixels around a patch have a part in it: a block of a codec, kernels and all shifts."""
        return 16 + sum(int(step.high) for step in self.steps if step.name == "shift") if self.steps else 0

    def draw(self, generator: Generator) -> Degradation:
        """Return one damage of all that are described: the steps that are taken, each with one value and variant."""
        steps = []
        for step in self.steps:
            if generator.random() < step.chance:
                value = step.low + (step.high - step.low) * generator.random()
                steps.append(Step(step.name, value, value, _drawn(step, generator), 1.0))
        return Degradation(self.text, tuple(steps))

    def draw_kernel(self, generator: Generator) -> str:
        """Return the kernel that reduces a picture: bicubic where nothing else is described."""
        step = self.steps[0] if self.steps and self.steps[0].name == "reduce" else None
        return BICUBIC if step is None or generator.random() >= step.chance else _drawn(step, generator)

    def reduce(self, pixels: Pixels, scale: int, generator: Generator) -> Pixels:
        """Return a picture, (s h, s w, 3) uint8, reduced to (h, w, 3) as described."""
        return reduce_by(self.draw_kernel(generator), pixels, scale)

    def apply(self, pixels: Pixels, generator: Generator) -> Degraded:
        """Damage a reduced picture, (h, w, 3) uint8. A shift leaves as many rows and columns less."""
        compression, noise, (height, width) = 0.0, 0.0, pixels.shape[:2]
        for step in self.steps:
            if step.name == "reduce":
                continue
            if generator.random() >= step.chance:
                continue
            value = step.low + (step.high - step.low) * generator.random()
            variant = _drawn(step, generator)
            pixels = _APPLY[step.name](pixels, value, variant, generator)
            if step.name in ("jpeg", "webp"):
                compression = max(compression, compression_of(value))
            elif step.name == "noise":
                noise = max(noise, noise_of(value))
        return Degraded(pixels, compression, noise, (height - pixels.shape[0], width - pixels.shape[1]))


BICUBIC = "bicubic"  # ours, as MATLAB has it
_KERNELS = {  # of the library, widened for reduction but for the nearest pixel
    "area": Image.Resampling.BOX,
    "lanczos": Image.Resampling.LANCZOS,
    "bilinear": Image.Resampling.BILINEAR,
    "nearest": Image.Resampling.NEAREST,
}


def reduce_by(kernel: str, pixels: Pixels, scale: int) -> Pixels:
    """Return a picture, (s h, s w, 3) uint8, reduced to (h, w, 3) by a kernel of a name."""
    if kernel == BICUBIC:
        return reduce_bicubic(pixels, scale)
    size = pixels.shape[1] // scale, pixels.shape[0] // scale
    return np.asarray(Image.fromarray(np.ascontiguousarray(pixels)).resize(size, _KERNELS[kernel]))


_VARIANTS = {
    "reduce": (BICUBIC, *_KERNELS),
    "blur": ("round", "oblique"),
    "noise": ("gauss", "poisson", "grain", "chroma"),
    "jpeg": ("420", "444"),
    "webp": ("",),
    "shift": ("",),
}
_RANGES = {"reduce": (0, 0), "blur": (0, 8), "noise": (0, 128), "jpeg": (1, 100), "webp": (1, 100), "shift": (0, 15)}
_PATTERN = re.compile(r"([a-z]+)(?::(\d+(?:\.\d+)?)(?:-(\d+(?:\.\d+)?))?)?(?:/([a-z0-9]+))?(?:@(\d(?:\.\d+)?|\.\d+))?")


def _step(part: str, without: tuple[str, ...]) -> Step:
    found = _PATTERN.fullmatch(part.strip().lower())
    name = found[1] if found else part.strip().partition(":")[0]
    if name not in _VARIANTS:
        raise OptionError(
            f"unknown degradation '{name[:40]}'", nearest(name, (each for each in _VARIANTS if each not in without))
        )
    if found is None or (found[2] is None) != (name == "reduce"):
        raise OptionError(f"'{part.strip()[:60]}' is not a degradation", HINT)
    low, high = float(found[2] or 0), float(found[3] or found[2] or 0)
    least, most = _RANGES[name]
    if not least <= low <= high <= most:
        raise OptionError(f"the value of {name} must be from {least} to {most}, the lower end of a range first", HINT)
    variant, known = found[4] or _VARIANTS[name][0], (*_VARIANTS[name], "any")
    if variant not in known:
        raise OptionError(f"unknown variant '{variant[:40]}' of {name}", nearest(variant, filter(None, known)))
    chance = float(found[5] or 1)
    if chance > 1:
        raise OptionError(f"the chance of {name} must be from 0 to 1, not {chance:g}", HINT)
    return Step(name, low, high, variant, chance)


def _drawn(step: Step, generator: Generator) -> str:
    """Return the variant; of a JPEG, seven in ten have fewer colour samples, as cameras and the web write them."""
    if step.variant != "any":
        return step.variant
    if step.name == "jpeg":
        return "420" if generator.random() < 0.7 else "444"
    return str(generator.choice(_VARIANTS[step.name]))


def _rounded(values: Reals) -> Pixels:
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)


def _blur(pixels: Pixels, sigma: float, variant: str, generator: Generator) -> Pixels:
    if sigma < 0.05:
        return pixels
    ratio, angle = (generator.uniform(0.4, 1), generator.uniform(0, np.pi)) if variant == "oblique" else (1.0, 0.0)
    return _rounded(_convolved(pixels.astype(np.float32), _gaussian(sigma, sigma * ratio, angle)))


def _gaussian(along: float, across: float, angle: float) -> Reals:
    """Return a kernel (k, k) that sums to one: a Gaussian with two widths, turned by an angle."""
    reach = max(1, int(np.ceil(3 * along)))
    y, x = np.mgrid[-reach : reach + 1, -reach : reach + 1].astype(np.float32)
    u, v = x * np.cos(angle) + y * np.sin(angle), y * np.cos(angle) - x * np.sin(angle)
    kernel = np.exp(-0.5 * ((u / along) ** 2 + (v / across) ** 2))
    return np.asarray(kernel / kernel.sum(), np.float32)


def _convolved(values: Reals, kernel: Reals) -> Reals:
    """Return (h, w, c) convolved with a kernel (k, k); the border is repeated."""
    reach = len(kernel) // 2
    padded = np.pad(values, ((reach, reach), (reach, reach), (0, 0)), mode="edge")
    result = np.zeros_like(values)
    height, width = values.shape[:2]
    for (row, column), weight in np.ndenumerate(kernel):
        result += weight * padded[row : row + height, column : column + width]
    return result


def _noise(pixels: Pixels, sigma: float, variant: str, generator: Generator) -> Pixels:
    values = pixels.astype(np.float32)
    drawn = generator.standard_normal(values.shape, np.float32)
    if variant == "poisson":  # as strong as stated at the middle of the range
        drawn *= np.sqrt(values / 128)
    elif variant == "grain":
        kernel = _gaussian(0.7, 0.7, 0.0)
        drawn = np.repeat(_convolved(drawn[..., :1], kernel), 3, axis=2) / np.sqrt((kernel**2).sum())
    elif variant == "chroma":  # sensors and their software leave more noise in colour than in light
        drawn = drawn - 0.7 * drawn.mean(axis=2, keepdims=True)
        drawn /= np.sqrt((drawn**2).mean())
    return _rounded(values + np.float32(sigma) * drawn)


def _coded(format: str, **settings: object) -> Callable[[Pixels, float], Pixels]:  # noqa: A002 - the word for it
    def code(pixels: Pixels, quality: float) -> Pixels:
        buffer = BytesIO()
        Image.fromarray(pixels).save(buffer, format, quality=round(quality), **settings)
        return np.asarray(Image.open(buffer).convert("RGB"))

    return code


_JPEG = {"420": _coded("JPEG", subsampling="4:2:0"), "444": _coded("JPEG", subsampling="4:4:4")}
_WEBP = _coded("WEBP")


def _shift(pixels: Pixels, most: float, variant: str, generator: Generator) -> Pixels:
    down, across = generator.integers(0, int(most) + 1, 2)
    return np.ascontiguousarray(pixels[down:, across:])


_APPLY: dict[str, Callable[[Pixels, float, str, Generator], Pixels]] = {
    "blur": _blur,
    "noise": _noise,
    "jpeg": lambda pixels, quality, variant, _: _JPEG[variant](pixels, quality),
    "webp": lambda pixels, quality, *_: _WEBP(pixels, quality),
    "shift": _shift,
}
