"""Written animations: each frame stays one, with its pixels and its time, in every format that holds any."""

from __future__ import annotations

from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from nlsr_cli.errors import DestinationClash, ImageWriteError
from nlsr_cli.images import Animation, Metadata, Picture, encode_any, read_any, read_picture, write_any
from nlsr_cli.images.animation.apng import delay
from nlsr_cli.images.animation.gif_writing import FEW_COLORS, NO_HALF
from nlsr_cli.images.encoding import png
from nlsr_cli.images.writing import encode_animation
from nlsr_cli.options import EncodeOptions
from tests.conftest import ASSETS
from tests.images import icc
from tests.images.files import camera_exif, gradient, picture

OPTIONS = EncodeOptions()
FORMATS = ("GIF", "PNG", "WEBP")


def film(*frames: np.ndarray, durations: tuple[float, ...] = (), loop: int = 0, **metadata: object) -> Animation:
    """Return an animation of (h, w, 1, 3 or 4) pixels, 40 ms a frame."""
    given = Metadata(**{"format": "GIF", "mode": "P", **metadata})
    pictures: dict[int, Picture] = {}
    for pixels in frames:
        alpha = pixels[..., 3].copy() if pixels.shape[2] == 4 else None
        pictures.setdefault(id(pixels), Picture(pixels[..., :3].copy(), alpha, given))
    return Animation(tuple(pictures[id(each)] for each in frames), durations or (40.0,) * len(frames), loop)


