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
            psnr=37.41,
            ssim=0.9583,
            licence="apache-2.0",
            files={
                "README.md": "21d24067b43bc87de2e5401c78341afa2760073ca5b933f34e415e190d00d7d6",
                "config.json": "06d902674f1d6cb1aa5fde7cf1404d3aa69c7cae820a2a20d233da14cbe8ac05",
                "model.safetensors": "0c2cb6a7b289fee5668b68f31dcde97041e1343320ceb30b5c8269993a52bc33",
            },
        ),
        EmbeddedModel(
            name="nlsn-lite-x3",
            family="lite",
            scale=3,
            parameters=374_031,
            psnr=33.71,
            ssim=0.9215,
            licence="apache-2.0",
            files={
                "README.md": "064b849bf72486c665e70913cf66c23855e9922c730bd34f00db13eb51cf6dfe",
                "config.json": "3989f0cee9595820b38b12588a78ca2233942f714c7d4dd0877360b04b856cbe",
                "model.safetensors": "733ea5ab10012408430933723f800bb675d2176f95f42e1a0c185462fbc4adf0",
            },
        ),
        EmbeddedModel(
            name="nlsn-lite-x4",
            family="lite",
            scale=4,
            parameters=383_124,
            psnr=31.42,
            ssim=0.8839,
            licence="apache-2.0",
            files={
                "README.md": "b24c6b6122091cee620d48ab260080b03b8c44616ea3eadc138f8af91d2ecb87",
                "config.json": "2c58d11d2c77dcf00c3df9aad8b340b3e9ecc2547064a3e0ba385a2a840118ef",
                "model.safetensors": "ab23621dfc8d814a38715cf5c7812dc075f72361d9bcad147777623458c97e99",
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
