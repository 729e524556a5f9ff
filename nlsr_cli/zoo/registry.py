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
            parameters=928_172,
            psnr=37.46,
            ssim=0.9585,
            licence="apache-2.0",
            files={
                "README.md": "9133155542902d0f3698b556d387b6ef00de9ddc39b73602c005e8fd7f7b3147",
                "config.json": "2e19e8f25c932d21476eb5c16b8a782270ada6528a07d8e525464d21f84dadd9",
                "model.safetensors": "5f406ac72890955f6dffa7029a663cb8eb4510c86d0a2b47dbd4b0020a1a3c0a",
            },
        ),
        EmbeddedModel(
            name="nlsn-lite-x3",
            family="lite",
            scale=3,
            parameters=941_147,
            psnr=33.79,
            ssim=0.9221,
            licence="apache-2.0",
            files={
                "README.md": "3f1cbdd5855609722e34b05135823aa4404e93ac5e0596d66c4bd9072b0f66e1",
                "config.json": "3005a059556685802039653a792a0528300b936497d92ef65b207634a438b176",
                "model.safetensors": "bb76a2d1b477dec195ecb89ea3d65a92cb4eb105724711824b18b581a36d8ac2",
            },
        ),
        EmbeddedModel(
            name="nlsn-lite-x4",
            family="lite",
            scale=4,
            parameters=959_312,
            psnr=31.59,
            ssim=0.8861,
            licence="apache-2.0",
            files={
                "README.md": "9d1724247fb5ad4e771739c8cbfa911982a0be926bf1ec5a8db9db789374fec8",
                "config.json": "894e8119764bbf9df5c8fa9d15cd23b4ec5ae230071050deea1c7236388690c2",
                "model.safetensors": "1c94c3d6d48557710a1dbab708a40d597fd242b858b5031e0051934c5c7f0e13",
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
