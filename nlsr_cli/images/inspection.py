"""What a picture file is and says, without decoding a pixel: for `nlsr inspect`. Whether its pixels are sound, a header
does not tell, and neither does this.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nlsr_cli.images.bitmap import resolution_of
from nlsr_cli.images.border import border
from nlsr_cli.images.color import spaces
from nlsr_cli.images.containers import tiff
from nlsr_cli.images.facts import Facts
from nlsr_cli.images.formats import FORMATS, frame_index, read_statements
from nlsr_cli.images.loading import load
from nlsr_cli.images.metadata import exif_tags
from nlsr_cli.images.metadata.provenance import history
from nlsr_cli.images.metadata.statements import Statements
from nlsr_cli.images.metadata.thumbnail import has_thumbnail
from nlsr_cli.images.picture import Header
from nlsr_cli.images.reading import pillow_image, probe
from nlsr_cli.options import DEFAULT_MAX_PIXELS


@dataclass(frozen=True)
class Inspection:
    """What one file is and says. `profile` is the name of its colour profile, `provenance` its enlargements, the oldest
    first: names and values as `batch.provenance` gives them. `gain_map` is the (height, width) of one, as stored.
    `plays` is how often an animation is played, 0 for ever; None of a still picture, or where it is not said. `counted`
    is False where there may be more frames than the header counts.
    """

    path: Path
    size: int  # bytes
    header: Header
    profile: str | None
    dpi: tuple[float, float] | None
    exif: bool
    thumbnail: bool
    said: Statements
    provenance: tuple[dict[str, str], ...]
    gain_map: tuple[int, int] | None
    plays: int | None
    counted: bool

    def as_json(self) -> dict[str, Any]:
        """Return it as plain values, for one line of `--json`."""
        header, said = self.header, self.said
        return {
            "file": str(self.path),
            "bytes": self.size,
            "format": header.format,
            "width": header.width,
            "height": header.height,
            "depth": header.depth,
            "mode": header.mode,
            "alpha": header.has_alpha,
            "frames": header.frames if self.counted else None,
            "plays": self.plays,
            "pixels_checked": False,
            "profile": self.profile,
            "dpi": None if self.dpi is None else list(self.dpi),
            "metadata": {
                "exif": self.exif,
                "thumbnail": self.thumbnail,
                "xmp": said.xmp is not None,
                "iptc": said.iptc is not None,
                "comment": said.comment is not None,
                "gain_map": None
                if self.gain_map is None
                else dict(zip(("height", "width"), self.gain_map, strict=True)),
                "texts": [keyword for keyword, _ in said.texts],
            },
            "provenance": list(self.provenance),
            "notes": list(said.notes),
        }


def inspect_picture(
    source: str | Path | bytes, *, name: str | None = None, max_pixels: int = DEFAULT_MAX_PIXELS
) -> Inspection:
    """Return what a picture file, or its bytes, which messages then call `name`, is and says; pixels are not decoded.

    Raises:
        ImageReadError: as `probe`.
    """
    label = name or ("-" if isinstance(source, bytes) else str(source))
    data, format = load(source if isinstance(source, bytes) else Path(source), label, max_pixels)  # noqa: A001 - the word for it, in Pillow too
    header = probe(data, name=label, max_pixels=max_pixels)
    facts = FORMATS[format].facts(data)
    shown = facts.source or data
    info = _info(shown, format, label, max_pixels, facts)
    raw = facts.exif or (exif_tags.exif_block(info) if facts.still is None else None)
    from_tiff = FORMATS[format].tagged
    said = read_statements(format, shown, facts.xmp)
    gain_map = None if (find := FORMATS[format].gain_map) is None else find(data)
    return Inspection(
        path=Path(label),
        size=len(data),
        header=header,
        profile=_profile(info, facts),
        dpi=exif_tags.resolution(info, raw, format),
        exif=exif_tags.portable_exif(raw, from_tiff=from_tiff)[0] is not None,
        thumbnail=not from_tiff and has_thumbnail(raw or b""),
        said=said,
        provenance=history(said.xmp),
        gain_map=None if gain_map is None else gain_map.size,
        plays=_plays(format, data, header, facts),
        counted=facts.plays is None,
    )


def read_provenance(path: str | Path) -> dict[str, str]:
    """Return what a picture file says of its last enlargement by nlsr; empty where it says nothing.

    Raises:
        ImageReadError: as `probe`.
    """
    found = inspect_picture(path).provenance
    return dict(found[-1]) if found else {}


def _info(data: bytes, format: str, label: str, max_pixels: int, facts: Facts) -> Mapping[Any, object]:  # noqa: A002
    """Return what Pillow collects of a file; of one that it may not know how to decode, what was found without it."""
    found = {} if facts.icc is None else {"icc_profile": facts.icc}
    if facts.foreign is not None:
        return {} if facts.foreign.icc is None else {"icc_profile": facts.foreign.icc}
    if facts.bitmap is not None:
        return {**found, "dpi": resolution_of(facts.bitmap)}
    if FORMATS[format].tagged:
        profile = tiff.parse(data).root.entries.get(exif_tags.ICC_PROFILE)
        return {"icc_profile": profile.payload} if profile else {}
    with border(data, label, max_pixels), pillow_image(data, format) as image:
        return {**image.info, **found}


def _plays(format: str, data: bytes, header: Header, facts: Facts) -> int | None:  # noqa: A002
    if facts.plays is not None:
        return facts.plays
    index = frame_index(format, data) if header.frames > 1 else None
    return None if index is None else index.loop


def _profile(info: Mapping[Any, object], facts: Facts) -> str | None:
    icc = info.get("icc_profile")
    if isinstance(icc, bytes) and icc:
        return "unreadable" if spaces.space_of(icc) == "unreadable" else spaces.name_of(icc)
    if facts.colours is not None and facts.colours.told and not facts.colours.is_srgb(3):
        return f"none; stated by numbers: {facts.colours.as_coded or facts.colours.told}"
    return None
