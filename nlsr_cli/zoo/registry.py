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
            psnr=37.46,
            ssim=0.9587,
            licence="research-only",
            files={
                "config.json": "8dd3892f812b5ea51430bc8ac05aed8ea9e2324e097a223d938ead347eb18605",
                "model.safetensors": "16900872ffbb2748c8c3ca20fb988ebc6aa6e1163124a14311a0645c9e8f9078",
                "README.md": "f8792c9fbf70b9df18a73d78c590adcb0dff47fc20900700768df7294761d3ea",
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
