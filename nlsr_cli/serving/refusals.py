"""What a server answers where it cannot do what is asked: errors of nlsr, each with its status."""

from __future__ import annotations

import errno
from collections.abc import Mapping
from typing import Any

from nlsr_cli.errors import (
    DownloadFailed,
    ImageReadError,
    ImageWriteError,
    NlsrError,
    OptionError,
    OutOfMemory,
    ScratchFull,
    UnknownModel,
)

SOON = 5  # seconds after which those who found no place may ask again
FULL = frozenset({errno.ENOSPC, errno.EDQUOT})


class Refusal(NlsrError):
    """A request that is not answered as it was meant. `status` is that of HTTP."""

    status = 400
    headers: Mapping[str, str] = {}

    def __init__(self, message: str, hint: str = "", *, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message, hint)
        self.headers = {**type(self).headers, **(headers or {})}


class BadRequest(Refusal):
    """What came is no request that this server knows."""


class Unauthorized(Refusal):
    """The token is missing, or another one."""

    status = 401
    headers: Mapping[str, str] = {"WWW-Authenticate": 'Bearer realm="nlsr"'}


class Forbidden(Refusal):
    """The request was made by a page of somebody else."""

    status = 403


class NotFound(Refusal):
    """There is nothing under that address, or not any more."""

    status = 404


class NoMethod(Refusal):
    """The address knows other methods."""

    status = 405


class TooSlow(Refusal):
    """The body came too slowly."""

    status = 408


class NotReady(Refusal):
    """The job has no result yet, or has failed."""

    status = 409


class TooLarge(Refusal):
    """More bytes or pixels than the server takes."""

    status = 413


class WrongHost(Refusal):
    """The request calls the server by a name that is not its own."""

    status = 421


class Unusable(Refusal):
    """An option or a part of the form makes no sense."""

    status = 422


class TimeIsUp(Refusal):
    """The picture takes longer than the server allows."""

    status = 422


class TooMany(Refusal):
    """One client has too many unfinished jobs."""

    status = 429
    headers: Mapping[str, str] = {"Retry-After": str(SOON)}


class Busy(Refusal):
    """The queue is full, or the server is about to end."""

    status = 503
    headers: Mapping[str, str] = {"Retry-After": str(SOON)}


class DiskFull(Refusal):
    """There is no room for the upload or the result."""

    status = 507
    headers: Mapping[str, str] = {"Retry-After": str(60)}


STATUS: tuple[tuple[type[NlsrError], int], ...] = (
    (OptionError, 422),
    (UnknownModel, 422),
    (ImageReadError, 422),
    (ScratchFull, 507),
    (OutOfMemory, 503),
    (DownloadFailed, 503),
)
MEANINGS = {
    400: "What came is no request that this server knows.",
    401: "The token is missing, or another one.",
    403: "The request was made by a page of somebody else.",
    404: "There is nothing under that address, or not any more.",
    405: "The address knows other methods.",
    408: "The body came too slowly.",
    409: "The job has no result yet, or has failed.",
    413: "More bytes or pixels than the server takes.",
    421: "The request calls the server by a name that is not its own.",
    422: "An option makes no sense, or the picture cannot be read or enlarged.",
    429: "The client has too many unfinished jobs.",
    500: "The server has failed; it lives on.",
    503: "The queue is full, or the server is about to end.",
    507: "The disk is full.",
}


def status_of(error: NlsrError) -> int:
    """Return the status of HTTP that tells of an error."""
    if isinstance(error, Refusal):
        return error.status
    if isinstance(error, ImageWriteError):
        cause = error.__cause__
        return 507 if isinstance(cause, OSError) and cause.errno in FULL else 422
    return next((status for kind, status in STATUS if isinstance(error, kind)), 500)


def body_of(error: NlsrError) -> dict[str, Any]:
    """Return an error as the object that every answer with one has."""
    return {"error": {"code": type(error).__name__, "message": error.message, "hint": error.hint}}


def of_system(error: OSError, doing: str) -> Refusal:
    """Return what to answer where the system refuses something, such as a file on a full disk."""
    if error.errno in FULL:
        return DiskFull(f"the disk of the server is full: {doing} is not possible", "Try again later.")
    raise error
