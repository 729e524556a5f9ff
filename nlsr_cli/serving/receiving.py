"""The body of a request: a picture, or a form that holds one, written to the disk as it comes."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.requests import Request

from nlsr_cli.serving.refusals import BadRequest, TooLarge, TooSlow, Unusable, of_system

GRACE, LEAST_SPEED = 20.0, 4096  # seconds that any body gets, and bytes a second by which it gets more
PIECE = 1 << 18  # bytes that are collected before they are written
FORM = 1 << 16  # bytes that a form has beside its picture
FIELDS, FIELD = 64, 4096  # parts of a form, and bytes of one that is no picture
LINGER, SILENCE, LINGER_BYTES = 15.0, 1.0, 1 << 26  # seconds in all and without a byte, and bytes, of a refused body


@dataclass
class Received:
    """What came beside the picture: fields of a form, and the name that it gives the file."""

    fields: list[tuple[str, str]] = field(default_factory=list)
    name: str = ""


async def receive(request: Request, path: Path, most: int) -> Received:
    """Write the picture in the body of a request to a new file of at most `most` bytes.

    Never more than a few pieces of it are in memory. A body of any type but `multipart/form-data` is the picture.

    Raises:
        TooLarge: it has more bytes.
        TooSlow: it comes more slowly than any line does.
        BadRequest, Unusable: the form is none, or has not exactly one picture.
        DiskFull: there is no room for it.
        ClientDisconnect: the client has gone.
    """
    kind, parameters = parse_options_header(request.headers.get("content-type", ""))
    form = kind == b"multipart/form-data"
    length = request.headers.get("content-length", "")
    if length.isdigit() and int(length) > most + (FORM if form else 0):
        raise _too_large(most)
    try:
        with path.open("xb") as file:
            target = _Picture(file, most)
            reader = _Form(target, parameters.get(b"boundary", b"")) if form else None
            async for data in _paced(request):
                if reader is None:
                    target.take(data)
                else:
                    reader.take(data)
                await target.write(PIECE)
            await target.write(1)
    except OSError as exc:
        raise of_system(exc, "to receive a picture") from exc
    if reader is not None:
        return reader.end()
    if not target.size:
        raise Unusable("the body is empty, and should be a picture", "For example: curl --data-binary @photo.jpg")
    return Received()


async def drain(request: Request) -> None:
    """Take what a client still sends that is refused: cut off too early, it would not see the answer."""
    if "expect" in request.headers:  # it waits, and has sent nothing
        return
    end, taken, stream = time.monotonic() + LINGER, 0, request.stream()
    with suppress(Exception):  # it is over, or the client is silent or has gone
        while taken <= LINGER_BYTES and time.monotonic() < end:
            taken += len(await asyncio.wait_for(anext(stream), SILENCE))


async def _paced(request: Request) -> AsyncIterator[bytes]:
    """Yield the body in pieces, as long as they come fast enough."""
    started, received = time.monotonic(), 0
    stream = request.stream()
    while True:
        left = started + GRACE + received / LEAST_SPEED - time.monotonic()
        try:
            data = await asyncio.wait_for(anext(stream), max(left, 0.01))
        except StopAsyncIteration:
            return
        except TimeoutError:
            hint = f"Send at least {LEAST_SPEED >> 10} KiB a second."
            raise TooSlow("the body came too slowly", hint, headers={"Connection": "close"}) from None
        received += len(data)
        yield data


def _too_large(most: int) -> TooLarge:
    limit = f"{most >> 20} MiB" if most >= 1 << 20 else f"{most} bytes"
    return TooLarge(f"the picture has more than {limit}", "Whoever runs the server may allow more: --max-upload")


class _Picture:
    """The file that is being received."""

    def __init__(self, file: BinaryIO, most: int) -> None:
        self._file, self._most = file, most
        self._waiting = bytearray()
        self.size = 0

    def take(self, data: bytes) -> None:
        """Take bytes, which are not yet written."""
        self.size += len(data)
        if self.size > self._most:
            raise _too_large(self._most)
        self._waiting += data

    async def write(self, least: int) -> None:
        """Write what waits, if it is enough; a slow disk stops nobody else."""
        if len(self._waiting) >= least:
            data, self._waiting = bytes(self._waiting), bytearray()
            await asyncio.to_thread(self._file.write, data)


class _Form:
    """A form in the making: one picture, and fields."""

    def __init__(self, picture: _Picture, boundary: bytes) -> None:
        self._picture = picture
        self._received = Received()
        self._pictures = self._parts = 0
        self._header: tuple[bytearray, bytearray] = (bytearray(), bytearray())
        self._disposition = b""
        self._field: tuple[str, bytearray] | None = None
        self._over = False
        try:
            self._parser = MultipartParser(
                boundary,
                {
                    "on_part_begin": self._begin,
                    "on_header_field": lambda data, start, end: self._header[0].extend(data[start:end]),
                    "on_header_value": lambda data, start, end: self._header[1].extend(data[start:end]),
                    "on_header_end": self._end_header,
                    "on_headers_finished": self._name,
                    "on_part_data": self._data,
                    "on_part_end": self._end_part,
                    "on_end": self._end,
                },
            )
        except FormParserError as exc:
            raise _no_form() from exc
        if not boundary:
            raise _no_form()

    def take(self, data: bytes) -> None:
        """Read on."""
        try:
            self._parser.write(data)
        except FormParserError as exc:
            raise _no_form() from exc

    def end(self) -> Received:
        """Return what came, once all of it has."""
        if not self._over:
            raise _no_form()
        if self._pictures != 1 or not self._picture.size:
            raise Unusable("the form should hold one picture", "For example: curl -F picture=@photo.jpg")
        return self._received

    def _begin(self) -> None:
        self._parts += 1
        if self._parts > FIELDS:
            raise Unusable(f"the form has more than {FIELDS} parts", "Send one picture with each request.")
        self._disposition = b""

    def _end_header(self) -> None:
        if bytes(self._header[0]).lower() == b"content-disposition":
            self._disposition = bytes(self._header[1])
        self._header = (bytearray(), bytearray())

    def _name(self) -> None:
        _, parameters = parse_options_header(self._disposition)
        if b"filename" in parameters:
            self._pictures += 1
            if self._pictures > 1:
                raise Unusable("the form holds more than one picture", "Send one picture with each request.")
            self._received.name = parameters[b"filename"].decode("utf-8", "replace")
            self._field = None
        else:
            self._field = parameters.get(b"name", b"").decode("utf-8", "replace"), bytearray()

    def _data(self, data: bytes, start: int, end: int) -> None:
        if self._field is None:
            self._picture.take(data[start:end])
            return
        self._field[1].extend(data[start:end])
        if len(self._field[1]) > FIELD:
            raise Unusable(
                f"a field of the form has more than {FIELD} bytes", "For example: curl -F picture=@photo.jpg"
            )

    def _end_part(self) -> None:
        if self._field is not None:
            name, value = self._field
            self._received.fields.append((name, value.decode("utf-8", "replace")))
            self._field = None

    def _end(self) -> None:
        self._over = True


def _no_form() -> BadRequest:
    return BadRequest("the form is damaged", "For example: curl -F picture=@photo.jpg")
