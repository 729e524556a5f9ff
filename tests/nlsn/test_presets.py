"""The presets keep the limits that they are chosen by, at every scale."""

from __future__ import annotations

from dataclasses import replace

import pytest

from nlsr_cli.errors import OptionError
from nlsr_cli.nlsn.config import NLSNConfig
from nlsr_cli.nlsn.presets import PRESETS, preset
from nlsr_cli.options import SCALES
from nlsr_cli.zoo.card import multiply_adds
from nlsr_cli.zoo.infer import count_parameters, expected_shapes


def parameters(name: str, scale: int) -> int:
    return count_parameters(expected_shapes(preset(name, scale)))


@pytest.mark.parametrize("scale", SCALES)
def test_limits(scale: int) -> None:
    """A lite model that a CPU enlarges with in seconds, a base model of a few megabytes."""
    assert parameters("lite", scale) <= 3 * 450_000
    assert count_parameters(expected_shapes(replace(preset("lite", scale), condconv=False))) <= 450_000
    assert multiply_adds(preset("lite", scale)) <= 500_000
    assert parameters("base", scale) <= 2_000_000


def test_full_is_as_published() -> None:
    assert preset("full", 4) == NLSNConfig()
    assert round(parameters("full", 4) / 1e6, 1) == 44.2


def test_unknown_names_and_scales() -> None:
    with pytest.raises(OptionError, match="unknown preset 'light'") as caught:
        preset("light", 4)
    assert "Did you mean lite?" in caught.value.hint
    with pytest.raises(OptionError, match="scale must be one of 2, 3, 4"):
        preset("lite", 5)
    assert list(PRESETS) == ["lite", "base", "full"]
