"""What an NLSN is made of: the dataclass that travels with every set of weights as config.json."""

from __future__ import annotations

import reprlib
from dataclasses import dataclass, fields
from math import isqrt
from typing import Any, Literal

from nlsr_cli.errors import OptionError, UnknownChoice
from nlsr_cli.options import SCALES

UPSAMPLERS = ("pixelshuffle", "pixelshuffledirect")
IMAGE_SKIPS = ("none", "bilinear")

BLOCKS_PER_ATTENTION = 8  # as published: one attention layer first, then one after every eighth residual block

# Bounds that no sensible model exceeds. A config.json comes from strangers: it must not make us allocate without end.
MAX_NEIGHBOURS = 2**14  # chunk_size * n_hashes: 28 times the published product, seconds for a tiny picture
SHOWN = 3  # unknown keys named in one message
_BOUNDS = {
    "n_feats": (1, 1024),
    "n_resblocks": (0, 256),
    "n_hashes": (1, 64),
    "chunk_size": (1, 4096),
    "reduction": (1, 64),
    "cell": (1, 8),
    "degradations": (0, 16),
}


@dataclass(frozen=True)
class NLSNConfig:
    """Hyper-parameters of an NLSN. The defaults are the published x4 model (Mei et al., CVPR 2021).

    Raises:
        OptionError: a value is of the wrong type or out of its range.
    """

    scale: int = 4
    n_feats: int = 256  # channels of the body
    n_resblocks: int = 32
    n_hashes: int = 4  # independent hash rounds whose attention is averaged
    chunk_size: int = 144  # positions per chunk; a position attends to its own chunk and to both neighbours
    reduction: int = 4  # channels are divided by this for matching
    res_scale: float = 0.1  # weight of every residual branch
    rgb_range: float = 1.0  # the network's own unit: 1 or 255
    upsampler: Literal["pixelshuffle", "pixelshuffledirect"] = "pixelshuffle"
    image_skip: Literal["none", "bilinear"] = "none"  # "bilinear" adds the enlarged input to the output
    attention_at: tuple[int, ...] | None = None  # residual blocks before each layer; None: 0, 8, 16, ... as published
    cell: int = 1  # pixels on the side of the cell that is one position of the attention
    degradations: int = 0  # numbers from 0 to 1 that tell how damaged the input is; 2 are compression and noise
    condconv: bool = False  # whether kernels change with these numbers: see `condconv.py`

    def __post_init__(self) -> None:
        for name, (low, high) in _BOUNDS.items():
            value = getattr(self, name)
            if type(value) is not int or not low <= value <= high:
                raise OptionError(f"{name} must be a whole number from {low} to {high}, not {_brief(value)}")
        self._check_places()
        if type(self.condconv) is not bool or self.condconv > bool(self.degradations):
            raise OptionError(f"condconv must be true or false, and needs degradations, not {_brief(self.condconv)}")
        self._check_units()

    def _check_units(self) -> None:
        """Check what is neither a count nor a place."""
        if type(self.scale) is not int or self.scale not in SCALES:
            raise OptionError(f"scale must be one of {', '.join(map(str, SCALES))}, not {_brief(self.scale)}")
        for name in ("res_scale", "rgb_range"):
            value = getattr(self, name)
            if type(value) not in (int, float) or not 0 < value <= 65535:
                raise OptionError(f"{name} must be a positive number, not {_brief(value)}")
        if self.upsampler not in UPSAMPLERS:
            raise OptionError(f"upsampler must be one of {', '.join(UPSAMPLERS)}, not {_brief(self.upsampler)}")
        if self.image_skip not in IMAGE_SKIPS:
            raise UnknownChoice("image skip", str(self.image_skip), IMAGE_SKIPS)
        if self.chunk_size * self.n_hashes > MAX_NEIGHBOURS:
            raise OptionError(f"chunk_size times n_hashes must be at most {MAX_NEIGHBOURS}")
        if self.n_feats % self.reduction:
            raise OptionError(f"n_feats ({self.n_feats}) must be a multiple of reduction ({self.reduction})")

    def _check_places(self) -> None:
        """Take a list, as JSON has it, for `attention_at`, and refuse what are no places in the body."""
        places = self.attention_at
        if places is None:
            return
        sound = isinstance(places, (list, tuple)) and all(type(each) is int for each in places)
        if not sound or not set(places) <= set(range(self.n_resblocks + 1)) or sorted(set(places)) != list(places):
            raise OptionError(
                f"attention_at must be increasing numbers from 0 to {self.n_resblocks}, not {_brief(places)}",
            )
        object.__setattr__(self, "attention_at", tuple(places))

    @property
    def attention_places(self) -> tuple[int, ...]:
        """Return how many residual blocks stand before each attention layer."""
        if self.attention_at is None:
            return tuple(range(0, self.n_resblocks + 1, BLOCKS_PER_ATTENTION))
        return self.attention_at

    @property
    def changes(self) -> int:
        """Return how many changes a 3x3 kernel has, beside what it is for clean pictures."""
        return self.degradations if self.condconv else 0

    @property
    def min_side(self) -> int:
        """Smallest tile side, in pixels, whose square holds one full chunk."""
        return (isqrt(self.chunk_size - 1) + 1) * self.cell

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> NLSNConfig:
        """Build a config from the mapping in a config.json; unknown keys are refused, missing ones take the defaults.

        Raises:
            OptionError: a key is unknown or a value is unusable.
        """
        known = {field.name for field in fields(cls)}
        unknown = sorted(set(values) - known)
        if unknown:
            named = ", ".join(key[:40] if key.isprintable() else _brief(key[:40]) for key in unknown[:SHOWN])
            more = f" and {len(unknown) - SHOWN} more" if len(unknown) > SHOWN else ""
            raise OptionError(f"unknown config keys: {named}{more}", f"Known keys: {', '.join(sorted(known))}.")
        return cls(**values)


def _brief(value: object) -> str:
    """Return the text of a stranger's value, bounded in length and depth."""
    return reprlib.repr(value)[:80]
