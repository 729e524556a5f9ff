"""Which colours a file claims to have: by its profile, by numbers of which a profile is made, or by a curve for HDR.

And how decoded pixels come from those into sRGB.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from nlsr_cli.images.color import profiles, spaces
from nlsr_cli.images.color.out_of_gamut import Excess, excess_of
from nlsr_cli.images.color.profiles import Colours
from nlsr_cli.images.metadata import exif_tags
from nlsr_cli.images.picture import Pixels

Measure = Callable[[Pixels, Pixels, bytes], Excess | None]
MAX_PROFILE = 255 * 65519  # bytes: the segments that a JPEG has for it (ICC.1, annex B.4); PNG is held to 16 MiB here


@dataclass(frozen=True)
class Claim:
    """The profile that counts, or the body of a cICP chunk where samples must stay as they are coded, and notes."""

    icc: bytes | None = None
    code_points: bytes | None = None
    notes: tuple[str, ...] = ()


def claim_of(info: Mapping[Any, object], colours: Colours | None, raw: bytes | None, channels: int) -> Claim:
    """Return the colours of a picture of 1 (grey), 3 or 4 (CMYK) channels.

    `info` is what Pillow collected, `colours` what the header states by numbers (None: nothing), `raw` the EXIF block.
    A curve for HDR outranks a profile, which outranks other numbers, which outrank EXIF.
    """
    icc = info.get("icc_profile")
    icc = icc if isinstance(icc, bytes) and icc else None
    if colours is not None and colours.as_coded:
        return _as_coded(colours, icc)
    if icc is not None or channels == 4:
        return Claim(icc)
    if "icc_profile" in info:  # Pillow's sign that it could not decode one
        return Claim(notes=("The colour profile is damaged and is left out; colours are read as sRGB.",))
    if colours is not None:
        return _by_numbers(colours, channels)
    if exif_tags.states_adobe_rgb(raw):
        note = "EXIF says Adobe RGB, but there is no colour profile; one is built from its published values."
        return Claim(profiles.adobe_rgb(channels), notes=(note,))
    return Claim()


def _as_coded(colours: Colours, icc: bytes | None) -> Claim:
    primaries, transfer, full = colours.codes or (2, 2, True)
    notes = [f"The samples are coded in {colours.as_coded} and are enlarged without conversion."]
    if icc is not None:
        notes.append("The colour profile is left out: the code points of the file outrank it.")
    return Claim(None, bytes((min(primaries, 255), transfer, 0, full)), tuple(notes))


def _by_numbers(colours: Colours, channels: int) -> Claim:
    if colours.is_srgb(channels):
        return Claim()
    made = profiles.profile_for(colours, channels)
    usable = made is not None and spaces.space_of(made) == ("GRAY" if channels == 1 else "RGB")
    if made is None or not usable or not spaces.is_invertible(made):
        return Claim(notes=(f"The colours that the file states ({colours.told}) are ignored; it is read as sRGB.",))
    if channels == 3 and spaces.is_nearly_srgb(made):
        return Claim()
    return Claim(made, notes=(f"The file states {colours.told} without a colour profile; one is built from them.",))


@dataclass(frozen=True)
class Managed:
    """Pixels in sRGB (grey: as stored), the profile that belongs to the picture from now on, notes, and the excess."""

    pixels: Pixels
    icc: bytes | None
    notes: tuple[str, ...] = ()
    excess: Excess | None = None


def managed(pixels: Pixels, icc: bytes | None, measure: Measure = excess_of) -> Managed:
    """Return grey, RGB or CMYK pixels, (h, w, 1, 3 or 4), of a profile's space in sRGB, or grey as they are.

    A profile that is larger than every format holds goes, and grey of it becomes that of sRGB. `measure` gives the
    excess: of a whole picture, or of a band of one, of which nobody knows yet whether it has any.
    """
    if pixels.shape[2] == 4:
        found = _cmyk(pixels, icc)
    else:
        found = Managed(pixels, None) if icc is None else _light(pixels, icc, measure)
    if found.icc is None or len(found.icc) <= MAX_PROFILE:
        return found
    pixels = found.pixels
    if pixels.shape[2] == 1 and pixels.dtype == np.uint8 and spaces.space_of(found.icc) == "GRAY":
        pixels = spaces.grey_to_srgb(pixels, found.icc)
    note = f"The colour profile of {len(found.icc)} bytes is too large to be kept."
    return Managed(pixels, None, (*found.notes, note))


def _light(pixels: Pixels, icc: bytes, measure: Measure) -> Managed:
    space, name = spaces.space_of(icc), spaces.name_of(icc)
    if space == "unreadable":
        note = "The colour profile is unreadable; it is kept, and colours are read as sRGB."
        return Managed(pixels, icc, (note,))
    if pixels.shape[2] == 1:
        if space == "GRAY":
            return Managed(pixels, icc)
        if space == "RGB":
            note = f"The profile '{name}' is for RGB but the picture is grey; both are kept as they are."
            return Managed(pixels, icc, (note,))
    elif space == "RGB":
        return _rgb(pixels, icc, name, measure)
    return Managed(pixels, None, (f"The profile '{name}' does not fit the picture and is left out.",))


def _rgb(pixels: Pixels, icc: bytes, name: str, measure: Measure) -> Managed:
    if spaces.is_nearly_srgb(icc):
        return Managed(pixels, icc)
    converted = spaces.to_srgb(pixels, icc)
    if not spaces.is_invertible(icc):
        note = f"Colours are converted from '{name}' to sRGB and stay in sRGB: the profile cannot convert them back."
        return Managed(converted, None, (note,))
    note = f"Colours are converted from '{name}' to sRGB for enlarging, and back."
    return Managed(converted, icc, (note,), measure(pixels, converted, icc))


def _cmyk(pixels: Pixels, icc: bytes | None) -> Managed:
    if icc is None or spaces.space_of(icc) != "CMYK":
        return Managed(spaces.plain_cmyk_to_rgb(pixels), None, ("CMYK without a usable profile is converted to RGB.",))
    note = f"CMYK is converted from '{spaces.name_of(icc)}' to sRGB for enlarging, and converted back by that profile."
    return Managed(spaces.to_srgb(pixels, icc), icc if spaces.is_invertible(icc) else None, (note,))
