"""`nlsr compare`: a picture before and after, on one page."""

from __future__ import annotations

from pathlib import Path

from nlsr_cli.commands import choices, opening, viewing_choices
from nlsr_cli.console import Speech
from nlsr_cli.console.viewing import ViewingConsole
from nlsr_cli.errors import OptionError
from nlsr_cli.options import DEFAULT_MAX_PIXELS, STREAM


def compare(
    source: viewing_choices.Before,
    results: viewing_choices.After,
    output: viewing_choices.PageOutput = None,
    truth: viewing_choices.CompareTruth = None,
    max_pixels: choices.MaxPixels = DEFAULT_MAX_PIXELS,
    overwrite: viewing_choices.OverwriteFile = False,
    open_: viewing_choices.OpenPage = False,
    as_json: viewing_choices.CompareJson = False,
    quiet: choices.OnlyResults = False,
) -> None:
    """Write a page that shows pictures before and after: slider, side by side, blink, differences, lens, figures.

    The page is one HTML file. It needs no network, and sends nothing anywhere.

    Example: nlsr compare photo.jpg photo_x4.jpg
    """
    console = ViewingConsole(Speech(quiet=quiet, as_json=as_json))
    with console.guarded():
        if STREAM in (source, output, truth, *results):
            raise OptionError("nlsr compare reads and writes files, not streams", "Give the names of files.")
        from nlsr_cli.isolation.decoder import Decoder

        with Decoder() as decoder:
            decoder.start()  # first, so that it loads while this process does
            console.show("loading")
            from nlsr_cli.viewing.comparison import compare as compared
            from nlsr_cli.viewing.page import check_page, page_beside, write_page

            page = page_beside(Path(results[0])) if output is None else Path(output)
            check_page(page, [Path(each) for each in (source, *results, *filter(None, [truth]))], overwrite=overwrite)
            console.show(f"comparing {Path(source).name}")
            found = compared(
                decoder,
                Path(source),
                [Path(each) for each in results],
                truth=None if truth is None else Path(truth),
                max_pixels=max_pixels,
            )
            write_page(found, page, overwrite=overwrite)
        console.comparison(found, page)
        if open_ and (trouble := opening.show(page)):
            console.note(f"note: {trouble}")
