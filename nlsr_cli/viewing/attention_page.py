"""The page of `nlsr attention`: one HTML file without a script, which asks nobody for anything."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from nlsr_cli.options import counted
from nlsr_cli.viewing.attention import CROP, Drawn, Partner, drawn
from nlsr_cli.viewing.markup import figure, filled, framed, said

if TYPE_CHECKING:
    from nlsr_cli.upscaling.looking import Look
    from nlsr_cli.viewing.shown import Shown


def attention_page(found: Look, shown: Shown, model: str) -> str:
    """Return the page: what a pixel of a picture looks at, when a model enlarges it."""
    main = filled(
        "attention.html",
        summary="\n".join(f"<p>{said(sentence)}</p>" for sentence in found.summary()),
        layers="\n".join(_sections(found, list(drawn(found, shown.pixels)))),
        notes="\n".join(f"<li>{said(note)}</li>" for note in _notes(found, shown)),
    )
    title = f"{shown.path.name}: what pixel {found.pixel[1]},{found.pixel[0]} looks at"
    return framed(main, title=said(title), facts=said(f"{model}, {found.scale}×, {found.precision}; {_tile(found)}"))


def _tile(found: Look) -> str:
    tile = found.tile
    if found.tiles == 1:
        return "the whole picture is one tile"
    return f"tile of {tile.width}×{tile.height} pixels from {tile.left},{tile.top} on, one of {found.tiles}"


def _sections(found: Look, layers: Sequence[Drawn]) -> Iterator[str]:
    for number, each in enumerate(layers, 1):
        name = f"layer-{number}"
        title = f"Layer {number} of {len(layers)}"
        cell = each.layer.cell
        position = "each pixel" if cell == 1 else f"each cell of {cell}×{cell} pixels"
        counts = f"{counted(each.layer.map.buckets, 'bucket')}, {counted(len(each.rounds), 'round')}"
        facts = f"A position is {position}; {counts}."
        partners = "\n".join(f"<li>{_partner(one)}</li>" for one in each.partners)
        own = figure(each.own, "The pixel itself, in the middle of what surrounds it", "the pixel", "crop")
        yield (
            f'<section aria-labelledby="{name}">\n<h2 id="{name}">{title}</h2>\n<p>{facts}</p>\n'
            f'<div class="maps">\n{"".join(_maps(each))}</div>\n<h3>What counts most, with weight and similarity</h3>\n'
            f'<ul class="partners">\n<li>{own}</li>\n{partners}\n</ul>\n</section>'
        )


def _maps(each: Drawn) -> Iterator[str]:
    for turn, one in enumerate(each.rounds, 1):
        heat = f"Round {turn}, {100 * one.share:.0f} % of the weight. Orange: what the pixel attends to"
        buckets = f"Round {turn}. Buckets as colours; the pixel is in number {one.bucket}"
        yield figure(one.heat, heat, f"{heat}; bright: what it is compared with.", "map")
        yield figure(one.buckets, buckets, f"{buckets}.", "map")


def _partner(one: Partner) -> str:
    return figure(one.crop, f"Around pixel {one.column},{one.row}", one.said, "crop")


def _notes(found: Look, shown: Shown) -> Iterator[str]:
    yield "X and Y count from 0, from the left and from the top."
    yield "A pixel can only look at its own tile. Hashing, tile, precision and damage are those of nlsr upscale."
    if found.told:
        damage = f"compression {found.told[0]:.2f} and noise {found.told[1]:.2f}"
        yield f"The network allows for damage: {damage}, from 0 to 1."
    yield f"Crops show {CROP}×{CROP} pixels. Weights of all rounds sum to 100 %; similarity is a cosine, 1 at most."
    yield "Heat is drawn as the square root of the weight, so that a hundredth of the largest one is still seen."
    yield from shown.notes
