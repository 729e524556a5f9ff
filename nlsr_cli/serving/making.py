"""What enlarges: the same `Upscaler` that Python users have, one for each model, and a look at what was uploaded."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nlsr_cli.api import find_set
from nlsr_cli.errors import ImageReadError, NlsrError, ScratchFull
from nlsr_cli.interface.upscaler import Upscaler
from nlsr_cli.isolation.decoder import Decoder
from nlsr_cli.options import UpscaleOptions
from nlsr_cli.serving.job import Job, Result
from nlsr_cli.serving.refusals import DiskFull, TooLarge, Unusable
from nlsr_cli.serving.settings import RESULT
from nlsr_cli.sizes import SizeOptions
from nlsr_cli.upscaling.route import Aim
from nlsr_cli.zoo import EMBEDDED, ModelSet, find_models
from nlsr_cli.zoo.registry import families

if TYPE_CHECKING:
    from nlsr_cli.images import Header
    from nlsr_cli.serving.asked import Asked
    from nlsr_cli.serving.settings import ServeOptions

LOOK = 10.0  # seconds for a header, and more for a large file: whoever comes next waits meanwhile
_LARGER = "Whoever runs the server may allow more: --max-pixels"


class Maker:
    """Looks at uploads, and enlarges them. One thread makes; any may look meanwhile.

    Args:
        options: those of the server.

    Raises:
        ModelError: a model is unknown, cannot be fetched, or is damaged.
        OptionError: this machine lacks the device.
    """

    def __init__(self, options: ServeOptions) -> None:
        self._options = options
        compute = options.compute
        self._machine = {"device": compute.device, "precision": compute.precision, "offline": options.offline}
        self._looker = Decoder(seconds=LOOK)
        self._looker.start()  # it loads while this process loads networks
        named = {Path(each).name or each: each for each in options.models} or {each: each for each in families()}
        self._sets = {label: find_models(model, offline=options.offline) for label, model in named.items()}
        self._named = named
        self.first = next(iter(named)) if options.models else _default_family(options)
        self._upscalers = {self.first: Upscaler(named[self.first], **self._settings)}

    @property
    def models(self) -> dict[str, tuple[int, ...]]:
        """Return the scales of the networks of each model that clients may choose, the server's first one first."""
        ordered = sorted(self._sets, key=lambda label: label != self.first)
        return {label: self._sets[label].scales for label in ordered}

    @property
    def _settings(self) -> dict[str, Any]:
        limits = {"max_pixels": self._options.max_pixels, "max_memory": self._options.max_memory}
        return {**self._machine, **limits}

    def look(self, upload: Path, asked: Asked) -> Header:
        """Return what the header of an upload says, read in a process of its own, before anything is decoded.

        Raises:
            ImageReadError: it is no picture that can be read.
            TooLarge: it has too many pixels, or would have.
            OptionError: it cannot have the size that is asked for.
        """
        from nlsr_cli.images.border import LIMIT_HINT

        most = self._options.max_pixels
        try:
            header = self._looker.probe(upload, name=asked.name, max_pixels=most)
        except ImageReadError as error:
            if error.hint == LIMIT_HINT:
                raise TooLarge(error.message, _LARGER) from error
            error.__cause__ = None
            raise
        size = self._size(header, asked.options, self._sets[asked.model or self.first])
        if prod(size) > RESULT * most:
            message = f"{asked.name}: the result would have {prod(size)} pixels, more than {RESULT * most}"
            raise TooLarge(message, "Ask for a smaller size.")
        return header

    @staticmethod
    def _size(header: Header, options: UpscaleOptions, models: ModelSet) -> tuple[int, int]:
        """Return the (height, width) of the result."""
        sizes = options.sizes if options.sizes.given else SizeOptions(scale=models.default)
        return Aim(sizes, models.scales).route(header.height, header.width).size

    def make(self, job: Job, upload: Path, folder: Path, on_tile: Callable[[int, int], None]) -> Result:
        """Enlarge an upload into a folder, which is made anew; what `on_tile` raises ends it.

        Raises:
            NlsrError: it cannot be read, enlarged or written. No message names a place on this machine.
        """
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(mode=0o700)
        try:
            outcome = self._upscaler(job.model).upscale(upload, folder, on_tile=on_tile, **job.settings)
        except ScratchFull as error:
            raise DiskFull("the disk of the server has no room for so large a picture", "Try again later.") from error
        except NlsrError as error:
            error.message, error.hint = (_private(text, job, upload) for text in (error.message, error.hint))
            raise
        output, size = outcome.output, outcome.output_size
        if output is None or size is None:
            raise NlsrError(f"{job.name}: nobody knows where its result is")
        return Result(
            ending=output.suffix,
            suffix=output.stem.removeprefix(upload.name),
            media_type=media_type(_format_of(output)),
            bytes=output.stat().st_size,
            height=size[0],
            width=size[1],
            seconds=round(outcome.seconds, 3),
            notes=tuple(_private(note, job, upload) for note in outcome.notes),
        )

    def _upscaler(self, model: str) -> Upscaler:
        """Return what enlarges with a model, of which there is one; its networks are loaded when they are needed.

        Raises:
            Unusable: no such model is offered.
        """
        if model not in self._named:  # the server that accepted the job had it
            raise Unusable(f"this server has no model '{model}' any more", "Send the picture again with another one.")
        if model not in self._upscalers:
            self._upscalers[model] = Upscaler(self._named[model], **self._settings)
        return self._upscalers[model]

    def close(self) -> None:
        """End the processes that read pictures, and let go of the networks."""
        self._looker.close()
        for upscaler in self._upscalers.values():
            upscaler.close()


def media_type(format: str) -> str:  # noqa: A002 - the word for it, in Pillow too
    """Return what HTTP calls a format: what Pillow registers, or its name."""
    from PIL import Image

    from nlsr_cli.images import native_formats

    native_formats()  # which has Pillow load what knows them
    return Image.MIME.get(format, f"image/{format.lower() or 'unknown'}")


def _format_of(path: Path) -> str:
    from nlsr_cli.images.formats import format_of_suffix

    return format_of_suffix(path) or ""


def _default_family(options: ServeOptions) -> str:
    """Return the family that this machine takes where no model is named."""
    models = find_set(UpscaleOptions(compute=options.compute, offline=options.offline))
    return EMBEDDED[models.source(models.default).name].family


def _private(text: str, job: Job, upload: Path) -> str:
    """Return a message with what the client calls the picture in the place of where it lies here."""
    return re.sub(re.escape(str(upload.parent)) + r"[^\s:,']*", lambda _: job.name, text)
