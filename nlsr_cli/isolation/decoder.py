"""Strangers' files are decoded in a process of their own, so that one which crashes, hangs or fills its decoder fails
alone. This is the side of it that asks, waits and, if it must, ends the process and starts another.
"""

from __future__ import annotations

import os
import stat
import sys
import threading
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Literal, cast

from nlsr_cli.errors import ImageReadError, NlsrError
from nlsr_cli.isolation.child import DAMAGED_HINT, MOMENT, Clock, cause_of, end, spawn
from nlsr_cli.limits import MAIN, RESTING

if TYPE_CHECKING:
    import subprocess

    from nlsr_cli.images import Header, Page
    from nlsr_cli.images.parsed import PageKind
    from nlsr_cli.isolation.messages import Content, Request

# Pictures and what reads them are imported where they are needed: the child starts before this process loads them.

# Seconds of the clock for one file: a hang must end some day, and a slow disk or machine must not look like one. Small
# pictures take a hundredth of a second, and of none has been seen a tenth of what it gets here.
SECONDS, SECONDS_PER_MEGAPIXEL, SECONDS_PER_MEGABYTE = 60.0, 3.0, 1.0
START_SECONDS, STARTS = 120.0, 2
# An answer beside its samples: profiles, EXIF and the like are bounded where they are read.
METADATA_BYTES, SAMPLE_BYTES = 1 << 28, 64


class Decoder:
    """Reads pictures in a child process, which is started when it is first needed and serves all files that follow.

    Any thread may ask; one file is decoded at a time. After `close`, which a context manager calls too, the next
    question starts another child.

    Args:
        command: what to run instead of the worker.
        seconds: what a file gets beside what its size adds.
    """

    def __init__(self, command: Sequence[str] | None = None, *, seconds: float = SECONDS) -> None:
        self._command = command
        self._seconds = seconds
        self._child: subprocess.Popen[bytes] | None = None
        self._ready = False
        self._closings = 0
        self._asking = threading.Lock()
        self._starting = threading.Lock()

    def __enter__(self) -> Decoder:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __del__(self) -> None:
        self.close()

    def start(self) -> subprocess.Popen[bytes]:
        """Return the child; start it where there is none, without waiting: it loads while this process loads others.

        Raises:
            NlsrError: it cannot be started.
        """
        with self._starting:
            if self._child is not None and self._child.poll() is not None:  # it died while nobody asked it
                self._discard()
            if self._child is None:
                self._child, self._ready = spawn(self._command), False
            return self._child

    def probe(self, source: Path | bytes | Page, *, name: str | None = None, max_pixels: int) -> Header:
        """Return what `images.probe` returns, from the child.

        Raises:
            ImageReadError: as `images.probe`, or the decoder crashed, hung, or took more memory than it may.
            NlsrError: the child cannot be started.
        """
        return cast("Header", self._ask("probe", source, name, max_pixels, 0))

    def read(
        self,
        source: Path | bytes | Page,
        *,
        name: str | None = None,
        max_pixels: int,
        pixels: int | None = None,
        whole: bool = False,
        max_memory: int | None = None,
    ) -> Content:
        """Return what `images.read_picture` returns, or with `whole` what `images.read_any` does, from the child, and
        the SHA-256 of the bytes that it was made of.

        `pixels` are those of the picture, or of all its frames, where a probe has told: they bound the time.
        `max_memory` are the bytes for this process and the child together; None leaves the child what decoders need.

        Raises:
            ImageReadError: as of these, or the decoder crashed, hung, or took more memory than it may.
            NlsrError: the child cannot be started.
        """
        expected = max_pixels if pixels is None else min(pixels, max_pixels)
        memory = None if max_memory is None else max(0, max_memory - MAIN - RESTING)
        return cast("Content", self._ask("read", source, name, max_pixels, expected, whole=whole, memory=memory))

    def close(self) -> None:
        """End the child, whatever it does; a question that is being asked fails."""
        self._closings += 1
        child = self._child
        if child is not None:
            with suppress(OSError):
                child.kill()
            if self._asking.acquire(blocking=False):  # otherwise whoever asks finds it dead
                try:
                    self._discard()
                finally:
                    self._asking.release()

    def _ask(
        self,
        action: Literal["probe", "read"],
        source: Path | bytes | Page,
        name: str | None,
        max_pixels: int,
        pixels: int,
        *,
        whole: bool = False,
        memory: int | None = None,
    ) -> object:
        from nlsr_cli.images import Page
        from nlsr_cli.isolation.messages import Refusal, Request

        kind: PageKind = source.kind if isinstance(source, Page) else ""
        held = source.data if isinstance(source, Page) else source
        label = name or ("-" if isinstance(held, bytes) else str(held))
        place, count = _place(held, label, max_pixels)
        seconds = self._seconds + SECONDS_PER_MEGAPIXEL * pixels / 1e6 + SECONDS_PER_MEGABYTE * count / 1e6
        request = Request(action, place, label, max_pixels, seconds, whole, memory, kind)
        with self._asking:
            answer = self._exchange(self._awaken(), request)
        if isinstance(answer, Refusal):
            raise ImageReadError(label, answer.reason, answer.hint)
        return answer

    def _awaken(self) -> subprocess.Popen[bytes]:
        """Return the child once it has said that it is there; one that is killed before that gets a second chance."""
        closings, child, code = self._closings, self.start(), 0
        for _ in range(STARTS):
            if self._ready or (code := self._greeted(child)) == 0:
                return child
            if code > 0 or self._closings != closings:  # it has ended by itself and would do so again, or was to end
                break
            child = self.start()
        hint = f"Try {sys.executable} -m nlsr_cli.isolation.worker < /dev/null, or set NLSR_DEBUG=1, to see why."
        raise NlsrError(f"the process that decodes pictures does not start (exit code {code})", hint)

    def _greeted(self, child: subprocess.Popen[bytes]) -> int:
        """Wait for the first answer of the child and return 0; where none comes, give it up and return how it ended."""
        from nlsr_cli.isolation.messages import Ready
        from nlsr_cli.isolation.wire import WireError, receive

        try:
            with Clock(child, START_SECONDS):
                receive(cast("BinaryIO", child.stdout), (Ready,), 0)
        except (EOFError, WireError, OSError):
            return self._discard(MOMENT) or 1
        except BaseException:
            self._discard()
            raise
        self._ready = True
        return 0

    def _exchange(self, child: subprocess.Popen[bytes], request: Request) -> object:
        from nlsr_cli.images.vips.streamed import Outline
        from nlsr_cli.isolation.gathering import gathered
        from nlsr_cli.isolation.messages import ANSWERS
        from nlsr_cli.isolation.wire import WireError, receive, send

        limit = METADATA_BYTES + SAMPLE_BYTES * request.max_pixels
        clock = Clock(child, request.seconds)
        try:
            with clock:
                with suppress(BrokenPipeError):  # then it is dead, and reading tells
                    send(cast("BinaryIO", child.stdin), request)
                answers = cast("BinaryIO", child.stdout)
                answer = receive(answers, ANSWERS[request.action], limit)
                if isinstance(answer, Outline):
                    answer = gathered(answers, answer, request.max_pixels, limit)
            _check(answer, request.max_pixels)
        except (EOFError, OSError) as exc:
            code = self._discard(MOMENT)
            raise ImageReadError(request.name, *cause_of(code, clock.expired, request.seconds)) from exc
        except WireError as exc:
            self._discard()
            raise ImageReadError(request.name, "its decoder gave an answer that makes no sense", DAMAGED_HINT) from exc
        except BaseException:  # an interruption: what the child sends now belongs to no question
            self._discard()
            raise
        return answer

    def _discard(self, patience: float = 0.0) -> int:
        """End the child and forget it; return how it ended."""
        child, self._child = self._child, None
        return 0 if child is None else end(child, patience)


