"""What the process that decodes is asked and answers, and how each field of it travels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from nlsr_cli.images.parsed import PageKind
from nlsr_cli.images.picture import DTYPES, Animation, GainMap, Header, Metadata, Picture
from nlsr_cli.images.vips.streamed import Band, Ending, Outline
from nlsr_cli.isolation.wire import ARRAY, BYTES, FLAG, NUMBER, TEXT, WHOLE, choice, either, many, maybe, record, row


@dataclass(frozen=True)
class Request:
    """What is to be done with a file, which messages call `name`, or with its bytes, within `seconds`.

    `whole` says that all frames of an animation are wanted, `memory` how many bytes reading may take; None is what
    decoders need. `page` says that the file is one page of another, as of `Parsed`.
    """

    action: Literal["probe", "read"]
    source: str | bytes
    name: str
    max_pixels: int
    seconds: float
    whole: bool = False
    memory: int | None = None
    page: PageKind = ""


@dataclass(frozen=True)
class Ready:
    """The first answer: the process has started."""

    process: int


@dataclass(frozen=True)
class Content:
    """What a file holds, and the SHA-256 of the very bytes that this was decoded from, as hexadecimal digits."""

    sha256: str
    picture: Picture | Animation


@dataclass(frozen=True)
class Finished:
    """Behind the last band of a picture that came in bands: what a `Content` says beside its pixels."""

    sha256: str
    ending: Ending


@dataclass(frozen=True)
class Refusal:
    """Why a file cannot be read: of these an ImageReadError is made where its path is known."""

    reason: str
    hint: str


# In the order of the fields, and each class after those that it is made of.
METADATA = record(
    Metadata,
    format=TEXT,
    mode=TEXT,
    icc=maybe(BYTES),
    exif=maybe(BYTES),
    dpi=maybe(row(NUMBER, NUMBER)),
    lossless=FLAG,
    thumbnail=FLAG,
    xmp=maybe(BYTES),
    iptc=maybe(BYTES),
    texts=many(row(TEXT, TEXT)),
    comment=maybe(BYTES),
    code_points=maybe(BYTES),
    size=maybe(row(WHOLE, WHOLE)),
    mastering=maybe(BYTES),
    tiff_tags=many(row(WHOLE, WHOLE, BYTES)),
    nodata=maybe(TEXT),
    masked=FLAG,
    jpeg_quality=maybe(WHOLE),
)
GAIN_MAP = record(GainMap, pixels=ARRAY, iso=maybe(BYTES), xmp=maybe(BYTES), icc=maybe(BYTES))
PICTURE = record(
    Picture,
    color=ARRAY,
    alpha=maybe(ARRAY),
    metadata=METADATA,
    notes=many(TEXT),
    excess=maybe(ARRAY),
    gain_map=maybe(GAIN_MAP),
)
ANIMATION = record(Animation, frames=many(PICTURE), durations=many(NUMBER), loop=WHOLE, notes=many(TEXT))
record(Header, format=TEXT, mode=TEXT, height=WHOLE, width=WHOLE, depth=WHOLE, frames=WHOLE, has_alpha=FLAG)
record(
    Request,
    action=choice("probe", "read"),
    source=either({str: TEXT, bytes: BYTES}),
    name=TEXT,
    max_pixels=WHOLE,
    seconds=NUMBER,
    whole=FLAG,
    memory=maybe(WHOLE),
    page=choice("", "alone", "bound"),
)
record(Ready, process=WHOLE)
record(
    Outline,
    height=WHOLE,
    width=WHOLE,
    channels=choice(1, 3),
    dtype=choice(*(dtype.str for dtype in DTYPES)),
    alpha=FLAG,
    excess=FLAG,
    orientation=choice(*range(1, 9)),
)
record(Band, color=ARRAY, alpha=maybe(ARRAY), excess=maybe(ARRAY))
ENDING = record(Ending, metadata=METADATA, notes=many(TEXT), gain_map=maybe(GAIN_MAP), alpha=FLAG, excess=FLAG)
record(Finished, sha256=TEXT, ending=ENDING)
record(Content, sha256=TEXT, picture=either({Picture: PICTURE, Animation: ANIMATION}))
record(Refusal, reason=TEXT, hint=TEXT)

# Behind an outline come bands, and then what finishes the picture, or a refusal.
ANSWERS = {"probe": (Header, Refusal), "read": (Content, Outline, Refusal)}
COMING = (Band, Finished, Refusal)
