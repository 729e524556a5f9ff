"""`upscale` and `Upscaler`: every form goes the same way, threads do not disturb each other, errors say what to do."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from nlsr_cli import NlsrError, Picture, Upscaler, load_model, read_picture, upscale
from nlsr_cli.errors import DestinationClash, ImageReadError, OptionError, UnknownModel
from nlsr_cli.images import read_provenance
from nlsr_cli.nlsn import NLSN
from tests.conftest import ASSETS, pixels


@pytest.fixture
def up(tiny_network: Callable[..., NLSN]) -> Iterator[Upscaler]:
    """Return an upscaler with a small random network, whose results nobody holds against their sources."""
    with Upscaler(tiny_network(), device="cpu", precision="fp32", floor=0) as upscaler:
        yield upscaler


@pytest.fixture
def rgb(sample: Path) -> np.ndarray:
    return pixels(sample)


def test_the_same_pixels_are_the_same_in_every_form(up: Upscaler, sample: Path, rgb: np.ndarray) -> None:
    outcome = up.upscale(sample)
    assert outcome.output == sample.with_name("photo_x2.png")
    expected = pixels(outcome.output)
    assert expected.shape == (80, 96, 3)
    with Image.open(sample) as image:
        assert np.array_equal(np.asarray(up.upscale(image)), expected)
    assert np.array_equal(up.upscale(rgb), expected)
    assert np.array_equal(up.upscale(read_picture(sample)).picture.color, expected)
    tensor = torch.from_numpy(rgb.copy()).permute(2, 0, 1)
    assert np.array_equal(up.upscale(tensor).permute(1, 2, 0).numpy(), expected)
    floats = up.upscale(tensor / 255)
    assert np.array_equal(floats.mul(255).round().permute(1, 2, 0).numpy().astype(np.uint8), expected)
    batch = up(torch.stack([tensor, tensor.flip(-1)]))
    assert batch.shape == (2, 3, 80, 96)
    assert np.array_equal(batch[0].permute(1, 2, 0).numpy(), expected)


def test_light_beyond_white_is_kept_in_floats(up: Upscaler) -> None:
    """As in a float TIFF: it passes by the network, which knows 0 to 1 only."""
    array = np.full((8, 8, 3), 0.5, np.float32)
    array[2:6, 2:6] = 3.0
    made = up(array)
    assert made[7:9, 7:9].min() > 2
    tensor = torch.from_numpy(array).permute(2, 0, 1)
    assert np.array_equal(up(tensor).permute(1, 2, 0).numpy(), made)
    with pytest.raises(NlsrError, match="samples that are not finite"):
        up(np.full((4, 4), np.nan, np.float32))


def test_upscale_does_what_an_upscaler_does(sample: Path, rgb: np.ndarray) -> None:
    outcome = upscale(str(sample), scale=2, device="cpu")
    assert (outcome.output, outcome.status) == (sample.with_name("photo_x2.png"), "done")
    array = upscale(rgb, scale=2, device="cpu")
    assert np.array_equal(array, pixels(outcome.output))
    assert upscale(rgb, model=load_model("lite", 2), device="cpu").shape == (80, 96, 3)
    with Upscaler("lite", device="cpu", scale=2) as upscaler:
        assert np.array_equal(upscaler(rgb), array)


def test_a_jpeg_is_restored_in_memory_as_from_its_file(tmp_path: Path) -> None:
    """Pillow knows the quantisation of what it has opened; an array has lost it."""
    with Upscaler("lite", device="cpu", precision="fp32", scale=2) as upscaler:
        outcome = upscaler.upscale(ASSETS / "tower.jpg", tmp_path / "tower.png")
        with Image.open(ASSETS / "tower.jpg") as image:
            made = upscaler(image)
    assert outcome.restoration is not None
    assert outcome.restoration.deblock_sign == "quantisation tables"
    assert np.array_equal(np.asarray(made), pixels(outcome.output))


def test_options_of_a_call_outrank_those_of_the_upscaler(up: Upscaler, sample: Path, rgb: np.ndarray) -> None:
    assert up(rgb, scale=3).shape == (120, 144, 3)
    assert up(rgb, long_side=60).shape == (50, 60, 3)
    calls: list[tuple[int, int]] = []
    assert up(rgb, tile=32, overlap=8, on_tile=lambda *tiles: calls.append(tiles)).shape == (80, 96, 3)
    assert calls == [(1, 4), (2, 4), (3, 4), (4, 4)]
    with Image.open(up.upscale(sample, format="jpeg", quality=50, suffix="_small").output) as image:
        assert (Path(image.filename).name, image.format) == ("photo_small.jpg", "JPEG")


def test_files_with_a_network_of_ones_own_say_so(up: Upscaler, sample: Path) -> None:
    outcome = up.upscale(sample)
    told = read_provenance(outcome.output)
    assert told["model"] == "own network"
    assert len(told["weights_sha256"]) == 64
    with pytest.raises(DestinationClash):
        up.upscale(sample)
    assert up.upscale(sample, skip_existing=True).status == "skipped"
    assert up.upscale(sample, overwrite=True, no_provenance=True).status == "done"
    assert not read_provenance(outcome.output)


def test_what_is_finished_is_kept_where_that_is_asked(up: Upscaler, sample: Path, tmp_path: Path) -> None:
    target = tmp_path / "out.png"
    assert [up.upscale(sample, target, resume=True).status for _ in range(2)] == ["done", "skipped"]
    assert up.upscale(sample, target, resume=True, strength=0.5).status == "done"


def test_networks_by_their_scale(tiny_network: Callable[..., NLSN], rgb: np.ndarray) -> None:
    family = {scale: tiny_network(scale=scale) for scale in (2, 3)}
    with Upscaler(family, device="cpu", floor=0) as upscaler:
        assert upscaler(rgb).shape == (120, 144, 3)
        assert upscaler.upscale(read_picture(ASSETS / "colosseum.png"), scale=2).stages == (2,)
    with pytest.raises(OptionError, match="each network under its own scale"):
        Upscaler({4: tiny_network(scale=2)}, device="cpu")
    with pytest.raises(OptionError, match="model cannot be of type int"):
        Upscaler(4)  # type: ignore[arg-type]


def test_threads_get_what_they_would_get_alone(up: Upscaler, sample: Path, tmp_path: Path) -> None:
    """Pictures of different sizes, depths and scales, in memory and as files, byte for byte."""
    rng = np.random.default_rng(0)
    arrays = [rng.integers(0, 256, (20 + 3 * n, 30, 3), dtype=np.uint8) for n in range(6)]
    jobs: list[tuple[Any, dict[str, Any]]] = [(array, {"scale": 2 + n % 2}) for n, array in enumerate(arrays)]
    jobs += [(array.astype(np.float32) / 255, {"tile": 16, "overlap": 4}) for array in arrays[:3]]

    def file(name: str) -> bytes:
        return up.upscale(sample, tmp_path / name).output.read_bytes()

    alone = [up(source, **options).tobytes() for source, options in jobs]
    first = file("alone.png")
    with ThreadPoolExecutor(6) as pool:
        made = [pool.submit(up.upscale, source, **options) for source, options in jobs * 2]
        files = [pool.submit(file, f"{n}.png") for n in range(4)]
        assert [each.result().tobytes() for each in made] == alone * 2
        assert {each.result() for each in files} == {first}


def test_threads_with_a_model_that_adapts_to_damage(rgb: np.ndarray) -> None:
    """It keeps the kernels of the damage that it met last, which are others for each of these."""
    damage = [0.0, 0.3, 0.9]
    with Upscaler("lite", device="cpu", precision="fp32", scale=2) as upscaler:
        alone = [upscaler(rgb, deblock=amount, denoise=0.1).tobytes() for amount in damage]
        assert len(set(alone)) == 3
        with ThreadPoolExecutor(3) as pool:
            made = list(pool.map(lambda amount: upscaler(rgb, deblock=amount, denoise=0.1).tobytes(), damage * 2))
    assert made == alone * 2


def test_progress_may_enlarge_something_itself(up: Upscaler, rgb: np.ndarray) -> None:
    """The lock is no trap for the thread that has it."""
    inner: list[tuple[int, ...]] = []
    up(rgb, on_tile=lambda *_: inner.append(up(rgb[:8, :8]).shape))
    assert inner == [(16, 16, 3)]


def test_a_closed_upscaler_says_so(tiny_network: Callable[..., NLSN], sample: Path, rgb: np.ndarray) -> None:
    with Upscaler(tiny_network(), device="cpu") as upscaler:
        pass
    upscaler.close()
    for source in (rgb, sample):
        with pytest.raises(NlsrError, match=r"this Upscaler is closed\nhint: Make a new one"):
            upscaler.upscale(source)


def test_a_model_or_a_device_that_is_wrong_is_told_at_once() -> None:
    with pytest.raises(UnknownModel):
        Upscaler("nothing")
    with pytest.raises(OptionError, match="unknown device"):
        Upscaler("lite", device="gpu")
    with pytest.raises(OptionError, match="unknown option 'sclae'"):
        Upscaler("lite", sclae=2)  # type: ignore[call-arg]


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (b"bytes", r"a bytes cannot be enlarged\nhint: Open it first: PIL.Image.open"),
        ([1, 2], r"a list cannot be enlarged\nhint: Enlarge each one by itself"),
        (7, r"an int cannot be enlarged\nhint: Give a path, a picture of Pillow"),
    ],
)
def test_what_holds_no_picture_is_refused(up: Upscaler, source: object, message: str) -> None:
    with pytest.raises(OptionError, match=message):
        up.upscale(source)  # type: ignore[call-overload]


def test_options_that_a_form_does_not_heed_are_refused(up: Upscaler, sample: Path, rgb: np.ndarray) -> None:
    with pytest.raises(OptionError, match="quality is an option for files"):
        up.upscale(rgb, quality=3)  # type: ignore[call-overload]
    with pytest.raises(OptionError, match="output is an option for files"):
        upscale(rgb, "out.png")  # type: ignore[call-overload]
    with pytest.raises(OptionError, match="device is fixed when an Upscaler is made"):
        up.upscale(sample, device="cpu")  # type: ignore[call-overload]
    with pytest.raises(OptionError, match="more than 16"):
        up(rgb, width=9999)
    with pytest.raises(ImageReadError, match="the limit is 100"):
        up(rgb, max_pixels=100)


def test_folders_and_patterns_are_for_upscale_files(up: Upscaler, sample: Path) -> None:
    for source in (sample.parent, sample.parent / "*.png"):
        with pytest.raises(OptionError, match=r"is a (folder|pattern)\nhint: Use upscale_files"):
            up.upscale(source)


def test_a_picture_comes_with_how_it_came_about(up: Upscaler, sample: Path) -> None:
    enlarged = up.upscale(read_picture(sample))
    assert isinstance(enlarged.picture, Picture)
    assert (enlarged.stages, enlarged.tiles, enlarged.picture.metadata.format) == ((2,), 1, "PNG")


def test_a_notebook_shows_the_result(up: Upscaler, sample: Path) -> None:
    """IPython asks an object for `_repr_png_`, which Pillow's pictures have."""
    with Image.open(sample) as image:
        shown = up(image)._repr_png_()
    assert shown is not None
    assert shown.startswith(b"\x89PNG")


def test_a_tensor_on_a_gpu_is_enlarged_there() -> None:
    """Told by the error of a machine without that GPU: the device of the tensor is asked for, not any."""
    tensor = SimpleNamespace(device=torch.device("cuda", 99))
    with pytest.raises(OptionError, match="device 'cuda:99' is not available"):
        upscale(tensor)  # type: ignore[call-overload]
    with pytest.raises(OptionError, match="a SimpleNamespace cannot be enlarged"):
        upscale(tensor, device="cpu")  # type: ignore[call-overload]


@pytest.mark.requires_cuda
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_a_tensor_stays_on_its_device(rgb: np.ndarray) -> None:
    tensor = torch.from_numpy(rgb.copy()).permute(2, 0, 1).cuda().half() / 255
    made = upscale(tensor, scale=2)
    assert (made.device, made.dtype, made.shape) == (tensor.device, torch.float16, (3, 80, 96))


def test_a_factor_in_the_place_of_an_output_is_answered_with_its_name() -> None:
    """Other libraries take it there."""
    with pytest.raises(OptionError, match="2 is no name for an output") as caught:
        upscale(np.zeros((4, 4, 3), np.uint8), 2)  # type: ignore[call-overload]
    assert caught.value.hint == "For the factor, write: scale=2"
