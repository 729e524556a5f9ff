"""The Hub's methods come with its client, and not before: a small picture would wait for it."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from nlsr_cli.nlsn import NLSN, NLSNConfig

Maker = Callable[..., NLSN]


def test_a_network_loads_no_client() -> None:
    code = (
        "import sys; from nlsr_cli.nlsn import NLSN, NLSNConfig\n"
        "NLSN(NLSNConfig(n_feats=4, n_resblocks=0, chunk_size=4))\n"
        "assert 'huggingface_hub' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_saved_network_comes_back_as_it_was(tiny_network: Maker, tmp_path: Path, dtype: torch.dtype) -> None:
    network = tiny_network().to(dtype)
    kept = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    drawn = torch.get_rng_state()
    network.save_pretrained(tmp_path)
    assert torch.equal(torch.get_rng_state(), drawn), "a training that goes on draws the same"
    for name, tensor in network.state_dict().items():
        assert torch.equal(tensor, kept[name]), "saving changes nothing"
    again = NLSN.from_pretrained(tmp_path)
    assert type(again) is NLSN
    assert not again.training
    assert {p.requires_grad for p in again.sub_mean.parameters()} == {False}
    assert {p.requires_grad for p in again.head.parameters()} == {True}
    lr = torch.rand(1, 3, 7, 6)
    with torch.inference_mode():
        assert torch.equal(again(lr), network.float()(lr)), "rotations included"
    assert all(torch.equal(tensor.to(dtype), kept[name]) for name, tensor in again.state_dict().items())


def test_nobodys_licence_is_made_up(tiny_network: Maker, tmp_path: Path) -> None:
    tiny_network().save_pretrained(tmp_path)
    assert "license:" not in (tmp_path / "README.md").read_text(encoding="utf-8")


def test_a_class_of_ones_own_comes_back_as_itself(tmp_path: Path) -> None:
    class Mine(NLSN):
        """A network that somebody derived."""

    Mine(NLSNConfig(n_feats=4, n_resblocks=0, chunk_size=4)).save_pretrained(tmp_path)
    assert type(Mine.from_pretrained(tmp_path)) is Mine
