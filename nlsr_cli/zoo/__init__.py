"""Where weights come from: names to files, files to networks. Nothing here loads torch or the Hub's client early."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from nlsr_cli.zoo.registry import DEFAULT_FAMILY, EMBEDDED, EmbeddedModel, weights_root
from nlsr_cli.zoo.resolve import resolve
from nlsr_cli.zoo.source import ModelSource

if TYPE_CHECKING:
    from nlsr_cli.zoo.checkpoint import load_model, save_model

__all__ = [
    "DEFAULT_FAMILY",
    "EMBEDDED",
    "EmbeddedModel",
    "ModelSource",
    "load_model",
    "resolve",
    "save_model",
    "weights_root",
]

_HEAVY = {"load_model": "checkpoint", "save_model": "checkpoint"}


def __getattr__(name: str) -> object:
    if name in _HEAVY:
        return getattr(importlib.import_module(f"nlsr_cli.zoo.{_HEAVY[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
