"""Which colours a file claims to have: by its profile, by numbers of which a profile is made, or by a curve for HDR."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from nlsr_cli.images.color import profiles, spaces
from nlsr_cli.images.color.profiles import Colours
from nlsr_cli.images.metadata import exif_tags


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
