"""Animations: every frame as viewers show it, its time and how often all are played; hostile ones refused early."""

from __future__ import annotations

import random
import tracemalloc
from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from nlsr_cli.errors import ImageReadError
from nlsr_cli.images import Animation, Picture, native_formats, probe, read_any, read_picture
from nlsr_cli.images.animation import gif
from nlsr_cli.images.animation.apng import HIDDEN, MORE
from nlsr_cli.images.animation.frames import check_index, over
from nlsr_cli.images.containers.png import SIGNATURE, chunks
from tests.images import icc
from tests.images.deep_files import deep_png, samples
from tests.images.files import camera_exif, gradient, parsed, png_chunk, saved, with_png_chunk
from tests.images.films import BLUE, GREEN, RED, WHITE, apng, gif_frame, webp
from tests.images.films import gif as gif_of

NOTHING = None


def row(*colors: tuple[int, int, int] | None) -> np.ndarray:
    """Return RGBA (1, n, 4) of colours; None is transparent."""
    return np.array([[(*color, 255) if color else (0, 0, 0, 0) for color in colors]], np.uint8)


def seen(animation: Picture | Animation) -> list[np.ndarray]:
    """Return each frame as RGBA, black where nothing is."""
    assert isinstance(animation, Animation)
    frames = []
    for frame in animation.frames:
        alpha = np.full(frame.color.shape[:2], 255, np.uint8) if frame.alpha is None else frame.alpha
        color = np.broadcast_to(frame.color, (*alpha.shape, 3))
        frames.append(np.dstack((np.where(alpha[..., None] == 0, 0, color), alpha)))
    return frames


def assert_seen(data: bytes, *expected: np.ndarray) -> Animation:
    animation = read_any(data)
    for found, meant in zip(seen(animation), expected, strict=True):
        np.testing.assert_array_equal(found, meant)
    return animation


def test_disposals_of_gif():
    """Kept, cleared to nothing (whatever the background colour), and put back as it was."""
    data = gif_of(
        (1, 4),
        gif_frame([[0, 1, 2, 3]], disposal=1),
        gif_frame([[3]], at=(0, 1), disposal=2),
        gif_frame([[0]], at=(0, 3), disposal=3),
        gif_frame([[1]], at=(0, 0), disposal=4),
        gif_frame([[2, 9]], at=(0, 2), key=9),
    )
    assert_seen(
        data,
        row(RED, GREEN, BLUE, WHITE),
        row(RED, WHITE, BLUE, WHITE),
        row(RED, NOTHING, BLUE, RED),
        row(GREEN, NOTHING, BLUE, WHITE),
        row(RED, NOTHING, BLUE, WHITE),
    )


def test_first_frame_of_gif_that_covers_a_part():
    """The rest is transparent; to put back what was before the first frame is to clear."""
    data = gif_of((1, 3), gif_frame([[0]], at=(0, 1), disposal=3), gif_frame([[1]], at=(0, 2)))
    assert_seen(data, row(NOTHING, RED, NOTHING), row(NOTHING, NOTHING, GREEN))


def test_palettes_of_gif_frames():
    """A frame has its own, or that of the file; numbers beyond it are black; rows may be interlaced."""
    many = [[(5 * line + place) % 4 for place in range(3)] for line in range(11)]
    own = [(9, 8, 7), (6, 5, 4), (3, 2, 1), (0, 0, 0)]
    data = gif_of((11, 3), gif_frame(many), gif_frame(many, palette=own, interlaced=True), gif_frame([[200]]))
    first, second, third = seen(read_any(data))
    np.testing.assert_array_equal(first[..., :3], np.array([RED, GREEN, BLUE, WHITE])[many])
    np.testing.assert_array_equal(second[..., :3], np.array(own)[many])
    np.testing.assert_array_equal(third[0, 0], (0, 0, 0, 255))


