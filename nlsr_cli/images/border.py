"""The border around Pillow: its limits, its silence, and one kind of error for whatever its decoders raise."""

from __future__ import annotations

import logging
import re
import struct
import sys
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

import numpy as np
from PIL import Image, ImageCms, ImageFile, PngImagePlugin

from nlsr_cli.errors import ImageReadError, MissingExtra
from nlsr_cli.images.shared import Together

CONVERT_HINT = "Convert it to PNG first."
DAMAGED_HINT = "Fetch or export the file again."
LIMIT_HINT = "Raise the limit with --max-pixels if you trust the file."
UNSUPPORTED = ("is not known", "are not supported")  # in what our own readers say of sound pictures
TRUNCATED = "is truncated: the file ends before the picture does"
TILE_ALLOWANCE = 1 << 22  # pixels that one TIFF tile may have even where the limit for pictures is lower
PROFILE_LIMIT = 16 << 20  # bytes; no more fits into a JPEG, and printer profiles of 1 to 3 MB are in use

# Pillow logs some oddities of TIFF files as errors, which Python prints where no program has set up logging.
logging.getLogger("PIL").addHandler(logging.NullHandler())


@contextmanager
def _pillow_held_to(limit: int) -> Iterator[None]:
    """Hold Pillow to pictures, frames and tiles of `limit` pixels, for all threads: its limits are globals."""
    limits = Image.MAX_IMAGE_PIXELS, ImageFile.LOAD_TRUNCATED_IMAGES, PngImagePlugin.MAX_TEXT_CHUNK
    # Pillow refuses what has twice as many as this, and warns of what has more.
    Image.MAX_IMAGE_PIXELS = limit / 2  # type: ignore[assignment]  # a float, as the limit may be odd
    ImageFile.LOAD_TRUNCATED_IMAGES = False
    PngImagePlugin.MAX_TEXT_CHUNK = PROFILE_LIMIT  # this one is for profiles too; that for all texts together stays
    try:
        with nullcontext() if OWN_FILTERS else _unwarned():
            yield
    finally:
        Image.MAX_IMAGE_PIXELS, ImageFile.LOAD_TRUNCATED_IMAGES, PngImagePlugin.MAX_TEXT_CHUNK = limits


@contextmanager
def _unwarned() -> Iterator[None]:
    """Ignore the warnings of decoders, of which nothing follows for the pixels."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module=r"(PIL|imagecodecs)(\.|$)")
        yield


# Where each thread has filters for warnings of its own (Python 3.14, without the interpreter's lock by default).
OWN_FILTERS = bool(getattr(sys.flags, "context_aware_warnings", False))
_pillow = Together(_pillow_held_to)


@contextmanager
def border(data: bytes, label: str, max_pixels: int) -> Iterator[None]:
    """Hold Pillow to `max_pixels`, keep it silent, and turn whatever its decoders raise into an ImageReadError.

    Threads with equal `max_pixels` are inside together; a thread that is inside must not enter again.
    """
    # Pillow asks this of every frame and tile as well, so a file that grows while it is decoded is stopped too.
    with (
        _pillow.inside(max(max_pixels, TILE_ALLOWANCE)),
        _unwarned() if OWN_FILTERS else nullcontext(),
        np.errstate(all="ignore"),
    ):
        try:
            yield
        except (ImageReadError, MissingExtra):
            raise
        except Image.DecompressionBombError as exc:
            count = re.search(r"\d+", str(exc))
            raise _too_large(label, f"has {count[0] if count else 'too many'} pixels", max_pixels) from exc
        except MemoryError as exc:
            raise ImageReadError(label, "does not fit into memory") from exc
        except Exception as exc:  # decoders of hostile files raise anything: SyntaxError, IndexError, zlib.error
            raise ImageReadError(label, _complaint(exc, data), _advice(exc)) from exc


# What decoders and walkers raise on files that are cut off or altered. All else is a fault of the reader.
FORESEEN = (
    *(OSError, EOFError, SyntaxError, ValueError, IndexError, OverflowError, RuntimeError),
    *(struct.error, zlib.error, ImageCms.PyCMSError),
)
UNFORESEEN = (RecursionError, NotImplementedError)  # although they are kinds of RuntimeError
REPORT_HINT = "If other programs open it, please report it with what NLSR_DEBUG=1 shows."


def is_foreseen(exc: BaseException) -> bool:
    """Say whether an exception means that a file is damaged, or of a kind that is not read."""
    return isinstance(exc, FORESEEN) and not isinstance(exc, UNFORESEEN)


def _is_unsupported(exc: Exception) -> bool:
    """Tell whether one of our readers refused a sound picture, and says so in its own words."""
    return isinstance(exc, ValueError) and any(each in str(exc) for each in UNSUPPORTED)


def failure(exc: Exception) -> str:
    """Return what to say of a file on which the reader failed in a way that nobody foresaw."""
    return f"nlsr failed on it ({type(exc).__name__}: {exc})"


def _complaint(exc: Exception, data: bytes) -> str:
    if not is_foreseen(exc):
        return failure(exc)
    text = str(exc).lower()
    if "max_text_" in text:
        return f"holds a profile or texts of more than {PROFILE_LIMIT >> 20} MiB"
    if isinstance(exc, (EOFError, struct.error)) or "truncat" in text or "not enough" in text or len(data) < 32:
        return TRUNCATED
    if _is_unsupported(exc):
        return f"cannot be read: {exc}"
    return "is damaged, or of a kind that cannot be decoded"


def _advice(exc: Exception) -> str:
    if not is_foreseen(exc):
        return REPORT_HINT
    return CONVERT_HINT if _is_unsupported(exc) else DAMAGED_HINT


def check_pixels(size: tuple[int, int] | None, label: str, max_pixels: int) -> None:
    """Refuse a (height, width), if known, of more than `max_pixels` pixels.

    Raises:
        ImageReadError: it has more.
    """
    if size is not None and size[0] * size[1] > max_pixels:
        height, width = size
        raise _too_large(label, f"is {width} × {height}, {height * width} pixels", max_pixels)


def _too_large(label: str, what: str, max_pixels: int) -> ImageReadError:
    return ImageReadError(label, f"{what}; the limit is {max_pixels}", LIMIT_HINT)
