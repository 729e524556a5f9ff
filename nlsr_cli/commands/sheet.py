"""`nlsr sheet`: all pictures of a folder, small, on one picture."""

from __future__ import annotations

from pathlib import Path

import typer

from nlsr_cli.commands import choices, opening, viewing_choices
from nlsr_cli.console import Speech
from nlsr_cli.console.viewing import ViewingConsole
from nlsr_cli.errors import ExitCode, OptionError
from nlsr_cli.options import DEFAULT_MAX_PIXELS, STREAM, SheetOptions


def sheet(
    folder: viewing_choices.SheetFolder,
    output: viewing_choices.SheetOutput = None,
    columns: viewing_choices.Columns = None,
    size: viewing_choices.SheetSize = 256,
    recursive: viewing_choices.SheetRecursive = False,
    max_pixels: choices.MaxPixels = DEFAULT_MAX_PIXELS,
    overwrite: viewing_choices.OverwriteFile = False,
    open_: viewing_choices.OpenSheet = False,
    quiet: choices.OnlyResults = False,
) -> None:
    """Draw a contact sheet: the pictures of a folder side by side, with their names.

    Example: nlsr sheet holiday
    """
    console = ViewingConsole(Speech(quiet=quiet))
    with console.guarded():
        options = SheetOptions(columns, size)
        place = _place(Path(folder), output)
        from nlsr_cli.images import write_picture
        from nlsr_cli.isolation.decoder import Decoder
        from nlsr_cli.storing import check_free
        from nlsr_cli.viewing.sheet import find_pictures, make_sheet

        paths, found = find_pictures(Path(folder), recursive=recursive)
        check_free(place, overwrite=overwrite)
        if place.resolve() in {path.resolve() for path in paths}:
            raise OptionError(f"{place}: is one of the pictures", "Choose another name with -o.")
        with Decoder() as decoder:

            def on_step(number: int, path: Path) -> None:
                console.show(f"{number + 1}/{len(paths)} {path.name}", number / len(paths))

            drawn = make_sheet(decoder, paths, Path(folder), options, max_pixels=max_pixels, on_step=on_step)
        for error in drawn.failed:
            console.error(error)
        for path, trouble in found.unreadable:
            console.note(f"note: {path}: the folder cannot be read: {trouble}")
        for why, left in found.passed.by_choice():
            console.passed_over(left, why)
        console.not_taken(found.passed)
        if not drawn.shown:
            raise typer.Exit(int(ExitCode.ERROR))
        write_picture(drawn.picture, place, overwrite=overwrite)
        console.sheet(drawn, place)
        if open_ and (trouble := opening.show(place)):
            console.note(f"note: {trouble}")
    raise typer.Exit(int(ExitCode.PARTIAL if drawn.failed or found.unreadable else ExitCode.OK))


def _place(folder: Path, output: str | None) -> Path:
    """Return where the sheet goes: beside the folder, where the next sheet does not show it.

    Raises:
        OptionError: it was to be a stream, or the folder has no name.
    """
    if output == STREAM:
        raise OptionError("nlsr sheet writes a file, not a stream", "Give the name of a file after -o.")
    if output is not None:
        return Path(output)
    whole = folder.resolve()
    if not whole.name:
        raise OptionError(f"{folder} has no name that a sheet could take", "Give a name: -o sheet.png")
    beside = folder if folder.name not in ("", "..") else whole
    return beside.with_name(f"{whole.name}_sheet.png")