def _place(source: Path | bytes, label: str, max_pixels: int) -> tuple[str | bytes, int]:
    """Return where the child finds a file, or its bytes where only this process can read it, and how many they are."""
    from nlsr_cli.images.loading import load

    if isinstance(source, bytes):
        return source, len(source)
    try:
        status, real = source.stat(), os.path.realpath(source)
    except (OSError, ValueError):
        return str(Path.cwd() / source), 0  # the child says what is wrong with it
    if stat.S_ISDIR(status.st_mode):
        return real, 0
    if stat.S_ISREG(status.st_mode):
        with suppress(OSError):
            if os.path.samestat(status, Path(real).stat()):
                return real, status.st_size
    data = load(source, label, max_pixels).data  # a pipe, or a file without a name, such as /dev/stdin may be
    return data, len(data)


def _check(answer: object, max_pixels: int) -> None:
    """Refuse an answer whose sizes are not those that were allowed.

    Raises:
        WireError: it is larger, or has no size.
    """
    from nlsr_cli.images import Animation, Header, Picture
    from nlsr_cli.isolation.messages import Content
    from nlsr_cli.isolation.wire import WireError

    first = answer.picture if isinstance(answer, Content) else answer
    first = first.frames[0] if isinstance(first, Animation) else first
    if isinstance(first, (Picture, Header)) and not (
        first.height > 0 and first.width > 0 and first.height * first.width <= max_pixels
    ):
        raise WireError(f"{first.height} × {first.width} pixels")
