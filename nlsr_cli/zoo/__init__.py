"""Where weights come from: names to files, files to networks. Nothing here loads torch or the Hub's client early.

Converting checkpoints is `nlsr_cli.zoo.convert.convert`; it is not repeated here, where it would hide its module.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from nlsr_cli.zoo.catalog import Finding, ModelFacts, describe, list_models, locate, pull, verify, verify_named
from nlsr_cli.zoo.family import ModelSet, find_models
from nlsr_cli.zoo.registry import DEFAULT_FAMILY, EMBEDDED, EmbeddedModel, weights_root
from nlsr_cli.zoo.resolve import resolve
from nlsr_cli.zoo.source import ModelSource

if TYPE_CHECKING:
    from nlsr_cli.zoo.checkpoint import load_model, save_model

__all__ = [
    "DEFAULT_FAMILY",
    "EMBEDDED",
    "EmbeddedModel",
    "Finding",
    "ModelFacts",
    "ModelSet",
    "ModelSource",
    "describe",
    "find_models",
    "list_models",
    "load_model",
    "locate",
    "pull",
    "resolve",
    "save_model",
    "verify",
    "verify_named",
    "weights_root",
]


def __getattr__(name: str) -> object:
    if name in ("load_model", "save_model"):
        from nlsr_cli.zoo import checkpoint

        return getattr(checkpoint, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
