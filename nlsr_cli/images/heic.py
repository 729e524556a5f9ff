"""HEIC by libheif and libde265 (pi-heif, the extra `heic`): a decoder alone, which writes nothing.

It crops, turns and mirrors the picture as its boxes say. All else is read from the boxes by `heif`.
"""

from __future__ import annotations

from io import BytesIO
from typing import Any

import numpy as np

from nlsr_cli.images.alpha import straight
from nlsr_cli.images.depth import extra
from nlsr_cli.images.modes import PREMULTIPLIED_NOTE, Decoded


def decode_heic(data: bytes) -> Decoded:
    """Return the samples of the main picture, upright: of 8 bits, or spread from 10 or 12 bits over 16.

    Raises:
        MissingExtra: pi-heif is not installed.
        Exception: whatever its decoder raises, for `border` to tell.
    """
    library = extra.load(extra.PI_HEIF, "a HEIC picture")
    library.options.THUMBNAILS = library.options.DEPTH_IMAGES = library.options.AUX_IMAGES = False
    image = library.open_heif(BytesIO(data), convert_hdr_to_8bit=False, hdr_to_16bit=False)
    samples: np.ndarray[Any, Any] = np.array(image)  # a copy: its own memory goes with the image
    letters, _, bits = image.mode.partition(";")
    letters = "L" if letters == "I" else letters  # what pi-heif calls grey of more than 8 bits without alpha
    if bits:
        levels = 2 ** int(bits) - 1
        table = np.rint(np.arange(levels + 1) * (65535 / levels)).astype(np.uint16)
        samples = table[np.minimum(samples, levels)]
    if samples.ndim == 2:
        samples = samples[..., None]
    if letters not in ("L", "LA", "La", "RGB", "RGBA", "RGBa") or samples.shape[2] != len(letters):
        raise ValueError(f"mode {image.mode} is not known")
    if letters[-1] not in "Aa":
        return Decoded(samples)
    color, alpha = samples[..., :-1], samples[..., -1]
    if letters[-1] == "a":
        return Decoded(straight(color, alpha), alpha, [PREMULTIPLIED_NOTE])
    return Decoded(color, alpha)