def test_frames_of_gif_beyond_the_canvas_are_cut():
    """As viewers do, and it is said."""
    data = gif_of((1, 2), gif_frame([[0, 1, 2], [3, 3, 3]]), gif_frame([[3]], at=(0, 1)), gif_frame([[3]], at=(5, 5)))
    animation = assert_seen(data, row(RED, GREEN), row(RED, WHITE), row(RED, WHITE))
    assert gif.OUTSIDE in animation.notes


@pytest.mark.parametrize(("stored", "plays"), [(None, 1), (0, 0), (1, 2), (65535, 65536)])
def test_times_and_loops_of_gif(stored, plays):
    """Hundredths, zero too; a loop count says how often it is repeated, none that it is not."""
    frames = [gif_frame([[number]], delay=delay) for number, delay in enumerate((0, 1, 7, 65535))]
    animation = read_any(gif_of((1, 1), *frames, loop=stored))
    assert (animation.durations, animation.loop) == ((0, 10, 70, 655350), plays)


def test_gif_without_its_end_mark_and_with_padding():
    """All there is is read; that something may be missing is said. Half a frame is refused."""
    frames = gif_frame([[0]]), b"\0\0", gif_frame([[1]])
    data = gif_of((1, 1), *frames)
    assert read_any(data).notes == ("The palette is read as RGB.",)
    assert gif.NO_END in assert_seen(data[:-1], row(RED), row(GREEN)).notes
    strange = assert_seen(gif_of((1, 1), *frames, b"\x99\x98"), row(RED), row(GREEN))
    assert strange.notes == ("The palette is read as RGB.", "Left out: data after the end of the picture (3 bytes).")


def test_operations_of_apng():
    """Dispose: none, to nothing, as before. Blend: source replaces alpha and all, over does not."""
    data = apng(
        None,
        [
            (row(RED, GREEN, BLUE, WHITE), {}),
            (row(WHITE), {"left": 1, "dispose": 1}),
            (row(NOTHING, RED), {"left": 2, "dispose": 2, "blend": 1}),
            (row(NOTHING, RED), {"left": 2, "dispose": 2, "blend": 0}),
            (row(GREEN), {}),
        ],
    )
    assert_seen(
        data,
        row(RED, GREEN, BLUE, WHITE),
        row(RED, WHITE, BLUE, WHITE),
        row(RED, NOTHING, BLUE, RED),
        row(RED, NOTHING, NOTHING, RED),
        row(GREEN, NOTHING, BLUE, WHITE),
    )


def test_half_transparency_over_anything():
    """Over nothing it stays as it is; over an opaque pixel that one shows through; over half it is denser."""
    half = np.array([[(200, 100, 0, 128)] * 3], np.uint8)
    under = np.array([[(0, 0, 0, 0), (0, 0, 200, 255), (0, 0, 200, 128)]], np.uint8)
    first, second = seen(read_any(apng(None, [(under, {}), (half, {"blend": 1})])))
    np.testing.assert_array_equal(first, under)
    share = 128 / 255
    dense = share + share * (1 - share)
    blue = 200 * (1 - share)
    expected = [(200, 100, 0, 128), (200 * share, 100 * share, blue, 255)]
    expected.append((200 * share / dense, 100 * share / dense, blue * share / dense, 255 * dense))
    np.testing.assert_array_equal(second[0], np.rint(expected))


def test_over_is_exact_at_both_ends():
    """Neither an opaque nor an absent pixel is changed by a rounding error, in 16 bit either."""
    dice = np.random.default_rng(0)
    color, under = dice.integers(0, 65536, (2, 30, 30, 3)).astype(np.uint16)
    alpha, below = dice.choice([0, 65535], (2, 30, 30)).astype(np.uint16)
    result, mask = over(color, alpha, under, below)
    np.testing.assert_array_equal(result, np.where(alpha[..., None] > 0, color, under))
    np.testing.assert_array_equal(mask, np.maximum(alpha, below))


