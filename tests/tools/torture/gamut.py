"""The error in colour that each profile costs: enlarge, reduce by the mean of each block, compare in CIE Lab.

The same numbers are given the meaning of each profile, so that wide spaces hold wide colours. What remains without any
profile is the network's own part; what a profile adds to it is the way to sRGB and back.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from tests.conftest import ASSETS
from tests.images.files import shorts, tiff
from tests.tools.torture import facts
from tests.tools.torture.carried import PROFILES, profile_bytes
from tests.tools.torture.colours import difference, lab_of, reduced
from tests.tools.torture.command import nlsr
from tests.tools.torture.report import Result, markdown

SCALE = 2
# Mean and worst CIEDE2000 that a profile may cost beside what the network does without one. Inks are stored in 8 bits
# each, and the tables that lead to them are no exact inverse of those that lead back.
BOUNDS = {"smooth": (0.25, 1.2), "photograph": (0.25, 6.0)}
INK_BOUNDS = (0.8, 3.0)
NONE = "none"


@dataclass(frozen=True)
class Error:
    """CIEDE2000 of one picture: over all pixels the mean, the 99th percentile and the worst."""

    profile: str
    picture: str
    mean: float
    high: float
    worst: float


def run(folder: Path, side: int) -> Result:
    """Measure every profile on a smooth picture with all hues and on a photograph."""
    found = Result("gamut")
    folder.mkdir()
    pictures = {"smooth": smooth(side), "photograph": photograph(side)}
    sources: dict[str, tuple[str, str, bytes | None]] = {}
    for profile in (NONE, *(name for name in PROFILES if name != "scanner")):
        for name, pixels in pictures.items():
            data = profile_bytes(profile) if profile != NONE else None
            file = f"{profile}-{name}".replace(" ", "_") + ".tif"
            (folder / file).write_bytes(encoded(pixels, profile, data))
            sources[file] = profile, name, data
    ended = nlsr("upscale", folder, "-o", folder / "out", "--scale", SCALE, "--json", "--precision", "fp32")
    errors = []
    for file, (profile, name, data) in sources.items():
        outcome = ended.outcomes.get(file, {})
        if outcome.get("status") != "done":
            found.expect(False, f"profile {profile} on the {name} picture: {outcome or ended}")
            continue
        errors.append(measure(folder / file, Path(outcome["output"]), profile, name, data))
    found.table = markdown(
        ("profile", "picture", "mean ΔE2000", "99 %", "worst"),
        [(e.profile, e.picture, f"{e.mean:.2f}", f"{e.high:.2f}", f"{e.worst:.2f}") for e in errors],
    )
    judge(found, errors)
    return found


def judge(found: Result, errors: list[Error]) -> None:
    """Hold the errors against the bounds, and give those of the smooth picture as figures."""
    plain = {error.picture: error for error in errors if error.profile == NONE}
    for error in errors:
        if error.picture == "smooth":
            found.figures[f"ΔE {error.profile}"] = f"{error.mean:.2f}/{error.worst:.1f}"
        if error.profile == NONE or error.picture not in plain:
            continue
        base = plain[error.picture]
        mean, worst = INK_BOUNDS if error.profile == "CMYK" else BOUNDS[error.picture]
        fits = error.mean <= base.mean + mean and error.worst <= base.worst + worst
        what = f"{error.profile} costs ΔE {error.mean:.2f} in the mean, {error.worst:.1f} at worst"
        found.expect(fits, f"{what} on the {error.picture}; without a profile {base.mean:.2f} and {base.worst:.1f}")


def measure(source: Path, output: Path, profile: str, name: str, data: bytes | None) -> Error:
    """Return the difference between a picture and its enlargement, reduced."""
    before, after = facts.read(source.read_bytes()), facts.read(output.read_bytes())
    assert before.pixels is not None
    assert after.pixels is not None
    delta = difference(lab_of(before.pixels, data), lab_of(reduced(after.pixels, SCALE), after.icc))
    return Error(profile, name, float(delta.mean()), float(np.percentile(delta, 99)), float(delta.max()))


def smooth(side: int) -> npt.NDArray[np.uint8]:
    """Return (h, w, 3) with every hue across, from pale to saturated down, without edges."""
    rows, columns = np.mgrid[0:side, 0:side] / (side - 1)
    waves = [0.5 + 0.5 * np.cos(2 * np.pi * (columns - shift)) for shift in (0, 1 / 3, 2 / 3)]
    layers = [0.75 + rows * (wave - 0.75) for wave in waves]
    return np.rint(np.stack(layers, axis=-1) * 255).astype(np.uint8)


def photograph(side: int) -> npt.NDArray[np.uint8]:
    """Return a part of a photograph."""
    with Image.open(ASSETS / "colosseum.png") as image:
        return np.asarray(image.convert("RGB").crop((60, 60, 60 + side, 60 + side)))


def encoded(pixels: npt.NDArray[np.uint8], profile: str, data: bytes | None) -> bytes:
    """Return a TIFF of the pixels, as grey or CMYK where the profile is for that."""
    kinds = PROFILES[profile][0] if profile != NONE else ("rgb",)
    if "cmyk" in kinds:
        ink = (255 - pixels).astype(int)
        black = ink.min(axis=-1, keepdims=True) // 2
        pixels = np.concatenate((ink - black, black), axis=-1).astype(np.uint8)
    elif "grey" in kinds:
        pixels = pixels.mean(axis=-1, keepdims=True).round().astype(np.uint8)
    height, width, count = pixels.shape
    tags = {256: shorts("<", width), 257: shorts("<", height), 258: shorts("<", *[8] * count), 259: shorts("<", 1)}
    tags |= {262: shorts("<", {1: 1, 3: 2, 4: 5}[count]), 277: shorts("<", count), 278: shorts("<", height)}
    if data is not None:
        tags[34675] = 7, len(data), data
    return tiff("<", tags, pixels.tobytes())
