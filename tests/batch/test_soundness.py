"""An output is sound where everything in it decodes: every page, too."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from nlsr_cli.batch.soundness import check_pixels
from nlsr_cli.errors import ImageReadError
from nlsr_cli.isolation.decoder import Decoder


def test_every_page_of_a_tiff_is_decoded(tmp_path: Path) -> None:
    path = tmp_path / "fax.tif"
    levels = np.random.default_rng(0).integers(0, 256, (3, 40, 30), np.uint8)
    first, *others = (Image.fromarray(each) for each in levels)
    first.save(path, save_all=True, append_images=others, compression="tiff_adobe_deflate")
    with Image.open(path) as image:
        image.seek(1)
        (start,) = image.tag_v2[273]
    with Decoder() as decoder:
        check_pixels(decoder, path, {})
        data = bytearray(path.read_bytes())
        data[start : start + 9] = bytes(9)
        path.write_bytes(data)
        with pytest.raises(ImageReadError, match="page 2 of"):
            check_pixels(decoder, path, {})
