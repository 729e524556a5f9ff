"""The maker of drawings: the same seed gives the same pixels, and every kind a full picture."""

import shutil
from pathlib import Path
from random import Random

import numpy as np
import pytest
from PIL import Image, ImageFont

from tests.tools.drawings import web
from tests.tools.drawings.__main__ import MORE, SCENES, detail, fullest, main, pictures, scenes_with
from tests.tools.drawings.canvas import Canvas, dashes
from tests.tools.drawings.fonts import AILERON, PROBES, Faces, find_faces
from tests.tools.drawings.setting import Setting
from tests.tools.drawings.words import SYLLABLES, Words, listing

SIZE = (480, 648)
WHITE, BLACK = (255, 255, 255), (0, 0, 0)


@pytest.fixture
def fonts(tmp_path: Path) -> Path:
    """Return a folder with Pillow's typeface under a name that is known, and one under a name that is not."""
    folder = tmp_path / "fonts" / "truetype"
    folder.mkdir(parents=True)
    for name in ("DejaVuSans", "Unknown"):
        (folder / f"{name}.ttf").write_bytes(ImageFont.load_default(10).font_bytes)
    return folder.parent


def few(seed: int, kinds: tuple[str, ...]) -> dict[str, bytes]:
    scenes = {kind: SCENES[kind] for kind in kinds}
    return {name: image.tobytes() for name, image in pictures(len(kinds), seed, Faces(), scenes, SIZE)}


def test_the_same_seed_gives_the_same_pixels() -> None:
    kinds = ("badges", "page", "plan")
    first = few(1, kinds)
    assert few(1, kinds) == first
    assert not set(few(2, kinds[:1]).values()) & set(first.values())


def test_dithers_are_of_two_colours_and_come_again() -> None:
    one, other = (list(pictures(4, 2026, Faces(), MORE, SIZE)) for _ in range(2))
    for (name, image), (_, again) in zip(one, other, strict=True):
        assert len(image.getcolors(4) or ()) == 2, name
        assert image.tobytes() == again.tobytes()


@pytest.mark.parametrize("kind", sorted(SCENES))
def test_no_kind_gives_an_empty_picture(kind: str) -> None:
    ((name, image),) = pictures(1, 3, Faces(), {kind: SCENES[kind]}, SIZE)
    assert (name, image.mode, image.size) == (f"0000-{kind}", "RGB", SIZE[::-1])
    colours = sorted(count for count, _ in image.getcolors(image.width * image.height))
    assert len(colours) > 5
    assert colours[-1] < 0.97 * image.width * image.height  # there is more than a background
    grey = np.asarray(image.convert("L"), np.float32)
    assert (np.abs(np.diff(grey, axis=1)) > 24).mean() > 0.002  # hard edges, not texture alone