def test_hidden_image_of_apng_is_no_frame(tmp_path):
    """It is for those who know no APNG. Also one frame beside it is an animation."""
    frames = [(row(RED, GREEN), {}), (row(BLUE), {"left": 1})]
    for count in (2, 1):
        data = apng(row(WHITE, WHITE), frames[:count])
        animation = assert_seen(data, *[row(RED, GREEN), row(RED, BLUE)][:count])
        assert animation.notes == (HIDDEN,)
        (tmp_path / "a.png").write_bytes(data)
        assert probe(tmp_path / "a.png", max_pixels=9).frames == count
        np.testing.assert_array_equal(read_picture(data).color, row(WHITE, WHITE)[..., :3])


def test_times_and_plays_of_apng():
    """Any fraction; a denominator of zero stands for 100."""
    settings = [{"num": 1, "den": 30}, {"num": 0, "den": 1}, {"num": 7, "den": 0}, {"num": 65535, "den": 1}]
    animation = read_any(apng(None, [(row(RED), each) for each in settings], plays=3))
    assert animation.durations == pytest.approx((100 / 3, 0, 70, 65535000))
    assert animation.loop == 3


def test_palette_and_grey_of_apng():
    """Colours of all frames come from one palette; 16-bit grey keeps all bits, grey stays grey."""
    chunks = (b"PLTE", bytes((*RED, *GREEN))), (b"tRNS", b"\xff\0")
    numbers = np.array([[[0], [1]]], np.uint8), np.array([[[0]]], np.uint8)
    animation = read_any(apng(None, [(numbers[0], {}), (numbers[1], {"left": 1})], *chunks, kind=3))
    np.testing.assert_array_equal(seen(animation)[0], row(RED, NOTHING))
    np.testing.assert_array_equal(seen(animation)[1], row(RED, RED))
    deep = np.array([[[258], [65534]]], np.uint16)
    animation = read_any(apng(None, [(deep, {}), (deep[:, :1], {"left": 1})], depth=16, kind=0))
    assert [frame.color.tolist() for frame in animation.frames] == [[[[258], [65534]]], [[[258], [258]]]]


def test_grey_palettes_of_gif_are_grey_if_all_frames_are():
    """And the mode is one for all of them."""
    grey = [(9, 9, 9), (80, 80, 80), (3, 3, 3), (0, 0, 0)]
    frames = [gif_frame([[number]], palette=grey) for number in (0, 1)]
    assert [frame.is_grey for frame in read_any(gif_of((1, 1), *frames)).frames] == [True, True]
    assert not any(frame.is_grey for frame in read_any(gif_of((1, 1), *frames, gif_frame([[0]]))).frames)


def test_transparency_that_comes_late_is_that_of_all_frames():
    """A film is RGBA if any frame has a hole; alpha channels without one are left away."""
    animation = read_any(gif_of((1, 2), gif_frame([[0, 1]], disposal=2), gif_frame([[2]])))
    assert [frame.alpha.tolist() for frame in animation.frames] == [[[255, 255]], [[255, 0]]]
    opaque = read_any(apng(None, [(row(RED), {}), (row(BLUE), {})]))
    assert [frame.alpha for frame in opaque.frames] == [None, None]


def test_operations_and_times_of_webp():
    """Blended or not, cleared or not, with durations in milliseconds and the loop count."""
    wide = Image.fromarray(np.repeat(row(RED, GREEN, BLUE, WHITE), 2, axis=0))
    holes = Image.fromarray(np.repeat(row(NOTHING, RED), 2, axis=0))
    data = webp(
        (2, 4),
        [
            (wide, {"duration": 0}),
            (holes, {"left": 2, "duration": 33, "blend": False, "clear": True}),
            (holes, {"duration": 16777215}),
        ],
        loop=7,
    )
    expected = row(RED, GREEN, BLUE, WHITE), row(RED, GREEN, NOTHING, RED), row(RED, RED, NOTHING, NOTHING)
    animation = assert_seen(data, *(np.repeat(each, 2, axis=0) for each in expected))
    assert (animation.durations, animation.loop, animation.metadata.lossless) == ((0, 33, 16777215), 7, True)


