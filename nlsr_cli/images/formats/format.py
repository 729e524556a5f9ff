"""What a format is: how a file of it is known, what its header says, what it can hold, and who reads and writes it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from PIL import Image

from nlsr_cli.images.animation.frames import FrameIndex
from nlsr_cli.images.canvas import Canvas
from nlsr_cli.images.carries import Carries
from nlsr_cli.images.facts import Facts
from nlsr_cli.images.metadata.statements import Found
from nlsr_cli.images.modes import Decoded
from nlsr_cli.images.parts import Accounted
from nlsr_cli.images.picture import Animation, Pixels
from nlsr_cli.options import EncodeOptions

if TYPE_CHECKING:
    from nlsr_cli.images.gain_map import Located

Encoded: TypeAlias = tuple[bytes, tuple[str, ...]]  # the bytes of a file, and a note for each thing that had to change


@dataclass(frozen=True)
class Moving:
    """Animations of a format that are read whole.

    `index` returns what a file says of its frames, or None where it is no animation; `canvases` yields color and alpha
    of each frame as it is seen, and adds to the notes.
    """

    index: Callable[[bytes], FrameIndex | None]
    canvases: Callable[[Image.Image, FrameIndex, Facts, list[str]], Iterator[tuple[Pixels, Pixels | None]]]
    encode: Callable[[Animation, EncodeOptions], Encoded]
    palette: bool = False  # whether every frame has one


@dataclass(frozen=True)
class Writing:
    """How a format is written.

    `heeds` names the options of encoding that its bytes follow from; `least_share` is the least share of its bare
    samples that a file has taken: what is smooth compresses far, and a place with less room holds no photograph.
    """

    encode: Callable[[Canvas, EncodeOptions], Encoded]
    carries: Carries
    heeds: tuple[str, ...]
    least_share: float


@dataclass(frozen=True)
class Format:
    """One format of picture files.

    Args:
        name: what Pillow and `Metadata.format` call it.
        suffixes: usual endings; outputs get the first one.
        sniff: tells whether a file begins like one of this format.
        facts: returns what the header says.
        part: what notes call a part of such a file.
        account: returns the fate of every part; None where parts have no fate of their own.
        statements: returns what is said in words; None where `facts` finds it.
        check_parts: refuses a file of countless parts, under the label that messages give it.
        prepare: returns the bytes that Pillow is given.
        decode: decodes without Pillow; None leaves it to Pillow.
        package: the optional package that reads it, with what messages call such a file (`called`).
        plugin: the module of Pillow that knows it, where Pillow does not load that by itself.
        feature: what Pillow must have been built with.
        tagged: whether its header is a directory of TIFF tags.
        noisy: whether its decoder prints.
        turned: whether Pillow brings it upright by itself.
        gain_map: finds a gain map in it.
        quality: estimates the quality with which it was compressed.
        single: the format in which a file of a single frame is written, if not its own, and the note that says why.
    """

    name: str
    suffixes: tuple[str, ...]
    sniff: Callable[[bytes], bool]
    facts: Callable[[bytes], Facts]
    part: str = ""
    account: Callable[[bytes], tuple[Accounted, ...]] | None = None
    statements: Callable[[bytes], Found] | None = None
    check_parts: Callable[[bytes, str], None] | None = None
    prepare: Callable[[bytes], bytes] | None = None
    decode: Callable[[bytes], Decoded] | None = None
    package: str | None = None
    called: str = ""
    plugin: str = ""
    feature: str | None = None
    tagged: bool = False
    noisy: bool = False
    turned: bool = False
    gain_map: Callable[[bytes], Located | None] | None = None
    quality: Callable[[bytes], int | None] | None = None
    single: tuple[str, str] | None = None
    moving: Moving | None = None
    writing: Writing | None = None
