"""TIFFs of several pages on the command line: all pages in, all pages out, or one, and nothing lost in silence."""

from __future__ import annotations

import io
import json
import os
import signal
import struct
import subprocess
import sys
import time
from pathlib import Path

import imagecodecs
import numpy as np
import pytest
from PIL import Image, ImageCms
from PIL.TiffImagePlugin import AppendingTiffWriter, ImageFileDirectory_v2

from nlsr_cli import upscale, upscale_file
from nlsr_cli.errors import ImageReadError, OptionError
from nlsr_cli.images.containers import tiff
from tests.conftest import ASSETS, skip_where_ignored
from tests.images.deep_files import deep_tiff, samples
from tests.test_cli import NLSR, names, run

FAST = ("-s", "2", "--strength", "0", "--device", "cpu")
SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def photo(number: int = 0, mode: str = "RGB") -> Image.Image:
    """Return a cut of a photograph of a size of its own."""
    with Image.open(ASSETS / "colosseum.png") as image:
        return image.convert("RGB").crop((number, 9 * number, 30 + 2 * number, 24 + 9 * number)).convert(mode)


def single(image: Image.Image, **options: object) -> bytes:
    held = io.BytesIO()
    image.save(held, "TIFF", **options)
    return held.getvalue()


def together(path: Path, *files: bytes) -> Path:
    """Write single-page files as the pages of one, as Pillow joins them."""
    path.unlink(missing_ok=True)
    with path.open("w+b") as made, AppendingTiffWriter(made) as writer:
        for file in files:
            writer.write(file)
            writer.newFrame()
    return path


def tags(**values: object) -> ImageFileDirectory_v2:
    found = ImageFileDirectory_v2()
    for number, value in values.items():
        found[int(number.removeprefix("tag"))] = value
    return found


