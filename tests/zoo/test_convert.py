"""Published-style checkpoints to folders, configs read off shapes, and pickles that want more than to be read."""

from __future__ import annotations

import os
import pickle
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from nlsr_cli.errors import NlsrError, OptionError, UnknownModel, WeightsCorrupt, WeightsMismatch
from nlsr_cli.nlsn import NLSN, NLSNConfig
from nlsr_cli.zoo import load_model, resolve, save_model
from nlsr_cli.zoo.convert import canonical, convert
from nlsr_cli.zoo.infer import expected_shapes, infer_config

PUBLISHED = NLSNConfig(n_feats=16, n_resblocks=8)  # the published settings, but for the size


def published(scale: int = 4, **changes: Any) -> NLSN:
    torch.manual_seed(scale)
    return NLSN(replace(PUBLISHED, scale=scale, **changes))


@pytest.mark.parametrize("scale", [2, 3, 4])
@pytest.mark.parametrize("zipped", [True, False], ids=["zip", "before torch 1.6"])
def test_a_published_checkpoint(scale: int, zipped: bool, tmp_path: Path) -> None:
    model = published(scale)
    torch.save(model.state_dict(), tmp_path / "model.pt", _use_new_zipfile_serialization=zipped)
    out = convert(tmp_path / "model.pt", tmp_path / "out" / f"nlsn-x{scale}")
    loaded = load_model(resolve(str(out), scale))
    assert loaded.config == model.config
    torch.testing.assert_close(loaded.state_dict(), model.state_dict(), rtol=0, atol=0)
    assert f"# nlsn-x{scale}\n" in (out / "README.md").read_text()
    assert str(tmp_path) not in (out / "README.md").read_text()
    assert NLSN.from_pretrained(out).config == model.config


def test_the_state_of_a_training_run_is_no_checkpoint() -> None:
    state = {"choices": {}, "trainer": {}, "rows": [], "best": {2: published().state_dict()}, "format": 2}
    with pytest.raises(WeightsMismatch, match="the state of a training run") as caught:
        canonical(state, "state.pt")
    assert "--model" in caught.value.hint


@pytest.mark.parametrize(
    "wrap",
    [
        lambda tensors: {"model": tensors, "epoch": 3},
        lambda tensors: {"params": {"head.0.weight": torch.zeros(1)}, "params_ema": tensors},
        lambda tensors: {"state_dict": {f"module.{name}": tensor for name, tensor in tensors.items()}},
        lambda tensors: {"net": {"state_dict": {f"module.model.{name}": tensor for name, tensor in tensors.items()}}},
        lambda tensors: {name: tensor.double() for name, tensor in tensors.items()},
        lambda tensors: {name: torch.nn.Parameter(tensor) for name, tensor in tensors.items()},
    ],
)
def test_wrapped_checkpoints(wrap: Any, tmp_path: Path) -> None:
    model = published()
    torch.save(wrap(model.state_dict()), tmp_path / "model.pth")
    out = convert(tmp_path / "model.pth", tmp_path / "out")
    torch.testing.assert_close(load_model(resolve(str(out), None)).state_dict(), model.state_dict(), rtol=0, atol=0)


def test_settings_that_shapes_do_not_tell(tmp_path: Path) -> None:
    torch.save(published().state_dict(), tmp_path / "model.pt")
    out = convert(tmp_path / "model.pt", tmp_path / "out", chunk_size=64, n_hashes=2, res_scale=1.0)
    assert resolve(str(out), None).network == replace(PUBLISHED, chunk_size=64, n_hashes=2, res_scale=1.0)
    with pytest.raises(OptionError, match="n_hashes must be"):
        convert(tmp_path / "model.pt", tmp_path / "other", n_hashes=0)
    assert not (tmp_path / "other").exists()


def test_safetensors_keep_the_config_that_comes_with_them(tmp_path: Path) -> None:
    compact = published(2, upsampler="pixelshuffledirect", image_skip="bilinear", n_hashes=2, res_scale=1.0)
    save_model(compact, tmp_path / "a", "card")
    (tmp_path / "a" / "config.json").rename(tmp_path / "config.json")
    for file in ("a/model.safetensors", "half.safetensors"):
        out = convert(tmp_path / file, tmp_path / "out", overwrite=True)
        assert resolve(str(out), None).network == compact.config
        save_file({name: t.bfloat16() for name, t in compact.state_dict().items()}, tmp_path / "half.safetensors")
    (tmp_path / "config.json").unlink()
    with pytest.raises(OptionError, match="a compact NLSN") as caught:
        convert(tmp_path / "half.safetensors", tmp_path / "new", chunk_size=144)
    assert caught.value.hint == "State --n-hashes --res-scale --image-skip."


def test_a_model_is_not_overwritten_unasked(tmp_path: Path) -> None:
    torch.save(published().state_dict(), tmp_path / "model.pt")
    convert(tmp_path / "model.pt", tmp_path / "out")
    with pytest.raises(OptionError, match=r"already holds config\.json"):
        convert(tmp_path / "model.pt", tmp_path / "out")
    convert(tmp_path / "model.pt", tmp_path / "out", overwrite=True)
    with pytest.raises(OptionError, match="is a file"):
        convert(tmp_path / "model.pt", tmp_path / "model.pt", overwrite=True)
    with pytest.raises(UnknownModel, match="no file"):
        convert(tmp_path / "none.pt", tmp_path / "out")


class Bomb:
    """Creates a file when it is unpickled by a careless reader."""

    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self) -> tuple[Any, ...]:
        return (os.mkdir, (str(self.target),))


