"""How a picture was made, written by the command line and read by `nlsr inspect`: true, repeatable, optional."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path

import pytest
from PIL import Image
from typer.testing import CliRunner

from nlsr_cli import __version__
from nlsr_cli.cli import app
from nlsr_cli.images import native_formats, read_picture, read_provenance
from nlsr_cli.images.formats import WRITABLE, writing_of
from nlsr_cli.images.metadata.jpeg import XMP_LIMIT
from nlsr_cli.zoo import resolve
from nlsr_cli.zoo.source import sha256_of
from tests.images.files import camera_exif
from tests.images.metadata.test_xmp import packet

HOLDERS = [name for name in native_formats().writable if writing_of(name).carries.exif and name != "JXL"]  # by Pillow


def nlsr(*arguments: object, code: int = 0) -> tuple[str, str]:
    """Run a command line and return what it said on stdout and stderr."""
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert result.exit_code == code, result.stderr
    return result.stdout, result.stderr


@pytest.mark.parametrize("format_", HOLDERS)
def test_every_format_says_how_it_was_made(format_, sample, tmp_path):
    """Model with its hash, version, settings, sizes and the hash of the input; and twice the same bytes."""
    out = [tmp_path / f"{name}{WRITABLE[format_][0]}" for name in ("a", "b")]
    for path in out:
        nlsr("upscale", sample, "-o", path, "--scale", "2", "--tile", "32", "--overlap", "4", "--device", "cpu")
    assert out[0].read_bytes() == out[1].read_bytes()
    model = resolve("nlsn-lite-x2", None)
    found = read_provenance(out[0])
    assert found["nlsr"] == __version__
    assert found["model"] == "nlsn-lite-x2"
    assert found["weights_sha256"] == sha256_of(model.weights)
    assert found["input_sha256"] == hashlib.sha256(sample.read_bytes()).hexdigest()
    assert (found["scale"], found["input_size"], found["output_size"]) == ("2", "48x40", "96x80")
    assert (found["device"], found["overlap"]) == ("cpu", "4")
    assert found["tile"] == "26x22"  # as large as all of them are, not as large as they might be
    assert "revision" not in found
    assert not any(str(tmp_path) in value for value in found.values())


def test_options_that_change_the_picture_are_in_it(sample, tmp_path):
    """And are left out where they change nothing."""
    with Image.open(sample) as image:
        image.putalpha(Image.linear_gradient("L").resize(image.size))
        image.save(sample)
    nlsr("upscale", sample, "-o", tmp_path / "plain.png", "-s", "2")
    plain = read_provenance(tmp_path / "plain.png")
    options = {"strength": "0.5", "wrap": "xy", "alpha": "lanczos", "ensemble": "8 passes"}
    arguments = ["--strength", "0.5", "--wrap", "xy", "--alpha", "lanczos", "--ensemble"]
    nlsr("upscale", sample, "-o", tmp_path / "out.png", "-s", "2", *arguments)
    found = read_provenance(tmp_path / "out.png")
    assert {name: found.get(name) for name in options} == options
    assert {name: plain.get(name) for name in options} == {**dict.fromkeys(options), "alpha": "model"}


def test_a_model_of_ones_own_is_named_without_its_folders(sample, tmp_path):
    """Where things lie on this machine is nobody's business."""
    folder = tmp_path / "secret" / "mine"
    shutil.copytree(resolve("nlsn-lite-x2", None).weights.parent, folder)
    nlsr("upscale", sample, "-o", tmp_path / "out.png", "--model", folder)
    assert read_provenance(tmp_path / "out.png")["model"] == "mine"
    assert b"secret" not in (tmp_path / "out.png").read_bytes()


