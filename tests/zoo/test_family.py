"""Models by their scale: loaded once, and a caller's own networks among them."""

import pickle
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from nlsr_cli.errors import OptionError
from nlsr_cli.nlsn import NLSN
from nlsr_cli.zoo import ModelSet, find_models
from nlsr_cli.zoo.checkpoint import save_model
from nlsr_cli.zoo.source import sha256_of


def test_a_network_is_loaded_once() -> None:
    models = find_models("lite")
    assert models.load(2) is models.load(2)
    assert models.load(2) is not find_models("lite").load(2)


def test_own_networks_have_the_hash_of_the_file_in_which_they_would_be_stored(
    tiny_network: Callable[..., NLSN], tmp_path: Path
) -> None:
    network = tiny_network(scale=3)
    models = ModelSet.own({3: network})
    assert (models.scales, models.default, models.load(3)) == ((3,), 3, network)
    save_model(network, tmp_path / "model", "card")
    assert models.weights_sha256(models.source(3)) == sha256_of(tmp_path / "model" / "model.safetensors")


def test_own_networks_lie_under_their_scales(tiny_network: Callable[..., NLSN]) -> None:
    for wrong in ({}, {4: tiny_network(scale=2)}):
        with pytest.raises(OptionError, match="each network under its own scale"):
            ModelSet.own(wrong)


def test_on_another_machine_embedded_models_lie_elsewhere_and_are_hashed_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    models = find_models("lite")
    here = models.source(2)
    models.weights_sha256(here)
    models._found[2] = replace(here, weights=tmp_path / "of" / "another" / "machine.safetensors")
    models._digests[models._found[2].weights] = "believed"
    there = pickle.loads(pickle.dumps(models))
    assert there.source(2) == here
    assert there.weights_sha256(there.source(2)) == sha256_of(here.weights)
