"""The border around Pillow: its limits hold for the picture that is read, and everybody else finds theirs unchanged."""

from __future__ import annotations

import threading
import warnings
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from PIL import Image, PngImagePlugin

from nlsr_cli.errors import ImageReadError
from nlsr_cli.images import read_picture
from nlsr_cli.images.border import TILE_ALLOWANCE, border
from tests.images.files import saved

NOISE = np.random.default_rng(0).integers(0, 256, (64, 64), np.uint8)
SOON = 20  # seconds after which a test fails rather than hangs


def warned_by(module: str) -> None:
    """Warn as code in `module` does."""
    warnings.warn_explicit("odd", UserWarning, f"{module}.py", 1, module=module)


def test_pictures_are_decoded_side_by_side():
    """Each of two waits for the other inside the border."""
    meeting = threading.Barrier(2, timeout=SOON)

    def visit(limit):
        with border(b"", "a", limit):
            return meeting.wait() in (0, 1)

    with ThreadPoolExecutor(2) as pool:
        assert all(pool.map(visit, [9 * TILE_ALLOWANCE] * 2))


@pytest.mark.parametrize("limit", [TILE_ALLOWANCE, TILE_ALLOWANCE + 1])
def test_pillow_refuses_more_than_the_limit_and_no_less(limit):
    """Also where it only warns by itself: beyond its limit, up to the double."""
    with border(b"", "a", limit):
        Image._decompression_bomb_check((limit, 1))
    with pytest.raises(ImageReadError, match=f"{limit + 1} pixels; the limit is {limit}"), border(b"", "a", limit):
        Image._decompression_bomb_check((limit + 1, 1), error_only=True)


def test_limits_are_put_back():
    """Other users of Pillow in the same process keep theirs, also behind several threads."""
    before = PngImagePlugin.MAX_TEXT_CHUNK, Image.MAX_IMAGE_PIXELS, list(warnings.filters)
    data = saved(Image.fromarray(NOISE))
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda number: read_picture(data, max_pixels=8 * TILE_ALLOWANCE + number % 2), range(24)))
    assert before == (PngImagePlugin.MAX_TEXT_CHUNK, Image.MAX_IMAGE_PIXELS, list(warnings.filters))


@pytest.mark.parametrize("kind", [TypeError, AttributeError, KeyError, AssertionError, RecursionError, NameError])
def test_a_fault_of_the_reader_does_not_blame_the_file(kind):
    """It says what failed and how to report it, and sends nobody to fetch a sound file again."""
    with pytest.raises(ImageReadError) as told, border(bytes(100), "a.png", 100):
        raise kind("some value")
    assert told.value.reason.startswith(f"nlsr failed on it ({kind.__name__}: ")
    assert "damaged" not in told.value.reason
    assert told.value.hint == "If other programs open it, please report it with what NLSR_DEBUG=1 shows."


@pytest.mark.parametrize("kind", [OSError, EOFError, SyntaxError, ValueError, IndexError, OverflowError, RuntimeError])
def test_what_decoders_raise_on_damage_says_so(kind):
    with pytest.raises(ImageReadError, match=r"is (damaged|truncated)") as told, border(bytes(100), "a.png", 100):
        raise kind("broken data stream")
    assert told.value.hint == "Fetch or export the file again."


def test_warnings_of_decoders_are_ignored_and_no_others():
    """Another thread's warning, printed meanwhile, is its own business."""
    with border(b"", "a", 1), warnings.catch_warnings(record=True) as caught:
        warned_by("PIL.TiffImagePlugin")
        warned_by("imagecodecs.imagecodecs")
    assert caught == []
    with border(b"", "a", 1), pytest.raises(UserWarning, match="odd"):  # as pytest makes errors of all
        warned_by("PILLAR")
