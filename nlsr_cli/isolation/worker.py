"""The process in which strangers' files are decoded: `python -m nlsr_cli.isolation.worker` reads requests from standard
input and answers on standard output, by `wire`. What a decoder breaks, hangs or fills is this process and no other.
"""

from __future__ import annotations

import os
import signal
import sys
import traceback
from pathlib import Path
from typing import BinaryIO, cast

from nlsr_cli import scratch
from nlsr_cli.errors import ImageReadError, install_command
from nlsr_cli.images.animation.reading import read_any
from nlsr_cli.images.border import REPORT_HINT, border, failure
from nlsr_cli.images.depth import extra
from nlsr_cli.images.formats import native_formats
from nlsr_cli.images.loading import MAPPED, digest, largest, load
from nlsr_cli.images.mapped import Mapped, changed
from nlsr_cli.images.parsed import Parsed
from nlsr_cli.images.picture import Header
from nlsr_cli.images.reading import probe, read_picture
from nlsr_cli.images.vips.streamed import streamed
from nlsr_cli.isolation.limits import confine, space_for, watched
from nlsr_cli.isolation.messages import Content, Finished, Ready, Refusal, Request
from nlsr_cli.isolation.pipe import taken
from nlsr_cli.isolation.wire import WireError, receive, send
from nlsr_cli.limits import granted

BANDED = 1 << 24  # pixels whose memory a picture gets that is read a few rows at a time
SMALL_HINT = "Close other programs, or convert it to a smaller or simpler file first."


def main() -> None:
    """Answer requests until there are no more."""
    requests, answers = taken(0, "rb"), taken(1, "wb")
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # an interruption is the parent's to answer
    native_formats()  # loads all plug-ins, which would be too late under the limits
    confine()
    scratch.renounce()
    try:
        send(answers, Ready(os.getpid()))
        while True:
            request = cast("Request", receive(requests, (Request,), sys.maxsize))
            with watched(requests.fileno(), request.seconds):
                answer = _answer(request, answers)
            _send(answers, answer)
            del request, answer  # while the next is waited for, nothing is held
    except (EOFError, WireError, BrokenPipeError):  # the parent has no more requests, or is gone
        return


def _send(answers: BinaryIO, answer: Header | Content | Finished | Refusal) -> None:
    try:
        send(answers, answer)
    except (TypeError, ValueError, MemoryError) as exc:  # raised before anything was written
        send(answers, Refusal(f"holds more metadata than nlsr can carry ({exc})", ""))


def _answer(request: Request, answers: BinaryIO) -> Header | Content | Finished | Refusal:
    """Return what there is to answer; what comes in bands is sent before."""
    task = Task(request)
    try:
        return task.probed() if request.action == "probe" else task.read(answers)
    except ImageReadError as error:
        if isinstance(error.__cause__, MemoryError):
            return task.too_much()
        traceback.print_exc()  # seen with NLSR_DEBUG, otherwise nobody listens
        return task.refused(error)
    except MemoryError:
        return task.too_much()
    except Exception as exc:  # noqa: BLE001 - a bug met by one picture must not lose the rest
        traceback.print_exc()
        return Refusal(failure(exc), REPORT_HINT)


class Task:
    """One request, and what was found of its file so far; `space` is the address space that was granted last."""

    def __init__(self, request: Request) -> None:
        self.request = request
        self.file: Parsed | None = None
        self.space = 0

    def probed(self) -> Header:
        """Load the file, and return what its header says."""
        request = self.request
        self.space = space_for(_length(request), 0)
        with granted(self.space):
            source = request.source if isinstance(request.source, bytes) else Path(request.source)
            self.file = load(source, request.name, request.max_pixels, mapped=True)
            self.file.page = request.page
            return probe(self.file, max_pixels=request.max_pixels)

    def read(self, answers: BinaryIO) -> Content | Finished:
        """Return the picture, or what ends it if its bands were sent."""
        request, header, file = self.request, self.probed(), cast("Parsed", self.file)
        pixels = header.height * header.width * (header.frames if request.whole else 1)
        self.space = space_for(len(file.data), min(pixels, BANDED))
        with granted(self.space, request.memory), border(file.data, file.label, file.max_pixels):
            coming = streamed(file, header)
            if coming is not None:
                send(answers, coming.outline)
                for band in coming.bands():
                    send(answers, band)
                ending = coming.ending()
                return Finished(digest(file.data, file.label), ending)
        self.space = space_for(len(file.data), min(pixels, request.max_pixels))
        with granted(self.space, request.memory):
            picture = (read_any if request.whole else read_picture)(file)
        return Content(digest(file.data, file.label), picture)

    def refused(self, error: ImageReadError) -> Refusal:
        """Return why the file cannot be read: where it was changed meanwhile, that is why."""
        data: object = self.file.data if self.file is not None else b""
        if isinstance(data, Mapped) and data.has_changed:
            error = changed(self.request.name)
        return Refusal(error.reason, error.hint)

    def too_much(self) -> Refusal:
        """Return that it needs more memory than it may take, and what helps."""
        memory = self.request.memory
        most = self.space if memory is None else min(self.space, memory)
        reason = f"needs more than {most >> 20} MiB of memory to be decoded"
        if self.file is not None and self.file.format in MAPPED and not extra.available(extra.PYVIPS):
            return Refusal(reason, f"To read it a few rows at a time: {install_command(extra.PYVIPS)}")
        return Refusal(reason, SMALL_HINT if most == self.space else "Raise --max-memory.")


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
