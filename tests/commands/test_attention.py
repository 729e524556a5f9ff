"""`nlsr attention` as people call it: the page, the picture, figures that are true, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from nlsr_cli.nlsn import NLSN
from tests.conftest import ASSETS
from tests.test_cli import run

FAST = ("-s", "2", "--precision", "fp32")


@pytest.fixture
def repeated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a picture that shows one window twice, among noise: (8, 8) and (8, 72) are the same place of both."""
    monkeypatch.chdir(tmp_path)
    with Image.open(ASSETS / "colosseum.png") as image:
        window = np.asarray(image.convert("RGB").crop((60, 60, 92, 92)))
    pixels = np.random.default_rng(0).integers(90, 160, (48, 112, 3), np.uint8)
    pixels[8:40, 8:40] = pixels[8:40, 72:104] = window
    Image.fromarray(pixels).save("windows.png")
    return tmp_path / "windows.png"


def test_a_window_finds_its_like(repeated: Path) -> None:
    """The features of both windows are the same but for their surroundings, so the twin is what counts most."""
    result = run("attention", "windows.png", "--at", "24,24", *FAST, "--json")
    assert result.exit_code == 0, result.stderr
    found = json.loads(result.stdout)
    (layer,) = found["layers"]
    first, second = layer["partners"][:2]
    assert {(first["x"], first["y"]), (second["x"], second["y"])} == {(24, 24), (88, 24)}
    assert first["similarity"] == pytest.approx(1, abs=1e-3)
    assert second["similarity"] == pytest.approx(1, abs=1e-3)
    assert sum(each["weight"] for each in layer["rounds"]) == pytest.approx(1, abs=1e-5)
    assert found["output"] == "windows_attention.html"
    assert Path("windows_attention.html").read_text().count("<img") == 2 + 1 + 8


def test_a_picture_instead_of_a_page(repeated: Path) -> None:
    result = run("attention", "windows.png", "--at", "24,24", *FAST, "-o", "seen.png", "-q")
    assert (result.exit_code, result.stdout, result.stderr) == (0, "seen.png\n", "")
    with Image.open("seen.png") as image:
        assert (image.format, image.mode) == ("PNG", "RGB")
        assert np.asarray(image).std() > 20


def test_the_published_layout_has_layers_and_rounds(repeated: Path, tiny_network) -> None:
    """Several layers and several rounds on single pixels, as in the published network."""
    network: NLSN = tiny_network(n_resblocks=8, n_hashes=4, chunk_size=36)
    network.save_pretrained("own")
    result = run("attention", "windows.png", "--at", "24,24", "-m", "own", "--json", "-q")
    assert result.exit_code == 0, result.stderr
    layers = json.loads(result.stdout)["layers"]
    assert [(each["cell"], len(each["rounds"])) for each in layers] == [(1, 4)] * len(network.config.attention_places)
    assert len(layers) > 1


def test_it_says_when_looking_elsewhere_contributes_little(repeated: Path) -> None:
    Image.new("RGB", (64, 48), (90, 90, 90)).save("plain.png")
    assert "contributes little" in run("attention", "plain.png", "--at", "5,5", *FAST).stderr
    assert "contributes visibly" in run("attention", "windows.png", "--at", "24,24", *FAST).stderr


def test_tiles_and_damage_are_those_of_upscale(repeated: Path) -> None:
    """The pixel looks around in the tile that counts most for it, and the network is told what upscale tells it."""
    result = run("attention", "windows.png", "--at", "100,10", *FAST, "--tile", "64", "--json", "-q")
    found = json.loads(result.stdout)
    tile = found["tile"]
    assert tile["left"] <= 100 < tile["left"] + tile["width"]
    assert (tile["width"], found["tiles"]) == (64, 2)
    assert all(tile["left"] <= each["x"] < tile["left"] + 64 for each in found["layers"][0]["partners"])
    with Image.open("windows.png") as image:
        image.save("windows.jpg", quality=40)
    told = json.loads(run("attention", "windows.jpg", "--at", "9,9", *FAST, "-o", "b.html", "--json", "-q").stdout)[
        "told"
    ]
    restored = json.loads(run("upscale", "windows.jpg", *FAST, "--json").stdout.splitlines()[0])["restoration"]
    assert told == [restored["deblock"], restored["denoise"]]


@pytest.mark.parametrize("size", [(1, 1), (5, 3), (13, 11)])
def test_the_smallest_pictures(repeated: Path, size: tuple[int, int]) -> None:
    """A tile under a chunk of positions is mirrored; what is looked at is named as it lies in the picture."""
    with Image.open("windows.png") as image:
        image.crop((8, 8, 8 + size[0], 8 + size[1])).save("small.png")
    at = f"{size[0] - 1},{size[1] - 1}"
    result = run("attention", "small.png", "--at", at, *FAST, "--json", "-q")
    assert result.exit_code == 0, result.stderr
    for each in json.loads(result.stdout)["layers"][0]["partners"]:
        assert each["x"] < size[0]
        assert each["y"] < size[1]


@pytest.mark.parametrize(
    ("arguments", "error", "hint"),
    [
        (("--at", "112,3"), "--at 112,3 lies outside the picture", "X goes from 0 to 111"),
        (("--at", "a"), "--at takes X,Y, not 'a'", "--at 120,80"),
        (("--at", "-1,2"), "--at takes X,Y, not '-1,2'", "--at 120,80"),
        (("--at", "3,3", "-o", "seen.gif"), "seen.gif: is neither a page nor a picture", ".html or .png"),
        (("--at", "3,3", "-o", "windows.png"), "windows.png: exists", "--overwrite"),
        (("--at", "3,3", "-o", "-"), "files, not streams", "names of files"),
        (("--at", "3,3", "-m", "blind"), "this model has no attention layers", "--model lite"),
    ],
)
def test_what_is_refused(repeated: Path, tiny_network, arguments: tuple[str, ...], error: str, hint: str) -> None:
    tiny_network(attention_at=()).save_pretrained("blind")
    before = repeated.read_bytes()
    result = run("attention", "windows.png", *arguments)
    assert result.exit_code in (1, 2)
    assert error in result.stderr
    assert hint in result.stderr
    assert repeated.read_bytes() == before
    assert not Path("windows_attention.html").exists()