@pytest.mark.parametrize("form", ["zip", "before torch 1.6", "bare pickle", "renamed"])
def test_a_hostile_pickle_is_refused_unexecuted(form: str, tmp_path: Path) -> None:
    target, path = tmp_path / "executed", tmp_path / "model.pt"
    content = {"model": published().state_dict(), "extra": Bomb(target)}
    if form == "bare pickle":
        path.write_bytes(pickle.dumps(content))
    else:
        torch.save(content, path, _use_new_zipfile_serialization=form != "before torch 1.6")
    if form == "renamed":
        path = path.rename(tmp_path / "model.safetensors")
    with pytest.raises(WeightsCorrupt):
        convert(path, tmp_path / "out")
    assert not target.exists()
    assert not (tmp_path / "out").exists()


def damaged(form: str, path: Path) -> None:
    torch.save(published().state_dict(), path, _use_new_zipfile_serialization=form != "legacy, cut")
    data = path.read_bytes()
    if form.endswith("cut"):
        path.write_bytes(data[: len(data) // 2])
    elif form == "compressed":
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("model/data.pkl", bytes(10**6))
    else:
        path.write_bytes({"empty": b"", "text": b"no checkpoint at all", "web page": b"<html></html>"}[form])


@pytest.mark.parametrize("form", ["zip, cut", "legacy, cut", "compressed", "empty", "text", "web page"])
def test_damaged_checkpoints(form: str, tmp_path: Path) -> None:
    path = tmp_path / "model.pt"
    damaged(form, path)
    with pytest.raises(WeightsCorrupt) as caught:
        convert(path, tmp_path / "out")
    assert str(path) in caught.value.message
    assert "\n" not in caught.value.message


EDSR = {name: shape for name, shape in expected_shapes(PUBLISHED).items() if "conv_" not in name} | {
    "body.0.body.0.weight": (16, 16, 3, 3)
}


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ({name: torch.zeros(shape) for name, shape in EDSR.items()}, "looks like an EDSR"),
        ({"conv.weight": torch.zeros(3, 3)}, r"it has no tensor body\.0\.conv_match"),
        ({"model": {"conv.weight": 3.0}}, "is not a tensor"),
        ({}, "holds no named tensors"),
        ([torch.zeros(3)], "holds no named tensors"),
        (torch.zeros(3), "holds no named tensors"),
        ({3: torch.zeros(3)}, "holds no named tensors"),
        ({"a": torch.zeros(3, dtype=torch.int64)}, "not a plain floating-point tensor"),
        ({"a": torch.zeros(3).to_sparse()}, "not a plain floating-point tensor"),
        (
            {name: torch.zeros(shape) for name, shape in expected_shapes(PUBLISHED).items() if "mean" not in name},
            "sub_mean",
        ),
        (
            {
                n: torch.full(s, -0.4488)
                for n, s in expected_shapes(PUBLISHED).items()
                if n != "body.9.conv_match.0.bias"
            },
            r"missing body\.9\.conv_match\.0\.bias",
        ),
    ],
)
def test_checkpoints_of_other_networks(content: Any, said: str, tmp_path: Path) -> None:
    torch.save(content, tmp_path / "model.pt")
    with pytest.raises(WeightsMismatch, match=said):
        convert(tmp_path / "model.pt", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_values_that_are_not_finite(tmp_path: Path) -> None:
    model = published()
    with torch.no_grad():
        model.tail[1].bias.fill_(float("nan"))
    torch.save(model.state_dict(), tmp_path / "model.pt")
    with pytest.raises(WeightsCorrupt, match="NaN"):
        convert(tmp_path / "model.pt", tmp_path / "out")


@pytest.mark.parametrize("scale", [2, 3, 4])
@pytest.mark.parametrize("upsampler", ["pixelshuffle", "pixelshuffledirect"])
@pytest.mark.parametrize(("blocks", "reduction", "rgb_range"), [(0, 1, 1.0), (7, 4, 255.0), (32, 2, 1.0)])
def test_configs_are_read_off_shapes(scale: int, upsampler: Any, blocks: int, reduction: int, rgb_range: float) -> None:
    config = NLSNConfig(
        scale, n_feats=16, n_resblocks=blocks, reduction=reduction, rgb_range=rgb_range, upsampler=upsampler
    )
    bias = [-rgb_range * mean for mean in (0.4488, 0.4371, 0.4040)]
    assert infer_config(expected_shapes(config), bias, where="test") == config


@pytest.mark.parametrize(
    ("name", "shape"),
    [
        ("head.0.weight", (16,)),
        ("head.0.weight", ()),
        ("head.0.weight", (0, 3, 3, 3)),
        ("head.0.weight", (10**9, 3, 3, 3)),
        ("body.0.conv_match.0.weight", (0, 16, 3, 3)),
        ("tail.0.0.weight", (64, 0, 3, 3)),
        ("tail.0.weight", (48, 16, 3, 3)),
    ],
)
def test_absurd_shapes(name: str, shape: tuple[int, ...]) -> None:
    with pytest.raises(WeightsMismatch):
        infer_config(expected_shapes(PUBLISHED) | {name: shape}, (-0.4488, -0.4371, -0.404), where="test")


@pytest.mark.parametrize("bias", [(0.0, 0.0, 0.0), (float("nan"),) * 3, (float("inf"),) * 3, (1.0, 1.0, 1.0), ()])
def test_absurd_means(bias: tuple[float, ...]) -> None:
    with pytest.raises(NlsrError):
        infer_config(expected_shapes(PUBLISHED), bias, where="test")


def test_a_loop_of_wrappers_ends() -> None:
    loop: dict[str, Any] = {}
    loop["model"] = loop
    with pytest.raises(WeightsMismatch):
        canonical(loop, "test")
