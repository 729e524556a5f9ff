"""Kernels that change with damage: clean pictures have a network of their own, and a damaged one costs no more."""

from __future__ import annotations

import pytest
import torch
from torch.func import functional_call

from nlsr_cli.nlsn import NLSN, NLSNConfig
from nlsr_cli.nlsn.condconv import CondConv, adapted_weights
from nlsr_cli.zoo.infer import expected_shapes, infer_config

CONFIG = NLSNConfig(
    scale=2, n_feats=8, n_resblocks=2, n_hashes=1, chunk_size=16, res_scale=1.0, upsampler="pixelshuffledirect",
    attention_at=(1,), degradations=2, condconv=True,
)  # fmt: skip
LR = torch.rand(2, 3, 12, 10, generator=torch.Generator().manual_seed(1))
TOLD = torch.tensor([0.3, 0.6])


@pytest.fixture
def model() -> NLSN:
    torch.manual_seed(0)
    model = NLSN(CONFIG).eval()
    with torch.no_grad():
        model.degradation.weight.normal_(0, 0.1)
        for layer in model.modules():
            for change in layer.changes if isinstance(layer, CondConv) else ():
                change.normal_(0, 0.1)
    return model


def test_clean_pictures_see_no_changes(model: NLSN) -> None:
    plain = NLSN(NLSNConfig(**{**vars(CONFIG), "condconv": False})).eval()
    plain.load_state_dict({name: each for name, each in model.state_dict().items() if ".changes." not in name})
    with torch.inference_mode():
        torch.testing.assert_close(model(LR), plain(LR), rtol=0, atol=0)


def test_the_sum_of_kernels_is_what_was_trained(model: NLSN) -> None:
    """By the formula for one kernel, and for a whole network as training computes it."""
    adapted = model.adapted(TOLD.expand(2, 2))
    layer, found = model.body[0].body[0], adapted.body[0].body[0]
    wanted = layer.weight + 0.3**0.5 * layer.changes[0] + 0.6**0.5 * layer.changes[1]
    torch.testing.assert_close(found.weight, wanted)
    trained = functional_call(model, adapted_weights(model, TOLD), (LR,))
    with torch.inference_mode():
        torch.testing.assert_close(model(LR, degradation=TOLD.expand(2, 2)), trained, rtol=1e-4, atol=1e-5)
        assert not torch.equal(model(LR), trained)


def test_a_network_is_adapted_once_for_a_picture(model: NLSN) -> None:
    first = model.adapted(TOLD[None])
    assert model.adapted(TOLD.expand(2, 2)) is first
    assert model.adapted(TOLD[None] / 2) is not first
    assert type(first.body[0].body[0]) is torch.nn.Conv2d


def test_damaged_pictures_do_not_move_what_clean_ones_need(model: NLSN) -> None:
    functional_call(model, adapted_weights(model, TOLD), (LR,)).square().mean().backward()
    moved = {name for name, each in model.named_parameters() if each.grad is not None and each.grad.any()}
    assert "body.0.body.0.changes.1" in moved
    assert all(".changes." in name or name == "degradation.weight" for name in moved)


def test_pictures_of_different_damage_are_no_batch(model: NLSN) -> None:
    with pytest.raises(ValueError, match="different degradations"):
        model(LR, degradation=torch.tensor([[0.1, 0.2], [0.1, 0.3]]))


def test_shapes_tell_the_config(model: NLSN) -> None:
    shapes = {name: tuple(each.shape) for name, each in model.state_dict().items()}
    assert expected_shapes(CONFIG) == shapes
    assert list(expected_shapes(CONFIG)) == list(shapes)
    bias = model.sub_mean.bias.tolist()
    found = infer_config(shapes, bias, where="here", chunk_size=16, n_hashes=1, res_scale=1.0)
    assert found == CONFIG
