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
            psnr=37.43,
            ssim=0.9585,
            licence="apache-2.0",
            files={
                "README.md": "6e555ceed73ef869eb8248f01709aced4e023c44663a5d66aba2707dc7247ab7",
                "config.json": "06d902674f1d6cb1aa5fde7cf1404d3aa69c7cae820a2a20d233da14cbe8ac05",
                "model.safetensors": "faaf4d9b92206dd4bb69557374bba0557fb4585bc9b041346661b373640bd810",
            },
        ),
        EmbeddedModel(
            name="nlsn-lite-x3",
            family="lite",
            scale=3,
            parameters=374_031,
            psnr=33.69,
            ssim=0.9215,
            licence="apache-2.0",
            files={
                "README.md": "a559d7b8cbf70d7aaeeeb673c24556a99b31e537db6f333603c551f8353671a7",
                "config.json": "3989f0cee9595820b38b12588a78ca2233942f714c7d4dd0877360b04b856cbe",
                "model.safetensors": "0fb5b464044769dea05512e71a03717f526f037db41812aedd3930d07246f757",
            },
        ),
        EmbeddedModel(
            name="nlsn-lite-x4",
            family="lite",
            scale=4,
            parameters=383_124,
            psnr=31.4,
            ssim=0.8836,
            licence="apache-2.0",
            files={
                "README.md": "c5efc58e53d9dc19ac58c18374c81b5551c1b6150158544ea1ccea7c640105ac",
                "config.json": "2c58d11d2c77dcf00c3df9aad8b340b3e9ecc2547064a3e0ba385a2a840118ef",
                "model.safetensors": "830d67bad735b4be5861fbd8ba9284de6e709d9d11573e0c35197a46c1bfe646",
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
