"""What the commands for looking at pictures print: the file that was written, and on stderr what is known of it."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING

from nlsr_cli.console.printer import Console
from nlsr_cli.options import counted

if TYPE_CHECKING:
    from nlsr_cli.upscaling.looking import Look
    from nlsr_cli.viewing.comparison import Comparison, Layer
    from nlsr_cli.viewing.sheet import Sheet
    from nlsr_cli.viewing.shown import Shown


class ViewingConsole(Console):
    """Prints for `nlsr compare`, `nlsr sheet` and `nlsr attention`."""

    def comparison(self, found: Comparison, page: Path) -> None:
        """Print the figures of a comparison, its notes, and its page."""
        for layer in (found.bicubic, *found.results):
            self.note(f"{layer.name}: {_figures(layer)}")
        for note in found.notes:
            self.note(f"  note: {note}")
        if self.speech.as_json:
            self.json_line({**found.as_json(), "page": str(page)})
        else:
            self.line(page)

    def attention(self, found: Look, shown: Shown, model: str, place: Path) -> None:
        """Print what the attention contributes, what counts most, and the file."""
        for sentence in found.summary():
            self.note(sentence)
        for note in shown.notes:
            self.note(f"  note: {note}")
        if self.speech.as_json:
            facts = {"source": str(shown.path), "model": model, **found.as_json(), "notes": list(shown.notes)}
            self.json_line({**facts, "output": str(place)})
        else:
            self.line(place)

    def sheet(self, drawn: Sheet, place: Path) -> None:
        """Print how many pictures a sheet shows, and its file."""
        picture = drawn.picture
        self.note(f"{counted(drawn.shown, 'picture')} on {picture.width}×{picture.height} pixels")
        if drawn.strange:
            names = counted(drawn.strange, "name")
            self.note(f"  note: Letters that no font on this machine has are question marks, in {names}.")
        self.line(place)


def _figures(layer: Layer) -> str:
    said = []
    if layer.score is not None:
        said.append("the truth, pixel by pixel" if math.isinf(layer.score.psnr) else f"PSNR {layer.score.psnr:.2f} dB")
        said += [] if layer.score.ssim is None else [f"SSIM {layer.score.ssim:.4f}"]
    if layer.agreement is not None:
        said.append(f"agrees with the source to {layer.agreement.psnr:.1f} dB")
    return ", ".join(said)
