"""Which patches are drawn: each corner in exactly one field, and detail before sky."""

import numpy as np
import pytest

from nlsr_cli.images import read_picture, reduce_bicubic, resize_bicubic
from nlsr_cli.training.detail import FLOOR, SIDE, Fields, fields_of
from tests.conftest import ASSETS

PHOTO = read_picture(ASSETS / "colosseum.png").color  # 192 x 192
LR = reduce_bicubic(PHOTO, 2)


def corners(fields: Fields) -> np.ndarray:
    """Return how often each corner is in a field."""
    count = np.zeros((200, 200), int)
    for top, left, rows, columns in zip(fields.tops, fields.lefts, fields.rows, fields.columns, strict=True):
        count[top : top + rows, left : left + columns] += 1
    return count


@pytest.mark.parametrize("patch", [1, 24, 50, 95, 96])
def test_every_corner_of_a_patch_is_in_one_field(patch: int) -> None:
    count = corners(fields_of(PHOTO, LR, patch, 0))
    inside = 96 - patch + 1
    assert (count[:inside, :inside] == 1).all()
    assert count.sum() == inside**2


def test_without_focus_every_corner_weighs_the_same() -> None:
    fields = fields_of(PHOTO, LR, 24, 0)
    np.testing.assert_allclose(fields.weights, fields.rows * fields.columns)


def test_with_focus_a_field_weighs_what_bicubic_misses_in_its_patches() -> None:
    fields = fields_of(PHOTO, LR, 24, 2)
    missed = np.abs(PHOTO.astype(float) - resize_bicubic(LR, 192, 192)).mean(axis=2)
    for index in (0, 5, len(fields.tops) - 1):
        top, left = fields.tops[index], fields.lefts[index]
        rows, columns = fields.rows[index], fields.columns[index]
        area = missed[2 * top : 2 * (top + rows + 23), 2 * left : 2 * (left + columns + 23)]
        assert fields.weights[index] == pytest.approx(rows * columns * (area.mean() + FLOOR) ** 2)


def test_flat_parts_are_rare_but_not_never() -> None:
    flat = PHOTO.copy()
    flat[:, :96] = 128
    fields = fields_of(flat, reduce_bicubic(flat, 2), 24, 1)
    per_corner = fields.weights / (fields.rows * fields.columns)
    assert 0 < per_corner[fields.lefts == 0].max() < per_corner[fields.lefts == 2 * SIDE].min()


def test_detail_is_drawn_far_more_often_than_sky() -> None:
    """A field of one colour must cost a training few of its patches."""
    flat = PHOTO.copy()
    flat[:, :96] = 128
    fields = fields_of(flat, reduce_bicubic(flat, 2), 24, 1)
    per_corner = fields.weights / (fields.rows * fields.columns)
    assert per_corner[fields.lefts == 2 * SIDE].mean() > 5 * per_corner[fields.lefts == 0].mean()