@pytest.mark.parametrize("option", ["--no-provenance", "--strip"])
def test_it_is_left_out_on_demand(option, sample, tmp_path):
    """Both say nothing of it; --strip takes everything else with it, --no-provenance nothing."""
    given = tmp_path / "given.jpg"
    with Image.open(sample) as image:
        image.convert("RGB").save(given, xmp=packet(b'dc:x="1"'), exif=b"Exif\0\0" + camera_exif(), dpi=(300, 300))
    _, said = nlsr("upscale", given, "-o", tmp_path / "out.jpg", "-s", "2", "--deblock", "0", option)
    assert "note" not in said
    assert read_provenance(tmp_path / "out.jpg") == {}
    found = read_picture(tmp_path / "out.jpg").metadata
    everything = found.exif is not None and found.xmp == packet(b'dc:x="1"') and found.dpi == (300, 300)
    nothing = (found.exif, found.xmp, found.dpi, found.comment) == (None,) * 4
    assert everything is (option == "--no-provenance")
    assert nothing is (option == "--strip")


def test_what_the_source_carries_comes_before_provenance(sample, tmp_path):
    """The first segment of a JPEG is full of attributes, which cannot move to another: ours stays out, with a note."""
    room = XMP_LIMIT - len(packet(b'dc:x=""'))
    full = packet(b'dc:x="' + b"a" * room + b'"')
    with Image.open(sample) as image:
        image.convert("RGB").save(tmp_path / "given.jpg", xmp=full)
    _, said = nlsr("upscale", tmp_path / "given.jpg", "-o", tmp_path / "out.jpg", "-s", "2")
    assert "The XMP metadata leaves no room for the provenance in JPEG." in said
    assert read_picture(tmp_path / "out.jpg").metadata.xmp == full
    nlsr("upscale", tmp_path / "given.jpg", "-o", tmp_path / "out.png", "-s", "2")
    assert read_provenance(tmp_path / "out.png")["scale"] == "2"


def test_a_bmp_has_no_place_for_it_and_no_note(sample, tmp_path):
    """A note for every BMP would tell nobody anything."""
    _, said = nlsr("upscale", sample, "-o", tmp_path / "out.bmp", "-s", "2")
    assert "note" not in said
    assert read_provenance(tmp_path / "out.bmp") == {}


def test_inspect_shows_every_enlargement(sample, tmp_path):
    """Of a result that was enlarged again, the oldest first; as text and as JSON."""
    once, twice = tmp_path / "once.webp", tmp_path / "twice.png"
    nlsr("upscale", sample, "-o", once, "-s", "2")
    nlsr("upscale", once, "-o", twice, "-s", "3")
    text, _ = nlsr("inspect", twice)
    assert [line.split()[-1] for line in text.splitlines() if line.startswith("  model")] == [
        "nlsn-lite-x2",
        "nlsn-lite-x3",
    ]
    assert "enlargement 2 of 2" in text
    found = json.loads(nlsr("inspect", twice, "--json")[0])
    assert [step["output_size"] for step in found["provenance"]] == ["96x80", "288x240"]
    assert (found["format"], found["width"], found["height"], found["depth"]) == ("PNG", 288, 240, 8)
    assert found["metadata"]["xmp"] is True


def test_inspect_shows_what_a_file_carries(tmp_path, sample):
    """Profile, resolution, metadata; and says plainly that nlsr did not make it."""
    path = tmp_path / "a.jpg"
    with Image.open(sample) as image:
        exif = b"Exif\0\0" + camera_exif()
        image.convert("RGB").save(path, exif=exif, comment="hi", xmp=packet(), dpi=(300, 300))
    text, _ = nlsr("inspect", path)
    assert "provenance  none: the file does not say that nlsr made it" in text
    assert "metadata    EXIF with thumbnail, XMP, comment" in text
    assert "300 dpi" in text
    assert "JPEG, 48×40, 8-bit RGB" in text


