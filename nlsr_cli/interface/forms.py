"""The forms in which pixels come from Python, and how an enlarged picture goes back in the form of its source."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, TypeAlias

from nlsr_cli.errors import OptionError

if TYPE_CHECKING:
    from nlsr_cli.images import Picture
    from nlsr_cli.upscaling.progress import Enlarged

Back: TypeAlias = "Callable[[Sequence[Enlarged]], object]"


def form_of(source: object, max_pixels: int) -> tuple[list[Picture], Back]:
    """Return the pictures that `source` holds, and what brings them into its form when they are enlarged.

    Raises:
        ImageReadError: it holds no picture that can be enlarged, or one of more than `max_pixels` pixels.
        OptionError: it is of no type that holds pictures.
    """
    import numpy as np
    import torch
    from PIL import Image

    from nlsr_cli.images import Picture
    from nlsr_cli.images.arrays import array_of, read_array
    from nlsr_cli.images.held import image_of, read_image
    from nlsr_cli.upscaling.tensors import read_tensor, tensor_of

    if isinstance(source, Picture):
        return [source], lambda made: made[0]
    if isinstance(source, Image.Image):
        return [read_image(source, max_pixels=max_pixels)], lambda made: image_of(made[0].picture, source)
    if isinstance(source, np.ndarray):
        return [read_array(source, max_pixels=max_pixels)], lambda made: array_of(made[0].picture, source)
    if isinstance(source, torch.Tensor):
        pictures = read_tensor(source, max_pixels=max_pixels)
        return pictures, lambda made: tensor_of([each.picture for each in made], source)
    raise OptionError(f"{_called(source)} cannot be enlarged", _advice(source))


def _called(source: object) -> str:
    name = type(source).__name__
    return f"{'an' if name[:1].lower() in 'aeiou' else 'a'} {name}"


def _advice(source: object) -> str:
    if isinstance(source, (bytes, bytearray, memoryview)):
        return "Open it first: PIL.Image.open(io.BytesIO(data))"
    if isinstance(source, (list, tuple)):
        return "Enlarge each one by itself, or files with upscale_files."
    return "Give a path, a picture of Pillow, an array of NumPy, or a tensor of PyTorch."