def test_webp_is_lossless_if_all_frames_are():
    """One lossy frame makes the film one that is written with loss."""
    frames = [Image.fromarray(gradient() + level) for level in (0, 9)]
    for lossless in (True, False):
        data = saved(frames[0], "WEBP", save_all=True, append_images=frames[1:], lossless=lossless, minimize_size=False)
        assert read_any(data).metadata.lossless is lossless


def test_equal_frames_are_one_picture():
    """However they are stored: memory is taken once, and the network runs once."""
    frames = [gif_frame([[0, 1]]), gif_frame([[1, 1]]), gif_frame([[0]]), gif_frame([[0, 1]], palette=[RED, GREEN] * 2)]
    first, second, *others = read_any(gif_of((1, 2), *frames)).frames
    assert all(each is first for each in others)
    assert second is not first


def test_stills_and_pages_are_pictures():
    """Of a GIF of one frame, and of formats whose frames are not read, there is one picture; a note counts the rest."""
    assert isinstance(read_any(gif_of((1, 1), gif_frame([[0]]))), Picture)
    assert isinstance(read_any(saved(Image.fromarray(gradient()))), Picture)
    pages = [Image.new("RGB", (8, 8), color) for color in ("red", "lime")]
    for fmt in ("TIFF", *(["AVIF"] if "AVIF" in native_formats().readable else [])):
        picture = read_any(saved(pages[0], fmt, save_all=True, append_images=pages[1:]))
        assert picture.notes[0].startswith(f"Only the first of 2 {'pages' if fmt == 'TIFF' else 'frames'} is read")


