"""`upscale` and `Upscaler`: files, Pillow's pictures, arrays and tensors in, the same larger out."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING, Any, TypeVar, cast, overload

from nlsr_cli.api import build_enlarger, models_of
from nlsr_cli.errors import NlsrError, OptionError
from nlsr_cli.interface.files import enlarge_file, upscale_file
from nlsr_cli.interface.forms import form_of
from nlsr_cli.keywords import FILES, MACHINE, PICTURE, check_names, merged, options_of
from nlsr_cli.upscaling.route import stages_for

if TYPE_CHECKING:
    from typing import Unpack

    import numpy as np
    import numpy.typing as npt
    from PIL.Image import Image
    from torch import Tensor

    from nlsr_cli.api import FilePath, Model
    from nlsr_cli.batch.outcome import Outcome
    from nlsr_cli.images import Picture
    from nlsr_cli.keywords import AllOptions, CallOptions, PictureOptions, PixelOptions
    from nlsr_cli.options import UpscaleOptions
    from nlsr_cli.upscaling.progress import Enlarged, OnTile
    from nlsr_cli.zoo import ModelSet

    Sample = TypeVar("Sample", bound=np.generic)


class Upscaler:
    """Networks on a device, loaded once, that enlarge any number of files and pictures.

    It is a context manager, and closes at the end of its block. Threads may share it: one picture at a time has the
    networks, behind a lock, while files are read and written meanwhile. Each result is the one that it would be alone.

    Args:
        model: what `--model` takes, a network, or networks by their scale; None is the default family of the device.
        options: those of the command line, by name: where the networks run, and what holds for every call that does not
            say otherwise.

    Raises:
        ModelError: the model is unknown, cannot be fetched, or is damaged.
        OptionError: an option is unknown or makes no sense, this machine lacks the device, or the device lacks the
            precision.
    """

    def __init__(self, model: Model = None, **options: Unpack[AllOptions]) -> None:
        from nlsr_cli.isolation.decoder import Decoder

        check_names(options, PICTURE | MACHINE | FILES)
        self._given: dict[str, object] = {**options, "model": _name_of(model)}
        asked = options_of(self._given)
        models = models_of(model, asked)
        self._models: ModelSet | None = models
        self._turn = threading.RLock()
        self._decoder = Decoder()
        enlarger = build_enlarger(asked, models)
        if asked.strength > 0 and (asked.sizes.by_scale or not asked.sizes.given):
            enlarger.load(stages_for(asked.scale or models.default, models.scales))

    def __enter__(self) -> Upscaler:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the networks, once the picture that is being computed is done. Closing twice does nothing."""
        with self._turn:
            self._models = None
        self._decoder.close()

    @overload
    def upscale(
        self,
        source: FilePath,
        output: FilePath | None = None,
        *,
        on_tile: OnTile | None = None,
        **options: Unpack[CallOptions],
    ) -> Outcome: ...
    @overload
    def upscale(self, source: Image, *, on_tile: OnTile | None = None, **options: Unpack[PictureOptions]) -> Image: ...
    @overload
    def upscale(
        self, source: npt.NDArray[Sample], *, on_tile: OnTile | None = None, **options: Unpack[PictureOptions]
    ) -> npt.NDArray[Sample]: ...
    @overload
    def upscale(
        self, source: Tensor, *, on_tile: OnTile | None = None, **options: Unpack[PictureOptions]
    ) -> Tensor: ...
    @overload
    def upscale(
        self, source: Picture, *, on_tile: OnTile | None = None, **options: Unpack[PictureOptions]
    ) -> Enlarged: ...
    def upscale(
        self, source: object, output: FilePath | None = None, *, on_tile: OnTile | None = None, **options: Any
    ) -> object:
        """Enlarge a file or pixels, as `nlsr_cli.upscale` does. The options outrank those of the Upscaler.

        Raises:
            NlsrError: as `nlsr_cli.upscale`, or the Upscaler is closed.
        """
        models, given = self._open(), merged(self._given, options)
        _check_output(output)
        if not isinstance(source, (str, os.PathLike)):
            check_names([*options, *(["output"] if output is not None else [])], PICTURE)
            return self._pixels(source, options_of(given), on_tile)
        check_names(options, PICTURE | FILES)
        asked, turn = options_of(given), self._turn
        return enlarge_file(source, output, given, asked, models, self._decoder, on_tile=on_tile, turn=turn)

    __call__ = upscale

    def _open(self) -> ModelSet:
        if self._models is None:
            raise NlsrError("this Upscaler is closed", "Make a new one, or use it inside its with block.")
        return self._models

    def _pixels(self, source: object, options: UpscaleOptions, on_tile: OnTile | None) -> object:
        pictures, back = form_of(source, options.max_pixels)
        with self._turn:
            enlarger = build_enlarger(options, self._open())
            made = [enlarger.upscale(picture, on_tile) for picture in pictures]
        return back(made)


