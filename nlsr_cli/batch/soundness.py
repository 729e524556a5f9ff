"""Whether an output decodes: every picture in it, to the last pixel, and to the size that it was to have."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from nlsr_cli import deepzoom
from nlsr_cli.batch.comic import pages_of
from nlsr_cli.books.archive import Archive, is_book
from nlsr_cli.errors import ImageReadError
from nlsr_cli.images import Animation
from nlsr_cli.images.pages import Pages
from nlsr_cli.isolation.decoder import Decoder
from nlsr_cli.options import DEFAULT_MAX_PIXELS
from nlsr_cli.sizes import MAX_SCALE

_MAX_PIXELS = DEFAULT_MAX_PIXELS * MAX_SCALE**2  # of the largest output of the largest input


def check_pixels(decoder: Decoder, output: Path, options: Mapping[str, Any]) -> None:
    """Decode an output in the process of `decoder`; `options` are those in its ledger.

    Raises:
        ImageReadError: a picture in it does not decode, or has another size than it was to have.
    """
    for source, name, single in _pictures(output):
        picture = decoder.read(source, name=name, max_pixels=_MAX_PIXELS, whole=True).picture
        first = picture.frames[0] if isinstance(picture, Animation) else picture
        wanted = (options.get("height"), options.get("width"))
        if single and None not in wanted and (first.height, first.width) != wanted:
            reason = f"has {first.width}×{first.height} pixels and was to have {wanted[1]}×{wanted[0]}"
            raise ImageReadError(output, reason)


def _pictures(output: Path) -> Iterator[tuple[Path | bytes, str, bool]]:
    """Yield the pictures in an output: a path or bytes, what messages call it, and whether it is all of the output."""
    if is_book(output):
        with Archive(output) as archive:
            archive.verify()
            for page in pages_of(archive):
                yield archive.read(page), f"{output}/{page}", False
    elif output.suffix.lower() == deepzoom.SUFFIX:
        for tile in sorted(path for path in deepzoom.folder_of(output).rglob("*") if path.is_file()):
            yield tile, str(tile), False
    else:
        with Pages(output, str(output)) as pages:
            for number, leaf in enumerate(pages.leaves, 1):
                name = f"page {number} of {output}"
                yield pages.excerpt(leaf, name, _MAX_PIXELS), name, False
            if not pages.leaves:
                yield output, str(output), True