@pytest.mark.parametrize("fmt", ["PNG", "WEBP"])
def test_profile_exif_and_orientation_are_those_of_a_picture(fmt):
    """A film is upright, colour managed, and has the metadata that a picture of the same pixels has."""
    profile = icc.rgb("Display P3", icc.DISPLAY_P3)
    given = {"icc_profile": profile, "exif": b"Exif\0\0" + camera_exif(6), "lossless": True}
    frames = [Image.fromarray(gradient()), Image.fromarray(gradient() // 2)]
    animation = read_any(saved(frames[0], fmt, save_all=True, append_images=frames[1:], **given))
    for frame, image in zip(animation.frames, frames, strict=True):
        still = read_picture(saved(image, fmt, **given))
        np.testing.assert_array_equal(frame.color, still.color)
        assert frame.metadata == still.metadata
        assert set(still.notes) <= set(animation.notes)


def test_pillow_sees_the_same_where_nothing_is_cleared():
    """Frames of a common writer, read by us and by Pillow itself."""
    dice = np.random.default_rng(1)
    images = [
        Image.fromarray(np.kron(dice.integers(0, 256, (5, 6, 3)), np.ones((4, 4, 1))).astype(np.uint8)) for _ in "123"
    ]
    for fmt in ("GIF", "PNG", "WEBP"):
        data = saved(
            images[0], fmt, save_all=True, append_images=images[1:], duration=[40, 50, 60], loop=0, lossless=True
        )
        animation = read_any(data)
        assert (animation.durations, animation.loop) == ((40, 50, 60), 0)
        with Image.open(BytesIO(data)) as image:
            for number, frame in enumerate(animation.frames):
                image.seek(number)
                np.testing.assert_array_equal(frame.color, np.asarray(image.convert("RGB")))


def films() -> dict[str, bytes]:
    dice = np.random.default_rng(0)
    images = [Image.fromarray(dice.integers(0, 256, (20, 20, 3), np.uint8)) for _ in range(3)]
    return {fmt: saved(images[0], fmt, save_all=True, append_images=images[1:]) for fmt in ("GIF", "PNG", "WEBP")}


@pytest.mark.parametrize("fmt", ["GIF", "PNG", "WEBP"])
def test_truncated_animations_are_refused(fmt, tmp_path):
    """Wherever they are cut, within frames and between them; a GIF may lack its last byte, see above."""
    data = films()[fmt]
    for end in (len(data) // 3, len(data) // 2, len(data) - 2):
        with pytest.raises(ImageReadError, match="truncated"):
            read_any(data[:end])
    (tmp_path / "a").write_bytes(data[: len(data) - 2])
    with pytest.raises(ImageReadError, match="truncated"):
        probe(tmp_path / "a", max_pixels=10**6)


FRAMES = [(row(RED, GREEN), {}), (row(BLUE), {})]
SOUND = list(chunks(apng(None, FRAMES)))  # IHDR, acTL, fcTL, IDAT, fcTL, fdAT, IEND


def rebuilt(*parts: tuple[bytes, bytes]) -> bytes:
    return SIGNATURE + b"".join(png_chunk(name, body) for name, body in parts)


def changed(number: int, at: int, value: bytes) -> bytes:
    """Return the sound APNG with other bytes in one of its chunks, whose checksum is right."""
    parts = [(chunk.name, chunk.body) for chunk in SOUND]
    name, body = parts[number]
    parts[number] = name, body[:at] + value + body[at + len(value) :]
    return rebuilt(*parts)


def in_order(*numbers: int) -> bytes:
    return rebuilt(*[(SOUND[number].name, SOUND[number].body) for number in numbers])


WHOLE = apng(None, FRAMES)
FAULTY = {
    "fewer frames than it says": (apng(None, FRAMES, count=3), "frames are missing"),
    "a frame without pixels": (in_order(0, 1, 2, 3, 4, 6), "frames are missing"),
    "no frames": (apng(row(RED, GREEN), [], count=0), "frames are missing"),
    "none by its count": (apng(None, FRAMES, count=0), "it holds more frames than it declares"),
    "one by its count": (apng(None, FRAMES, count=1), "it holds more frames than it declares"),
    "a gap": (changed(5, 0, b"\0\0\0\7"), "its frames are out of sequence"),
    "frames that change places": (in_order(0, 1, 4, 3, 2, 5, 6), "its frames are out of sequence"),
    "pixels before their frame": (changed(4, 0, b"\0\0\0\2"), "its frames are out of sequence"),
    "a wrong checksum": (WHOLE[:-25] + b"\0" + WHOLE[-24:], "the checksum of fdAT is wrong"),
    "a frame beyond the canvas": (changed(4, 12, b"\0\0\0\2"), "a frame lies outside the picture"),
    "an empty frame": (changed(4, 4, b"\0\0\0\0"), "a frame lies outside the picture"),
    "an unknown disposal": (changed(4, 24, b"\3"), "a frame makes no sense"),
    "a control that is cut short": (
        rebuilt(*[(each.name, each.body[:20] if each.name == b"fcTL" else each.body) for each in SOUND]),
        "a frame makes no sense",
    ),
    "a first frame that is a part": (changed(2, 4, b"\0\0\0\1"), "its first frame differs from the picture in size"),
    "an announcement behind": (in_order(0, 3, 1, 2, 5, 6), "it is declared after the picture"),
}


@pytest.mark.parametrize("kind", FAULTY)
def test_apng_that_contradicts_itself_is_a_still_picture(kind):
    """So the standard has it (clause 13.15): an animation with a fault is not shown, and the picture is sound."""
    data, fault = FAULTY[kind]
    read = read_any(data)
    assert isinstance(read, Picture)
    assert read.color[0].tolist() == [[*RED], [*GREEN]]
    assert read.notes == (f"The animation is left out: {fault}.",)
    assert read_picture(data).notes == read.notes
    assert probe(data, max_pixels=100).frames == 1


def test_apng_with_more_frames_than_it_says():
    """It is played as viewers do."""
    more = read_any(apng(None, [*FRAMES, *FRAMES], count=2))
    assert (len(more.frames), more.notes) == (2, (MORE,))


@pytest.mark.parametrize("end", range(60, len(WHOLE) - 4))
def test_apng_that_is_cut_off_is_refused(end):
    with pytest.raises(ImageReadError, match="truncated"):
        read_any(WHOLE[:end])


TINY = gif_frame([[0]])
PIXEL = Image.new("RGBA", (1, 1))
BOMBS = {
    "many in a GIF": lambda: gif_of((1, 1), *[TINY] * 10_001),
    "many in an APNG": lambda: apng(None, [(row(RED), {})] * 10_001),
    "many in a WebP": lambda: webp((1, 1), [(PIXEL, {})] * 10_001),
    "canvas of a GIF": lambda: gif_of((65535, 65535), TINY, TINY),
    "sum of a GIF": lambda: gif_of((4000, 4000), *[TINY] * 9),
    "frame of a GIF": lambda: gif_of((1, 1), TINY, gif_frame([[0]], size=(65535, 65535))),
    "canvas of a WebP": lambda: webp((16000, 16000), [(PIXEL, {})] * 2),
    "sum of an APNG": lambda: apng(np.zeros((3000, 3000, 4), np.uint8), [(row(RED), {})] * 20),
}


@pytest.mark.parametrize("name", BOMBS)
def test_bombs_are_refused_before_memory_is_spent(name):
    """Ten thousand frames, or a hundred million pixels in all, are the end, whoever promises them."""
    data = BOMBS[name]()
    tracemalloc.start()
    with pytest.raises(ImageReadError, match=r"frames|pixels"):
        read_any(data)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 20_000_000 + 4 * len(data)


def test_ten_thousand_frames_are_within_the_limit():
    """It is one that can be reached."""
    index = parsed("GIF", gif_of((1, 1), *[TINY] * 10_000)).index
    assert len(index.frames) == 10_000
    check_index(index, "a.gif", 10_000)


def test_palettes_do_not_multiply():
    """What all frames share is copied for each, so it has the size that it can have, and there is one of it."""
    frames = [(row(RED, GREEN), {}), (row(BLUE), {})]
    for given in ([(b"PLTE", bytes(769))], [(b"PLTE", bytes(3)), (b"PLTE", bytes(3))]):
        assert read_any(apng(None, frames, *given)).notes[0].startswith("The animation is left out: PLTE is too long")


def test_a_lower_limit_counts_all_frames():
    """`--max-pixels` is for all together."""
    data = gif_of((2, 2), gif_frame([[0, 1], [2, 3]]), gif_frame([[0]]))
    assert isinstance(read_any(data, max_pixels=8), Animation)
    with pytest.raises(ImageReadError, match="2 frames of 2 × 2, 8 pixels in all; the limit is 7") as caught:
        read_any(data, max_pixels=7)
    assert "--max-pixels" in caught.value.hint


@pytest.mark.parametrize("fmt", ["GIF", "PNG", "WEBP"])
def test_damage_never_crashes(fmt):
    """Whatever bytes are changed, there is an animation, a picture, or an error of ours."""
    sound, dice, outcomes = films()[fmt], random.Random(fmt), set()
    for _ in range(150):
        broken = bytearray(sound)
        for _ in range(dice.choice((1, 3, 20))):
            broken[dice.randrange(4, len(broken))] = dice.randrange(256)
        try:
            outcomes.add(type(read_any(bytes(broken), max_pixels=10**6)))
        except ImageReadError as exc:
            outcomes.add(bool(exc.reason))
    assert True in outcomes
    assert False not in outcomes


def test_texts_before_the_frames_do_not_disturb():
    """A chunk that only looks like one of an animation is none."""
    data = with_png_chunk(saved(Image.fromarray(gradient())), b"tEXt", b"Comment\0acTL")
    assert isinstance(read_any(data), Picture)


def test_frames_of_16_bit_colour_are_refused_and_not_reduced():
    """Pillow would make 8 bits of them without a word; the single picture is read whole."""
    pixels = samples(3)
    moving = apng(None, [(pixels, {}), (pixels, {})], depth=16, kind=2)
    with pytest.raises(ImageReadError, match="holds frames of 16-bit colour"):
        read_any(moving)
    np.testing.assert_array_equal(read_any(deep_png(pixels)).color, pixels)
