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
                "README.md": "3810d0e5a7f534120c81e4c64280bb193e908ed7bcc711faded2a68a10e60ebc",
                "config.json": "2e19e8f25c932d21476eb5c16b8a782270ada6528a07d8e525464d21f84dadd9",
                "model.safetensors": "dacacd8017e519b57610d422dd36a90ae7e6b20062cdb805ed6e279843794212",
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
                "README.md": "d8e3d6dc9a375a02aa27d995938fa91d82caff488f6ccdd2e9778169d5c91618",
                "config.json": "3005a059556685802039653a792a0528300b936497d92ef65b207634a438b176",
                "model.safetensors": "808fd21a99c2ddc19c4e2b6e9c2ec655a72fd87bf7cde293ce9653d3d2b7f1b4",
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
                "README.md": "25069b1d695d1dd238db14bdd546613394de5f4ec49231965dba6784ee44c83a",
                "config.json": "894e8119764bbf9df5c8fa9d15cd23b4ec5ae230071050deea1c7236388690c2",
                "model.safetensors": "02c51d60a625529a02d3302c05e31a93d59e448d6d713a2f18fcda1307d9c893",
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
