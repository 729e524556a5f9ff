"""What a picture file is and says, without decoding a pixel: for `nlsr inspect`. Whether its pixels are sound, a header
does not tell, and neither does this.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nlsr_cli.errors import ImageReadError
from nlsr_cli.images.border import border
from nlsr_cli.images.color import spaces
from nlsr_cli.images.facts import Facts
from nlsr_cli.images.loading import load
from nlsr_cli.images.metadata import exif_tags
from nlsr_cli.images.metadata.provenance import history
from nlsr_cli.images.metadata.statements import Statements, portable
from nlsr_cli.images.metadata.thumbnail import has_thumbnail
from nlsr_cli.images.pages import Pages
from nlsr_cli.images.parsed import Parsed
from nlsr_cli.images.picture import Header
from nlsr_cli.images.reading import looked_at
from nlsr_cli.options import DEFAULT_MAX_PIXELS


@dataclass(frozen=True)
class Inspection:
    """What one file is and says. `profile` is the name of its colour profile, `provenance` its enlargements, the oldest
    first: names and values as `batch.provenance` gives them. `gain_map` is the (height, width) of one, as stored.
    `plays` is how often an animation is played, 0 for ever; None of a still picture, or where it is not said. `counted`
    is False where there may be more frames than the header counts. `pages` are those of a TIFF of several, each as its
    header or what is wrong with that.
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
    pages: tuple[Header | ImageReadError, ...] = ()

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
            "pages": [_page_json(each) for each in self.pages] or None,
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
    file = load(source, name, max_pixels)
    facts = file.facts
    with border(file.data, file.label, file.max_pixels):
        header, info = looked_at(file)
    raw = facts.exif or (exif_tags.exif_block(info) if facts.still is None else None)
    said = portable(file.found)
    return Inspection(
        path=Path(file.label),
        size=len(file.data),
        header=header,
        profile=_profile(info, facts),
        dpi=exif_tags.resolution(info, raw, file.format),
        exif=exif_tags.portable_exif(raw, from_tiff=file.tagged)[0] is not None,
        thumbnail=not file.tagged and has_thumbnail(raw or b""),
        said=said,
        provenance=history(said.xmp),
        gain_map=None if file.located is None else file.located.size,
        plays=_plays(file, header),
        counted=facts.plays is None,
        pages=tuple(_headers(file)) if file.tagged else (),
    )


def read_provenance(path: str | Path) -> dict[str, str]:
    """Return what a picture file says of its last enlargement by nlsr; empty where it says nothing.

    Raises:
        ImageReadError: as `probe`.
    """
    found = inspect_picture(path).provenance
    return dict(found[-1]) if found else {}


def _headers(file: Parsed) -> Iterator[Header | ImageReadError]:
    """Yield what the header of each page says, where there are several."""
    with Pages(file.data, file.label) as pages:
        for number, leaf in enumerate(pages.leaves, 1):
            name = f"page {number} of {file.label}"
            try:
                page = load(pages.excerpt(leaf, name, file.max_pixels), name, file.max_pixels)
                _ = page.facts
                with border(page.data, name, file.max_pixels):
                    yield looked_at(page)[0]
            except ImageReadError as error:
                yield error


def _page_json(page: Header | ImageReadError) -> dict[str, Any]:
    sound, error = (None, page) if isinstance(page, ImageReadError) else (page, None)
    return {
        "width": sound and sound.width,
        "height": sound and sound.height,
        "depth": sound and sound.depth,
        "mode": sound and sound.mode,
        "alpha": sound and sound.has_alpha,
        "error": error and error.as_json(),
    }


def _plays(file: Parsed, header: Header) -> int | None:
    if file.facts.plays is not None:
        return file.facts.plays
    return file.index.loop if header.frames > 1 and file.index is not None else None


def _profile(info: Mapping[Any, object], facts: Facts) -> str | None:
    icc = info.get("icc_profile")
    if isinstance(icc, bytes) and icc:
        return "unreadable" if spaces.space_of(icc) == "unreadable" else spaces.name_of(icc)
    if facts.colours is not None and facts.colours.told and not facts.colours.is_srgb(3):
        return f"none; stated by numbers: {facts.colours.as_coded or facts.colours.told}"
    return None
