"""A picture file as a value: its bytes, and whatever is asked of them, each found once, when it is first asked for."""

from __future__ import annotations

from functools import cached_property
from io import BytesIO
from typing import IO, TYPE_CHECKING, ClassVar, Literal, TypeAlias, cast

from PIL import Image

from nlsr_cli.errors import ImageReadError
from nlsr_cli.images.animation.frames import FrameIndex
from nlsr_cli.images.border import DAMAGED_HINT, REPORT_HINT, TRUNCATED, failure, is_foreseen
from nlsr_cli.images.depth import extra
from nlsr_cli.images.facts import Facts
from nlsr_cli.images.mapped import Mapped
from nlsr_cli.images.metadata.statements import Found
from nlsr_cli.images.modes import Decoded
from nlsr_cli.images.parts import Accounted, loss_notes

if TYPE_CHECKING:
    from nlsr_cli.images.gain_map import Located

PageKind: TypeAlias = Literal["", "alone", "bound"]


class Parsed:
    """A picture file of one format, which a class of its own stands for.

    What differs between formats is what a class overrides. `tagged` says that the header is a directory of TIFF tags,
    `noisy` that the decoder prints, `turned` that Pillow brings a picture upright by itself; `part` is what notes call
    a part of such a file. `page` says of one page of a file, which is a file of its own here, whether the other pages
    are kept with it ("bound") or not ("alone").

    Args:
        data: its bytes.
        label: what messages call it.
        max_pixels: the pixels that it may have.
    """

    format: ClassVar[str]
    part: ClassVar[str] = ""
    tagged = noisy = turned = False
    page: PageKind = ""

    def __init__(self, data: bytes, label: str, max_pixels: int) -> None:
        self.data, self.label, self.max_pixels = data, label, max_pixels

    @cached_property
    def facts(self) -> Facts:
        """Return what the header says.

        Raises:
            ImageReadError: it is damaged, or says that the file cannot be read without loss, or the file is of
                countless parts.
        """
        self.check()
        try:
            facts = self.header()
        except EOFError as exc:
            raise ImageReadError(self.label, TRUNCATED, DAMAGED_HINT) from exc
        except MemoryError as exc:
            raise ImageReadError(self.label, "does not fit into memory") from exc
        except Exception as exc:  # whatever a hostile header may provoke, one picture must not end the rest
            if not is_foreseen(exc):
                raise ImageReadError(self.label, failure(exc), REPORT_HINT) from exc
            reason = "is truncated or damaged: its header makes no sense"
            raise ImageReadError(self.label, reason, DAMAGED_HINT) from exc
        if facts.refusal:
            raise ImageReadError(self.label, facts.refusal, facts.hint)
        if facts.deep is not None and not extra.available():
            lacking = extra.missing(f"holds {facts.deep.what}, which")
            raise ImageReadError(self.label, lacking.message, lacking.hint)
        return facts

    def check(self) -> None:
        """Refuse a file of countless parts.

        Raises:
            ImageReadError: it has more than any picture has.
        """

    def header(self) -> Facts:
        """Return what the header says; raise what is damaged as it comes."""
        raise NotImplementedError

    @cached_property
    def found(self) -> Found:
        """Return what it says in words; finding it cannot fail."""
        return Found(self.facts.xmp)

    @cached_property
    def index(self) -> FrameIndex | None:
        """Return its frames, where it is an animation that is read whole; raise what is damaged as it comes."""
        return None

    @cached_property
    def account(self) -> tuple[Accounted, ...]:
        """Return the fate of every part, in the order of the file; finding it cannot fail."""
        return ()

    @cached_property
    def located(self) -> Located | None:
        """Return where the gain map in it lies."""
        return None

    @cached_property
    def quality(self) -> int | None:
        """Return the quality, 1 to 100, with which it was compressed, where that can be told."""
        return None

    @property
    def losses(self) -> tuple[str, ...]:
        """Return a note for each kind of part that is left out."""
        return tuple(loss_notes(self.account, self.part))

    @cached_property
    def profile(self) -> bytes | None:
        """Return the colour profile that is found without Pillow."""
        return self.facts.icc if self.facts.foreign is None else self.facts.foreign.icc

    @cached_property
    def prepared(self) -> bytes:
        """Return the bytes that decoders are given."""
        return self.data

    @property
    def head(self) -> bytes:
        """Return the bytes in which decoders find what the header says; the samples may not be there."""
        return self.prepared

    def image(self, *, head: bool = False) -> Image.Image:
        """Return it opened by the Pillow plug-ins that may: never one that was not meant, such as Ghostscript.

        With `head`, what the header says is there, and the samples may not be.
        """
        source: bytes | Mapped = self.head if head else self.prepared
        stream = cast("IO[bytes]", source) if isinstance(source, Mapped) else BytesIO(source)
        return Image.open(stream, formats=[self.format])

    def decoded(self) -> Decoded:
        """Return the picture, decoded without Pillow."""
        raise ValueError(f"nothing decodes {self.format}")
