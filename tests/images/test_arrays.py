"""Arrays as pictures: which shapes and types are taken, and that they come back in kind."""

import numpy as np
import pytest

from nlsr_cli.errors import ImageReadError
from nlsr_cli.images.arrays import array_of, read_array

MOST = 10**6


@pytest.mark.parametrize("shape", [(6, 8), (6, 8, 1), (6, 8, 2), (6, 8, 3), (6, 8, 4), (1, 1)])
@pytest.mark.parametrize("kind", ["u1", "u2", ">u2", "f2", "f4", ">f4", "f8"])
def test_shape_and_type_come_back(shape: tuple[int, ...], kind: str) -> None:
    rng = np.random.default_rng(0)
    array = (rng.integers(0, 256, shape) / (255 if "f" in kind else 1)).astype(kind)
    before = array.copy()
    picture = read_array(array, max_pixels=MOST)
    assert picture.color.dtype == {"u1": np.uint8, "u2": np.uint16}.get(kind[-2:], np.float32)
    made = array_of(picture, array)
    assert (made.dtype, made.shape) == (array.dtype, shape)
    assert np.allclose(made.astype(float), before.astype(float), atol=1e-7)
    assert made.flags.c_contiguous
    assert made.flags.writeable
    assert not np.shares_memory(made, array)
    assert np.array_equal(array, before)


def test_any_order_of_memory_is_read() -> None:
    """Turned, mirrored and cut arrays are views with strides of their own; one may be read only."""
    array = np.arange(6 * 8 * 3, dtype=np.uint8).reshape(6, 8, 3)
    array.setflags(write=False)
    for view in (array[::-1, ::2], array.transpose(1, 0, 2), np.asfortranarray(array), array[..., ::-1]):
        assert np.array_equal(read_array(view, max_pixels=MOST).color, view)


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (
            np.zeros((3, 6, 8), np.uint8),
            r"\(3, 6, 8\), .*\nhint: Put the channels last: array.transpose\(1, 2, 0\)",
        ),
        (np.zeros((2, 6, 8, 3), np.uint8), r"shape \(2, 6, 8, 3\), .*\nhint: Give the pictures of a batch one by one"),
        (np.zeros(6, np.uint8), r"shape \(6,\), which is not that of a picture\nhint: Give one picture as"),
        (np.zeros((6, 8, 5), np.uint8), r"shape \(6, 8, 5\), which is not that of a picture"),
        (np.zeros((0, 8, 3), np.uint8), r"has no pixels: its shape is \(0, 8, 3\)"),
        (np.zeros((6, 8, 3), np.int64), r"samples of type int64, not uint8, .*\nhint: .*array.astype\(numpy.uint8\)"),
        (np.zeros((6, 8), bool), "samples of type bool"),
        (np.zeros((6, 8), np.complex64), "samples of type complex64"),
        (np.zeros((6, 8), np.longdouble), "samples of type"),
        (np.zeros((1001, 1000), np.uint8), "the limit is 1000000"),
    ],
)
def test_what_is_no_picture_is_refused(array: np.ndarray, message: str) -> None:
    with pytest.raises(ImageReadError, match=message):
        read_array(array, max_pixels=MOST)
