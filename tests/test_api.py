"""What is public, that it costs nothing before it is used, and which model a call gets."""

import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch

import nlsr_cli
from nlsr_cli import ComputeOptions, UpscaleOptions, api, upscale_file
from nlsr_cli.zoo import registry
from tests.conftest import pixels


def test_public_names_are_these_and_all_exist() -> None:
    public = [name for name in nlsr_cli.__all__ if not name.startswith("_")]
    assert public == sorted(public)
    for name in nlsr_cli.__all__:
        assert getattr(nlsr_cli, name) is not None
    assert dir(nlsr_cli) == sorted(nlsr_cli.__all__)
    with pytest.raises(AttributeError):
        nlsr_cli.nothing  # noqa: B018


def test_importing_costs_nothing() -> None:
    code = "import sys, nlsr_cli; assert not {'torch', 'PIL', 'numpy', 'typer', 'rich'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize(
    ("device", "asked", "expected"),
    [
        ("cuda:0", UpscaleOptions(), "nlsn-base-x4"),
        ("cuda:0", UpscaleOptions(scale=2), "nlsn-lite-x2"),  # base has no x2 here
        ("cuda:0", UpscaleOptions(model="lite"), "nlsn-lite-x4"),
        ("cuda:0", UpscaleOptions(compute=ComputeOptions("cpu")), "nlsn-lite-x4"),
        ("cpu", UpscaleOptions(), "nlsn-lite-x4"),
    ],
)
def test_a_gpu_gets_the_large_family_unless_told_otherwise(
    device: str, asked: UpscaleOptions, expected: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A machine that has a GPU, and a base model at x4 only, are stood in for."""
    lite = registry.EMBEDDED["nlsn-lite-x4"]
    shutil.copytree(registry.weights_root(), tmp_path / "weights")
    shutil.copytree(lite.folder, tmp_path / "weights" / "nlsn-base-x4", dirs_exist_ok=True)
    for name in ("nlsn-base-x2", "nlsn-base-x3"):
        monkeypatch.delitem(registry.EMBEDDED, name, raising=False)
    monkeypatch.setitem(registry.EMBEDDED, "nlsn-base-x4", replace(lite, name="nlsn-base-x4", family="base"))
    monkeypatch.setattr(registry, "weights_root", lambda: tmp_path / "weights")
    monkeypatch.setattr("nlsr_cli.upscaling.device.available_devices", lambda: [torch.device(device)])
    assert api.find_model(asked).name == expected


@pytest.mark.parametrize("base", [(), (4,)], ids=["no base at all", "base x4"])
def test_a_picture_that_keeps_its_size_asks_no_gpu(
    sample: Path, base: tuple[int, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """No network has a part in it, so that the machine is of no importance: one with a GPU found no model for it."""
    for scale in (2, 3, 4):
        monkeypatch.delitem(registry.EMBEDDED, f"nlsn-base-x{scale}", raising=False)
    lite = registry.EMBEDDED["nlsn-lite-x4"]
    for scale in base:
        name = f"nlsn-base-x{scale}"
        monkeypatch.setitem(registry.EMBEDDED, name, replace(lite, name=name, family="base"))
    there = [torch.device("cuda:0"), torch.device("cpu")]
    monkeypatch.setattr("nlsr_cli.upscaling.device.available_devices", lambda: there)
    outcome = upscale_file(sample, sample.with_name("same.png"), UpscaleOptions(scale=1))
    assert (pixels(outcome.output) == pixels(sample)).all()
    assert api.find_set(UpscaleOptions(scale=1)).source(4).name == "nlsn-lite-x4"
