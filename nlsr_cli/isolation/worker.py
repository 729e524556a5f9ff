"""The process in which strangers' files are decoded: `python -m nlsr_cli.isolation.worker` reads requests from standard
input and answers on standard output, by `wire`. What a decoder breaks, hangs or fills is this process and no other.
"""

from __future__ import annotations

import os
import signal
import sys
import traceback
from pathlib import Path
from typing import BinaryIO, Literal, cast

from nlsr_cli.errors import ImageReadError
from nlsr_cli.images.animation.reading import read_any
from nlsr_cli.images.border import REPORT_HINT, failure
from nlsr_cli.images.formats import native_formats
from nlsr_cli.images.loading import digest, largest, load
from nlsr_cli.images.picture import Header
from nlsr_cli.images.reading import probe, read_picture
from nlsr_cli.isolation.limits import confine, space_for, watched
from nlsr_cli.isolation.messages import Content, Ready, Refusal, Request
from nlsr_cli.isolation.wire import WireError, receive, send
from nlsr_cli.limits import granted

SMALL_HINT = "Close other programs, or convert it to a smaller or simpler file first."


def main() -> None:
    """Answer requests until there are no more."""
    requests, answers = _private(0, "rb"), _private(1, "wb")
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # an interruption is the parent's to answer
    native_formats()  # loads all plug-ins, which would be too late under the limits
    confine()
    try:
        send(answers, Ready(os.getpid()))
        while True:
            request = cast("Request", receive(requests, (Request,), sys.maxsize))
            with watched(requests.fileno(), request.seconds):
                answer = _answer(request)
            _send(answers, answer)
            del request, answer  # while the next is waited for, nothing is held
    except (EOFError, WireError, BrokenPipeError):  # the parent has no more requests, or is gone
        return


def _private(descriptor: int, mode: Literal["rb", "wb"]) -> BinaryIO:
    """Take a standard stream away from libraries that may read or print, and return it."""
    kept = os.dup(descriptor)
    nothing = os.open(os.devnull, os.O_RDWR)
    os.dup2(nothing, descriptor)
    os.close(nothing)
    return cast("BinaryIO", os.fdopen(kept, mode, buffering=0))


def _send(answers: BinaryIO, answer: Header | Content | Refusal) -> None:
    try:
        send(answers, answer)
    except (TypeError, ValueError, MemoryError) as exc:  # raised before anything was written
        send(answers, Refusal(f"holds more metadata than nlsr can carry ({exc})", ""))


def _answer(request: Request) -> Header | Content | Refusal:
    space = 0
    try:
        space = space_for(_length(request), 0)
        with granted(space):
            source = request.source if isinstance(request.source, bytes) else Path(request.source)
            file = load(source, request.name, request.max_pixels)
            header = probe(file, max_pixels=request.max_pixels)
        if request.action == "probe":
            return header
        pixels = header.height * header.width * (header.frames if request.whole else 1)
        space = space_for(len(file.data), min(pixels, request.max_pixels))
        read = read_any if request.whole else read_picture
        with granted(space):
            picture = read(file)
        return Content(digest(file.data, request.name), picture)
    except ImageReadError as error:
        if isinstance(error.__cause__, MemoryError):
            return _too_much(space)
        traceback.print_exc()  # seen with NLSR_DEBUG, otherwise nobody listens
        return Refusal(error.reason, error.hint)
    except MemoryError:
        return _too_much(space)
    except Exception as exc:  # noqa: BLE001 - a bug met by one picture must not lose the rest
        traceback.print_exc()
        return Refusal(failure(exc), REPORT_HINT)


def _too_much(space: int) -> Refusal:
    return Refusal(f"needs more than {space >> 20} MiB of memory to be decoded", SMALL_HINT)


def _length(request: Request) -> int:
    """Return the bytes of the file, as far as they will be read."""
    if isinstance(request.source, bytes):
        return 0  # they are here already
    try:
        return min(Path(request.source).stat().st_size, largest(request.max_pixels))
    except (OSError, ValueError):  # which reading it will explain
        return 0


if __name__ == "__main__":
    main()
