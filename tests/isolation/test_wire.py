"""What passes between the process that decodes and the one that asked: all of it, nothing else, nothing unchecked."""

import dataclasses
import io
import json
import struct
from enum import Enum
from fractions import Fraction

import numpy as np
import pytest

import nlsr_cli.isolation.messages  # noqa: F401 - declares how pictures travel
from nlsr_cli.images import Animation, GainMap, Header, Metadata, Picture
from nlsr_cli.isolation import wire
from nlsr_cli.isolation.wire import WireError, receive, send

KINDS = (Header, Picture, Animation)
PLAIN = {
    wire.TEXT: "grün\udc80 " * 2000,
    wire.BYTES: bytes(range(256)),
    wire.WHOLE: 7,
    wire.NUMBER: 0.1,
    wire.FLAG: True,
}


def sample(kind):
    """Return a value of a kind, which is no default of any field."""
    match kind:
        case wire.maybe():
            return sample(kind._kind)
        case wire.many():
            return (sample(kind._kind),) * 2
        case wire.row():
            return tuple(map(sample, kind._kinds))
    return PLAIN[kind]


def full(made, **given):
    """Return a dataclass with a value in every field that is not its default, whatever fields it comes to have."""
    kinds = wire._RECORDS[made]._kinds
    return made(**{name: given[name] if name in given else sample(kind) for name, kind in kinds.items()})


def picture(dtype=np.float32):
    color = np.arange(24).reshape(2, 4, 3).astype(dtype)
    excess = (np.arange(24).reshape(2, 4, 3) - 12).astype(np.float32 if dtype is np.float32 else np.int32)
    gain_map = full(GainMap, pixels=np.arange(6, dtype=np.uint8).reshape(1, 2, 3))
    return full(Picture, color=color, alpha=color[..., 0], metadata=full(Metadata), excess=excess, gain_map=gain_map)


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
    """Fields that are added later are found here too: a class cannot be declared without all of its fields."""
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
    sound = Picture(np.zeros((1, 1, 1), np.uint8), None, Metadata("PNG", "L"))
    for field, value in {"mode": {"L"}, "icc": "P3", "lossless": 1, "dpi": (72,), "texts": ("a",), "exif": 3}.items():
        odd = dataclasses.replace(sound, metadata=dataclasses.replace(sound.metadata, **{field: value}))
        with pytest.raises(TypeError, match=rf"Picture.metadata: Metadata.{field}: \w+ does not travel as "):
            send(stream, odd)
    with pytest.raises(TypeError, match=r"Picture.excess: ndarray does not travel as an array of samples"):
        send(stream, dataclasses.replace(sound, excess=sound.color.astype(np.int64)))
    with pytest.raises(TypeError, match="dict does not travel"):
        send(stream, {})
    with pytest.raises(ValueError, match="a message of"):
        send(stream, dataclasses.replace(sound, notes=("\u20ac" * 4000,) * 2000))
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


def metadata(**changes):
    return answer()["of"]["metadata"] | changes


def header():
    return {"format": "PNG", "mode": "L", "height": 1, "width": 1, "depth": 8, "frames": 1, "has_alpha": False}


def test_the_answer_that_is_altered_below_is_sound():
    assert receive(message(answer(), b"\0"), KINDS, 1).color.shape == (1, 1, 1)
    assert receive(message({"is": "Header", "of": header()}), KINDS, 0) == Header(
        "PNG", "L", 1, 1, 8, 1, has_alpha=False
    )


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
        answer(color=["|u1", 1, 1]),
        answer(color=["|u1", 0, 1, 1]),
        answer(color=["|u1", -1, -1, 1]),
        answer(color=["|u1", 1.0, 1, 1]),
        answer(color=["|u1", True, 1, 1]),
        answer(color=["|O", 1, 1, 1]),
        answer(color=[["|u1"], 1, 1, 1]),
        answer(color=["|u1", 2, 1, 1]),  # more than the limit
        answer(color=["|u1", 2**31, 2**31, 2**31]),
        answer(color=["<i4", 1, 1, 1]),
        answer(color=1),
        answer(alpha=["|u1", 1, 1]),
        answer(notes="none"),
        answer(notes=[1.0]),
        answer(notes=[-1]),
        answer(notes=[2**70]),
        answer(metadata=answer()),
        answer(metadata=None),
        *(answer(metadata=metadata(**{name: 0.5})) for name in metadata()),
        *(answer(metadata=metadata(**{name: [None]})) for name in metadata()),
        answer(metadata=metadata(dpi=[72])),
        answer(metadata=metadata(dpi=[72, True])),
        answer(metadata=metadata(texts=[["a", "b", "c"]])),
        answer(metadata=metadata(lossless=1)),
        {"is": "Header", "of": {**header(), "height": True}},
        {"is": "Header", "of": {**header(), "height": 1.5}},
        {"is": ["Header"], "of": header()},
        {"is": "Header", "of": header(), "more": 1},
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


@pytest.mark.parametrize("place", [0, 1])
def test_a_side_beyond_every_picture_is_refused_whatever_the_limit(place):
    """No code behind this counts on sides of more than 31 bits."""
    shape = [1, 1, 1]
    shape[place] = 2**31
    with pytest.raises(WireError):
        receive(message(answer(color={"array": ["|u1", *shape]}), b"\0"), KINDS, 2**40)


class Fate(Enum):
    CARRIED = "carried"
    DROPPED = "dropped"


@dataclasses.dataclass(frozen=True)
class Part:
    name: str
    fate: Fate
    boost: "WhateverItSays" = None  # noqa: F821 - no annotation is looked into


@pytest.fixture
def part():
    kinds = wire.record(Part, name=wire.TEXT, fate=wire.choice(*Fate), boost=wire.maybe(wire.row(wire.NUMBER)))
    yield kinds
    del wire._RECORDS[Part]


def test_any_dataclass_travels_once_its_fields_are_declared(part):
    """Enumerations and nested values too; nothing depends on what an annotation is at run time."""
    assert same(passed(Part("c2pa", Fate.DROPPED, (1.5,)), kinds=(Part,)), Part("c2pa", Fate.DROPPED, (1.5,)))
    for odd in (2, -1, True, "DROPPED", None):
        with pytest.raises(WireError):
            receive(message({"is": "Part", "of": {"name": "c2pa", "fate": odd, "boost": None}}), (Part,), 0)
    with pytest.raises(TypeError, match=r"Part.fate: str does not travel as one of"):
        send(io.BytesIO(), Part("c2pa", "carried"))


def test_a_field_that_is_not_declared_is_told_when_its_class_is_declared():
    with pytest.raises(TypeError, match="declare how each field of Part travels, and nothing else: boost, fat, fate"):
        wire.record(Part, name=wire.TEXT, fat=wire.TEXT)
    assert Part not in wire._RECORDS
