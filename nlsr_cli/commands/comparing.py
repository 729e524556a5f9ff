"""A page before and after for each result of `nlsr upscale --compare`."""

from __future__ import annotations

from dataclasses import replace
from math import prod
from typing import TYPE_CHECKING

from nlsr_cli.batch.outcome import Outcome
from nlsr_cli.errors import NlsrError

if TYPE_CHECKING:
    from nlsr_cli.isolation.decoder import Decoder
    from nlsr_cli.options import UpscaleOptions


class Comparing:
    """Makes the pages.

    Args:
        decoder: reads the files again.
        options: those of the call.
        existing: what happens to files that are there, as of `OutputOptions`.
    """

    def __init__(self, decoder: Decoder, options: UpscaleOptions, existing: str) -> None:
        self._decoder = decoder
        self._options = options
        self._existing = existing

    def with_page(self, outcome: Outcome) -> Outcome:
        """Return what became of a picture with its page, or with a note that says why it has none.

        A page of ours that stands there was of an earlier result, and is replaced.

        Raises:
            NlsrError: the page cannot be made or written.
        """
        from nlsr_cli.viewing.comparison import compare
        from nlsr_cli.viewing.page import is_page, page_beside, write_page

        unfit = _unfit(outcome, self._options)
        if unfit:
            return replace(outcome, notes=(*outcome.notes, f"No page shows it before and after: {unfit}."))
        if outcome.output is None or outcome.output_size is None:
            raise NlsrError(f"{outcome.name}: nobody knows where its result is")
        page = page_beside(outcome.output)
        most = max(self._options.max_pixels, prod(outcome.output_size))
        found = compare(self._decoder, outcome.source, [outcome.output], max_pixels=most)
        write_page(found, page, overwrite=self._existing == "overwrite" or is_page(page))
        return replace(outcome, comparison=page)


def _unfit(outcome: Outcome, options: UpscaleOptions) -> str:
    """Return why a result cannot be compared with its source; "" if it can."""
    if outcome.pages is not None or options.page is not None:
        return "it is a page, or has pages"
    if outcome.frames > 1:
        return "it is an animation"
    if outcome.output is not None and outcome.output.suffix.lower() == ".dzi":
        return "a DeepZoom is not read"
    return ""