ALL = {
    "bilevel": single(photo(0, "L").convert("1"), compression="group4", dpi=(204, 196)),
    "grey": single(photo(1, "L"), compression="packbits", dpi=(300, 300)),
    "colour": single(photo(2), compression="tiff_lzw", icc_profile=SRGB),
    "cmyk": single(photo(3, "CMYK")),
    "alpha": single(photo(4, "RGBA"), tiffinfo=tags(tag285="named", tag270="about it")),
    "palette": single(photo(5).quantize(16)),
    "deep": deep_tiff(samples(1), 1, compression="deflate"),
    "deep colour": deep_tiff(samples(3), 2, tile=16),
    "float": deep_tiff(samples(1, np.float32), 1),
    "turned": single(photo(6), tiffinfo=tags(tag274=6, tag254=2, tag297=(7, 9))),
}


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the current folder, with a file of three pages."""
    monkeypatch.chdir(tmp_path)
    together(Path("fax.tif"), *(single(photo(number)) for number in range(3)))
    return Path("fax.tif")


def pages(path: str) -> list[tuple[np.ndarray, dict[int, object]]]:
    """Return samples and tags of each page as libtiff and Pillow have them; where the samples lie is left out."""
    data = Path(path).read_bytes()
    with Image.open(path) as image:
        found = []
        for number in range(image.n_frames):
            image.seek(number)
            image.load()
            told = {tag: value for tag, value in image.tag_v2.items() if tag != 273}
            found.append((imagecodecs.tiff_decode(data, index=number), told))
        return found


def test_every_page_is_what_it_would_be_alone(desk: Path) -> None:
    """Of whatever mode: samples, resolution, profile and texts; only the provenance says that it was a page."""
    for name, data in ALL.items():
        Path(f"{name}.tif").write_bytes(data)
        result = run("upscale", f"{name}.tif", *FAST, "--no-provenance")
        assert result.exit_code == 0, result.stderr
    together(desk, *ALL.values())
    result = run("upscale", desk, *FAST, "--no-provenance")
    assert (result.exit_code, result.stdout) == (0, "fax_x2.tif\n"), result.stderr
    assert f"fax.tif: {len(ALL)} pages enlarged in" in result.stderr
    for (name, _), (made, told) in zip(ALL.items(), pages("fax_x2.tif"), strict=True):
        ((alone, own),) = pages(f"{name}_x2.tif")
        assert np.array_equal(made, alone, equal_nan=made.dtype.kind == "f"), name
        assert {tag: value for tag, value in told.items() if tag not in (254, 297)} == own, name
        assert [told.get(tag) for tag in (254, 297)] == ([2, (7, 9)] if name == "turned" else [None, None]), name
    assert not [path for path in Path().iterdir() if path.name.startswith(".")]


def test_another_reader_finds_the_pages(desk: Path) -> None:
    vips = pytest.importorskip("pyvips")
    assert run("upscale", desk, *FAST).exit_code == 0
    found = [vips.Image.new_from_file("fax_x2.tif", page=number) for number in range(3)]
    assert [(each.width, each.height, each.get("n-pages")) for each in found] == [(60, 48, 3), (62, 48, 3), (64, 48, 3)]
    assert all(each.avg() > 0 for each in found)


def test_a_single_page_has_the_bytes_that_it_always_had(desk: Path) -> None:
    """The same through --page, but for what says that it was a page."""
    Path("one.tif").write_bytes(single(photo(1), dpi=(300, 300)))
    assert run("upscale", "one.tif", *FAST, "--no-provenance").exit_code == 0
    assert run("upscale", "one.tif", *FAST, "--no-provenance", "--page", "1").exit_code == 0
    assert Path("one_x2.tif").read_bytes() == Path("one_page1_x2.tif").read_bytes()
    together(desk, single(photo(0)), Path("one.tif").read_bytes())
    assert run("upscale", desk, *FAST, "--no-provenance", "--page", "2").exit_code == 0
    assert Path("fax_page2_x2.tif").read_bytes() == Path("one_x2.tif").read_bytes()


@pytest.mark.parametrize("order", ["<", ">"])
def test_files_in_any_byte_order_and_of_any_size_class(desk: Path, order: str) -> None:
    """BigTIFF, and the order of Macintosh; what comes out is read by libtiff."""
    big = order == "<"
    desk.write_bytes(two_pages(order, big=big))
    assert run("upscale", desk, *FAST).exit_code == 0
    first, second = (made for made, _ in pages("fax_x2.tif"))
    assert (first.shape[:2], second.shape[:2]) == ((42, 36), (42, 36))
    assert not np.array_equal(first, second)


def two_pages(order: str, *, big: bool) -> bytes:
    """Return a TIFF of two pages of 16 bits, the second of which is the first reversed."""
    layout = tiff.BIG if big else tiff.CLASSIC
    data = bytearray(tiff.head(order, layout))
    pointer = layout.pointer
    for pixels in (samples(1), samples(1)[::-1]):
        raw = pixels.astype(order + "u2").tobytes()
        entries = {
            tag: tiff.Entry(tiff.LONG, 1, struct.pack(order + "I", value))
            for tag, value in {256: 18, 257: 21, 273: len(data), 278: 21, 279: len(raw)}.items()
        }
        entries |= {
            tag: tiff.Entry(tiff.SHORT, 1, struct.pack(order + "H", value))
            for tag, value in {258: 16, 259: 1, 262: 1, 277: 1}.items()
        }
        data += raw
        struct.pack_into(order + layout.offset, data, pointer, len(data))
        start, written = len(data), tiff.lay_out(tiff.Directory(entries), order, len(data), layout=layout)
        data += written
        pointer = start + struct.calcsize("<" + layout.counter) + 9 * layout.row
    return bytes(data)


@pytest.mark.parametrize("format_", ["tiff", "png", "jpeg", "webp"])
def test_one_page_goes_to_any_format(desk: Path, format_: str) -> None:
    result = run("upscale", desk, *FAST, "--page", "3", "-f", format_)
    assert result.exit_code == 0, result.stderr
    assert "note" not in result.stderr
    with Image.open(result.stdout.strip()) as image:
        assert (image.size, getattr(image, "n_frames", 1)) == ((64, 48), 1)
    assert "page 3 of fax.tif: 32×24 → 64×48" in result.stderr


def test_a_format_of_one_page_says_how_to_keep_the_others(desk: Path) -> None:
    result = run("upscale", desk, *FAST, "-f", "png")
    assert result.exit_code == 0
    assert (
        "Only the first of 3 pages is read; --page N takes another one, and --format tiff keeps all." in result.stderr
    )
    assert run("upscale", desk, *FAST, "-o", "-", "--page", "2", "--format", "png").exit_code == 0


@pytest.mark.parametrize(
    ("arguments", "code", "error", "hint"),
    [
        (["fax.tif", "--page", "4"], 1, "fax.tif: has 3 pages, so there is no page 4", "--page 1 to --page 3"),
        (["fax.tif", "--page", "0"], 2, "--page must be at least 1, not 0", "--page 1"),
        (["one.png", "--page", "2"], 1, "one.png: has a single page, so there is no page 2", "Omit --page."),
        (["a.cbz", "--page", "2"], 1, "a.cbz: is a comic book, and --page is for TIFF", "unzip -d pages a.cbz"),
        (["gone.tif", "--page", "2"], 2, "gone.tif: does not exist", ""),
        (["gone.tif"], 2, "gone.tif: does not exist", ""),
        (["fax.tif", "--pgae", "2"], 2, "no such option: --pgae", "Did you mean --page or"),
    ],
)
def test_mistakes_are_told(desk: Path, arguments: list[str], code: int, error: str, hint: str) -> None:
    photo().save("one.png")
    Path("a.cbz").write_bytes(b"PK\3\4")
    result = run("upscale", *arguments)
    assert (result.exit_code, f"error: {error}" in result.stderr) == (code, True), result.stderr
    assert hint in result.stderr
    assert not [name for name in names(Path()) if "_x" in name]


def test_a_broken_page_fails_the_file_and_the_others_are_not_computed_again(desk: Path) -> None:
    """Nothing goes missing in silence, and the hint works as typed."""
    data = [single(photo(number), compression="tiff_adobe_deflate") for number in range(3)]
    spoilt = bytearray(data[1])
    spoilt[len(spoilt) // 2 : len(spoilt) // 2 + 40] = b"\xff" * 40
    together(desk, data[0], bytes(spoilt), data[2])
    result = run("upscale", desk, *FAST)
    assert result.exit_code == 1
    assert "error: fax.tif: 1 of its 3 pages cannot be enlarged; the first: page 2 of fax.tif: is " in result.stderr
    assert "hint: The others can be had one by one, for example: --page 1" in result.stderr
    assert names(Path()) == [*sorted(path.name for path in Path().glob(".nlsr-*")), "fax.tif"]
    assert run("upscale", desk, *FAST, "--page", "1").exit_code == 0
    before = {path: path.stat().st_mtime_ns for path in Path().glob(".nlsr-*.pages/0000[02]")}
    assert len(before) == 2
    together(desk, *data)
    result = run("upscale", desk, *FAST)
    assert result.exit_code == 0, result.stderr
    assert names(Path()) == ["fax.tif", "fax_page1_x2.tif", "fax_x2.tif"]


def test_a_file_of_nothing_but_broken_pages_says_so(desk: Path) -> None:
    data = [bytearray(single(photo(number), compression="tiff_adobe_deflate")) for number in range(2)]
    for each in data:
        each[len(each) // 2 : len(each) // 2 + 40] = b"\xff" * 40
    together(desk, *map(bytes, data))
    result = run("upscale", desk, *FAST)
    assert result.exit_code == 1
    assert "error: fax.tif: none of its 2 pages can be enlarged; the first: page 1 of fax.tif: is " in result.stderr
    assert names(Path()) == ["fax.tif"]


def test_pages_in_a_circle_and_too_many_of_them(desk: Path) -> None:
    """A file that never ends is one of so many pages as there are, and seventy thousand are refused in a moment."""
    data = bytearray(desk.read_bytes())
    starts = tiff.chain(bytes(data))
    behind = starts[2] + 2 + 12 * struct.unpack_from("<H", data, starts[2])[0]
    struct.pack_into("<I", data, behind, starts[0])
    desk.write_bytes(data)
    assert run("upscale", desk, *FAST).exit_code == 0
    with Image.open("fax_x2.tif") as image:
        assert image.n_frames == 3
    many = bytearray(single(photo()))
    pointer = 0
    (start,) = tiff.chain(bytes(many))
    count = struct.unpack_from("<H", many, start)[0]
    directory = bytes(many[start : start + 2 + 12 * count])
    pointer = start + 2 + 12 * count
    for _ in range(70_000):
        struct.pack_into("<I", many, pointer, len(many))
        pointer = len(many) + len(directory)
        many += directory + bytes(4 + len(directory) % 2)
    Path("many.tif").write_bytes(many)
    begun = time.process_time()
    result = run("upscale", "many.tif", *FAST)
    assert time.process_time() - begun < 10
    assert result.exit_code == 1
    assert "error: many.tif: has more than 10000 pages" in result.stderr
    assert "tiffsplit many.tif" in result.stderr
    assert run("upscale", "many.tif", *FAST, "--page", "10000").exit_code == 0


def test_copies_and_masks_are_no_pages(desk: Path) -> None:
    """What belongs to a page is told of that page, and what belongs to none is told too."""
    small = single(photo().resize((9, 7)), tiffinfo=tags(tag254=1))
    mask = single(Image.new("1", (30, 24), 1), tiffinfo=tags(tag254=4))
    together(desk, small, single(photo(0)), mask, single(photo(1)), small)
    desk.write_bytes(desk.read_bytes() + b"what nobody knows, behind the end of the file")
    result = run("upscale", desk, *FAST)
    assert result.exit_code == 0, result.stderr
    assert [made.shape for made, _ in pages("fax_x2.tif")] == [(48, 60, 3), (48, 62, 3)]
    told = [line for line in result.stderr.splitlines() if "note" in line]
    assert [line.strip().split(" (")[0] for line in told] == [
        "note: page 1: The first picture in the file is a reduced copy; the full one is read.",
        "note: page 1, page 2: Left out: reduced copies of the picture",
        "note: page 1: Left out: a mask",
        "note: Left out: data after the end of the picture",
    ]
    assert run("upscale", "fax.tif", *FAST, "--page", "3").exit_code == 1


def test_a_file_of_a_picture_and_its_copies_goes_as_ever(desk: Path) -> None:
    together(desk, single(photo()), single(photo().resize((9, 7)), tiffinfo=tags(tag254=1)))
    result = run("upscale", desk, *FAST, "--json")
    assert json.loads(result.stdout.splitlines()[0])["pages"] is None


def test_from_a_pipe_into_a_pipe(desk: Path) -> None:
    """All pages, with no folder of theirs left anywhere, and the same bytes as of a file."""
    assert run("upscale", desk, *FAST, "--no-provenance").exit_code == 0
    made = run("upscale", "-", *FAST, "--no-provenance", "-o", "-", stdin=desk.read_bytes())
    assert made.exit_code == 0, made.stderr
    assert made.stdout_bytes == Path("fax_x2.tif").read_bytes()
    one = run("upscale", "-", *FAST, "-o", "-", "--page", "2", "-f", "png", stdin=desk.read_bytes())
    assert Image.open(io.BytesIO(one.stdout_bytes)).size == (62, 48)
    named = run("upscale", "-", *FAST, "-o", "named.tif", stdin=desk.read_bytes())
    assert (named.exit_code, len(pages("named.tif"))) == (0, 3)
    assert run("upscale", "-", *FAST, "-o", "x.tif", stdin=b"no picture").exit_code == 1
    assert names(Path()) == ["fax.tif", "fax_x2.tif", "named.tif"]


@pytest.mark.skipif(os.name == "nt", reason="needs pipes with names")
def test_a_pipe_with_a_name(desk: Path) -> None:
    os.mkfifo("pipe")
    writer = subprocess.Popen([sys.executable, "-c", "open('pipe', 'wb').write(open('fax.tif', 'rb').read())"])
    result = run("upscale", "pipe", *FAST, "-o", "out.tif")
    assert writer.wait() == 0
    assert (result.exit_code, len(pages("out.tif"))) == (0, 3), result.stderr


def test_json_and_the_plan_count_pages(desk: Path) -> None:
    planned = run("upscale", desk, *FAST, "--dry-run")
    assert planned.stdout == "would be written: fax.tif → fax_x2.tif  TIFF, pages: 3\n"
    first, _ = map(json.loads, run("upscale", desk, *FAST, "--json", "--dry-run").stdout.splitlines())
    assert (first["format"], first["pages"]["total"]) == ("TIFF", 3)
    first, _ = map(json.loads, run("upscale", desk, *FAST, "--json").stdout.splitlines())
    assert first["pages"] == {"total": 3, "enlarged": 3, "kept": []}


def test_the_provenance_names_the_file_and_the_page(desk: Path) -> None:
    from hashlib import sha256

    assert run("upscale", desk, *FAST).exit_code == 0
    assert run("upscale", "fax_x2.tif", "--page", "2", *FAST, "-f", "png", "-o", "x.png").exit_code == 0
    first, second = json.loads(run("inspect", "x.png", "--json").stdout)["provenance"]
    assert [(each["input_page"], each["input_size"]) for each in (first, second)] == [("2", "31x24"), ("2", "62x48")]
    files = [sha256(Path(name).read_bytes()).hexdigest() for name in ("fax.tif", "fax_x2.tif")]
    assert [first["input_sha256"], second["input_sha256"]] == files


def test_inspect_tells_every_page(desk: Path) -> None:
    together(desk, single(photo()), single(photo()), single(photo(2, "L")))
    data = desk.read_bytes()
    shown = run("inspect", desk).stdout
    assert "TIFF, 30×24, 8-bit RGB, 3 pages" in shown
    assert "pages 1 to 2  30×24, 8-bit RGB\n" in shown
    assert "page 3        32×24, 8-bit grey\n" in shown
    found = json.loads(run("inspect", desk, "--json").stdout)["pages"]
    assert found[2] == {"width": 32, "height": 24, "depth": 8, "mode": "L", "alpha": False, "error": None}
    start = tiff.chain(data)[2]
    desk.write_bytes(data[: start + 2] + struct.pack("<HHII", 256, 3, 1, 0) + data[start + 14 :])
    found = json.loads(run("inspect", desk, "--json").stdout)["pages"]
    assert (found[2]["width"], found[2]["error"]["type"]) == (None, "ImageReadError")


IMAGEJ = "ImageJ=1.53t\nimages=2\nslices=2\nunit=micron\nxorigin=3\n"
OME = (
    '<?xml version="1.0"?><OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06"><Image ID="Image:0">'
    '<Pixels ID="Pixels:0" SizeX="30" SizeY="24" SizeC="1" SizeZ="2" SizeT="1" PhysicalSizeX="0.5" PhysicalSizeY="0.5">'
    '<Channel ID="Channel:0:0" SamplesPerPixel="1"/><TiffData IFD="0"/><TiffData IFD="1" FirstZ="1"/></Pixels>'
    "</Image></OME>"
)


def test_what_a_stack_says_of_itself_stays_true(desk: Path) -> None:
    """All planes are kept, so their number stays; with --page, one is promised. Calibrations follow the pixels."""

    def described(name: str) -> str:
        with Image.open(name) as image:
            return str(image.tag_v2[270]).rstrip("\0")

    together(desk, single(photo(0, "L"), tiffinfo=tags(tag270=IMAGEJ)), single(photo(0, "L")))
    assert run("upscale", desk, *FAST).exit_code == 0
    assert described("fax_x2.tif") == IMAGEJ.replace("xorigin=3", "xorigin=6")
    assert run("upscale", desk, *FAST, "--page", "1").exit_code == 0
    assert described("fax_page1_x2.tif") == "ImageJ=1.53t\nunit=micron\nxorigin=6\n"
    together(desk, single(photo(0, "L"), tiffinfo=tags(tag270=OME)), single(photo(0, "L")))
    assert run("upscale", desk, *FAST, "--overwrite").exit_code == 0
    whole = described("fax_x2.tif")
    for text in ('SizeX="60"', 'SizeY="48"', 'SizeZ="2"', 'PhysicalSizeX="0.25"', 'IFD="1" FirstZ="1"'):
        assert text in whole
    assert run("upscale", desk, *FAST, "--page", "1", "--overwrite").exit_code == 0
    assert 'SizeZ="1"' in described("fax_page1_x2.tif")
    assert 'IFD="1"' not in described("fax_page1_x2.tif")


def test_each_page_of_a_map_keeps_its_place(desk: Path) -> None:
    """A georeference that one page has is that page's, with pixels of half the size."""
    placed = tags(tag33550=(10.0, 10.0, 0.0), tag33922=(0.0, 0.0, 0.0, 500.0, 700.0, 0.0))
    together(desk, single(photo(0), tiffinfo=placed), single(photo(1)))
    assert run("upscale", desk, *FAST).exit_code == 0
    first, second = (told for _, told in pages("fax_x2.tif"))
    assert (first[33550], first[33922][3:5], 33550 in second) == ((5.0, 5.0, 0.0), (500.0, 700.0), False)


