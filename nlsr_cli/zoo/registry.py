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
            parameters=367_536,
            psnr=37.35,
            ssim=0.9583,
            licence="apache-2.0",
            files={
                "README.md": "7667a44e6554f01d22a4f23b0fd287c8a624b7aec6e572e389057e44e118f408",
                "config.json": "06d902674f1d6cb1aa5fde7cf1404d3aa69c7cae820a2a20d233da14cbe8ac05",
                "model.safetensors": "1d2427c451a5b451396c9bedc8406983f7b5f3950627d5d496f18f08ec30a4ea",
            },
        ),
        EmbeddedModel(
            name="nlsn-lite-x3",
            family="lite",
            scale=3,
            parameters=374_031,
            psnr=33.78,
            ssim=0.9221,
            licence="apache-2.0",
            files={
                "README.md": "6a32acf02e0753a5e300c1b5a8f96dc058f468467d84363f52630f16e7f6a603",
                "config.json": "3989f0cee9595820b38b12588a78ca2233942f714c7d4dd0877360b04b856cbe",
                "model.safetensors": "9f9402ff1f9bae9e0785e569c7fd49823d8c3760b5d3fae2e7e17c0748df2186",
            },
        ),
        EmbeddedModel(
            name="nlsn-lite-x4",
            family="lite",
            scale=4,
            parameters=383_124,
            psnr=31.49,
            ssim=0.8848,
            licence="apache-2.0",
            files={
                "README.md": "3ba3b95d50ce52f0d06ed9ed54af43af9ca17a734055373a270e764fb7de1530",
                "config.json": "2c58d11d2c77dcf00c3df9aad8b340b3e9ecc2547064a3e0ba385a2a840118ef",
                "model.safetensors": "52389438288a3f66843abab97351620e84912cca45e554bbfefc272610652954",
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
