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
            psnr=37.55,
            ssim=0.9589,
            licence="apache-2.0",
            files={
                "README.md": "2ab75ad1491a77b4f7d837fbd4d407b94942c1cbe687215622b2c97b4777e9fb",
                "config.json": "2e19e8f25c932d21476eb5c16b8a782270ada6528a07d8e525464d21f84dadd9",
                "model.safetensors": "8c813e21736ce5ab92fe6da75795575160c5c0cb2b4c77cd66e72ebcb49b2237",
            },
        ),
        EmbeddedModel(
            name="nlsn-lite-x3",
            family="lite",
            scale=3,
            parameters=941_147,
            psnr=33.89,
            ssim=0.9231,
            licence="apache-2.0",
            files={
                "README.md": "7d0a3a8ed0c0557a98584655dfa4ec79c69fcba0ceada4fa62ac18684a5e32eb",
                "config.json": "3005a059556685802039653a792a0528300b936497d92ef65b207634a438b176",
                "model.safetensors": "bcbf10b96aa3a38d23fb9640b36258a0a6351e704bf09d732d18edf936f847a0",
            },
        ),
        EmbeddedModel(
            name="nlsn-lite-x4",
            family="lite",
            scale=4,
            parameters=959_312,
            psnr=31.67,
            ssim=0.8877,
            licence="apache-2.0",
            files={
                "README.md": "becaedf69c218bbd6f28c6afe2aac1c4c00cd17d280a653c704832462cc49d71",
                "config.json": "894e8119764bbf9df5c8fa9d15cd23b4ec5ae230071050deea1c7236388690c2",
                "model.safetensors": "432f76feac73e56180711196eb8f072233932e3455f0b3ac0e48998b537011ce",
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
