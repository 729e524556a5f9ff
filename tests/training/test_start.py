"""What a run begins with: a seeded network, or one that continues another, and a precision that can be trained in."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from nlsr_cli.errors import ModelError, OptionError, WeightsMismatch
from nlsr_cli.nlsn import NLSN
from nlsr_cli.nlsn.presets import PRESETS, preset
from nlsr_cli.options import ComputeOptions
from nlsr_cli.training import start
from nlsr_cli.training.recipe import Recipe
from nlsr_cli.training.start import build_networks, place_training
from nlsr_cli.zoo import load_model, resolve, save_model
from tests.training.photographs import tiny_plan

LITE = PRESETS["lite"]
SMALL = {**LITE, "n_feats": 8, "n_resblocks": 1, "chunk_size": 16, "attention_at": (0,)}


@pytest.fixture(autouse=True)
def _small_lite(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(PRESETS, "lite", SMALL)


def model_folder(folder: Path, **changes: object) -> str:
    """Save a random model of the preset, changed, and return its place."""
    torch.manual_seed(77)
    save_model(NLSN(replace(preset("lite", 4), **changes)), folder, "---\nlicense: mit\n---\n")  # type: ignore[arg-type]
    return str(folder)


def test_the_seed_draws_the_network(tmp_path: Path) -> None:
    first, again, other = (build_networks(tiny_plan(tmp_path, recipe=Recipe(seed=seed)))[0][0] for seed in (4, 4, 5))
    torch.testing.assert_close(first.state_dict(), again.state_dict(), rtol=0, atol=0)
    assert not torch.equal(first.head[0].weight, other.head[0].weight)


def test_a_model_of_the_same_kind_is_continued_whole(tmp_path: Path) -> None:
    place = model_folder(tmp_path / "m", scale=2)
    (model,), origin = build_networks(tiny_plan(tmp_path, init=place))
    torch.manual_seed(77)
    torch.testing.assert_close(model.state_dict(), NLSN(preset("lite", 2)).state_dict(), rtol=0, atol=0)
    assert origin is not None
    assert (origin.name, origin.licence) == (place, "mit")
    assert origin.taken.startswith("all ")


@pytest.mark.parametrize("change", [{"scale": 4}, {"scale": 2, "upsampler": "pixelshuffle"}])
def test_all_but_the_tail_is_taken_of_another_scale_or_upsampler(tmp_path: Path, change: dict[str, object]) -> None:
    (model,), origin = build_networks(tiny_plan(tmp_path, init=model_folder(tmp_path / "m", **change)))
    (fresh,), _ = build_networks(tiny_plan(tmp_path))
    torch.manual_seed(77)
    given = NLSN(replace(preset("lite", 4), **change)).state_dict()  # type: ignore[arg-type]
    for name, tensor in model.state_dict().items():
        source = fresh.state_dict() if name.startswith("tail.") else given
        assert torch.equal(tensor, source[name]), name
    assert origin is not None
    assert "the tail is new" in origin.taken


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"n_feats": 16}, "n_feats is 16, not 8"),
        ({"n_resblocks": 2}, "n_resblocks is 2, not 1"),
        ({"res_scale": 0.1, "image_skip": "none"}, "res_scale is 0.1, not 1.0, image_skip is none, not bilinear"),
    ],
)
def test_another_body_is_refused_by_name(tmp_path: Path, change: dict[str, object], said: str) -> None:
    with pytest.raises(WeightsMismatch, match=said) as caught:
        build_networks(tiny_plan(tmp_path, init=model_folder(tmp_path / "m", **change)))
    assert "--preset" in caught.value.hint


def test_families_give_their_member_of_the_scale(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(PRESETS, "lite", LITE)
    taken = {}
    for scale in (2, 3, 4):
        origin = build_networks(tiny_plan(tmp_path, init="lite", scales=(scale,)))[1]
        assert origin is not None
        taken[scale] = (origin.name, "tail is new" in origin.taken)
    assert taken == {2: ("nlsn-lite-x2", False), 3: ("nlsn-lite-x3", False), 4: ("nlsn-lite-x4", False)}
    origin = build_networks(tiny_plan(tmp_path, init="nlsn-lite-x4", scales=(3,)))[1]
    assert origin is not None
    assert (origin.name, "tail is new" in origin.taken) == ("nlsn-lite-x4", True)
    with pytest.raises(ModelError):
        build_networks(tiny_plan(tmp_path, init="no-such-model"))


def test_attention_that_joins_later_and_init_exclude_each_other(tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="--attention-from"):
        tiny_plan(tmp_path, init="lite", recipe=Recipe(attention_from=0.5))


@pytest.mark.parametrize(
    ("asked", "supported", "found"),
    [
        ("auto", ("fp32", "bf16"), "bf16"),
        ("auto", ("fp32", "fp16"), "fp32"),
        ("fp32", ("fp32", "bf16"), "fp32"),
        ("bf16", ("fp32", "bf16"), "bf16"),
    ],
)
def test_precisions(monkeypatch: pytest.MonkeyPatch, asked: str, supported: tuple[str, ...], found: str) -> None:
    """Never fp16 on its own account, which `upscale` prefers on CUDA: its gradients would underflow."""
    for module in (start, start.place.__module__):
        monkeypatch.setattr(
            f"{module if isinstance(module, str) else module.__name__}.supported_precisions", lambda _: supported
        )
    assert place_training(ComputeOptions("cpu", asked)).precision == found


def test_half_precision_is_refused_with_the_reason(tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="small gradients would underflow to zero") as caught:
        tiny_plan(tmp_path, compute=ComputeOptions("cpu", "fp16"))
    assert "bf16" in caught.value.hint


def test_several_scales_share_a_body_and_take_their_tails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each tail from the model of its scale, and the body from that of the first."""
    monkeypatch.setitem(PRESETS, "lite", LITE)
    models, _ = build_networks(tiny_plan(tmp_path, init="lite", scales=(2, 4)))
    assert [model.config.scale for model in models] == [2, 4]
    assert models[0].body is models[1].body
    assert models[0].head is models[1].head
    two, four = (load_model(resolve(f"nlsn-lite-x{scale}", None)) for scale in (2, 4))
    (place,) = LITE["attention_at"]
    assert torch.equal(models[0].body[place].conv_match[0].weight, two.body[place].conv_match[0].weight)
    assert torch.equal(models[0].tail[0].weight, two.tail[0].weight)
    assert torch.equal(models[1].tail[0].weight, four.tail[0].weight)
