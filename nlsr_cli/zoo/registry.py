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
            psnr=37.67,
            ssim=0.9594,
            licence="apache-2.0",
            files={
                "README.md": "bcc41b6438272dba1c35d52e926f473e9b775d0df9baa12425130edd52a68804",
                "config.json": "2e19e8f25c932d21476eb5c16b8a782270ada6528a07d8e525464d21f84dadd9",
                "model.safetensors": "57b20cc89fae4a26d30e85e599846d2945eb4c577f1825bb9e9f4a50faaa9c73",
            },
        ),
        EmbeddedModel(
            name="nlsn-lite-x3",
            family="lite",
            scale=3,
            parameters=941_147,
            psnr=34.04,
            ssim=0.9244,
            licence="apache-2.0",
            files={
                "README.md": "0e301421222a819b4f7262ad4b98b6fda55a9097479969a160e1d32c0e02d7e4",
                "config.json": "3005a059556685802039653a792a0528300b936497d92ef65b207634a438b176",
                "model.safetensors": "3cd7a5e7dd36e34b1769214991f2a61e026a3f1f3380526962590a8aedc49149",
            },
        ),
        EmbeddedModel(
            name="nlsn-lite-x4",
            family="lite",
            scale=4,
            parameters=959_312,
            psnr=31.81,
            ssim=0.8895,
            licence="apache-2.0",
            files={
                "README.md": "21dd9514ebea90aa3024651a687c302f693c66111b4b03f6d4fafc7b8ab9a293",
                "config.json": "894e8119764bbf9df5c8fa9d15cd23b4ec5ae230071050deea1c7236388690c2",
                "model.safetensors": "6f1ee5a976fc3b7873d5a86f8dee03b41787248764ccfe36342a3bf18c09e8f3",
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
