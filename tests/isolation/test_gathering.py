"""Pictures that come in bands: put together as they were announced, upright, and refused where they lie."""

from io import BytesIO

import numpy as np
import pytest

from nlsr_cli.images import Metadata
from nlsr_cli.images.orientation import upright
from nlsr_cli.images.vips.streamed import Band, Ending, Outline
from nlsr_cli.isolation.gathering import gathered
from nlsr_cli.isolation.messages import Finished, Refusal
from nlsr_cli.isolation.wire import WireError, send

COLOR = np.random.default_rng(0).integers(0, 256, (7, 5, 3)).astype(np.uint8)
ALPHA = COLOR[..., 0]
EXCESS = COLOR.astype(np.int16) - 100
PIXELS = COLOR.shape[0] * COLOR.shape[1]


def outline(**changes):
    said = {"height": 7, "width": 5, "channels": 3, "dtype": "|u1", "alpha": True, "excess": True, "orientation": 1}
    return Outline(**(said | changes))


def bands(color=COLOR, alpha=ALPHA, excess=EXCESS, step=3):
    rows = [slice(top, top + step) for top in range(0, len(color), step)]
    return [
        Band(color[each], None if alpha is None else alpha[each], None if excess is None else excess[each])
        for each in rows
    ]


def finished(*, alpha=True, excess=True):
    return Finished("digest", Ending(Metadata("PNG", "RGB"), ("a note",), None, alpha, excess))


def received(announced, messages, max_pixels=PIXELS):
    stream = BytesIO()
    for message in messages:
        send(stream, message)
    stream.seek(0)
    return gathered(stream, announced, max_pixels, 1 << 16)


def test_bands_become_a_picture():
    content = received(outline(), [*bands(), finished()])
    assert content.sha256 == "digest"
    assert content.picture.notes == ("a note",)
    assert np.array_equal(content.picture.color, COLOR)
    assert np.array_equal(content.picture.alpha, ALPHA)
    assert np.array_equal(content.picture.excess, EXCESS)


def test_what_turned_out_to_be_nothing_is_left_out():
    picture = received(outline(), [*bands(), finished(alpha=False, excess=False)]).picture
    assert (picture.alpha, picture.excess) == (None, None)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_picture_is_turned_as_it_is_meant_to_be_seen(orientation):
    picture = received(outline(orientation=orientation), [*bands(), finished()]).picture
    for found, stored in ((picture.color, COLOR), (picture.alpha, ALPHA), (picture.excess, EXCESS)):
        assert np.array_equal(found, upright(stored, orientation))


def test_a_refusal_may_come_instead_of_any_band():
    why = Refusal("breaks at row 3", "")
    assert received(outline(), [*bands()[:1], why]) == why
    assert received(outline(), [why]) == why


@pytest.mark.parametrize(
    ("announced", "messages", "reason"),
    [
        (outline(height=8), [*bands(), finished()], "36 pixels|8 × 5 pixels"),
        (outline(height=0), [finished()], "0 × 5 pixels"),
        (outline(), [*bands()[:-1], finished()], "6 of 7 rows"),
        (outline(), [*bands(), *bands()[:1], finished()], "more rows"),
        (outline(width=4), [*bands(), finished()], "does not fit"),
        (outline(channels=1), [*bands(), finished()], "does not fit"),
        (outline(dtype="<u2"), [*bands(), finished()], "does not fit"),
        (outline(alpha=False), [*bands(), finished()], "does not fit"),
        (outline(), [*bands(alpha=None), finished()], "does not fit"),
        (outline(), [*bands(excess=None), finished()], "does not fit"),
        (outline(), [*bands(alpha=ALPHA[:, :4]), finished()], "does not fit"),
        (outline(), [outline()], "none of"),
    ],
)
def test_what_does_not_fit_its_announcement_is_refused(announced, messages, reason):
    with pytest.raises(WireError, match=reason):
        received(announced, messages)


def test_a_stream_that_ends_early_is_told():
    with pytest.raises(EOFError):
        received(outline(), bands()[:2])


def test_a_band_must_have_as_many_rows_of_alpha_as_of_colours():
    short = [Band(COLOR[:4], ALPHA[:3], EXCESS[:4]), Band(COLOR[4:], ALPHA[3:6], EXCESS[4:])]
    with pytest.raises(WireError, match="does not fit"):
        received(outline(), [*short, finished()])