def test_pictures_are_written_with_even_sizes(
    fonts: Path, tmp_path: Path, capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tests.tools.drawings.__main__.SCENES", {kind: SCENES[kind] for kind in ("table", "icons")})
    out = tmp_path / "new" / "out"
    assert main([str(out), "--count", "3", "--seed", "4", "--fonts", str(fonts)]) == 0
    names = sorted(path.name for path in out.iterdir())
    assert [name[:5] for name in names] == ["0000-", "0001-", "0002-"]
    assert {name[5:] for name in names} == {"table.png", "icons.png"}
    lines = capsys.readouterr().out.splitlines()
    for name, line in zip(names, lines, strict=True):
        with Image.open(out / name) as image:
            assert line == f"{name} {image.width}x{image.height}"
            assert (image.width % 12, image.height % 12) == (0, 0)
            assert image.size >= (648, 480)
            assert image.width <= 1020
            assert image.height <= 768
    assert main([str(out), "--fonts", str(fonts)]) == 2
    assert "is not empty" in capsys.readouterr().err


def test_what_is_missing_is_said(fonts: Path, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    (fonts / "truetype" / "DejaVuSans.ttf").unlink()
    assert main([str(tmp_path / "out"), "--fonts", str(fonts)]) == 2
    assert "none of the typefaces that weights/DRAWINGS.md lists" in capsys.readouterr().err
    scenes = {"web": scenes_with(str(tmp_path / "no-browser"))["web"]}
    with pytest.raises(FileNotFoundError, match="no-browser"):
        list(pictures(1, 0, Faces(), scenes))


def test_typefaces_are_those_that_are_known(fonts: Path) -> None:
    (found,) = find_faces(fonts).all
    assert (found.kind, found.path.stem) == ("sans", "DejaVuSans")


def test_scripts_are_those_of_the_letters_there_are(fonts: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(PROBES, "Latin", "Ag")
    faces = find_faces(fonts)
    assert faces.scripts() == ["Latin"]
    assert faces.choose(Random(0), "mono", script="Greek") == faces.all[0]


def test_every_typeface_has_its_licence_told() -> None:
    told = (Path(__file__).parents[2] / "weights" / "DRAWINGS.md").read_text(encoding="utf-8")
    names = ("DejaVu", "Liberation", "Lato", "Open Sans", "Carlito", "Inter", "EB Garamond", "Biolinum", "Libertine")
    for name in (*names, "Roboto Slab", "Hack", "Fira Code", "Comic Neue"):
        assert name in told


def test_words_keep_to_their_script() -> None:
    for script in SYLLABLES:
        letters = {letter for part in SYLLABLES[script] for piece in part for letter in piece} | set("en")
        words = Words(Random(0), script)
        assert {letter for _ in range(200) for letter in words.word()} <= letters
    assert Words(Random(1)).paragraph(3) == Words(Random(1)).paragraph(3)
    assert len(listing(Random(0), 30)) >= 30


def test_edges_are_covered_in_part_and_whole_pixels_are_hard() -> None:
    canvas = Canvas(8, 8, WHITE)
    canvas.rectangle(2, 2, 4, 4, BLACK)
    levels = np.asarray(canvas.finish().convert("L"))
    assert set(np.unique(levels)) == {0, 255}
    assert (levels == 0).sum() == 16
    canvas = Canvas(8, 8, WHITE)
    canvas.rectangle(2, 2, 3.5, 4, BLACK)
    assert 100 < canvas.finish().convert("L").getpixel((5, 3)) < 155


def test_a_window_hides_the_letters_below_it() -> None:
    for letters, zoom in (("grey", 1), ("black", 1), ("grey", 2), ("black", 3)):
        canvas = Canvas(40, 80, WHITE, zoom=zoom, samples=1 if letters == "black" else 4, letters=letters)
        canvas.text((2, 30), "HHHHHH", AILERON, 24, BLACK)
        canvas.rectangle(40, 0, 40, 40, WHITE)
        canvas.cover(40, 0, 40, 40)
        levels = np.asarray(canvas.finish().convert("L"))
        assert levels.shape == (40 * zoom, 80 * zoom)
        assert levels[:, 40 * zoom :].min() == 255
        assert levels[:, : 40 * zoom].min() == 0
        assert (set(np.unique(levels)) == {0, 255}) == (letters == "black")


def test_a_zoom_gives_more_pixels_for_the_same_drawing() -> None:
    once, twice = (SCENES["map"](Setting(Random(5), Faces(), *SIZE, zoom)) for zoom in (1, 2))
    assert twice.size == (2 * once.width, 2 * once.height)
    reduced = np.asarray(twice.convert("L").reduce(2), np.float32)
    levels = np.asarray(once.convert("L"), np.float32)
    alike, mirrored = (np.corrcoef(reduced.ravel(), other.ravel())[0, 1] for other in (levels, levels[:, ::-1]))
    assert alike > 0.95  # edges and letters fall on other parts of pixels
    assert mirrored < 0.5


def test_the_fullest_part_is_taken() -> None:
    whole = Image.new("RGB", (400, 40), WHITE)
    whole.paste(BLACK, (300, 0, 302, 40))
    assert detail(fullest(whole, 40, 200, Random(0))) > 0


def test_dashes_go_on_around_corners() -> None:
    strokes = dashes([(0, 0), (10, 0), (10, 10)], (8, 4))
    assert strokes == [[(0, 0), (8, 0)], [(10, 2), (10, 10)]]


def test_web_pages_have_every_kind_of_piece() -> None:
    html = web.page(Setting(Random(0), Faces(), *SIZE))
    assert html == web.page(Setting(Random(0), Faces(), *SIZE))
    for tag in ("<h1>", "<h2>", "<table>", "<button>", "<svg ", "<pre>", "<blockquote>", "<input "):
        assert tag in html
    assert "http" not in html  # nothing comes from elsewhere


def test_a_browser_shows_a_page() -> None:
    browser = shutil.which("chromium")
    if browser is None:
        pytest.skip("needs Chromium")
    html = "<!DOCTYPE html><style>body { margin: 0; background: #102030 }</style>"
    image = web.screenshot(browser, html, 240, 480)
    assert (image.size, image.getpixel((0, 0)), image.getpixel((479, 239))) == ((480, 240), (16, 32, 48), (16, 32, 48))