def few(height: int = 24, width: int = 31) -> np.ndarray:
    """Return RGB of nine colours."""
    rows, columns = np.mgrid[0:height, 0:width]
    return (np.stack([rows // 8 * 100, columns // 11 * 90, rows * 0 + 7], axis=-1) % 256).astype(np.uint8)


def moved(pixels: np.ndarray, by: int) -> np.ndarray:
    return np.roll(pixels, by, axis=1)


def photograph() -> np.ndarray:
    with Image.open(ASSETS / "colosseum.png") as image:
        return np.asarray(image.convert("RGB"))[:96, :128]


def colors(animation: Animation | Picture) -> list[np.ndarray]:
    assert isinstance(animation, Animation)
    return [np.broadcast_to(frame.color, (*frame.color.shape[:2], 3)) for frame in animation.frames]


@pytest.mark.parametrize("loop", [0, 1, 2, 65535])
@pytest.mark.parametrize("fmt", FORMATS)
def test_frames_times_and_loops_come_back(fmt, loop):
    """Equal frames too, side by side and apart; a time of zero is one."""
    one, two = few(), moved(few(), 3)
    source = film(one, one, two, one, one.copy(), durations=(0, 40, 120, 70, 2000), loop=loop)
    data, notes = encode_any(source, format=fmt, options=EncodeOptions(lossless=True))
    read = read_any(data)
    assert notes == ()
    assert (read.durations, read.loop) == (source.durations, loop)
    np.testing.assert_array_equal(colors(read), colors(source))
    assert encode_any(source, format=fmt, options=EncodeOptions(lossless=True))[0] == data


@pytest.mark.parametrize("fmt", FORMATS)
def test_pillow_agrees(fmt):
    """A reader that is not ours sees the same frames for the same time."""
    source = film(few(), moved(few(), 3), moved(few(), 5), durations=(40, 120, 70), loop=3)
    data, _ = encode_any(source, format=fmt, options=EncodeOptions(lossless=True))
    with Image.open(BytesIO(data)) as image:
        assert image.n_frames == 3
        assert image.info["loop"] == (2 if fmt == "GIF" else 3)
        for number, frame in enumerate(source.frames):
            image.seek(number)
            np.testing.assert_array_equal(np.asarray(image.convert("RGB")), frame.color)
            assert image.info["duration"] == source.durations[number]


@pytest.mark.parametrize("fmt", FORMATS)
def test_pixels_that_vanish_and_come_back(fmt):
    """Transparency is of each frame, and is not left standing from the one before."""
    frames = []
    for number in range(4):
        pixels = np.dstack((few(), np.full((24, 31), 255, np.uint8)))
        pixels[4 + number : 12, 5 * number : 5 * number + 9, 3] = 0
        frames.append(pixels)
    read = read_any(encode_any(film(*frames), format=fmt, options=EncodeOptions(lossless=True))[0])
    for found, meant in zip(read.frames, frames, strict=True):
        np.testing.assert_array_equal(found.alpha, meant[..., 3])
        np.testing.assert_array_equal(found.color[found.alpha > 0], meant[..., :3][found.alpha > 0])


@pytest.mark.parametrize(("height", "width"), [(1, 1), (1, 9), (9, 1), (7, 5)])
@pytest.mark.parametrize("fmt", FORMATS)
def test_smallest_films(fmt, height, width):
    """One pixel that changes; sides that are odd, which WebP cannot begin a frame at."""
    one = np.full((height, width, 3), 50, np.uint8)
    two = one.copy()
    two[-1, -1] = 200
    read = read_any(encode_any(film(one, two, one, two), format=fmt, options=EncodeOptions(lossless=True))[0])
    np.testing.assert_array_equal(colors(read), [one, two, one, two])


def test_apng_keeps_fractions_profile_exif_and_depth():
    """Thirtieths of a second, 16-bit grey, everything that a PNG has, without loss."""
    times = (1000 / 30, 1000 / 60, 1000 * 1001 / 30000, 65535000.0)
    deep = [(gradient(channels=1).astype(np.uint16) * 250 + number) for number in (0, 3, 9, 9)]
    given = {"icc": icc.grey(2.2), "exif": camera_exif(), "dpi": (300.0, 300.0)}
    source = film(*deep, durations=times, loop=9, **given)
    data, notes = encode_any(source, format="PNG", options=OPTIONS)
    read = read_any(data)
    assert (read.durations, read.loop, notes) == (times, 9, ())
    still = read_picture(encode_any(source.frames[0], format="PNG", options=OPTIONS)[0])
    for found, meant in zip(read.frames, deep, strict=True):
        np.testing.assert_array_equal(found.color, meant)
        assert found.metadata == still.metadata


def test_fractions_of_seconds_are_the_nearest():
    """Within what a pair of 16-bit numbers can say."""
    for pair in ((1, 30), (1001, 30000), (65535, 65534), (65534, 65535), (0, 1), (65535, 1), (37, 65535)):
        found = delay(1000 * pair[0] / pair[1])
        assert found[0] * pair[1] == found[1] * pair[0]
    assert delay(1e12) == (65535, 1)
    assert max(delay(1000 * np.pi)) <= 65535


@pytest.mark.parametrize("lossless", [False, True])
def test_webp_is_as_good_as_a_picture(lossless):
    """Quality and losslessness are those of single pictures, by option or by what the source was."""
    frames = [photograph(), moved(photograph(), 2)]
    for source, options in (
        (film(*frames), EncodeOptions(lossless=lossless)),
        (film(*frames, lossless=lossless), OPTIONS),
        (film(*frames, icc=icc.srgb(), exif=camera_exif()), EncodeOptions(lossless=lossless)),
    ):
        read = read_any(encode_any(source, format="WEBP", options=options)[0])
        assert read.metadata.lossless is lossless
        assert read.metadata.icc == source.metadata.icc
        assert (read.metadata.exif is None) == (source.metadata.exif is None)
        for found, frame in zip(read.frames, source.frames, strict=True):
            still = read_picture(encode_any(frame, format="WEBP", options=options)[0])
            np.testing.assert_array_equal(found.color, still.color)


def test_equal_frames_of_lossy_webp_stay_equal():
    """What is coded again with loss would be another picture."""
    one = photograph()
    read = read_any(encode_any(film(one, one, moved(one, 1)), format="WEBP", options=OPTIONS)[0])
    assert read.frames[0] is read.frames[1]
    assert read.frames[2].alpha is None


def error(found: np.ndarray, meant: np.ndarray) -> float:
    return float(np.sqrt(np.mean((found.astype(float) - meant) ** 2)))


def test_gif_of_a_photograph_is_near_and_does_not_flicker():
    """256 colours, dithered, near to the photograph; where only noise of one level changes, no pixel changes."""
    dice = np.random.default_rng(0)
    still, frames = photograph(), []
    for number in range(5):
        pixels = np.clip(still.astype(int) + dice.integers(-1, 2, still.shape), 0, 255).astype(np.uint8)
        pixels[10:30, 10 + 8 * number : 30 + 8 * number] = dice.integers(0, 256, (20, 20, 3))
        frames.append(pixels)
    data, notes = encode_any(film(*frames), format="GIF", options=OPTIONS)
    assert notes == (FEW_COLORS,)
    found = colors(read_any(data))
    for now, meant in zip(found, frames, strict=True):
        assert len(np.unique(now[31:].reshape(-1, 3), axis=0)) <= 255
        assert error(now[31:], meant[31:]) < 4
        np.testing.assert_array_equal(now[31:], found[0][31:])
        assert error(now[10:30], meant[10:30]) < 25  # of noise, which 255 colours cannot be near to
    alone = [len(encode_any(film(frame), format="GIF", options=OPTIONS)[0]) for frame in frames]
    assert len(data) < 0.6 * sum(alone), "what stands still is not written again"


def test_gif_with_holes_does_not_flicker_either():
    """One palette for all frames, and pixels that stay keep their number."""
    dice, frames = np.random.default_rng(0), []
    for number in range(4):
        noisy = np.clip(photograph().astype(int) + dice.integers(-1, 2, (96, 128, 3)), 0, 255).astype(np.uint8)
        pixels = np.dstack((noisy, np.full((96, 128), 255, np.uint8)))
        pixels[: 5 + 9 * number, :, 3] = (0, 90, 127, 200)[number]
        frames.append(pixels)
    data, notes = encode_any(film(*frames), format="GIF", options=OPTIONS)
    assert set(notes) == {NO_HALF, FEW_COLORS}
    read = read_any(data)
    for number, (frame, meant) in enumerate(zip(read.frames, frames, strict=True)):
        np.testing.assert_array_equal(frame.alpha, np.where(meant[..., 3] >= 128, 255, 0))
        np.testing.assert_array_equal(frame.color[40:], read.frames[0].color[40:])
        assert error(frame.color[40:], meant[40:, :, :3]) < 4, number


def test_gif_holds_255_colors_exactly_and_one_more_nearly():
    """The boundary of what needs no change."""
    for count in (255, 256):
        pixels = np.zeros((16, 16, 3), np.uint8)
        pixels.reshape(-1, 3)[:count, 0] = np.arange(count)
        pixels.reshape(-1, 3)[:, 1] = 9
        pixels[-1, -1] = pixels[0, 0] if count == 255 else pixels[-1, -1]
        data, notes = encode_any(film(pixels, pixels[::-1].copy()), format="GIF", options=OPTIONS)
        same = all((a == b).all() for a, b in zip(colors(read_any(data)), (pixels, pixels[::-1]), strict=True))
        assert (same, notes) == ((True, ()) if count == 255 else (False, (FEW_COLORS,)))


def test_gif_of_a_single_picture():
    """Asked for, a picture becomes a GIF too, with what it cannot hold said."""
    data, notes = encode_any(
        picture(alpha=True, icc=icc.srgb(), exif=camera_exif(), dpi=(300.0, 300.0)), format="GIF", options=OPTIONS
    )
    read = read_picture(data)
    assert read.alpha is not None
    assert {
        NO_HALF,
        "GIF cannot hold EXIF data; it is left out.",
        "GIF cannot hold a resolution; it is left out.",
    } <= set(notes)
    assert any("profile" in note or "sRGB" in note for note in notes)
    assert (
        "GIF holds 8 bits per channel; 16-bit samples are rounded."
        in encode_any(picture(1, deep=True), format="GIF", options=OPTIONS)[1]
    )
    with pytest.raises(ImageWriteError, match="frames of 16 bits per channel cannot be written as GIF"):
        encode_any(film(gradient(channels=1).astype(np.uint16)), format="GIF", options=OPTIONS)


@pytest.mark.parametrize(
    ("each", "count", "total"), [(1000 / 30, 30, 1000), (25.0, 40, 1000), (1000 / 60, 60, 1200), (4.0, 10, 100)]
)
def test_rounded_times_add_up(each, count, total):
    """Hundredths follow the true times; but no frame becomes so short that browsers would show it for longer."""
    frames = [few(), moved(few(), 1)] * (count // 2)
    data, notes = encode_any(film(*frames, durations=(each,) * count), format="GIF", options=OPTIONS)
    read = read_any(data)
    assert notes == ("GIF counts hundredths of a second; the durations of some frames are rounded.",)
    assert sum(read.durations) == total
    assert each < 10 or min(read.durations) >= 20


def test_rounding_of_short_frames_does_not_shorten_a_long_one():
    """A minute of frames that had to become longer, and then one of a second."""
    times = (1000 / 60,) * 300 + (1000.0,)
    frames = [few(), moved(few(), 1)] * 150 + [few()]
    read = read_any(encode_any(film(*frames, durations=times), format="GIF", options=OPTIONS)[0])
    assert abs(read.durations[-1] - 1000) <= 10


def test_what_cannot_be_counted_is_said():
    """Loops of APNG that WebP has no number for, times of WebP that GIF has none for."""
    long = film(few(), moved(few(), 1), durations=(16777215.0, 40.0), loop=2**31 - 1)
    assert len(encode_any(long, format="PNG", options=OPTIONS)[1]) == 0
    assert any(
        "WebP plays an animation 65535 times at most" in note
        for note in encode_any(long, format="WEBP", options=OPTIONS)[1]
    )
    data, notes = encode_any(long, format="GIF", options=OPTIONS)
    assert "The longest frames are cut to 655.35 seconds." in notes
    assert (read_any(data).durations, read_any(data).loop) == ((655350, 40), 65536)


def test_profile_of_a_film_goes_with_it_or_into_srgb():
    """As of pictures: APNG and WebP embed it, a GIF is written in sRGB."""
    profile = icc.rgb("Display P3", icc.DISPLAY_P3)
    source = film(few(), moved(few(), 4), icc=profile)
    for fmt in ("PNG", "WEBP"):
        data, _ = encode_any(source, format=fmt, options=EncodeOptions(lossless=True))
        assert read_any(data).metadata.icc == profile
        assert np.abs(np.array(colors(read_any(data)), int) - colors(source)).max() <= 3
    data, notes = encode_any(source, format="GIF", options=OPTIONS)
    assert notes == ("GIF cannot hold the profile; the output is in sRGB.",)
    np.testing.assert_array_equal(colors(read_any(data)), colors(source))


@pytest.mark.parametrize("fmt", ["JPEG", "TIFF", "BMP"])
def test_formats_without_animation_get_the_first_frame(fmt):
    """And a note that says how many there were."""
    data, notes = encode_any(film(few(), moved(few(), 4)), format=fmt, options=OPTIONS)
    assert f"{fmt} cannot hold an animation; only the first of 2 frames is written." in notes
    assert error(read_picture(data).color, few()) < 6


def test_storing_is_that_of_pictures(tmp_path):
    """Whole or not at all, never over what is there, by the ending."""
    source = film(few(), moved(few(), 4))
    write_any(source, tmp_path / "a.apng")
    assert (tmp_path / "a.apng").read_bytes() == encode_animation(source, format="PNG", options=OPTIONS)[0]
    with pytest.raises(DestinationClash):
        write_any(source, tmp_path / "a.apng")
    assert write_any(source, tmp_path / "a.apng", format="GIF", overwrite=True) == ()
    write_any(source.frames[0], tmp_path / "b.bmp")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.apng", "b.bmp"]


@pytest.mark.parametrize("trouble", [OSError("encoder"), MemoryError(), ValueError("bad")])
def test_failing_encoder_is_our_error(monkeypatch, trouble):
    """One line that names the file."""

    def fail(*_, **__):
        raise trouble

    monkeypatch.setattr(Image.Image, "save", fail)
    monkeypatch.setattr(png, "filtered", fail)
    for fmt in FORMATS:
        with pytest.raises(ImageWriteError, match="name"):
            encode_any(film(few(), moved(few(), 1)), format=fmt, options=OPTIONS, name="name")