def test_outputs_of_pages_are_not_enlarged_again(desk: Path) -> None:
    assert run("upscale", desk, *FAST, "--page", "2").exit_code == 0
    result = run("upscale", ".", *FAST)
    assert result.stdout == "fax_x2.tif\n", result.stderr
    assert run("upscale", ".", *FAST).exit_code == 0
    assert names(Path()) == ["fax.tif", "fax_page2_x2.tif", "fax_x2.tif"]


def test_a_folder_resumes_by_the_content_of_the_file(desk: Path) -> None:
    assert run("upscale", ".", *FAST, "-o", "out").exit_code == 0
    assert "skipped, done already" in run("upscale", ".", *FAST, "-o", "out").stderr
    together(desk, single(photo(1)), single(photo(0)))
    assert "its input has changed" in run("upscale", ".", *FAST, "-o", "out").stderr
    assert [made.shape[1] for made, _ in pages("out/fax_x2.tif")] == [62, 60]


@pytest.mark.skipif(os.name == "nt", reason="needs signals of Unix")
@pytest.mark.parametrize("kind", ["SIGINT", "SIGKILL"])
def test_an_interrupted_file_continues_with_the_page_it_was_at(desk: Path, kind: str) -> None:
    if kind == "SIGINT":
        skip_where_ignored(kind)
    with Image.open(ASSETS / "colosseum.png") as image:
        small = image.convert("RGB").reduce(3)
    together(desk, *(single(small.rotate(number)) for number in range(6)))
    slow = ("-s", "2", "--device", "cpu", "--precision", "fp32")
    process = subprocess.Popen(
        [*NLSR, "upscale", str(desk), *slow], stderr=subprocess.PIPE, env={**os.environ, "OMP_NUM_THREADS": "1"}
    )
    end = time.monotonic() + 120
    while len(done := finished()) < 2 and process.poll() is None and time.monotonic() < end:
        time.sleep(0.01)
    process.send_signal(getattr(signal, kind))
    process.communicate(timeout=60)
    assert not Path("fax_x2.tif").exists()
    before = {path.name: path.stat().st_ino for path in done}
    linked = Path("linked")
    linked.mkdir()
    for path in done:  # they are gone at the end, and were not made again before
        os.link(path, linked / path.name)
    result = run("upscale", desk, *slow, "--json")
    assert result.exit_code == 0
    assert {path.name: path.stat().st_ino for path in linked.iterdir()} == before
    assert names(Path()) == ["fax.tif", "fax_x2.tif", "linked"]
    assert json.loads(result.stdout.splitlines()[0])["pages"]["enlarged"] == 6
    assert len(pages("fax_x2.tif")) == 6


