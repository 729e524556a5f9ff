"""`nlsr attention`: what a pixel looks at."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from nlsr_cli.commands import choices, opening, viewing_choices
from nlsr_cli.console import Speech
from nlsr_cli.console.viewing import ViewingConsole
from nlsr_cli.errors import OptionError
from nlsr_cli.options import DEFAULT_MAX_PIXELS, STREAM

if TYPE_CHECKING:
    from nlsr_cli.upscaling.looking import Look
    from nlsr_cli.viewing.shown import Shown

SUFFIX, PICTURE = "_attention.html", ".png"


def attention(
    source: viewing_choices.Looked,
    at: viewing_choices.At,
    output: viewing_choices.AttentionOutput = None,
    scale: viewing_choices.AttentionScale = None,
    model: choices.Model = None,
    device: choices.Device = "auto",
    precision: choices.UpscalePrecision = "auto",
    tile: choices.Tile = "auto",
    overlap: choices.Overlap = 16,
    max_pixels: choices.MaxPixels = DEFAULT_MAX_PIXELS,
    offline: choices.Offline = False,
    overwrite: viewing_choices.OverwriteFile = False,
    open_: viewing_choices.OpenPage = False,
    as_json: viewing_choices.CompareJson = False,
    quiet: choices.OnlyResults = False,
) -> None:
    """Show what a pixel looks at: the positions that hash alike, their weights, and how much that contributes.

    X and Y count from 0, from the left and the top of the picture as it is seen. The network, its tile and its hashing
    are those of nlsr upscale. A name that ends in .png gives one picture instead of a page.

    Example: nlsr attention photo.jpg --at 120,80
    """
    console = ViewingConsole(Speech(quiet=quiet, as_json=as_json))
    with console.guarded():
        if STREAM in (source, output):
            raise OptionError("nlsr attention reads and writes files, not streams", "Give the names of files.")
        pixel = _pixel(at)
        place = Path(source).with_name(Path(source).stem + SUFFIX) if output is None else Path(output)
        if place.suffix.lower() not in (PICTURE, ".html", ".htm"):
            raise OptionError(f"{place}: is neither a page nor a picture", "Let its name end in .html or .png.")
        from nlsr_cli.api import build_enlarger, find_set
        from nlsr_cli.isolation.decoder import Decoder
        from nlsr_cli.keywords import options_of
        from nlsr_cli.viewing.page import check_page

        check_page(place, [Path(source)], overwrite=overwrite)
        given = {"scale": scale, "model": model, "device": device, "precision": precision, "tile": tile}
        options = options_of({**given, "overlap": overlap, "max_pixels": max_pixels, "offline": offline})
        with Decoder() as decoder:
            decoder.start()  # first, so that it loads while this process does
            console.show("loading")
            from nlsr_cli.upscaling.looking import look
            from nlsr_cli.viewing.shown import read_both

            picture, shown = read_both(decoder, Path(source), max_pixels)
            models = find_set(options)
            enlarger = build_enlarger(options, models)
            console.show(f"looking at {Path(source).name}")
            found = look(enlarger, picture, pixel)
        name = models.source(found.scale).name
        _write(found, shown, name, place, overwrite=overwrite)
        console.attention(found, shown, name, place)
        if open_ and (trouble := opening.show(place)):
            console.note(f"note: {trouble}")


def _pixel(at: str) -> tuple[int, int]:
    """Return the row and the column of `X,Y`.

    Raises:
        OptionError: it is something else.
    """
    parts = at.split(",")
    if len(parts) != 2 or not all(part.strip().isdecimal() and len(part) < 12 for part in parts):
        raise OptionError(f"--at takes X,Y, not '{at[:40]}'", "For example: --at 120,80")
    return int(parts[1]), int(parts[0])


def _write(found: Look, shown: Shown, model: str, place: Path, *, overwrite: bool) -> None:
    if place.suffix.lower() == PICTURE:
        from nlsr_cli.images import write_picture
        from nlsr_cli.viewing.attention import drawn, plate

        write_picture(plate(list(drawn(found, shown.pixels))), place, overwrite=overwrite)
        return
    from nlsr_cli.viewing.attention_page import attention_page
    from nlsr_cli.viewing.markup import write_html

    write_html(attention_page(found, shown, model), place, overwrite=overwrite)
