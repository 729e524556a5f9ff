"""What decoders written in C print about a picture: kept off the screen, and taken for what it says.

They print to the standard error of the process, which does not say whose picture is meant. So several decode at once,
and where damage is told meanwhile, each of them decodes its picture again, alone.
"""

from __future__ import annotations

import os
import re
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import IO, TypeVar

from nlsr_cli.errors import ImageReadError
from nlsr_cli.images.border import DAMAGED_HINT
from nlsr_cli.images.shared import Together

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
MAX_PRINTED = 1 << 20  # bytes looked at of one picture: a broken fax prints a line for every row

Result = TypeVar("Result")


class _Diverted:
    """Standard error, led into a scratch file for a while; what decoders did not print goes on to the screen."""

    def __init__(self, screen: int, scratch: IO[bytes]) -> None:
        self._screen, self._scratch = screen, scratch
        self._passing = threading.Lock()
        self._passed = 0  # bytes that have gone on to the screen, or that decoders printed

    def count(self) -> int:
        """Return how many bytes were printed so far."""
        return os.fstat(self._scratch.fileno()).st_size

    def printed(self, start: int) -> bytes:
        """Return what was printed behind the first `start` bytes, as far as it is looked at."""
        if hasattr(os, "pread"):
            return os.pread(self._scratch.fileno(), MAX_PRINTED, start)
        self._scratch.seek(start)  # Windows, where nobody else is inside
        text = self._scratch.read(MAX_PRINTED)
        self._scratch.seek(0, os.SEEK_END)
        return text

    def pass_on(self, *, last: bool = False) -> None:
        """Send to the screen what others printed; a line that has no end yet waits, unless this is the `last` time."""
        with self._passing:
            while lines := self.printed(self._passed).splitlines(keepends=True):
                if not lines[-1].endswith(b"\n") and (len(lines) > 1 or not last):
                    lines.pop()
                if not lines:
                    return
                self._passed += sum(map(len, lines))
                _write(self._screen, b"".join(line for line in lines if not DECODER_LINE.fullmatch(line)))


@contextmanager
def _diverted(_: object) -> Iterator[_Diverted | None]:
    """Divert standard error; where there is none, give None."""
    try:
        screen = os.dup(2)
    except OSError:
        yield None
        return
    with ExitStack() as stack:
        stack.callback(os.close, screen)
        scratch = stack.enter_context(_scratch_file())
        diverted = _Diverted(screen, scratch)
        os.dup2(scratch.fileno(), 2)
        try:
            yield diverted
        finally:
            os.dup2(screen, 2)
            diverted.pass_on(last=True)


_standard_error = Together(_diverted)
_WITH_OTHERS = object()  # the wish of all who share; any other object is the wish to be alone


def silenced(label: str, decode: Callable[[], Result]) -> Result:
    """Return what `decode` returns, and keep off the screen what libtiff and libpng print meanwhile.

    What other threads print is passed on. `decode` is called again, with no other decoder beside it, where damage was
    told during the first call: the decoder of another thread may have meant its own picture.

    Raises:
        ImageReadError: damage was told of this picture, even though pixels were returned.
    """
    result, damaged = _attempt(decode, _WITH_OTHERS if hasattr(os, "pread") else object())
    if damaged:
        del result  # of a large picture there is no room for two
        result, damaged = _attempt(decode, object())
    if damaged:
        raise ImageReadError(label, "is damaged: not all of its pixels can be decoded", DAMAGED_HINT)
    return result


def _attempt(decode: Callable[[], Result], wish: object) -> tuple[Result, bool]:
    """Return what `decode` returns, and whether damage was told meanwhile: of which picture is known of one alone."""
    with _standard_error.inside(wish) as diverted:
        if diverted is None:
            return decode(), False
        start = diverted.count()
        try:
            result = decode()
            lines = diverted.printed(start).splitlines(keepends=True)
        finally:
            diverted.pass_on()
        if wish is _WITH_OTHERS:  # lines of two decoders may be mixed: the word is enough to look again
            return result, any(DAMAGE.search(line) for line in lines)
        return result, any(DECODER_LINE.fullmatch(line) and DAMAGE.search(line) for line in lines)


def _scratch_file() -> IO[bytes]:
    if hasattr(os, "memfd_create"):  # Linux: no disk, and so no trace where the process is killed
        with suppress(OSError):
            return os.fdopen(os.memfd_create("nlsr"), "w+b")
    try:
        return tempfile.TemporaryFile()
    except OSError:  # no place for temporary files: then at least nothing is printed
        return Path(os.devnull).open("r+b")


def _write(screen: int, text: bytes) -> None:
    with suppress(OSError):
        while text:
            text = text[os.write(screen, text) :]
