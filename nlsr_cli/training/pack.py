"""Many photographs in one file, decoded: tensors (h, w, 3) of uint8 in a .safetensors file, by name."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from nlsr_cli.errors import ImageReadError, OptionError
from nlsr_cli.files import replace_files
from nlsr_cli.images import Pixels

PACK_SUFFIX = ".safetensors"


def is_pack(path: Path) -> bool:
    """Tell whether `path` is a file of many photographs."""
    return path.suffix.lower() == PACK_SUFFIX and path.is_file()


def is_packed(path: Path) -> bool:
    """Tell whether `path` is a photograph in such a file, as `packed_photographs` names it."""
    return is_pack(path.parent)


def packed_photographs(pack: Path) -> list[Path]:
    """Return the photographs in a file of many, each as a path below it, in order of name.

    Raises:
        OptionError: it is no such file.
    """
    try:
        with safe_open(pack, "numpy") as file:
            return [pack / name for name in sorted(file.keys())]
    except (SafetensorError, OSError) as exc:
        raise OptionError(f"{pack} cannot be read: {exc}", "Make it with: python -m tests.tools.pack") from exc


def read_packed(path: Path) -> Pixels:
    """Return a photograph of a file of many, (h, w, 3) uint8.

    Raises:
        ImageReadError: there is none of that name, or it is no picture.
    """
    try:
        with safe_open(path.parent, "numpy") as file:
            pixels = file.get_tensor(path.name)
    except (SafetensorError, OSError) as exc:
        raise ImageReadError(path, f"cannot be read: {exc}") from exc
    if pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[2] != 3:
        raise ImageReadError(path, "is no picture of three colours in 8 bits")
    return np.ascontiguousarray(pixels)


def write_pack(pack: Path, photographs: Mapping[str, Pixels]) -> None:
    """Write photographs, (h, w, 3) uint8 each, into one file.

    Raises:
        OSError: it cannot be written.
    """
    replace_files({pack: save({name: np.ascontiguousarray(pixels) for name, pixels in photographs.items()})})
