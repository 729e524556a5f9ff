"""The page of a comparison: one HTML file that holds everything it shows, and asks nobody for anything.

A policy in the page itself (Content-Security-Policy) allows pictures that lie in it, this style and this script, and
nothing else. Without scripts the page shows the pictures below each other.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

import numpy as np

from nlsr_cli.errors import DestinationClash
from nlsr_cli.images import Pixels, resize_bicubic
from nlsr_cli.storing import check_free
from nlsr_cli.viewing.comparison import Comparison, Layer
from nlsr_cli.viewing.differences import GAIN, SIDE, Place, amplified
from nlsr_cli.viewing.markup import figure, filled, framed, said, write_html

WHOLE = 1 << 23  # pixels of a picture that a page holds whole; browsers on phones give up at about twice as many
SUFFIX = "_compare.html"
_GENERATOR = b'<meta name="generator" content="nlsr '
_HEAD = 1024  # bytes in which it stands
_ROLES = {"source": "as it was", "bicubic": "enlarged by interpolation", "result": "result", "truth": "truth"}
_COLUMNS = ("agreement, all", "agreement, worst place")
_JUDGED = ("PSNR", "SSIM", "PSNR of RGB")
_AGREEMENT = (
    "Agreement is the PSNR in dB of a picture that is reduced again against its source, at most 100. It shows "
    "whether anything was moved, tinted or lost, not which picture is better."
)
_SCORES = "PSNR in dB and SSIM compare luma with the truth, without a border as wide as the scale; more is better."


def page_beside(result: Path) -> Path:
    """Return where the page of a result goes unless somebody says otherwise."""
    return result.with_name(result.stem + SUFFIX)


def is_page(path: Path) -> bool:
    """Tell whether a file is a page that nlsr has made."""
    with suppress(OSError), path.open("rb") as file:
        return _GENERATOR in file.read(_HEAD)
    return False


def check_page(path: Path, pictures: Sequence[Path], *, overwrite: bool) -> None:
    """Refuse a name that is taken, or that is one of the pictures, before anything is read.

    Raises:
        DestinationClash: it is; a file that stands there may be replaced with `overwrite`.
        ImageWriteError: it is a folder.
    """
    check_free(path, overwrite=overwrite)
    if path.exists() and any(each.exists() and each.samefile(path) for each in pictures):
        raise DestinationClash(path, "is one of the pictures", "Choose another name with -o.")


def write_page(found: Comparison, path: Path, *, overwrite: bool) -> None:
    """Write the page of a comparison, whole or not at all. The same comparison gives the same bytes.

    Raises:
        DestinationClash, ImageWriteError: as `storing.writing`.
    """
    write_html(page(found), path, overwrite=overwrite)


def page(found: Comparison) -> str:
    """Return the page of a comparison."""
    reduced = _reduction(found.size)
    height, width = (math.ceil(side / reduced) for side in found.size)
    names = f"{said(found.source.name)} → {', '.join(said(each.name) for each in found.results)}"
    sizes = f"{_size(found.source.pixels)} → {_size(found.results[0].pixels)} pixels, {found.scale:.4g}×"
    main = filled(
        "page.html",
        width=width,
        height=height,
        reduced=reduced,
        choices="".join(f'<option value="{number}">{said(_named(each))}' for number, each in enumerate(found.layers)),
        one="1:1" if reduced == 1 else f"{100 / reduced:.0f} %",
        lens="" if reduced == 1 else " disabled",
        gain=GAIN,
        view_note=_view_note(reduced),
        pictures="\n".join(_figures(found, height, width)),
        differences=_differences(found),
        columns="".join(f'<th scope="col">{name}</th>' for name in _columns(found)),
        rows="\n".join(_rows(found)),
        explained=f"{_AGREEMENT} {_SCORES}" if found.truth else _AGREEMENT,
        notes="\n".join(f"<li>{said(note)}</li>" for note in _notes(found, reduced)),
    )
    return framed(main, title=names, facts=sizes, script="page.js")


def _named(layer: Layer) -> str:
    return layer.name if layer.kind == "bicubic" else f"{layer.name} ({_ROLES[layer.kind]})"


def _short(layer: Layer, found: Comparison) -> str:
    """Return what a small picture is called: its role, unless several have it."""
    return layer.name if layer.kind == "result" and len(found.results) > 1 else layer.kind


def _size(pixels: Pixels) -> str:
    return f"{pixels.shape[1]}×{pixels.shape[0]}"


def _reduction(size: tuple[int, int]) -> int:
    """Return by how much the sides of pictures of a size, (height, width), are divided for the view."""
    return math.ceil(math.sqrt(max(1.0, math.prod(size) / WHOLE)))


def _figures(found: Comparison, height: int, width: int) -> Iterator[str]:
    """Yield the pictures of the view. The source has its own pixels, which the browser repeats, unless it is larger."""
    for layer in found.layers:
        pixels = layer.pixels
        if pixels.shape[0] > height or pixels.shape[1] > width:
            pixels = resize_bicubic(pixels, height, width)
        yield figure(pixels, f"{layer.name}, {_ROLES[layer.kind]}", _named(layer))


def _differences(found: Comparison) -> str:
    """Return the section with the crops, each with what is seen there in every picture."""
    other = "bicubic interpolation" if found.truth is None else "the truth"
    title = f'<h2 id="differences">Where the result differs most from {other}</h2>'
    if not found.places:
        body = "<p>Nowhere: they are the same, or differ by less than half a level.</p>"
    else:
        places = "\n".join(_place(found, place) for place in found.places)
        body = (
            f"<p>Crops of up to {SIDE} by {SIDE} pixels at full size, with the mean difference of their samples "
            f'(white is level 255).</p>\n<ul class="places">\n{places}\n</ul>'
        )
    return f'<section aria-labelledby="differences">\n{title}\n{body}\n</section>'


def _place(found: Comparison, place: Place) -> str:
    where = f"row {place.top}, column {place.left}"
    box = slice(place.top, place.top + place.height), slice(place.left, place.left + place.width)
    crops = [(_crop(layer.pixels, found.size, place), _short(layer, found)) for layer in found.layers]
    against = found.bicubic if found.truth is None else found.truth
    crops.append((amplified(found.results[0].pixels[box], against.pixels[box]), f"difference × {GAIN}"))
    shown = "".join(figure(crop, f"{name}, {where}", name, "crop") for crop, name in crops)
    numbers = f"{place.left} {place.top} {place.width} {place.height}"
    button = (
        f'<button type="button" data-place="{numbers}" aria-label="Show {where} in the viewer" hidden>Show</button>'
    )
    text = f"<p>Row {place.top}, column {place.left}: {place.levels:.1f} levels {button}</p>"
    return f'<li class="place">{text}{shown}</li>'


def _crop(pixels: Pixels, size: tuple[int, int], place: Place) -> Pixels:
    """Return what is seen in a place of a picture of `size`; pixels of one that is of another size are repeated."""
    rows = ((np.arange(place.top, place.top + place.height) + 0.5) * pixels.shape[0] / size[0]).astype(np.intp)
    columns = ((np.arange(place.left, place.left + place.width) + 0.5) * pixels.shape[1] / size[1]).astype(np.intp)
    made: Pixels = pixels[rows[:, None], columns]
    return made


def _columns(found: Comparison) -> tuple[str, ...]:
    return (*_JUDGED, *_COLUMNS) if found.truth is not None else _COLUMNS


def _rows(found: Comparison) -> Iterator[str]:
    for layer in found.layers[1:]:
        cells = []
        if found.truth is not None:
            score = layer.score
            cells += ["" if score is None else _decibels(score.psnr)]
            cells += ["" if score is None or score.ssim is None else f"{score.ssim:.4f}"]
            cells += ["" if score is None or score.rgb is None else _decibels(score.rgb)]
        agreed = layer.agreement
        cells += ["", ""] if agreed is None else [_decibels(agreed.psnr), _decibels(agreed.worst)]
        row = "".join(f"<td>{cell}</td>" for cell in cells)
        yield f'<tr><th scope="row">{said(_named(layer))}</th>{row}</tr>'


def _decibels(value: float) -> str:
    return "same pixels" if math.isinf(value) else f"{value:.2f} dB"


def _view_note(reduced: int) -> str:
    if reduced == 1:
        return ""
    percent = f"{100 / reduced:.0f} %"
    return f"The sides are {reduced} times smaller here than they are, so nothing new appears beyond {percent}."


def _notes(found: Comparison, reduced: int) -> Iterator[str]:
    yield "All pictures are shown in sRGB with 8 bits a channel, upright."
    yield f"{found.source.name} is shown with its own pixels, repeated; bicubic is what interpolation makes of it."
    if reduced > 1:
        yield (
            f"The viewer shows pictures whose sides are {reduced} times smaller, the lens is off, and the crops above "
            f"show {SIDE} by {SIDE} pixels of the full size."
        )
    if found.scale < 1:
        yield "The result is smaller than the source."
    yield from found.notes
