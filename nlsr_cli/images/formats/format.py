"""What a format is: how a file of it is known, what it can hold, and who reads and writes it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeAlias

from PIL import Image

from nlsr_cli.images.animation.frames import FrameIndex
from nlsr_cli.images.canvas import Canvas
from nlsr_cli.images.carries import Carries
from nlsr_cli.images.encoding.bands import Bands, whole
from nlsr_cli.images.facts import Facts
from nlsr_cli.images.parsed import Parsed
from nlsr_cli.images.picture import Animation, Pixels
from nlsr_cli.options import EncodeOptions
from nlsr_cli.storing import Pieces

WHOLE = 3  # times the bytes of its samples that a picture takes, at most, while it is encoded as a whole
Encoded: TypeAlias = tuple[bytes, tuple[str, ...]]  # the bytes of a file, and a note for each thing that had to change


@dataclass(frozen=True)
class Moving:
    """Animations of a format that are read whole.

    `canvases` yields color and alpha of each frame as it is seen, and adds to the notes.
    """

    canvases: Callable[[Image.Image, FrameIndex, Facts, list[str]], Iterator[tuple[Pixels, Pixels | None]]]
    encode: Callable[[Animation, EncodeOptions], Encoded]
    palette: bool = False  # whether every frame has one


@dataclass(frozen=True)
class Writing:
    """How a format is written.

    `encode` gets what is to be said of a picture, then its rows in bands of any heights, and yields the file in pieces;
    the same rows give the same file. `whole` says that it takes all rows before it yields any: such a picture must fit
    into memory. `tiled` says that it is tiles in a folder, and a file that describes them. `heeds` names the options of
    encoding that its bytes follow from; `least_share` is the least share of its bare samples that a file has taken:
    what is smooth compresses far, and a place with less room holds no photograph. `pace` is how long a million pixels
    take, in seconds: roughly, on a processor of 2020.
    """

    encode: Callable[[Canvas, Bands, EncodeOptions], Pieces]
    carries: Carries
    heeds: tuple[str, ...]
    least_share: float
    whole: bool = False
    tiled: bool = False
    pace: float = 0.03

    def memory(self, samples: int) -> int:
        """Return the bytes that encoding a picture of so many bytes takes at most, beside a few bands."""
        return WHOLE * samples if self.whole else 0


def encode_whole(
    encode: Callable[[Canvas, Pixels, EncodeOptions], Encoded],
) -> Callable[[Canvas, Bands, EncodeOptions], Pieces]:
    """Return what encodes bands where `encode` asks for all pixels, (h, w, c)."""

    def encoded(canvas: Canvas, bands: Bands, options: EncodeOptions) -> Pieces:
        data, notes = encode(canvas, whole(bands, canvas.shape, canvas.dtype), options)
        yield data
        return notes

    return encoded


@dataclass(frozen=True)
class Format:
    """One format of picture files.

    Args:
        name: what Pillow and `Metadata.format` call it.
        suffixes: usual endings; outputs get the first one.
        sniff: tells whether a file begins like one of this format.
        parse: makes the value that a file of it is, from its bytes, what messages call it, and the pixels allowed; None
            where it is written and not read.
        package: the optional package that reads it, with what messages call such a file (`called`).
        plugin: the module of Pillow that knows it, where Pillow does not load that by itself.
        feature: what Pillow must have been built with.
        single: the format in which a file of a single frame is written, if not its own, and the note that says why.
    """

    name: str
    suffixes: tuple[str, ...]
    sniff: Callable[[bytes], bool] = lambda head: False
    parse: Callable[[bytes, str, int], Parsed] | None = None
    package: str | None = None
    called: str = ""
    plugin: str = ""
    feature: str | None = None
    single: tuple[str, str] | None = None
    moving: Moving | None = None
    writing: Writing | None = None
