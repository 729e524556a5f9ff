"""What AVIF and HEIC share: the brands by which each is known (ISO/IEC 14496-12, 4.3; ISO/IEC 23008-12), and boxes."""

from __future__ import annotations

from functools import cached_property

from nlsr_cli.images.containers import items
from nlsr_cli.images.heif import Still, still_of
from nlsr_cli.images.parsed import Parsed
from nlsr_cli.images.parts import HEAD, Accounted, Part, account
from nlsr_cli.images.rules.isobmff import rule

CODINGS = {
    "AVIF": (b"avif", b"avis"),
    "HEIC": (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs"),
}
OF_ANY_CODING = (b"mif1", b"mif2", b"miaf", b"msf1")


def coding_of(head: bytes) -> str | None:
    """Return the format of a file that begins with `head`: its own brand counts first, then compatible ones."""
    if head[4:8] != b"ftyp":
        return None
    end = min(int.from_bytes(head[:4], "big"), len(head))
    brands = [head[8:12], *(head[at : at + 4] for at in range(16, end - 3, 4))]
    for group in (brands[:1], brands):
        for coding, names in CODINGS.items():
            if any(brand in names for brand in group):
                return coding
    return "HEIC" if any(brand in OF_ANY_CODING for brand in brands) else None


class Heif(Parsed):
    """An ISO base media file that shows a picture."""

    part = "part of the container"

    @cached_property
    def still(self) -> Still:
        """Return the picture that it shows; raise ValueError where its boxes are countless."""
        return still_of(self.data)

    @cached_property
    def account(self) -> tuple[Accounted, ...]:
        try:
            still = self.still
        except ValueError:
            return account([Part("boxes without end", 0, len(self.data), self.data[:HEAD])], rule)
        return account(items.parts(still.media, still.roles), rule)
