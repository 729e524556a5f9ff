"""What passes between the process that decodes and the one that asked: all of it, nothing else, nothing unchecked."""

import dataclasses
import io
import json
import struct
from fractions import Fraction

import numpy as np
import pytest

from nlsr_cli.images import Animation, Header, Metadata, Picture, wire
from nlsr_cli.images.wire import WireError, receive, send

KINDS = (Header, Picture, Animation)
SAMPLE = {
    str: "grün\udc80 " * 2000,
    bytes: bytes(range(256)),
    int: 7,
    float: 0.1,
    bool: True,
    tuple[float, float]: (72.0, 300.5),
    tuple[int, int]: (3, 4),
    tuple[str, ...]: ("a note", "another"),
    tuple[tuple[str, str], ...]: (("Title", "Ω"), ("", "x" * 5000)),
}


def full(kind, **given):
    """Return a dataclass with a value in every field that is not its default, whatever fields it comes to have."""
    values = {}
    for name, hint in wire._annotations(kind).items():
        options = [hint, *getattr(hint, "__args__", ())]
        values[name] = given[name] if name in given else next(SAMPLE[each] for each in options if each in SAMPLE)
    return kind(**values)


def picture(dtype=np.float32):
    color = np.arange(24).reshape(2, 4, 3).astype(dtype)
    excess = (np.arange(24).reshape(2, 4, 3) - 12).astype(np.float32 if dtype is np.float32 else np.int32)
    return full(Picture, color=color, alpha=color[..., 0], metadata=full(Metadata), excess=excess)


def passed(value, limit=1 << 20, kinds=KINDS):
    stream = io.BytesIO()
    send(stream, value)
    stream.seek(0)
    received = receive(stream, kinds, limit)
    assert not stream.read()  # nothing is left over to be taken for the next message
    return received


def same(one, other):
    if isinstance(one, np.ndarray):
        return one.dtype == other.dtype and np.array_equal(one, other)
    if isinstance(one, tuple):
        return isinstance(other, tuple) and len(one) == len(other) and all(map(same, one, other))
    if dataclasses.is_dataclass(one):
        names = [field.name for field in dataclasses.fields(one)]
        return type(one) is type(other) and all(same(getattr(one, name), getattr(other, name)) for name in names)
    return type(one) is type(other) and one == other


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_every_field_of_a_picture_is_carried(dtype):
    """Fields that are added later are found here too: a value of a kind that does not travel fails this test."""
    assert same(picture(dtype), passed(picture(dtype)))


def test_every_field_of_an_animation_and_of_a_header_is_carried():
    film = full(Animation, frames=(picture(), picture()), durations=(40.0, 33.3), loop=3)
    assert same(film, passed(film))
    assert same(full(Header), passed(full(Header)))


def test_what_is_absent_stays_absent():
    plain = Picture(np.zeros((1, 1, 1), np.uint8), None, Metadata("PNG", "L"))
    assert same(plain, passed(plain))


def test_numbers_of_other_kinds_become_plain_ones():
    """Pillow gives resolutions as fractions, and numpy its own integers."""
    metadata = Metadata("TIFF", "RGB", dpi=(Fraction(1, 3), 72))
    found = passed(Picture(np.zeros((1, 1, 1), np.uint8), None, metadata)).metadata.dpi
    assert found == (1 / 3, 72)


def test_values_that_do_not_travel_are_told_and_nothing_is_sent():
    stream = io.BytesIO()
    with pytest.raises(TypeError, match="set does not travel"):
        send(stream, Metadata("PNG", {"L"}))  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="a message of"):
        send(stream, Metadata("PNG", "L", texts=(("a", "\u20ac" * 4000),) * 2000))
    assert not stream.getvalue()


def message(node, tail=b""):
    text = node if isinstance(node, bytes) else json.dumps(node).encode()
    return io.BytesIO(struct.pack("<Q", len(text)) + text + tail)


def answer(**changes):
    """Return the JSON of a grey picture of one pixel, with fields changed."""
    stream = io.BytesIO()
    send(stream, Picture(np.zeros((1, 1, 1), np.uint8), None, Metadata("PNG", "L")))
    text = stream.getvalue()[8:-1]
    node = json.loads(text)
    node["of"] |= changes
    return node


def test_the_answer_that_is_altered_below_is_sound():
    assert receive(message(answer(), b"\0"), KINDS, 1).color.shape == (1, 1, 1)


@pytest.mark.parametrize(
    "node",
    [
        b"",
        b"\x80\x04\x95",  # a pickle
        b"[" * 100_000,
        b'"\xff"',
        None,
        [],
        {},
        {"is": "Request", "of": {}},
        {"is": "Picture", "of": {}},
        {"is": "Picture", "of": 3},
        {"is": "Header", "of": {"format": "PNG"}},
        answer(color=None),
        answer(color={"array": ["|u1", 1, 1]}),
        answer(color={"array": ["|u1", 0, 1, 1]}),
        answer(color={"array": ["|u1", -1, -1, 1]}),
        answer(color={"array": ["|u1", 1.0, 1, 1]}),
        answer(color={"array": ["|u1", True, 1, 1]}),
        answer(color={"array": ["|O", 1, 1, 1]}),
        answer(color={"array": [["|u1"], 1, 1, 1]}),
        answer(color={"array": ["|u1", 2, 1, 1]}),  # more than the limit
        answer(color={"array": ["|u1", 2**31, 2**31, 2**31]}),
        answer(color={"array": ["<i4", 1, 1, 1]}),
        answer(color={"bytes": 1}),
        answer(alpha={"array": ["|u1", 1, 1]}),
        answer(notes="none"),
        answer(notes=[1]),
        answer(notes=[{"text": -1}]),
        answer(notes=[{"text": 2**70}]),
        answer(metadata=answer()),
        answer(more=1),
    ],
    ids=lambda node: str(node)[:60],
)
def test_answers_that_make_no_sense_are_refused_before_anything_is_allocated(node):
    with pytest.raises(WireError):
        receive(message(node, b"\0" * 100), KINDS, 1)


def test_streams_that_end_are_told():
    with pytest.raises(EOFError):
        receive(io.BytesIO(), KINDS, 1)
    with pytest.raises(EOFError):
        receive(message(answer()), KINDS, 1)
    with pytest.raises(WireError, match="a message of"):
        receive(io.BytesIO(b"\xff" * 100), KINDS, 1)
