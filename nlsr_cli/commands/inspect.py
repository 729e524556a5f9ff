"""`nlsr inspect`: what picture files are, what they carry, and how they were made."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from nlsr_cli.commands import choices, looking_choices
from nlsr_cli.console import Speech
from nlsr_cli.console.inspection import InspectionConsole
from nlsr_cli.errors import ExitCode, ImageError, ImageReadError, MissingInput
from nlsr_cli.options import DEFAULT_MAX_PIXELS

if TYPE_CHECKING:
    from nlsr_cli.images import Inspection

STANDARD_INPUT = "standard input"


def inspect(
    files: looking_choices.Files,
    max_pixels: choices.MaxPixels = DEFAULT_MAX_PIXELS,
    as_json: looking_choices.JsonFiles = False,
) -> None:
    """Show what picture files contain, and how nlsr made them: the model and its hash, settings, version.

    Only headers and metadata are read, so a file with damaged or missing pixels is shown too.

    Example: nlsr inspect photo.jpg
    """
    console = InspectionConsole(Speech(as_json=as_json))
    shown, failed, missing = 0, 0, 0
    with console.guarded():
        for file in files:
            try:
                found = _inspected(file, max_pixels)
            except ImageError as error:
                console.error(error)
                failed += 1
                missing += isinstance(error, MissingInput)
                continue
            console.inspection(found, first=not shown)
            shown += 1
    nothing = ExitCode.USAGE if missing == failed else ExitCode.ERROR
    raise typer.Exit(int(ExitCode.OK if not failed else ExitCode.PARTIAL if shown else nothing))


def _inspected(file: str, max_pixels: int) -> Inspection:
    from nlsr_cli.books.archive import is_book
    from nlsr_cli.images import inspect_picture, read_stream

    if file != "-" and is_book(Path(file)):
        hint = f"To inspect its pages, unpack it first: unzip -d pages {shlex.quote(file)}"
        raise ImageReadError(file, "is a comic book, not a picture", hint)
    if file != "-":
        return inspect_picture(file, max_pixels=max_pixels)
    if sys.stdin is None:
        raise ImageReadError(STANDARD_INPUT, "is closed")
    data = read_stream(sys.stdin.buffer, name=STANDARD_INPUT, max_pixels=max_pixels)
    return inspect_picture(data, name=STANDARD_INPUT, max_pixels=max_pixels)