def finished() -> list[Path]:
    return [path for path in Path().glob(".nlsr-*.pages/*") if path.name.isdigit()]


def test_from_python(desk: Path) -> None:
    """One file and many, with the same options; pixels in memory have no pages."""
    outcome = upscale(desk, "all.tif", scale=2, strength=0, device="cpu")
    assert (outcome.pages.total, outcome.output) == (3, Path("all.tif"))
    assert upscale_file(desk, "two.png", scale=2, strength=0, device="cpu", page=2).output_size == (48, 62)
    with pytest.raises(ImageReadError, match="no page 9"):
        upscale(desk, "x.png", page=9)
    with pytest.raises(OptionError, match="page is an option for files"):
        upscale(photo(), page=1)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs Linux to tell the memory")
def test_memory_follows_the_page_and_not_the_file(desk: Path) -> None:
    code = (
        "import resource, sys; from nlsr_cli import upscale;"
        "o = upscale(sys.argv[1], scale=2, strength=0, overwrite=True, device='cpu');"
        "assert o.pages.enlarged == int(sys.argv[2]);"
        "print(max(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)))"
    )
    noise = single(Image.effect_noise((512, 512), 90))
    used = []
    for count in (2, 24):
        together(desk, *[noise] * count)
        done = subprocess.run(
            [sys.executable, "-c", code, desk, str(count)], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        used.append(int(done.stdout))
    assert used[1] < used[0] + 12 * 1024, "a page takes a MiB, and the file twenty-four times that"