@overload
def upscale(
    source: FilePath,
    output: FilePath | None = None,
    *,
    model: Model = None,
    on_tile: OnTile | None = None,
    **options: Unpack[AllOptions],
) -> Outcome: ...
@overload
def upscale(
    source: Image, *, model: Model = None, on_tile: OnTile | None = None, **options: Unpack[PixelOptions]
) -> Image: ...
@overload
def upscale(
    source: npt.NDArray[Sample],
    *,
    model: Model = None,
    on_tile: OnTile | None = None,
    **options: Unpack[PixelOptions],
) -> npt.NDArray[Sample]: ...
@overload
def upscale(
    source: Tensor, *, model: Model = None, on_tile: OnTile | None = None, **options: Unpack[PixelOptions]
) -> Tensor: ...
@overload
def upscale(
    source: Picture, *, model: Model = None, on_tile: OnTile | None = None, **options: Unpack[PixelOptions]
) -> Enlarged: ...
def upscale(
    source: object,
    output: FilePath | None = None,
    *,
    model: Model = None,
    on_tile: OnTile | None = None,
    **options: Any,
) -> object:
    """Enlarge a picture, and return it in the form in which it came.

    Args:
        source: a path; or a picture of Pillow, of any mode; or an array (h, w) or (h, w, c), of uint8, uint16 or
            floating point; or a tensor (c, h, w) or (b, c, h, w), of uint8 or floating point, which comes back on its
            device; or a `Picture`. Channels are 1 grey, 2 grey and alpha, 3 RGB or 4 RGBA in sRGB; floating point is 0
            for black and 1 for white.
        output: where the output of a path goes; None is NAME_x4.EXT beside it.
        model: what `--model` takes, a network, or networks by their scale; None is the default family of the device.
        on_tile: called with the numbers of tiles done and in all.
        options: those of the command line, by name: `scale=2`, `long_side=600`, `max_memory="2G"`.

    Returns:
        For a path, the `Outcome`; for a `Picture`, an `Enlarged`; else the enlarged picture in the form and the type of
        `source`, which stays as it is.

    Raises:
        OptionError: an option is unknown or makes no sense, or `source` is of a type that holds no picture.
        ModelError: the model is unknown, cannot be fetched, or is damaged.
        ImageError: the picture cannot be read or written.
        NlsrError: it cannot be enlarged.
    """
    _check_output(output)
    if isinstance(source, (str, os.PathLike)):
        return upscale_file(source, output, model=model, on_tile=on_tile, **options)
    check_names([*options, *(["output"] if output is not None else [])], PICTURE | MACHINE)
    settings = {"device": _device_of(source), **options}
    with Upscaler(model, **settings) as upscaler:
        return upscaler.upscale(cast("Image", source), on_tile=on_tile)


def _check_output(output: object) -> None:
    """Refuse a factor in the place of an output, where other libraries take it."""
    if isinstance(output, (int, float)):
        raise OptionError(f"{output} is no name for an output", f"For the factor, write: scale={output}")


def _name_of(model: Model) -> str | None:
    return os.fspath(model) if isinstance(model, (str, os.PathLike)) else None


def _device_of(source: object) -> str | None:
    """Return the device of a tensor that lies on one; None of anything else."""
    device = getattr(source, "device", None)
    kind = getattr(device, "type", "cpu")
    return str(device) if kind == "cuda" else kind if kind == "mps" else None
