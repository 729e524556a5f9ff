"""A config comes from strangers: what it must refuse, before anything is allocated."""

import pytest

from nlsr_cli.errors import OptionError
from nlsr_cli.nlsn import NLSNConfig


@pytest.mark.parametrize(
    "values",
    [
        {"scale": 5},
        {"scale": True},
        {"scale": "4"},
        {"n_feats": 10**9},
        {"n_feats": 0},
        {"n_feats": 2.0},
        {"n_resblocks": -1},
        {"chunk_size": 0},
        {"n_hashes": 65},
        {"res_scale": float("nan")},
        {"res_scale": 0},
        {"rgb_range": "255"},
        {"rgb_range": float("inf")},
        {"upsampler": "nearest"},
        {"image_skip": None},
        {"n_feats": 10, "reduction": 4},
        {"architecture": "NLSN"},
        {"chunk_size": 4096, "n_hashes": 5},
    ],
    ids=str,
)
def test_refuses_what_is_no_network(values: dict[str, object]) -> None:
    with pytest.raises(OptionError):
        NLSNConfig.from_dict(values)


def test_defaults_are_the_published_model() -> None:
    config = NLSNConfig.from_dict({})
    assert (config.n_feats, config.n_resblocks, config.n_hashes, config.chunk_size) == (256, 32, 4, 144)


@pytest.mark.parametrize(("chunk", "side"), [(144, 12), (145, 13), (64, 8), (1, 1), (2, 2)])
def test_min_side_holds_a_chunk(chunk: int, side: int) -> None:
    assert NLSNConfig(chunk_size=chunk).min_side == side


@pytest.mark.parametrize(
    "values",
    [
        {f"{'k' * 500}{index}": 1 for index in range(100)},
        {"two\nlines": 1, "\x1b[2J": 1},
        {"scale": "9" * 60_000},
        {"n_feats": [[[[[["deep"] * 90] * 90]]]]},
        {"upsampler": {str(index): "x" * 500 for index in range(100)}},
    ],
    ids=["keys", "control characters", "text", "nested", "mapping"],
)
def test_what_it_says_stays_short_and_on_one_line(values: dict[str, object]) -> None:
    with pytest.raises(OptionError) as caught:
        NLSNConfig.from_dict(values)
    assert len(caught.value.message) < 300
    assert caught.value.message.isprintable()


def test_places_of_attention_are_as_published_or_as_stated() -> None:
    assert NLSNConfig().attention_places == (0, 8, 16, 24, 32)
    assert NLSNConfig(n_resblocks=7).attention_places == (0,)
    stated = NLSNConfig.from_dict({"n_resblocks": 8, "attention_at": [4]})  # a list, as JSON has it
    assert stated.attention_places == (4,)
    assert stated == NLSNConfig(n_resblocks=8, attention_at=(4,))


@pytest.mark.parametrize("places", [[9], [-1], [4, 4], [4, 2], "4", [4.0], [True], {"4": 4}, 4])
def test_places_outside_the_body_are_refused(places: object) -> None:
    with pytest.raises(OptionError, match="attention_at"):
        NLSNConfig.from_dict({"n_resblocks": 8, "attention_at": places})


def test_a_tile_holds_a_chunk_of_whole_cells() -> None:
    assert NLSNConfig(chunk_size=32, cell=2).min_side == 12
