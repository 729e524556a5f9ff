"""What networks are told of damage: what a picture shows, what the user asks, and nothing where that is unsure."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from typer.testing import CliRunner

from nlsr_cli.cli import app
from nlsr_cli.errors import OptionError
from nlsr_cli.images import Animation, Metadata, Picture, inspect_picture, read_picture
from nlsr_cli.nlsn import NLSN, NLSNConfig
from nlsr_cli.upscaling.animation import frame_steps
from nlsr_cli.upscaling.enlarger import Enlarger
from nlsr_cli.upscaling.progress import completed
from nlsr_cli.upscaling.restoration import Restoration, Restorer
from nlsr_cli.zoo.checkpoint import save_model
from tests.conftest import ASSETS, pixels

CLEAN = pixels(ASSETS / "colosseum.png")[..., :3]
NOISY = np.clip(CLEAN + np.random.default_rng(0).normal(0, 8, CLEAN.shape), 0, 255).round().astype(np.uint8)


def picture(color: np.ndarray, mode: str = "RGB", **changes: object) -> Picture:
    return Picture(color, None, Metadata("PNG", mode, **changes))  # type: ignore[arg-type]


CONFIG = NLSNConfig(scale=2, n_feats=8, n_resblocks=1, n_hashes=2, chunk_size=16, res_scale=1.0, degradations=2)


def told_network() -> NLSN:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = NLSN(CONFIG).eval()
        network.degradation.weight.data.normal_()
    return network


def save_jpeg(path: Path, quality: int) -> None:
    Image.fromarray(CLEAN).save(path, quality=quality)


def test_damage_is_estimated_from_tables_and_pixels(tmp_path: Path) -> None:
    save_jpeg(tmp_path / "a.jpg", 40)
    found = Restorer().restoration(read_picture(tmp_path / "a.jpg"), CONFIG)
    assert found is not None
    assert (found.quality, found.deblock, found.deblock_sign) == (40, pytest.approx(0.8), "quantisation tables")
    Image.open(tmp_path / "a.jpg").save(tmp_path / "a.png")
    again = Restorer().restoration(read_picture(tmp_path / "a.png"), CONFIG)
    assert again is not None
    assert (again.deblock, again.deblock_sign) == (pytest.approx(0.8, abs=0.02), "pixels")


def test_what_was_saved_twice_is_as_bad_as_its_worst(tmp_path: Path) -> None:
    """A screenshot of a poor JPEG, saved as a good one: the tables alone would call it good."""
    save_jpeg(tmp_path / "a.jpg", 40)
    Image.open(tmp_path / "a.jpg").save(tmp_path / "b.jpg", quality=96, subsampling=0)
    found = Restorer().restoration(read_picture(tmp_path / "b.jpg"), CONFIG)
    assert found is not None
    assert (found.deblock, found.deblock_sign) == (pytest.approx(0.8, abs=0.02), "pixels")


def test_noise_is_told_in_shares_of_the_most_that_was_learned() -> None:
    found = Restorer().restoration(picture(NOISY), CONFIG)
    assert found is not None
    assert (found.denoise, found.deblock, found.denoise_sign) == (pytest.approx(0.5, abs=0.03), 0, "pixels")


@pytest.mark.parametrize("changes", [{"mode": "P"}, {"mode": "1"}, {"masked": True}])
def test_dithering_and_measurements_are_left_alone(changes: dict[str, object]) -> None:
    found = Restorer().restoration(picture(NOISY, **changes), CONFIG)  # type: ignore[arg-type]
    assert found == Restoration()
    assert found.told == ()


def test_clean_pictures_are_left_alone_and_nothing_is_said() -> None:
    found = Restorer().restoration(picture(CLEAN), CONFIG)
    assert found == Restoration()
    assert found.notes == ()


def test_what_is_asked_is_what_is_told() -> None:
    asked = Restorer(deblock=0.0, denoise=1.0).restoration(picture(NOISY), CONFIG)
    assert asked is not None
    assert (asked.told, asked.notes) == ((0.0, 1.0), ())
    half = Restorer(deblock=0.25).restoration(picture(NOISY), CONFIG)
    assert half is not None
    assert (half.deblock, half.denoise) == (0.25, pytest.approx(0.5, abs=0.03))


def test_other_networks_are_told_nothing_and_not_asked() -> None:
    plain = replace(CONFIG, degradations=0)
    assert Restorer().restoration(picture(NOISY), plain) is None
    Restorer(deblock=0.0, denoise=None).check(plain, "old")
    with pytest.raises(OptionError, match="old was not trained on damaged pictures: --denoise would change nothing"):
        Restorer(denoise=0.5).check(plain, "old")


def test_the_network_hears_it_for_colours_and_not_for_alpha() -> None:
    network = told_network()
    heard: list[object] = []
    network.register_forward_pre_hook(lambda _, args, kwargs: heard.append(kwargs.get("degradation")), with_kwargs=True)
    alpha = np.tile(np.linspace(0, 255, NOISY.shape[1]).round().astype(np.uint8), (NOISY.shape[0], 1))
    enlarger = Enlarger(network, floor=0, restorer=Restorer(deblock=0.5, denoise=0.25))
    enlarger.upscale(Picture(NOISY, alpha, Metadata("PNG", "RGBA")))
    assert heard[0] is None
    assert torch.equal(heard[1], torch.tensor([[0.5, 0.25]]))  # type: ignore[arg-type]


def test_being_told_changes_pixels_and_zero_does_not() -> None:
    network = told_network()
    made = {
        amount: Enlarger(network, floor=0, restorer=Restorer(amount, amount)).upscale(picture(NOISY)).picture.color
        for amount in (0.0, 0.5)
    }
    assert not np.array_equal(made[0.0], made[0.5])
    assert np.array_equal(made[0.0], Enlarger(network, floor=0).enlarge(NOISY))


def test_all_ways_of_running_a_tile_are_told() -> None:
    network = told_network()
    restorer = Restorer(0.5, 0.5)
    ensemble = Enlarger(network, floor=0, restorer=restorer, ensemble=True).upscale(picture(NOISY)).picture.color
    untold = Enlarger(network, floor=0, ensemble=True).enlarge(NOISY)
    assert not np.array_equal(ensemble, untold)


def test_frames_of_an_animation_are_told_the_same() -> None:
    """Each by itself would flicker."""
    frames = (picture(NOISY), picture(CLEAN))
    network, heard = told_network(), []
    network.register_forward_pre_hook(
        lambda _, args, kwargs: heard.append(kwargs["degradation"].tolist()), with_kwargs=True
    )
    completed(frame_steps(Enlarger(network, floor=0), Animation(frames, (40, 40), 0)))
    assert len(heard) == 2
    assert heard[0] == heard[1]


def model_at(folder: Path) -> Path:
    save_model(told_network(), folder, "---\nlicense: mit\n---\n")
    return folder


def test_what_was_found_is_told_to_the_user_and_the_picture(tmp_path: Path) -> None:
    save_jpeg(tmp_path / "a.jpg", 40)
    model = str(model_at(tmp_path / "m"))
    result = CliRunner().invoke(app, ["upscale", str(tmp_path / "a.jpg"), "-m", model, "--floor", "0", "--json"])
    line = json.loads(result.stdout.splitlines()[0])
    assert line["restoration"] == {
        "deblock": 0.8, "deblock_sign": "quantisation tables", "jpeg_quality": 40,
        "denoise": 0.0, "denoise_sign": None, "noise_levels": 0.0,
    }  # fmt: skip
    assert any("JPEG compression (quality 40) are reduced" in note for note in line["notes"])
    (entry,) = inspect_picture(Path(line["output"])).provenance
    assert entry["deblock"] == "0.8 (JPEG quality 40, quantisation tables)"


def test_amounts_are_checked_before_anything_is_read(tmp_path: Path) -> None:
    for text in ("2", "-1", "much", "nan"):
        result = CliRunner().invoke(app, ["upscale", str(tmp_path / "a.jpg"), f"--denoise={text}"])
        assert result.exit_code == 2
        assert "--denoise must be auto or from 0 to 1" in result.stderr
