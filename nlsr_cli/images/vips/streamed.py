"""A picture whose rows are yet to come, in bands, and what is known of it before and behind them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from nlsr_cli.images.color.managed import Claim, claim_of, managed
from nlsr_cli.images.color.out_of_gamut import ROUNDING, lost
from nlsr_cli.images.metadata import exif_tags
from nlsr_cli.images.modes import Decoded, turned
from nlsr_cli.images.parsed import Parsed
from nlsr_cli.images.picture import GainMap, Header, Metadata, Pixels
from nlsr_cli.images.reading import Opened, described
from nlsr_cli.images.vips.library import bands, library
from nlsr_cli.images.vips.routes import Route, route_of

# Bytes of the smallest picture, decoded, that is read a few rows at a time, were it of so many channels.
LEAST, CHANNELS = 1 << 25, 3


@dataclass(frozen=True)
class Outline:
    """What is known before the rows: (height, width) as stored, colours of a pixel and their type ("|u1").

    `alpha` and `excess` say that bands have them, which may turn out to be nothing. `orientation` is how the rows are
    to be turned, as of EXIF.
    """

    height: int
    width: int
    channels: int
    dtype: str
    alpha: bool
    excess: bool
    orientation: int


@dataclass(frozen=True, eq=False)
class Band:
    """The next rows, (rows, w, c), with alpha, (rows, w), and excess, (rows, w, c), where the outline says so."""

    color: Pixels
    alpha: Pixels | None
    excess: Pixels | None


@dataclass(frozen=True)
class Ending:
    """What is known behind the rows: the rest of the picture, and whether `alpha` and `excess` are anything."""

    metadata: Metadata
    notes: tuple[str, ...]
    gain_map: GainMap | None
    alpha: bool
    excess: bool


def streamed(file: Parsed, header: Header) -> Streamed | None:
    """Return the picture of a file, to be read a few rows at a time; None where it is small, or is to be read whole.

    Raises:
        ImageReadError: it is cut off.
        Exception: whatever decoders raise, for `border` to tell.
    """
    if header.height * header.width * CHANNELS * header.depth // 8 < LEAST or library() is None:
        return None
    route = route_of(file)
    return None if route is None else Streamed(file, route)


class Streamed:
    """The bands of one picture, to be taken once, and then its ending."""

    def __init__(self, file: Parsed, route: Route) -> None:
        self._file, self._route, self._sorting = file, route, route.sorting()
        self._raw = file.facts.exif or exif_tags.exif_block(route.info)
        # Two pixels, as one of them may be hidden as holding no data, which gives it alpha.
        shape = (1, 1, route.samples)
        tried = [route.sorting().sorted_out(np.full(shape, level, route.dtype)) for level in (0, 1)]
        color, self._alpha = tried[0][0], all(alpha is not None for _, alpha in tried)
        self._claim: Claim = claim_of(route.info, file.facts.colours, self._raw, color.shape[2])
        self._channels = color.shape[2]
        self._seen = managed(color, self._claim.icc, lost)
        made = self._seen.pixels
        hides = file.facts.nodata is not None or made.dtype.kind == "f"
        orientation = exif_tags.orientation(self._raw)
        self.outline = Outline(
            *route.size,
            made.shape[2],
            made.dtype.str,
            self._alpha or hides,
            self._seen.excess is not None,
            orientation,
        )
        self._largest = 0.0

    def bands(self) -> Iterator[Band]:
        """Yield the rows from top to bottom.

        Raises:
            ImageReadError: the file is damaged or cut off.
            Exception: whatever decoders raise, for `border` to tell.
        """
        for samples in bands(self._file.data, self._route.loader, self._route.size, self._file.label):
            if samples.shape[2] != self._route.samples or samples.dtype != self._route.dtype:
                raise ValueError("the samples do not match the header")
            color, alpha = self._sorting.sorted_out(samples)
            seen = managed(color, self._claim.icc, lost)
            if seen.excess is not None:
                self._largest = max(self._largest, float(seen.excess.max()), -float(seen.excess.min()))
            if alpha is None and self.outline.alpha:
                opaque = 1 if color.dtype.kind == "f" else np.iinfo(color.dtype).max
                alpha = np.full(color.shape[:2], opaque, color.dtype)
            yield Band(seen.pixels, alpha, seen.excess)

    def ending(self) -> Ending:
        """Return what is known behind the last band."""
        route, hiding, dtype = self._route, self._sorting.hiding, np.dtype(self.outline.dtype)
        color: npt.NDArray[np.generic] = np.broadcast_to(np.zeros((), dtype), (*route.size, self._channels))
        decoded = Decoded(color, None, self._sorting.notes, hiding.text, hiding.masked)
        decoded = turned(decoded, self.outline.orientation)
        found = Opened(decoded, route.mode, route.frames, route.info, self._raw)
        metadata, notes, gain_map = described(found, self._file, self._claim, self._seen)
        has_excess = self.outline.excess and self._largest > ROUNDING[dtype]
        return Ending(metadata, notes, gain_map, self._alpha or hiding.count > 0, has_excess)
