"""The models that come with nlsr: what they are, what they scored, and the SHA-256 of every file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

DEFAULT_FAMILY = "lite"
GPU_FAMILY = "base"  # the default where a GPU does the work, at the scales that it has
DEFAULT_SCALE = 4


@dataclass(frozen=True)
class EmbeddedModel:
    """One folder under `weights/`. `psnr` (dB) and `ssim` are of Set5: Y channel, border of `scale` cut."""

    name: str
    family: str
    scale: int
    parameters: int
    psnr: float
    ssim: float
    licence: str
    files: Mapping[str, str]

    @property
    def folder(self) -> Path:
        """Return where its files lie in this installation."""
        return weights_root() / self.name


EMBEDDED: dict[str, EmbeddedModel] = {
    model.name: model
    for model in (
        EmbeddedModel(
            name="nlsn-lite-x2",
            family="lite",
            scale=2,
            parameters=374_988,
            psnr=37.5,
            ssim=0.9587,
            licence="apache-2.0",
            files={
                "README.md": "0b662f214e77598e6441b13212c460e658f410a80a625c430010f7f7c080d289",
                "config.json": "9969f6cb49e23601cd4b5762aa85d76a29417c4d9acb1f9da22b1cfc2663711e",
                "model.safetensors": "f7fbfe0ca6116f76493aaa5dcd74d45553e80ba3bc51cb5fe2b52593a25c3bf8",
            },
        ),
        EmbeddedModel(
            name="nlsn-lite-x4",
            family="lite",
            scale=4,
            parameters=390_576,
            psnr=31.25,
            ssim=0.8825,
            licence="research-only",
            files={
                "config.json": "12d4ef6ea9b32901bf710192afe6e3b289fef368ba75ec678ea3ea91c5d788ae",
                "model.safetensors": "1f90d9248ec9cdd23b64d10eee391d1d1e00949b06d3ba24caa60f3ea9412755",
                "README.md": "2cbf8db109d2b03fb5d18646f01630baad393beb06ffdd63b7375060d2ca5646",
            },
        ),
    )
}


def families() -> tuple[str, ...]:
    """Return the families that have embedded models, the default one first."""
    return tuple(sorted({model.family for model in EMBEDDED.values()}, key=lambda name: (name != DEFAULT_FAMILY, name)))


def scales_of(family: str) -> tuple[int, ...]:
    """Return the scales that a family has, in order."""
    return tuple(sorted(model.scale for model in EMBEDDED.values() if model.family == family))


def find_embedded(family: str, scale: int) -> EmbeddedModel | None:
    """Return the member of `family` that enlarges `scale` times, or None."""
    return next((model for model in EMBEDDED.values() if (model.family, model.scale) == (family, scale)), None)


def weights_root() -> Path:
    """Return the folder of the embedded models: inside the package in a wheel, beside it in a checkout."""
    package = Path(__file__).resolve().parents[1]
    inside = package / "weights"
    return inside if inside.is_dir() else package.parent / "weights"
