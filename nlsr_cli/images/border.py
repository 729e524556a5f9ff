"""The border around Pillow: its limits, its silence, and one kind of error for whatever its decoders raise."""

from __future__ import annotations

import logging
import os
import re
import struct
import tempfile
import threading
import warnings
import zlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import IO

from PIL import Image, ImageCms, ImageFile, PngImagePlugin

from nlsr_cli.errors import ImageReadError, MissingExtra
from nlsr_cli.images.loading import CONVERT_HINT, DAMAGED_HINT, LIMIT_HINT

TRUNCATED = "is truncated: the file ends before the picture does"
TILE_ALLOWANCE = 1 << 22  # pixels that one TIFF tile may have even where the limit for pictures is lower
PROFILE_LIMIT = 16 << 20  # bytes; no more fits into a JPEG, and printer profiles of 1 to 3 MB are in use

# What libtiff and imagecodecs' libpng print, "Module: message." ("tempfile.tif" is the name that Pillow gives it), and
# the messages that mean that pixels are not those of the picture. Lines such as "error: ..." are not its own.
DECODER_LINE = re.compile(
    rb"(tempfile\.tif|PNG warning|PNG error|"
    rb"\w*(Decode|Fax|LZW|LZMA|ZIP|ZSTD|TIFF|JPEG|PackBits|Pixar|Log|LERC|WebP|Predictor)\w*): .*\n?"
)
DAMAGE = re.compile(
    rb"bad code|not supported|decod|premature|not enough|corrupt|code not yet|cannot be read|eoi code"
    rb"|incorrect (data|header)",
    re.IGNORECASE,
)
MAX_PRINTED = 1 << 20  # bytes looked at: a broken fax prints a line for every row

# Pillow keeps its limits in module globals and Python its warning filters too, so one picture is decoded at a time.
_pillow = threading.RLock()
# Pillow logs some oddities of TIFF files as errors, which Python prints where no program has set up logging.
logging.getLogger("PIL").addHandler(logging.NullHandler())


@contextmanager
def border(data: bytes, label: str, max_pixels: int) -> Iterator[None]:
    """Hold Pillow to `max_pixels`, keep it silent, and turn whatever its decoders raise into an ImageReadError."""
    with _pillow, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        limits = Image.MAX_IMAGE_PIXELS, ImageFile.LOAD_TRUNCATED_IMAGES, PngImagePlugin.MAX_TEXT_CHUNK
        # Pillow asks this of every frame and tile as well, so a file that grows while it is decoded is stopped too.
        Image.MAX_IMAGE_PIXELS, ImageFile.LOAD_TRUNCATED_IMAGES = max(max_pixels, TILE_ALLOWANCE), False
        PngImagePlugin.MAX_TEXT_CHUNK = PROFILE_LIMIT  # this one is for profiles too; that for all texts together stays
        try:
            yield
        except (ImageReadError, MissingExtra):
            raise
        except (Image.DecompressionBombError, Image.DecompressionBombWarning) as exc:
            count = re.search(r"\d+", str(exc))
            raise _too_large(label, f"has {count[0] if count else 'too many'} pixels", max_pixels) from exc
        except MemoryError as exc:
            raise ImageReadError(label, "does not fit into memory") from exc
        except Exception as exc:  # decoders of hostile files raise anything: SyntaxError, IndexError, zlib.error
            raise ImageReadError(label, _complaint(exc, data), _advice(exc)) from exc
        finally:
            Image.MAX_IMAGE_PIXELS, ImageFile.LOAD_TRUNCATED_IMAGES, PngImagePlugin.MAX_TEXT_CHUNK = limits


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
    if isinstance(exc, ValueError) and "is not known" in text:
        return f"cannot be read: {exc}"
    return "is damaged, or of a kind that cannot be decoded"


def _advice(exc: Exception) -> str:
    if not is_foreseen(exc):
        return REPORT_HINT
    return CONVERT_HINT if isinstance(exc, ValueError) and "is not known" in str(exc) else DAMAGED_HINT


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


@contextmanager
def decoder_silenced(label: str) -> Iterator[None]:
    """Keep what libtiff prints about a picture off the screen; only inside `border`, which admits one at a time.

    What other threads print meanwhile is passed on at the end. Where there is no standard error, nothing is done.

    Raises:
        ImageReadError: libtiff reported damage, even though it returned pixels.
    """
    try:
        screen = os.dup(2)
    except OSError:
        yield
        return
    with ExitStack() as stack:
        stack.callback(os.close, screen)
        caught = stack.enter_context(_scratch_file())
        os.dup2(caught.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(screen, 2)
            caught.seek(0)
            lines = caught.read(MAX_PRINTED).splitlines(keepends=True)
            _pass_on(b"".join(line for line in lines if not DECODER_LINE.fullmatch(line)), screen)
        if any(DECODER_LINE.fullmatch(line) and DAMAGE.search(line) for line in lines):
            raise ImageReadError(label, "is damaged: not all of its pixels can be decoded", DAMAGED_HINT)


def _scratch_file() -> IO[bytes]:
    if hasattr(os, "memfd_create"):  # Linux: no disk, and so no trace where the process is killed
        with suppress(OSError):
            return os.fdopen(os.memfd_create("nlsr"), "w+b")
    try:
        return tempfile.TemporaryFile()
    except OSError:  # no place for temporary files: then at least nothing is printed
        return Path(os.devnull).open("r+b")


def _pass_on(text: bytes, screen: int) -> None:
    with suppress(OSError):
        while text:
            text = text[os.write(screen, text) :]