def test_inspect_does_not_call_pixels_sound(tmp_path, sample):
    """It reads headers alone, and says so, of a whole file as of one that is cut off."""
    whole, cut = tmp_path / "whole.jpg", tmp_path / "cut.jpg"
    with Image.open(sample) as image:
        image.convert("RGB").save(whole)
    cut.write_bytes(whole.read_bytes()[:-300])
    for path in (whole, cut):
        assert "pixels      not checked: only headers and metadata were read" in nlsr("inspect", path)[0]
        assert json.loads(nlsr("inspect", path, "--json")[0])["pixels_checked"] is False


@pytest.mark.parametrize(("loop", "said"), [(0, "played for ever"), (3, "played 4 times"), (None, "played once")])
def test_inspect_tells_frames_and_plays(tmp_path, loop, said):
    frames = [Image.new("RGB", (8, 8), (90 * number, 9, 9)) for number in range(3)]
    again = {} if loop is None else {"loop": loop}
    frames[0].save(tmp_path / "a.gif", save_all=True, append_images=frames[1:], duration=100, **again)
    assert f"3 frames, {said}" in nlsr("inspect", tmp_path / "a.gif")[0]
    frames[0].save(tmp_path / "still.gif")
    assert "played" not in nlsr("inspect", tmp_path / "still.gif")[0]
    found = json.loads(nlsr("inspect", tmp_path / "a.gif", "--json")[0])
    assert (found["frames"], found["plays"]) == (3, {0: 0, 3: 4, None: 1}[loop])


def test_inspect_reads_standard_input(sample):
    """What another command writes there."""
    result = CliRunner().invoke(app, ["inspect", "-", "--json"], input=sample.read_bytes())
    assert result.exit_code == 0
    assert json.loads(result.stdout)["file"] == "standard input"


def test_inspect_tells_by_its_exit_code(sample, tmp_path):
    """0 all, 1 none, 3 some; a file that is no picture is an error and stops no other."""
    wrong = tmp_path / "wrong.png"
    wrong.write_text("no picture")
    nlsr("inspect", sample, sample)
    text, said = nlsr("inspect", wrong, sample, code=3)
    assert str(sample) in text
    assert "wrong.png" in said
    nlsr("inspect", wrong, Path("nowhere.png"), code=1)


@pytest.mark.parametrize("ending", [".png", ".webp", ".gif"])
def test_an_animation_says_it_too(ending, tmp_path):
    """Once, beside what its source carries, and every frame is there."""
    frames = [Image.new("RGB", (24, 20), (40 * number, 90, 200 - 40 * number)) for number in range(3)]
    source, out = tmp_path / f"in{ending}", tmp_path / f"out{ending}"
    words = {".gif": {"comment": b"hello"}, ".webp": {"xmp": packet(b'dc:x="1"')}}.get(ending, {})
    frames[0].save(source, save_all=True, append_images=frames[1:], duration=100, loop=0, **words)
    nlsr("upscale", source, "-o", out, "-s", "2")
    assert read_provenance(out)["output_size"] == "48x40"
    assert out.read_bytes().count(b"urn:nlsr:provenance:1") == 2  # of the list and of its entry
    with Image.open(out) as image:
        assert image.n_frames == 3
    found = json.loads(nlsr("inspect", out, "--json")[0])
    assert (found["frames"], found["metadata"]["comment"]) == (3, ending == ".gif")
    assert (b'dc:x="1"' in out.read_bytes()) is (ending == ".webp")


@pytest.mark.parametrize(
    ("mode", "words"),
    [("1", "black and white"), ("L", "8-bit grey"), ("LA", "8-bit grey, with transparency"), ("P", "8-bit palette"),
     ("RGBA", "8-bit RGB, with transparency"), ("I;16", "16-bit grey")],
)  # fmt: skip
def test_inspect_says_in_words_what_pixels_are(tmp_path, mode, words):
    path = tmp_path / "a.png"
    Image.new(mode, (30, 20)).save(path)
    text, _ = nlsr("inspect", path)
    assert f"PNG, 30×20, {words}\n" in text
